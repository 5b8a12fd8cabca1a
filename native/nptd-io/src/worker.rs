//! One worker: the loop around the data path.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;

use nptd_core::counters::{Counters, Direction};
use nptd_core::frame::{DeviceIndex, Errand, Frame};
use nptd_core::host::duplicate_addresses::AddressConflict;
use nptd_core::host::probes::{Family, own_address};
use nptd_core::output::{Output, OutputPool};
use nptd_core::pipeline::explain::Explanation;
use nptd_core::plan::subject::Subject;
use nptd_core::plan::{Plan, Role};
use nptd_core::time::{Duration, Instant};
use nptd_core::verdict::{DropReason, Suppressed, Verdict};

use crate::burst::{Burst, Origin};
use crate::clock::Clock;
use crate::commands::{Command, Mailbox};
use crate::counters_snapshot::Gauges;
use crate::data_path::DataPath;
use crate::device::Outgoing;
use crate::device_set::DeviceSet;
use crate::events::{Event, EventQueue};
use crate::handover::Handover;
use crate::pace::Pace;
use crate::passed::{PassedQueue, PassedSender};
use crate::plan_cell::PlanCell;
use crate::ports::Ports;
use crate::streams::{StreamHub, Streams};
use nptd_core::nat44::PortRest;

/// What all workers and the control plane share.
pub(crate) struct Shared {
    pub(crate) plans: PlanCell,
    pub(crate) events: EventQueue,
    pub(crate) passed: PassedQueue,
    /// Held by the host's worker.
    pub(crate) streams: StreamHub,
    /// One a worker, by its number.
    pub(crate) links: Vec<Arc<WorkerLink>>,
}

impl Shared {
    /// For workers with these links.
    pub(crate) fn new(links: Vec<Arc<WorkerLink>>) -> Self {
        let (events, passed) = (EventQueue::default(), PassedQueue::default());
        Self { plans: PlanCell::new(links.len()), events, passed, streams: StreamHub::default(), links }
    }

    /// Has all workers end.
    pub(crate) fn close(&self) {
        self.links.iter().for_each(|link| link.mailbox.close());
    }
}

/// What one worker and the control plane share.
pub(crate) struct WorkerLink {
    pub(crate) number: usize,
    pub(crate) mailbox: Mailbox,
    pub(crate) counters: Arc<Counters>,
    pub(crate) gauges: Gauges,
}

/// The worker that speaks for the gateway itself: probes, injected frames, taking leave.
pub(crate) const HOST: usize = 0;

/// A data path with its devices and its clock.
pub(crate) struct Worker<P, C> {
    path: P,
    clock: C,
    ports: Ports,
    shared: Arc<Shared>,
    link: Arc<WorkerLink>,
    handover: Handover,
    burst: Burst,
    outputs: OutputPool,
    passed: PassedSender,
    streams: Streams,
    plan: Option<Arc<Plan>>,
    listings: VecDeque<Command>,
    /// What a former process held, while there is no plan yet.
    rests_until_plan: Vec<PortRest>,
    reception: Reception,
    pace: Pace,
    /// Whether the last turn had frames.
    was_busy: bool,
}

/// How a worker takes frames in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reception {
    /// Octets of the longest frame that a device hands over.
    pub(crate) frame_len_max: usize,
    /// How long it looks for more frames before it sleeps; zero: it sleeps at once.
    pub(crate) busy_poll: Duration,
}

/// How often a turn looks for answers: an opening has three packets, and time goes on only between turns.
const ANSWERS_MAX: usize = 3;

const NO_TIME: Duration = Duration::from_micros(0);

impl<P: DataPath, C: Clock> Worker<P, C> {
    /// A worker that has not run yet.
    pub(crate) fn new(
        path: P,
        clock: C,
        ports: Ports,
        reception: Reception,
        shared: Arc<Shared>,
        link: Arc<WorkerLink>,
        handover: Handover,
    ) -> Self {
        Self {
            path,
            clock,
            ports,
            shared,
            link,
            handover,
            burst: Burst::new(reception.frame_len_max),
            outputs: OutputPool::new(),
            passed: PassedSender::default(),
            streams: Streams::default(),
            plan: None,
            listings: VecDeque::new(),
            rests_until_plan: Vec::new(),
            reception,
            pace: Pace::default(),
            was_busy: false,
        }
    }

