//! What every part that may send needs: the plan, the time, the pool of outputs, the counters, and the way to other workers.

use crate::counters::Counters;
use crate::news::Outbox;
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
    /// What other workers are to be told.
    pub news: &'a mut Outbox,
}
