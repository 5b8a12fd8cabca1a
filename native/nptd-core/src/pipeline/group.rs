//! Several engines in one thread: what threads with rings between them do, in an order that is always the same. For translators
//! that are driven packet by packet, and for tests.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::explain::Explanation;
use super::{Engine, EngineConfig};
use crate::counters::Counters;
use crate::filter::FilterRow;
use crate::frame::{Errand, FRAME_BATCH_MAX, Frame};
use crate::nat44::{MappingRow, PortRest, SessionRow};
use crate::output::OutputPool;
use crate::plan::Plan;
use crate::plan::subject::Subject;
use crate::session::leaving::Step;
use crate::time::Instant;
use crate::verdict::{DropReason, Verdict};

/// Workers that one frame may see: its receiver, the home of its fragments or a published host's, its owner, and that of the second
/// half of a hairpin.
const HOPS_MAX: usize = 4;

/// Engines that hand frames over to each other and exchange their news at once.
pub struct EngineGroup {
    engines: Vec<Engine>,
    /// The worker that receives next: any may receive any frame.
    receiver: usize,
}

impl EngineGroup {
    /// The engines of so many workers, 1 to [`crate::share::WORKERS_MAX`]; none of any other number.
    pub fn new(config: &EngineConfig, workers: u8) -> Option<Self> {
        let counters: Vec<_> = (0..workers).map(|_| Arc::new(Counters::new())).collect();
        let engines = Engine::group(config, &counters);
        (!engines.is_empty() && engines.len() == usize::from(workers)).then_some(Self { engines, receiver: 0 })
    }

    /// The engines, in the order of their numbers.
    pub fn engines(&self) -> &[Engine] {
        &self.engines
    }

    /// As [`Engine::adopt`].
    pub fn adopt(&mut self, plan: &Arc<Plan>) {
        self.engines.iter_mut().for_each(|engine| engine.adopt(Arc::clone(plan)));
    }

    /// As [`Engine::process`], for at most [`FRAME_BATCH_MAX`] frames. A frame that is handed over sees the other worker before the next
    /// frame is looked at.
    pub fn process(&mut self, frames: &mut [Frame<'_>], now: Instant, outputs: &mut OutputPool) {
        if let [engine] = self.engines.as_mut_slice() {
            return engine.process(frames, now, outputs);
        }
        for (position, frame) in frames.iter_mut().enumerate().take(FRAME_BATCH_MAX) {
            self.receiver = (self.receiver + 1) % self.engines.len();
            self.process_one(frame, position, now, outputs);
        }
    }

    fn process_one(&mut self, frame: &mut Frame<'_>, position: usize, now: Instant, outputs: &mut OutputPool) {
        let mut worker = self.receiver;
        for _ in 0..HOPS_MAX {
            let Some(engine) = self.engines.get_mut(worker) else { break };
            engine.process_following(core::slice::from_mut(frame), position, now, outputs);
            let Verdict::HandedOver(to) = frame.verdict else { return self.exchange_news(now, outputs) };
            worker = usize::from(to);
        }
        frame.errand = Errand::Received;
        frame.verdict = Verdict::Drop(DropReason::NotProcessed);
    }

    /// Carries messages until there are none.
    fn exchange_news(&mut self, now: Instant, outputs: &mut OutputPool) {
        while let Some((to, news)) = self.engines.iter_mut().find_map(Engine::take_news) {
            if let Some(engine) = self.engines.get_mut(usize::from(to)) {
                engine.learn(news, now, outputs);
            }
        }
    }

    /// As [`Engine::tick`], one worker after the other.
    pub fn tick(&mut self, now: Instant, outputs: &mut OutputPool) -> bool {
        let goes_on = self.engines.iter_mut().fold(false, |goes_on, engine| engine.tick(now, outputs) | goes_on);
        self.exchange_news(now, outputs);
        goes_on
    }

    /// As [`Engine::sweep_left`], of the first worker that has something left to do.
    pub fn sweep_left(&mut self, step: Step, now: Instant, outputs: &mut OutputPool) -> bool {
        self.engines.iter_mut().any(|engine| engine.sweep_left(step, now, outputs))
    }

    /// As [`Engine::settle`] and [`Engine::poll`].
    pub fn settle(&mut self, now: Instant, outputs: &mut OutputPool) {
        self.engines.iter_mut().for_each(|engine| engine.settle(now));
        self.engines.iter_mut().for_each(|engine| engine.poll(now, outputs));
        self.exchange_news(now, outputs);
    }

    /// All live sessions.
    pub fn sessions(&self, now: Instant) -> (Vec<SessionRow>, Vec<FilterRow>) {
        let (mut of_nat44, mut of_filter) = (Vec::new(), Vec::new());
        for engine in &self.engines {
            engine.session_rows(0, u32::MAX, now, &mut of_nat44);
            engine.filter_rows(0, u32::MAX, now, &mut of_filter);
        }
        (of_nat44, of_filter)
    }

    /// All live mappings.
    pub fn mappings(&self, now: Instant) -> Vec<MappingRow> {
        let mut rows = Vec::new();
        for engine in &self.engines {
            engine.mapping_rows(0, u32::MAX, now, &mut rows);
        }
        rows
    }

    /// All ports that have to rest over a restart.
    pub fn port_rests(&mut self, now: Instant) -> Vec<PortRest> {
        let mut rests = Vec::new();
        for engine in &mut self.engines {
            engine.port_rests(0, u32::MAX, now, &mut rests);
        }
        rests
    }

    /// As [`Engine::restore_port_rests`].
    pub fn restore_port_rests(&mut self, rests: &[PortRest], now: Instant) -> usize {
        self.engines.iter_mut().map(|engine| engine.restore_port_rests(rests, now)).sum()
    }

    /// As [`Engine::explain`], by the worker that knows the flow.
    pub fn explain(&mut self, asked: &Subject, now: Instant) -> Explanation {
        let owner = self.engines.first().map_or(0, |engine| engine.owner_of(asked));
        self.engines.get_mut(usize::from(owner)).map(|engine| engine.explain(asked, now)).unwrap_or_default()
    }
}
