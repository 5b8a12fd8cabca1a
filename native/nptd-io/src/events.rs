//! What the data plane tells the control plane, and one knock on the door.
//!
//! Probe samples wait in a bounded queue, of which the oldest are lost to a reader that does not read. Everything else
//! is told for certain: it is kept as a state (what became of a device, whether frames wait) that takes a bounded
//! place however often it changes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_queue::ArrayQueue;
use nptd_core::frame::DeviceIndex;
use nptd_core::host::probes::conversations::ProbeRequest;
use nptd_core::host::probes::{Family, ProbeSample};
use nptd_core::session::round_trips::RoundTrip;
use nptd_core::wire::ethernet::MacAddress;

/// Most samples that wait. With 16 uplinks in two families, a fast profile sends some 1,000 in 3 s.
pub const SAMPLES_MAX: usize = 1_024;

/// A device, as messages name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceId {
    /// Its position in the plans.
    pub index: DeviceIndex,
    /// Its interface name when it was made.
    pub name: String,
    /// Named network namespace it was made in; none: that of this process.
    pub netns: Option<String>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A probe is finished.
    ProbeSample(ProbeSample),
    /// The control plane is to make a probe.
    ProbeRequested(ProbeRequest),
    /// There is news of streams to be taken.
    StreamNews,
    /// Traffic of the site has gone to and fro by an uplink that is probed in bursts.
    RoundTrip {
        /// Family.
        family: Family,
        /// Uplink and times.
        trip: RoundTrip,
    },
    /// A device gave an error; the others go on.
    DeviceFailed {
        /// Which one.
        device: DeviceId,
        /// The kernel's error number.
        errno: i32,
        /// The kernel's words for it, and what to do.
        message: String,
    },
    /// A device that had failed takes frames again.
    DeviceRestored {
        /// Which one.
        device: DeviceId,
    },
    /// Another station of a link has, or wants, an address of the gateway.
    AddressConflict {
        /// The device on that link.
        device: DeviceId,
        /// The IPv6 address.
        address: u128,
        /// Link address of the other station.
        mac: MacAddress,
    },
    /// A worker met a fault in our own code and has ended.
    WorkerPanicked {
        /// What it said.
        message: String,
    },
    /// Frames for the gateway itself wait to be taken.
    PassedAvailable,
}

/// Most probes that wait to be made: eight with each of sixteen targets, and what is lost of them is asked again.
pub const REQUESTS_MAX: usize = 128;

/// What must not be lost: at most two notices a device, one an own address, one a family of an uplink, one a worker, and one flag.
#[derive(Default)]
struct Notices {
    devices: BTreeMap<DeviceIndex, DeviceNotices>,
    conflicts: BTreeMap<(DeviceIndex, u128), Event>,
    /// The last one of each family of an uplink.
    trips: BTreeMap<(u8, u8), Event>,
    passed: bool,
    streams: bool,
    /// At most [`REQUESTS_MAX`].
    requests: Vec<Event>,
    panics: Vec<Event>,
}

/// The last failure of a device that was not told yet, and whether it works again since.
#[derive(Default)]
struct DeviceNotices {
    failed: Option<Event>,
    restored: Option<Event>,
}

type Notify = Box<dyn Fn() + Send>;

/// Events from workers to one reader. The reader is notified when nothing waited, not for each event.
pub struct EventQueue {
    samples: ArrayQueue<ProbeSample>,
    /// Locked for the moment of a push or take only: none of its events is about a packet.
    notices: Mutex<Notices>,
    announced: AtomicBool,
    notify: Mutex<Option<Notify>>,
}

impl Default for EventQueue {
    fn default() -> Self {
        Self {
            samples: ArrayQueue::new(SAMPLES_MAX),
            notices: Mutex::default(),
            announced: AtomicBool::new(false),
            notify: Mutex::new(None),
        }
    }
}

