//! All neighbours: a keyed index over a slab, and one list of timers.

use alloc::boxed::Box;

use super::entry::Entry;
use super::queue::Chain;
use crate::arch::KeyedHash;
use crate::frame::DeviceIndex;
use crate::table::{Index, Slab};
use crate::time::{Duration, Instant};
use crate::wire::ethernet::MacAddress;

/// The one wait of this table: between two requests (RETRANS_TIMER of RFC 4861 section 10), and before a failed
/// neighbour is asked for again. Since all waits are of one length, timers end in the order in which they
/// were set, and a list serves as a queue of them.
pub const WAIT: Duration = Duration::from_secs(1);

/// Idle neighbours are forgotten after this.
const IDLE_MAX: Duration = Duration::from_secs(600);

/// A full table gives up neighbours that have been idle for this.
const IDLE_MIN: Duration = Duration::from_secs(60);

/// Positions that one search for an idle neighbour looks at.
const SWEEP_POSITIONS: u32 = 64;

/// Places where the position of a neighbour is noted that was found a moment ago: 4 KiB.
const HINTS: usize = 1 << 10;

/// No position.
const NONE: u32 = u32::MAX;

struct Node {
    entry: Option<Entry>,
    timer: Timer,
}

#[derive(Clone, Copy)]
struct Timer {
    due: Option<Instant>,
    earlier: u32,
    later: u32,
}

const OFF: Timer = Timer { due: None, earlier: NONE, later: NONE };

/// Fixed-capacity table of neighbours, found by device and address.
pub struct NeighbourTable {
    hash: KeyedHash,
    index: Index,
    slab: Slab<Node>,
    unresolved: u32,
    unresolved_max: u32,
    first_timer: u32,
    last_timer: u32,
    sweep: u32,
    /// Positions, by some bits of the address; what is found there is looked at, so it may be wrong.
    hints: Box<[u32; HINTS]>,
}

impl NeighbourTable {
    /// An empty table for at most `capacity` neighbours, half of them unresolved: a scan of a subnet cannot push
    /// out the stations that exist (RFC 6583).
    pub fn new(capacity: u32, hash_key: [u8; 16]) -> Self {
        Self {
            hash: KeyedHash::new(&hash_key),
            index: Index::new(capacity),
            slab: Slab::new(capacity),
            unresolved: 0,
            unresolved_max: capacity.div_ceil(2),
            first_timer: NONE,
            last_timer: NONE,
            sweep: 0,
            hints: Box::new([0; HINTS]),
        }
    }

    /// Position of a neighbour.
    pub fn find(&self, device: DeviceIndex, address: u128) -> Option<u32> {
        let is_key =
            |position| self.get(position).is_some_and(|entry| entry.address == address && entry.device == device);
        self.index.find(self.hash_of(device, address), is_key)
    }

    /// Link address of a neighbour that was found a moment ago, if it is resolved and needs no confirmation; notes the use.
    #[inline(always)]
    pub fn find_hinted(&mut self, device: DeviceIndex, address: u128, now: Instant) -> Option<MacAddress> {
        let position = *self.hints.get(hint_of(device, address))?;
        let entry = self.slab.get_mut(position)?.entry.as_mut()?;
        if entry.address != address || entry.device != device || !entry.state.is_resolved() {
            return None;
        }
        if entry.needs_confirmation(now) {
            return None;
        }
        entry.used_at = now;
        Some(entry.mac)
    }

    /// Notes where a neighbour is, for [`Self::find_hinted`].
    pub fn hint(&mut self, device: DeviceIndex, address: u128, position: u32) {
        if let Some(place) = self.hints.get_mut(hint_of(device, address)) {
            *place = position;
        }
    }

    /// The neighbour at a position.
    pub fn get(&self, position: u32) -> Option<&Entry> {
        self.slab.get(position)?.entry.as_ref()
    }

    /// Adds a neighbour that is not there yet; none when the table is full.
    pub fn insert(&mut self, entry: Entry, now: Instant) -> Option<u32> {
        let resolved = entry.state.is_resolved();
        if !resolved && self.unresolved >= self.unresolved_max {
            return None;
        }
        if self.slab.is_full() {
            // Stations that only announced themselves make way for one that is to be spoken to, not for each other.
            self.drop_first(|entry| !resolved && entry.is_unproven() || entry.is_idle(IDLE_MIN, now));
        }
        let position = self.slab.insert(Node { entry: Some(entry), timer: OFF }).ok()?;
        if self.index.insert(self.hash_of(entry.device, entry.address), position).is_err() {
            self.free(position);
            return None;
        }
        self.unresolved += u32::from(!resolved);
        Some(position)
    }

