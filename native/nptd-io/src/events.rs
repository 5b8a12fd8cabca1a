//! What the data plane tells the control plane: a bounded queue and one knock on the door.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_queue::ArrayQueue;
use nptd_core::host::probes::ProbeSample;

/// Most events that wait. With 16 uplinks in two families, a fast profile sends some 1,000 samples in 3 s.
pub const EVENTS_MAX: usize = 1_024;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A probe is finished.
    ProbeSample(ProbeSample),
    /// A device gave an error; the others go on.
    DeviceFailed {
        /// Its name.
        device: String,
        /// The kernel's error number.
        errno: i32,
        /// The kernel's words for it.
        message: String,
    },
    /// A worker met a fault in our own code and has ended.
    WorkerPanicked {
        /// What it said.
        message: String,
    },
    /// Frames for the gateway itself wait to be taken.
    PassedAvailable,
}

type Notify = Box<dyn Fn() + Send>;

/// Events from workers to one reader. The reader is notified when the queue was empty, not for each event.
pub struct EventQueue {
    events: ArrayQueue<Event>,
    announced: AtomicBool,
    notify: Mutex<Option<Notify>>,
}

impl Default for EventQueue {
    fn default() -> Self {
        Self { events: ArrayQueue::new(EVENTS_MAX), announced: AtomicBool::new(false), notify: Mutex::new(None) }
    }
}

impl EventQueue {
    /// Adds an event. A reader that does not read loses the oldest ones: the latest state matters most.
    pub fn push(&self, event: Event) {
        self.events.force_push(event);
        self.announce();
    }

    /// Takes all events, oldest first.
    pub fn take(&self) -> Vec<Event> {
        // Before the first pop, so that an event pushed meanwhile is announced again rather than forgotten.
        self.announced.store(false, Ordering::SeqCst);
        std::iter::from_fn(|| self.events.pop()).take(EVENTS_MAX).collect()
    }

    /// Sets whom to notify, from any thread, and notifies at once if events wait.
    pub fn set_notify(&self, notify: impl Fn() + Send + 'static) {
        *self.notify() = Some(Box::new(notify));
        if !self.events.is_empty() {
            self.announced.store(false, Ordering::SeqCst);
            self.announce();
        }
    }

    /// Forgets whom to notify.
    pub fn clear_notify(&self) {
        *self.notify() = None;
    }

    fn announce(&self) {
        if self.announced.swap(true, Ordering::SeqCst) {
            return;
        }
        if let Some(notify) = self.notify().as_ref() {
            notify();
        }
    }

    fn notify(&self) -> MutexGuard<'_, Option<Notify>> {
        self.notify.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::{EVENTS_MAX, Event, EventQueue};

    fn panicked(number: usize) -> Event {
        Event::WorkerPanicked { message: number.to_string() }
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
        queue.push(panicked(1));
        queue.push(panicked(2));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert_eq!(queue.take(), [panicked(1), panicked(2)]);
        queue.push(panicked(3));
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn events_from_before_the_reader_came_are_announced() {
        let queue = EventQueue::default();
        queue.push(Event::PassedAvailable);
        assert_eq!(counted(&queue).load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_full_queue_loses_the_oldest() {
        let queue = EventQueue::default();
        (0..=EVENTS_MAX).for_each(|number| queue.push(panicked(number)));
        let events = queue.take();
        assert_eq!(events.len(), EVENTS_MAX);
        assert_eq!(events.first(), Some(&panicked(1)));
    }
}
