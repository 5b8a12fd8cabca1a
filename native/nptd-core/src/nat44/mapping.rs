//! A mapping: an internal endpoint and its external endpoint on one uplink, whatever the destination (4787-R1,
//! 5382-R1, 5508-R1a).
//!
//! It lives while it has sessions and rests afterwards, so that its port is not handed to another endpoint too
//! soon (6888-R8) while its own endpoint gets it back at once.

use super::session::NONE;
use super::{Endpoint, ExternalFlow, Nat44, Protocol, epoch_is_current, ticks};
use crate::plan::Plan;
use crate::session::wheel::{Timed, TimerLinks};
use crate::time::{Instant, Tick};
use crate::verdict::DropReason;

/// One mapping.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    pub internal: Endpoint,
    pub external: Endpoint,
    pub first_session: u32,
    pub sessions: u32,
    /// End of the session that died last.
    pub ended: Tick,
    /// Until when it rests; counts only while it has no session.
    pub rests_until: Tick,
    pub timer: TimerLinks,
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
}

const _: () = assert!(size_of::<Mapping>() <= 48);

impl Timed for Mapping {
    fn ends(&self) -> Tick {
        self.rests_until
    }
    fn links(&mut self) -> &mut TimerLinks {
        &mut self.timer
    }
}

impl Mapping {
    /// Whether it has sessions.
    pub fn is_in_use(&self) -> bool {
        self.state == State::InUse
    }

