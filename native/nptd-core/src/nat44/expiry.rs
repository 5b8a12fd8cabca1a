//! What has ended goes: sessions whose time is over, and ports that have rested long enough. The memory of those that come next is
//! asked for while others are taken apart.

use super::mapping::Mapping;
use super::{Nat44, epoch_is_current};
use crate::plan::Plan;
use crate::session::wheel::Timed;
use crate::table::Slab;
use crate::time::{Instant, Tick};

/// Entries that end together.
const TOGETHER: usize = 16;

impl Nat44 {
    /// Removes what has ended, at most `budget` steps of work; true while something is left to do.
    pub fn expire(&mut self, plan: &Plan, now: Instant, mut budget: u32) -> bool {
        let now = now.tick();
        self.empty_graves(plan, &mut budget);
        self.sweep_dead_epochs(plan, &mut budget);
        if self.sessions.is_empty() {
            self.session_wheel.skip(now);
        }
        // Tick by tick: a port comes back before another one comes to rest in its place.
        while budget > 0 && self.session_wheel.is_behind(now) {
            let tick = self.session_wheel.next_tick(now);
            self.expire_rests(tick, &mut budget);
            self.expire_sessions(tick, plan, &mut budget);
        }
        self.expire_rests(now, &mut budget);
        self.has_expired(now)
    }

    fn expire_sessions(&mut self, until: Tick, plan: &Plan, budget: &mut u32) {
        let (mut due, mut keys, mut hashes) = ([0; TOGETHER], [[0; 2]; TOGETHER], [[0; 2]; TOGETHER]);
        loop {
            let due = self.session_wheel.take_due(&mut self.sessions, until, budget, &mut due);
            if due.is_empty() {
                return;
            }
            for (position, keys) in due.iter().zip(&mut keys) {
                let Some(session) = self.sessions.get(*position) else { continue };
                *keys = session.keys();
                self.mappings.prefetch(session.mapping);
            }
            let keys = keys.get(..due.len()).unwrap_or(&[]);
            self.hash.hash_all(keys.as_flattened(), hashes.as_flattened_mut());
            for [outbound, inbound] in hashes.iter().take(due.len()) {
                self.sessions_outbound.buckets().prefetch_first(*outbound);
                self.sessions_inbound.buckets().prefetch_first(*inbound);
            }
            let mut next = self.session_wheel.first();
            for (position, hashes) in due.iter().zip(&hashes) {
                next = prefetch_after(&mut self.sessions, next);
                self.end_indexed(*position, *hashes, plan, None);
            }
        }
    }

    fn expire_rests(&mut self, until: Tick, budget: &mut u32) {
        if self.mappings.is_empty() {
            self.rest_wheel.skip(until);
        }
        let (mut due, mut keys, mut hashes) = ([0; TOGETHER], [[0; 2]; TOGETHER], [[0; 2]; TOGETHER]);
        loop {
            let due = self.rest_wheel.take_due(&mut self.mappings, until, budget, &mut due);
            if due.is_empty() {
                return;
            }
            for (position, keys) in due.iter().zip(&mut keys) {
                *keys = self.mappings.get(*position).map_or([0; 2], Mapping::keys);
            }
            let keys = keys.get(..due.len()).unwrap_or(&[]);
            self.hash.hash_all(keys.as_flattened(), hashes.as_flattened_mut());
            for [internal, external] in hashes.iter().take(due.len()) {
                self.mappings_internal.buckets().prefetch_first(*internal);
                self.mappings_external.buckets().prefetch_first(*external);
            }
            let mut next = self.rest_wheel.first();
            for (position, hashes) in due.iter().zip(&hashes) {
                next = prefetch_after(&mut self.mappings, next);
                self.release_indexed(*position, *hashes);
            }
        }
    }

    /// Whether something that has ended is left to remove.
    pub fn has_expired(&self, now: Tick) -> bool {
        !self.graves.is_empty()
            || self.sweep.is_some()
            || self.session_wheel.is_behind(now)
            || self.rest_wheel.is_behind(now)
    }

    /// Ends sessions and mappings of dead epochs, and forgets under which older plan the others were settled.
    pub(super) fn sweep_dead_epochs(&mut self, plan: &Plan, budget: &mut u32) {
        while let (Some(position), true) = (self.sweep, *budget > 0) {
            *budget -= 1;
            if position >= self.sessions.end() && position >= self.mappings.end() {
                self.sweep = None;
                self.remains.clear();
                return;
            }
            let dead = |slot, epoch| !epoch_is_current(plan, slot, epoch);
            if self.sessions.get(position).is_some_and(|s| s.is_in_use() && dead(s.slot, s.epoch)) {
                self.end_session(position, plan, None);
            }
            if let Some(session) = self.sessions.get_mut(position) {
                session.settled.forget_before(self.adoption);
            }
            if self.mappings.get(position).is_some_and(|m| m.is_resting() && dead(m.slot, m.epoch)) {
                self.release_mapping(position);
            }
            self.sweep = Some(position + 1);
        }
    }
}

/// Asks for the entry that is due after one: where that is.
#[inline]
fn prefetch_after<T: Timed>(slab: &mut Slab<T>, position: u32) -> u32 {
    let next = slab.get_mut(position).map_or(position, |entry| entry.links().next());
    slab.prefetch(next);
    next
}
