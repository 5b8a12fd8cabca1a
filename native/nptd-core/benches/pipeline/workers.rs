//! Two workers on two processors, each with the flows that it owns.

use std::sync::Barrier;
use std::time::Instant;

use crate::measure::{Effort, Run};
use crate::report::{Measured, median};
use crate::site::{Shape, Site};
use crate::traffic::{Arrivals, Buffers, pass};

const SESSIONS: u32 = 64_000;
/// Room for all of them with each worker, since ports are not owned by halves to the last one.
const SHAPE: Shape = Shape::of(2 * SESSIONS, 1);

/// Nanoseconds of wall time per packet of both together; how much sooner that is than one of them alone is in the note.
pub fn two(run: Run) -> Measured {
    let effort = run.effort;
    let alone = median(together(Site::group(SHAPE, 2).into_iter().take(1).collect(), effort));
    let both = together(Site::group(SHAPE, 2), effort);
    let best = both.iter().copied().fold(f64::INFINITY, f64::min);
    let both = median(both);
    let note = format!("wall time, {:.2} times one worker in the same run", alone / both);
    Measured::new([both, best], "ns/packet").with_note(note)
}

/// The same for any number of workers, each round begun by all at once.
fn together(sites: Vec<Site>, effort: Effort) -> Vec<f64> {
    let barrier = Barrier::new(sites.len());
    let times: Vec<Vec<f64>> = std::thread::scope(|scope| {
        let threads: Vec<_> = sites.into_iter().map(|site| scope.spawn(|| rounds(site, &barrier, effort))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a worker ends")).collect()
    });
    // Rates add up.
    let rate = |round: usize| times.iter().map(|of_one| 1.0 / of_one[round]).sum::<f64>();
    (0..effort.rounds).map(|round| 1.0 / rate(round)).collect()
}

/// Nanoseconds per packet of one worker, after a round that does not count.
fn rounds(mut site: Site, barrier: &Barrier, effort: Effort) -> Vec<f64> {
    let mut arrivals = Arrivals::shuffled(site.owned_outbound(SESSIONS));
    let mut buffers = Buffers::new();
    let mut round = || {
        barrier.wait();
        let start = Instant::now();
        pass(&mut site, &mut buffers, &mut arrivals, effort.packets);
        start.elapsed().as_nanos() as f64 / effort.packets as f64
    };
    round();
    (0..effort.rounds).map(|_| round()).collect()
}
