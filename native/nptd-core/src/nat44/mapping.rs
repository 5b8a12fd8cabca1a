//! A mapping: an internal endpoint and its external endpoint on one uplink, whatever the destination (4787-R1,
//! 5382-R1, 5597-R1, 5508-R1a), by the same lines for every protocol (6888-R1).
//!
//! It lives while it has sessions and rests afterwards, so that its port is not handed to another endpoint too
//! soon (6888-R8) while its own endpoint gets it back at once.

use super::port_pool::PoolPort;
use super::session::NONE;
use super::{Endpoint, ExternalFlow, Nat44, Protocol, epoch_is_current, ticks};
use crate::plan::Plan;
use crate::session::wheel::{Timed, TimerLinks};
use crate::share::Share;
use crate::time::{Instant, Tick};
use crate::verdict::DropReason;

/// Dead sessions that one question removes before it only walks past them.
pub(super) const BURIALS_MAX: u32 = 1_024;

/// One mapping.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    pub internal: Endpoint,
    pub external: Endpoint,
    /// Position of the internal host.
    pub host: u32,
    /// In use: end of the session that died last. Resting: until when.
    when: Tick,
    /// In use or buried: its first session, and how many there are. Resting: the links of the timer.
    links: TimerLinks,
    pub protocol: Protocol,
    pub slot: u8,
    pub epoch: u8,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    InUse,
    Resting,
    Buried,
}

const _: () = assert!(size_of::<Mapping>() == 32);

impl Timed for Mapping {
    fn ends(&self) -> Tick {
        self.when
    }
    fn links(&mut self) -> &mut TimerLinks {
        &mut self.links
    }
}

impl Mapping {
    /// In use, with its first session and their number.
    #[inline]
    pub fn new(new: &NewMapping, epoch: u8, sessions: [u32; 2]) -> Self {
        let NewMapping { key, external, host } = *new;
        Self {
            internal: key.internal,
            external,
            host,
            when: Tick(0),
            links: TimerLinks::lent(sessions),
            protocol: key.protocol,
            slot: key.slot,
            epoch,
            state: State::InUse,
        }
    }

    /// Whether it is that of an internal endpoint in an epoch, in use or not.
    #[inline]
    pub fn is_of(&self, key: &InternalKey, epoch: u8) -> bool {
        self.internal == key.internal
            && (self.slot, self.epoch, self.protocol) == (key.slot, epoch, key.protocol)
            && self.state != State::Free
    }

    /// Whether it has sessions.
    pub fn is_in_use(&self) -> bool {
        self.state == State::InUse
    }

    /// Whether it only keeps its port from others.
    pub fn is_resting(&self) -> bool {
        self.state == State::Resting
    }

    /// Whether it keeps a port from others.
    pub fn has_port(&self) -> bool {
        self.is_in_use() || self.is_resting()
    }

    /// Whether it is no more than a list of dead sessions.
    pub fn is_buried(&self) -> bool {
        self.state == State::Buried
    }

    /// From now on it is no more than that. It was in use.
    pub fn bury(&mut self) {
        self.state = State::Buried;
    }

    /// The session that its list begins with.
    pub fn first_session(&self) -> u32 {
        if self.lists_sessions() { self.links.borrowed()[0] } else { NONE }
    }

    /// How many sessions it has.
    pub fn sessions(&self) -> u32 {
        if self.lists_sessions() { self.links.borrowed()[1] } else { 0 }
    }

    fn lists_sessions(&self) -> bool {
        matches!(self.state, State::InUse | State::Buried)
    }

    /// The list of its sessions begins with another one now. It lists some.
    pub fn set_first_session(&mut self, first: u32) {
        self.links = TimerLinks::lent([first, self.sessions()]);
    }

    /// It has more or less sessions now. It lists some.
    pub fn set_sessions(&mut self, sessions: u32) {
        self.links = TimerLinks::lent([self.first_session(), sessions]);
    }

    /// Its only session goes. It lists that.
    pub fn lose_only_session(&mut self) {
        self.links = TimerLinks::lent([NONE, 0]);
    }

    /// One of its sessions has died. It is in use.
    pub fn note_death(&mut self, died: Tick) {
        self.when = self.when.max(died);
    }

    /// Until when it rests, if it does.
    pub fn rests_until(&self) -> Option<Tick> {
        self.is_resting().then_some(self.when)
    }

    /// Its port, as its pool knows it.
    pub fn pool_port(&self) -> PoolPort {
        PoolPort { slot: self.slot, epoch: self.epoch, protocol: self.protocol, external: self.external }
    }

    /// What packets from the site, and from its uplink, find it by.
    #[inline]
    pub fn keys(&self) -> [u128; 2] {
        let key = InternalKey { slot: self.slot, protocol: self.protocol, internal: self.internal };
        [key.pack(self.epoch), self.pool_port().pack()]
    }

