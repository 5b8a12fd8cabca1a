//! Two workers that share devices, each driven turn by turn: what one receives and the other owns.

use nptd_core::verdict::Suppressed;

use super::*;
use crate::handover::HANDED_FRAMES_MAX;

/// Two workers over the same loopback devices.
struct Pair {
    workers: Vec<Worker<ScriptedPath, FakeClock>>,
    paths: Vec<ScriptedPath>,
    peers: Vec<LoopbackPeer>,
    shared: Arc<Shared>,
}

impl Pair {
    fn new(devices: usize) -> io::Result<Self> {
        let bells = (0..2).map(|_| EventFd::new().map(Arc::new)).collect::<io::Result<Vec<_>>>()?;
        let links = bells.iter().enumerate().map(|(number, bell)| {
            let (counters, gauges) = (Arc::new(Counters::new()), Gauges::default());
            Arc::new(WorkerLink { number, mailbox: Mailbox::new(bell.clone()), counters, gauges })
        });
        let shared = Arc::new(Shared::new(links.collect()));
        let (mut firsts, mut seconds, mut peers) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..devices {
            let (end, peer) = pair(&format!("loop{number}"))?;
            seconds.push(end.another().map_err(io::Error::other)?);
            firsts.push(Box::new(end) as Box<dyn Device>);
            peers.push(peer);
        }
        let healths = healths(&firsts);
        let (mut workers, mut paths) = (Vec::new(), Vec::new());
        let parts = [firsts, seconds].into_iter().zip(Handover::group(&bells)).zip(&bells).zip(&shared.links);
        for (((ends, handover), bell), link) in parts {
            let path = ScriptedPath { number: link.number as u8, ..ScriptedPath::default() };
            let ports = Ports::new(ends, &healths, bell.clone());
            let (own, reception) = (path.clone(), Reception::default());
            let clock = FakeClock::default();
            workers.push(Worker::new(own, clock, ports, reception, shared.clone(), link.clone(), handover));
            paths.push(path);
        }
        Ok(Self { workers, paths, peers, shared })
    }

    /// One turn of a worker that does not sleep.
    fn turn(&mut self, worker: usize) -> io::Result<()> {
        self.paths[worker].script().wakeup = Some(Instant::from_micros(0));
        self.workers[worker].run_once()
    }

    fn received(&self, device: usize) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| self.peers[device].receive()).collect()
    }
}

#[test]
fn each_worker_carries_the_flows_that_it_owns_whoever_receives_them() -> io::Result<()> {
    let mut pair = Pair::new(2)?;
    for queue in [0, 1] {
        for owner in [0, 1] {
            assert!(pair.peers[0].send_by(queue, &[1, OWNED, owner, queue as u8]));
        }
    }
    pair.turn(0)?;
    assert_eq!(pair.received(1), [[1, OWNED, 0, 0]]);
    pair.turn(1)?;
    assert_eq!(pair.received(1), [[1, OWNED, 1, 1], [1, OWNED, 1, 0]]);
    pair.turn(0)?;
    assert_eq!(pair.received(1), [[1, OWNED, 0, 1]]);
    let frames = |worker: usize| {
        let link = &pair.shared.links[worker];
        let [received, sent] = [&link.gauges.received, &link.gauges.transmitted];
        (received.load(Ordering::Relaxed), sent.load(Ordering::Relaxed), pair.paths[worker].script().processed.len())
    };
    // Who received a frame counts it as received, and who owns it as sent.
    assert_eq!((frames(0), frames(1)), ((2, 2, 3), (2, 2, 3)));
    Ok(())
}

#[test]
fn frames_that_are_handed_over_keep_their_device_and_their_order() -> io::Result<()> {
    let mut pair = Pair::new(3)?;
    for number in 0..100 {
        assert!(pair.peers[usize::from(number) % 2].send(&[2, OWNED, 1, number]));
    }
    while pair.paths[0].script().processed.len() < 100 {
        pair.turn(0)?;
    }
    while pair.paths[1].script().processed.len() < 100 {
        pair.turn(1)?;
    }
    let by_ingress = |ingress: u16| {
        let processed = &pair.paths[1].script().processed;
        processed.iter().filter(|(from, ..)| *from == DeviceIndex(ingress)).count()
    };
    assert_eq!((by_ingress(0), by_ingress(1)), (50, 50));
    let numbers: Vec<u8> = pair.received(2).iter().map(|frame| frame[3]).collect();
    for parity in [0, 1] {
        let of_one = numbers.iter().copied().filter(|number| number % 2 == parity);
        assert!(of_one.eq((0..100).filter(|number| number % 2 == parity)));
    }
    Ok(())
}

