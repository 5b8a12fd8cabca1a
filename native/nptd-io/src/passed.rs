//! The way of frames for the gateway itself to the control plane: bounded and limited in rate.

use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_queue::ArrayQueue;
use nptd_core::frame::DeviceIndex;
use nptd_core::plan::spec::RateSpec;
use nptd_core::session::rate_limit::RateLimit;
use nptd_core::time::Instant;

/// Most frames that wait for the control plane.
pub const PASSED_FRAMES_MAX: usize = 256;

/// Frames a second that are worth waking JavaScript for; routing daemons and DHCP need a few.
pub const PASSED_RATE: RateSpec = RateSpec { per_second: 1_000, burst: PASSED_FRAMES_MAX as u32 };

/// A frame for the gateway itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedFrame {
    /// Device it came in by.
    pub device: DeviceIndex,
    /// The complete frame.
    pub octets: Vec<u8>,
}

/// Frames on their way from all workers to the control plane.
pub struct PassedQueue {
    frames: ArrayQueue<PassedFrame>,
    announced: AtomicBool,
}

impl Default for PassedQueue {
    fn default() -> Self {
        Self { frames: ArrayQueue::new(PASSED_FRAMES_MAX), announced: AtomicBool::new(false) }
    }
}

impl PassedQueue {
    /// Takes all frames, oldest first.
    pub fn take(&self) -> Vec<PassedFrame> {
        self.announced.store(false, Ordering::SeqCst);
        std::iter::from_fn(|| self.frames.pop()).take(PASSED_FRAMES_MAX).collect()
    }

    /// Whether frames wait that nobody has been told of; asking tells.
    pub(crate) fn needs_announcement(&self) -> bool {
        !self.frames.is_empty() && !self.announced.swap(true, Ordering::SeqCst)
    }
}

/// One worker's end of the queue, with its share of the rate.
#[derive(Debug, Default)]
pub(crate) struct PassedSender(RateLimit);

impl PassedSender {
    /// Hands a frame over; false if the queue is full or the rate used up.
    pub(crate) fn send(&mut self, queue: &PassedQueue, device: DeviceIndex, octets: &[u8], now: Instant) -> bool {
        !queue.frames.is_full()
            && self.0.admits(PASSED_RATE, now)
            && queue.frames.push(PassedFrame { device, octets: octets.to_vec() }).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use nptd_core::frame::DeviceIndex;
    use nptd_core::time::Instant;

    use super::{PASSED_FRAMES_MAX, PassedQueue, PassedSender};

    #[test]
    fn a_full_queue_refuses_and_empties() {
        let (queue, mut sender) = (PassedQueue::default(), PassedSender::default());
        let now = Instant::from_micros(1);
        let sent = (0..300).filter(|_| sender.send(&queue, DeviceIndex(2), &[7; 60], now)).count();
        assert_eq!(sent, PASSED_FRAMES_MAX);
        assert!(queue.needs_announcement());
        assert!(!queue.needs_announcement());
        let frames = queue.take();
        assert_eq!(frames.len(), PASSED_FRAMES_MAX);
        assert_eq!((frames[0].device, &frames[0].octets[..]), (DeviceIndex(2), &[7; 60][..]));
    }

    #[test]
    fn the_rate_holds_even_if_the_reader_is_fast() {
        let (queue, mut sender) = (PassedQueue::default(), PassedSender::default());
        let mut sent = 0;
        for millisecond in 0..1_000 {
            for _ in 0..10 {
                let now = Instant::from_micros(1_000_000 + millisecond * 1_000);
                sent += usize::from(sender.send(&queue, DeviceIndex(0), &[0; 60], now));
            }
            queue.take();
        }
        assert_eq!(sent, 1_000 + PASSED_FRAMES_MAX - 1);
    }
}
