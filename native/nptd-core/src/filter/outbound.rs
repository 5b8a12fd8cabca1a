//! Packets from the site: which uplink carries them. All of them may leave; state is made so that answers come back (6092-R11,
//! 7084-S1).

use super::endpoint::EndpointKey;
use super::session::NewSession;
use super::{Filter, Flow, Packet, ProtocolKind};
use crate::counters::Direction;
use crate::plan::Plan;
use crate::session::held::HeldPackets;
use crate::session::segment::Event;
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

/// What ends before a new flow begins: its uplink is dead while another one lives.
#[derive(Clone, Copy, Debug)]
enum Ends {
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
    ) -> Result<Steered, DropReason> {
        let (flow, tick) = (packet.outbound(), now.tick());
        let mut ends = Ends::Nothing;
        let found = self.find(&flow, plan, tick, |slot| hairpin.is_none_or(|target| slot == target));
        if let Some((position, session)) = found.and_then(|position| Some((position, self.sessions.get(position)?))) {
            let (slot, endpoint) = (session.slot, session.endpoint);
            // MWAN-1: it stays where it is, also when a better uplink returns; MWAN-4: whoever opened it.
            if hairpin.is_some() || !plan.has_moved6(slot) {
                return Ok(Steered { slot, how: How::Session(position) });
            }
            ends = match (flow.protocol.kind(), packet.segment.opens, session.by) {
                (ProtocolKind::Tcp, true, _) => Ends::Session(position),
                // A connection cannot move: its peer knows it by an address of the dead uplink (MWAN-2).
                (ProtocolKind::Tcp, false, _) => return Err(DropReason::UplinkDown),
                (_, _, Direction::Outbound) => Ends::Endpoint(endpoint),
                (_, _, Direction::Inbound) => {
                    // MWAN-4: what came in by an uplink is never answered by another.
                    self.end_session(position);
                    return Err(DropReason::UplinkDown);
                }
            };
        }
        if flow.protocol.kind() == ProtocolKind::Tcp && packet.segment.event == Event::Reset {
            return Err(DropReason::TcpWithoutSession);
        }
        if packet.is_echo_reply() {
            return Err(DropReason::IcmpTypeNotForwarded);
        }
        let slot = hairpin.or_else(|| self.choose_uplink(&flow, plan, tick)).ok_or(DropReason::NoUplink)?;
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
    fn choose_uplink(&mut self, flow: &Flow, plan: &Plan, now: Tick) -> Option<u8> {
        if let Some(uplink) = plan.identity_uplink6(flow.internal.address) {
            return Some(uplink.slot);
        }
        let mut stays = || {
            plan.usable6().map(|uplink| uplink.slot).find(|slot| {
                let key = EndpointKey { slot: *slot, protocol: flow.protocol, internal: flow.internal };
                self.has_live_session(key, plan, now)
            })
        };
        let stays = if flow.protocol.has_connections() { None } else { stays() };
        stays.or_else(|| plan.choose_any6().map(|uplink| uplink.slot))
    }
}
