//! A session: one remote endpoint using a mapping. It carries the lifetime and, for TCP, the state.

use super::express::Route;
use super::mapping::Mapping;
use super::{Endpoint, ExternalFlow, Flow, Nat44, Protocol, ProtocolKind, end_of, epoch_is_current};
use crate::counters::Direction;
use crate::plan::Plan;
use crate::plan::spec::Nat44Spec;
use crate::session::held::{HeldKey, HeldPacket};
use crate::session::segment::Segment;
use crate::session::settled::Settled;
use crate::session::tcp_state::{Refresh, TcpState};
use crate::session::tcp_tracking::TcpTracking;
use crate::session::wheel::{Timed, TimerLinks};
use crate::time::{Duration, Instant, Tick};
use crate::verdict::DropReason;

/// No position.
pub(super) const NONE: u32 = u32::MAX;

/// One session, one cache line.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Session {
    pub internal: Endpoint,
    pub remote: Endpoint,
    pub external: Endpoint,
    pub settled: Settled,
    pub mapping: u32,
    pub ends: Tick,
    pub timer: TimerLinks,
    /// Neighbours in the list of the mapping's sessions.
    pub previous: u32,
    pub next: u32,
    /// What the host sees in place of the remote endpoint, if that is another one: the gateway's internal address and a port;
    /// address 0 otherwise.
    pub apparent: Endpoint,
    pub protocol: Protocol,
    /// None for anything but TCP and DCCP.
    pub tcp: Option<TcpState>,
    pub slot: u8,
    pub epoch: u8,
    /// Who opened it.
    pub by: Direction,
    /// Number of its policy.
    pub policy: u8,
    pub tracking: TcpTracking,
    /// Of the packet that settled it outbound.
    pub route: Route,
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
    /// A session that begins now on a mapping, and ends at a tick if nothing comes after it.
    #[inline]
    pub fn new(new: &NewSession, mapping: &Mapping, policy: u8, ends: Tick) -> Self {
        let protocol = new.flow.protocol;
        Self {
            internal: new.flow.internal,
            remote: new.flow.remote,
            external: mapping.external,
            apparent: new.apparent,
            mapping: new.mapping,
            ends,
            timer: TimerLinks::UNLINKED,
            previous: NONE,
            next: NONE,
            protocol,
            tcp: protocol.has_connections().then(|| TcpState::opened(new.by)),
            slot: mapping.slot,
            epoch: mapping.epoch,
            by: new.by,
            policy,
            tracking: TcpTracking::opened(new.by, &new.segment),
            settled: Settled::default(),
            route: Route::default(),
        }
    }

    /// Whether the slab entry holds a session at all.
    pub fn is_in_use(&self) -> bool {
        self.mapping != NONE
    }

    /// Whether it may still be used, unless it is [buried](Nat44::is_live).
    pub fn is_live(&self, plan: &Plan, now: Tick) -> bool {
        self.is_in_use() && self.ends > now && epoch_is_current(plan, self.slot, self.epoch)
    }

    /// Takes the machine of a connection one packet further.
    fn advance(&mut self, state: TcpState, from: Direction, segment: Segment) -> Refresh {
        let (next, refresh) = self.tracking.advance(state, from, &segment);
        if next != state {
            self.unsettle();
        }
        self.tcp = Some(next);
        refresh
    }

    /// Whether the gateway has reset it.
    pub fn is_reset(&self) -> bool {
        self.tcp == Some(TcpState::Reset)
    }

    /// Whether its packets from the site go on as they did: asked of every one of them.
    pub fn stays(&self, plan: &Plan) -> bool {
        !plan.leaves4(self.policy, self.slot, self.by == Direction::Outbound) && !self.is_reset()
    }

    /// Whether its mapping has no other session.
    pub fn is_alone(&self) -> bool {
        (self.previous, self.next) == (NONE, NONE)
    }

    /// Whether the host sees the gateway as its client.
    pub fn is_gateway_sourced(&self) -> bool {
        self.apparent.address != 0
    }

    /// The endpoint that the host sees as the remote one.
    pub fn seen_remote(&self) -> Endpoint {
        if self.is_gateway_sourced() { self.apparent } else { self.remote }
    }

    /// Whether it is that of a flow from the site, live or not.
    #[inline]
    pub fn is_of(&self, flow: &Flow) -> bool {
        self.internal == flow.internal && self.seen_remote() == flow.remote && self.protocol == flow.protocol
    }

    /// What packets from the site, and from its uplink, find it by.
    #[inline]
    pub fn keys(&self) -> [u128; 2] {
        let flow = Flow { protocol: self.protocol, internal: self.internal, remote: self.seen_remote() };
        [key_outbound(&flow), key_inbound(&self.external_flow(), self.epoch)]
    }

    /// What it is to its uplink.
    fn external_flow(&self) -> ExternalFlow {
        ExternalFlow { slot: self.slot, protocol: self.protocol, external: self.external, remote: self.remote }
    }
}

