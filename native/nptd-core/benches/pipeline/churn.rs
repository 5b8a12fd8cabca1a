//! Flows that begin: as many as fit, as few as a site has, and more than it can take.

use crate::system::Clock;

use nptd_core::frame::FRAME_BATCH_MAX;
use nptd_core::time::Instant;
use nptd_core::verdict::Verdict;
use nptd_core::wire::protocol;

use crate::report::Measured;
use crate::rounds::{Buffers, Effort, random, shuffle};
use crate::site::{HOSTS, POOL, Shape, Site, Template};

/// External ports of a protocol that a host's mapping may get.
const PORTS: u64 = 64_512;
/// How long a mapping of one datagram holds its port: five minutes, and two of rest.
const HELD_US: u64 = 420_000_000;
/// Where virtual time begins, after the sessions that are there.
const START_US: u64 = 20_000_000;
/// How often the ISP's router answers: before it has to be asked.
const HEARD_EVERY_US: u64 = 10_000_000;
/// Time between two flows of an attack: a million of them a second.
const ATTACK_US: u64 = 1;

/// Opens sessions of UDP for ever, in virtual time.
pub struct Opener {
    site: Site,
    buffers: Buffers,
    now_us: u64,
    /// Time that passes with each packet.
    step_us: u64,
    /// Lowest port that a flow comes from.
    first_port: u16,
    seed: u64,
    heard_us: u64,
}

impl Opener {
    /// Flows come so fast that half of the ports of `pool` addresses are held in the end.
    pub fn new(shape: Shape, pool: u32) -> Self {
        let step_us = 2 * HELD_US / (PORTS * u64::from(pool));
        Self {
            site: Site::new(shape),
            buffers: Buffers::new(),
            now_us: START_US,
            step_us,
            first_port: 1_024,
            seed: 7,
            heard_us: 0,
        }
    }

    /// Packets of flows that have not been, of random hosts and ports.
    pub fn flows(&mut self, count: usize) -> Vec<Template> {
        (0..count).map(|_| self.flow()).collect()
    }

    fn flow(&mut self) -> Template {
        let host = random(&mut self.seed) as u32 % HOSTS;
        let port = self.first_port + (random(&mut self.seed) % u64::from(u16::MAX - self.first_port)) as u16;
        Site::opening(protocol::UDP, host, port)
    }

    /// Opens sessions until as many end as begin.
    pub fn reach_steady_state(&mut self) {
        let held = HELD_US / self.step_us;
        for _ in 0..held * 11 / 10 / FRAME_BATCH_MAX as u64 {
            let batch = self.flows(FRAME_BATCH_MAX);
            assert_eq!(self.send(&batch), batch.len(), "all are forwarded");
        }
    }

    /// Sends packets in batches, each followed by what time demands; how many were forwarded.
    pub fn send(&mut self, packets: &[Template]) -> usize {
        let mut forwarded = 0;
        for batch in packets.chunks(FRAME_BATCH_MAX) {
            let now = Instant::from_micros(self.now_us);
            if self.now_us > self.heard_us + HEARD_EVERY_US {
                self.site.hear_of_isp(now);
                self.heard_us = self.now_us;
            }
            let mut frames = self.buffers.receive_any(batch);
            self.site.engine.process(&mut frames, now, &mut self.site.outputs);
            self.site.engine.poll(now, &mut self.site.outputs);
            forwarded += frames.iter().filter(|frame| frame.verdict == Verdict::Forward).count();
            self.site.outputs.clear();
            self.now_us += self.step_us * batch.len() as u64;
        }
        forwarded
    }

    /// Nanoseconds that a packet takes, and how many of them were forwarded.
    fn timed(&mut self, packets: &[Template]) -> (f64, usize) {
        let start = Clock::now();
        let forwarded = self.send(packets);
        (start.elapsed().as_nanos() as f64 / packets.len() as f64, forwarded)
    }
}