impl EventQueue {
    /// Adds an event. A reader that does not read loses the oldest samples: the latest state matters most. Of a device
    /// it learns the last failure, and whether the device works again.
    pub fn push(&self, event: Event) {
        match &event {
            Event::ProbeSample(sample) => {
                self.samples.force_push(*sample);
            }
            Event::DeviceFailed { device, .. } => {
                let index = device.index;
                // Whether it worked before this failure is no news any more.
                lock(&self.notices).devices.insert(index, DeviceNotices { failed: Some(event), restored: None });
            }
            Event::DeviceRestored { device } => {
                let index = device.index;
                lock(&self.notices).devices.entry(index).or_default().restored = Some(event);
            }
            Event::RoundTrip { family, trip } => {
                let key = (trip.slot, *family as u8);
                lock(&self.notices).trips.insert(key, event);
            }
            Event::AddressConflict { device, address, .. } => {
                let key = (device.index, *address);
                lock(&self.notices).conflicts.insert(key, event);
            }
            Event::WorkerPanicked { .. } => lock(&self.notices).panics.push(event),
            Event::PassedAvailable => lock(&self.notices).passed = true,
            Event::StreamNews => lock(&self.notices).streams = true,
            Event::ProbeRequested(_) => {
                let mut notices = lock(&self.notices);
                if notices.requests.len() < REQUESTS_MAX {
                    notices.requests.push(event);
                }
            }
        }
        self.announce();
    }

    /// Takes all events: samples, oldest first, then what became of devices, then the rest. So a sample from before a
    /// failure never seems to come after it.
    pub fn take(&self) -> Vec<Event> {
        // Before the first pop, so that an event pushed meanwhile is announced again rather than forgotten.
        self.announced.store(false, Ordering::SeqCst);
        let samples = std::iter::from_fn(|| self.samples.pop()).take(SAMPLES_MAX);
        let mut events: Vec<Event> = samples.map(Event::ProbeSample).collect();
        events.extend(std::mem::take(&mut *lock(&self.notices)).into_events());
        events
    }

    /// Sets whom to notify, from any thread, and notifies at once if events wait.
    pub fn set_notify(&self, notify: impl Fn() + Send + 'static) {
        *lock(&self.notify) = Some(Box::new(notify));
        if !self.is_empty() {
            self.announced.store(false, Ordering::SeqCst);
            self.announce();
        }
    }

    /// Forgets whom to notify.
    pub fn clear_notify(&self) {
        *lock(&self.notify) = None;
    }

    fn is_empty(&self) -> bool {
        self.samples.is_empty() && lock(&self.notices).is_empty()
    }

    fn announce(&self) {
        if self.announced.swap(true, Ordering::SeqCst) {
            return;
        }
        if let Some(notify) = lock(&self.notify).as_ref() {
            notify();
        }
    }
}

impl Notices {
    fn is_empty(&self) -> bool {
        self.devices.is_empty()
            && self.conflicts.is_empty()
            && self.trips.is_empty()
            && !self.passed
            && !self.streams
            && self.requests.is_empty()
            && self.panics.is_empty()
    }

