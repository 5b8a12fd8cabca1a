//! The engine in memory: nanoseconds per packet of the whole pipeline, new sessions per second, octets per session, and how long
//! single operations take.
//!
//! `cargo bench -p nptd-core --bench pipeline [-- CASE…] [--quick] [--json FILE] [--chart FILE]`. Method and meaning of the cases:
//! bench/README.md. `--count CASE ROUNDS` does a fixed amount of work, for an instruction counter.

#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "a benchmark reads the clock and may fail loudly")]

#[path = "pipeline/chart.rs"]
mod chart;
#[path = "pipeline/churn.rs"]
mod churn;
#[path = "pipeline/counted.rs"]
mod counted;
#[path = "pipeline/memory.rs"]
mod memory;
#[path = "pipeline/operations.rs"]
mod operations;
#[path = "pipeline/report.rs"]
mod report;
#[path = "pipeline/rounds.rs"]
mod rounds;
#[path = "pipeline/site.rs"]
mod site;
#[path = "pipeline/system.rs"]
mod system;
#[path = "pipeline/workers.rs"]
mod workers;
#[path = "pipeline/yardsticks.rs"]
mod yardsticks;

use report::{Measured, Report};
use rounds::{Arrivals, Effort};
use site::{Shape, Site};

type Measure = fn(Effort) -> Measured;

/// In the order in which they run; those of the curve come with their number of sessions.
const CASES: &[(&str, Measure)] = &[
    ("pointer-chase", yardsticks::pointer_chase),
    ("copy-only", yardsticks::copy_only),
    // Before others leave memory behind that is not asked of the kernel again.
    ("session-memory-1m", |effort| memory::per_session(1_000_000, 1, effort)),
    ("session-memory-1m-16", |effort| memory::per_session(1_000_000, 16, effort)),
    ("nat44-out-1", |effort| outbound(1, effort)),
    ("nat44-out-1k", |effort| outbound(1_000, effort)),
    ("nat44-out-16k", |effort| outbound(16_000, effort)),
    ("nat44-out-64k", |effort| outbound(64_000, effort)),
    ("nat44-out-256k", |effort| outbound(256_000, effort)),
    ("nat44-out-1m", |effort| outbound(1_000_000, effort)),
    ("nat44-out-4m", |effort| shared(4_000_000, 4, effort)),
    ("nat44-out-1m-sequential", sequential),
    ("nat44-out-1m-4k", small_pages),
    ("nat44-in-1k", |effort| inbound(1_000, effort)),
    ("nat44-in-64k", |effort| inbound(64_000, effort)),
    ("nat44-in-1m", |effort| inbound(1_000_000, effort)),
    ("nat44-out-64k-2workers", workers::two),
    ("nat44-out-1m-16", |effort| shared(1_000_000, 16, effort)),
    ("nptv6-out", |effort| rounds::steady(Site::new(Shape::SMALL), Site::prefix_outbound, effort)),
    ("nptv6-in", |effort| rounds::steady(Site::new(Shape::SMALL), Site::prefix_inbound, effort)),
    ("nptv6-out-filtered", |effort| rounds::steady(Site::new(Shape::FILTERED), Site::prefix_outbound, effort)),
    ("nat44-new-sessions", churn::new_sessions),
    ("nat44-mix", churn::mix),
    ("nat44-attack", churn::attack),
    ("nat44-attack-refused", churn::refused),
    ("plan-change-1m", operations::plan_change),
    ("counters-snapshot", operations::counters_snapshot),
    ("expiry-1m", operations::expiry),
    ("telling-1m", operations::telling),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--count") {
        return counted::run(&arguments[at + 1..]);
    }
    let value = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag);
        at.and_then(|at| arguments.get(at + 1)).cloned()
    };
    let effort = if arguments.iter().any(|argument| argument == "--quick") { Effort::QUICK } else { Effort::FULL };
    let (json, chart) = (value("--json"), value("--chart"));
    let is_value = |argument: &&String| json.as_ref() != Some(argument) && chart.as_ref() != Some(argument);
    let wanted: Vec<&String> =
        arguments.iter().filter(|argument| !argument.starts_with("--")).filter(is_value).collect();
    let mut report = Report::begin();
    let cases: Vec<_> = CASES.iter().filter(|(case, _)| is_wanted(case, &wanted)).collect();
    for (number, (case, measure)) in (1..).zip(&cases) {
        report.progress(case, (number, cases.len()));
        report.add(case, measure(effort));
    }
    if let Some(file) = json {
        report.write_json(&file);
    }
    if let Some(file) = chart {
        std::fs::write(file, chart::draw(&report)).expect("the chart can be written");
    }
}

/// A whole name is that case, a part of one all cases that have it; nothing is all.
fn is_wanted(case: &str, wanted: &[&String]) -> bool {
    let is_name = |wanted: &str| CASES.iter().any(|(case, _)| *case == wanted);
    wanted.is_empty() || wanted.iter().any(|one| case == *one || !is_name(one) && case.contains(one.as_str()))
}

/// A million sessions whose packets come in the order in which the sessions were made.
fn sequential(effort: Effort) -> Measured {
    let mut site = Site::new(Shape::of(1_000_000, 1));
    let arrivals = Arrivals::in_order(site.sessions_outbound(1_000_000));
    rounds::repeated(site, arrivals, effort)
}

/// A million sessions in pages of 4 KiB.
fn small_pages(effort: Effort) -> Measured {
    let site = Site::new(Shape::of(1_000_000, 1).with_small_pages());
    rounds::steady(site, |site| site.sessions_outbound(1_000_000), effort)
}

fn outbound(sessions: u32, effort: Effort) -> Measured {
    rounds::steady(Site::new(Shape::of(sessions, 1)), |site| site.sessions_outbound(sessions), effort)
}

fn inbound(sessions: u32, effort: Effort) -> Measured {
    rounds::steady(Site::new(Shape::of(sessions, 1)), |site| site.sessions_inbound(sessions), effort)
}

fn shared(sessions: u32, per_mapping: u32, effort: Effort) -> Measured {
    rounds::steady(
        Site::new(Shape::of(sessions, per_mapping)),
        |site| site.sessions_shared(sessions, per_mapping),
        effort,
    )
}
