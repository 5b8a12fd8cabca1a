//! Flows that begin: as many as fit, as few as a site has, and more than it can take.

use std::time::Duration;

use nptd_core::frame::FRAME_BATCH_MAX;

use crate::measure::Run;
use crate::opener::Opener;
use crate::report::{Measured, median};
use crate::site::{POOL, Shape, Template};
use crate::system::Clock;
use crate::traffic::shuffle;

/// Time between two flows of an attack: a million of them a second.
const ATTACK_US: u64 = 1;

/// What packets take, so many of which are forwarded.
fn timed(opener: &mut Opener, packets: &[Template], forwarded: usize) -> Duration {
    let start = Clock::now();
    let counted = opener.send(packets);
    let took = start.elapsed();
    assert_eq!(counted, forwarded, "of {} packets", packets.len());
    took
}

/// Sessions per second of processor time; each opens a mapping. Virtual time passes so that as many end as begin, and half of all
/// ports are held.
pub fn new_sessions(run: Run) -> Measured {
    let mut opener = Opener::new(Shape::of(1_300_000, 1), POOL);
    opener.reach_steady_state();
    let sampled = run.sampled(|bencher| {
        bencher.iter_custom(|batches| {
            let flows = opener.flows(batches as usize * FRAME_BATCH_MAX);
            timed(&mut opener, &flows, flows.len())
        });
    });
    let (sessions, mappings) = (opener.site.engine.session_count(), opener.site.engine.mapping_count());
    sampled.rate("sessions/s").with_note(format!("{sessions} sessions, {mappings} mappings in use"))
}

/// Packets of sessions that are there, in a random order.
struct Known {
    templates: Vec<Template>,
    at: usize,
}

impl Known {
    fn shuffled(mut templates: Vec<Template>) -> Self {
        shuffle(&mut templates);
        Self { templates, at: 0 }
    }

    fn next(&mut self) -> Template {
        self.at = (self.at + 1) % self.templates.len();
        self.templates[self.at].clone()
    }
}

/// Nanoseconds per packet of the sizes of the Internet (7 of 64, 4 of 594, 1 of 1,514 octets), one in ten of a new flow.
pub fn mix(run: Run) -> Measured {
    let mut opener = Opener::new(Shape::of(1_300_000, 1), POOL);
    let mut known = opener.site.sessions_outbound(64_000);
    for (number, template) in known.iter_mut().enumerate() {
        template.pad_to([64, 64, 64, 64, 64, 64, 64, 594, 594, 594, 594, 1_514][number % 12]);
    }
    let mut known = Known::shuffled(known);
    let mut round = |count: usize| {
        let packets: Vec<Template> =
            (0..count).map(|number| if number % 10 == 9 { opener.flow() } else { known.next() }).collect();
        timed(&mut opener, &packets, packets.len())
    };
    // Each session has to go the long way once.
    round(2 * 64_000);
    run.sampled(|bencher| bencher.iter_custom(|batches| round(batches as usize * FRAME_BATCH_MAX))).per("ns/packet")
}

/// Nanoseconds per established packet where the table of sessions is full and as many packets begin flows, which are refused.
pub fn attack(run: Run) -> Measured {
    let (mut attack, mut calm) = (Attack::begin(), Vec::new());
    let sampled = run.sampled(|bencher| {
        bencher.iter_custom(|batches| {
            let count = batches as usize * FRAME_BATCH_MAX;
            let times = attack.round(count);
            calm.push(times.calm.as_nanos() as f64 / count as f64);
            // What the refused packets of a mixed batch take is what they take in batches of their own.
            times.mixed.saturating_sub(times.refused)
        });
    });
    let measured = sampled.per("ns/packet").with_note(format!("{:.0} where nothing is refused", median(calm)));
    // The least of differences says nothing.
    Measured { best: measured.value, ..measured }
}

/// Nanoseconds per packet of an attack on a full table: each begins a flow and is refused.
pub fn refused(run: Run) -> Measured {
    let mut attack = Attack::begin();
    let mut round = |batches: u64| attack.round(batches as usize * FRAME_BATCH_MAX).refused;
    run.sampled(|bencher| bencher.iter_custom(&mut round)).per("ns/packet")
}

/// A table that is full of established sessions, and flows that want to be in it.
struct Attack {
    opener: Opener,
    known: Known,
}

/// What so many established packets take beside as many refused ones, what they take without those, and what those take.
struct Times {
    mixed: Duration,
    calm: Duration,
    refused: Duration,
}

impl Attack {
    fn begin() -> Self {
        const KNOWN: u32 = 64_000;
        // From ports that the known sessions are not from.
        let mut opener = Opener::new(Shape::of(KNOWN, 1), POOL).with(ATTACK_US, 2_048);
        let known = Known::shuffled(opener.site.sessions_outbound(KNOWN));
        let mut attack = Self { opener, known };
        attack.round(KNOWN as usize);
        attack
    }

    fn round(&mut self, count: usize) -> Times {
        let known: Vec<Template> = (0..count).map(|_| self.known.next()).collect();
        let flows = self.opener.flows(count);
        let mixed: Vec<Template> = known.iter().zip(&flows).flat_map(|pair| [pair.0.clone(), pair.1.clone()]).collect();
        let mut time = |packets: &[Template], forwarded| timed(&mut self.opener, packets, forwarded);
        Times { mixed: time(&mixed, count), calm: time(&known, count), refused: time(&flows, 0) }
    }
}
