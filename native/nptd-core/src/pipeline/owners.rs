//! Which worker a packet belongs to (docs/decisions.md, "Workers"): both directions of a flow to the same one, so that its state is
//! touched by one worker alone.

use siphasher::sip::SipHasher24;

use crate::nat44::{Endpoint, ExternalFlow, Flow, Protocol};
use crate::plan::Plan;
use crate::session::fragments::Datagram;
use crate::share::Share;

/// Finds the owners of packets, seen from one worker.
#[derive(Clone, Copy)]
pub struct Owners {
    share: Share,
    hasher: SipHasher24,
}

impl Owners {
    /// The secret is a key of 128 bits, another one each boot.
    pub fn new(share: Share, secret: &[u8; 16]) -> Self {
        Self { share, hasher: SipHasher24::new_with_key(secret) }
    }

    /// The worker that asks.
    pub const fn share(&self) -> Share {
        self.share
    }

    /// The worker to hand a packet over to; none where it is here already.
    pub fn elsewhere(&self, owner: u8) -> Option<u8> {
        (owner != self.share.worker()).then_some(owner)
    }

    /// The owner of a flow, seen from the site.
    pub fn of_flow4(&self, flow: &Flow) -> u8 {
        self.of_end4(flow.protocol, flow.internal.port, flow.remote)
    }

    /// The owner of a flow, seen from an uplink: the external port names it, but where the plan leads elsewhere.
    pub fn of_external4(&self, plan: &Plan, flow: &ExternalFlow) -> u8 {
        if self.share.is_alone() {
            return 0;
        }
        let fixed = plan.static_mappings().by_external(flow.slot, flow.protocol, flow.external);
        let port = fixed.map_or(flow.external.port, |fixed| fixed.endpoint.port);
        self.of_end4(flow.protocol, port, flow.remote)
    }

    fn of_end4(&self, protocol: Protocol, port: u16, remote: Endpoint) -> u8 {
        if !protocol.is_portless() {
            return self.share.of_port(port);
        }
        let [a, b, c, d] = remote.address.to_be_bytes();
        self.reduce(|hasher| hasher.hash(&[a, b, c, d, protocol.number()]))
    }

    /// Where the fragments of an IPv4 datagram wait for each other.
    pub fn home4(&self, datagram: &Datagram) -> u8 {
        self.reduce(|hasher| {
            let [a, b, c, d] = datagram.source.to_be_bytes();
            let [e, f, g, h] = datagram.destination.to_be_bytes();
            let [i, j] = datagram.identification.to_be_bytes();
            hasher.hash(&[a, b, c, d, e, f, g, h, datagram.protocol, i, j])
        })
    }

    /// The owner of what the IPv6 filter knows of an internal address.
    pub fn of_address6(&self, internal: u128) -> u8 {
        self.reduce(|hasher| hasher.hash(&internal.to_be_bytes()))
    }

    fn reduce(&self, hash: impl FnOnce(SipHasher24) -> u64) -> u8 {
        if self.share.is_alone() { 0 } else { (hash(self.hasher) % u64::from(self.share.workers())) as u8 }
    }
}
