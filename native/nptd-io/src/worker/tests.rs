//! The loop itself, over loopback devices, a scripted data path and a clock that stands still.

mod device_failures;

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nptd_core::counters::{Counters, Direction};
use nptd_core::filter::FilterRow;
use nptd_core::frame::{DeviceIndex, Frame};
use nptd_core::host::duplicate_addresses::AddressConflict;
use nptd_core::host::probes::conversations::{ProbeConclusion, ProbeRequest};
use nptd_core::host::probes::{Family, ProbeSample, ProbeSpec};
use nptd_core::nat44::{Endpoint, MappingRow, PortRest, Protocol, SessionRow};
use nptd_core::news::News;
use nptd_core::output::OutputPool;
use nptd_core::pipeline::explain::Explanation;
use nptd_core::plan::spec::{PlanSpec, PolicySpec};
use nptd_core::plan::{Plan, subject::Subject};
use nptd_core::session::leaving::Step;
use nptd_core::session::round_trips::RoundTrip;
use nptd_core::time::{Duration, Instant};
use nptd_core::verdict::{DropReason, OutputKind, Verdict};
use nptd_core::wire::ethernet::MacAddress;

use device_failures::device;

use super::{Reception, Shared, Worker, WorkerLink};
use crate::clock::Clock;
use crate::commands::{Command, LISTING_SLICE, Listing, Mailbox};
use crate::counters_snapshot::Gauges;
use crate::data_path::DataPath;
use crate::device::Device;
use crate::device::loopback::{LOOPBACK_FRAMES_MAX, LoopbackPeer, pair};
use crate::error::remedy;
use crate::events::{DeviceId, Event};
use crate::handover::Handover;
use crate::passed::PASSED_FRAMES_MAX;
use crate::ports::{Ports, healths};
use crate::sys::eventfd::EventFd;

mod several;
mod turns;

/// A clock that moves when it is told to.
#[derive(Clone, Default)]
struct FakeClock(Arc<AtomicU64>);