/// What makes a session new.
pub(super) struct NewSession {
    pub flow: Flow,
    /// As in a session.
    pub apparent: Endpoint,
    pub mapping: u32,
    /// Who opens it.
    pub by: Direction,
    /// The packet that opens it.
    pub segment: Segment,
}

impl Nat44 {
    /// The live session of a packet from the site to a remote endpoint; in a hairpin only one of the targeted uplink.
    pub(super) fn find_outbound(&self, flow: &Flow, slot: Option<u8>, plan: &Plan, now: Tick) -> Option<u32> {
        self.find_seen(flow, plan, now, |session| {
            !session.is_gateway_sourced() && slot.is_none_or(|slot| slot == session.slot)
        })
    }

    /// The live session of a packet from the site to the gateway, which stands for the remote endpoint.
    pub(super) fn find_gateway_sourced(&self, flow: &Flow, plan: &Plan, now: Tick) -> Option<u32> {
        self.find_seen(flow, plan, now, Session::is_gateway_sourced)
    }

    /// Whether an internal endpoint has a live session with what it sees as a remote endpoint, on any uplink.
    pub(super) fn sees_session(&self, flow: &Flow, plan: &Plan, now: Tick) -> bool {
        self.find_seen(flow, plan, now, |_| true).is_some()
    }

    fn find_seen(&self, flow: &Flow, plan: &Plan, now: Tick, is_wanted: impl Fn(&Session) -> bool) -> Option<u32> {
        let hash = self.hash.hash(key_outbound(flow));
        self.sessions_outbound.find(hash, |position| {
            self.sessions
                .get(position)
                .is_some_and(|session| session.is_of(flow) && is_wanted(session) && self.is_live(session, plan, now))
        })
    }

    /// The live session of a packet from an uplink.
    pub(super) fn find_inbound(&self, flow: &ExternalFlow, plan: &Plan, now: Tick) -> Option<u32> {
        let epoch = plan.uplink(flow.slot)?.epoch;
        let hash = self.hash.hash(key_inbound(flow, epoch));
        self.sessions_inbound.find(hash, |position| {
            self.sessions.get(position).is_some_and(|session| {
                session.external == flow.external
                    && session.remote == flow.remote
                    && session.protocol == flow.protocol
                    && session.slot == flow.slot
                    && self.is_live(session, plan, now)
            })
        })
    }

    /// Whether answers to a new flow would belong to another session: without ports to that of another host (OTHER-2), with
    /// them to one whose host sees the gateway as its client.
    pub(super) fn is_remote_in_use(&self, slot: u8, flow: &Flow, external: Endpoint, plan: &Plan, now: Tick) -> bool {
        let inbound = ExternalFlow { slot, protocol: flow.protocol, external, remote: flow.remote };
        let session = self.find_inbound(&inbound, plan, now).and_then(|position| self.sessions.get(position));
        session.is_some_and(|session| match flow.protocol.is_portless() {
            true => session.internal != flow.internal,
            false => session.internal == flow.internal && session.is_gateway_sourced(),
        })
    }