    fn into_events(self) -> impl Iterator<Item = Event> {
        let devices = self.devices.into_values().flat_map(|device| [device.failed, device.restored]).flatten();
        let devices = devices.chain(self.conflicts.into_values()).chain(self.trips.into_values());
        let flags = [self.passed.then_some(Event::PassedAvailable), self.streams.then_some(Event::StreamNews)];
        devices.chain(flags.into_iter().flatten()).chain(self.requests).chain(self.panics)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use nptd_core::frame::DeviceIndex;
    use nptd_core::host::probes::{Family, ProbeSample};
    use nptd_core::session::round_trips::RoundTrip;
    use nptd_core::time::Instant;
    use nptd_core::wire::ethernet::MacAddress;

    use super::{DeviceId, Event, EventQueue, SAMPLES_MAX};

    fn sample(round: usize) -> Event {
        let round = round as u32;
        let sent_at = Instant::from_micros(1);
        Event::ProbeSample(ProbeSample {
            slot: 0,
            family: Family::V4,
            list: 0,
            target: 0,
            round,
            burst: false,
            sent_at,
            rtt: None,
            gateway_answered: false,
        })
    }

    fn device(index: u16) -> DeviceId {
        DeviceId { index: DeviceIndex(index), name: format!("t{index}"), netns: None }
    }

    fn failed(index: u16, errno: i32) -> Event {
        Event::DeviceFailed { device: device(index), errno, message: String::new() }
    }

    fn conflict(index: u16, address: u128, mac: u8) -> Event {
        Event::AddressConflict { device: device(index), address, mac: MacAddress([mac; 6]) }
    }

    fn trip(slot: u8, family: Family, ms: u64) -> Event {
        let (started_at, at) = (Instant::from_micros(ms), Instant::from_micros(ms + 1));
        Event::RoundTrip { family, trip: RoundTrip { slot, started_at, at } }
    }

    fn restored(index: u16) -> Event {
        Event::DeviceRestored { device: device(index) }
    }

    fn counted(queue: &EventQueue) -> Arc<AtomicU32> {
        let calls = Arc::new(AtomicU32::new(0));
        let inner = calls.clone();
        queue.set_notify(move || {
            inner.fetch_add(1, Ordering::Relaxed);
        });
        calls
    }

    #[test]
    fn the_reader_is_notified_once_until_it_takes() {
        let queue = EventQueue::default();
        let calls = counted(&queue);
        queue.push(sample(1));
        queue.push(failed(0, 5));
        queue.push(sample(2));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert_eq!(queue.take(), [sample(1), sample(2), failed(0, 5)]);
        queue.push(restored(0));
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn events_from_before_the_reader_came_are_announced() {
        for event in [sample(1), failed(0, 5), conflict(0, 1, 2), trip(0, Family::V4, 1), Event::PassedAvailable] {
            let queue = EventQueue::default();
            queue.push(event);
            assert_eq!(counted(&queue).load(Ordering::Relaxed), 1);
        }
        assert_eq!(counted(&EventQueue::default()).load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_reader_that_does_not_read_loses_the_oldest_samples_and_nothing_else() {
        let queue = EventQueue::default();
        let panicked = Event::WorkerPanicked { message: "scripted".into() };
        let notices = [failed(0, 77), restored(3), Event::PassedAvailable, panicked];
        notices.iter().for_each(|notice| queue.push(notice.clone()));
        (0..=2 * SAMPLES_MAX).for_each(|number| queue.push(sample(number)));
        let events = queue.take();
        assert_eq!(events.len(), SAMPLES_MAX + notices.len());
        assert_eq!(events.first(), Some(&sample(SAMPLES_MAX + 1)));
        assert_eq!(events.get(SAMPLES_MAX..), Some(&notices[..]));
        assert_eq!(queue.take(), []);
    }

    #[test]
    fn what_became_of_a_device_is_told_in_bounded_space_and_its_last_state_last() {
        let queue = EventQueue::default();
        for _ in 0..1_000 {
            queue.push(failed(1, 5));
            queue.push(restored(1));
            queue.push(restored(2));
            queue.push(failed(2, 5));
        }
        queue.push(failed(3, 77));
        assert_eq!(queue.take(), [failed(1, 5), restored(1), failed(2, 5), failed(3, 77)]);
    }

    #[test]
    fn the_last_round_trip_of_each_family_of_an_uplink_is_told() {
        let queue = EventQueue::default();
        for ms in 0..100 {
            queue.push(trip(1, Family::V6, ms));
            queue.push(trip(1, Family::V4, ms));
            queue.push(trip(0, Family::V4, ms));
        }
        assert_eq!(queue.take(), [trip(0, Family::V4, 99), trip(1, Family::V4, 99), trip(1, Family::V6, 99)]);
        assert_eq!(queue.take(), []);
    }

    #[test]
    fn conflicts_over_an_address_are_told_in_bounded_space() {
        let queue = EventQueue::default();
        for mac in 0..100 {
            queue.push(conflict(1, 7, mac));
            queue.push(conflict(2, 7, mac));
            queue.push(conflict(1, 8, mac));
        }
        assert_eq!(queue.take(), [conflict(1, 7, 99), conflict(1, 8, 99), conflict(2, 7, 99)]);
    }
}
