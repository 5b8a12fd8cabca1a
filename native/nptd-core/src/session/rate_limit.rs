//! A token bucket kept as one virtual time (the generic cell rate algorithm), exact in integers.

use core::sync::atomic::{AtomicU64, Ordering};

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
        match charged(self.virtual_time_us, rate, now) {
            Some(virtual_time_us) => {
                self.virtual_time_us = virtual_time_us;
                true
            }
            None => false,
        }
    }
}

/// The same for several workers together: what is refused only reads.
#[derive(Debug, Default)]
pub struct SharedRateLimit {
    virtual_time_us: AtomicU64,
}

impl SharedRateLimit {
    /// As [`RateLimit::admits`].
    pub fn admits(&self, rate: RateSpec, now: Instant) -> bool {
        let charge = |virtual_time_us| charged(virtual_time_us, rate, now);
        self.virtual_time_us.fetch_update(Ordering::Relaxed, Ordering::Relaxed, charge).is_ok()
    }

    /// Begins anew, with a full bucket.
    pub fn refill(&self) {
        self.virtual_time_us.store(0, Ordering::Relaxed);
    }
}

/// The virtual time after an event at `now`; none if it does not pass.
fn charged(virtual_time_us: u64, rate: RateSpec, now: Instant) -> Option<u64> {
    if rate.per_second == 0 || rate.burst == 0 {
        return None;
    }
    let now = now.as_micros();
    let interval = 1_000_000 / u64::from(rate.per_second);
    let due = virtual_time_us.max(now);
    (due - now <= u64::from(rate.burst - 1) * interval).then(|| due.saturating_add(interval))
}
