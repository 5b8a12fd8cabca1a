//! The clock of the workers. Everything else is told the time.

use nptd_core::time::Instant;

use crate::sys::clock::monotonic_us;

/// Something that knows the time.
pub trait Clock: Send {
    /// Microseconds since a fixed origin, never falling.
    fn now(&self) -> Instant;
}

/// The kernel's `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug, Default)]
pub struct MonotonicClock;

impl Clock for MonotonicClock {
    fn now(&self) -> Instant {
        Instant::from_micros(monotonic_us())
    }
}