    /// Opens a session on a mapping. The caller has seen that there is room in the slab.
    pub(super) fn open_session(&mut self, new: NewSession, plan: &Plan, now: Instant) -> Result<u32, DropReason> {
        let Some(mapping) = self.mappings.get(new.mapping) else { return Err(DropReason::MappingTableFull) };
        let host = mapping.host;
        let policy = plan.policy_of(&new.flow.subject(new.segment.dscp)).number();
        let ends = end_of(now, first_lifetime(new.flow.protocol, &plan.nat44));
        let session = Session::new(&new, mapping, policy, ends);
        let [outbound, inbound] = session.keys().map(|key| self.hash.hash(key));
        let position = self.sessions.insert(session).map_err(|_| DropReason::SessionTableFull)?;
        let is_stored = self.sessions_outbound.insert(outbound, position).is_ok()
            && self.sessions_inbound.insert(inbound, position).is_ok()
            && self.attach(position).is_ok();
        if !is_stored {
            self.sessions_outbound.remove(outbound, position);
            self.sessions_inbound.remove(inbound, position);
            self.free_session(position);
            return Err(DropReason::SessionTableFull);
        }
        self.gateway_sourced += u32::from(new.apparent.address != 0);
        self.hosts.add_session(host);
        self.note_opened(position, now);
        Ok(position)
    }

    /// What a session that has been stored begins with.
    #[inline]
    pub(super) fn note_opened(&mut self, position: u32, now: Instant) {
        let Some(session) = self.sessions.get(position) else { return };
        let (slot, by) = (session.slot, session.by);
        self.counters.record_flow(session.policy, slot);
        if self.round_trips.watches(slot) {
            self.round_trips.opened(slot, position, by, now);
        }
        // 5382-R4: both sides wanted the connection.
        if !self.held.is_empty() {
            self.held.discard(key_held(&session.external_flow()));
        }
        self.session_wheel.link(&mut self.sessions, position);
    }

    /// Holds a packet that would have opened a connection; false where there is no room.
    pub fn hold_opening(&mut self, flow: &ExternalFlow, packet: &[u8], plan: &Plan, now: Instant) -> bool {
        let epoch = plan.uplink(flow.slot).map_or(0, |uplink| uplink.epoch);
        self.held.hold(key_held(flow), flow.slot, epoch, packet, end_of(now, plan.nat44.hold))
    }

    /// Takes the packet that has been held longest, if that was as long as the plan said then (6146-T10).
    pub fn take_due_opening(&mut self, now: Instant) -> Option<HeldPacket<'_>> {
        self.held.first_due().filter(|due| *due <= now.tick())?;
        self.held.take_first()
    }

    /// When the next held packet is due.
    pub fn held_until(&self) -> Option<Tick> {
        self.held.first_due()
    }

    /// A packet of a live session passes: state and lifetime follow.
    pub(super) fn observe(&mut self, position: u32, from: Direction, segment: Segment, plan: &Plan, now: Instant) {
        let Some(session) = self.sessions.get_mut(position) else { return };
        if self.round_trips.watches(session.slot) {
            self.round_trips.observe(session.slot, position, from, &segment, now);
        }
        let lifetime = match (session.tcp, from) {
            (Some(state), _) => {
                let refresh = session.advance(state, from, segment);
                match lifetime_of_connection(session.protocol, refresh, &plan.nat44) {
                    Some(lifetime) => lifetime,
                    None => return,
                }
            }
            // 4787-R6: outbound packets refresh; inbound ones do not (R6a is a MAY, and 7857-S7 warns of it).
            (None, Direction::Inbound) => return,
            (None, Direction::Outbound) => match session.protocol.kind() {
                ProtocolKind::Udp | ProtocolKind::UdpLite => plan.nat44.udp,
                ProtocolKind::Icmp => plan.nat44.icmp,
                ProtocolKind::Portless => plan.nat44.other,
                ProtocolKind::Tcp | ProtocolKind::Dccp => return,
            },
        };
        let ends = end_of(now, lifetime);
        let comes_nearer = ends < session.ends;
        session.ends = ends;
        if comes_nearer {
            self.session_wheel.unlink(&mut self.sessions, position);
            self.session_wheel.link(&mut self.sessions, position);
        }
    }

    /// Ends a session. A mapping that loses its last one rests: from `at` if given, else from the end of the last
    /// of its sessions to die.
    pub(super) fn end_session(&mut self, position: u32, plan: &Plan, at: Option<Instant>) {
        let Some(session) = self.sessions.get(position) else { return };
        let hashes = session.keys().map(|key| self.hash.hash(key));
        self.session_wheel.unlink(&mut self.sessions, position);
        self.end_indexed(position, hashes, plan, at);
    }

    /// The same for one that is off the wheel already, and whose [keys](Session::keys) have these hashes.
    pub(super) fn end_indexed(
        &mut self,
        position: u32,
        [outbound, inbound]: [u64; 2],
        plan: &Plan,
        at: Option<Instant>,
    ) {
        self.sessions_outbound.remove(outbound, position);
        self.sessions_inbound.remove(inbound, position);
        let Some(session) = self.sessions.get(position) else { return };
        // One that is ended early does not live until its time.
        let died = at.map_or(session.ends, |at| session.ends.min(Tick::at_or_after(at)));
        let (mapping, is_alone) = (session.mapping, session.is_alone());
        self.gateway_sourced -= u32::from(session.is_gateway_sourced());
        let is_last = is_alone || self.detach(position);
        self.free_session(position);
        let Some(entry) = self.mappings.get_mut(mapping) else { return };
        if is_alone {
            entry.lose_only_session();
        }
        if entry.is_buried() {
            self.graves.lose_session();
            return;
        }
        entry.note_death(died);
        let host = entry.host;
        if is_last {
            self.rest_mapping(mapping, plan, at);
        }
        self.hosts.remove_sessions(host, 1);
    }

    fn free_session(&mut self, position: u32) {
        if let Some(session) = self.sessions.get_mut(position) {
            session.mapping = NONE;
            session.unsettle();
        }
        self.sessions.remove(position);
    }
}

