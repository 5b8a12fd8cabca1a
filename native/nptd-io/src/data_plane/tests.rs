//! The life of a data plane, with a real thread over loopback devices.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use nptd_core::counters::Counters;
use nptd_core::filter::FilterRow;
use nptd_core::frame::{DeviceIndex, Frame};
use nptd_core::host::duplicate_addresses::AddressConflict;
use nptd_core::host::probes::conversations::{ProbeConclusion, ProbeRequest};
use nptd_core::host::probes::{Family, ProbeSample, ProbeSpec};
use nptd_core::nat44::{MappingRow, PortRest, SessionRow};
use nptd_core::news::News;
use nptd_core::output::OutputPool;
use nptd_core::pipeline::explain::Explanation;
use nptd_core::plan::Plan;
use nptd_core::plan::spec::{DeviceSpec, LinkSpec, PlanSpec, PolicySpec, RoleSpec};
use nptd_core::plan::subject::{Addresses, Subject};
use nptd_core::session::leaving::Step;
use nptd_core::session::round_trips::RoundTrip;
use nptd_core::time::Instant;
use nptd_core::verdict::Verdict;

use super::{CommandError, DataPlane, Outfit};
use crate::clock::MonotonicClock;
use crate::data_path::DataPath;
use crate::device::Device;
use crate::device::loopback::{LoopbackPeer, pair};
use crate::error::{ApplyError, Stopped};
use crate::events::Event;
use crate::worker::Reception;

/// Sends every frame back where it came from, and counts the turns; panics when a frame
/// begins with 0xff. With several, the first octet says which worker owns a frame.
#[derive(Default)]
struct Echo {
    turns: Arc<AtomicU64>,
    /// Its number, where there are several.
    number: Option<u8>,
}

