//! What every part that may send needs: the plan, the time, the pool of outputs and the counters.

use crate::counters::Counters;
use crate::output::OutputPool;
use crate::plan::Plan;
use crate::time::Instant;

/// Borrowed for one call of the pipeline.
pub struct Context<'a> {
    /// The plan in force.
    pub plan: &'a Plan,
    /// The time of the batch.
    pub now: Instant,
    /// Where extra outputs go.
    pub outputs: &'a mut OutputPool,
    /// Where they are counted.
    pub counters: &'a Counters,
}
