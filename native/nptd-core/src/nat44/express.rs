//! Sessions of packets with nothing left to decide, looked up a batch at a time.
//!
//! A session is *settled* in a plan and a direction once one of its packets has gone all the way under that plan: whatever is
//! decided from plan, ingress device, addresses, protocol and ports comes out the same for the next packet. What depends on
//! anything else (time, state of the connection, neighbours, length, TTL) is asked again for each.

use super::session::{Session, key_inbound, key_outbound};
use super::{Endpoint, ExternalFlow, Flow, Nat44, end_of};
use crate::counters::Direction;
use crate::frame::DeviceIndex;
use crate::plan::Plan;
use crate::session::protocol::Protocol;
use crate::session::tcp_state::TcpState;
use crate::table::Index;
use crate::time::{Instant, Tick};

/// Under which plan, if any, a session is settled.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settled {
    /// Numbers of adoptions; 0 for never.
    pub outbound: u8,
    pub inbound: u8,
}

impl Settled {
    /// Forgets all but what was settled under the plan adopted last.
    pub fn forget_before(&mut self, adoption: Adoption) {
        for settled in [&mut self.outbound, &mut self.inbound] {
            // Most are up to date or never were settled: their memory stays clean.
            if *settled != adoption.0 && *settled != 0 {
                *settled = 0;
            }
        }
    }
}

/// Numbers the plans that the tables have followed: never 0, and those of two plans in a row differ. The sweep after each
/// adoption, which the next one waits for, forgets older ones before a number comes round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Adoption(u8);

impl Adoption {
    pub const FIRST: Self = Self(1);

    /// What a session settled under it says.
    pub const fn number(self) -> u8 {
        self.0
    }

    pub const fn next(self) -> Self {
        Self(if self.0 == u8::MAX { 1 } else { self.0 + 1 })
    }
}

/// Ends of lifetimes that begin now, reckoned once a batch.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    now: Tick,
    udp: Tick,
    tcp: Tick,
}

impl Ends {
    /// Under a plan, at a time.
    pub fn new(plan: &Plan, now: Instant) -> Self {
        let (udp, tcp) = (end_of(now, plan.nat44.udp), end_of(now, plan.nat44.tcp_established));
        Self { now: now.tick(), udp, tcp }
    }
}

/// What a packet of UDP or TCP says of its connection, where that is neither SYN, FIN nor RST.
#[derive(Clone, Copy, Debug)]
pub enum Carried {
    /// A datagram.
    Datagram,
    /// A segment: its acknowledgement, if it has one, and its window.
    Segment(Option<u32>, u16),
}

impl Nat44 {
    /// The key of a packet from the site.
    #[inline]
    pub fn express_key_outbound(flow: &Flow) -> u128 {
        key_outbound(flow)
    }

    /// The key of a packet from an uplink in an epoch.
    #[inline]
    pub fn express_key_inbound(flow: &ExternalFlow, epoch: u8) -> u128 {
        key_inbound(flow, epoch)
    }

