//! A session: an internal endpoint and a remote one on an uplink, with its lifetime and the state of its connection. No ICMPv6
//! error ends one (6092-R19, 6092-R37, 6092-R42, 6092-R46).

use super::{Endpoint, Filter, Flow, NONE, Protocol, ProtocolKind, end_of, epoch_is_current};
use crate::counters::Direction;
use crate::plan::Plan;
use crate::plan::spec::Nat44Spec;
use crate::session::held::{HeldKey, HeldPackets};
use crate::session::segment::{Event, Segment};
use crate::session::settled::Settled;
use crate::session::tcp_state::{Refresh, TcpState};
use crate::session::tcp_tracking::TcpTracking;
use crate::session::wheel::{Timed, TimerLinks};
use crate::time::{Duration, Instant, Tick};
use crate::verdict::DropReason;

/// Steps of expiry before a session is refused for want of room: what has ended does not count.
const CATCH_UP_BUDGET: u32 = 4_096;

/// One session, one cache line; its internal endpoint is in another, which all sessions of that endpoint share.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Session {
    pub remote_address: u128,
    /// Position of the internal endpoint.
    pub endpoint: u32,
    pub ends: Tick,
    pub timer: TimerLinks,
    /// Neighbours in the list of the endpoint's sessions.
    pub previous: u32,
    pub next: u32,
    pub remote_port: u16,
    pub protocol: Protocol,
    pub slot: u8,
    pub epoch: u8,
    /// Who opened it.
    pub by: Direction,
    /// Number of its policy.
    pub policy: u8,
    /// None for anything but TCP, DCCP and SCTP.
    pub state: Option<TcpState>,
    pub tracking: TcpTracking,
    pub settled: Settled,
    /// Device by which the packet came in that settled it outbound.
    pub ingress: u8,
}

const _: () = assert!(size_of::<Session>() == 64);

impl Timed for Session {
    fn ends(&self) -> Tick {
        self.ends
    }
    fn links(&mut self) -> &mut TimerLinks {
        &mut self.timer
    }
}

impl Session {
    /// Whether the slab entry holds a session at all.
    pub fn is_in_use(&self) -> bool {
        self.endpoint != NONE
    }

    /// Whether it may still be used.
    pub fn is_live(&self, plan: &Plan, now: Tick) -> bool {
        self.is_in_use() && self.ends > now && epoch_is_current(plan, self.slot, self.epoch)
    }

    /// Whether the gateway has reset it.
    pub fn is_reset(&self) -> bool {
        self.state == Some(TcpState::Reset)
    }

    /// Whether its packets from the site go on as they did: asked of every one of them.
    pub fn stays(&self, plan: &Plan) -> bool {
        !plan.leaves6(self.policy, self.slot, self.by == Direction::Outbound) && !self.is_reset()
    }

    /// The remote endpoint.
    pub fn remote(&self) -> Endpoint {
        Endpoint { address: self.remote_address, port: self.remote_port }
    }
}

/// What makes a session new.
pub(super) struct NewSession<'a> {
    pub flow: &'a Flow,
    pub slot: u8,
    /// Who opens it.
    pub by: Direction,
    /// The packet that opens it.
    pub segment: &'a Segment,
    /// The internal address as it is beyond the uplink.
    pub external: u128,
}

impl Filter {
    /// The live session of a flow on an uplink that is wanted.
    pub(super) fn find(&self, flow: &Flow, plan: &Plan, now: Tick, is_wanted: impl Fn(u8) -> bool) -> Option<u32> {
        self.sessions_index.find(self.hash_flow(flow), |position| {
            self.sessions.get(position).is_some_and(|session| {
                session.remote_address == flow.remote.address
                    && session.remote_port == flow.remote.port
                    && session.protocol == flow.protocol
                    && is_wanted(session.slot)
                    && session.is_live(plan, now)
                    && self.endpoint_of(session).is_some_and(|entry| entry.internal() == flow.internal)
            })
        })
    }

