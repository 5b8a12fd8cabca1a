//! Sessions whose uplink is to be left: what becomes of each, and the resets that tell hosts (docs/decisions.md, "Policies",
//! "Reset sessions").

use super::outbound::Ends;
use super::{Endpoint, Filter, Flow, ProtocolKind, end_of};
use crate::counters::Direction;
use crate::plan::spec::FailureActionSpec;
use crate::plan::{Plan, Uplink};
use crate::session::leaving::{self, Step, Walk, is_to_be_told};
use crate::session::segment::Segment;
use crate::session::steering::NotSteered;
use crate::session::tcp_state::{RESET_LIFETIME, TcpState};
use crate::time::Instant;

/// A reset that an internal host is due.
pub type DueReset = leaving::DueReset<Endpoint>;

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

    /// The next live TCP session of a walk that is to be reset, now that its uplink is to be left.
    pub fn next_reset(&mut self, walk: &mut Walk, step: &mut Step, plan: &Plan, now: Instant) -> Option<DueReset> {
        walk.next(step, self.sessions.end(), |position| self.reset_if_left(position, plan, now))
    }

    /// Whether a walk is over.
    pub fn is_behind(&self, walk: &Walk) -> bool {
        walk.is_over(self.sessions.end())
    }

    fn reset_if_left(&mut self, position: u32, plan: &Plan, now: Instant) -> Option<DueReset> {
        let session = self.sessions.get(position)?;
        let is_meant = session.protocol.kind() == ProtocolKind::Tcp
            && plan.leaves6(session.policy, session.slot, session.by == Direction::Outbound)
            && session.is_live(plan, now.tick())
            && self.endpoint_of(session).is_some()
            && is_to_be_told(session.state)
            && plan.policy(session.policy).action(session.protocol.number()) != FailureActionSpec::Keep
            && plan.external_owner6(session.remote_address).is_none();
        if !is_meant {
            return None;
        }
        let numbers = session.tracking.reset();
        let Flow { internal, remote, .. } = self.flow_of(position)?;
        self.reset_session(position, now);
        Some(DueReset { internal, remote, numbers })
    }

    fn reset_session(&mut self, position: u32, now: Instant) {
        let Some(session) = self.sessions.get_mut(position) else { return };
        session.state = Some(TcpState::Reset);
        session.ends = end_of(now, RESET_LIFETIME);
        self.wheel.unlink(&mut self.sessions, position);
        self.wheel.link(&mut self.sessions, position);
    }
}
