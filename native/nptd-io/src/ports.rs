//! The devices of one worker: waiting for them, and what happens when one fails.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use nptd_core::time::Duration;

use crate::burst::Burst;
use crate::device::{Device, Outgoing, Transmitted};
use crate::events::{Event, EventQueue};
use crate::sys::eventfd::EventFd;
use crate::sys::poll::PollSet;

/// Position of the bell in the poll set; devices follow.
const BELL: usize = 0;

/// Devices by their index, and the bell that interrupts the wait for them.
pub(crate) struct Ports {
    ports: Vec<Port>,
    poll: PollSet,
    bell: Arc<EventFd>,
}

struct Port {
    device: Box<dyn Device>,
    /// A failure has been reported and nothing has worked since.
    failed: bool,
}

impl Ports {
    /// All devices of a worker.
    pub(crate) fn new(devices: Vec<Box<dyn Device>>, bell: Arc<EventFd>) -> Self {
        let descriptors = devices.iter().map(|device| device.descriptor());
        let poll = PollSet::new(std::iter::once(bell.as_raw_fd()).chain(descriptors));
        let ports = devices.into_iter().map(|device| Port { device, failed: false }).collect();
        Self { ports, poll, bell }
    }

    /// Number of devices.
    pub(crate) fn len(&self) -> usize {
        self.ports.len()
    }

    /// Sleeps until a device has frames, the bell rings, or the time is over (none: never).
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.poll.wait(timeout)
    }

    /// Whether the bell has rung; asking silences it.
    pub(crate) fn take_ring(&self) -> bool {
        let rang = self.poll.is_ready(BELL);
        if rang {
            self.bell.clear();
        }
        rang
    }

    /// Whether a device has frames, or something to say.
    pub(crate) fn is_ready(&self, index: usize) -> bool {
        self.poll.is_ready(index + 1)
    }

    /// Receives a burst. A device that fails here is gone for good: it is reported and never waited for again.
    pub(crate) fn receive(&mut self, index: usize, burst: &mut Burst, events: &EventQueue) {
        let Some(port) = self.ports.get_mut(index) else { return };
        if let Err(error) = port.device.receive(burst) {
            self.poll.ignore(index + 1);
            port.report(&error, events);
        }
    }

    /// Sends frames. A device that fails here may only be down for a while: it is reported once and tried again
    /// with each frame.
    pub(crate) fn transmit(
        &mut self,
        index: usize,
        frames: &mut dyn Iterator<Item = Outgoing<'_>>,
        events: &EventQueue,
    ) -> Transmitted {
        let Some(port) = self.ports.get_mut(index) else {
            return Transmitted { refused: frames.count() as u64, ..Transmitted::default() };
        };
        let result = port.device.transmit(frames);
        if let Some(error) = &result.failure {
            port.report(error, events);
        } else if result.sent > 0 {
            port.failed = false;
        }
        result
    }
}

impl Port {
    fn report(&mut self, error: &io::Error, events: &EventQueue) {
        if self.failed {
            return;
        }
        self.failed = true;
        events.push(Event::DeviceFailed {
            device: self.device.name().to_owned(),
            errno: error.raw_os_error().unwrap_or(libc::EIO),
            message: error.to_string(),
        });
    }
}
