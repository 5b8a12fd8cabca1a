//! Time as a value. The caller supplies it; nothing in this crate can read a clock.

/// Microseconds since an arbitrary, fixed origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(u64);

/// A span of time in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(u64);

/// Tenths of a second since the origin of [`Instant`]: the grain in which lifetimes are kept.
///
/// A lifetime that starts at instant `t` and lasts `d` ends at the first tick boundary at or after
/// `t + d` ([`Tick::at_or_after`]); an entry is dead when `now.tick() >= end`. Thirty-two bits last 13 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tick(pub u32);

/// Microseconds in one [`Tick`].
pub const TICK_US: u64 = 100_000;

impl Instant {
    /// An instant from microseconds since the origin.
    pub const fn from_micros(us: u64) -> Self {
        Self(us)
    }

    /// Microseconds since the origin.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The tick this instant lies in (rounded down).
    pub const fn tick(self) -> Tick {
        Tick((self.0 / TICK_US) as u32)
    }

    /// Where a tick begins.
    pub const fn at(tick: Tick) -> Self {
        Self(tick.0 as u64 * TICK_US)
    }

    /// This instant plus a span.
    pub const fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// The span since an earlier instant; zero if `earlier` is later.
    pub const fn since(self, earlier: Instant) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl Duration {
    /// A span from microseconds.
    pub const fn from_micros(us: u64) -> Self {
        Self(us)
    }

    /// A span from milliseconds.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms * 1_000)
    }

    /// A span from seconds.
    pub const fn from_secs(s: u64) -> Self {
        Self(s * 1_000_000)
    }

    /// The span in microseconds.
    pub const fn as_micros(self) -> u64 {
        self.0
    }
}

impl Tick {
    /// Milliseconds from an instant to this tick, rounded down. Counted from the current tick, since the ticks of an instant far
    /// from its origin are cut to 32 bits.
    pub const fn ms_after(self, now: Instant) -> u64 {
        let ticks = self.0.saturating_sub(now.tick().0);
        (ticks as u64 * TICK_US).saturating_sub(now.as_micros() % TICK_US) / 1_000
    }

    /// The first tick boundary at or after an instant: where a lifetime ending then is over.
    pub const fn at_or_after(instant: Instant) -> Self {
        Self(instant.as_micros().div_ceil(TICK_US) as u32)
    }
}
