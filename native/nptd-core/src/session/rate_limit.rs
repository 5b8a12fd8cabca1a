//! A token bucket kept as one virtual time (the generic cell rate algorithm), exact in integers.

use crate::plan::spec::RateSpec;
use crate::time::Instant;

/// Limits events to a burst and a steady rate.
#[derive(Clone, Copy, Debug, Default)]
pub struct RateLimit {
    virtual_time_us: u64,
}

impl RateLimit {
    /// Whether an event at `now` passes; if so, it is charged.
    pub fn admits(&mut self, rate: RateSpec, now: Instant) -> bool {
        if rate.per_second == 0 || rate.burst == 0 {
            return false;
        }
        let now = now.as_micros();
        let interval = 1_000_000 / u64::from(rate.per_second);
        let due = self.virtual_time_us.max(now);
        if due - now > u64::from(rate.burst - 1) * interval {
            return false;
        }
        self.virtual_time_us = due.saturating_add(interval);
        true
    }
}
