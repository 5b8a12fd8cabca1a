//! What one turn does with the frames that it finds, and when the next one begins.

use std::io;
use std::sync::atomic::Ordering;
use std::thread;

use nptd_core::frame::DeviceIndex;
use nptd_core::time::{Duration, Instant};

use super::{Bench, FORWARD, FORWARD_WITH_OUTPUT, LoopbackPeer, REPLY, TOLD};
use crate::sys::clock::monotonic_us;
use crate::worker::ANSWERS_MAX;

#[test]
fn frames_leave_by_their_egress_in_order_each_with_its_outputs_behind_it() -> io::Result<()> {
    let mut bench = Bench::new(3)?;
    for frame in [[1, FORWARD_WITH_OUTPUT], [2, FORWARD], [1, FORWARD], [0, REPLY], [1, 99]] {
        assert!(bench.peers[0].send(&frame));
    }
    bench.clock.set(5_000);
    bench.turn()?;
    let received = |peer: &LoopbackPeer| std::iter::from_fn(|| peer.receive()).collect::<Vec<_>>();
    assert_eq!(received(&bench.peers[0]), [[0, REPLY]]);
    assert_eq!(received(&bench.peers[1]), [[1, FORWARD_WITH_OUTPUT], [1, 0xff], [1, FORWARD]]);
    assert_eq!(received(&bench.peers[2]), [[2, FORWARD]]);
    let script = bench.path.script();
    assert_eq!(script.processed, [(DeviceIndex(0), 2, Instant::from_micros(5_000)); 5]);
    assert_eq!(bench.link.gauges.received.load(Ordering::Relaxed), 5);
    assert_eq!(bench.link.gauges.transmitted.load(Ordering::Relaxed), 5);
    Ok(())
}

#[test]
fn hosts_are_told_with_what_time_a_turn_has_left() -> io::Result<()> {
    let mut bench = Bench::new(1)?;
    bench.path.script().telling_us = Some((bench.clock.clone(), 150));
    bench.path.script().hosts_to_tell = 300;
    let mut told = Vec::new();
    for _ in 0..4 {
        bench.turn()?;
        let frames: Vec<_> = std::iter::from_fn(|| bench.peers[0].receive()).collect();
        assert!(frames.iter().all(|frame| *frame == [TOLD]));
        told.push(frames.len());
    }
    // Four steps of 150 us, which are as long as a step may be.
    assert_eq!(told, [4 * 32, 4 * 32, 300 - 8 * 32, 0]);
    Ok(())
}

#[test]
fn what_a_host_answers_at_once_is_carried_in_the_same_turn_but_not_for_ever() -> io::Result<()> {
    let mut bench = Bench::new(2)?;
    assert!(bench.peers[0].send(&[1, FORWARD]));
    bench.turn()?;
    assert_eq!(bench.path.script().processed.len(), 1);
    bench.peers[1].echo();
    assert!(bench.peers[0].send(&[1, FORWARD]));
    bench.turn()?;
    let processed = bench.path.script().processed.split_off(1);
    assert_eq!(
        processed.iter().map(|(ingress, ..)| ingress.0).collect::<Vec<_>>(),
        [&[0][..], &[1; ANSWERS_MAX]].concat()
    );
    Ok(())
}

/// A worker that sleeps at once would do so for twenty seconds, whatever happens to the clock.
#[test]
fn after_a_turn_with_frames_a_worker_that_may_looks_for_more_before_it_sleeps() -> io::Result<()> {
    let mut bench = Bench::new(2)?;
    bench.worker.reception.busy_poll = Duration::from_micros(50);
    bench.clock.set(5_000);
    assert!(bench.peers[0].send(&[1, FORWARD]));
    bench.turn()?;
    bench.path.script().wakeup = Some(Instant::from_micros(20_000_000));
    let (clock, path) = (bench.clock.clone(), bench.path.clone());
    let waker = thread::spawn(move || {
        thread::sleep(std::time::Duration::from_millis(20));
        path.script().wakeup = Some(Instant::from_micros(0));
        clock.set(6_000);
    });
    let started = monotonic_us();
    bench.worker.run_once()?;
    assert!(waker.join().is_ok());
    assert!(monotonic_us() - started < 10_000_000);
    assert_eq!(bench.path.script().ticks.last(), Some(&Instant::from_micros(6_000)));
    Ok(())
}
