//! What has ended goes: sessions whose time is over, and ports that have rested long enough. The memory of those that come next is
//! asked for while others are taken apart.

use super::mapping::Mapping;
use super::session::Session;
use super::{Nat44, epoch_is_current};
use crate::arch::KeyedHash;
use crate::plan::Plan;
use crate::session::wheel::{Timed, Wheel};
use crate::table::Slab;
use crate::time::{Instant, Tick};

/// Entries that are taken off a wheel together.
const TOGETHER: usize = 16;

/// Entries that are off their wheel and about to go: some now, some after them. Kept for the sake of its memory alone.
pub(super) struct Endings {
    batches: [Batch; 2],
    /// Which of them goes now.
    now: usize,
    keys: [[u128; 2]; TOGETHER],
}

struct Batch {
    positions: [u32; TOGETHER],
    /// Of the two keys by which each is indexed.
    hashes: [[u64; 2]; TOGETHER],
    count: usize,
}

impl Endings {
    pub const fn new() -> Self {
        const EMPTY: Batch = Batch { positions: [0; TOGETHER], hashes: [[0; 2]; TOGETHER], count: 0 };
        Self { batches: [EMPTY; 2], now: 0, keys: [[0; 2]; TOGETHER] }
    }

    /// Takes the next entries off a wheel, and those that were taken before are to go now: how many there are of
    /// which there are more.
    fn turn<T: Timed>(
        &mut self,
        (wheel, slab): (&mut Wheel, &mut Slab<T>),
        hash: &KeyedHash,
        keys_of: impl Fn(&T) -> [u128; 2],
        (until, budget): (Tick, &mut u32),
    ) -> usize {
        let [first, second] = &mut self.batches;
        let (going, next) = if self.now == 1 { (first, second) } else { (second, first) };
        self.now ^= 1;
        let taken = wheel.take_due(slab, until, budget, &mut next.positions);
        for (position, keys) in taken.iter().zip(&mut self.keys) {
            *keys = slab.get(*position).map_or([0; 2], &keys_of);
        }
        next.count = taken.len();
        let keys = self.keys.get(..next.count).unwrap_or(&[]);
        hash.hash_all(keys.as_flattened(), next.hashes.as_flattened_mut());
        going.count.max(next.count)
    }

    /// One of those that go now.
    #[inline]
    fn going(&self, at: usize) -> Option<(u32, [u64; 2])> {
        self.batches.get(self.now)?.get(at)
    }

    /// One of those that go after them.
    #[inline]
    fn next(&self, at: usize) -> Option<(u32, [u64; 2])> {
        self.batches.get(self.now ^ 1)?.get(at)
    }
}

impl Batch {
    #[inline]
    fn get(&self, at: usize) -> Option<(u32, [u64; 2])> {
        let (position, hashes) = (self.positions.get(at)?, self.hashes.get(at)?);
        (at < self.count).then_some((*position, *hashes))
    }
}

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
        loop {
            let wheel = (&mut self.session_wheel, &mut self.sessions);
            let count = self.endings.turn(wheel, &self.hash, Session::keys, (until, &mut *budget));
            if count == 0 {
                return;
            }
            let mut next = self.session_wheel.first();
            for at in 0..count {
                next = prefetch_after(&mut self.sessions, next);
                if let Some((position, [outbound, inbound])) = self.endings.next(at) {
                    self.sessions_outbound.buckets().prefetch_first(outbound);
                    self.sessions_inbound.buckets().prefetch_first(inbound);
                    let mapping = self.sessions.get(position).map(|session| session.mapping);
                    mapping.into_iter().for_each(|mapping| self.mappings.prefetch(mapping));
                }
                if let Some((position, hashes)) = self.endings.going(at) {
                    self.end_indexed(position, hashes, plan, None);
                }
            }
        }
    }

    fn expire_rests(&mut self, until: Tick, budget: &mut u32) {
        if self.mappings.is_empty() {
            self.rest_wheel.skip(until);
        }
        loop {
            let wheel = (&mut self.rest_wheel, &mut self.mappings);
            let count = self.endings.turn(wheel, &self.hash, Mapping::keys, (until, &mut *budget));
            if count == 0 {
                return;
            }
            let mut next = self.rest_wheel.first();
            for at in 0..count {
                next = prefetch_after(&mut self.mappings, next);
                if let Some((_, [internal, external])) = self.endings.next(at) {
                    self.mappings_internal.buckets().prefetch_first(internal);
                    self.mappings_external.buckets().prefetch_first(external);
                }
                if let Some((position, hashes)) = self.endings.going(at) {
                    self.release_indexed(position, hashes);
                }
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
