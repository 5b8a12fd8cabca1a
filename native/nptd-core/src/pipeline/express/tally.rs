//! Counts of packets that went the short way, gathered while uplink and direction stay the same.

use crate::counters::{Counters, Direction};

/// What is not in the counters yet of a run of packets.
pub struct Tally<'a> {
    counters: &'a Counters,
    direction: Direction,
    slot: u8,
    /// How many packets of the run are in the counters.
    settled: usize,
    octets: u64,
}

impl<'a> Tally<'a> {
    /// Nothing yet, from one side.
    pub fn new(counters: &'a Counters, direction: Direction) -> Self {
        Self { counters, direction, slot: 0, settled: 0, octets: 0 }
    }

    /// A packet was forwarded, after `count` others of the run.
    #[inline(always)]
    pub fn forward(&mut self, slot: u8, octets: usize, count: usize) {
        if slot != self.slot {
            self.settle(count);
            self.slot = slot;
        }
        self.octets += octets as u64;
    }

    /// Counts what is left of a run of `count` packets.
    #[inline(always)]
    pub fn settle(&mut self, count: usize) {
        let packets = (count - self.settled) as u64;
        if packets > 0 {
            record(self.counters, self.slot, self.direction, [packets, self.octets]);
            (self.settled, self.octets) = (count, 0);
        }
    }
}

/// By values, so that a tally lies in no memory.
#[inline(never)]
fn record(counters: &Counters, slot: u8, direction: Direction, [packets, octets]: [u64; 2]) {
    counters.record_forwarded(slot, direction, packets, octets);
}
