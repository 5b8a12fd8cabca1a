//! Packets from the site: which uplink carries them. All of them may leave; state is made so that answers come back (6092-R11,
//! 7084-S1).

use super::endpoint::EndpointKey;
use super::session::NewSession;
use super::{Filter, Flow, Packet, ProtocolKind};
use crate::counters::Direction;
use crate::plan::subject::{Family, Subject};
use crate::plan::{Plan, Policy};
use crate::session::held::HeldPackets;
use crate::session::segment::Event;
use crate::session::steering::NotSteered;
use crate::time::{Instant, Tick};
use crate::verdict::DropReason;

/// The answer to "which uplink?"; nothing has changed yet.
#[derive(Clone, Copy, Debug)]
pub struct Steered {
    /// The uplink.
    pub slot: u8,
    how: How,
}

#[derive(Clone, Copy, Debug)]
enum How {
    /// A live session carries it.
    Session(u32),
    /// A new session has to be made, after something old has ended.
    New(Ends),
}

impl Steered {
    /// The live session that carries the packet, if one does.
    pub fn session(&self) -> Option<u32> {
        match self.how {
            How::Session(position) => Some(position),
            How::New(_) => None,
        }
    }
}

/// What ends before a new flow begins: its uplink is to be left.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ends {
    Nothing,
    Session(u32),
    /// All sessions of an internal endpoint.
    Endpoint(u32),
}

impl Filter {
    /// Finds the uplink of a packet. `hairpin` names the uplink to whose external prefix it is sent, if any.
    ///
    /// # Errors
    /// `UplinkDown`, `TcpWithoutSession`, `IcmpTypeNotForwarded` or `NoUplink`.
    pub fn steer_outbound(
        &mut self,
        packet: &Packet,
        hairpin: Option<u8>,
        plan: &Plan,
        now: Instant,
    ) -> Result<Steered, NotSteered> {
        let (flow, tick) = (packet.outbound(), now.tick());
        let mut ends = Ends::Nothing;
        let found = self.find(&flow, plan, tick, |slot| hairpin.is_none_or(|target| slot == target));
        if let Some((position, session)) = found.and_then(|position| Some((position, self.sessions.get(position)?))) {
            let (slot, stays) = (session.slot, session.stays(plan));
            // MWAN-1: it stays where it is, also when a better uplink returns; MWAN-4: whoever opened it.
            if hairpin.is_some() || stays {
                return Ok(Steered { slot, how: How::Session(position) });
            }
            match self.leave(position, packet.segment, plan, now)? {
                Some(old) => ends = old,
                None => return Ok(Steered { slot, how: How::Session(position) }),
            }
        }
        if flow.protocol.kind() == ProtocolKind::Tcp && packet.segment.event == Event::Reset {
            return Err(DropReason::TcpWithoutSession.into());
        }
        if packet.is_echo_reply() {
            return Err(DropReason::IcmpTypeNotForwarded.into());
        }
        let subject = flow.subject(packet.segment.dscp);
        let policy = plan.policy_of(&subject);
        let slot = hairpin.or_else(|| self.choose_uplink(&flow, &subject, policy, plan, tick));
        let slot = slot.ok_or(NotSteered::NoUplink { is_carried: policy.is_carried(Family::V6) })?;
        Ok(Steered { slot, how: How::New(ends) })
    }

    /// Makes or refreshes the session; `external` is the source address that the packet leaves with.
    ///
    /// # Errors
    /// `SessionTableFull`.
    pub fn commit_outbound(
        &mut self,
        steered: Steered,
        packet: &Packet,
        external: u128,
        held: &mut HeldPackets,
        plan: &Plan,
        now: Instant,
    ) -> Result<(), DropReason> {
        let (by, segment) = (Direction::Outbound, &packet.segment);
        match steered.how {
            How::Session(position) => self.observe(position, by, segment, plan, now),
            How::New(ends) => {
                match ends {
                    Ends::Nothing => {}
                    Ends::Session(position) => self.end_session(position),
                    Ends::Endpoint(endpoint) => self.end_all_of(endpoint),
                }
                let new = NewSession { flow: &packet.outbound(), slot: steered.slot, by, segment, external };
                self.open_session(&new, held, plan, now)?;
            }
        }
        Ok(())
    }

    /// The uplink of a new flow: that of the ISP the source is from (8028-3); else, but for connections, the one that the
    /// endpoint uses already, so that it has one view of the world (MWAN-3); else any.
    fn choose_uplink(&mut self, flow: &Flow, subject: &Subject, policy: &Policy, plan: &Plan, now: Tick) -> Option<u8> {
        if let Some(slot) = plan.identity_uplink6(policy, flow.internal.address) {
            return Some(slot);
        }
        self.sticking(flow, policy, plan, now).or_else(|| policy.choose(subject, &self.rendezvous))
    }

    /// The uplink that a flow's endpoint sticks to.
    pub fn sticking(&mut self, flow: &Flow, policy: &Policy, plan: &Plan, now: Tick) -> Option<u8> {
        if flow.protocol.has_connections() {
            return None;
        }
        policy.sticky(Family::V6).find(|slot| {
            let key = EndpointKey { slot: *slot, protocol: flow.protocol, internal: flow.internal };
            self.has_live_session(key, plan, now)
        })
    }
}
