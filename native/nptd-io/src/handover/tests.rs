//! What goes by a ring comes out the same, in order; what does not fit is refused; nobody sleeps over anything.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread;

use nptd_core::frame::{ChecksumState, DeviceIndex, Errand, FRAME_LEN_MAX, Frame, HEADROOM, Segmentation};
use nptd_core::news::News;

use super::{HANDED_FRAMES_MAX, HANDED_OCTETS_MAX, Handover, NEWS_MAX};
use crate::burst::Burst;
use crate::sys::eventfd::EventFd;
use crate::sys::poll::PollSet;

fn group(workers: usize) -> io::Result<(Vec<Handover>, Vec<Arc<EventFd>>)> {
    let bells = (0..workers).map(|_| EventFd::new().map(Arc::new)).collect::<io::Result<Vec<_>>>()?;
    Ok((Handover::group(&bells), bells))
}

/// Hands over a frame of these octets.
fn send(from: &mut Handover, to: u8, octets: &[u8]) -> bool {
    let mut buffer = [&[0; HEADROOM], octets].concat();
    let mut frame = Frame::new(&mut buffer, HEADROOM, octets.len(), DeviceIndex(2));
    frame.queue = 1;
    frame.checksum = ChecksumState::Partial { start: 34, offset: 16 };
    frame.segmentation = Segmentation::Tcp6(1_428);
    frame.errand = Errand::ForGateway;
    from.hand_over(to, &frame)
}

/// The octets of all frames that wait at one peer.
fn drain(end: &mut Handover, peer: usize) -> Vec<Vec<u8>> {
    let mut burst = Burst::new(FRAME_LEN_MAX);
    let mut all = Vec::new();
    loop {
        burst.clear();
        end.receive(peer, &mut burst);
        assert_eq!(burst.oversized(), 0);
        if burst.is_empty() {
            return all;
        }
        all.extend(burst.frames().iter().map(|frame| frame.octets().to_vec()));
    }
}

#[test]
fn a_frame_comes_out_with_all_that_is_known_of_it() -> io::Result<()> {
    let (mut ends, _bells) = group(3)?;
    assert!(send(&mut ends[0], 2, &[7; 60]));
    assert!(drain(&mut ends[1], 0).is_empty(), "it is for another worker");
    let mut burst = Burst::new(FRAME_LEN_MAX);
    ends[2].receive(0, &mut burst);
    let frames = burst.frames();
    let [frame] = &frames[..] else { panic!("{} frames", frames.len()) };
    assert_eq!((frame.octets(), frame.ingress, frame.queue), (&[7; 60][..], DeviceIndex(2), 1));
    assert_eq!(frame.checksum, ChecksumState::Partial { start: 34, offset: 16 });
    assert_eq!((frame.segmentation, frame.errand), (Segmentation::Tcp6(1_428), Errand::ForGateway));
    assert!(frame.start() >= HEADROOM);
    Ok(())
}

#[test]
fn nothing_goes_to_oneself_or_to_nobody() -> io::Result<()> {
    let (mut ends, _bells) = group(2)?;
    assert!(!send(&mut ends[0], 0, &[1]) && !send(&mut ends[0], 2, &[1]));
    let (mut alone, _bell) = group(1)?;
    assert!(alone[0].is_alone() && !send(&mut alone[0], 1, &[1]) && alone[0].fall_asleep());
    Ok(())
}

#[test]
fn frames_of_all_lengths_stay_in_order_many_times_round_the_ring() -> io::Result<()> {
    let (mut ends, _bells) = group(2)?;
    let lengths = [60, 1_514, 65_000, 1, 9_014, FRAME_LEN_MAX];
    let mut number = 0_u32;
    for _ in 0..HANDED_OCTETS_MAX / 25_000 {
        let frames: Vec<_> = (0..12)
            .map(|_| {
                number += 1;
                let length = lengths[number as usize % lengths.len()];
                [&number.to_be_bytes()[..], &vec![number as u8; length]].concat()[..length].to_vec()
            })
            .collect();
        assert!(frames.iter().all(|frame| send(&mut ends[0], 1, frame)));
        assert_eq!(drain(&mut ends[1], 0), frames);
    }
    Ok(())
}

