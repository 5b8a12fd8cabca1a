//! Sessions whose uplink is to be left: what becomes of each, and the resets that tell hosts (docs/decisions.md, "Policies",
//! "Reset sessions").

use super::outbound::Ends;
use super::{Endpoint, Nat44, Protocol, ProtocolKind, end_of};
use crate::counters::Direction;
use crate::plan::Plan;
use crate::plan::spec::FailureActionSpec;
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

    /// The next live TCP session from a position on that is to be reset, now that its uplink is to be left: it takes the state
    /// RESET. None once `budget` positions have been looked at, or at the end of the table; `cursor` says where to go on.
    pub fn next_reset(&mut self, cursor: &mut u32, budget: &mut u32, plan: &Plan, now: Instant) -> Option<DueReset> {
        let tick = now.tick();
        while *budget > 0 && *cursor < self.sessions.end() {
            let position = *cursor;
            *budget -= 1;
            *cursor += 1;
            let Some(session) = self.sessions.get(position) else { continue };
            let is_meant = session.protocol == Protocol::TCP
                && plan.leaves4(session.policy, session.slot, session.by == Direction::Outbound)
                && session.is_live(plan, tick)
                && !session.is_reset()
                // Its host sends its SYN again, which opens the connection on another uplink.
                && session.tcp != Some(TcpState::InitOutbound)
                && plan.policy(session.policy).action(Protocol::TCP.number()) != FailureActionSpec::Keep
                && plan.external_owner4(session.remote.address).is_none();
            if is_meant {
                let (internal, remote) = (session.internal, session.seen_remote());
                let numbers = session.tracking.reset();
                self.reset_session(position, now);
                return Some(DueReset { internal, remote, numbers });
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
        session.tcp = Some(TcpState::Reset);
        session.ends = end_of(now, RESET_LIFETIME);
        self.session_wheel.unlink(&mut self.sessions, position);
        self.session_wheel.link(&mut self.sessions, position);
    }
}
