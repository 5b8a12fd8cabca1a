//! The devices of one worker: waiting for them, and what happens when one fails.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use nptd_core::frame::DeviceIndex;
use nptd_core::time::{Duration, Instant};

use crate::burst::Burst;
use crate::device::{Device, Outgoing, Transmitted};
use crate::error::{is_gone, remedy};
use crate::events::{DeviceId, Event, EventQueue};
use crate::sys::eventfd::EventFd;
use crate::sys::poll::PollSet;

/// Position of the bell in the poll set; devices follow, then the bells of their links.
const BELL: usize = 0;

/// How long a device is left alone after a failure before anybody asks whether it works again. Doubled by each failure
/// until a frame has got through, so that one that only seems to work is not tried all the time.
const REST_MIN: Duration = Duration::from_secs(1);
const REST_MAX: Duration = Duration::from_secs(64);

/// How often a device that has rested is asked; no frame is spent on it.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Devices by their index, and the bell that interrupts the wait for them.
pub(crate) struct Ports {
    ports: Vec<Port>,
    poll: PollSet,
    bell: Arc<EventFd>,
}

struct Port {
    device: Box<dyn Device>,
    index: DeviceIndex,
    state: State,
    /// How long it rests after its next failure.
    rest: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Working,
    /// It did not take a frame, and nothing says that it would take one now.
    Failed {
        look_at: Instant,
    },
    /// It will never work again.
    Gone,
}

impl Ports {
    /// All devices of a worker.
    pub(crate) fn new(devices: Vec<Box<dyn Device>>, bell: Arc<EventFd>) -> Self {
        let descriptors = devices.iter().map(|device| device.descriptor());
        // A negative one is none.
        let bells = devices.iter().map(|device| device.link_bell().unwrap_or(-1));
        let poll = PollSet::new(std::iter::once(bell.as_raw_fd()).chain(descriptors).chain(bells));
        let indices = (0..=u16::MAX).map(DeviceIndex);
        let port = |(device, index)| Port { device, index, state: State::Working, rest: REST_MIN };
        Self { ports: devices.into_iter().zip(indices).map(port).collect(), poll, bell }
    }

    /// Number of devices.
    pub(crate) fn len(&self) -> usize {
        self.ports.len()
    }

    /// A device, as messages name it.
    pub(crate) fn id(&self, index: DeviceIndex) -> Option<DeviceId> {
        self.ports.get(usize::from(index.0)).map(Port::id)
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
            match port.device.is_up() {
                Ok(true) => port.restore(events),
                Ok(false) => port.fail(&io::Error::from_raw_os_error(libc::ENETDOWN), now, events),
                Err(error) => port.lose(&error, events),
            }
        }
    }

    /// Receives a burst. A device that fails here is gone for good: it is reported and never waited for again.
    pub(crate) fn receive(&mut self, index: usize, burst: &mut Burst, events: &EventQueue) {
        let Some(port) = self.ports.get_mut(index) else { return };
        if let Err(error) = port.device.receive(burst) {
            self.poll.ignore(index + 1);
            port.lose(&error, events);
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
        if let Some(error) = &result.failure {
            port.fail(error, now, events);
        } else if result.sent > 0 {
            port.rest = REST_MIN;
            port.restore(events);
        }
        result
    }

    /// When [`Self::look_after`] has something to do next.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        self.ports.iter().filter_map(Port::look_at).min()
    }

    /// Asks devices that have failed whether they work again. Without it one that nobody sends frames to, because it
    /// has failed, would stay that way.
    pub(crate) fn look_after(&mut self, now: Instant, events: &EventQueue) {
        for port in &mut self.ports {
            if port.look_at().is_none_or(|due| due > now) {
                continue;
            }
            match port.device.is_up() {
                Ok(true) => port.restore(events),
                Ok(false) => port.state = State::Failed { look_at: now.after(LOOK_INTERVAL) },
                Err(error) => port.lose(&error, events),
            }
        }
    }
}

impl Port {
    fn look_at(&self) -> Option<Instant> {
        match self.state {
            State::Failed { look_at } => Some(look_at),
            State::Working | State::Gone => None,
        }
    }

    fn fail(&mut self, error: &io::Error, now: Instant, events: &EventQueue) {
        match self.state {
            State::Gone => {}
            State::Working | State::Failed { .. } if is_gone(error) => self.lose(error, events),
            State::Working => {
                self.state = State::Failed { look_at: now.after(self.rest) };
                self.rest = doubled(self.rest).min(REST_MAX);
                self.report(error, events);
            }
            State::Failed { .. } => {}
        }
    }

    fn lose(&mut self, error: &io::Error, events: &EventQueue) {
        if self.state != State::Gone {
            self.state = State::Gone;
            self.report(error, events);
        }
    }

    fn restore(&mut self, events: &EventQueue) {
        if let State::Failed { .. } = self.state {
            self.state = State::Working;
            events.push(Event::DeviceRestored { device: self.id() });
        }
    }

    fn report(&self, error: &io::Error, events: &EventQueue) {
        let (device, errno) = (self.id(), error.raw_os_error().unwrap_or(libc::EIO));
        let message = format!("{error}{}", remedy(errno, &device.name, device.netns.as_deref()));
        events.push(Event::DeviceFailed { device, errno, message });
    }

    fn id(&self) -> DeviceId {
        let netns = self.device.netns().map(str::to_owned);
        DeviceId { index: self.index, name: self.device.name().to_owned(), netns }
    }
}

fn doubled(span: Duration) -> Duration {
    Duration::from_micros(span.as_micros() * 2)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use nptd_core::frame::DeviceIndex;
    use nptd_core::time::{Duration, Instant};

    use super::Ports;
    use crate::device::Device;
    use crate::device::loopback::pair;
    use crate::events::{DeviceId, Event, EventQueue};
    use crate::sys::eventfd::EventFd;

    #[test]
    fn a_device_that_is_taken_down_is_told_of_at_once_and_when_it_is_up_again() -> io::Result<()> {
        let (first, quiet) = pair("t0")?;
        let (second, peer) = pair("t1")?;
        let devices: Vec<Box<dyn Device>> = vec![Box::new(first), Box::new(second)];
        let mut ports = Ports::new(devices, Arc::new(EventFd::new()?));
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
