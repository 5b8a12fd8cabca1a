//! Operations between two batches, which nobody may notice: with a million sessions each must be over within a millisecond.

use crate::system::Clock;
use std::sync::Arc;

use nptd_core::counters::Direction;
use nptd_core::output::OUTPUTS_MAX;
use nptd_core::session::leaving::Step;
use nptd_core::time::Instant;
use nptd_core::verdict::VERDICT_COUNT;

use crate::report::Measured;
use crate::rounds::Effort;
use crate::site::{Shape, Site};

const SESSIONS: u32 = 1_000_000;

/// Microseconds until a new plan is in force.
pub fn plan_change(effort: Effort) -> Measured {
    let mut site = Site::new(Shape::of(SESSIONS, 1));
    drop(site.sessions_outbound(SESSIONS));
    let mut now_us = 20_000_000;
    let times = (0..effort.rounds as u64).map(|round| {
        let plan = Arc::new(site.plan(round + 2));
        let start = Clock::now();
        site.engine.adopt(plan);
        let took = start.elapsed();
        // What is left of it is done a little after each batch.
        while site.engine.is_behind(Instant::from_micros(now_us)) {
            now_us += 10;
            site.engine.poll(Instant::from_micros(now_us), &mut site.outputs);
        }
        took.as_nanos() as f64 / 1e3
    });
    let times: Vec<f64> = times.collect();
    site.engine.adopt(Arc::new(site.plan(100)));
    let plan = Arc::new(site.plan(101));
    let start = Clock::now();
    site.engine.adopt(plan);
    let at_once = start.elapsed().as_nanos() as f64 / 1e3;
    Measured::of(times, "µs").with_note(format!("{at_once:.0} µs for a second one at once"))
}

/// Nanoseconds to read every counter.
pub fn counters_snapshot(effort: Effort) -> Measured {
    let site = Site::new(Shape::SMALL);
    let times = (0..effort.rounds).map(|_| {
        let start = Clock::now();
        let mut sum = 0_u64;
        for slot in (0..16).map(Some).chain([None]) {
            for direction in [Direction::Outbound, Direction::Inbound] {
                let cells = (0..VERDICT_COUNT).map(|index| site.engine.counters().verdict(slot, direction, index));
                sum = cells.fold(sum, u64::wrapping_add);
            }
        }
        std::hint::black_box(sum);
        start.elapsed().as_nanos() as f64
    });
    Measured::of(times.collect(), "ns")
}

/// The longest pause while a million sessions, and then their mappings, end at one moment.
pub fn expiry(_effort: Effort) -> Measured {
    let mut site = Site::new(Shape::of(SESSIONS, 1));
    for number in 0..SESSIONS {
        site.open_datagram(number);
    }
    let (mut pauses, begin) = (Vec::new(), Clock::now());
    for seconds in [400, 600] {
        let now = Instant::from_micros(seconds * 1_000_000);
        loop {
            let start = Clock::now();
            site.engine.poll(now, &mut site.outputs);
            pauses.push(start.elapsed().as_nanos() as f64 / 1e3);
            site.outputs.clear();
            if !site.engine.is_behind(now) {
                break;
            }
        }
    }
    assert_eq!(site.engine.session_count(), 0);
    let longest = pauses.iter().copied().fold(0.0, f64::max);
    let (calls, total) = (pauses.len(), begin.elapsed().as_millis());
    let median = Measured::of(pauses, "µs").value;
    let measured = Measured { value: longest, best: median, unit: "µs", note: String::new() };
    measured.with_note(format!("the longest and the median of {calls} calls, {total} ms together"))
}

/// Milliseconds until each host has been told that its connection is over, of a million whose uplink is left.
pub fn telling(_effort: Effort) -> Measured {
    let mut site = Site::new(Shape::of(SESSIONS, 1));
    (0..SESSIONS).for_each(|number| site.open_connection(number));
    site.engine.adopt(Arc::new(site.plan_of_failure(2)));
    let now = Instant::from_micros(20_000_000);
    let (mut steps, mut told, begin) = (Vec::new(), 0, Clock::now());
    let mut goes_on = true;
    while goes_on {
        let start = Clock::now();
        site.outputs.clear();
        goes_on = site.engine.sweep_left(Step::sending(OUTPUTS_MAX as u32), now, &mut site.outputs);
        steps.push(start.elapsed().as_nanos() as f64 / 1e3);
        told += site.outputs.len();
    }
    let total = begin.elapsed().as_nanos() as f64 / 1e6;
    assert_eq!(told, SESSIONS as usize);
    let longest = steps.iter().copied().fold(0.0, f64::max);
    let measured = Measured { value: total, best: total, unit: "ms", note: String::new() };
    measured.with_note(format!("{} steps of {OUTPUTS_MAX} resets, the longest of {longest:.0} µs", steps.len()))
}