    /// Whether the plan has a static mapping of both its endpoints.
    pub fn is_static(&self, plan: &Plan) -> bool {
        let fixed = plan.static_mappings().by_internal(self.slot, self.protocol, self.internal);
        fixed.is_some_and(|fixed| fixed.endpoint == self.external)
    }
}

/// An internal endpoint on an uplink: what a mapping is found by from the site. Each uplink has mappings of its own
/// (MWAN-3), and so has each protocol (7857-S5, and its filters with them: 7857-S6).
#[derive(Clone, Copy, Debug)]
pub(super) struct InternalKey {
    pub slot: u8,
    pub protocol: Protocol,
    pub internal: Endpoint,
}

impl InternalKey {
    /// What the mapping is found by in an epoch of its uplink.
    #[inline]
    pub fn pack(&self, epoch: u8) -> u128 {
        pack(Side::Internal, self.slot, epoch, self.protocol, self.internal)
    }
}

impl PoolPort {
    /// What the mapping that holds it is found by.
    #[inline]
    pub fn pack(&self) -> u128 {
        pack(Side::External, self.slot, self.epoch, self.protocol, self.external)
    }
}

/// What a new mapping is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewMapping {
    pub key: InternalKey,
    pub external: Endpoint,
    /// Position of the internal host.
    pub host: u32,
}

impl Nat44 {
    /// The mapping of an internal endpoint on an uplink, live or resting.
    pub(super) fn find_mapping(&mut self, key: InternalKey, plan: &Plan, now: Tick) -> Option<u32> {
        let position = self.find_held(key, plan, now)?;
        if self.mappings.get(position).is_some_and(Mapping::is_resting) || self.has_live_session(position, plan, now) {
            return Some(position);
        }
        // All its sessions were dead: now it rests, or is gone.
        self.find_held(key, plan, now)
    }

    /// The live mapping of an internal endpoint on an uplink.
    pub(super) fn find_live_mapping(&mut self, key: InternalKey, plan: &Plan, now: Tick) -> Option<u32> {
        let position = self.find_held(key, plan, now)?;
        self.has_live_session(position, plan, now).then_some(position)
    }

    /// The live mapping that owns an external endpoint of an uplink.
    pub(super) fn find_mapping_external(&mut self, flow: &ExternalFlow, plan: &Plan, now: Tick) -> Option<u32> {
        let position = self.find_holder(flow, plan, now)?;
        self.has_live_session(position, plan, now).then_some(position)
    }

    /// The mapping that holds an external endpoint of an uplink, unless its time is over; its sessions may be dead.
    pub(super) fn find_holder(&self, flow: &ExternalFlow, plan: &Plan, now: Tick) -> Option<u32> {
        let epoch = plan.uplink(flow.slot)?.epoch;
        let ExternalFlow { slot, protocol, external, .. } = *flow;
        let hash = self.hash.hash(PoolPort { slot, epoch, protocol, external }.pack());
        self.mappings_external.find(hash, |position| {
            self.mappings.get(position).is_some_and(|mapping| {
                mapping.external == flow.external
                    && (mapping.slot, mapping.epoch, mapping.protocol) == (flow.slot, epoch, flow.protocol)
                    && holds_port(mapping, plan, now)
            })
        })
    }

    /// The mapping of an internal endpoint on an uplink, unless its time is over; its sessions may be dead.
    pub(super) fn find_held(&self, key: InternalKey, plan: &Plan, now: Tick) -> Option<u32> {
        let epoch = plan.uplink(key.slot)?.epoch;
        let hash = self.hash.hash(key.pack(epoch));
        self.mappings_internal.find(hash, |position| {
            self.mappings
                .get(position)
                .is_some_and(|mapping| mapping.is_of(&key, epoch) && holds_port(mapping, plan, now))
        })
    }

    /// Makes a mapping with a port that no other one has (4787-R3, 5382-R7, 5597-R7, 7857-S13), in the same way
    /// however full the pool is (4787-R11), or none (6888-R11a).
    pub(super) fn create_mapping(&mut self, key: InternalKey, host: u32, plan: &Plan) -> Result<u32, DropReason> {
        if !self.has_room_for_mapping() {
            return Err(DropReason::MappingTableFull);
        }
        let published = plan.static_mappings().address_of_host(key.slot, key.internal.address);
        let external = self.pools.allocate(key, published).ok_or(DropReason::PortPoolExhausted)?;
        self.insert_mapping(NewMapping { key, external, host }, plan)
    }

