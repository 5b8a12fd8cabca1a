//! Packets from an uplink, with the addresses as the site has them: whether they are let in.

use super::endpoint::EndpointKey;
use super::session::{NewSession, Session};
use super::{Filter, Flow, Packet, ProtocolKind};
use crate::counters::Direction;
use crate::plan::{Filter6, Plan};
use crate::session::filtering::Filtering;
use crate::session::held::HeldPackets;
use crate::time::{Instant, Tick};
use crate::verdict::DropReason;
use crate::wire::protocol::{AUTHENTICATION, ESP, UDP};

/// Port of the key exchange of IPsec (RFC 7296).
const IKE: u16 = 500;

/// The answer to "may it?"; nothing has changed yet.
#[derive(Clone, Copy, Debug)]
pub struct Admitted(By);

#[derive(Clone, Copy, Debug)]
enum By {
    Session(u32),
    /// It is let in, and no session is made: there is one on another uplink.
    Nothing,
    /// It opens a session.
    New,
}

impl Admitted {
    /// The live session that admits the packet, if one does.
    pub fn session(&self) -> Option<u32> {
        match self.0 {
            By::Session(position) => Some(position),
            By::Nothing | By::New => None,
        }
    }
}

/// Why a packet from an uplink is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    /// Nobody has asked for it.
    Filtered,
    /// Anything else.
    Other(DropReason),
}

impl NotAdmitted {
    /// What it is counted as.
    pub const fn reason(self) -> DropReason {
        match self {
            Self::Filtered => DropReason::FilteredInbound,
            Self::Other(reason) => reason,
        }
    }
}

impl Filter {
    /// Whether a packet is let in: `flow` has its addresses as the site has them.
    pub fn match_inbound(
        &mut self,
        packet: &Packet,
        flow: &Flow,
        slot: u8,
        plan: &Plan,
        now: Instant,
    ) -> Result<Admitted, NotAdmitted> {
        let tick = now.tick();
        if let Some(position) = self.find(flow, plan, tick, |other| other == slot) {
            // Nothing passes a connection that the gateway has reset.
            if self.sessions.get(position).is_some_and(Session::is_reset) {
                return Err(NotAdmitted::Other(DropReason::UplinkDown));
            }
            return Ok(Admitted(By::Session(position)));
        }
        let Some(rules) = &plan.filter6 else { return Err(NotAdmitted::Other(DropReason::NotProcessed)) };
        if !is_open_to_all(rules, packet, flow) && !self.is_asked_for(rules, packet, flow, slot, plan, tick) {
            return Err(NotAdmitted::Filtered);
        }
        if flow.protocol.kind() == ProtocolKind::Tcp && !packet.segment.opens {
            return Err(NotAdmitted::Other(DropReason::TcpWithoutSession));
        }
        // The host knows a connection by both endpoints only, so there cannot be two on two uplinks: its answers would leave by
        // either (MWAN-4).
        if self.find(flow, plan, tick, |other| other != slot).is_some() {
            return match flow.protocol.has_connections() {
                true => Err(NotAdmitted::Other(DropReason::FilteredInbound)),
                false => Ok(Admitted(By::Nothing)),
            };
        }
        Ok(Admitted(By::New))
    }

    /// Refreshes or opens the session of an admitted packet; `external` is the destination address that it came with.
    ///
    /// # Errors
    /// `SessionTableFull`.
    pub fn commit_inbound(
        &mut self,
        admitted: Admitted,
        packet: &Packet,
        arrival: &Arrival,
        held: &mut HeldPackets,
        plan: &Plan,
        now: Instant,
    ) -> Result<(), DropReason> {
        let (by, segment) = (Direction::Inbound, &packet.segment);
        match admitted.0 {
            By::Nothing => Ok(()),
            By::Session(position) => {
                self.observe(position, by, segment, plan, now);
                Ok(())
            }
            By::New => {
                let Arrival { flow, slot, external } = arrival;
                let new = NewSession { flow, slot: *slot, by, segment, external: *external };
                self.open_session(&new, held, plan, now)
            }
        }
    }

    /// Filtering by what the internal endpoint has done (6092-R11, 6092-R17, 6092-R33). Nothing it refuses changes anything.
    fn is_asked_for(
        &mut self,
        rules: &Filter6,
        packet: &Packet,
        flow: &Flow,
        slot: u8,
        plan: &Plan,
        now: Tick,
    ) -> bool {
        let filtering = match flow.protocol.kind() {
            ProtocolKind::Datagram => rules.filtering_udp,
            ProtocolKind::Tcp => rules.filtering_tcp,
            ProtocolKind::Echo | ProtocolKind::Dccp | ProtocolKind::Sctp | ProtocolKind::Portless => {
                rules.filtering_other
            }
        };
        let key = EndpointKey { slot, protocol: flow.protocol, internal: flow.internal };
        match filtering {
            _ if packet.is_echo_reply() => false,
            Filtering::EndpointIndependent => self.has_live_session(key, plan, now),
            Filtering::AddressDependent => self.has_live_session_with(key, flow.remote.address, plan, now),
            Filtering::AddressAndPortDependent => false,
        }
    }
}

/// Where an inbound packet belongs.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Its flow, with the addresses as the site has them.
    pub flow: Flow,
    /// The uplink it came by.
    pub slot: u8,
    /// The destination address that it came with.
    pub external: u128,
}

/// What anybody may send: what is published, echo requests (4890-T1), and what secures itself.
fn is_open_to_all(rules: &Filter6, packet: &Packet, flow: &Flow) -> bool {
    let number = flow.protocol.number();
    let port = match flow.protocol.kind() {
        ProtocolKind::Datagram | ProtocolKind::Tcp | ProtocolKind::Dccp | ProtocolKind::Sctp => {
            Some(flow.internal.port)
        }
        ProtocolKind::Echo | ProtocolKind::Portless => None,
    };
    // 6092-R21, 6092-R22, 6092-R24, 6092-R26; by the protocol alone, so that no SPI is looked at (6092-R25).
    let is_secured = || match number {
        AUTHENTICATION | ESP => true,
        UDP => flow.internal.port == IKE,
        _ => packet.is_hip,
    };
    rules.is_published(flow.internal.address, number, port) || packet.is_echo_request() || rules.ipsec && is_secured()
}
