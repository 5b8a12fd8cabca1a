//! The engine in memory: nanoseconds per packet of the whole pipeline, new sessions per second, octets per session, and how long
//! single operations take.
//!
//! `cargo bench -p nptd-core --bench pipeline [-- CASE…] [--quick] [--criterion] [--json FILE] [--chart FILE]`. Method and meaning of the
//! cases: bench/README.md.
//!
//! Each case is measured in a process of its own (`--measure CASE`), so that none finds the memory that another one has left, and what
//! criterion says of it stays beside the table.

#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "a benchmark reads the clock and may fail loudly")]

#[path = "pipeline/chart.rs"]
mod chart;
#[path = "pipeline/churn.rs"]
mod churn;
#[path = "pipeline/measure.rs"]
mod measure;
#[path = "pipeline/memory.rs"]
mod memory;
#[path = "pipeline/opener.rs"]
mod opener;
#[path = "pipeline/operations.rs"]
mod operations;
#[path = "pipeline/report.rs"]
mod report;
#[path = "pipeline/site.rs"]
#[allow(dead_code, reason = "shared with the count of instructions")]
mod site;
#[path = "pipeline/steady.rs"]
mod steady;
#[path = "pipeline/system.rs"]
mod system;
#[path = "pipeline/traffic.rs"]
mod traffic;
#[path = "pipeline/workers.rs"]
mod workers;
#[path = "pipeline/yardsticks.rs"]
mod yardsticks;

use std::process::Command;

use measure::{Effort, Run};
use report::{Measured, Report};

type Measure = fn(Run) -> Measured;

/// In the order in which they run; those of the curve come with their number of sessions.
const CASES: &[(&str, Measure)] = &[
    ("pointer-chase", yardsticks::pointer_chase),
    ("copy-only", yardsticks::copy_only),
    ("session-memory-1m", |run| memory::per_session(1_000_000, 1, run)),
    ("session-memory-1m-16", |run| memory::per_session(1_000_000, 16, run)),
    ("nat44-out-1", |run| steady::outbound(1, run)),
    ("nat44-out-1k", |run| steady::outbound(1_000, run)),
    ("nat44-out-16k", |run| steady::outbound(16_000, run)),
    ("nat44-out-64k", |run| steady::outbound(64_000, run)),
    ("nat44-out-256k", |run| steady::outbound(256_000, run)),
    ("nat44-out-1m", |run| steady::outbound(1_000_000, run)),
    ("nat44-out-4m", |run| steady::shared(4_000_000, 4, run)),
    ("nat44-out-1m-sequential", steady::sequential),
    ("nat44-out-1m-4k", steady::small_pages),
    ("nat44-in-1k", |run| steady::inbound(1_000, run)),
    ("nat44-in-64k", |run| steady::inbound(64_000, run)),
    ("nat44-in-1m", |run| steady::inbound(1_000_000, run)),
    ("nat44-out-64k-2workers", workers::two),
    ("nat44-out-1m-16", |run| steady::shared(1_000_000, 16, run)),
    ("nptv6-out", steady::prefix_outbound),
    ("nptv6-in", steady::prefix_inbound),
    ("nptv6-out-filtered", steady::prefix_filtered),
    ("nat44-new-sessions", churn::new_sessions),
    ("nat44-mix", churn::mix),
    ("nat44-attack", churn::attack),
    ("nat44-attack-refused", churn::refused),
    ("plan-change-1m", operations::plan_change),
    ("counters-snapshot", operations::counters_snapshot),
    ("expiry-1m", operations::expiry),
    ("telling-1m", operations::telling),
];

/// The option by which a case is measured in its own process.
const MEASURE: &str = "--measure";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let value = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag);
        at.and_then(|at| arguments.get(at + 1)).cloned()
    };
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if let Some(name) = value(MEASURE) {
        return measure_here(&name, if has("--quick") { Effort::QUICK } else { Effort::FULL });
    }
    let (json, chart) = (value("--json"), value("--chart"));
    let is_value = |argument: &&String| json.as_ref() != Some(argument) && chart.as_ref() != Some(argument);
    let wanted: Vec<&String> =
        arguments.iter().filter(|argument| !argument.starts_with("--")).filter(is_value).collect();
    let mut report = Report::begin();
    let cases: Vec<_> = CASES.iter().filter(|(case, _)| is_wanted(case, &wanted)).collect();
    for (number, (case, _)) in (1..).zip(&cases) {
        report.progress(case, (number, cases.len()));
        report.add(case, measure_apart(case, has("--quick"), has("--criterion")));
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

/// Measures a case in this process and prints what came out, after what criterion has to say.
fn measure_here(name: &str, effort: Effort) {
    let (case, measure) = CASES.iter().find(|(case, _)| *case == name).expect("the name of a case");
    println!("{}", measure(Run { case, effort }).to_json());
}

/// Measures a case in a process of its own.
fn measure_apart(case: &str, is_quick: bool, tells: bool) -> Measured {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.args([MEASURE, case]).args(is_quick.then_some("--quick")).envs([measure::environment()]);
    let output = command.output().expect("this program runs again");
    let [said, failed] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    let (criterion, row) = said.trim_end().rsplit_once('\n').unwrap_or(("", said.trim_end()));
    if tells && !criterion.is_empty() {
        println!("{criterion}");
    }
    let measured = Measured::parse(row).filter(|_| output.status.success());
    measured.unwrap_or_else(|| panic!("{case}: {}\n{said}{failed}", output.status))
}
