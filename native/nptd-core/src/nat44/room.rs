//! What a new session needs: room in the tables, in the limits of its host, and a mapping.

use super::Nat44;
use super::mapping::InternalKey;
use crate::plan::Plan;
use crate::time::Instant;
use crate::verdict::DropReason;

/// Steps of expiry before something is refused for want of room: what has ended does not count.
const CATCH_UP_BUDGET: u32 = 4_096;

impl Nat44 {
    /// The entry of an internal host, to be given back by `hosts.leave`.
    pub(super) fn enter_host(&mut self, address: u32, plan: &Plan, now: Instant) -> Result<u32, DropReason> {
        if let Ok(host) = self.hosts.enter(address) {
            return Ok(host);
        }
        self.expire(plan, now, CATCH_UP_BUDGET);
        self.hosts.enter(address).map_err(|_| DropReason::HostTableFull)
    }

    /// Whether there is room for another session: of the host (6888-R5), and at all (6888-R11a, 6888-R11d, 5508-R8a: what is
    /// full refuses the new and never evicts the living).
    pub(super) fn check_session_room(&mut self, host: u32, plan: &Plan, now: Instant) -> Result<(), DropReason> {
        let limits = &plan.nat44.host_limits;
        let has_room = |nat44: &mut Self| nat44.hosts.has_room_for_session(host, limits);
        self.ensure(has_room, DropReason::HostSessionLimit, plan, now)?;
        self.ensure(|nat44| !nat44.sessions.is_full(), DropReason::SessionTableFull, plan, now)
    }

    /// Whether a live mapping may have another session (6888-R5).
    pub(super) fn check_mapping_room(&mut self, mapping: u32, plan: &Plan, now: Instant) -> Result<(), DropReason> {
        let max = plan.nat44.host_limits.sessions_per_mapping;
        let has_room = |nat44: &mut Self| {
            nat44.mappings.get(mapping).is_none_or(|entry| entry.sessions() == 0 || entry.sessions() < max)
        };
        self.ensure(has_room, DropReason::MappingSessionLimit, plan, now)
    }

    /// The mapping for a new session of an internal endpoint: the static one of the plan, or the live or resting one, or a new
    /// one.
    pub(super) fn mapping_for(
        &mut self,
        key: InternalKey,
        host: u32,
        plan: &Plan,
        now: Instant,
    ) -> Result<u32, DropReason> {
        let fixed = plan.static_mappings().by_internal(key.slot, key.protocol, key.internal);
        if let Some(fixed) = fixed {
            self.clear_way(key, fixed.endpoint, plan, now);
        }
        if let Some(position) = self.find_mapping(key, plan, now.tick()) {
            self.check_mapping_room(position, plan, now)?;
            self.revive_mapping(position);
            return Ok(position);
        }
        let limits = &plan.nat44.host_limits;
        // 6888-R4, 6888-R4b.
        let has_room = |nat44: &mut Self| nat44.hosts.has_room_for_mapping(host, key.protocol, limits);
        self.ensure(has_room, DropReason::HostMappingLimit, plan, now)?;
        self.ensure(|nat44| nat44.has_room_for_mapping(), DropReason::MappingTableFull, plan, now)?;
        match fixed {
            Some(fixed) => self.create_static(key, fixed.endpoint, host, plan),
            None => self.create_mapping(key, host, plan),
        }
    }

    /// A session could not be opened: the mapping that was made for it goes again.
    pub(super) fn release_unused(&mut self, mapping: u32, has_failed: bool) {
        if has_failed && self.mappings.get(mapping).is_some_and(|mapping| mapping.sessions() == 0) {
            self.release_mapping(mapping);
        }
    }

    /// Refuses if something does not hold even after what has ended is gone.
    fn ensure(
        &mut self,
        mut holds: impl FnMut(&mut Self) -> bool,
        reason: DropReason,
        plan: &Plan,
        now: Instant,
    ) -> Result<(), DropReason> {
        if holds(self) {
            return Ok(());
        }
        self.expire(plan, now, CATCH_UP_BUDGET);
        if holds(self) { Ok(()) } else { Err(reason) }
    }
}
