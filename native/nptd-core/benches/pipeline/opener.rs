//! Flows that begin, for ever: each is new, and virtual time passes so that as many end as begin.

use nptd_core::frame::FRAME_BATCH_MAX;
use nptd_core::time::Instant;
use nptd_core::verdict::Verdict;
use nptd_core::wire::protocol;

use crate::site::{HOSTS, Shape, Site, Template};
use crate::traffic::{Buffers, random};

/// External ports of a protocol that a host's mapping may get.
const PORTS: u64 = 64_512;
/// How long a mapping of one datagram holds its port: five minutes, and two of rest.
const HELD_US: u64 = 420_000_000;
/// Where virtual time begins, after the sessions that are there.
const START_US: u64 = 20_000_000;
/// How often the ISP's router answers: before it has to be asked.
const HEARD_EVERY_US: u64 = 10_000_000;

/// Opens sessions of UDP for ever, in virtual time.
pub struct Opener {
    pub site: Site,
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

    /// The same where so much time passes with each packet, and flows come from this port or a higher one.
    pub fn with(self, step_us: u64, first_port: u16) -> Self {
        Self { step_us, first_port, ..self }
    }

    /// Packets of flows that have not been, of random hosts and ports.
    pub fn flows(&mut self, count: usize) -> Vec<Template> {
        (0..count).map(|_| self.flow()).collect()
    }

    /// One of them.
    pub fn flow(&mut self) -> Template {
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
}
