//! The devices of one worker: waiting for them, and what happens when one fails.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use nptd_core::frame::DeviceIndex;
use nptd_core::time::{Duration, Instant};

use crate::burst::Burst;
use crate::device::{Device, Outgoing, Transmitted};
use crate::device_health::DeviceHealth;
use crate::device_set::DeviceSet;
use crate::events::{DeviceId, EventQueue};
use crate::sys::eventfd::EventFd;
use crate::sys::poll::PollSet;

/// Position of the bell in the poll set; devices follow, then the bells of their links.
const BELL: usize = 0;

/// Devices by their index, and the bell that interrupts the wait for them.
pub(crate) struct Ports {
    ports: Vec<Port>,
    poll: PollSet,
    bell: Arc<EventFd>,
    /// Those that have taken frames since somebody asked, and may have some in turn.
    sent_to: DeviceSet,
}

struct Port {
    device: Box<dyn Device>,
    health: Arc<DeviceHealth>,
    /// Whether this worker receives its frames.
    is_read: bool,
}

/// The health of each device, for all workers.
pub(crate) fn healths(devices: &[Box<dyn Device>]) -> Vec<Arc<DeviceHealth>> {
    let indices = (0..=u16::MAX).map(DeviceIndex);
    devices.iter().zip(indices).map(|(device, index)| Arc::new(DeviceHealth::new(index, &**device))).collect()
}

impl Ports {
    /// All devices of a worker, and how they are.
    pub(crate) fn new(devices: Vec<Box<dyn Device>>, healths: &[Arc<DeviceHealth>], bell: Arc<EventFd>) -> Self {
        // A negative one is none.
        let descriptors = devices.iter().map(|device| device.descriptor().unwrap_or(-1));
        let bells = devices.iter().map(|device| device.link_bell().unwrap_or(-1));
        let poll = PollSet::new(std::iter::once(bell.as_raw_fd()).chain(descriptors).chain(bells));
        let port = |(device, health): (Box<dyn Device>, &Arc<DeviceHealth>)| Port {
            is_read: device.descriptor().is_some(),
            device,
            health: health.clone(),
        };
        Self { ports: devices.into_iter().zip(healths).map(port).collect(), poll, bell, sent_to: DeviceSet::default() }
    }

    /// Number of devices.
    pub(crate) fn len(&self) -> usize {
        self.ports.len()
    }

    /// A device, as messages name it.
    pub(crate) fn id(&self, index: DeviceIndex) -> Option<DeviceId> {
        self.ports.get(usize::from(index.0)).map(|port| port.health.id().clone())
    }

    /// Sleeps until a device has frames, the bell rings, or the time is over (none: never).
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.poll.wait(timeout)
    }

    /// Whether a device or the bell has ended the wait.
    pub(crate) fn has_ready(&self) -> bool {
        (0..=2 * self.ports.len()).any(|position| self.poll.is_ready(position))
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

    /// Asks devices whose links have changed whether they work. One that its other side took down gives no other sign before
    /// somebody sends to it.
    pub(crate) fn heed_links(&mut self, now: Instant, events: &EventQueue) {
        let first = self.ports.len() + 1;
        for (port, position) in self.ports.iter_mut().zip(first..) {
            if !self.poll.is_ready(position) {
                continue;
            }
            port.device.clear_link_bell();
            port.health.ask(&*port.device, now, events);
        }
    }

    /// Receives a burst. A device that fails here is gone for good: it is reported and never waited for again.
    pub(crate) fn receive(&mut self, index: usize, burst: &mut Burst, events: &EventQueue) {
        let Some(port) = self.ports.get_mut(index) else { return };
        if let Err(error) = port.device.receive(burst) {
            self.poll.ignore(index + 1);
            port.is_read = false;
            port.health.end(&error, events);
        }
    }

    /// Sends frames. A device that fails here may only be down for a while: it is reported once and tried again
    /// with each frame, and without frames by [`Self::look_after`].
    pub(crate) fn transmit(
        &mut self,
        index: usize,
        frames: &mut dyn Iterator<Item = Outgoing<'_>>,
        now: Instant,
        events: &EventQueue,
    ) -> Transmitted {
        let Some(port) = self.ports.get_mut(index) else {
            return Transmitted { refused: frames.count() as u64, ..Transmitted::default() };
        };
        let result = port.device.transmit(frames);
        if result.sent > 0 && port.is_read {
            self.sent_to.insert(port.health.id().index);
        }
        if let Some(error) = &result.failure {
            port.health.fail(error, now, events);
        } else if result.sent > 0 {
            port.health.has_sent(events);
        }
        result
    }

    /// The devices that have taken frames since the last call and whose frames this worker receives.
    pub(crate) fn take_sent_to(&mut self) -> DeviceSet {
        std::mem::take(&mut self.sent_to)
    }

    /// When [`Self::look_after`] has something to do next.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        self.ports.iter().filter_map(|port| port.health.look_at()).min()
    }

    /// Asks devices that have failed whether they work again. Without it one that nobody sends frames to, because it
    /// has failed, would stay that way.
    pub(crate) fn look_after(&mut self, now: Instant, events: &EventQueue) {
        for port in &mut self.ports {
            port.health.look(&*port.device, now, events);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use nptd_core::frame::DeviceIndex;
    use nptd_core::time::{Duration, Instant};

    use super::{Ports, healths};
    use crate::device::Device;
    use crate::device::loopback::pair;
    use crate::events::{DeviceId, Event, EventQueue};
    use crate::sys::eventfd::EventFd;

    #[test]
    fn a_device_that_is_taken_down_is_told_of_at_once_and_when_it_is_up_again() -> io::Result<()> {
        let (first, quiet) = pair("t0")?;
        let (second, peer) = pair("t1")?;
        let devices: Vec<Box<dyn Device>> = vec![Box::new(first), Box::new(second)];
        let healths = healths(&devices);
        let mut ports = Ports::new(devices, &healths, Arc::new(EventFd::new()?));
        let events = EventQueue::default();
        let mut told = |change: &dyn Fn()| {
            change();
            ports.wait(Some(Duration::from_micros(0)))?;
            ports.heed_links(Instant::from_micros(1), &events);
            Ok::<_, io::Error>(events.take())
        };
        let device = || DeviceId { index: DeviceIndex(1), name: "t1".to_owned(), netns: None };
        assert_eq!(told(&|| ())?, []);
        let [Event::DeviceFailed { device: failed, errno, .. }] = &told(&|| peer.set_link(false))?[..] else {
            panic!("nothing was told");
        };
        assert_eq!((failed, *errno), (&device(), libc::ENETDOWN));
        // It is told once, and a notice about another device says nothing of this one.
        assert_eq!(told(&|| peer.set_link(false))?, []);
        assert_eq!(told(&|| quiet.set_link(true))?, []);
        assert_eq!(told(&|| peer.set_link(true))?, [Event::DeviceRestored { device: device() }]);
        Ok(())
    }
}