    /// Runs until the mailbox is closed, and takes leave. An error means that waiting itself has failed.
    pub(crate) fn run(&mut self) -> io::Result<()> {
        let ended = self.run_until_closed();
        if self.link.number == HOST {
            self.outputs.clear();
            let now = self.clock.now();
            self.path.farewell(now, &mut self.outputs);
            self.send_outputs(now);
        }
        ended
    }

    fn run_until_closed(&mut self) -> io::Result<()> {
        while !self.link.mailbox.is_closed() {
            self.run_once()?;
        }
        Ok(())
    }

    /// One turn: waits for something to do, and does all of it once.
    pub(crate) fn run_once(&mut self) -> io::Result<()> {
        self.wait()?;
        // Before anything is looked at: whatever comes later rings again.
        let rang = self.ports.take_ring();
        let now = self.clock.now();
        self.ports.heed_links(now, &self.shared.events);
        self.adopt_plan();
        if rang {
            self.obey(now);
        }
        self.continue_listing(now);
        for index in 0..self.ports.len() {
            if self.ports.is_ready(index) {
                self.serve(index);
            }
        }
        self.serve_answers();
        if !self.handover.is_alone() {
            self.take_over();
        }
        self.keep_time();
        self.serve_streams();
        self.tell_news();
        self.report();
        Ok(())
    }

    /// Sleeps until there is something to do. After a turn with frames it first looks for more for a while, if that is wanted:
    /// the next one is often here before a sleeper would have woken up.
    fn wait(&mut self) -> io::Result<()> {
        if core::mem::take(&mut self.was_busy) && self.reception.busy_poll > NO_TIME {
            let span = self.timeout().map_or(self.reception.busy_poll, |timeout| timeout.min(self.reception.busy_poll));
            let until = self.clock.now().after(span);
            while self.clock.now() < until {
                self.ports.wait(Some(NO_TIME))?;
                if self.ports.has_ready() || self.handover.has_waiting() {
                    return Ok(());
                }
            }
        }
        let timeout = if self.handover.fall_asleep() { self.timeout() } else { Some(NO_TIME) };
        let waited = self.ports.wait(timeout);
        self.handover.wake_up();
        waited
    }

    /// How long nothing has to be done (none: until something happens).
    fn timeout(&self) -> Option<Duration> {
        if !self.listings.is_empty() {
            return Some(NO_TIME);
        }
        let now = self.clock.now();
        let due = [self.path.next_wakeup(), self.ports.next_look(), self.streams.next_wakeup()];
        due.into_iter().flatten().min().map(|due| due.since(now))
    }

    fn adopt_plan(&mut self) {
        let adopted = self.plan.as_ref().map_or(0, |plan| plan.generation);
        let Some(plan) = self.shared.plans.newer_than(adopted) else { return };
        let generation = plan.generation;
        self.path.adopt(plan.clone());
        self.plan = Some(plan);
        let rests = core::mem::take(&mut self.rests_until_plan);
        self.path.restore_port_rests(&rests, self.clock.now());
        self.shared.plans.acknowledge(self.link.number, generation);
    }

    fn obey(&mut self, now: Instant) {
        while let Some(command) = self.link.mailbox.receive() {
            match command {
                Command::SetProbes(specs) => self.path.set_probes(specs, now),
                Command::ConcludeProbe(conclusion) => self.path.conclude_probe(conclusion),
                Command::Inject { device, octets } => self.inject(device, &octets, now),
                Command::RestorePortRests(rests) => self.restore(rests, now),
                Command::Explain { flow, reply } => self.explain(flow, reply, now),
                Command::ListSessions(_)
                | Command::ListFilterSessions(_)
                | Command::ListMappings(_)
                | Command::ListPortRests(_) => {
                    self.listings.push_back(command);
                }
            }
        }
    }