    /// Whether it only keeps its port from others.
    pub fn is_resting(&self) -> bool {
        self.state == State::Resting
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

impl Nat44 {
    /// The mapping of an internal endpoint on an uplink, in use or resting, unless its time is over.
    pub(super) fn find_mapping(&self, key: InternalKey, plan: &Plan, now: Tick) -> Option<u32> {
        let epoch = plan.uplink(key.slot)?.epoch;
        let hash = self.hash.hash(pack(Side::Internal, key.slot, epoch, key.protocol, key.internal));
        self.mappings_internal.find(hash, |position| {
            self.mappings.get(position).is_some_and(|mapping| {
                mapping.internal == key.internal
                    && (mapping.slot, mapping.epoch, mapping.protocol) == (key.slot, epoch, key.protocol)
                    && self.holds_port(mapping, plan, now)
            })
        })
    }

    /// The live mapping of an internal endpoint on an uplink.
    pub(super) fn find_live_mapping(&self, key: InternalKey, plan: &Plan, now: Tick) -> Option<u32> {
        let position = self.find_mapping(key, plan, now)?;
        let mapping = self.mappings.get(position)?;
        self.has_live_session(mapping, plan, now).then_some(position)
    }

    /// The live mapping that owns an external endpoint of an uplink.
    pub(super) fn find_mapping_external(&self, flow: &ExternalFlow, plan: &Plan, now: Tick) -> Option<u32> {
        let epoch = plan.uplink(flow.slot)?.epoch;
        let hash = self.hash.hash(pack(Side::External, flow.slot, epoch, flow.protocol, flow.external));
        self.mappings_external.find(hash, |position| {
            self.mappings.get(position).is_some_and(|mapping| {
                mapping.external == flow.external
                    && (mapping.slot, mapping.epoch, mapping.protocol) == (flow.slot, epoch, flow.protocol)
                    && self.has_live_session(mapping, plan, now)
            })
        })
    }

    /// Makes a mapping with a port that no other one has (4787-R3, 5382-R7, 7857-S13), in the same way however full
    /// the pool is (4787-R11), or none (6888-R11a).
    pub(super) fn create_mapping(&mut self, key: InternalKey, plan: &Plan) -> Result<u32, DropReason> {
        if self.mappings.is_full() {
            return Err(DropReason::MappingTableFull);
        }
        let epoch = plan.uplink(key.slot).map(|uplink| uplink.epoch).ok_or(DropReason::NoUplink)?;
        let external = self.pools.allocate(key).ok_or(DropReason::PortPoolExhausted)?;
        let mapping = Mapping {
            internal: key.internal,
            external,
            first_session: NONE,
            sessions: 0,
            ended: Tick(0),
            rests_until: Tick(0),
            timer: TimerLinks::UNLINKED,
            protocol: key.protocol,
            slot: key.slot,
            epoch,
            state: State::InUse,
        };
        let (by_internal, by_external) = self.hashes(&mapping);
        let position = self.mappings.insert(mapping).map_err(|_| DropReason::MappingTableFull)?;
        self.mappings_live += 1;
        let indexed = self.mappings_internal.insert(by_internal, position).is_ok()
            && self.mappings_external.insert(by_external, position).is_ok();
        if !indexed {
            self.release_mapping(position);
            return Err(DropReason::MappingTableFull);
        }
        Ok(position)
    }

    /// Brings a resting mapping back to life: its endpoint gets its port back at once.
    pub(super) fn revive_mapping(&mut self, position: u32) {
        let Some(mapping) = self.mappings.get_mut(position) else { return };
        if mapping.state == State::Resting {
            mapping.state = State::InUse;
            mapping.ended = Tick(0);
            self.mappings_live += 1;
            self.rest_wheel.unlink(&mut self.mappings, position);
        }
    }

    /// Ends a mapping with all its sessions; its port rests from `now`.
    pub(super) fn end_mapping(&mut self, position: u32, plan: &Plan, now: Instant) {
        while let Some(mapping) = self.mappings.get(position).filter(|mapping| mapping.sessions > 0) {
            self.end_session(mapping.first_session, plan, Some(now));
        }
    }

    /// A mapping has lost its last session: its port rests, unless its pool has ended.
    pub(super) fn rest_mapping(&mut self, position: u32, plan: &Plan, at: Option<Instant>) {
        let rest = plan.nat44.port_rest;
        if self.mappings.get(position).is_some_and(|mapping| !epoch_is_current(plan, mapping.slot, mapping.epoch)) {
            self.release_mapping(position);
            return;
        }
        let Some(mapping) = self.mappings.get_mut(position) else { return };
        mapping.rests_until = match at {
            Some(at) => Tick::at_or_after(at.after(rest)),
            None => Tick(mapping.ended.0.saturating_add(ticks(rest))),
        };
        if at.is_some_and(|at| mapping.rests_until <= at.tick()) {
            // The wheel has passed this tick already and would keep it for another.
            self.release_mapping(position);
            return;
        }
        mapping.state = State::Resting;
        self.mappings_live -= 1;
        self.rest_wheel.link(&mut self.mappings, position);
    }

    /// Gives a mapping's place and port back.
    pub(super) fn release_mapping(&mut self, position: u32) {
        let Some(mapping) = self.mappings.get(position) else { return };
        let (by_internal, by_external) = self.hashes(mapping);
        let (slot, epoch, protocol, external) = (mapping.slot, mapping.epoch, mapping.protocol, mapping.external);
        let was_in_use = mapping.is_in_use();
        self.mappings_internal.remove(by_internal, position);
        self.mappings_external.remove(by_external, position);
        self.rest_wheel.unlink(&mut self.mappings, position);
        self.pools.release(slot, epoch, protocol, external);
        if let Some(mapping) = self.mappings.get_mut(position) {
            mapping.state = State::Free;
        }
        self.mappings.remove(position);
        self.mappings_live -= u32::from(was_in_use);
    }

    /// Whether any session of a mapping is live: those that ended may not have been swept yet.
    pub(super) fn has_live_session(&self, mapping: &Mapping, plan: &Plan, now: Tick) -> bool {
        mapping.is_in_use() && self.any_session(mapping, |session| session.is_live(plan, now))
    }

    /// Whether any session of a mapping has a property.
    pub(super) fn any_session(&self, mapping: &Mapping, wanted: impl Fn(&super::Session) -> bool) -> bool {
        let mut position = mapping.first_session;
        while let Some(session) = self.sessions.get(position) {
            if wanted(session) {
                return true;
            }
            position = session.next;
        }
        false
    }

    fn holds_port(&self, mapping: &Mapping, plan: &Plan, now: Tick) -> bool {
        epoch_is_current(plan, mapping.slot, mapping.epoch)
            && (mapping.is_in_use() || (mapping.is_resting() && mapping.rests_until > now))
    }

    fn hashes(&self, mapping: &Mapping) -> (u64, u64) {
        let (slot, epoch, protocol) = (mapping.slot, mapping.epoch, mapping.protocol);
        let by_internal = pack(Side::Internal, slot, epoch, protocol, mapping.internal);
        let by_external = pack(Side::External, slot, epoch, protocol, mapping.external);
        (self.hash.hash(by_internal), self.hash.hash(by_external))
    }
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
