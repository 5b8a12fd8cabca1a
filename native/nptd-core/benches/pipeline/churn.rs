//! Flows that begin: as many as fit, as few as a site has, and more than it can take.

use crate::system::Clock;

use nptd_core::frame::FRAME_BATCH_MAX;
use nptd_core::time::Instant;
use nptd_core::verdict::Verdict;
use nptd_core::wire::protocol;

use crate::report::Measured;
use crate::rounds::{Buffers, Effort, NOW, random, shuffle};
use crate::site::{HOSTS, POOL, Shape, Site, Template};

/// External ports of a protocol that a host's mapping may get.
const PORTS: u64 = 64_512;
/// How long a mapping of one datagram holds its port: five minutes, and two of rest.
const HELD_US: u64 = 420_000_000;
/// Time between two flows at which half of all ports of UDP and TCP are held (of TCP a little less).
const FLOW_US: u64 = HELD_US / (PORTS * POOL as u64);

/// Opens sessions for ever, in virtual time.
pub struct Opener {
    site: Site,
    buffers: Buffers,
    now_us: u64,
    seed: u64,
}

impl Opener {
    pub fn new(shape: Shape) -> Self {
        Self { site: Site::new(shape), buffers: Buffers::new(), now_us: 20_000_000, seed: 7 }
    }

    /// A packet of a flow that has not been, of a random host and port; UDP and TCP half and half.
    fn flow(&mut self) -> Template {
        let host = random(&mut self.seed) as u32 % HOSTS;
        let port = 1_024 + (random(&mut self.seed) % PORTS) as u16;
        let is_udp = random(&mut self.seed).is_multiple_of(2);
        Site::opening(if is_udp { protocol::UDP } else { protocol::TCP }, host, port)
    }

    /// A batch of them, and what time demands after it.
    pub fn open_batch(&mut self) {
        let batch: Vec<Template> = (0..FRAME_BATCH_MAX).map(|_| self.flow()).collect();
        self.send(&batch);
    }

    fn send(&mut self, batch: &[Template]) -> std::time::Duration {
        let now = Instant::from_micros(self.now_us);
        let mut frames = self.buffers.receive_any(batch);
        let start = Clock::now();
        self.site.engine.process(&mut frames, now, &mut self.site.outputs);
        self.site.engine.poll(now, &mut self.site.outputs);
        let took = start.elapsed();
        assert!(frames.iter().all(|frame| frame.verdict == Verdict::Forward), "{:?}", frames[0].verdict);
        self.site.outputs.clear();
        self.now_us += FLOW_US * FRAME_BATCH_MAX as u64;
        took
    }
}

/// Sessions per second of wall time; each opens a mapping. Virtual time passes so that as many end as begin, and half of all ports
/// are held.
pub fn new_sessions(effort: Effort) -> Measured {
    let mut opener = Opener::new(Shape::of(2_200_000, 1));
    let flows_held = HELD_US / FLOW_US;
    for _ in 0..flows_held * 11 / 10 / FRAME_BATCH_MAX as u64 {
        opener.open_batch();
    }
    let batches = effort.packets / FRAME_BATCH_MAX;
    let rates = (0..effort.rounds).map(|_| {
        let made: Vec<Vec<Template>> =
            (0..batches).map(|_| (0..FRAME_BATCH_MAX).map(|_| opener.flow()).collect()).collect();
        let took: std::time::Duration = made.iter().map(|batch| opener.send(batch)).sum();
        effort.packets as f64 / took.as_secs_f64()
    });
    let rates = rates.collect();
    let note = format!(
        "{} sessions, {} mappings in use",
        opener.site.engine.session_count(),
        opener.site.engine.mapping_count()
    );
    Measured::of_rates(rates, "sessions/s").with_note(note)
}

/// Nanoseconds per packet of the sizes of the Internet (7 of 64, 4 of 594, 1 of 1,514 octets), one in ten of a new flow.
pub fn mix(effort: Effort) -> Measured {
    let mut opener = Opener::new(Shape::of(1_000_000, 1));
    let mut known = opener.site.sessions_outbound(64_000);
    for (number, template) in known.iter_mut().enumerate() {
        template.pad_to([64, 64, 64, 64, 64, 64, 64, 594, 594, 594, 594, 1_514][number % 12]);
    }
    shuffle(&mut known);
    let mut at = 0;
    let batches = (effort.packets / FRAME_BATCH_MAX / 4).max(1);
    let mut round = || {
        let mut took = std::time::Duration::ZERO;
        for _ in 0..batches {
            let batch: Vec<Template> = (0..FRAME_BATCH_MAX)
                .map(|number| {
                    at = (at + 1) % known.len();
                    if number % 10 == 9 { opener.flow() } else { known[at].clone() }
                })
                .collect();
            took += opener.send(&batch);
        }
        took.as_nanos() as f64 / (batches * FRAME_BATCH_MAX) as f64
    };
    round();
    Measured::of((0..effort.rounds).map(|_| round()).collect(), "ns/packet")
}

/// Nanoseconds per packet where the table of sessions is full, and every second packet begins a flow that is refused.
pub fn attack(effort: Effort) -> Measured {
    const KNOWN: u32 = 64_000;
    let mut opener = Opener::new(Shape::of(KNOWN, 1));
    let mut known = opener.site.sessions_outbound(KNOWN);
    shuffle(&mut known);
    let (mut at, mut buffers) = (0, Buffers::new());
    let batches = (effort.packets / FRAME_BATCH_MAX / 4).max(1);
    let mut refused = 0_usize;
    let mut round = || {
        let mut took = std::time::Duration::ZERO;
        for _ in 0..batches {
            let batch: Vec<Template> = (0..FRAME_BATCH_MAX)
                .map(|number| {
                    at = (at + 1) % known.len();
                    if number % 2 == 1 { opener.flow() } else { known[at].clone() }
                })
                .collect();
            let mut frames = buffers.receive_any(&batch);
            let start = Clock::now();
            opener.site.engine.process(&mut frames, NOW, &mut opener.site.outputs);
            took += start.elapsed();
            refused += frames.iter().filter(|frame| frame.verdict != Verdict::Forward).count();
            opener.site.outputs.clear();
        }
        took.as_nanos() as f64 / (batches * FRAME_BATCH_MAX) as f64
    };
    round();
    let measured = Measured::of((0..effort.rounds).map(|_| round()).collect(), "ns/packet");
    assert!(refused > 0, "the table is full");
    measured.with_note("every second packet is refused".into())
}