impl DataPath for Echo {
    fn adopt(&mut self, _plan: Arc<Plan>) {}
    fn process(&mut self, frames: &mut [Frame<'_>], _now: Instant, _outputs: &mut OutputPool) {
        for frame in frames {
            assert_ne!(frame.octets()[0], 0xff, "a bad frame");
            frame.egress = frame.ingress;
            let owner = frame.octets()[0];
            frame.verdict = match self.number {
                Some(number) if number != owner => Verdict::HandedOver(owner),
                Some(_) | None => Verdict::Reply,
            };
        }
    }
    fn refuse_handed_over(&self, _frame: &mut Frame<'_>) {}
    fn take_news(&mut self) -> Option<(u8, News)> {
        None
    }
    fn learn(&mut self, _news: News, _now: Instant, _outputs: &mut OutputPool) {}
    fn owner_of(&self, flow: &Subject) -> u8 {
        flow.protocol
    }
    fn tick(&mut self, _now: Instant, _outputs: &mut OutputPool) -> bool {
        self.turns.fetch_add(1, Ordering::SeqCst);
        false
    }
    fn sweep_left(&mut self, _step: Step, _now: Instant, _outputs: &mut OutputPool) -> bool {
        false
    }
    fn next_wakeup(&self) -> Option<Instant> {
        None
    }
    fn farewell(&mut self, _now: Instant, _outputs: &mut OutputPool) {}
    fn inject(&mut self, _device: DeviceIndex, _octets: &[u8], _outputs: &mut OutputPool) -> bool {
        false
    }
    fn set_probes(&mut self, _specs: Vec<ProbeSpec>, _now: Instant) {}
    fn take_probe_sample(&mut self) -> Option<ProbeSample> {
        None
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
        None
    }
    fn session_rows(&self, _from: u32, _max: u32, _now: Instant, _rows: &mut Vec<SessionRow>) -> Option<u32> {
        None
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
    fn restore_port_rests(&mut self, _rests: &[PortRest], _now: Instant) {}
    fn explain(&mut self, flow: &Subject, _now: Instant) -> Explanation {
        Explanation { policy: flow.dscp, ..Explanation::default() }
    }

    fn session_count(&self) -> u32 {
        0
    }
    fn mapping_count(&self) -> u32 {
        0
    }
}

fn start() -> io::Result<(DataPlane, LoopbackPeer)> {
    start_with(Echo::default())
}

fn start_with(path: Echo) -> io::Result<(DataPlane, LoopbackPeer)> {
    let (end, peer) = pair("loop0")?;
    let devices = vec![Box::new(end) as Box<dyn Device>];
    let outfit = Outfit { path, counters: Arc::new(Counters::new()), devices };
    let plane = DataPlane::start(vec![outfit], Reception::default(), &MonotonicClock).map_err(io::Error::other)?;
    Ok((plane, peer))
}

/// Two workers with a queue each of one device.
fn start_two() -> io::Result<(DataPlane, LoopbackPeer)> {
    let (end, peer) = pair("loop0")?;
    let second = end.another().map_err(io::Error::other)?;
    let outfits = [Box::new(end) as Box<dyn Device>, second].into_iter().zip(0..).map(|(device, number)| Outfit {
        path: Echo { number: Some(number), ..Echo::default() },
        counters: Arc::new(Counters::new()),
        devices: vec![device],
    });
    let plane = DataPlane::start(outfits.collect(), Reception::default(), &MonotonicClock).map_err(io::Error::other)?;
    Ok((plane, peer))
}

fn plan(generation: u64, devices: Vec<DeviceSpec>) -> PlanSpec {
    let policies = vec![PolicySpec { prefer: Vec::new(), ..PolicySpec::default() }];
    PlanSpec { generation, devices, policies, ..PlanSpec::default() }
}

fn device(link: LinkSpec) -> DeviceSpec {
    DeviceSpec { link, role: RoleSpec::Internal, mtu: 1_500, ipv4: Vec::new(), ipv6: Vec::new(), advertise: None }
}

const ETHERNET: LinkSpec = LinkSpec::Ethernet([2, 0, 0, 0, 0, 1]);

/// The events of a plane, once there are any.
fn events(plane: &DataPlane) -> Vec<Event> {
    let (sender, receiver) = std::sync::mpsc::channel();
    plane.events().set_notify(move || {
        let _ = sender.send(());
    });
    assert!(receiver.recv_timeout(Duration::from_secs(5)).is_ok(), "no event came");
    plane.events().take()
}

fn answer(peer: &LoopbackPeer) -> Option<Vec<u8>> {
    (0..500).find_map(|_| {
        let frame = peer.receive();
        if frame.is_none() {
            std::thread::sleep(Duration::from_millis(10));
        }
        frame
    })
}

#[test]
fn frames_pass_until_it_is_closed_and_no_longer() -> io::Result<()> {
    let (plane, peer) = start()?;
    assert!(peer.send(&[1, 2, 3]));
    assert_eq!(answer(&peer), Some(vec![1, 2, 3]));
    plane.close();
    assert!(peer.send(&[4]));
    assert_eq!(peer.receive(), None);
    assert_eq!(plane.sessions(1).err(), Some(CommandError::Stopped(Stopped)));
    assert_eq!(plane.inject(DeviceIndex(0), vec![1]).err(), Some(CommandError::Stopped(Stopped)));
    assert_eq!(plane.apply(plan(1, vec![device(ETHERNET)])).err(), Some(ApplyError::Stopped(Stopped)));
    plane.close();
    Ok(())
}

#[test]
fn a_plan_is_in_force_when_apply_returns() -> io::Result<()> {
    let (plane, _peer) = start()?;
    assert_eq!(plane.generation(), 0);
    assert_eq!(plane.apply(plan(1, vec![device(ETHERNET)])), Ok(()));
    assert_eq!(plane.generation(), 1);
    assert_eq!(plane.apply(plan(5, vec![device(ETHERNET)])), Ok(()));
    assert_eq!(plane.generation(), 5);
    Ok(())
}

#[test]
fn a_plan_that_does_not_fit_is_refused_with_its_path() -> io::Result<()> {
    let (plane, _peer) = start()?;
    let path_of = |spec| match plane.apply(spec) {
        Err(ApplyError::Refused { path, .. }) => path,
        other => format!("{other:?}"),
    };
    assert_eq!(path_of(plan(1, Vec::new())), "devices");
    assert_eq!(path_of(plan(1, vec![device(LinkSpec::Ip)])), "devices[0].mac");
    assert_eq!(path_of(plan(0, vec![device(ETHERNET)])), "generation");
    assert_eq!(path_of(plan(1, vec![DeviceSpec { mtu: 20, ..device(ETHERNET) }])), "devices[0].mtu");
    assert_eq!(plane.apply(plan(2, vec![device(ETHERNET)])), Ok(()));
    assert_eq!(path_of(plan(2, vec![device(ETHERNET)])), "generation");
    assert_eq!(plane.generation(), 2);
    Ok(())
}

#[test]
fn a_panic_is_an_event_and_ends_only_the_worker() -> io::Result<()> {
    let (plane, peer) = start()?;
    assert!(peer.send(&[0xff]));
    match &events(&plane)[..] {
        [Event::WorkerPanicked { message }] => assert!(message.contains("a bad frame"), "{message}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(plane.apply(plan(1, vec![device(ETHERNET)])).err(), Some(ApplyError::Stopped(Stopped)));
    assert_eq!(plane.mappings(1).err(), Some(CommandError::Stopped(Stopped)));
    plane.close();
    Ok(())
}

#[test]
fn counters_are_readable_while_frames_pass_6888_r10() -> io::Result<()> {
    let (plane, peer) = start()?;
    let enough = Arc::new(AtomicBool::new(false));
    let traffic = {
        let enough = enough.clone();
        thread::spawn(move || {
            while !enough.load(Ordering::SeqCst) {
                let _full = !peer.send(&[1, 2, 3]);
                let _answer = peer.receive();
            }
        })
    };
    let mut before = plane.counters();
    let mut rises = 0;
    for _ in 0..30_000 {
        let after = plane.counters();
        assert!(
            after.received_frames >= before.received_frames && after.transmitted_frames >= before.transmitted_frames
        );
        rises += u32::from(after.received_frames > before.received_frames);
        before = after;
        if rises == 100 {
            break;
        }
        thread::sleep(Duration::from_millis(1));
    }
    enough.store(true, Ordering::SeqCst);
    assert!(traffic.join().is_ok());
    assert_eq!(rises, 100, "readings that showed more than the one before");
    Ok(())
}

#[test]
fn an_empty_listing_is_an_answer() -> io::Result<()> {
    let (plane, _peer) = start()?;
    assert_eq!(plane.sessions(10).map(|rows| rows.len()), Ok(0));
    assert_eq!(plane.mappings(10).map(|rows| rows.len()), Ok(0));
    Ok(())
}

#[test]
fn a_flow_is_explained_by_the_worker_until_it_ends() -> io::Result<()> {
    let (plane, _peer) = start()?;
    let addresses = Addresses::V4 { source: 1, destination: 2 };
    let flow = Subject { addresses, protocol: 6, ports: (3, 4), has_ports: true, dscp: 46 };
    assert_eq!(plane.explain(flow).map(|explanation| explanation.policy), Ok(46));
    plane.close();
    assert_eq!(plane.explain(flow).err(), Some(CommandError::Stopped(Stopped)));
    Ok(())
}

#[test]
fn an_idle_worker_sleeps() -> io::Result<()> {
    let turns = Arc::new(AtomicU64::new(0));
    let (_plane, peer) = start_with(Echo { turns: turns.clone(), number: None })?;
    // One round trip, so that the thread is running, then a while in which nothing happens.
    assert!(peer.send(&[1]));
    assert!(answer(&peer).is_some());
    std::thread::sleep(Duration::from_millis(50));
    let before = turns.load(Ordering::SeqCst);
    assert!(before > 0);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(turns.load(Ordering::SeqCst), before, "woken although nothing happened");
    Ok(())
}

#[test]
fn no_ring_of_the_bell_is_lost_between_two_reasons() -> io::Result<()> {
    let (plane, _peer) = start()?;
    for generation in 1..=2_000 {
        // The first ring may be answered while the second reason comes up.
        assert_eq!(plane.inject(DeviceIndex(0), vec![1]), Ok(()));
        assert_eq!(plane.apply(plan(generation, vec![device(ETHERNET)])), Ok(()));
    }
    assert_eq!(plane.generation(), 2_000);
    Ok(())
}

#[test]
fn frames_reach_their_owner_whichever_worker_receives_them_asleep_or_not() -> io::Result<()> {
    let (plane, peer) = start_two()?;
    for round in 0..300_u16 {
        for (queue, owner) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let [high, low] = round.to_be_bytes();
            assert!(peer.send_by(queue, &[owner, queue as u8, high, low]));
            assert_eq!(answer(&peer), Some(vec![owner, queue as u8, high, low]));
        }
    }
    let counters = plane.counters();
    assert_eq!((counters.received_frames, counters.transmitted_frames), (1_200, 1_200));
    plane.close();
    assert!(peer.send_by(1, &[0]));
    assert_eq!(peer.receive(), None);
    Ok(())
}

#[test]
fn a_plan_is_in_force_when_every_worker_has_it() -> io::Result<()> {
    let (plane, _peer) = start_two()?;
    for generation in 1..=500 {
        assert_eq!(plane.apply(plan(generation, vec![device(ETHERNET)])), Ok(()));
        assert_eq!(plane.generation(), generation);
    }
    Ok(())
}

#[test]
fn when_one_worker_ends_by_a_fault_the_others_end_too() -> io::Result<()> {
    let (plane, peer) = start_two()?;
    assert!(peer.send_by(1, &[0xff]));
    assert!(matches!(&events(&plane)[..], [Event::WorkerPanicked { .. }]));
    assert_eq!(plane.apply(plan(1, vec![device(ETHERNET)])).err(), Some(ApplyError::Stopped(Stopped)));
    assert_eq!(plane.inject(DeviceIndex(0), vec![1]).err(), Some(CommandError::Stopped(Stopped)));
    plane.close();
    assert!(peer.send_by(0, &[0]));
    assert_eq!(peer.receive(), None);
    assert_eq!(plane.events().take(), [], "only the one with the fault is told of");
    Ok(())
}

#[test]
fn closing_while_frames_are_handed_over_ends_both_workers() -> io::Result<()> {
    let (plane, peer) = start_two()?;
    let sending = thread::spawn(move || {
        for number in 0..20_000_u32 {
            let owner = (number % 2) as u8;
            let _full = !peer.send_by(usize::from(1 - owner), &[owner, 1]);
            let _answer = peer.receive();
        }
    });
    thread::sleep(Duration::from_millis(5));
    plane.close();
    assert!(sending.join().is_ok());
    assert!(plane.threads().is_empty());
    Ok(())
}