    /// They rest from the first plan on: without one there are no uplinks whose ports they could be.
    fn restore(&mut self, rests: Vec<PortRest>, now: Instant) {
        match self.plan {
            Some(_) => self.path.restore_port_rests(&rests, now),
            None => self.rests_until_plan = rests,
        }
    }

    /// Answers, or has the worker answer that knows of the flow. Whoever asked may have gone away meanwhile.
    fn explain(&mut self, flow: Subject, reply: SyncSender<Explanation>, now: Instant) {
        let owner = usize::from(self.path.owner_of(&flow));
        match self.shared.links.get(owner).filter(|owner| owner.number != self.link.number) {
            Some(owner) => {
                let _ = owner.mailbox.send(Command::Explain { flow, reply });
            }
            None => {
                let _ = reply.try_send(self.path.explain(&flow, now));
            }
        }
    }

    fn continue_listing(&mut self, now: Instant) {
        if let Some(listing) = self.listings.pop_front() {
            let rest = self.advance(listing, now);
            self.listings.extend(rest);
        }
    }

    /// Gathers one slice of a listing; returns it if there is more.
    fn advance(&mut self, listing: Command, now: Instant) -> Option<Command> {
        match listing {
            Command::ListSessions(listing) => {
                let read = |from, max, rows: &mut Vec<_>| self.path.session_rows(from, max, now, rows);
                listing.advance(read).map(Command::ListSessions)
            }
            Command::ListFilterSessions(listing) => {
                let read = |from, max, rows: &mut Vec<_>| self.path.filter_rows(from, max, now, rows);
                listing.advance(read).map(Command::ListFilterSessions)
            }
            Command::ListMappings(listing) => {
                let read = |from, max, rows: &mut Vec<_>| self.path.mapping_rows(from, max, now, rows);
                listing.advance(read).map(Command::ListMappings)
            }
            Command::ListPortRests(listing) => {
                let read = |from, max, rows: &mut Vec<_>| self.path.port_rests(from, max, now, rows);
                listing.advance(read).map(Command::ListPortRests)
            }
            Command::SetProbes(_)
            | Command::ConcludeProbe(_)
            | Command::Inject { .. }
            | Command::RestorePortRests(_)
            | Command::Explain { .. } => None,
        }
    }

    fn inject(&mut self, device: DeviceIndex, octets: &[u8], now: Instant) {
        self.outputs.clear();
        if self.path.inject(device, octets, &mut self.outputs) {
            self.send_outputs(now);
        }
    }

    /// Looks at devices that have just been sent to: what a host answers at once, as its kernel does a SYN, is there already, and
    /// a turn of its own would ask the kernel for it first.
    fn serve_answers(&mut self) {
        for _ in 0..ANSWERS_MAX {
            let sent_to = self.ports.take_sent_to();
            if sent_to.is_empty() {
                return;
            }
            sent_to.for_each(|device| self.serve(usize::from(device.0)));
        }
    }

    /// Moves one burst of a device through the data path.
    fn serve(&mut self, index: usize) {
        let Ok(ingress) = u16::try_from(index).map(DeviceIndex) else { return };
        self.burst.clear();
        let queue = u8::try_from(self.link.number).unwrap_or(0);
        self.burst.set_origin(Origin { ingress, queue, errand: Errand::Received });
        self.ports.receive(index, &mut self.burst, &self.shared.events);
        let too_long = u64::from(self.burst.oversized());
        record(&self.link.counters, scope(self.plan.as_deref(), ingress, ingress), DropReason::FrameTooLong, too_long);
        add(&self.link.gauges.received, self.burst.len() as u64 + too_long);
        self.carry();
    }

    /// Does what others have left to this worker: takes in what they tell, and one burst of frames of each.
    fn take_over(&mut self) {
        let now = self.clock.now();
        while let Some(news) = self.handover.take_news() {
            self.outputs.clear();
            self.path.learn(news, now, &mut self.outputs);
            self.send_outputs(now);
        }
        self.tell_news();
        for peer in 0..self.handover.peers() {
            self.burst.clear();
            self.handover.receive(peer, &mut self.burst);
            self.carry();
        }
    }

