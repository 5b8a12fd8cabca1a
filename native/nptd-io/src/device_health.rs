//! Whether a device works: one opinion for all workers that use it, told once.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nptd_core::frame::DeviceIndex;
use nptd_core::time::{Duration, Instant};

use crate::device::Device;
use crate::error::{is_gone, remedy};
use crate::events::{DeviceId, Event, EventQueue};

/// How long a device is left alone after a failure before anybody asks whether it works again. Doubled by each failure
/// until a frame has got through, so that one that only seems to work is not tried all the time.
const REST_MIN: Duration = Duration::from_secs(1);
const REST_MAX: Duration = Duration::from_secs(64);

/// How often a device that has rested is asked; no frame is spent on it.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The health of one device.
#[derive(Debug)]
pub(crate) struct DeviceHealth {
    id: DeviceId,
    /// Whether it works, and a frame has got through since it last failed: all that a worker asks when it sends.
    is_well: AtomicBool,
    /// Microseconds; 0: nobody has to look at it.
    look_at: AtomicU64,
    /// Locked when something is amiss, and while it is told.
    condition: Mutex<Condition>,
}

#[derive(Debug)]
struct Condition {
    state: State,
    /// How long it rests after its next failure.
    rest: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Working,
    /// It did not take a frame, and nothing says that it would take one now.
    Failed,
    /// It will never work again.
    Gone,
}

impl DeviceHealth {
    /// That of a device that has just been opened.
    pub(crate) fn new(index: DeviceIndex, device: &dyn Device) -> Self {
        let (name, netns) = (device.name().to_owned(), device.netns().map(str::to_owned));
        Self {
            id: DeviceId { index, name, netns },
            is_well: AtomicBool::new(true),
            look_at: AtomicU64::new(0),
            condition: Mutex::new(Condition { state: State::Working, rest: REST_MIN }),
        }
    }

    /// The device, as messages name it.
    pub(crate) fn id(&self) -> &DeviceId {
        &self.id
    }

    /// When somebody has to look whether it works again.
    pub(crate) fn look_at(&self) -> Option<Instant> {
        let us = self.look_at.load(Ordering::Relaxed);
        (us > 0).then_some(Instant::from_micros(us))
    }

    /// It took a frame.
    pub(crate) fn has_sent(&self, events: &EventQueue) {
        if !self.is_well.load(Ordering::Relaxed) {
            let mut condition = self.lock();
            condition.rest = REST_MIN;
            self.restore(&mut condition, events);
            self.is_well.store(condition.state == State::Working, Ordering::Relaxed);
        }
    }

    /// It gave an error that may pass, or one that tells that it is gone.
    pub(crate) fn fail(&self, error: &io::Error, now: Instant, events: &EventQueue) {
        let mut condition = self.lock();
        if is_gone(error) {
            self.lose(&mut condition, error, events);
        } else if condition.state == State::Working {
            condition.state = State::Failed;
            self.is_well.store(false, Ordering::Relaxed);
            self.look_again(now.after(condition.rest));
            condition.rest = Duration::from_micros(condition.rest.as_micros() * 2).min(REST_MAX);
            self.report(error, events);
        }
    }

    /// It will never work again.
    pub(crate) fn end(&self, error: &io::Error, events: &EventQueue) {
        self.lose(&mut self.lock(), error, events);
    }

    /// Asks the device, since something has happened to its link.
    pub(crate) fn ask(&self, device: &dyn Device, now: Instant, events: &EventQueue) {
        match device.is_up() {
            Ok(true) => self.restore(&mut self.lock(), events),
            Ok(false) => self.fail(&io::Error::from_raw_os_error(libc::ENETDOWN), now, events),
            Err(error) => self.end(&error, events),
        }
    }

    /// Asks a device that has failed, if it is time.
    pub(crate) fn look(&self, device: &dyn Device, now: Instant, events: &EventQueue) {
        if self.look_at().is_none_or(|due| due > now) {
            return;
        }
        let mut condition = self.lock();
        match device.is_up() {
            Ok(true) => self.restore(&mut condition, events),
            Ok(false) => self.look_again(now.after(LOOK_INTERVAL)),
            Err(error) => self.lose(&mut condition, &error, events),
        }
    }

    fn restore(&self, condition: &mut Condition, events: &EventQueue) {
        if condition.state == State::Failed {
            condition.state = State::Working;
            self.look_at.store(0, Ordering::Relaxed);
            events.push(Event::DeviceRestored { device: self.id.clone() });
        }
    }

    fn lose(&self, condition: &mut Condition, error: &io::Error, events: &EventQueue) {
        if condition.state != State::Gone {
            condition.state = State::Gone;
            self.is_well.store(false, Ordering::Relaxed);
            self.look_at.store(0, Ordering::Relaxed);
            self.report(error, events);
        }
    }

    fn look_again(&self, at: Instant) {
        self.look_at.store(at.as_micros(), Ordering::Relaxed);
    }

    fn report(&self, error: &io::Error, events: &EventQueue) {
        let (device, errno) = (self.id.clone(), error.raw_os_error().unwrap_or(libc::EIO));
        let message = format!("{error}{}", remedy(errno, &device.name, device.netns.as_deref()));
        events.push(Event::DeviceFailed { device, errno, message });
    }

    fn lock(&self) -> MutexGuard<'_, Condition> {
        self.condition.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