    /// Stores a mapping whose external port is taken.
    pub(super) fn insert_mapping(&mut self, new: NewMapping, plan: &Plan) -> Result<u32, DropReason> {
        let NewMapping { key, host, .. } = new;
        let epoch = plan.uplink(key.slot).map_or(0, |uplink| uplink.epoch);
        let mapping = Mapping::new(&new, epoch, [NONE, 0]);
        let ([by_internal, by_external], port) = (mapping.keys().map(|key| self.hash.hash(key)), mapping.pool_port());
        let Ok(position) = self.mappings.insert(mapping) else {
            self.pools.release(port, false);
            return Err(DropReason::MappingTableFull);
        };
        self.mappings_live += 1;
        self.hosts.add_mapping(host, key.protocol);
        // Portless ones share their external endpoint, by which nobody looks for them: sessions tell them apart (OTHER-2).
        let indexed = self.mappings_internal.insert(by_internal, position).is_ok()
            && (key.protocol.is_portless() || self.mappings_external.insert(by_external, position).is_ok());
        if !indexed {
            self.release_mapping(position);
            return Err(DropReason::MappingTableFull);
        }
        Ok(position)
    }

    /// Brings a resting mapping back to life: its endpoint gets its port back at once.
    pub(super) fn revive_mapping(&mut self, position: u32) {
        if self.mappings.get(position).is_none_or(|mapping| !mapping.is_resting()) {
            return;
        }
        self.rest_wheel.unlink(&mut self.mappings, position);
        let Some(mapping) = self.mappings.get_mut(position) else { return };
        (mapping.state, mapping.when, mapping.links) = (State::InUse, Tick(0), TimerLinks::lent([NONE, 0]));
        let port = mapping.pool_port();
        self.pools.end_rest(port);
        self.mappings_live += 1;
    }

    /// Ends a mapping with all its sessions; its port rests from `now`.
    pub(super) fn end_mapping(&mut self, position: u32, plan: &Plan, now: Instant) {
        if self.bury_mapping(position, Some(now), plan) {
            return;
        }
        while let Some(mapping) = self.mappings.get(position).filter(|mapping| mapping.sessions() > 0) {
            self.end_session(mapping.first_session(), plan, Some(now));
        }
    }

    /// A mapping has lost its last session: its port rests, unless it is one that does not.
    pub(super) fn rest_mapping(&mut self, position: u32, plan: &Plan, at: Option<Instant>) {
        let rest = plan.nat44.port_rest;
        let Some(mapping) = self.mappings.get_mut(position) else { return };
        mapping.when = match at {
            Some(at) => Tick::at_or_after(at.after(rest)),
            None => Tick(mapping.when.0.saturating_add(ticks(rest))),
        };
        let (until, port) = (mapping.when, mapping.pool_port());
        let rests = epoch_is_current(plan, mapping.slot, mapping.epoch)
            && !mapping.is_static(plan)
            // The wheel would keep what ends at a tick that it has passed for another one.
            && !self.rest_wheel.has_passed(until)
            && self.pools.begin_rest(port, plan.nat44.resting_ports_max);
        if !rests {
            self.release_mapping(position);
            return;
        }
        self.mappings_live -= 1;
        self.begin_rest(position);
    }

    /// Lets a mapping rest until the end that is set, its pool being told.
    fn begin_rest(&mut self, position: u32) {
        if let Some(mapping) = self.mappings.get_mut(position) {
            (mapping.state, mapping.links) = (State::Resting, TimerLinks::UNLINKED);
        }
        self.rest_wheel.link(&mut self.mappings, position);
    }

    /// Lets a mapping without sessions rest until a tick; false where it cannot.
    pub(super) fn rest_until(&mut self, position: u32, until: Tick, plan: &Plan) -> bool {
        let Some(mapping) = self.mappings.get_mut(position) else { return false };
        mapping.when = until;
        let port = mapping.pool_port();
        if !self.pools.begin_rest(port, plan.nat44.resting_ports_max) {
            return false;
        }
        self.mappings_live -= 1;
        self.begin_rest(position);
        true
    }

    /// Whether there is room for another mapping, live or resting.
    pub(super) fn has_room_for_mapping(&self) -> bool {
        self.mappings.len() - self.graves.len() < self.mappings_max as usize
    }

    /// No lookup finds a mapping any more.
    pub(super) fn hide_mapping(&mut self, position: u32) {
        let Some(mapping) = self.mappings.get(position) else { return };
        let hashes = mapping.keys().map(|key| self.hash.hash(key));
        self.hide_indexed(position, hashes);
    }

    fn hide_indexed(&mut self, position: u32, [by_internal, by_external]: [u64; 2]) {
        self.mappings_internal.remove(by_internal, position);
        self.mappings_external.remove(by_external, position);
    }

