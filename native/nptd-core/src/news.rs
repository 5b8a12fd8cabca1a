//! What workers tell each other: link addresses, the fate of datagrams in fragments, which uplinks probes doubt. Each worker has an
//! outbox; whoever drives it carries the messages. One that is lost is no harm: requests are repeated, fragments are given up when
//! their time is over, and round trips that one worker does not look for are seen by the others.

use alloc::collections::VecDeque;

use crate::counters::Counters;
use crate::filter;
use crate::host::neighbours::Claim;
use crate::plan::NextHop;
use crate::session::fragments::{Datagram, Fate};
use crate::share::{HOST, Share};
use crate::verdict::Suppressed;

/// Most messages in an outbox: one batch of 64 frames for each of 16 workers would fit, were each frame to tell all others.
const OUTBOX_MAX: usize = 1_024;

/// A message to another worker.
#[derive(Clone, Copy, Debug)]
pub enum News {
    /// To the host role: a worker has packets for a next hop.
    Wanted {
        /// The worker.
        worker: u8,
        /// The next hop.
        hop: NextHop<u128>,
    },
    /// From the host role: what is known of a station.
    Station(Claim),
    /// To the home of an IPv4 datagram: what became of its first fragment.
    Fate4(Datagram, Fate),
    /// The same of IPv6.
    Fate6(filter::Datagram, Fate<filter::Translation>),
    /// From the host role: uplinks that its probes doubt, a bit each, by family.
    Doubted {
        /// By IPv4.
        v4: u16,
        /// By IPv6.
        v6: u16,
    },
}

const _: () = assert!(size_of::<News>() <= 128);

/// Messages that wait to be carried.
pub struct Outbox {
    share: Share,
    messages: VecDeque<(u8, News)>,
}

impl Outbox {
    /// Empty; one that is alone has nobody to tell.
    pub fn new(share: Share) -> Self {
        let room = if share.is_alone() { 0 } else { OUTBOX_MAX };
        Self { share, messages: VecDeque::with_capacity(room) }
    }

    /// The worker that it belongs to.
    pub const fn share(&self) -> Share {
        self.share
    }

    /// Tells a worker, unless it is this one.
    pub fn tell(&mut self, worker: u8, news: News, counters: &Counters) {
        if worker == self.share.worker() {
            return;
        }
        if self.messages.len() < OUTBOX_MAX {
            self.messages.push_back((worker, news));
        } else {
            counters.record_suppressed(Suppressed::NewsLost);
        }
    }

    /// The host role tells all others.
    pub fn tell_all(&mut self, news: News, counters: &Counters) {
        if self.share.worker() == HOST {
            (1..self.share.workers()).for_each(|worker| self.tell(worker, news, counters));
        }
    }

    /// The next message, and whom it is for.
    pub fn take(&mut self) -> Option<(u8, News)> {
        self.messages.pop_front()
    }
}