/// How long a session lives whose first packet no other follows.
pub(super) fn first_lifetime(protocol: Protocol, nat44: &Nat44Spec) -> Duration {
    match protocol.kind() {
        ProtocolKind::Udp | ProtocolKind::UdpLite => nat44.udp,
        ProtocolKind::Icmp => nat44.icmp,
        ProtocolKind::Portless => nat44.other,
        ProtocolKind::Tcp => nat44.tcp_opening,
        ProtocolKind::Dccp => nat44.dccp_transitory,
    }
}

/// 5382-R5, 5597-R5, 7857-S2.1.
fn lifetime_of_connection(protocol: Protocol, refresh: Refresh, nat44: &Nat44Spec) -> Option<Duration> {
    let is_dccp = protocol == Protocol::DCCP;
    Some(match refresh {
        Refresh::Established if is_dccp => nat44.dccp_established,
        Refresh::Opening | Refresh::Closing if is_dccp => nat44.dccp_transitory,
        Refresh::Established => nat44.tcp_established,
        Refresh::Opening => nat44.tcp_opening,
        Refresh::Closing => nat44.tcp_closing,
        Refresh::None => return None,
    })
}

/// Packs (protocol, internal, remote): no two sessions of one uplink share it.
pub(super) fn key_outbound(flow: &Flow) -> u128 {
    pack(flow.protocol, flow.internal, flow.remote)
}

/// Packs (uplink, protocol, external, remote).
fn key_held(flow: &ExternalFlow) -> HeldKey {
    HeldKey::v4(pack(flow.protocol, flow.external, flow.remote) | u128::from(flow.slot) << 104)
}

/// Packs (uplink, epoch, protocol, external, remote).
pub(super) fn key_inbound(flow: &ExternalFlow, epoch: u8) -> u128 {
    pack(flow.protocol, flow.external, flow.remote) | uplink_tag(flow.slot, epoch)
}

/// What tells the keys of an uplink from others; the top bit from those without.
pub(super) fn uplink_tag(slot: u8, epoch: u8) -> u128 {
    (u128::from(slot) << 8 | u128::from(epoch)) << 104 | 1 << 127
}

/// Addresses and ports as they lie in a packet that comes from us, the lowest octet first, so that a batch of packets needs no
/// turning of octets (`Nat44::express_key`).
#[inline(always)]
pub(super) fn pack(protocol: Protocol, ours: Endpoint, theirs: Endpoint) -> u128 {
    let addresses = u64::from(theirs.address.swap_bytes()) << 32 | u64::from(ours.address.swap_bytes());
    let ports = u32::from(theirs.port.swap_bytes()) << 16 | u32::from(ours.port.swap_bytes());
    Nat44::express_key(addresses, ports, protocol.number())
}
