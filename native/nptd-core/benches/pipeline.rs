//! Nanoseconds per packet of the whole pipeline in memory: each frame is copied from a template into a batch
//! buffer, as a receive would, then parsed, steered, looked up, rewritten, given its link header and counted.
//!
//! `cargo bench -p nptd-core [-- CASE] [--json FILE]`. Method and meaning of the cases: bench/README.md.

#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "a benchmark reads the clock and may fail loudly")]

#[path = "pipeline/site.rs"]
mod site;

use std::hint::black_box;
use std::time::Instant as Clock;

use nptd_core::frame::{FRAME_BATCH_MAX, Frame, HEADROOM};
use nptd_core::time::Instant;
use nptd_core::verdict::Verdict;

use site::{Site, Template};

/// Octets between two batch buffers: not a power of two, or frames would fight for the same cache sets.
const STRIDE: usize = HEADROOM + 2_048 + 64;

/// Measured rounds of each case; the median is reported, and the best beside it.
const ROUNDS: usize = 7;

/// Packets of one round.
const PACKETS: usize = 1 << 20;

struct Row {
    case: &'static str,
    median: f64,
    best: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let json = arguments.iter().position(|argument| argument == "--json").and_then(|at| arguments.get(at + 1));
    let wanted = arguments.iter().find(|argument| !argument.starts_with("--") && Some(*argument) != json);
    let mut rows = Vec::new();
    println!("{:<18} {:>10} {:>10}   whole pipeline, 64-octet frames, one core", "case", "median ns", "best ns");
    for (case, prepare) in CASES {
        if wanted.is_some_and(|wanted| !case.contains(wanted.as_str())) {
            continue;
        }
        let row = measure(case, *prepare);
        println!("{:<18} {:>10.1} {:>10.1}", row.case, row.median, row.best);
        rows.push(row);
    }
    if let Some(file) = json {
        std::fs::write(file, to_json(&rows)).expect("the JSON file can be written");
    }
}

type Prepare = fn(&mut Site) -> Vec<Template>;

const CASES: &[(&str, Prepare)] = &[
    ("copy-only", |site| site.sessions_outbound(1_000)),
    ("nat44-out-1k", |site| site.sessions_outbound(1_000)),
    ("nat44-out-64k", |site| site.sessions_outbound(64_000)),
    ("nat44-out-1m", |site| site.sessions_outbound(1_000_000)),
    ("nat44-in-1m", |site| site.sessions_inbound(1_000_000)),
    ("nptv6-out", Site::prefix_outbound),
    ("nptv6-in", Site::prefix_inbound),
];

fn measure(case: &'static str, prepare: Prepare) -> Row {
    let mut site = Site::new();
    let templates = prepare(&mut site);
    let order = shuffled(templates.len());
    let mut nanoseconds: Vec<f64> = (0..=ROUNDS)
        .map(|_| run_round(&mut site, &templates, &order, case != "copy-only"))
        // The first round warms caches and page tables.
        .skip(1)
        .collect();
    nanoseconds.sort_by(f64::total_cmp);
    Row { case, median: nanoseconds[ROUNDS / 2], best: nanoseconds[0] }
}

fn run_round(site: &mut Site, templates: &[Template], order: &[u32], process: bool) -> f64 {
    let mut buffers = vec![0u8; STRIDE * FRAME_BATCH_MAX];
    let now = Instant::from_micros(20_000_000);
    let mut next = order.iter().cycle();
    let start = Clock::now();
    for _ in 0..PACKETS / FRAME_BATCH_MAX {
        let mut frames: [Frame<'_>; FRAME_BATCH_MAX] = {
            let mut chunks = buffers.chunks_exact_mut(STRIDE);
            std::array::from_fn(|_| {
                let template = &templates[*next.next().expect("cyclic") as usize];
                let buffer = chunks.next().expect("one buffer a frame");
                buffer[HEADROOM..HEADROOM + template.octets.len()].copy_from_slice(&template.octets);
                Frame::new(buffer, HEADROOM, template.octets.len(), template.ingress)
            })
        };
        if process {
            site.engine.process(&mut frames, now, &mut site.outputs);
            assert!(frames.iter().all(|frame| frame.verdict == Verdict::Forward), "{:?}", frames[0].verdict);
        }
        black_box(&mut frames);
    }
    start.elapsed().as_nanos() as f64 / PACKETS as f64
}

/// A fixed shuffle: the same order in every run, random to the cache.
fn shuffled(count: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    for index in (1..count).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(index, (seed >> 33) as usize % (index + 1));
    }
    order
}

fn to_json(rows: &[Row]) -> String {
    let machine = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let machine = machine.lines().find_map(|line| line.strip_prefix("model name\t: ")).unwrap_or("unknown").to_owned();
    let seconds = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    let rows: Vec<_> = rows
        .iter()
        .map(|row| serde_json::json!({ "case": row.case, "value": row.median, "best": row.best, "unit": "ns/packet" }))
        .collect();
    serde_json::json!({ "machine": machine, "date": seconds, "rows": rows }).to_string()
}
