//! The streams as both threads see them: what is to be sent, what has come, and what has happened.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nptd_core::host::probes::Family;
use nptd_core::time::Duration;

use crate::error::Stopped;

/// Most octets of one stream that wait to be sent.
const OUTGOING_MAX: usize = 16 << 10;
/// Most octets of one stream that wait to be taken; then its peer has to wait.
pub(super) const INCOMING_MAX: usize = 16 << 10;

/// Where a stream goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamTarget {
    /// Slot of the uplink that it takes.
    pub slot: u8,
    /// Family.
    pub family: Family,
    /// Address; IPv4 as `mapped4`.
    pub address: u128,
    /// Port.
    pub port: u16,
    /// Own ports to take one of, both ends included.
    pub own_ports: (u16, u16),
}

/// Why a stream is over before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamFailure {
    /// The peer refused it, or did not answer.
    #[error("the connection was refused")]
    Refused,
    /// The peer ended it, or is gone.
    #[error("the connection was reset")]
    Reset,
    /// The uplink has no address of the family, or has changed the one that it was from.
    #[error("the uplink has no address of this family")]
    NoAddress,
    /// Too many are open.
    #[error("too many connections are open on the uplink")]
    NoRoom,
}

/// What has happened to a stream since one looked last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamNews {
    /// Which one.
    pub id: u32,
    /// It is open, after so long.
    pub connected: Option<Duration>,
    /// What has come.
    pub octets: Vec<u8>,
    /// No more will come.
    pub ended: bool,
    /// There is room to write again.
    pub writable: bool,
    /// It is over, and forgotten.
    pub failed: Option<StreamFailure>,
}

impl StreamNews {
    fn is_empty(&self) -> bool {
        self.connected.is_none() && self.octets.is_empty() && !self.ended && !self.writable && self.failed.is_none()
    }
}

/// One stream between the two threads.
pub(super) struct Pipe {
    pub(super) target: StreamTarget,
    /// Whether its connection has begun.
    pub(super) is_opened: bool,
    pub(super) outgoing: Vec<u8>,
    /// Whether a write has found no room.
    was_full: bool,
    /// Nothing more is to be sent.
    pub(super) is_finished: bool,
    /// Nobody cares any more.
    pub(super) is_abandoned: bool,
    /// Whether its end was told.
    pub(super) has_ended: bool,
    pub(super) news: StreamNews,
}

impl Pipe {
    /// Notes that so many octets have been taken to be sent.
    pub(super) fn sent(&mut self, count: usize) {
        self.outgoing.drain(..count.min(self.outgoing.len()));
        if count > 0 && std::mem::take(&mut self.was_full) {
            self.news.writable = true;
        }
    }
}

/// All streams.
#[derive(Default)]
pub struct StreamHub {
    state: Mutex<State>,
    /// How many there are, to be read without the lock.
    count: AtomicUsize,
}

#[derive(Default)]
pub(super) struct State {
    last_id: u32,
    is_closed: bool,
    pub(super) pipes: BTreeMap<u32, Pipe>,
}

impl StreamHub {
    /// Opens a stream; what becomes of it is news.
    pub fn open(&self, target: StreamTarget) -> Result<u32, Stopped> {
        let mut state = self.lock();
        if state.is_closed {
            return Err(Stopped);
        }
        state.last_id = state.last_id.wrapping_add(1);
        let id = state.last_id;
        let pipe = Pipe {
            target,
            is_opened: false,
            outgoing: Vec::new(),
            was_full: false,
            is_finished: false,
            is_abandoned: false,
            has_ended: false,
            news: StreamNews { id, ..StreamNews::default() },
        };
        state.pipes.insert(id, pipe);
        self.recount(&state);
        Ok(id)
    }

    /// Takes octets to be sent; returns how many there was room for.
    pub fn write(&self, id: u32, octets: &[u8]) -> usize {
        let mut state = self.lock();
        let Some(pipe) = state.pipes.get_mut(&id) else { return 0 };
        let count = octets.len().min(OUTGOING_MAX.saturating_sub(pipe.outgoing.len()));
        pipe.outgoing.extend_from_slice(octets.get(..count).unwrap_or(&[]));
        pipe.was_full = count < octets.len();
        count
    }

    /// Says that nothing more is to be sent.
    pub fn finish(&self, id: u32) {
        self.lock().pipes.get_mut(&id).into_iter().for_each(|pipe| pipe.is_finished = true);
    }

    /// Gives a stream up: one that is not over in both directions is reset. There is no more news of it.
    pub fn abandon(&self, id: u32) {
        self.lock().pipes.get_mut(&id).into_iter().for_each(|pipe| pipe.is_abandoned = true);
    }

    /// Takes all news.
    pub fn take_news(&self) -> Vec<StreamNews> {
        let mut state = self.lock();
        let with_news = state.pipes.values_mut().filter(|pipe| !pipe.news.is_empty() && !pipe.is_abandoned);
        let take = |pipe: &mut Pipe| {
            let id = pipe.news.id;
            std::mem::replace(&mut pipe.news, StreamNews { id, ..StreamNews::default() })
        };
        let news: Vec<StreamNews> = with_news.map(take).collect();
        for StreamNews { id, .. } in news.iter().filter(|news| news.failed.is_some()) {
            state.pipes.remove(id);
        }
        self.recount(&state);
        news
    }

    /// Forgets all streams, and takes no more.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        state.pipes.clear();
        self.recount(&state);
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Lets the worker's end look at all streams; true if there is news.
    pub(super) fn visit(&self, visit: impl FnOnce(&mut State)) -> bool {
        let mut state = self.lock();
        visit(&mut state);
        self.recount(&state);
        state.pipes.values().any(|pipe| !pipe.news.is_empty() && !pipe.is_abandoned)
    }

    fn recount(&self, state: &State) {
        self.count.store(state.pipes.len(), Ordering::SeqCst);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
