//! Devices that fail, come back, or are gone.

use super::*;

pub(super) fn device(index: u16) -> DeviceId {
    DeviceId { index: DeviceIndex(index), name: format!("loop{index}"), netns: None }
}

fn failed(index: u16, errno: i32) -> Event {
    let device = device(index);
    let message = format!("{}{}", io::Error::from_raw_os_error(errno), remedy(errno, &device.name, None));
    Event::DeviceFailed { device, errno, message }
}

fn restored(index: u16) -> Event {
    Event::DeviceRestored { device: device(index) }
}

#[test]
fn a_device_that_fails_on_reading_is_reported_once_and_the_others_go_on() -> io::Result<()> {
    let mut bench = Bench::new(3)?;
    bench.peers[0].fail_receiving(libc::EBADFD);
    bench.turn()?;
    bench.turn()?;
    assert!(bench.peers[1].send(&[2, FORWARD]));
    bench.turn()?;
    assert_eq!(bench.peers[2].receive(), Some(vec![2, FORWARD]));
    assert_eq!(bench.shared.events.take(), [failed(0, libc::EBADFD)]);
    // It is not waited for any more, so that its errors do not keep the worker awake.
    assert!(!bench.worker.ports.is_ready(0));
    Ok(())
}

#[test]
fn a_device_that_fails_on_writing_is_reported_once_and_anew_after_it_has_worked() -> io::Result<()> {
    let mut bench = Bench::new(2)?;
    let mut events_of = |errno| {
        bench.peers[1].fail_sending(errno);
        for _ in 0..3 {
            assert!(bench.peers[0].send(&[1, FORWARD]));
            bench.turn()?;
        }
        Ok::<_, io::Error>(bench.shared.events.take())
    };
    assert_eq!(events_of(libc::EIO)?, [failed(1, libc::EIO)]);
    assert_eq!(events_of(libc::EIO)?, []);
    assert_eq!(events_of(0)?, [restored(1)]);
    assert_eq!(events_of(libc::EIO)?, [failed(1, libc::EIO)]);
    assert_eq!(bench.dropped(DropReason::TransmitFailed), 9);
    Ok(())
}

/// Lets a second pass in steps, and gives what was told in it.
fn second(bench: &mut Bench) -> io::Result<Vec<Event>> {
    for _ in 0..10 {
        bench.clock.set(bench.clock.now().as_micros() + 100_000);
        bench.turn()?;
    }
    Ok(bench.shared.events.take())
}

#[test]
fn a_device_that_failed_on_writing_is_found_to_work_again_without_a_frame_for_it() -> io::Result<()> {
    let mut bench = Bench::new(2)?;
    bench.peers[1].fail_sending(libc::EIO);
    assert!(bench.peers[0].send(&[1, FORWARD]));
    bench.turn()?;
    assert_eq!(bench.shared.events.take(), [failed(1, libc::EIO)]);
    // The worker wakes up to look although nothing else is to do.
    bench.path.script().wakeup = None;
    assert_eq!(bench.worker.timeout(), Some(Duration::from_secs(1)));
    assert_eq!((second(&mut bench)?, second(&mut bench)?), (vec![], vec![]));
    bench.peers[1].fail_sending(0);
    assert_eq!(second(&mut bench)?, [restored(1)]);
    assert_eq!(second(&mut bench)?, []);
    bench.path.script().wakeup = None;
    assert_eq!(bench.worker.timeout(), None, "nothing is to be looked after any more");
    assert_eq!(bench.dropped(DropReason::TransmitFailed), 1, "no frame was spent on it");
    Ok(())
}

#[test]
fn a_device_that_only_claims_to_work_is_tried_at_growing_intervals() -> io::Result<()> {
    let mut bench = Bench::new(2)?;
    bench.peers[1].fail_sending_though_up();
    let mut rests = Vec::new();
    while rests.len() < 9 {
        assert!(bench.peers[0].send(&[1, FORWARD]));
        bench.turn()?;
        assert_eq!(bench.shared.events.take(), [failed(1, libc::EIO)]);
        let waited = (1..100).find(|_| second(&mut bench).is_ok_and(|events| events == [restored(1)]));
        rests.extend(waited);
    }
    assert_eq!(rests, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
    // A frame that got through ends that.
    bench.peers[1].fail_sending(0);
    assert!(bench.peers[0].send(&[1, FORWARD]));
    bench.turn()?;
    bench.peers[1].fail_sending_though_up();
    assert!(bench.peers[0].send(&[1, FORWARD]));
    bench.turn()?;
    assert_eq!(bench.shared.events.take(), [failed(1, libc::EIO)]);
    assert_eq!(second(&mut bench)?, [restored(1)]);
    Ok(())
}

#[test]
fn a_device_that_is_gone_is_told_once_more_and_never_looked_after() -> io::Result<()> {
    let mut bench = Bench::new(2)?;
    bench.peers[1].fail_sending(libc::EIO);
    assert!(bench.peers[0].send(&[1, FORWARD]));
    bench.turn()?;
    bench.peers[1].fail_sending(libc::EBADFD);
    assert_eq!(second(&mut bench)?, [failed(1, libc::EBADFD)]);
    bench.path.script().wakeup = None;
    assert_eq!(bench.worker.timeout(), None);
    bench.peers[1].fail_sending(0);
    assert_eq!(second(&mut bench)?, []);
    Ok(())
}

#[test]
fn a_failure_is_told_however_many_samples_nobody_reads() -> io::Result<()> {
    let mut bench = Bench::new(2)?;
    bench.peers[1].fail_sending(libc::EIO);
    assert!(bench.peers[0].send(&[1, FORWARD]));
    bench.turn()?;
    for _ in 0..2_000 {
        bench.path.script().samples.push_back(missed_probe());
        bench.turn()?;
    }
    assert_eq!(bench.shared.events.take().last(), Some(&failed(1, libc::EIO)));
    Ok(())
}
