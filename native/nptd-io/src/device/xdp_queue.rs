//! One queue of an interface: what becomes of the places of its memory.

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use nptd_core::frame::{ChecksumState, Segmentation};

use super::{Outgoing, Transmitted};
use crate::burst::{Burst, Received};
use crate::sys::xsk::Xsk;

/// Frames that the kernel takes from the ring in one call, where it copies them.
const FRAMES_OF_A_CALL: u32 = 32;

/// A bound socket, and its free places for frames that leave.
#[derive(Debug)]
pub struct Queue {
    socket: Xsk,
    free: Vec<u64>,
    /// Octets of the longest frame it sends.
    frame_len_max: usize,
    /// Whether the last attempt to send has failed.
    is_failing: bool,
}

impl Queue {
    /// Lends the kernel the places of all frames to come.
    pub fn new(mut socket: Xsk, frame_len_max: usize) -> Self {
        for place in socket.places_to_receive() {
            socket.free.push(place);
        }
        socket.free.publish();
        let free = socket.places_to_send().collect();
        Self { socket, free, frame_len_max, is_failing: false }
    }

    /// The descriptor to wait for.
    pub fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Whether its interface is up. An error means that it is gone for good.
    pub fn is_up(&self) -> io::Result<bool> {
        match self.wake_sender() {
            Err(error) if error.raw_os_error() == Some(libc::ENETDOWN) => Ok(false),
            result => result.map(|_| true),
        }
    }

    /// Adds frames to the burst until it is full or none is waiting; each place goes back at once.
    pub fn receive(&mut self, burst: &mut Burst) {
        let mut is_empty = true;
        while let Some(space) = burst.space(0) {
            let Some(frame) = self.socket.received.pop() else { break };
            is_empty = false;
            let length = frame.len as usize;
            let kept = length.min(space.len());
            let is_whole = space.get_mut(..kept).is_some_and(|space| self.socket.memory.read(frame.addr, space));
            self.socket.free.push(self.socket.place_of(frame.addr));
            if is_whole {
                burst.keep(Received { length, ..Received::default() });
            } else {
                burst.refuse();
            }
        }
        if is_empty {
            return;
        }
        self.socket.received.release();
        self.socket.free.publish();
        if self.socket.free.needs_wakeup() {
            // It fails where the interface is down or gone, of which its bell tells.
            let _ = self.socket.wake_receiver();
        }
    }

    /// Sends frames in order.
    pub fn transmit(&mut self, frames: &mut dyn Iterator<Item = Outgoing<'_>>) -> Transmitted {
        let mut result = Transmitted::default();
        // What is put into the ring of an interface that is down leaves late, when it is up again.
        if self.is_failing
            && let Err(error) = self.wake_sender()
        {
            return Transmitted { refused: frames.count() as u64, failure: Some(error), ..result };
        }
        self.reclaim();
        for frame in frames {
            if self.put(frame, &mut result.failure) {
                result.sent += 1;
            } else {
                result.refused += 1;
            }
        }
        result.failure = self.send_waiting().err().or(result.failure);
        self.is_failing = result.failure.is_some();
        result
    }

    /// Puts a frame into the ring; while that is full, the kernel has to empty it first.
    fn put(&mut self, frame: Outgoing<'_>, failure: &mut Option<io::Error>) -> bool {
        let Outgoing { octets, checksum, segmentation } = frame;
        // Nothing can say that a checksum or a segmentation is still to be done.
        let is_finished = !matches!(checksum, ChecksumState::Partial { .. }) && segmentation == Segmentation::None;
        if !is_finished || octets.len() > self.frame_len_max {
            return false;
        }
        if self.free.is_empty() && failure.is_none() {
            *failure = self.send_waiting().err();
            self.reclaim();
        }
        let Some(addr) = self.free.pop() else { return false };
        let entry = libc::xdp_desc { addr, len: octets.len() as u32, options: 0 };
        let is_taken = self.socket.memory.write(addr, octets) && self.socket.sending.push(entry);
        if !is_taken {
            self.free.push(addr);
        }
        is_taken
    }

    /// Takes back the places of frames that have left.
    fn reclaim(&mut self) {
        while let Some(place) = self.socket.sent.pop() {
            self.free.push(place);
        }
        self.socket.sent.release();
    }

    /// Has the kernel take what is in the ring, if it does not do so by itself. What it does not take now, since the interface's own
    /// queue is full, it takes with the next frames, or when the socket is polled.
    fn send_waiting(&self) -> io::Result<()> {
        self.socket.sending.publish();
        let calls = self.socket.sending.waiting().div_ceil(FRAMES_OF_A_CALL) + 1;
        for _ in 0..calls {
            if !self.socket.sending.needs_wakeup() || self.wake_sender()? {
                break;
            }
        }
        Ok(())
    }

    /// Has the kernel look at the ring; whether it took everything. `ENETDOWN` while the interface is down, `ENODEV` when it is gone.
    fn wake_sender(&self) -> io::Result<bool> {
        match self.socket.wake_sender() {
            Ok(()) => Ok(true),
            // It has taken as many as it takes in one call, or has lost one to a full queue behind it.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EBUSY | libc::ENOBUFS)) => Ok(false),
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) => Err(io::Error::from_raw_os_error(libc::ENODEV)),
            Err(error) => Err(error),
        }
    }
}
