//! Sessions of packets with nothing left to decide, looked up a batch at a time.
//!
//! A session is *settled* in a plan and a direction once one of its packets has gone all the way under that plan: whatever is
//! decided from plan, ingress device, addresses, protocol and ports comes out the same for the next packet. It stays so until its
//! state changes or it ends ([`Session::unsettle`]). What depends on anything else (time, neighbours, length, TTL) is asked again
//! for each.

use super::identification::Identifications;
use super::rewrite::{End, Passage};
use super::session::{Session, pack, uplink_tag};
use super::{Nat44, ProtocolKind};
use crate::arch::KeyedHash;
use crate::counters::Direction;
use crate::frame::DeviceIndex;
use crate::plan::{DEVICES_MAX, Plan};
use crate::session::round_trips::Watched;
use crate::session::settled::{Adoption, Ends, Settled};
use crate::session::tcp_state::TcpState;
use crate::table::{Buckets, Slab};
use crate::time::Tick;
use crate::wire::{ipv4, tcp};

/// How packets of the site reach the gateway and their next hop, in the octet that a session has for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Route(u8);

const _: () = assert!(DEVICES_MAX <= 128);

impl Route {
    const DIRECT: u8 = 0x80;

    /// From a device, to the remote endpoint itself or to the gateway of the uplink.
    fn new(ingress: DeviceIndex, is_direct: bool) -> Self {
        Self(ingress.0 as u8 | if is_direct { Self::DIRECT } else { 0 })
    }

    #[inline(always)]
    fn is_from(self, ingress: DeviceIndex) -> bool {
        self.0 & !Self::DIRECT == ingress.0 as u8
    }

    #[inline(always)]
    fn is_direct(self) -> bool {
        self.0 & Self::DIRECT != 0
    }
}

/// Settled sessions, and what all of them have in common.
pub struct SettledSessions<'a> {
    sessions: &'a mut Slab<Session>,
    identifications: &'a mut Identifications,
    adoption: u8,
    watched: Watched,
}

impl SettledSessions<'_> {
    /// The one at a position, if it is live and that of a packet from the site.
    #[inline(always)]
    pub fn outbound(&mut self, position: u32, key: u128, ingress: DeviceIndex, ends: &Ends) -> Option<Express<'_>> {
        let session = self.sessions.get_mut(position)?;
        let is_its = pack(session.protocol, session.internal, session.remote) == key
            && session.settled.outbound == self.adoption
            && session.route.is_from(ingress)
            && session.ends > ends.now
            && !self.watched.has(session.slot);
        is_its.then_some(Express { session, identifications: self.identifications })
    }

    /// The one at a position, if it is live and that of a packet from its uplink.
    #[inline(always)]
    pub fn inbound(&mut self, position: u32, key: u128, slot: u8, ends: &Ends) -> Option<Express<'_>> {
        let session = self.sessions.get_mut(position)?;
        // The epoch is that of the plan, or a packet would not have settled it under it.
        let is_its = pack(session.protocol, session.external, session.remote) == key & !uplink_tag(u8::MAX, u8::MAX)
            && session.settled.inbound == self.adoption
            && session.slot == slot
            && session.ends > ends.now
            && !self.watched.has(slot);
        is_its.then_some(Express { session, identifications: self.identifications })
    }
}

/// The session of a packet, all that is left to be asked and told.
pub struct Express<'a> {
    session: &'a mut Session,
    identifications: &'a mut Identifications,
}

impl Express<'_> {
    /// The uplink.
    #[inline(always)]
    pub fn slot(&self) -> u8 {
        self.session.slot
    }

    /// Address of the host.
    #[inline(always)]
    pub fn internal(&self) -> u32 {
        self.session.internal.address
    }

    /// Address of the remote endpoint.
    #[inline(always)]
    pub fn remote(&self) -> u32 {
        self.session.remote.address
    }

    /// Whether packets from the site go to the remote endpoint itself, not to the gateway of the uplink.
    #[inline(always)]
    pub fn is_direct(&self) -> bool {
        self.session.route.is_direct()
    }

    /// A datagram passes whose `end` is replaced; false, and nothing has changed, where more has to be done than to note that.
    #[inline(always)]
    pub fn pass_datagram(&mut self, end: End, ends: &Ends) -> bool {
        match end {
            End::Source => self.refresh(ends.udp),
            // 4787-R6: inbound packets do not refresh.
            End::Destination => true,
        }
    }

    /// The same of a TCP segment that is neither SYN, FIN nor RST.
    #[inline(always)]
    pub fn pass_segment(&mut self, end: End, segment: &[u8; tcp::HEADER_LEN], ends: &Ends) -> bool {
        let is_refreshed = self.refresh(ends.tcp);
        if is_refreshed && end == End::Source && tcp::flags(segment) & tcp::flag::ACK != 0 {
            self.session.tracking.acknowledge(tcp::acknowledgement(segment), tcp::window(segment));
        }
        is_refreshed
    }

    /// How the packet with this header is translated.
    #[inline(always)]
    pub fn passage(&mut self, end: End, header: &[u8; ipv4::HEADER_LEN]) -> Passage {
        match end {
            End::Source => {
                let new = self.session.external;
                let identification = (!ipv4::is_atomic(header)).then(|| self.next_identification());
                Passage { end, new, identification }
            }
            End::Destination => Passage { end, new: self.session.internal, identification: None },
        }
    }

    /// 6864-5.3.1.
    #[inline(never)]
    fn next_identification(&mut self) -> u16 {
        let Session { external, remote, protocol, .. } = *self.session;
        self.identifications.next(external.address, remote.address, protocol.number(), 1)
    }

    #[inline(always)]
    fn refresh(&mut self, until: Tick) -> bool {
        // An end that comes nearer has to be told to the wheel.
        let is_later = until >= self.session.ends;
        if is_later {
            self.session.ends = until;
        }
        is_later
    }
}

