//! The order of the parts: frames in, verdicts and outputs out.

use alloc::sync::Arc;

use crate::counters::Counters;
use crate::frame::{DeviceIndex, Frame};
use crate::output::OutputPool;
use crate::plan::Plan;
use crate::time::Instant;

/// Capacities and secrets of an engine: fixed for its life.
#[derive(Clone, Copy, Debug)]
pub struct EngineConfig {
    /// Most live and resting NAT44 mappings.
    pub mappings_max: u32,
    /// Most NAT44 sessions.
    pub sessions_max: u32,
    /// Most neighbours over all devices.
    pub neighbours_max: u32,
    /// Key of port choice, random per boot.
    pub secret: [u8; 16],
    /// Key of the tables' hash, random per boot.
    pub hash_key: [u8; 16],
}

/// One worker's data path.
pub struct Engine {
    counters: Arc<Counters>,
}

impl Engine {
    /// Allocates everything the engine will ever use.
    pub fn new(_config: EngineConfig, counters: Arc<Counters>) -> Self {
        Self { counters }
    }

    /// Takes over a plan, between two batches.
    pub fn adopt(&mut self, _plan: Arc<Plan>, _now: Instant) {}

    /// Processes a batch of at most [`crate::frame::FRAME_BATCH_MAX`] frames: sets verdict and egress of each,
    /// and fills the pool of extra outputs.
    pub fn process(&mut self, _frames: &mut [Frame<'_>], _now: Instant, _outputs: &mut OutputPool) {}

    /// Does what time demands: expiry within a budget, address resolution, probes. Call it at least every 100 ms while
    /// idle or at [`Self::next_wakeup`], and after each batch.
    pub fn tick(&mut self, _now: Instant, _outputs: &mut OutputPool) {}

    /// When [`Self::tick`] has something to do next; none while there is nothing.
    pub fn next_wakeup(&self) -> Option<Instant> {
        None
    }

    /// Sends a complete frame of the control plane out of a device; false if there is no room.
    pub fn inject(&mut self, _device: DeviceIndex, _octets: &[u8], _outputs: &mut OutputPool) -> bool {
        false
    }

    /// The counters, shared with readers.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }
}