    /// Hashes of keys.
    #[inline]
    pub fn express_hashes<'a>(&self, keys: impl Iterator<Item = (u128, &'a mut u64)>) {
        self.hash.hash_all(keys);
    }

    /// The first step of a lookup: asks for the memory of the next.
    #[inline]
    pub fn express_begin(&self, from: Direction, hash: u64) {
        self.express_index(from).prefetch_first(hash);
    }

    /// The second step: a position that [`Self::express_outbound`] and [`Self::express_inbound`] may be asked about, its memory
    /// asked for; none where a third step is needed.
    #[inline]
    pub fn express_first(&self, from: Direction, hash: u64) -> Option<u32> {
        let index = self.express_index(from);
        let found = index.first_candidate(hash);
        match found {
            Some(position) => self.sessions.prefetch(position),
            None => index.prefetch_second(hash),
        }
        found
    }

    /// The third step, after all of the second.
    #[inline]
    pub fn express_second(&self, from: Direction, hash: u64) -> Option<u32> {
        let position = self.express_index(from).second_candidate(hash)?;
        self.sessions.prefetch(position);
        Some(position)
    }

    /// The settled session at a position, if it is live and that of a packet from the site.
    #[inline]
    pub fn express_outbound(&self, position: u32, flow: &Flow, ingress: DeviceIndex, ends: &Ends) -> Option<Express> {
        let session = self.sessions.get(position)?;
        let is_its = session.internal == flow.internal
            && session.remote == flow.remote
            && session.protocol == flow.protocol
            && session.settled.outbound == self.adoption.0
            && session.ingress == ingress.0 as u8;
        self.express(session, is_its, session.external, ends)
    }

    /// The settled session at a position, if it is live and that of a packet from its uplink.
    #[inline]
    pub fn express_inbound(&self, position: u32, flow: &ExternalFlow, ends: &Ends) -> Option<Express> {
        let session = self.sessions.get(position)?;
        let is_its = session.external == flow.external
            && session.remote == flow.remote
            && session.protocol == flow.protocol
            && session.slot == flow.slot
            && session.settled.inbound == self.adoption.0;
        self.express(session, is_its, session.internal, ends)
    }

    /// A packet of a session that was found so passes; false, and nothing has changed, where more has to be done than to
    /// note that it did.
    #[inline]
    pub fn express_pass(&mut self, position: u32, from: Direction, carried: Carried, ends: &Ends) -> bool {
        let Some(session) = self.sessions.get_mut(position) else { return false };
        let until = match (carried, from) {
            // 4787-R6: inbound packets do not refresh.
            (Carried::Datagram, Direction::Inbound) => return true,
            (Carried::Datagram, Direction::Outbound) => ends.udp,
            (Carried::Segment(..), _) => ends.tcp,
        };
        // An end that comes nearer has to be told to the wheel.
        if until < session.ends {
            return false;
        }
        session.ends = until;
        if let (Carried::Segment(Some(acknowledgement), window), Direction::Outbound) = (carried, from) {
            session.tracking.acknowledge(acknowledgement, window);
        }
        true
    }

    /// A packet from the site has gone all the way with nothing but plan, ingress and its own header to decide about, unless its
    /// session is one to be looked at each time.
    pub fn settle_outbound(&mut self, position: u32, ingress: DeviceIndex, plan: &Plan) {
        let adoption = self.adoption.0;
        if let Some(session) = self.sessions.get_mut(position).filter(|session| session.stays(plan)) {
            // At most 64 devices.
            (session.settled.outbound, session.ingress) = (adoption, ingress.0 as u8);
        }
    }

    /// The same for a packet from the uplink of the session.
    pub fn settle_inbound(&mut self, position: u32) {
        let adoption = self.adoption.0;
        if let Some(session) = self.sessions.get_mut(position) {
            session.settled.inbound = adoption;
        }
    }

    #[inline]
    fn express(&self, session: &Session, is_its: bool, translated: Endpoint, ends: &Ends) -> Option<Express> {
        // The epoch is that of the plan, or a packet would not have settled it under it.
        let is_watched = self.round_trips.watches(session.slot);
        let is_live = session.is_in_use() && session.ends > ends.now && !session.is_gateway_sourced();
        let is_plain = match session.protocol {
            Protocol::UDP => true,
            Protocol::TCP => session.tcp == Some(TcpState::Established),
            _ => false,
        };
        (is_its && is_live && is_plain && !is_watched).then_some(Express { translated, slot: session.slot })
    }

    #[inline]
    fn express_index(&self, from: Direction) -> &Index {
        match from {
            Direction::Outbound => &self.sessions_outbound,
            Direction::Inbound => &self.sessions_inbound,
        }
    }
}

/// What the session of a packet says of its translation.
#[derive(Clone, Copy, Debug)]
pub struct Express {
    /// The new source of a packet from the site, the new destination of one from an uplink.
    pub translated: Endpoint,
    /// The uplink.
    pub slot: u8,
}