impl Nat44 {
    /// The key of a flow, from addresses and ports as they lie in a packet, ours first; on an uplink with [`Self::express_tag`].
    #[inline(always)]
    pub fn express_key(addresses: u64, ports: u32, protocol: u8) -> u128 {
        u128::from(u64::from(protocol) << 32 | u64::from(ports)) << 64 | u128::from(addresses)
    }

    /// What the keys of an uplink in an epoch have in common.
    pub fn express_tag(slot: u8, epoch: u8) -> u128 {
        uplink_tag(slot, epoch)
    }

    /// The hash function of the indices.
    #[inline(always)]
    pub fn express_hash(&self) -> &KeyedHash {
        &self.hash
    }

    /// The index that leads to sessions by the keys of packets from one side.
    #[inline(always)]
    pub fn express_index(&self, from: Direction) -> Buckets<'_> {
        match from {
            Direction::Outbound => self.sessions_outbound.buckets(),
            Direction::Inbound => self.sessions_inbound.buckets(),
        }
    }

    /// Asks for the memory of a session.
    #[inline(always)]
    pub fn express_prefetch(&self, position: u32) {
        self.sessions.prefetch(position);
    }

    /// Its settled sessions, for a run of packets; none where more than a session says whether it is live.
    #[inline(always)]
    pub fn express(&mut self) -> Option<SettledSessions<'_>> {
        // What is buried is known by its mapping.
        self.graves.is_empty().then_some(SettledSessions {
            sessions: &mut self.sessions,
            identifications: &mut self.identifications,
            adoption: self.adoption.number(),
            watched: self.round_trips.watched(),
        })
    }

    /// A packet from the site has gone all the way with nothing but plan, ingress and its own header to decide about, unless its
    /// session is one to be looked at each time. `hop` is where it went.
    pub fn settle_outbound(&mut self, position: u32, ingress: DeviceIndex, hop: u32, plan: &Plan) {
        let adoption = self.adoption;
        if let Some(session) = self.sessions.get_mut(position) {
            session.settle_outbound(adoption, (ingress, hop), plan);
        }
    }

    /// The same for a packet from the uplink of the session.
    pub fn settle_inbound(&mut self, position: u32) {
        let adoption = self.adoption.number();
        if let Some(session) = self.sessions.get_mut(position).filter(|session| session.can_settle()) {
            session.settled.inbound = adoption;
        }
    }
}

impl Session {
    /// Whether its next packets may have nothing left to decide about.
    fn can_settle(&self) -> bool {
        let is_plain = match self.protocol.kind() {
            ProtocolKind::Udp => true,
            ProtocolKind::Tcp => self.tcp == Some(TcpState::Established),
            ProtocolKind::Icmp | ProtocolKind::UdpLite | ProtocolKind::Dccp | ProtocolKind::Portless => false,
        };
        is_plain && self.is_in_use() && !self.is_gateway_sourced()
    }

    /// A packet from the site has gone from a device to a next hop, and the next one may do the same unasked.
    pub fn settle_outbound(&mut self, adoption: Adoption, (ingress, hop): (DeviceIndex, u32), plan: &Plan) {
        if self.can_settle() && self.stays(plan) {
            self.route = Route::new(ingress, hop == self.remote.address);
            self.settled.outbound = adoption.number();
        }
    }

    /// Its state has changed, or it has ended: the next packet decides anew.
    pub fn unsettle(&mut self) {
        self.settled = Settled::default();
    }
}