    /// Moves the burst through the data path.
    fn carry(&mut self) {
        if self.burst.is_empty() {
            return;
        }
        self.was_busy = true;
        let now = self.clock.now();
        self.outputs.clear();
        let mut frames = self.burst.frames();
        self.path.process(&mut frames, now, &mut self.outputs);
        for frame in &mut frames {
            match frame.verdict {
                Verdict::Pass => {
                    if !self.passed.send(&self.shared.passed, frame.ingress, frame.octets(), now) {
                        let scope = scope(self.plan.as_deref(), frame.ingress, frame.ingress);
                        record(&self.link.counters, scope, DropReason::PassQueueFull, 1);
                    }
                }
                Verdict::HandedOver(to) => {
                    if !self.handover.hand_over(to, frame) {
                        self.path.refuse_handed_over(frame);
                    }
                }
                Verdict::Forward | Verdict::Reply | Verdict::Consumed | Verdict::Queued | Verdict::Drop(_) => {}
            }
        }
        let mut exit = Exit { ports: &mut self.ports, shared: &self.shared, link: &self.link, now };
        for ingress in frames.iter().map(|frame| frame.ingress).collect::<DeviceSet>() {
            exit.send(Some(ingress), self.plan.as_deref(), || in_order(&frames, ingress, &self.outputs));
        }
        drop(frames);
        self.tell_news();
    }

    /// Tells the other workers what the last calls of the data path had for them, and wakes those that have something to do.
    fn tell_news(&mut self) {
        if self.handover.is_alone() {
            return;
        }
        while let Some((to, news)) = self.path.take_news() {
            if !self.handover.tell(to, news) {
                self.link.counters.record_suppressed(Suppressed::NewsLost);
            }
        }
        self.handover.call();
    }

    fn keep_time(&mut self) {
        let now = self.clock.now();
        self.outputs.clear();
        let has_news = self.path.tick(now, &mut self.outputs);
        self.send_outputs(now);
        if has_news {
            self.tell_hosts(now);
        }
        self.ports.look_after(now, &self.shared.events);
    }

    /// Hosts whose connections have no uplink any more are told with what time a turn has left.
    fn tell_hosts(&mut self, begun: Instant) {
        let mut now = self.clock.now();
        while let Some(step) = self.pace.step(now.since(begun)) {
            self.outputs.clear();
            let goes_on = self.path.sweep_left(step, now, &mut self.outputs);
            self.send_outputs(now);
            let then = core::mem::replace(&mut now, self.clock.now());
            self.pace.took(now.since(then));
            if !goes_on {
                return;
            }
        }
    }

    /// Also takes what comes when there is no stream any more.
    fn serve_streams(&mut self) {
        self.path.take_conversation_packets(&mut |slot, packet| self.streams.receive(slot, packet));
        if self.link.number != HOST || self.streams.is_idle(&self.shared.streams) {
            return;
        }
        let now = self.clock.now();
        self.outputs.clear();
        let plan = self.plan.as_deref();
        let own = |slot| [Family::V4, Family::V6].map(|family| own_address(plan?, slot, family));
        let has_news = self.streams.turn(&self.shared.streams, own, now, |slot, packet| {
            self.path.send_conversation_packet(slot, packet, now, &mut self.outputs);
        });
        if has_news {
            self.shared.events.push(Event::StreamNews);
        }
        self.send_outputs(now);
    }

    fn send_outputs(&mut self, now: Instant) {
        let mut exit = Exit { ports: &mut self.ports, shared: &self.shared, link: &self.link, now };
        let outputs = || self.outputs.iter().map(leaving_output);
        exit.send(None, self.plan.as_deref(), outputs);
    }