/// Sessions per second of processor time; each opens a mapping. Virtual time passes so that as many end as begin, and half of all
/// ports are held.
pub fn new_sessions(effort: Effort) -> Measured {
    let mut opener = Opener::new(Shape::of(1_300_000, 1), POOL);
    opener.reach_steady_state();
    let rates = (0..effort.rounds).map(|_| {
        let flows = opener.flows(effort.packets / 2);
        let (ns, forwarded) = opener.timed(&flows);
        assert_eq!(forwarded, flows.len(), "all are forwarded");
        1e9 / ns
    });
    let rates = rates.collect();
    let (sessions, mappings) = (opener.site.engine.session_count(), opener.site.engine.mapping_count());
    Measured::of_rates(rates, "sessions/s").with_note(format!("{sessions} sessions, {mappings} mappings in use"))
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
pub fn mix(effort: Effort) -> Measured {
    let mut opener = Opener::new(Shape::of(1_300_000, 1), POOL);
    let mut known = opener.site.sessions_outbound(64_000);
    for (number, template) in known.iter_mut().enumerate() {
        template.pad_to([64, 64, 64, 64, 64, 64, 64, 594, 594, 594, 594, 1_514][number % 12]);
    }
    let mut known = Known::shuffled(known);
    let mut round = || {
        let packets: Vec<Template> =
            (0..effort.packets / 4).map(|number| if number % 10 == 9 { opener.flow() } else { known.next() }).collect();
        let (ns, forwarded) = opener.timed(&packets);
        assert_eq!(forwarded, packets.len(), "all are forwarded");
        ns
    };
    round();
    Measured::of((0..effort.rounds).map(|_| round()).collect(), "ns/packet")
}

/// Nanoseconds per established packet where the table of sessions is full and as many packets begin flows, which are refused.
pub fn attack(effort: Effort) -> Measured {
    let mut attack = Attack::begin();
    let rounds: Vec<[f64; 3]> = (0..effort.rounds).map(|_| attack.round(effort.packets / 8)).collect();
    let of = |which: usize| Measured::of(rounds.iter().map(|round| round[which]).collect(), "ns/packet");
    let note = format!("{:.0} where nothing is refused", of(1).value);
    // The least of differences says nothing.
    let measured = of(0).with_note(note);
    Measured { best: measured.value, ..measured }
}

/// Nanoseconds per packet of an attack on a full table: each begins a flow and is refused.
pub fn refused(effort: Effort) -> Measured {
    let mut attack = Attack::begin();
    Measured::of((0..effort.rounds).map(|_| attack.round(effort.packets / 8)[2]).collect(), "ns/packet")
}

/// A table that is full of established sessions, and flows that want to be in it.
struct Attack {
    opener: Opener,
    known: Known,
}

impl Attack {
    fn begin() -> Self {
        const KNOWN: u32 = 64_000;
        // From ports that the known sessions are not from.
        let opener = Opener::new(Shape::of(KNOWN, 1), POOL);
        let mut opener = Opener { step_us: ATTACK_US, first_port: 2_048, ..opener };
        let known = Known::shuffled(opener.site.sessions_outbound(KNOWN));
        let mut attack = Self { opener, known };
        attack.round(KNOWN as usize);
        attack
    }

    /// Nanoseconds per established packet in the attack, without it, and per refused packet: what the refused ones of a mixed
    /// batch take is what they take in batches of their own.
    fn round(&mut self, count: usize) -> [f64; 3] {
        let known: Vec<Template> = (0..count).map(|_| self.known.next()).collect();
        let flows = self.opener.flows(count);
        let mixed: Vec<Template> = known.iter().zip(&flows).flat_map(|pair| [pair.0.clone(), pair.1.clone()]).collect();
        let [both, calm, refused] = [(&mixed, count), (&known, count), (&flows, 0)].map(|(packets, expected)| {
            let (ns, forwarded) = self.opener.timed(packets);
            assert_eq!(forwarded, expected, "the table is full");
            ns
        });
        [2.0 * both - refused, calm, refused]
    }
}
