//! A timer wheel with one slot a tick, whose lists run through the entries themselves.
//!
//! Refreshing an entry costs nothing: it only moves the entry's own end; the wheel finds out when it visits the
//! slot and links the entry again. Only an end that comes nearer has to be linked at once.

use alloc::vec::Vec;

use crate::table::Slab;
use crate::time::Tick;

/// No entry.
const NONE: u32 = u32::MAX;

/// Marks a `previous` link that names a slot of the wheel instead of an entry: slabs stay below 2^31 entries.
const IS_SLOT: u32 = 1 << 31;

/// Links of one entry.
#[derive(Clone, Copy, Debug)]
pub struct TimerLinks {
    previous: u32,
    next: u32,
}

impl TimerLinks {
    /// Not on any wheel.
    pub const UNLINKED: Self = Self { previous: NONE, next: NONE };

    /// Links of an entry that is on no wheel for now, whose memory holds two other numbers.
    pub const fn lent(numbers: [u32; 2]) -> Self {
        Self { previous: numbers[0], next: numbers[1] }
    }

    /// The entry that comes after it in its slot, if it is on a wheel.
    #[inline]
    pub const fn next(self) -> u32 {
        self.next
    }

    /// The numbers that were put there by [`Self::lent`].
    pub const fn borrowed(self) -> [u32; 2] {
        [self.previous, self.next]
    }
}

/// An entry that a wheel can hold.
pub trait Timed {
    /// When it ends.
    fn ends(&self) -> Tick;
    /// Its links.
    fn links(&mut self) -> &mut TimerLinks;
}

/// The wheel.
pub struct Wheel {
    heads: Vec<u32>,
    /// The next tick to visit.
    cursor: u32,
}

impl Wheel {
    /// A wheel of `slots` ticks (rounded up to a power of two). Ends further away are visited once a turn.
    pub fn new(slots: u32) -> Self {
        Self { heads: alloc::vec![NONE; slots.next_power_of_two() as usize], cursor: 0 }
    }

    /// The entry that is visited next, if the slot that is visited next has one; those after it follow by [`TimerLinks::next`].
    #[inline]
    pub fn first(&self) -> u32 {
        self.heads.get(self.cursor as usize & (self.heads.len() - 1)).copied().unwrap_or(NONE)
    }

    /// Puts an entry on the wheel.
    #[inline]
    pub fn link<T: Timed>(&mut self, slab: &mut Slab<T>, position: u32) {
        let Some(entry) = slab.get_mut(position) else { return };
        // An end in the past is due at the next visit, one beyond the wheel is looked at after a turn.
        let furthest = self.cursor.saturating_add(self.heads.len() as u32 - 1);
        let slot = entry.ends().0.clamp(self.cursor, furthest) as usize & (self.heads.len() - 1);
        let Some(head) = self.heads.get_mut(slot) else { return };
        *entry.links() = TimerLinks { previous: IS_SLOT | slot as u32, next: *head };
        let next = core::mem::replace(head, position);
        if let Some(next) = slab.get_mut(next) {
            next.links().previous = position;
        }
    }

    /// Takes an entry off the wheel, if it is on it.
    pub fn unlink<T: Timed>(&mut self, slab: &mut Slab<T>, position: u32) {
        let Some(entry) = slab.get_mut(position) else { return };
        let TimerLinks { previous, next } = core::mem::replace(entry.links(), TimerLinks::UNLINKED);
        if previous == NONE {
            return;
        }
        if previous & IS_SLOT != 0 {
            if let Some(head) = self.heads.get_mut((previous & !IS_SLOT) as usize) {
                *head = next;
            }
        } else if let Some(previous) = slab.get_mut(previous) {
            previous.links().next = next;
        }
        if let Some(next) = slab.get_mut(next) {
            next.links().previous = previous;
        }
    }

    /// Takes the next entry whose end has come off the wheel; none when all of them up to `now` are done or the
    /// budget, which counts visited entries and slots, is used up.
    pub fn next_due<T: Timed>(&mut self, slab: &mut Slab<T>, now: Tick, budget: &mut u32) -> Option<u32> {
        self.take_due(slab, now, budget, &mut [0]).first().copied()
    }

