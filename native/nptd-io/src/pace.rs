//! How much of telling hosts that their connections are over fits between two bursts of traffic.

use nptd_core::output::OUTPUTS_MAX;
use nptd_core::session::leaving::Step;
use nptd_core::time::Duration;

/// Resets of the smallest step, and of the largest: all that the outputs of one call hold.
const RESETS_MIN: u32 = 32;
const RESETS_MAX: u32 = OUTPUTS_MAX as u32;

/// How long one step should take: steps are half as large if they take longer, twice as large if they take less than half of it.
const STEP: Duration = Duration::from_micros(250);

/// How long all steps of one turn take, but for the last one: with that, well below a millisecond.
const TURN: Duration = Duration::from_micros(500);

/// Sizes of steps, by how long those before took: resets cost what the device of the hosts takes for a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    resets: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { resets: RESETS_MIN }
    }
}

impl Pace {
    /// The next step, after so long in this turn; none: enough for now.
    pub(crate) fn step(self, so_far: Duration) -> Option<Step> {
        (so_far < TURN).then(|| Step::sending(self.resets))
    }

    /// A step has taken so long.
    pub(crate) fn took(&mut self, span: Duration) {
        let resets = match span {
            span if span > STEP => self.resets / 2,
            span if span.as_micros() * 2 < STEP.as_micros() => self.resets * 2,
            _ => self.resets,
        };
        self.resets = resets.clamp(RESETS_MIN, RESETS_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Resets of each step until a turn is over, where one reset takes so long.
    fn turn(pace: &mut Pace, reset_ns: u64) -> (Vec<u32>, Duration) {
        let (mut steps, mut so_far_ns) = (Vec::new(), 0);
        while let Some(step) = pace.step(Duration::from_micros(so_far_ns / 1_000)) {
            let took_ns = u64::from(step.resets) * reset_ns;
            steps.push(step.resets);
            so_far_ns += took_ns;
            pace.took(Duration::from_micros(took_ns / 1_000));
        }
        (steps, Duration::from_micros(so_far_ns / 1_000))
    }

    #[test]
    fn a_fast_device_gets_all_that_the_outputs_hold_and_a_slow_one_what_it_takes_in_time() {
        for (reset_ns, resets) in [(100, 512), (400, 512), (2_000, 64), (4_000, 32), (20_000, 32)] {
            let mut pace = Pace::default();
            let first = turn(&mut pace, reset_ns);
            assert_eq!(first.0.first(), Some(&RESETS_MIN));
            for _ in 0..8 {
                let (steps, took) = turn(&mut pace, reset_ns);
                assert_eq!(steps.last(), Some(&resets), "{reset_ns} ns");
                assert!(took < Duration::from_micros(1_200), "{took:?} at {reset_ns} ns");
            }
        }
    }

    #[test]
    fn a_device_that_becomes_slow_is_given_less_with_the_next_step() {
        let mut pace = Pace::default();
        turn(&mut pace, 100);
        let before = pace.resets;
        pace.took(Duration::from_micros(3_000));
        assert_eq!(pace.resets, before / 2);
    }
}