    /// Opens a session, and forgets the packet from outside that would have opened the same connection (6092-R34).
    pub(super) fn open_session(
        &mut self,
        new: &NewSession<'_>,
        held: &mut HeldPackets,
        plan: &Plan,
        now: Instant,
    ) -> Result<(), DropReason> {
        if self.sessions.is_full() {
            self.expire(plan, now, CATCH_UP_BUDGET);
        }
        // What is full refuses the new and never evicts the living.
        self.insert_session(new, plan, now).map_err(|_| DropReason::SessionTableFull)?;
        held.discard(key_held(new.slot, new.flow, new.external));
        Ok(())
    }

    fn insert_session(
        &mut self,
        new: &NewSession<'_>,
        plan: &Plan,
        now: Instant,
    ) -> Result<(), crate::table::TableFull> {
        let NewSession { flow, slot, by, segment, .. } = *new;
        let epoch = plan.uplink(slot).map_or(0, |uplink| uplink.epoch);
        let joins = joins_connection(flow.protocol, by, segment);
        let refresh = if joins { Refresh::Established } else { Refresh::Opening };
        // A connection under way is joined as it is; 6092-R31, 6092-R38, 6092-R43: any other begins here.
        let state = if joins { TcpState::Established } else { TcpState::opened(by) };
        let mut tracking = if joins { TcpTracking::joined(segment) } else { TcpTracking::opened(by, segment) };
        if !joins && segment.event == Event::Open {
            // A SYN with ACK acknowledges too.
            tracking.observe(by, segment);
        }
        let policy = plan.policy_of(&flow.subject(segment.dscp)).number();
        let session = Session {
            remote_address: flow.remote.address,
            endpoint: NONE,
            ends: end_of(now, lifetime(flow.protocol, refresh, &plan.nat44).unwrap_or_default()),
            timer: TimerLinks::UNLINKED,
            previous: NONE,
            next: NONE,
            remote_port: flow.remote.port,
            protocol: flow.protocol,
            slot,
            epoch,
            by,
            policy,
            state: flow.protocol.has_connections().then_some(state),
            tracking,
            settled: Settled::default(),
            ingress: 0,
        };
        let position = self.sessions.insert(session)?;
        let hash = self.hash_flow(flow);
        let attached = self.attach(position, &flow.internal);
        if attached.is_err() || self.sessions_index.insert(hash, position).is_err() {
            if attached.is_ok() {
                self.detach(position);
            }
            self.free_session(position);
            return Err(crate::table::TableFull);
        }
        self.wheel.link(&mut self.sessions, position);
        self.counters.record_flow(policy, slot);
        if self.round_trips.watches(slot) {
            self.round_trips.opened(slot, position, by, now);
        }
        Ok(())
    }

    /// A packet of a live session passes: state and lifetime follow.
    pub(super) fn observe(&mut self, position: u32, from: Direction, segment: &Segment, plan: &Plan, now: Instant) {
        let Some(session) = self.sessions.get_mut(position) else { return };
        if self.round_trips.watches(session.slot) {
            self.round_trips.observe(session.slot, position, from, segment, now);
        }
        let refresh = match (session.state, from) {
            (Some(state), _) => {
                let (state, refresh) = session.tracking.advance(state, from, segment);
                session.state = Some(state);
                refresh
            }
            // 6092-R16: outbound packets refresh; inbound ones may, and do not.
            (None, Direction::Outbound) => Refresh::Established,
            (None, Direction::Inbound) => Refresh::None,
        };
        let Some(lifetime) = lifetime(session.protocol, refresh, &plan.nat44) else { return };
        let ends = end_of(now, lifetime);
        let comes_nearer = ends < session.ends;
        session.ends = ends;
        if comes_nearer {
            self.wheel.unlink(&mut self.sessions, position);
            self.wheel.link(&mut self.sessions, position);
        }
    }

