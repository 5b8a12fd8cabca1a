//! One counter per outcome, readable by another thread while the worker counts.

use alloc::boxed::Box;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::plan::{POLICIES_MAX, SLOTS_MAX};
use crate::verdict::{OutputKind, Suppressed, VERDICT_COUNT, Verdict};

/// The side a packet came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the site.
    Outbound,
    /// From an uplink.
    Inbound,
}

impl Direction {
    const fn index(self) -> usize {
        match self {
            Self::Outbound => 0,
            Self::Inbound => 1,
        }
    }
}

/// Scopes that verdicts are counted in: every uplink slot, and one for packets that met no uplink.
pub const SCOPES: usize = SLOTS_MAX + 1;

const CELLS_VERDICT: usize = SCOPES * 2 * VERDICT_COUNT;
const CELLS_OUTPUT: usize = CELLS_VERDICT + OutputKind::ALL.len();
const CELLS_SUPPRESSED: usize = CELLS_OUTPUT + Suppressed::ALL.len();
const CELLS_OCTETS: usize = CELLS_SUPPRESSED + SLOTS_MAX * 2;
const CELLS: usize = CELLS_OCTETS + POLICIES_MAX * SLOTS_MAX;

// 17 scopes x 2 directions x 57 verdicts, and 32 policies x 16 slots, x 8 octets: about 20 KiB a worker.
const _: () = assert!(CELLS * 8 < 32 * 1024);

/// The counters of one worker.
///
/// Only the worker writes, so a relaxed load and store count without a locked instruction.
pub struct Counters {
    cells: Box<[AtomicU64]>,
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}

impl Counters {
    /// All zero.
    pub fn new() -> Self {
        Self { cells: (0..CELLS).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Counts the verdict of one frame; `slot` is the uplink it met, if any.
    pub fn record(&self, slot: Option<u8>, direction: Direction, verdict: Verdict) {
        self.add(Self::verdict_cell(slot, direction, verdict.index()));
    }

    /// Counts forwarded frames and the octets of their IP packets, as they were received.
    pub fn record_forwarded(&self, slot: u8, direction: Direction, frames: u64, octets: u64) {
        self.add_many(Self::verdict_cell(Some(slot), direction, Verdict::Forward.index()), frames);
        self.add_many(Self::octets_cell(slot, direction), octets);
    }

    /// Counts an extra output.
    pub fn record_output(&self, kind: OutputKind) {
        self.add(CELLS_VERDICT + kind.index());
    }

    /// Counts an output that was not made.
    pub fn record_suppressed(&self, what: Suppressed) {
        self.add(CELLS_OUTPUT + what.index());
    }

    /// Counts the octets of an IP packet that was forwarded by way of an uplink, as they were received.
    #[inline]
    pub fn record_octets(&self, slot: u8, direction: Direction, octets: usize) {
        self.add_many(Self::octets_cell(slot, direction), octets as u64);
    }

    /// Counts a session that begins under a policy on an uplink.
    pub fn record_flow(&self, policy: u8, slot: u8) {
        self.add(Self::flow_cell(policy, slot));
    }

    /// Reads the octets of forwarded IP packets.
    pub fn octets(&self, slot: u8, direction: Direction) -> u64 {
        self.get(Self::octets_cell(slot, direction))
    }

    /// Reads the sessions that have begun.
    pub fn flows(&self, policy: u8, slot: u8) -> u64 {
        self.get(Self::flow_cell(policy, slot))
    }

    /// Reads the counter of a verdict by its index.
    pub fn verdict(&self, slot: Option<u8>, direction: Direction, index: usize) -> u64 {
        self.get(Self::verdict_cell(slot, direction, index.min(VERDICT_COUNT - 1)))
    }

    /// Reads the counter of an output kind.
    pub fn output(&self, kind: OutputKind) -> u64 {
        self.get(CELLS_VERDICT + kind.index())
    }

    /// Reads the counter of suppressed outputs.
    pub fn suppressed(&self, what: Suppressed) -> u64 {
        self.get(CELLS_OUTPUT + what.index())
    }

    fn verdict_cell(slot: Option<u8>, direction: Direction, verdict: usize) -> usize {
        let scope = slot.map_or(SLOTS_MAX, |slot| usize::from(slot).min(SLOTS_MAX - 1));
        (scope * 2 + direction.index()) * VERDICT_COUNT + verdict
    }

    fn octets_cell(slot: u8, direction: Direction) -> usize {
        CELLS_SUPPRESSED + usize::from(slot).min(SLOTS_MAX - 1) * 2 + direction.index()
    }

    fn flow_cell(policy: u8, slot: u8) -> usize {
        let (policy, slot) = (usize::from(policy).min(POLICIES_MAX - 1), usize::from(slot).min(SLOTS_MAX - 1));
        CELLS_OCTETS + policy * SLOTS_MAX + slot
    }

    #[inline]
    fn add(&self, cell: usize) {
        self.add_many(cell, 1);
    }

    #[inline]
    fn add_many(&self, cell: usize, count: u64) {
        if let Some(cell) = self.cells.get(cell) {
            cell.store(cell.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
        }
    }

    fn get(&self, cell: usize) -> u64 {
        self.cells.get(cell).map_or(0, |cell| cell.load(Ordering::Relaxed))
    }
}