#[test]
fn a_full_ring_refuses_and_takes_again_what_has_room() -> io::Result<()> {
    let (mut ends, _bells) = group(2)?;
    let taken = (0..HANDED_FRAMES_MAX + 10).filter(|_| send(&mut ends[0], 1, &[1; 60])).count();
    assert_eq!(taken, HANDED_FRAMES_MAX);
    assert_eq!(drain(&mut ends[1], 0).len(), taken);
    let taken = (0..100).filter(|_| send(&mut ends[0], 1, &[2; 65_536])).count();
    assert_eq!(taken, HANDED_OCTETS_MAX / 65_536);
    assert!(!send(&mut ends[0], 1, &[3]), "not an octet is left");
    assert_eq!(drain(&mut ends[1], 0), vec![vec![2; 65_536]; taken]);
    assert!(send(&mut ends[0], 1, &[4; 60]));
    assert_eq!(drain(&mut ends[1], 0), [[4; 60]]);
    Ok(())
}

#[test]
fn news_arrive_in_order_until_their_ring_is_full() -> io::Result<()> {
    let (mut ends, _bells) = group(2)?;
    let news = |number: usize| News::Doubted { v4: number as u16, v6: 0 };
    let taken = (0..NEWS_MAX + 5).filter(|number| ends[1].tell(0, news(*number))).count();
    assert_eq!(taken, NEWS_MAX);
    assert!(ends[0].has_waiting());
    let numbers = std::iter::from_fn(|| ends[0].take_news()).map(|news| {
        let News::Doubted { v4, .. } = news else { panic!("{news:?}") };
        v4
    });
    assert!(numbers.eq(0..NEWS_MAX as u16));
    Ok(())
}

#[test]
fn only_a_worker_that_sleeps_is_woken_and_once() -> io::Result<()> {
    let (mut ends, bells) = group(2)?;
    let mut bell = PollSet::new(std::iter::once(bells[1].as_raw_fd()));
    let mut rang = || {
        bell.wait(Some(nptd_core::time::Duration::from_micros(0)))?;
        bells[1].clear();
        Ok::<_, io::Error>(bell.is_ready(0))
    };
    assert!(send(&mut ends[0], 1, &[1]));
    ends[0].call();
    assert!(!rang()?, "it was awake");
    assert!(!ends[1].fall_asleep(), "a frame waits");
    drain(&mut ends[1], 0);
    assert!(ends[1].fall_asleep());
    ends[0].call();
    assert!(!rang()?, "nothing was handed over since");
    assert!(send(&mut ends[0], 1, &[1]));
    ends[0].call();
    assert!(rang()?);
    assert!(send(&mut ends[0], 1, &[1]));
    ends[0].call();
    assert!(!rang()?, "it has been woken");
    Ok(())
}

/// A reader that sleeps over a frame would do so for ever.
#[test]
fn no_frame_is_slept_over() -> io::Result<()> {
    const FRAMES: u32 = 50_000;
    let (mut ends, bells) = group(2)?;
    let (Some(mut reader), Some(mut writer)) = (ends.pop(), ends.pop()) else { return Ok(()) };
    let writing = thread::spawn(move || {
        for number in 0..FRAMES {
            while !send(&mut writer, 1, &number.to_be_bytes()) {
                thread::yield_now();
            }
            writer.call();
        }
    });
    let mut bell = PollSet::new(std::iter::once(bells[1].as_raw_fd()));
    let mut next = 0;
    while next < FRAMES {
        if reader.fall_asleep() {
            bell.wait(Some(nptd_core::time::Duration::from_secs(20)))?;
            assert!(bell.is_ready(0), "{next} of {FRAMES} frames, and nobody called");
            bells[1].clear();
        }
        reader.wake_up();
        for frame in drain(&mut reader, 0) {
            assert_eq!(frame, next.to_be_bytes());
            next += 1;
        }
    }
    assert!(writing.join().is_ok());
    Ok(())
}
