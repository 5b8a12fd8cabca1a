//! How a plan reaches the workers: one cell that they look at between batches, and a number each writes back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use nptd_core::plan::Plan;

use crate::error::Stopped;

/// Acknowledgement of a worker that has ended.
const ENDED: u64 = u64::MAX;

/// How often a waiting publisher looks for itself; acknowledgements wake it much sooner.
const RECHECK: Duration = Duration::from_millis(100);

/// The plan in force and what each worker has taken over of it.
pub struct PlanCell {
    plan: ArcSwapOption<Plan>,
    published: AtomicU64,
    acknowledged: Vec<AtomicU64>,
    waiting: Mutex<()>,
    changed: Condvar,
}

impl PlanCell {
    /// An empty cell for this many workers.
    pub fn new(workers: usize) -> Self {
        Self {
            plan: ArcSwapOption::empty(),
            published: AtomicU64::new(0),
            acknowledged: (0..workers).map(|_| AtomicU64::new(0)).collect(),
            waiting: Mutex::new(()),
            changed: Condvar::new(),
        }
    }

    /// Puts a plan in force for the next batch of every worker.
    pub fn publish(&self, plan: Arc<Plan>) {
        let generation = plan.generation;
        self.plan.store(Some(plan));
        self.published.store(generation, Ordering::Release);
    }

    /// Generation of the plan last published; 0 before the first.
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    /// The plan in force, if it is another one than `adopted`: one load and compare when it is not.
    pub fn newer_than(&self, adopted: u64) -> Option<Arc<Plan>> {
        if self.published() == adopted {
            return None;
        }
        self.plan.load_full()
    }

    /// Says that a worker has taken a plan over.
    pub fn acknowledge(&self, worker: usize, generation: u64) {
        if let Some(cell) = self.acknowledged.get(worker) {
            let _guard = self.lock();
            cell.store(generation, Ordering::Release);
            self.changed.notify_all();
        }
    }

    /// Says that a worker will take no more plans over.
    pub fn end(&self, worker: usize) {
        self.acknowledge(worker, ENDED);
    }

    /// Generation that every worker has acknowledged; 0 when all have ended before the first.
    pub fn generation(&self) -> u64 {
        self.slowest().unwrap_or(0)
    }

    /// Waits until every worker has taken over this generation or a later one.
    pub fn wait_for(&self, generation: u64) -> Result<(), Stopped> {
        let mut guard = self.lock();
        loop {
            if self.acknowledged.iter().any(|cell| cell.load(Ordering::Acquire) == ENDED) {
                return Err(Stopped);
            }
            if self.slowest().is_some_and(|slowest| slowest >= generation) {
                return Ok(());
            }
            let (next, _timeout) = self.changed.wait_timeout(guard, RECHECK).unwrap_or_else(PoisonError::into_inner);
            guard = next;
        }
    }

    fn slowest(&self) -> Option<u64> {
        let generations = self.acknowledged.iter().map(|cell| cell.load(Ordering::Acquire));
        generations.filter(|generation| *generation != ENDED).min()
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use nptd_core::plan::Plan;
    use nptd_core::plan::spec::{PlanSpec, PolicySpec};

    use super::PlanCell;
    use crate::error::Stopped;

    fn plan(generation: u64) -> Arc<Plan> {
        let policies = vec![PolicySpec { prefer: Vec::new(), ..PolicySpec::default() }];
        match Plan::new(PlanSpec { generation, policies, ..PlanSpec::default() }) {
            Ok(plan) => Arc::new(plan),
            Err(error) => panic!("{error:?}"),
        }
    }

    #[test]
    fn the_publisher_waits_for_the_slowest_worker() {
        let cell = Arc::new(PlanCell::new(2));
        cell.publish(plan(7));
        assert_eq!(cell.newer_than(0).map(|plan| plan.generation), Some(7));
        assert!(cell.newer_than(7).is_none());
        cell.acknowledge(0, 7);
        assert_eq!(cell.generation(), 0);
        let waiter = {
            let cell = cell.clone();
            thread::spawn(move || cell.wait_for(7))
        };
        cell.acknowledge(1, 7);
        assert_eq!(waiter.join().ok(), Some(Ok(())));
        assert_eq!(cell.generation(), 7);
    }

    #[test]
    fn nobody_waits_for_a_worker_that_has_ended() {
        let cell = PlanCell::new(2);
        cell.acknowledge(0, 3);
        cell.end(1);
        assert_eq!(cell.wait_for(3), Err(Stopped));
        assert_eq!(cell.generation(), 3);
    }
}
