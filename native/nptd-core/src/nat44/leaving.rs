//! Sessions whose uplink is to be left: what becomes of each, and the resets that tell hosts (docs/decisions.md, "Policies",
//! "Reset sessions").

use super::outbound::Ends;
use super::{Endpoint, Nat44, Protocol, ProtocolKind, end_of};
use crate::counters::Direction;
use crate::plan::Plan;
use crate::plan::spec::FailureActionSpec;
use crate::session::leaving::{self, Step, Walk, is_to_be_told};
use crate::session::segment::Segment;
use crate::session::steering::NotSteered;
use crate::session::tcp_state::{RESET_LIFETIME, TcpState};
use crate::time::Instant;

/// A reset that an internal host is due.
pub type DueReset = leaving::DueReset<Endpoint>;

impl Nat44 {
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
        let (is_reset, by, kind, slot) = (session.is_reset(), session.by, session.protocol.kind(), session.slot);
        let action = plan.policy(session.policy).action(session.protocol.number());
        if action == FailureActionSpec::Keep && !is_reset {
            return Ok(None);
        }
        // A packet to the gateway's own address cannot go on by an uplink.
        let opens = segment.opens && !session.is_gateway_sourced();
        let is_told = action == FailureActionSpec::Reset && by == Direction::Outbound;
        match kind {
            ProtocolKind::Tcp | ProtocolKind::Dccp if opens => Ok(Some(Ends::Session(position))),
            ProtocolKind::Tcp => {
                if !is_reset {
                    self.reset_session(position, now);
                }
                Err(NotSteered::UplinkDown { is_told: false })
            }
            ProtocolKind::Dccp => Err(NotSteered::UplinkDown { is_told }),
            ProtocolKind::Udp | ProtocolKind::UdpLite | ProtocolKind::Icmp | ProtocolKind::Portless => {
                if by == Direction::Inbound {
                    // MWAN-4: what came in by an uplink is never answered by another.
                    self.end_session(position, plan, Some(now));
                    return Err(NotSteered::UplinkDown { is_told });
                }
                if is_told {
                    return Err(NotSteered::UplinkDown { is_told });
                }
                // Of an uplink that works each flow leaves with a packet of its own.
                let is_usable = plan.usable4(slot);
                Ok(Some(if is_usable { Ends::Session(position) } else { Ends::MappingOf(position) }))
            }
        }
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
        let is_meant = session.protocol == Protocol::TCP
            && plan.leaves4(session.policy, session.slot, session.by == Direction::Outbound)
            && self.is_live(session, plan, now.tick())
            && is_to_be_told(session.tcp)
            && plan.policy(session.policy).action(Protocol::TCP.number()) != FailureActionSpec::Keep
            && plan.external_owner4(session.remote.address).is_none();
        if !is_meant {
            return None;
        }
        let (internal, remote, numbers) = (session.internal, session.seen_remote(), session.tracking.reset());
        self.reset_session(position, now);
        Some(DueReset { internal, remote, numbers })
    }

    fn reset_session(&mut self, position: u32, now: Instant) {
        let Some(session) = self.sessions.get_mut(position) else { return };
        session.tcp = Some(TcpState::Reset);
        session.unsettle();
        session.ends = end_of(now, RESET_LIFETIME);
        self.session_wheel.unlink(&mut self.sessions, position);
        self.session_wheel.link(&mut self.sessions, position);
    }
}