impl FakeClock {
    fn set(&self, us: u64) {
        self.0.store(us, Ordering::Relaxed);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Instant {
        Instant::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// What a scripted data path has been asked, and what it shall answer.
#[derive(Default)]
struct Script {
    generations: Vec<u64>,
    processed: Vec<(DeviceIndex, usize, Instant)>,
    ticks: Vec<Instant>,
    probes: Vec<ProbeSpec>,
    wakeup: Option<Instant>,
    samples: VecDeque<ProbeSample>,
    conflicts: VecDeque<AddressConflict>,
    sessions: u32,
    hosts_to_tell: u32,
    /// What passes while some of them are told.
    telling_us: Option<(FakeClock, u64)>,
    /// What it has for other workers, and what it has heard of them.
    news: VecDeque<(u8, News)>,
    heard: Vec<u16>,
    refused: u64,
    /// External ports of the rests it was given.
    restored: Vec<u16>,
}

/// A data path whose frames say what shall become of them: the first octet is the egress device, the second the verdict.
#[derive(Clone, Default)]
struct ScriptedPath {
    script: Arc<Mutex<Script>>,
    number: u8,
}

const FORWARD: u8 = 0;
const REPLY: u8 = 1;
const PASS: u8 = 2;
const FORWARD_WITH_OUTPUT: u8 = 3;
const PANIC: u8 = 4;
/// Of the worker that the third octet says.
const OWNED: u8 = 5;
/// What it says at its end.
const BYE: u8 = 0xbe;
/// What hosts are told whose connections are over.
const TOLD: u8 = 0x0d;

impl ScriptedPath {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DataPath for ScriptedPath {
    fn adopt(&mut self, plan: Arc<Plan>) {
        self.script().generations.push(plan.generation);
    }

    fn process(&mut self, frames: &mut [Frame<'_>], now: Instant, outputs: &mut OutputPool) {
        for (position, frame) in frames.iter_mut().enumerate() {
            outputs.follow(position);
            self.script().processed.push((frame.ingress, frame.len(), now));
            let (egress, order) = (DeviceIndex(u16::from(frame.octets()[0])), frame.octets()[1]);
            frame.egress = egress;
            frame.verdict = match order {
                FORWARD | FORWARD_WITH_OUTPUT => Verdict::Forward,
                REPLY => Verdict::Reply,
                PASS => Verdict::Pass,
                PANIC => panic!("scripted"),
                OWNED if frame.octets()[2] == self.number => Verdict::Forward,
                OWNED => Verdict::HandedOver(frame.octets()[2]),
                _ => Verdict::Drop(DropReason::NoRoute),
            };
            if order == FORWARD_WITH_OUTPUT
                && let Some(space) = outputs.allocate(2, egress, OutputKind::Fragment)
            {
                space.copy_from_slice(&[egress.0 as u8, 0xff]);
            }
        }
    }

    fn refuse_handed_over(&self, frame: &mut Frame<'_>) {
        frame.verdict = Verdict::Drop(DropReason::WorkerRingFull);
        self.script().refused += 1;
    }

    fn take_news(&mut self) -> Option<(u8, News)> {
        self.script().news.pop_front()
    }

    fn learn(&mut self, news: News, _now: Instant, outputs: &mut OutputPool) {
        if let News::Doubted { v4, .. } = news {
            self.script().heard.push(v4);
            // It makes a frame of it, and news in turn.
            let space = outputs.allocate(1, DeviceIndex(0), OutputKind::Fragment);
            space.into_iter().for_each(|space| space.fill(v4 as u8));
            if v4 > 0 {
                self.script().news.push_back((1 - self.number, News::Doubted { v4: v4 - 1, v6: 0 }));
            }
        }
    }

    fn owner_of(&self, flow: &Subject) -> u8 {
        flow.protocol
    }

    fn tick(&mut self, now: Instant, _outputs: &mut OutputPool) -> bool {
        let mut script = self.script();
        script.ticks.push(now);
        script.hosts_to_tell > 0
    }

    fn sweep_left(&mut self, step: Step, _now: Instant, outputs: &mut OutputPool) -> bool {
        let mut script = self.script();
        if let Some((clock, us)) = &script.telling_us {
            clock.set(clock.now().as_micros() + us);
        }
        let told = step.resets.min(script.hosts_to_tell);
        script.hosts_to_tell -= told;
        for _ in 0..told {
            let space = outputs.allocate(1, DeviceIndex(0), OutputKind::TcpReset);
            space.into_iter().for_each(|space| space.fill(TOLD));
        }
        script.hosts_to_tell > 0
    }

    fn next_wakeup(&self) -> Option<Instant> {
        self.script().wakeup
    }

    fn farewell(&mut self, _now: Instant, outputs: &mut OutputPool) {
        let space = outputs.allocate(1, DeviceIndex(0), OutputKind::Advertisement);
        space.into_iter().for_each(|space| space.fill(BYE));
    }

    fn inject(&mut self, device: DeviceIndex, octets: &[u8], outputs: &mut OutputPool) -> bool {
        let space = outputs.allocate(octets.len(), device, OutputKind::Injected);
        space.map(|space| space.copy_from_slice(octets)).is_some()
    }

    fn set_probes(&mut self, specs: Vec<ProbeSpec>, _now: Instant) {
        self.script().probes = specs;
    }

    fn take_probe_sample(&mut self) -> Option<ProbeSample> {
        self.script().samples.pop_front()
    }

    fn take_probe_request(&mut self) -> Option<ProbeRequest> {
        None
    }

    fn conclude_probe(&mut self, _conclusion: ProbeConclusion) {}

    fn take_conversation_packets(&mut self, _take: &mut dyn FnMut(u8, &[u8])) {}

    fn send_conversation_packet(&mut self, _slot: u8, _packet: &[u8], _now: Instant, _to: &mut OutputPool) -> bool {
        false
    }

    fn take_round_trip(&mut self) -> Option<(Family, RoundTrip)> {
        None
    }

    fn take_address_conflict(&mut self) -> Option<AddressConflict> {
        self.script().conflicts.pop_front()
    }

    fn session_rows(&self, from: u32, max: u32, _now: Instant, rows: &mut Vec<SessionRow>) -> Option<u32> {
        let end = self.script().sessions.min(from + max);
        rows.extend((from..end).map(row));
        (end < self.script().sessions).then_some(end)
    }

    fn filter_rows(&self, _from: u32, _max: u32, _now: Instant, _rows: &mut Vec<FilterRow>) -> Option<u32> {
        None
    }

    fn mapping_rows(&self, _from: u32, _max: u32, _now: Instant, _rows: &mut Vec<MappingRow>) -> Option<u32> {
        None
    }

    fn port_rests(&mut self, _from: u32, _max: u32, _now: Instant, _rests: &mut Vec<PortRest>) -> Option<u32> {
        None
    }

    fn restore_port_rests(&mut self, rests: &[PortRest], _now: Instant) {
        self.script().restored.extend(rests.iter().map(|rest| rest.external.port));
    }

    fn explain(&mut self, flow: &Subject, _now: Instant) -> Explanation {
        Explanation { policy: flow.dscp, ..Explanation::default() }
    }

    fn session_count(&self) -> u32 {
        self.script().sessions
    }

    fn mapping_count(&self) -> u32 {
        7
    }
}

fn row(address: u32) -> SessionRow {
    let endpoint = Endpoint { address, port: 1 };
    SessionRow {
        protocol: Protocol::UDP,
        internal: endpoint,
        external: endpoint,
        remote: endpoint,
        apparent: None,
        slot: 0,
        policy: 0,
        tcp_state: None,
        expires_in_ms: 1,
    }
}

/// A worker with loopback devices, driven turn by turn.
struct Bench {
    worker: Worker<ScriptedPath, FakeClock>,
    path: ScriptedPath,
    clock: FakeClock,
    peers: Vec<LoopbackPeer>,
    shared: Arc<Shared>,
    link: Arc<WorkerLink>,
}

impl Bench {
    fn new(devices: usize) -> io::Result<Self> {
        let bell = Arc::new(EventFd::new()?);
        let link = Arc::new(WorkerLink {
            number: 0,
            mailbox: Mailbox::new(bell.clone()),
            counters: Arc::new(Counters::new()),
            gauges: Gauges::default(),
        });
        let shared = Arc::new(Shared::new(vec![link.clone()]));
        let (mut ends, mut peers) = (Vec::new(), Vec::new());
        for number in 0..devices {
            let (end, peer) = pair(&format!("loop{number}"))?;
            ends.push(Box::new(end) as Box<dyn Device>);
            peers.push(peer);
        }
        let (path, clock) = (ScriptedPath::default(), FakeClock::default());
        let healths = healths(&ends);
        let ports = Ports::new(ends, &healths, bell.clone());
        let handover = Handover::group(&[bell]).remove(0);
        let (own_path, own_clock, reception) = (path.clone(), clock.clone(), Reception::default());
        let worker = Worker::new(own_path, own_clock, ports, reception, shared.clone(), link.clone(), handover);
        Ok(Self { worker, path, clock, peers, shared, link })
    }

    /// One turn that does not sleep.
    fn turn(&mut self) -> io::Result<()> {
        self.path.script().wakeup = Some(self.clock.now());
        self.worker.run_once()
    }

    fn dropped(&self, reason: DropReason) -> u64 {
        self.link.counters.verdict(None, Direction::Outbound, Verdict::Drop(reason).index())
    }
}

#[test]
fn outputs_of_one_burst_are_not_sent_again_with_the_next() -> io::Result<()> {
    let mut bench = Bench::new(3)?;
    assert!(bench.peers[0].send(&[2, FORWARD_WITH_OUTPUT]));
    assert!(bench.peers[1].send(&[2, FORWARD]));
    bench.turn()?;
    let received: Vec<_> = std::iter::from_fn(|| bench.peers[2].receive()).collect();
    assert_eq!(received, [[2, FORWARD_WITH_OUTPUT], [2, 0xff], [2, FORWARD]]);
    Ok(())
}

#[test]
fn a_conflict_over_an_address_is_told_with_its_device() -> io::Result<()> {
    let mut bench = Bench::new(2)?;
    let mac = MacAddress([2; 6]);
    for index in [9, 1] {
        bench.path.script().conflicts.push_back(AddressConflict { device: DeviceIndex(index), address: 7, mac });
    }
    bench.turn()?;
    assert_eq!(bench.shared.events.take(), [Event::AddressConflict { device: device(1), address: 7, mac }]);
    Ok(())
}

#[test]
fn a_worker_that_is_closed_takes_leave_of_its_links_once() -> io::Result<()> {
    let mut bench = Bench::new(1)?;
    bench.turn()?;
    assert_eq!(bench.peers[0].receive(), None);
    bench.link.mailbox.close();
    bench.worker.run()?;
    assert_eq!(bench.peers[0].receive(), Some(vec![BYE]));
    assert_eq!(bench.peers[0].receive(), None);
    Ok(())
}

#[test]
fn every_turn_ends_with_a_tick_and_published_gauges() -> io::Result<()> {
    let mut bench = Bench::new(1)?;
    bench.path.script().sessions = 3;
    bench.clock.set(1_000_000);
    bench.turn()?;
    assert_eq!(bench.path.script().ticks, [Instant::from_micros(1_000_000)]);
    assert_eq!(bench.link.gauges.sessions.load(Ordering::Relaxed), 3);
    assert_eq!(bench.link.gauges.mappings.load(Ordering::Relaxed), 7);
    Ok(())
}

#[test]
fn a_worker_sleeps_until_its_data_path_has_something_to_do() -> io::Result<()> {
    let bench = Bench::new(1)?;
    assert_eq!(bench.worker.timeout(), None);
    bench.clock.set(1_000);
    bench.path.script().wakeup = Some(Instant::from_micros(4_500));
    assert_eq!(bench.worker.timeout(), Some(Duration::from_micros(3_500)));
    bench.clock.set(9_000);
    assert_eq!(bench.worker.timeout(), Some(Duration::from_micros(0)));
    Ok(())
}

#[test]
fn a_plan_is_adopted_between_two_batches_and_acknowledged() -> io::Result<()> {
    let mut bench = Bench::new(1)?;
    let policies = vec![PolicySpec { prefer: Vec::new(), ..PolicySpec::default() }];
    let plan = Plan::new(PlanSpec { generation: 4, policies, ..PlanSpec::default() });
    bench.shared.plans.publish(Arc::new(plan.map_err(|error| io::Error::other(error.path))?));
    assert_eq!(bench.shared.plans.generation(), 0);
    bench.turn()?;
    bench.turn()?;
    assert_eq!(bench.path.script().generations, [4]);
    assert_eq!(bench.shared.plans.generation(), 4);
    Ok(())
}

#[test]
fn what_a_former_process_held_rests_from_the_first_plan_on_6888_r8() -> io::Result<()> {
    let mut bench = Bench::new(1)?;
    let endpoint = Endpoint { address: 1, port: 5_000 };
    let rest = PortRest {
        slot: 0,
        protocol: Protocol::UDP,
        internal: endpoint,
        external: endpoint,
        rest: Duration::from_secs(120),
    };
    assert_eq!(bench.link.mailbox.send(Command::RestorePortRests(vec![rest])), Ok(()));
    bench.worker.run_once()?;
    assert!(bench.path.script().restored.is_empty());
    let policies = vec![PolicySpec { prefer: Vec::new(), ..PolicySpec::default() }];
    let plan = Plan::new(PlanSpec { generation: 1, policies, ..PlanSpec::default() });
    bench.shared.plans.publish(Arc::new(plan.map_err(|error| io::Error::other(error.path))?));
    bench.turn()?;
    assert_eq!(bench.path.script().restored, [5_000]);
    Ok(())
}

#[test]
fn frames_for_the_gateway_reach_the_control_plane_until_its_queue_is_full() -> io::Result<()> {
    let mut bench = Bench::new(2)?;
    for _ in 0..PASSED_FRAMES_MAX + 10 {
        assert!(bench.peers[1].send(&[0, PASS, 42]));
    }
    for _ in 0..5 {
        bench.turn()?;
    }
    assert_eq!(bench.shared.events.take(), [Event::PassedAvailable]);
    let frames = bench.shared.passed.take();
    assert_eq!(frames.len(), PASSED_FRAMES_MAX);
    assert_eq!((frames[0].device, &frames[0].octets[..]), (DeviceIndex(1), &[0, PASS, 42][..]));
    assert_eq!(bench.dropped(DropReason::PassQueueFull), 10);
    Ok(())
}

#[test]
fn an_oversized_frame_is_dropped_and_counted() -> io::Result<()> {
    let mut bench = Bench::new(1)?;
    assert!(bench.peers[0].send(&vec![0; 3_000]));
    bench.turn()?;
    assert!(bench.path.script().processed.is_empty());
    assert_eq!(bench.dropped(DropReason::FrameTooLong), 1);
    Ok(())
}

#[test]
fn what_a_full_device_does_not_take_is_counted() -> io::Result<()> {
    let mut bench = Bench::new(2)?;
    let sent = LOOPBACK_FRAMES_MAX + 3;
    for _ in 0..sent {
        if !bench.peers[0].send(&[1, FORWARD]) {
            bench.turn()?;
            assert!(bench.peers[0].send(&[1, FORWARD]));
        }
    }
    while bench.path.script().processed.len() < sent {
        bench.turn()?;
    }
    assert_eq!(bench.dropped(DropReason::TransmitFailed), 3);
    assert_eq!(bench.shared.events.take(), [], "a full device has not failed");
    Ok(())
}

#[test]
fn a_frame_for_a_device_that_is_not_there_is_counted() -> io::Result<()> {
    let mut bench = Bench::new(1)?;
    assert!(bench.peers[0].send(&[9, FORWARD]));
    bench.turn()?;
    assert_eq!(bench.dropped(DropReason::TransmitFailed), 1);
    Ok(())
}

#[test]
fn commands_are_obeyed_between_batches() -> io::Result<()> {
    let mut bench = Bench::new(2)?;
    let spec = ProbeSpec {
        slot: 1,
        family: Family::V4,
        list: 0,
        targets: vec![1.into()],
        interval: Duration::from_millis(500),
        timeout: Duration::from_millis(800),
        calm_round: 0,
        identifier: 0,
        ports: (61_440, 61_503),
        conversation_ports: (61_504, 61_567),
    };
    assert_eq!(bench.link.mailbox.send(Command::SetProbes(vec![spec])), Ok(()));
    let injected = Command::Inject { device: DeviceIndex(1), octets: vec![1, 2, 3] };
    assert_eq!(bench.link.mailbox.send(injected), Ok(()));
    bench.worker.run_once()?;
    assert_eq!(bench.path.script().probes.len(), 1);
    assert_eq!(bench.peers[1].receive(), Some(vec![1, 2, 3]));
    Ok(())
}

#[test]
fn a_long_listing_does_not_hold_up_frames() -> io::Result<()> {
    let mut bench = Bench::new(2)?;
    bench.path.script().sessions = 3 * LISTING_SLICE;
    let (reply, answer) = sync_channel(1);
    assert_eq!(bench.link.mailbox.send(Command::ListSessions(Listing::new(usize::MAX, reply))), Ok(()));
    for turn in 0..3 {
        assert!(answer.try_recv().is_err(), "finished before turn {turn}");
        // Whatever else there is to wait for, an unfinished listing goes on at once.
        assert_eq!(bench.worker.timeout(), (turn > 0).then_some(Duration::from_micros(0)));
        assert!(bench.peers[0].send(&[1, FORWARD]));
        bench.worker.run_once()?;
        assert!(bench.peers[1].receive().is_some());
    }
    let rows = answer.try_recv().map_err(io::Error::other)?;
    assert!(rows.iter().map(|row| row.internal.address).eq(0..3 * LISTING_SLICE));
    Ok(())
}

fn missed_probe() -> ProbeSample {
    let (slot, family, sent_at) = (2, Family::V6, Instant::from_micros(5));
    let (list, target, round, burst, rtt, gateway_answered) = (3, 1, 9, false, None, false);
    ProbeSample { slot, family, list, target, round, burst, sent_at, rtt, gateway_answered }
}

#[test]
fn finished_probes_become_events() -> io::Result<()> {
    let mut bench = Bench::new(1)?;
    let sample = missed_probe();
    bench.path.script().samples.push_back(sample);
    bench.turn()?;
    assert_eq!(bench.shared.events.take(), [Event::ProbeSample(sample)]);
    Ok(())
}
