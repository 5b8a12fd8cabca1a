//! Time of work that is repeated, sampled by criterion: processor time of this thread, so that what others on the machine get does not
//! count.

use std::path::PathBuf;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Bencher, Criterion, SamplingMode};
use nptd_core::frame::FRAME_BATCH_MAX;
use serde_json::Value;

use crate::report::Measured;
use crate::system::Clock;

/// Where criterion keeps its samples, if not in `criterion` beside the other things that cargo makes.
const HOME: &str = "CRITERION_HOME";
/// The folder of this suite there.
const GROUP: &str = "pipeline";

/// What criterion measures.
pub struct ProcessorTime;

impl Measurement for ProcessorTime {
    type Intermediate = Clock;
    type Value = Duration;

    fn start(&self) -> Clock {
        Clock::now()
    }

    fn end(&self, start: Clock) -> Duration {
        start.elapsed()
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Effort {
    samples: usize,
    warm_up_ms: u64,
    sampling_ms: u64,
    /// Rounds, and packets in each, of what criterion does not sample.
    pub rounds: usize,
    pub packets: usize,
}

impl Effort {
    pub const FULL: Self = Self { samples: 20, warm_up_ms: 300, sampling_ms: 1_200, rounds: 7, packets: 1 << 20 };
    /// To see that it works, not to quote.
    pub const QUICK: Self = Self { samples: 10, warm_up_ms: 20, sampling_ms: 100, rounds: 3, packets: 1 << 16 };
}

/// A case that is measured.
#[derive(Clone, Copy)]
pub struct Run {
    pub case: &'static str,
    pub effort: Effort,
}

impl Run {
    /// Samples work that has been prepared, every sample of as many iterations.
    pub fn sampled(self, work: impl FnMut(&mut Bencher<'_, ProcessorTime>)) -> Sampled {
        let Effort { samples, warm_up_ms, sampling_ms, .. } = self.effort;
        // Nobody is to take samples for new that an earlier run has left.
        let _ = std::fs::remove_dir_all(samples_of(self.case));
        let mut criterion = Criterion::default()
            .with_measurement(ProcessorTime)
            .without_plots()
            .nresamples(2_000)
            .sample_size(samples)
            .warm_up_time(Duration::from_millis(warm_up_ms))
            .measurement_time(Duration::from_millis(sampling_ms));
        let mut group = criterion.benchmark_group(GROUP);
        group.sampling_mode(SamplingMode::Flat).bench_function(self.case, work);
        group.finish();
        Sampled::of(self.case)
    }
}

/// Nanoseconds of an iteration.
#[derive(Clone, Copy)]
pub struct Sampled {
    pub median: f64,
    pub best: f64,
}

impl Sampled {
    /// What criterion has just written of a case.
    fn of(case: &str) -> Self {
        let file = |name: &str| {
            let text = std::fs::read_to_string(samples_of(case).join(name)).expect("criterion writes its samples");
            serde_json::from_str::<Value>(&text).expect("a JSON file")
        };
        let (estimates, sample) = (file("estimates.json"), file("sample.json"));
        let numbers = |key: &str| -> Vec<f64> {
            sample[key].as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
        };
        let times = numbers("times").into_iter().zip(numbers("iters")).map(|(time, iterations)| time / iterations);
        let median = estimates["median"]["point_estimate"].as_f64().expect("a median");
        Self { median, best: times.fold(f64::INFINITY, f64::min) }
    }

    /// As nanoseconds of each of as many steps as a batch has packets.
    pub fn per(self, unit: &'static str) -> Measured {
        let Self { median, best } = self;
        Measured::new([median, best].map(|ns| ns / FRAME_BATCH_MAX as f64), unit)
    }

    /// As packets of a batch in a second.
    pub fn rate(self, unit: &'static str) -> Measured {
        let Self { median, best } = self;
        Measured::new([median, best].map(|ns| 1e9 * FRAME_BATCH_MAX as f64 / ns), unit)
    }
}

/// Where criterion writes what it finds of a case.
fn samples_of(case: &str) -> PathBuf {
    let home = std::env::var_os(HOME).expect("measured by the suite");
    PathBuf::from(home).join(GROUP).join(case).join("new")
}

/// Tells criterion a folder beside what cargo builds, unless one has been named: it would ask cargo, which need not be there.
pub fn environment() -> (&'static str, PathBuf) {
    let beside = || std::env::current_exe().ok()?.ancestors().nth(3).map(|target| target.join("criterion"));
    let home = std::env::var_os(HOME).map(PathBuf::from).or_else(beside);
    (HOME, home.expect("cargo has built this"))
}
