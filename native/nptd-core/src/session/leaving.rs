//! Connections that have to be reset since their uplink is to be left: the look at all sessions that a plan calls for, and what it
//! tells hosts, of both families (docs/decisions.md, "Reset sessions").

use super::tcp_state::TcpState;
use super::tcp_tracking::ResetNumbers;

/// A reset that an internal host is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueReset<Endpoint> {
    /// Who gets it.
    pub internal: Endpoint,
    /// Whom it seems to come from.
    pub remote: Endpoint,
    /// What makes it believed.
    pub numbers: ResetNumbers,
}

/// How much one step of a look does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Sessions that it looks at.
    pub sessions: u32,
    /// Resets that it sends.
    pub resets: u32,
}

impl Step {
    /// What fits between two batches whatever else there is to do: some 50 us.
    pub const SMALL: Self = Self::sending(64);

    /// One that sends so many resets, or takes as long with sessions that stay.
    pub const fn sending(resets: u32) -> Self {
        Self { sessions: resets * 8, resets }
    }
}

/// How far a look has come in one table.
#[derive(Clone, Copy, Debug, Default)]
pub struct Walk {
    position: u32,
}

impl Walk {
    /// The next reset that is due in a table of so many positions: `look` is asked about each, and makes the session RESET if it is.
    /// None at the end of the table, and once the sessions of the step have been looked at.
    pub fn next<Endpoint>(
        &mut self,
        step: &mut Step,
        end: u32,
        mut look: impl FnMut(u32) -> Option<DueReset<Endpoint>>,
    ) -> Option<DueReset<Endpoint>> {
        while step.sessions > 0 && !self.is_over(end) {
            let position = self.position;
            (self.position, step.sessions) = (position + 1, step.sessions - 1);
            if let Some(due) = look(position) {
                return Some(due);
            }
        }
        None
    }

    /// Whether all positions of a table are behind it.
    pub const fn is_over(&self, end: u32) -> bool {
        self.position >= end
    }
}

/// Whether the host of a connection does not know yet that it is over, and would not find out at once: one that calls sends its SYN
/// again, which opens the connection on another uplink.
pub fn is_to_be_told(state: Option<TcpState>) -> bool {
    !matches!(state, Some(TcpState::Reset | TcpState::InitOutbound))
}
