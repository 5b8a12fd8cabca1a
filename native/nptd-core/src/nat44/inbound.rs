//! Packets from an uplink: which mapping they are for, and whether filtering admits them.

use super::session::NewSession;
use super::{Endpoint, ExternalFlow, Flow, Nat44, Protocol};
use crate::counters::Direction;
use crate::plan::Plan;
use crate::session::filtering::Filtering;
use crate::time::Instant;
use crate::verdict::DropReason;
use crate::wire::tcp::flag;

/// The answer to "for whom, and may it?"; nothing has changed yet.
#[derive(Clone, Copy, Debug)]
pub struct Admitted {
    /// The internal endpoint it is for.
    pub internal: Endpoint,
    by: By,
}

#[derive(Clone, Copy, Debug)]
enum By {
    Session(u32),
    /// No session with this remote endpoint; filtering lets it in. UDP and ICMP need no state for that.
    Mapping,
    /// The same for a TCP connection that begins: the mapping it uses.
    NewConnection(u32),
}

impl Nat44 {
    /// Finds the internal endpoint of a packet and applies filtering. `tcp_flags` is 0 for other protocols.
    pub fn match_inbound(
        &self,
        flow: &ExternalFlow,
        tcp_flags: u8,
        plan: &Plan,
        now: Instant,
    ) -> Result<Admitted, DropReason> {
        let tick = now.tick();
        if let Some(position) = self.find_inbound(flow, plan, tick) {
            let internal = self.sessions.get(position).map(|session| session.internal);
            return Ok(Admitted { internal: internal.unwrap_or_default(), by: By::Session(position) });
        }
        let position = self.find_mapping_external(flow, plan, tick).ok_or(DropReason::NoMapping)?;
        let mapping = self.mappings.get(position).ok_or(DropReason::NoMapping)?;
        let filtering = match flow.protocol {
            Protocol::Udp => plan.nat44.filtering_udp,
            Protocol::Tcp => plan.nat44.filtering_tcp,
            Protocol::Icmp => plan.nat44.filtering_icmp,
        };
        // 4787-R8, 5382-R3, 6888-R7: what filtering refuses changes no mapping and refreshes nothing (7857-S7).
        let admitted = match filtering {
            Filtering::EndpointIndependent => true,
            Filtering::AddressDependent => self.any_session(mapping, |session| {
                session.remote.address == flow.remote.address && session.is_live(plan, tick)
            }),
            Filtering::AddressAndPortDependent => false,
        };
        if !admitted {
            return Err(DropReason::FilteredInbound);
        }
        let internal = mapping.internal;
        if flow.protocol != Protocol::Tcp {
            return Ok(Admitted { internal, by: By::Mapping });
        }
        if tcp_flags & (flag::SYN | flag::ACK) != flag::SYN {
            return Err(DropReason::TcpWithoutSession);
        }
        // The host knows a connection by its own and the remote endpoint only, so there cannot be two on two uplinks:
        // its answers would leave by either.
        let same = Flow { protocol: flow.protocol, internal, remote: flow.remote };
        if self.find_outbound(&same, None, plan, tick).is_some() {
            return Err(DropReason::FilteredInbound);
        }
        Ok(Admitted { internal, by: By::NewConnection(position) })
    }

    /// Refreshes or opens the session of an admitted packet.
    pub fn commit_inbound(
        &mut self,
        admitted: Admitted,
        flow: &ExternalFlow,
        tcp_flags: u8,
        plan: &Plan,
        now: Instant,
    ) -> Result<(), DropReason> {
        match admitted.by {
            By::Mapping => Ok(()),
            By::Session(position) => {
                self.observe(position, Direction::Inbound, tcp_flags, plan, now);
                Ok(())
            }
            By::NewConnection(mapping) => {
                let epoch = self.mappings.get(mapping).map_or(0, |mapping| mapping.epoch);
                let new = NewSession {
                    flow: Flow { protocol: flow.protocol, internal: admitted.internal, remote: flow.remote },
                    mapping,
                    external: flow.external,
                    slot: flow.slot,
                    epoch,
                    by: Direction::Inbound,
                };
                self.open_session(new, plan, now).map(|_| ())
            }
        }
    }
}