    /// Tells the control plane what has happened in this turn.
    fn report(&mut self) {
        while let Some(sample) = self.path.take_probe_sample() {
            self.shared.events.push(Event::ProbeSample(sample));
        }
        while let Some(request) = self.path.take_probe_request() {
            self.shared.events.push(Event::ProbeRequested(request));
        }
        while let Some((family, trip)) = self.path.take_round_trip() {
            self.shared.events.push(Event::RoundTrip { family, trip });
        }
        while let Some(AddressConflict { device, address, mac }) = self.path.take_address_conflict() {
            let id = self.ports.id(device);
            id.into_iter().for_each(|device| self.shared.events.push(Event::AddressConflict { device, address, mac }));
        }
        if self.shared.passed.needs_announcement() {
            self.shared.events.push(Event::PassedAvailable);
        }
        let gauges = &self.link.gauges;
        gauges.sessions.store(u64::from(self.path.session_count()), Ordering::Relaxed);
        gauges.mappings.store(u64::from(self.path.mapping_count()), Ordering::Relaxed);
    }
}

/// The way out of a worker.
struct Exit<'a> {
    ports: &'a mut Ports,
    shared: &'a Shared,
    link: &'a WorkerLink,
    now: Instant,
}

impl Exit<'_> {
    /// Sends frames to their devices, device by device and in order within each.
    fn send<'f, Frames: Iterator<Item = (DeviceIndex, Outgoing<'f>)>>(
        &mut self,
        ingress: Option<DeviceIndex>,
        plan: Option<&Plan>,
        frames: impl Fn() -> Frames,
    ) {
        for egress in frames().map(|(device, _)| device).collect::<DeviceSet>() {
            let mut burst = frames().filter(|(to, _)| *to == egress).map(|(_, frame)| frame);
            let result = self.ports.transmit(usize::from(egress.0), &mut burst, self.now, &self.shared.events);
            add(&self.link.gauges.transmitted, result.sent);
            let scope = scope(plan, ingress.unwrap_or(egress), egress);
            record(&self.link.counters, scope, DropReason::TransmitFailed, result.refused);
        }
    }
}

/// All that leaves of a burst that came in by a device: each frame, and what was made of it or because of it right behind it, so
/// that the segments and fragments of one keep their place among the others.
fn in_order<'f>(
    frames: &'f [Frame<'_>],
    ingress: DeviceIndex,
    outputs: &'f OutputPool,
) -> impl Iterator<Item = (DeviceIndex, Outgoing<'f>)> {
    let behind = |position| outputs.following(position).map(leaving_output);
    let received = frames.iter().enumerate().filter(move |(_, frame)| frame.ingress == ingress);
    received.flat_map(move |(position, frame)| leaving(frame).into_iter().chain(behind(position)))
}

fn leaving_output<'f>(output: (&Output, &'f [u8])) -> (DeviceIndex, Outgoing<'f>) {
    (output.0.egress, Outgoing::from_output(output))
}

/// A frame whose verdict says that it leaves, with its device.
fn leaving<'f>(frame: &'f Frame<'_>) -> Option<(DeviceIndex, Outgoing<'f>)> {
    match frame.verdict {
        Verdict::Forward | Verdict::Reply => Some((frame.egress, Outgoing::from_frame(frame))),
        Verdict::Consumed | Verdict::Queued | Verdict::Pass | Verdict::HandedOver(_) | Verdict::Drop(_) => None,
    }
}

/// The uplink a frame has met between two devices, and the side it came from.
fn scope(plan: Option<&Plan>, ingress: DeviceIndex, egress: DeviceIndex) -> (Option<u8>, Direction) {
    let slot = |device| match plan.and_then(|plan| plan.device(device)).map(|device| device.role) {
        Some(Role::Uplink(slot)) => Some(slot),
        Some(Role::Internal) | None => None,
    };
    match slot(ingress) {
        Some(slot) => (Some(slot), Direction::Inbound),
        None => (slot(egress), Direction::Outbound),
    }
}

/// Counts what happens to a frame before or after the pipeline.
fn record(counters: &Counters, (slot, direction): (Option<u8>, Direction), reason: DropReason, count: u64) {
    for _ in 0..count {
        counters.record(slot, direction, Verdict::Drop(reason));
    }
}

/// Only this worker writes the number, so a plain load and store will do.
fn add(gauge: &AtomicU64, count: u64) {
    gauge.store(gauge.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
}

#[cfg(test)]
mod tests;
