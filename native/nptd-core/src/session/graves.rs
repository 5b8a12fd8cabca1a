//! Sessions that have ended together, very many of them, and are taken apart little by little.
//!
//! Whoever ends a mapping (or an endpoint of the filter) with all its sessions takes it out of its index and buries it here. From
//! then on no lookup finds its sessions, which refer to it; each call of expiry removes some of them.

use alloc::vec::Vec;

/// Sessions that end at once with what they belong to: with a batch full of packets each of which ends as many, that takes less
/// than a millisecond.
pub const AT_ONCE_MAX: u32 = 64;

/// What is buried, by position in its table.
pub struct Graves {
    positions: Vec<u32>,
    max: usize,
    sessions: u32,
}

impl Graves {
    /// Room for as many as there can be in a table of so many sessions.
    pub fn new(sessions_max: u32) -> Self {
        let max = Self::max(sessions_max) as usize;
        Self { positions: Vec::with_capacity(max), max, sessions: 0 }
    }

    /// How many there can be in a table of so many sessions: each has more than end at once.
    pub const fn max(sessions_max: u32) -> u32 {
        sessions_max / AT_ONCE_MAX
    }

    /// Buries what has so many sessions; false where these are few enough to end at once, or there is no room.
    pub fn bury(&mut self, position: u32, sessions: u32) -> bool {
        if sessions <= AT_ONCE_MAX || self.positions.len() >= self.max {
            return false;
        }
        self.positions.push(position);
        self.sessions += sessions;
        true
    }

    /// What is taken apart next.
    pub fn next(&self) -> Option<u32> {
        self.positions.last().copied()
    }

    /// What was to be taken apart next has no sessions any more.
    pub fn close(&mut self) {
        self.positions.pop();
    }

    /// One of the sessions is gone.
    pub fn lose_session(&mut self) {
        self.sessions = self.sessions.saturating_sub(1);
    }

    /// How many graves there are.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Sessions in all of them, which count no more.
    pub fn sessions(&self) -> u32 {
        self.sessions
    }
}