#[test]
fn what_the_owner_has_no_room_for_is_refused_and_the_rest_goes_on() -> io::Result<()> {
    let mut pair = Pair::new(2)?;
    let sent = HANDED_FRAMES_MAX + 30;
    for _ in 0..sent {
        while !pair.peers[0].send(&[1, OWNED, 1]) {
            pair.turn(0)?;
        }
    }
    while pair.paths[0].script().processed.len() < sent {
        pair.turn(0)?;
    }
    assert_eq!(pair.paths[0].script().refused, 30);
    assert!(pair.peers[0].send(&[1, OWNED, 0]));
    pair.turn(0)?;
    assert_eq!(pair.received(1), [[1, OWNED, 0]]);
    let mut carried = 0;
    while pair.paths[1].script().processed.len() < HANDED_FRAMES_MAX {
        pair.turn(1)?;
        carried += pair.received(1).len();
    }
    assert_eq!(carried, HANDED_FRAMES_MAX);
    Ok(())
}

#[test]
fn news_go_to_the_worker_that_they_are_for_and_have_their_answers_and_frames_carried() -> io::Result<()> {
    let mut pair = Pair::new(1)?;
    pair.paths[0].script().news.push_back((1, News::Doubted { v4: 3, v6: 0 }));
    for _ in 0..3 {
        pair.turn(0)?;
        pair.turn(1)?;
    }
    assert_eq!(pair.paths[1].script().heard, [3, 1]);
    assert_eq!(pair.paths[0].script().heard, [2, 0]);
    assert_eq!(pair.received(0), [[3], [2], [1], [0]]);
    Ok(())
}

#[test]
fn news_that_nobody_has_room_for_are_counted() -> io::Result<()> {
    let mut pair = Pair::new(1)?;
    let news = (0..2_000).map(|_| (1, News::Doubted { v4: 0, v6: 0 }));
    pair.paths[0].script().news.extend(news);
    pair.turn(0)?;
    let lost = pair.shared.links[0].counters.suppressed(Suppressed::NewsLost);
    pair.turn(1)?;
    assert_eq!(pair.paths[1].script().heard.len() as u64 + lost, 2_000);
    assert!(lost > 0);
    Ok(())
}

#[test]
fn a_device_that_fails_is_reported_once_whoever_meets_it_and_restored_by_anybody() -> io::Result<()> {
    let mut pair = Pair::new(2)?;
    pair.peers[1].fail_sending(libc::EIO);
    for worker in [0, 1] {
        assert!(pair.peers[0].send_by(worker, &[1, FORWARD]));
        pair.turn(worker)?;
    }
    let told = |pair: &Pair| {
        let works = pair.shared.events.take().into_iter().map(|event| {
            if let Event::DeviceFailed { device, .. } = event {
                return (device.index, false);
            }
            let Event::DeviceRestored { device } = event else { panic!("{event:?}") };
            (device.index, true)
        });
        works.collect::<Vec<_>>()
    };
    assert_eq!(told(&pair), [(DeviceIndex(1), false)]);
    pair.peers[1].fail_sending(0);
    for worker in [1, 0] {
        assert!(pair.peers[0].send_by(worker, &[1, FORWARD]));
        pair.turn(worker)?;
    }
    assert_eq!(told(&pair), [(DeviceIndex(1), true)]);
    Ok(())
}

#[test]
fn only_the_worker_with_the_host_role_takes_leave() -> io::Result<()> {
    let mut pair = Pair::new(1)?;
    pair.shared.close();
    pair.workers[1].run()?;
    assert_eq!(pair.received(0), [[0; 0]; 0]);
    pair.workers[0].run()?;
    assert_eq!(pair.received(0), [[BYE]]);
    Ok(())
}

#[test]
fn a_question_about_a_flow_is_answered_by_its_owner() -> io::Result<()> {
    let mut pair = Pair::new(1)?;
    let addresses = nptd_core::plan::subject::Addresses::V4 { source: 1, destination: 2 };
    for owner in [0, 1] {
        let flow = Subject { addresses, protocol: owner, ports: (3, 4), has_ports: true, dscp: 46 };
        let (reply, answer) = sync_channel(1);
        assert_eq!(pair.shared.links[0].mailbox.send(Command::Explain { flow, reply }), Ok(()));
        pair.turn(0)?;
        assert_eq!(answer.try_recv().is_ok(), owner == 0);
        pair.turn(1)?;
        assert_eq!(answer.try_recv().is_ok(), owner == 1);
    }
    Ok(())
}
