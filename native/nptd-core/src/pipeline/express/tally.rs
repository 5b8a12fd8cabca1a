//! Counts of packets that went the short way, gathered while uplink and direction stay the same.

use crate::counters::{Counters, Direction};

/// What is not in the counters yet.
pub struct Tally<'a> {
    counters: &'a Counters,
    direction: Direction,
    slot: u8,
    packets: u64,
    octets: u64,
}

impl<'a> Tally<'a> {
    /// Nothing yet, from one side.
    pub fn new(counters: &'a Counters, direction: Direction) -> Self {
        Self { counters, direction, slot: 0, packets: 0, octets: 0 }
    }

    /// A packet was forwarded.
    #[inline(always)]
    pub fn forward(&mut self, slot: u8, octets: usize) {
        if slot != self.slot {
            self.settle();
            self.slot = slot;
        }
        self.packets += 1;
        self.octets += octets as u64;
    }

    #[inline(never)]
    fn settle(&mut self) {
        if self.packets > 0 {
            self.counters.record_forwarded(self.slot, self.direction, self.packets, self.octets);
            (self.packets, self.octets) = (0, 0);
        }
    }
}

impl Drop for Tally<'_> {
    fn drop(&mut self) {
        self.settle();
    }
}
