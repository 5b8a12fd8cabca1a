//! The ways between workers: frames that belong to another one, and what workers tell each other.
//!
//! Each ordered pair of workers has rings of its own, with one writer and one reader. So nothing is locked, nothing is allocated
//! after the start, and what one worker hands to another stays in order. What a full ring does not take is the writer's to count.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use nptd_core::frame::Frame;
use nptd_core::news::News;
use rtrb::{Consumer, Producer, RingBuffer};

use crate::burst::{Burst, Origin, Received};
use crate::sys::eventfd::EventFd;

/// Most frames that wait on one way.
pub(crate) const HANDED_FRAMES_MAX: usize = 4_096;

/// Most octets of them: some thirty super-packets, or as many small frames as may wait.
pub(crate) const HANDED_OCTETS_MAX: usize = 2 << 20;

/// Most messages that wait on one way.
const NEWS_MAX: usize = 1_024;

/// One worker's ends of all ways.
pub(crate) struct Handover {
    sleeper: Arc<Sleeper>,
    /// By worker; none to itself.
    to: Vec<Option<Outbox>>,
    from: Vec<Inbox>,
}

/// A frame on its way, but for its octets.
#[derive(Clone, Copy, Debug)]
struct Handed {
    origin: Origin,
    received: Received,
}

struct Outbox {
    octets: Producer<u8>,
    frames: Producer<Handed>,
    news: Producer<News>,
    reader: Arc<Sleeper>,
    /// Whether the reader has not been called since the last write.
    is_untold: bool,
}

struct Inbox {
    octets: Consumer<u8>,
    frames: Consumer<Handed>,
    news: Consumer<News>,
}

/// A worker that the others wake only if it sleeps.
struct Sleeper {
    bell: Arc<EventFd>,
    is_asleep: AtomicBool,
}

impl Handover {
    /// The ends of as many workers as there are bells, by their numbers.
    pub(crate) fn group(bells: &[Arc<EventFd>]) -> Vec<Self> {
        let sleeper = |bell: &Arc<EventFd>| Arc::new(Sleeper { bell: bell.clone(), is_asleep: AtomicBool::new(false) });
        let end = |bell| Self { sleeper: sleeper(bell), to: Vec::new(), from: Vec::new() };
        let mut ends: Vec<Self> = bells.iter().map(end).collect();
        let sleepers: Vec<_> = ends.iter().map(|end| end.sleeper.clone()).collect();
        for writer in 0..ends.len() {
            for (reader, sleeper) in sleepers.iter().enumerate() {
                let way = (reader != writer).then(|| way(sleeper.clone()));
                let (outbox, inbox) = way.unzip();
                if let Some(end) = ends.get_mut(writer) {
                    end.to.push(outbox);
                }
                if let Some(end) = ends.get_mut(reader) {
                    end.from.extend(inbox);
                }
            }
        }
        ends
    }

    /// Whether there is no other worker.
    pub(crate) fn is_alone(&self) -> bool {
        self.from.is_empty()
    }

    /// Number of workers that may hand something over to this one.
    pub(crate) fn peers(&self) -> usize {
        self.from.len()
    }

    /// Puts a copy of a frame on the way to a worker; false if there is no room.
    pub(crate) fn hand_over(&mut self, to: u8, frame: &Frame<'_>) -> bool {
        let Some(Some(outbox)) = self.to.get_mut(usize::from(to)) else { return false };
        let octets = frame.octets();
        let received = Received { length: octets.len(), checksum: frame.checksum, segmentation: frame.segmentation };
        let origin = Origin { ingress: frame.ingress, queue: frame.queue, errand: frame.errand };
        // The octets first: whoever sees the frame finds them.
        let fits = !outbox.frames.is_full()
            && outbox.octets.push_entire_slice(octets).is_ok()
            && outbox.frames.push(Handed { origin, received }).is_ok();
        outbox.is_untold |= fits;
        fits
    }

    /// Puts a message on the way to a worker; false if there is no room.
    pub(crate) fn tell(&mut self, to: u8, news: News) -> bool {
        let Some(Some(outbox)) = self.to.get_mut(usize::from(to)) else { return false };
        let fits = outbox.news.push(news).is_ok();
        outbox.is_untold |= fits;
        fits
    }

    /// Wakes the workers to which something was handed since the last call, if they sleep.
    pub(crate) fn call(&mut self) {
        for outbox in self.to.iter_mut().flatten() {
            if core::mem::take(&mut outbox.is_untold) {
                outbox.reader.call();
            }
        }
    }

    /// Adds frames that one of the others has handed over to the burst until it is full or none waits.
    pub(crate) fn receive(&mut self, peer: usize, burst: &mut Burst) {
        let Some(Inbox { octets, frames, .. }) = self.from.get_mut(peer) else { return };
        while let (Some(space), Ok(Handed { origin, received })) = (burst.space(0), frames.peek().copied()) {
            let copied = space.get_mut(..received.length).map(|space| octets.pop_entire_slice(space));
            if let Some(Ok(())) = copied {
                burst.set_origin(origin);
                burst.keep(received);
            } else {
                // Bursts of all workers have room for the same frames, so this one cannot be.
                let _ = octets.read_chunk(received.length).map(|octets| octets.commit_all());
                burst.refuse();
            }
            let _ = frames.pop();
        }
    }

    /// Takes the next message of any of the others.
    pub(crate) fn take_news(&mut self) -> Option<News> {
        self.from.iter_mut().find_map(|inbox| inbox.news.pop().ok())
    }

    /// Whether something waits that another worker has handed over.
    pub(crate) fn has_waiting(&self) -> bool {
        self.from.iter().any(|inbox| !inbox.frames.is_empty() || !inbox.news.is_empty())
    }

    /// Says that this worker is about to sleep, and must be woken from now on; false if something waits already.
    pub(crate) fn fall_asleep(&self) -> bool {
        if self.is_alone() {
            return true;
        }
        self.sleeper.is_asleep.store(true, Ordering::Relaxed);
        // Either the writer sees this, or this worker sees what was written.
        fence(Ordering::SeqCst);
        !self.has_waiting()
    }

    /// Says that it does not sleep.
    pub(crate) fn wake_up(&self) {
        self.sleeper.is_asleep.store(false, Ordering::Relaxed);
    }
}

impl Sleeper {
    fn call(&self) {
        fence(Ordering::SeqCst);
        if self.is_asleep.load(Ordering::Relaxed) && self.is_asleep.swap(false, Ordering::Relaxed) {
            self.bell.wake();
        }
    }
}

fn way(reader: Arc<Sleeper>) -> (Outbox, Inbox) {
    let (octets, octets_in) = RingBuffer::new(HANDED_OCTETS_MAX);
    let (frames, frames_in) = RingBuffer::new(HANDED_FRAMES_MAX);
    let (news, news_in) = RingBuffer::new(NEWS_MAX);
    let inbox = Inbox { octets: octets_in, frames: frames_in, news: news_in };
    (Outbox { octets, frames, news, reader, is_untold: false }, inbox)
}

#[cfg(test)]
mod tests;
