//! Sessions whose uplink is to be left: what becomes of each, and the resets that tell hosts (docs/decisions.md, "Policies",
//! "Reset sessions").

use super::outbound::Ends;
use super::{Endpoint, Filter, ProtocolKind, end_of};
use crate::counters::Direction;
use crate::plan::spec::FailureActionSpec;
use crate::plan::{Plan, Uplink};
use crate::session::segment::Segment;
use crate::session::steering::NotSteered;
use crate::session::tcp_state::{RESET_LIFETIME, TcpState};
use crate::session::tcp_tracking::ResetNumbers;
use crate::time::Instant;

/// A reset that an internal host is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueReset {
    /// Who gets it.
    pub internal: Endpoint,
    /// Whom it seems to come from.
    pub remote: Endpoint,
    /// What makes it believed.
    pub numbers: ResetNumbers,
}

impl Filter {
    /// What ends before a packet of a session goes on as a new flow: the session is reset, or its uplink is to be left. None where
    /// the session stays.
    pub(super) fn leave(
        &mut self,
        position: u32,
        segment: Segment,
        plan: &Plan,
        now: Instant,
    ) -> Result<Option<Ends>, NotSteered> {
        let Some(session) = self.sessions.get(position) else { return Ok(None) };
        let (is_reset, by, kind, endpoint) =
            (session.is_reset(), session.by, session.protocol.kind(), session.endpoint);
        let is_usable = plan.uplink(session.slot).is_some_and(Uplink::is_usable6);
        let action = plan.policy(session.policy).action(session.protocol.number());
        if action == FailureActionSpec::Keep && !is_reset {
            return Ok(None);
        }
        if kind == ProtocolKind::Tcp {
            if segment.opens {
                return Ok(Some(Ends::Session(position)));
            }
            if !is_reset {
                self.reset_session(position, now);
            }
            return Err(NotSteered::UplinkDown { is_told: false });
        }
        if by == Direction::Inbound {
            // MWAN-4: what came in by an uplink is never answered by another.
            self.end_session(position);
            return Err(NotSteered::UplinkDown { is_told: false });
        }
        let begins_anew = kind == ProtocolKind::Dccp && segment.opens;
        if action == FailureActionSpec::Reset && !begins_anew {
            return Err(NotSteered::UplinkDown { is_told: true });
        }
        // Of an uplink that works each flow leaves with a packet of its own.
        Ok(Some(if is_usable { Ends::Session(position) } else { Ends::Endpoint(endpoint) }))
    }

    /// The next live TCP session from a position on that is to be reset, now that its uplink is to be left: it takes the state
    /// RESET. None once `budget` positions have been looked at, or at the end of the table; `cursor` says where to go on.
    pub fn next_reset(&mut self, cursor: &mut u32, budget: &mut u32, plan: &Plan, now: Instant) -> Option<DueReset> {
        let tick = now.tick();
        while *budget > 0 && *cursor < self.sessions.end() {
            let position = *cursor;
            *budget -= 1;
            *cursor += 1;
            let Some(session) = self.sessions.get(position) else { continue };
            let is_meant = session.protocol.kind() == ProtocolKind::Tcp
                && plan.leaves6(session.policy, session.slot, session.by == Direction::Outbound)
                && session.is_live(plan, tick)
                && !session.is_reset()
                // Its host sends its SYN again, which opens the connection on another uplink.
                && session.state != Some(TcpState::InitOutbound)
                && plan.policy(session.policy).action(session.protocol.number()) != FailureActionSpec::Keep
                && plan.external_owner6(session.remote_address).is_none();
            if let (true, Some(flow)) = (is_meant, self.flow_of(position)) {
                let numbers = session.tracking.reset();
                self.reset_session(position, now);
                return Some(DueReset { internal: flow.internal, remote: flow.remote, numbers });
            }
        }
        None
    }

    /// Whether all positions of the table are behind a cursor.
    pub fn is_behind(&self, cursor: u32) -> bool {
        cursor >= self.sessions.end()
    }

    fn reset_session(&mut self, position: u32, now: Instant) {
        let Some(session) = self.sessions.get_mut(position) else { return };
        session.state = Some(TcpState::Reset);
        session.ends = end_of(now, RESET_LIFETIME);
        self.wheel.unlink(&mut self.sessions, position);
        self.wheel.link(&mut self.sessions, position);
    }
}