    /// Changes a neighbour; stops its timer if its new state has none.
    pub fn update<R>(&mut self, position: u32, change: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        let entry = self.slab.get_mut(position)?.entry.as_mut()?;
        let before = entry.state;
        let result = change(entry);
        let after = entry.state;
        self.unresolved -= u32::from(!before.is_resolved());
        self.unresolved += u32::from(!after.is_resolved());
        if !after.is_timed() {
            self.disarm(position);
        }
        Some(result)
    }

    /// Forgets a neighbour and returns the packets that waited for it.
    pub fn remove(&mut self, position: u32) -> Chain {
        let Some(entry) = self.get(position).copied() else { return Chain::EMPTY };
        self.disarm(position);
        self.index.remove(self.hash_of(entry.device, entry.address), position);
        self.free(position);
        self.unresolved -= u32::from(!entry.state.is_resolved());
        entry.waiting
    }

    /// Starts or restarts the timer of a neighbour.
    pub fn arm(&mut self, position: u32, now: Instant) {
        self.disarm(position);
        let timer = Timer { due: Some(now.after(WAIT)), earlier: self.last_timer, later: NONE };
        if let Some(node) = self.slab.get_mut(position) {
            node.timer = timer;
        }
        match self.slab.get_mut(self.last_timer) {
            Some(last) => last.timer.later = position,
            None => self.first_timer = position,
        }
        self.last_timer = position;
    }

    /// The neighbour whose timer ends first, and when.
    pub fn first_due(&self) -> Option<(u32, Instant)> {
        let due = self.slab.get(self.first_timer)?.timer.due?;
        Some((self.first_timer, due))
    }

    /// Looks at a few neighbours and forgets those long idle; comes round to all in time.
    pub fn age(&mut self, now: Instant) {
        self.drop_first(|entry| entry.is_idle(IDLE_MAX, now));
    }

    /// All positions in use.
    pub fn positions(&self) -> impl Iterator<Item = u32> {
        (0..self.slab.end()).filter(|position| self.get(*position).is_some())
    }

    /// Positions are below this.
    pub fn end(&self) -> u32 {
        self.slab.end()
    }

    /// Forgets the first dispensable neighbour among the next few positions. It must have no packets waiting.
    fn drop_first(&mut self, is_dispensable: impl Fn(&Entry) -> bool) {
        for _ in 0..SWEEP_POSITIONS.min(self.slab.end()) {
            let position = self.sweep;
            self.sweep = if position + 1 < self.slab.end() { position + 1 } else { 0 };
            if self.get(position).is_some_and(&is_dispensable) {
                self.remove(position);
                return;
            }
        }
    }

    fn disarm(&mut self, position: u32) {
        let Some(node) = self.slab.get_mut(position) else { return };
        let timer = core::mem::replace(&mut node.timer, OFF);
        if timer.due.is_none() {
            return;
        }
        match self.slab.get_mut(timer.earlier) {
            Some(earlier) => earlier.timer.later = timer.later,
            None => self.first_timer = timer.later,
        }
        match self.slab.get_mut(timer.later) {
            Some(later) => later.timer.earlier = timer.earlier,
            None => self.last_timer = timer.earlier,
        }
    }

    fn free(&mut self, position: u32) {
        if let Some(node) = self.slab.get_mut(position) {
            node.entry = None;
        }
        self.slab.remove(position);
    }

    fn hash_of(&self, device: DeviceIndex, address: u128) -> u64 {
        // Injective within a device, which is all that a sender of packets can vary.
        self.hash.hash(address ^ (u128::from(device.0) << 96))
    }
}

/// Neighbours of one link differ in their last bits.
#[inline]
fn hint_of(device: DeviceIndex, address: u128) -> usize {
    let mixed = (address as u64).wrapping_add((address >> 32) as u64).wrapping_add(u64::from(device.0) * 37);
    mixed as usize % HINTS
}
