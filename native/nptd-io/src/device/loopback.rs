//! A device in memory: what one end sends, the other receives. For tests, no privilege needed.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Device, Outgoing, Transmitted};
use crate::burst::{Burst, Received};
use crate::error::{DeviceError, Step};
use crate::sys::eventfd::EventFd;

/// Most frames that wait in one direction.
pub const LOOPBACK_FRAMES_MAX: usize = 1_024;

#[derive(Debug)]
struct Direction {
    frames: Mutex<VecDeque<Vec<u8>>>,
    arrival: EventFd,
}

impl Direction {
    fn new() -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self { frames: Mutex::default(), arrival: EventFd::new()? }))
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Vec<u8>>> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, octets: &[u8]) -> bool {
        let mut frames = self.lock();
        let fits = frames.len() < LOOPBACK_FRAMES_MAX;
        if fits {
            frames.push_back(octets.to_vec());
            self.arrival.wake();
        }
        fits
    }

    fn pop(&self) -> Option<Vec<u8>> {
        let mut frames = self.lock();
        let frame = frames.pop_front();
        if frames.is_empty() {
            self.arrival.clear();
        }
        frame
    }
}

/// Error numbers that the data plane's end shall give; 0: none.
#[derive(Debug)]
struct Faults {
    receiving: AtomicI32,
    sending: AtomicI32,
    /// Whether each frame comes back before the next one is sent.
    echoes: AtomicBool,
    /// Whether it knows that it would not take a frame.
    down: AtomicBool,
    /// Rings when the other side takes it down, or up again.
    bell: EventFd,
}

/// Queues towards the data plane, one a worker.
type Queues = Arc<Mutex<Vec<Arc<Direction>>>>;

/// The data plane's end.
#[derive(Debug)]
pub struct Loopback {
    name: String,
    arriving: Arc<Direction>,
    queues: Queues,
    leaving: Arc<Direction>,
    faults: Arc<Faults>,
}

/// The other end, held by a test.
#[derive(Debug)]
pub struct LoopbackPeer {
    arriving: Arc<Direction>,
    queues: Queues,
    faults: Arc<Faults>,
}

/// Both ends of a new device.
pub fn pair(name: &str) -> io::Result<(Loopback, LoopbackPeer)> {
    let (up, down) = (Direction::new()?, Direction::new()?);
    let [receiving, sending] = [0, 0].map(AtomicI32::new);
    let faults = Arc::new(Faults {
        receiving,
        sending,
        echoes: AtomicBool::new(false),
        down: AtomicBool::new(false),
        bell: EventFd::new()?,
    });
    let queues: Queues = Arc::new(Mutex::new(vec![up.clone()]));
    let peer = LoopbackPeer { arriving: down.clone(), queues: queues.clone(), faults: faults.clone() };
    Ok((Loopback { name: name.to_owned(), arriving: up, queues, leaving: down, faults }, peer))
}

impl LoopbackPeer {
    /// Sends a frame to the data plane by its first queue; false if too many wait already.
    pub fn send(&self, octets: &[u8]) -> bool {
        self.send_by(0, octets)
    }

    /// Sends a frame by the queue of one worker.
    pub fn send_by(&self, queue: usize, octets: &[u8]) -> bool {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.get(queue).is_some_and(|queue| queue.push(octets))
    }

    /// Takes the next frame that the data plane has sent.
    pub fn receive(&self) -> Option<Vec<u8>> {
        self.arriving.pop()
    }

    /// From now on the device gives this error when it is read.
    pub fn fail_receiving(&self, errno: i32) {
        self.faults.receiving.store(errno, Ordering::SeqCst);
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.iter().for_each(|queue| queue.arrival.wake());
    }

    /// From now on the device gives this error when a frame is written; 0: it works again. If it is asked, it is down
    /// after `EIO` and gone after any other error.
    pub fn fail_sending(&self, errno: i32) {
        self.faults.down.store(errno == libc::EIO, Ordering::SeqCst);
        self.faults.sending.store(errno, Ordering::SeqCst);
    }

    /// From now on each frame that the data plane sends comes back to it at once.
    pub fn echo(&self) {
        self.faults.echoes.store(true, Ordering::SeqCst);
    }

    /// Takes the device down, or up again, and has that told.
    pub fn set_link(&self, up: bool) {
        self.fail_sending(if up { 0 } else { libc::EIO });
        self.faults.bell.wake();
    }

    /// From now on the device gives `EIO` when a frame is written, and claims to be up.
    pub fn fail_sending_though_up(&self) {
        self.faults.down.store(false, Ordering::SeqCst);
        self.faults.sending.store(libc::EIO, Ordering::SeqCst);
    }
}

fn fault(errno: &AtomicI32) -> io::Result<()> {
    match errno.load(Ordering::SeqCst) {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

impl Device for Loopback {
    fn name(&self) -> &str {
        &self.name
    }

    fn netns(&self) -> Option<&str> {
        None
    }

    fn is_up(&self) -> io::Result<bool> {
        match self.faults.sending.load(Ordering::SeqCst) {
            0 => Ok(true),
            libc::EIO => Ok(!self.faults.down.load(Ordering::SeqCst)),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }

    fn link_bell(&self) -> Option<RawFd> {
        Some(self.faults.bell.as_raw_fd())
    }

    fn clear_link_bell(&self) {
        self.faults.bell.clear();
    }

    fn descriptor(&self) -> Option<RawFd> {
        Some(self.arriving.arrival.as_raw_fd())
    }

    fn receive(&mut self, burst: &mut Burst) -> io::Result<()> {
        fault(&self.faults.receiving)?;
        while let Some(space) = burst.space(0) {
            let Some(octets) = self.arriving.pop() else { break };
            let length = octets.len().min(space.len());
            for (to, from) in space.iter_mut().zip(&octets) {
                *to = *from;
            }
            burst.keep(Received { length, ..Received::default() });
        }
        Ok(())
    }

    fn transmit(&mut self, frames: &mut dyn Iterator<Item = Outgoing<'_>>) -> Transmitted {
        let mut result = Transmitted { failure: fault(&self.faults.sending).err(), ..Transmitted::default() };
        for frame in frames {
            if result.failure.is_none() && self.leaving.push(frame.octets) {
                if self.faults.echoes.load(Ordering::SeqCst) {
                    self.arriving.push(frame.octets);
                }
                result.sent += 1;
            } else {
                result.refused += 1;
            }
        }
        result
    }

    fn another(&self) -> Result<Box<dyn Device>, DeviceError> {
        let arriving = Direction::new().map_err(|error| DeviceError::new(&self.name, Step::Create, &error))?;
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).push(arriving.clone());
        let (queues, leaving, faults) = (self.queues.clone(), self.leaving.clone(), self.faults.clone());
        Ok(Box::new(Self { name: self.name.clone(), arriving, queues, leaving, faults }))
    }
}
