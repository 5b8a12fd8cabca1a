//! Sessions of packets with nothing left to decide, as in `nat44`: settled once one of their packets has gone all the way under a
//! plan. What depends on more than plan, ingress device, addresses, protocol and ports is asked again for each.

use super::endpoint::EndpointEntry;
use super::session::{Session, words_of};
use super::{Filter, Flow};
use crate::counters::Direction;
use crate::frame::DeviceIndex;
use crate::plan::Plan;
use crate::session::round_trips::Watched;
use crate::session::settled::Ends;
use crate::session::tcp_state::TcpState;
use crate::table::{Buckets, Index, Slab};
use crate::time::Tick;

/// Settled sessions, and what all of them have in common.
pub struct SettledSessions<'a> {
    sessions: &'a mut Slab<Session>,
    endpoints: &'a Slab<EndpointEntry>,
    index: &'a Index,
    adoption: u8,
    watched: Watched,
}

/// Where the session of a flow may be: the hash of the flow, and a position that is looked at first.
#[derive(Clone, Copy)]
pub struct Hint {
    /// See [`Filter::express_hashes`].
    pub hash: u64,
    /// Any position.
    pub position: u32,
}

/// The settled session of a packet, all that is left to be told.
pub struct Express<'a> {
    session: &'a mut Session,
    /// Until when it lives after this packet.
    until: Tick,
}

impl SettledSessions<'_> {
    /// The settled session of a packet from the site, if it is where it may be.
    #[inline(always)]
    pub fn outbound(&mut self, hint: Hint, flow: &Flow, ingress: DeviceIndex, ends: &Ends) -> Option<Express<'_>> {
        self.express(hint, flow, ends, Some(ends.udp), settled_outbound(self.adoption, ingress))
    }

    /// The settled session of a packet from an uplink, with its addresses as the site has them, if it is where it may be.
    #[inline(always)]
    pub fn inbound(&mut self, hint: Hint, flow: &Flow, slot: u8, ends: &Ends) -> Option<Express<'_>> {
        // 6092-R16: inbound packets of UDP do not refresh.
        self.express(hint, flow, ends, None, settled_inbound(self.adoption, slot))
    }

    /// Where the settled session of a packet from the site is: another one of the flow, on another uplink or dead, may have been in
    /// front of it.
    pub fn search_outbound(&self, hash: u64, flow: &Flow, ingress: DeviceIndex, ends: &Ends) -> Option<Hint> {
        self.search(hash, flow, ends, settled_outbound(self.adoption, ingress))
    }

    /// The same for a packet from an uplink.
    pub fn search_inbound(&self, hash: u64, flow: &Flow, slot: u8, ends: &Ends) -> Option<Hint> {
        self.search(hash, flow, ends, settled_inbound(self.adoption, slot))
    }

    #[inline(always)]
    fn express(
        &mut self,
        hint: Hint,
        flow: &Flow,
        ends: &Ends,
        udp: Option<Tick>,
        is_settled: impl Fn(&Session) -> bool,
    ) -> Option<Express<'_>> {
        let session = self.sessions.get_mut(hint.position)?;
        let is_its = is_settled(session) && session.ends > ends.now && is_of(session, flow, self.endpoints);
        if !is_its || self.watched.has(session.slot) {
            return None;
        }
        let until = match session.state {
            // A session of UDP has no state.
            None => udp.unwrap_or(session.ends),
            Some(TcpState::Established) => ends.tcp,
            Some(_) => return None,
        };
        // An end that comes nearer has to be told to the wheel.
        (until >= session.ends).then_some(Express { session, until })
    }

    fn search(&self, hash: u64, flow: &Flow, ends: &Ends, is_settled: impl Fn(&Session) -> bool) -> Option<Hint> {
        let position = self.index.find(hash, |position| {
            self.sessions.get(position).is_some_and(|session| {
                is_settled(session) && session.ends > ends.now && is_of(session, flow, self.endpoints)
            })
        })?;
        Some(Hint { hash, position })
    }
}

#[inline(always)]
fn settled_outbound(adoption: u8, ingress: DeviceIndex) -> impl Fn(&Session) -> bool {
    move |session| session.settled.outbound == adoption && session.ingress == ingress.0 as u8
}

#[inline(always)]
fn settled_inbound(adoption: u8, slot: u8) -> impl Fn(&Session) -> bool {
    // The epoch is that of the plan, or a packet would not have settled it under it.
    move |session| session.settled.inbound == adoption && session.slot == slot
}

/// Whether a session is that of a flow of UDP or TCP, whose number alone says how it is told apart.
#[inline(always)]
fn is_of(session: &Session, flow: &Flow, endpoints: &Slab<EndpointEntry>) -> bool {
    session.remote_address == flow.remote.address
        && session.remote_port == flow.remote.port
        && session.protocol.number() == flow.protocol.number()
        && endpoints.get(session.endpoint).is_some_and(|entry| entry.is_of(&flow.internal))
}

impl Express<'_> {
    /// Its uplink.
    #[inline(always)]
    pub fn slot(&self) -> u8 {
        self.session.slot
    }

    /// A packet of it has passed. `acknowledges` is what a TCP segment says of the other direction: acknowledgement and window.
    #[inline(always)]
    pub fn pass(self, from: Direction, acknowledges: Option<(u32, u16)>) {
        self.session.ends = self.until;
        if let (Some((acknowledgement, window)), Direction::Outbound) = (acknowledges, from) {
            self.session.tracking.acknowledge(acknowledgement, window);
        }
    }
}

impl Filter {
    /// Its settled sessions, for a run of packets.
    #[inline(always)]
    pub fn express(&mut self) -> SettledSessions<'_> {
        SettledSessions {
            sessions: &mut self.sessions,
            endpoints: &self.endpoints,
            index: &self.sessions_index,
            adoption: self.adoption.number(),
            watched: self.round_trips.watched(),
        }
    }

    /// Hashes the flows of many.
    #[inline(always)]
    pub fn express_hashes<I: Iterator>(
        &self,
        items: I,
        flow: impl Fn(&I::Item) -> Flow,
        take: impl FnMut(I::Item, u64),
    ) {
        self.hash.hash_each(items, |item| words_of(&flow(item)), take);
    }

    /// The index that leads to sessions.
    #[inline(always)]
    pub fn express_index(&self) -> Buckets<'_> {
        self.sessions_index.buckets()
    }

    /// Asks for the memory of a session.
    #[inline(always)]
    pub fn express_prefetch(&self, position: u32) {
        self.sessions.prefetch(position);
    }

    /// Asks for that of the endpoint of a session.
    #[inline(always)]
    pub fn express_prefetch_endpoint(&self, position: u32) {
        if let Some(session) = self.sessions.get(position) {
            self.endpoints.prefetch(session.endpoint);
        }
    }

    /// A packet from the site has gone all the way with nothing but plan, ingress and its own header to decide about, unless its
    /// session is one to be looked at each time.
    pub fn settle_outbound(&mut self, position: u32, ingress: DeviceIndex, plan: &Plan) {
        let number = self.adoption.number();
        if let Some(session) = self.sessions.get_mut(position).filter(|session| session.stays(plan)) {
            // At most 64 devices.
            (session.settled.outbound, session.ingress) = (number, ingress.0 as u8);
        }
    }

    /// The same for a packet from the uplink of the session.
    pub fn settle_inbound(&mut self, position: u32) {
        let number = self.adoption.number();
        if let Some(session) = self.sessions.get_mut(position) {
            session.settled.inbound = number;
        }
    }
}