    /// The same of as many as there is room for: those that were taken.
    pub fn take_due<'a, T: Timed>(
        &mut self,
        slab: &mut Slab<T>,
        now: Tick,
        budget: &mut u32,
        taken: &'a mut [u32],
    ) -> &'a [u32] {
        let last = last_visited(now);
        // One turn visits every slot: after a long silence the rest of the way can be skipped.
        self.cursor = self.cursor.max((last + 1).saturating_sub(self.heads.len() as u32));
        let mut count = 0;
        while let (true, true, Some(place)) = (self.cursor <= last, *budget > 0, taken.get_mut(count)) {
            *budget -= 1;
            let slot = self.cursor as usize & (self.heads.len() - 1);
            let position = self.heads.get(slot).copied().unwrap_or(NONE);
            let Some(entry) = slab.get_mut(position) else {
                self.cursor += 1;
                continue;
            };
            let is_due = entry.ends() <= now;
            let TimerLinks { previous, next } = core::mem::replace(entry.links(), TimerLinks::UNLINKED);
            if let Some(head) = self.heads.get_mut(slot) {
                *head = next;
            }
            if let Some(next) = slab.get_mut(next) {
                next.links().previous = previous;
            }
            if is_due {
                *place = position;
                count += 1;
            } else {
                // Its end is after `now`, so it cannot land in the slot at the cursor again.
                self.link(slab, position);
            }
        }
        taken.get(..count).unwrap_or(&[])
    }

    /// The next tick to visit, after skipping what one turn up to `now` visits anyway.
    pub fn next_tick(&mut self, now: Tick) -> Tick {
        self.cursor = self.cursor.max((last_visited(now) + 1).saturating_sub(self.heads.len() as u32));
        Tick(self.cursor)
    }

    /// Visits all ticks up to `now` at once: for whoever knows that no entry is linked.
    pub fn skip(&mut self, now: Tick) {
        self.cursor = self.cursor.max(last_visited(now) + 1);
    }

    /// Whether a tick has been visited: an entry that ends then would wait for another one.
    pub fn has_passed(&self, tick: Tick) -> bool {
        tick.0 < self.cursor
    }

    /// Whether ticks up to `now` are still to be visited.
    pub fn is_behind(&self, now: Tick) -> bool {
        self.cursor <= last_visited(now)
    }
}

/// The last tick to visit. The very last one there is has none after it for the cursor to go on to.
fn last_visited(now: Tick) -> u32 {
    now.0.min(u32::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Entry(Tick, TimerLinks);

    impl Timed for Entry {
        fn ends(&self) -> Tick {
            self.0
        }
        fn links(&mut self) -> &mut TimerLinks {
            &mut self.1
        }
    }

    fn due(wheel: &mut Wheel, slab: &mut Slab<Entry>, now: u32) -> Vec<u32> {
        let mut budget = u32::MAX;
        core::iter::from_fn(|| wheel.next_due(slab, Tick(now), &mut budget)).collect()
    }

    fn with(ends: &[u32]) -> (Wheel, Slab<Entry>) {
        let (mut wheel, mut slab) = (Wheel::new(16), Slab::new(64));
        for end in ends {
            let position = slab.insert(Entry(Tick(*end), TimerLinks::UNLINKED)).unwrap_or(0);
            wheel.link(&mut slab, position);
        }
        (wheel, slab)
    }

    #[test]
    fn entries_are_due_at_their_end_and_not_before() {
        let (mut wheel, mut slab) = with(&[5, 3, 5, 100]);
        assert!(due(&mut wheel, &mut slab, 2).is_empty());
        assert_eq!(due(&mut wheel, &mut slab, 3), [1]);
        let mut both = due(&mut wheel, &mut slab, 5);
        both.sort_unstable();
        assert_eq!(both, [0, 2]);
        assert!(due(&mut wheel, &mut slab, 99).is_empty());
        assert_eq!(due(&mut wheel, &mut slab, 100), [3]);
    }

    #[test]
    fn a_refreshed_entry_is_found_at_its_new_end() {
        let (mut wheel, mut slab) = with(&[5]);
        if let Some(entry) = slab.get_mut(0) {
            entry.0 = Tick(9);
        }
        assert!(due(&mut wheel, &mut slab, 8).is_empty());
        assert_eq!(due(&mut wheel, &mut slab, 9), [0]);
    }

    #[test]
    fn a_jump_over_several_turns_finds_everything_that_is_due() {
        let (mut wheel, mut slab) = with(&[5, 20, 40, 1_000_000]);
        let mut found = due(&mut wheel, &mut slab, 100_000);
        found.sort_unstable();
        assert_eq!(found, [0, 1, 2]);
        assert_eq!(due(&mut wheel, &mut slab, 1_000_000), [3]);
    }

    #[test]
    fn an_unlinked_entry_is_never_due() {
        let (mut wheel, mut slab) = with(&[5, 5, 5]);
        wheel.unlink(&mut slab, 1);
        let mut found = due(&mut wheel, &mut slab, 10);
        found.sort_unstable();
        assert_eq!(found, [0, 2]);
    }

    #[test]
    fn the_budget_bounds_one_call() {
        let (mut wheel, mut slab) = with(&[1, 2, 3]);
        let mut budget = 2;
        let first = wheel.next_due(&mut slab, Tick(10), &mut budget);
        assert_eq!((first, budget), (Some(0), 0));
        assert_eq!(wheel.next_due(&mut slab, Tick(10), &mut budget), None);
        assert!(wheel.is_behind(Tick(10)));
    }
}
