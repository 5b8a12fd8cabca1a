//! Operations between two batches, which nobody may notice: with a million sessions each must be over within a millisecond.

use std::sync::Arc;

use nptd_core::counters::Direction;
use nptd_core::output::OUTPUTS_MAX;
use nptd_core::session::leaving::Step;
use nptd_core::time::Instant;
use nptd_core::verdict::VERDICT_COUNT;

use crate::measure::Run;
use crate::report::{Measured, median};
use crate::site::{Shape, Site};
use crate::system::Clock;

const SESSIONS: u32 = 1_000_000;

/// Microseconds until a new plan is in force.
pub fn plan_change(run: Run) -> Measured {
    let mut site = Site::new(Shape::of(SESSIONS, 1));
    drop(site.sessions_outbound(SESSIONS));
    let (mut now_us, mut generation) = (20_000_000, 1);
    let mut adopt = |site: &mut Site| {
        generation += 1;
        let plan = Arc::new(site.plan(generation));
        let start = Clock::now();
        site.engine.adopt(plan);
        start.elapsed()
    };
    let mut change = || {
        let took = adopt(&mut site);
        // What is left of it is done a little after each batch.
        while site.engine.is_behind(Instant::from_micros(now_us)) {
            now_us += 10;
            site.engine.poll(Instant::from_micros(now_us), &mut site.outputs);
        }
        took
    };
    let sampled = run.sampled(|bencher| bencher.iter_custom(|plans| (0..plans).map(|_| change()).sum()));
    adopt(&mut site);
    let at_once = adopt(&mut site).as_nanos() as f64 / 1e3;
    let micros = [sampled.median, sampled.best].map(|ns| ns / 1e3);
    Measured::new(micros, "µs").with_note(format!("{at_once:.0} µs for a second one at once"))
}

/// Nanoseconds to read every counter.
pub fn counters_snapshot(run: Run) -> Measured {
    let site = Site::new(Shape::SMALL);
    let read = || {
        let mut sum = 0_u64;
        for slot in (0..16).map(Some).chain([None]) {
            for direction in [Direction::Outbound, Direction::Inbound] {
                let cells = (0..VERDICT_COUNT).map(|index| site.engine.counters().verdict(slot, direction, index));
                sum = cells.fold(sum, u64::wrapping_add);
            }
        }
        sum
    };
    let sampled = run.sampled(|bencher| bencher.iter(read));
    Measured::new([sampled.median, sampled.best], "ns")
}

/// The longest pause while a million sessions, and then their mappings, end at one moment.
pub fn expiry(_run: Run) -> Measured {
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
    Measured::new([longest, median(pauses)], "µs")
        .with_note(format!("the longest and the median of {calls} calls, {total} ms together"))
}

/// Milliseconds until each host has been told that its connection is over, of a million whose uplink is left.
pub fn telling(_run: Run) -> Measured {
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
    let note = format!("{} steps of {OUTPUTS_MAX} resets, the longest of {longest:.0} µs", steps.len());
    Measured::new([total; 2], "ms").with_note(note)
}