    /// Ends a session.
    pub(super) fn end_session(&mut self, position: u32) {
        let Some(flow) = self.flow_of(position) else { return };
        self.sessions_index.remove(self.hash_flow(&flow), position);
        self.wheel.unlink(&mut self.sessions, position);
        self.detach(position);
        self.free_session(position);
    }

    /// What a session is about.
    pub(super) fn flow_of(&self, position: u32) -> Option<Flow> {
        let session = self.sessions.get(position)?;
        let internal = self.endpoints.get(session.endpoint)?.internal();
        Some(Flow { protocol: session.protocol, internal, remote: session.remote() })
    }

    /// Holds a packet that would have opened a connection; false where there is no room.
    pub fn hold_opening(
        &self,
        held: &mut HeldPackets,
        slot: u8,
        received: &Flow,
        packet: &[u8],
        plan: &Plan,
        now: Instant,
    ) -> bool {
        let epoch = plan.uplink(slot).map_or(0, |uplink| uplink.epoch);
        let key = key_held(slot, received, received.internal.address);
        held.hold(key, slot, epoch, packet, end_of(now, plan.nat44.hold))
    }

    fn free_session(&mut self, position: u32) {
        if let Some(session) = self.sessions.get_mut(position) {
            session.endpoint = NONE;
        }
        self.sessions.remove(position);
    }

    /// One index serves both directions: the addresses are those of the site either way.
    #[inline]
    pub(super) fn hash_flow(&self, flow: &Flow) -> u64 {
        self.hash.hash_words(words_of(flow))
    }
}

/// What the hash of a flow is made of.
#[inline(always)]
pub(super) fn words_of(flow: &Flow) -> [u128; 3] {
    let ports = u128::from(flow.internal.port) << 16 | u128::from(flow.remote.port);
    [flow.internal.address, flow.remote.address, ports | u128::from(flow.protocol.number()) << 32]
}

/// Whether a packet without a session belongs to a connection that began before the filter could see it: it is none that one begins or
/// is refused with, and it comes from the site (of TCP nothing else gets here; 6092-R32, 6092-R40, 6092-R44).
fn joins_connection(protocol: Protocol, by: Direction, segment: &Segment) -> bool {
    match protocol.kind() {
        ProtocolKind::Tcp => !segment.has_syn(),
        ProtocolKind::Sctp | ProtocolKind::Dccp => {
            by == Direction::Outbound && matches!(segment.event, Event::Finish | Event::Other)
        }
        ProtocolKind::Datagram | ProtocolKind::Echo | ProtocolKind::Portless => false,
    }
}

/// 6092-R12 (5 minutes), 6092-R14 (5 minutes), 6092-R35, 6092-R40, 6092-R44 (2 hours 4 minutes; 4 and, for DCCP, 8 before and
/// after), as they are configured for NAT44. None: the end stays.
fn lifetime(protocol: Protocol, refresh: Refresh, nat44: &Nat44Spec) -> Option<Duration> {
    if refresh == Refresh::None {
        return None;
    }
    let is_established = refresh == Refresh::Established;
    Some(match protocol.kind() {
        ProtocolKind::Datagram => nat44.udp,
        // 6092-R12: an echo is no exception.
        ProtocolKind::Echo | ProtocolKind::Portless => nat44.other,
        ProtocolKind::Dccp if is_established => nat44.dccp_established,
        ProtocolKind::Dccp => nat44.dccp_transitory,
        ProtocolKind::Tcp | ProtocolKind::Sctp if is_established => nat44.tcp_established,
        ProtocolKind::Tcp | ProtocolKind::Sctp if refresh == Refresh::Opening => nat44.tcp_opening,
        ProtocolKind::Tcp | ProtocolKind::Sctp => nat44.tcp_closing,
    })
}

fn key_held(slot: u8, flow: &Flow, external: u128) -> HeldKey {
    let packed = u128::from(slot) << 40
        | u128::from(flow.protocol.number()) << 32
        | u128::from(flow.internal.port) << 16
        | u128::from(flow.remote.port);
    HeldKey::v6(packed, external, flow.remote.address)
}
