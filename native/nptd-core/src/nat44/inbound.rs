//! Packets from an uplink: which mapping they are for, and whether filtering admits them.

use super::session::NewSession;
use super::{Endpoint, ExternalFlow, Flow, Nat44, ProtocolKind};
use crate::counters::Direction;
use crate::plan::Plan;
use crate::session::filtering::Filtering;
use crate::session::segment::Segment;
use crate::time::Instant;
use crate::verdict::DropReason;

/// The answer to "for whom, and may it?"; nothing has changed yet.
#[derive(Clone, Copy, Debug)]
pub struct Admitted {
    /// The internal endpoint it is for.
    pub internal: Endpoint,
    by: By,
}

#[derive(Clone, Copy, Debug)]
enum By {
    Session(u32),
    /// No session with this remote endpoint; filtering lets it in. Protocols without connections need no state for that.
    Mapping,
    /// The same for a connection that begins: the mapping it uses.
    NewConnection(u32),
}

/// Why a packet from an uplink is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    /// Nothing is mapped there.
    NoMapping,
    /// Filtering does not let its sender in.
    Filtered,
    /// Anything else.
    Other(DropReason),
}

impl NotAdmitted {
    /// What it is counted as.
    pub const fn reason(self) -> DropReason {
        match self {
            Self::NoMapping => DropReason::NoMapping,
            Self::Filtered => DropReason::FilteredInbound,
            Self::Other(reason) => reason,
        }
    }
}

impl From<DropReason> for NotAdmitted {
    fn from(reason: DropReason) -> Self {
        Self::Other(reason)
    }
}

impl Nat44 {
    /// Finds the internal endpoint of a packet and applies filtering.
    pub fn match_inbound(
        &self,
        flow: &ExternalFlow,
        segment: Segment,
        plan: &Plan,
        now: Instant,
    ) -> Result<Admitted, NotAdmitted> {
        let tick = now.tick();
        if let Some(position) = self.find_inbound(flow, plan, tick) {
            let internal = self.sessions.get(position).map(|session| session.internal);
            return Ok(Admitted { internal: internal.unwrap_or_default(), by: By::Session(position) });
        }
        let position = self.find_mapping_external(flow, plan, tick).ok_or(NotAdmitted::NoMapping)?;
        let mapping = self.mappings.get(position).ok_or(NotAdmitted::NoMapping)?;
        let filtering = match flow.protocol.kind() {
            ProtocolKind::Udp | ProtocolKind::UdpLite => plan.nat44.filtering_udp,
            ProtocolKind::Tcp => plan.nat44.filtering_tcp,
            ProtocolKind::Icmp => plan.nat44.filtering_icmp,
            ProtocolKind::Dccp => plan.nat44.filtering_dccp,
            // Without ports nothing but a session tells the internal hosts behind one address apart.
            ProtocolKind::Portless => return Err(NotAdmitted::NoMapping),
        };
        // 4787-R8, 5382-R3, 6888-R7: what filtering refuses changes no mapping and refreshes nothing (7857-S7).
        let admitted = match filtering {
            Filtering::EndpointIndependent => true,
            Filtering::AddressDependent => self.any_session(mapping, |session| {
                session.remote.address == flow.remote.address && session.is_live(plan, tick)
            }),
            Filtering::AddressAndPortDependent => false,
        };
        if !admitted {
            return Err(NotAdmitted::Filtered);
        }
        let internal = mapping.internal;
        if !flow.protocol.has_connections() {
            return Ok(Admitted { internal, by: By::Mapping });
        }
        if !segment.opens {
            return Err(flow.protocol.without_session().into());
        }
        // The host knows a connection by its own and the remote endpoint only, so there cannot be two on two uplinks:
        // its answers would leave by either.
        let same = Flow { protocol: flow.protocol, internal, remote: flow.remote };
        if self.find_outbound(&same, None, plan, tick).is_some() {
            return Err(DropReason::FilteredInbound.into());
        }
        Ok(Admitted { internal, by: By::NewConnection(position) })
    }

    /// Refreshes or opens the session of an admitted packet.
    pub fn commit_inbound(
        &mut self,
        admitted: Admitted,
        flow: &ExternalFlow,
        segment: Segment,
        plan: &Plan,
        now: Instant,
    ) -> Result<(), DropReason> {
        match admitted.by {
            By::Mapping => Ok(()),
            By::Session(position) => {
                self.observe(position, Direction::Inbound, segment, plan, now);
                Ok(())
            }
            By::NewConnection(mapping) => {
                let epoch = self.mappings.get(mapping).map_or(0, |mapping| mapping.epoch);
                let new = NewSession {
                    flow: Flow { protocol: flow.protocol, internal: admitted.internal, remote: flow.remote },
                    mapping,
                    external: flow.external,
                    slot: flow.slot,
                    epoch,
                    by: Direction::Inbound,
                    segment,
                };
                self.open_session(new, plan, now).map(|_| ())
            }
        }
    }
}