    /// Gives a mapping's place and port back.
    pub(super) fn release_mapping(&mut self, position: u32) {
        let Some(mapping) = self.mappings.get(position) else { return };
        let hashes = mapping.keys().map(|key| self.hash.hash(key));
        if !mapping.is_in_use() {
            self.rest_wheel.unlink(&mut self.mappings, position);
        }
        self.release_indexed(position, hashes);
    }

    /// The same for one that is on no wheel, and whose [keys](Mapping::keys) have these hashes.
    pub(super) fn release_indexed(&mut self, position: u32, hashes: [u64; 2]) {
        self.hide_indexed(position, hashes);
        let Some(mapping) = self.mappings.get(position) else { return };
        let (port, host, protocol) = (mapping.pool_port(), mapping.host, mapping.protocol);
        let was_in_use = mapping.is_in_use();
        self.pools.release(port, !was_in_use);
        self.free_mapping(position);
        self.mappings_live -= u32::from(was_in_use);
        self.hosts.remove_mapping(host, protocol);
    }

    /// Gives the place of a mapping back that nothing refers to.
    pub(super) fn free_mapping(&mut self, position: u32) {
        if let Some(mapping) = self.mappings.get_mut(position) {
            mapping.state = State::Free;
        }
        self.mappings.remove(position);
    }

    /// Whether any session of a mapping is live. Those that ended and are met on the way are removed: whoever asks pays for
    /// what the sweep has not come to, and each is paid for once.
    pub(super) fn has_live_session(&mut self, position: u32, plan: &Plan, now: Tick) -> bool {
        for _ in 0..BURIALS_MAX {
            let Some(mapping) = self.mappings.get(position).filter(|mapping| mapping.is_in_use()) else { return false };
            let first = mapping.first_session();
            if self.sessions.get(first).is_some_and(|session| session.is_live(plan, now)) {
                return true;
            }
            self.end_session(first, plan, None);
        }
        self.mappings.get(position).is_some_and(|mapping| self.lists_live_session(mapping, plan, now))
    }

    /// The same without removing any.
    pub(super) fn lists_live_session(&self, mapping: &Mapping, plan: &Plan, now: Tick) -> bool {
        let mut position = mapping.first_session();
        while let Some(session) = self.sessions.get(position).filter(|_| mapping.is_in_use()) {
            if session.is_live(plan, now) {
                return true;
            }
            position = session.next;
        }
        false
    }

    /// A pool is new in an epoch that is not: what holds its ports already is noted in it.
    pub(super) fn tell_pools(&mut self, plan: &Plan) {
        for position in 0..self.mappings.end() {
            let Some(mapping) = self.mappings.get(position).filter(|mapping| mapping.has_port()) else { continue };
            if epoch_is_current(plan, mapping.slot, mapping.epoch) {
                self.pools.tell(mapping.pool_port(), mapping.is_resting());
            }
        }
    }

    /// Ends the mappings whose packets from outside another worker gets under a plan: static mappings with ports of two workers have
    /// come or gone. Their ports do not rest.
    pub(super) fn end_misled(&mut self, plan: &Plan) {
        for position in 0..self.mappings.end() {
            let Some(mapping) = self.mappings.get(position).filter(|mapping| mapping.has_port()) else { continue };
            let key = InternalKey { slot: mapping.slot, protocol: mapping.protocol, internal: mapping.internal };
            if is_split(self.share, key, mapping.external, plan) {
                self.end_for_good(position, plan, Instant::default());
            }
        }
    }
}

/// Whether the two directions of a mapping would belong to two workers. Without ports there is no telling, and no need to.
pub(super) fn is_split(share: Share, key: InternalKey, external: Endpoint, plan: &Plan) -> bool {
    if key.protocol.is_portless() {
        return false;
    }
    let fixed = plan.static_mappings().by_external(key.slot, key.protocol, external);
    let inbound = fixed.map_or(external.port, |fixed| fixed.endpoint.port);
    share.of_port(inbound) != share.of_port(key.internal.port)
}

/// Whether a mapping is of an uplink that is there and keeps its port from others.
fn holds_port(mapping: &Mapping, plan: &Plan, now: Tick) -> bool {
    epoch_is_current(plan, mapping.slot, mapping.epoch)
        && (mapping.is_in_use() || mapping.rests_until().is_some_and(|until| until > now))
}

#[derive(Clone, Copy)]
enum Side {
    Internal = 1,
    External = 2,
}

fn pack(side: Side, slot: u8, epoch: u8, protocol: Protocol, endpoint: Endpoint) -> u128 {
    (side as u128) << 112
        | u128::from(slot) << 104
        | u128::from(epoch) << 96
        | u128::from(protocol.number()) << 88
        | u128::from(endpoint.address) << 16
        | u128::from(endpoint.port)
}
