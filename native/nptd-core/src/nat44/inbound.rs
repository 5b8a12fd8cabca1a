//! Packets from an uplink: which mapping they are for, and whether filtering admits them.

use super::published::Call;
use super::session::NewSession;
use super::{Endpoint, ExternalFlow, Flow, Nat44, Protocol, ProtocolKind};
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
    /// No session with this remote endpoint, and none is made. Protocols without connections need no state for that.
    Mapping,
    /// The plan leads here: a session is opened.
    Call(Call),
    /// Filtering lets in a connection that begins: the mapping it uses.
    NewConnection(u32),
}

impl Admitted {
    /// The live session that the packet belongs to, if there is one.
    pub fn session(&self) -> Option<u32> {
        match self.by {
            By::Session(position) => Some(position),
            By::Mapping | By::Call(_) | By::NewConnection(_) => None,
        }
    }
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
        &mut self,
        flow: &ExternalFlow,
        segment: Segment,
        plan: &Plan,
        now: Instant,
    ) -> Result<Admitted, NotAdmitted> {
        let tick = now.tick();
        if let Some(position) = self.find_inbound(flow, plan, tick) {
            let found = self.sessions.get(position).map(|session| (session.internal, session.is_reset()));
            let (internal, is_reset) = found.unwrap_or_default();
            if is_reset {
                return Err(DropReason::UplinkDown.into());
            }
            return Ok(Admitted { internal, by: By::Session(position) });
        }
        if let Some(fixed) = plan.static_mappings().by_external(flow.slot, flow.protocol, flow.external) {
            let call = self.match_published(flow, fixed, segment, plan, now)?;
            return Ok(Admitted { internal: fixed.endpoint, by: call.map_or(By::Mapping, By::Call) });
        }
        // Without ports nothing but a session tells the internal hosts behind one address apart.
        let filtering = filtering_of(flow.protocol, plan).ok_or(NotAdmitted::NoMapping)?;
        let position = self.find_mapping_external(flow, plan, tick).ok_or(NotAdmitted::NoMapping)?;
        // 4787-R8, 5382-R3, 6888-R7: what filtering refuses changes no mapping and refreshes nothing (7857-S7).
        let is_admitted = match filtering {
            Filtering::EndpointIndependent => true,
            Filtering::AddressDependent => self.has_live_session_with(position, flow.remote.address, plan, tick),
            Filtering::AddressAndPortDependent => false,
        };
        if !is_admitted {
            return Err(NotAdmitted::Filtered);
        }
        let internal = self.mappings.get(position).map(|mapping| mapping.internal).ok_or(NotAdmitted::NoMapping)?;
        if !flow.protocol.has_connections() {
            return Ok(Admitted { internal, by: By::Mapping });
        }
        if !segment.opens {
            return Err(flow.protocol.without_session().into());
        }
        // The host knows a connection by its own and the remote endpoint only, so there cannot be two on two uplinks:
        // its answers would leave by either (MWAN-4).
        let same = Flow { protocol: flow.protocol, internal, remote: flow.remote };
        if self.sees_session(&same, plan, tick) {
            return Err(DropReason::FilteredInbound.into());
        }
        Ok(Admitted { internal, by: By::NewConnection(position) })
    }

    /// Refreshes or opens the session of an admitted packet. The result is the endpoint that the host sees in place of the
    /// remote one, if it is another.
    pub fn commit_inbound(
        &mut self,
        admitted: Admitted,
        flow: &ExternalFlow,
        segment: Segment,
        plan: &Plan,
        now: Instant,
    ) -> Result<Option<Endpoint>, DropReason> {
        let position = match admitted.by {
            By::Mapping => return Ok(None),
            By::Session(position) => {
                self.observe(position, Direction::Inbound, segment, plan, now);
                position
            }
            By::Call(call) => {
                let host = self.enter_host(admitted.internal.address, plan, now)?;
                let opened = self.open_published(host, call, flow, segment, plan, now);
                self.hosts.leave(host);
                opened?
            }
            By::NewConnection(mapping) => {
                let host = self.enter_host(admitted.internal.address, plan, now)?;
                let flow = Flow { protocol: flow.protocol, internal: admitted.internal, remote: flow.remote };
                let opened = self.open_connection(host, mapping, flow, segment, plan, now);
                self.hosts.leave(host);
                opened?
            }
        };
        let session = self.sessions.get(position).filter(|session| session.is_gateway_sourced());
        Ok(session.map(|session| session.apparent))
    }

    fn open_connection(
        &mut self,
        host: u32,
        mapping: u32,
        flow: Flow,
        segment: Segment,
        plan: &Plan,
        now: Instant,
    ) -> Result<u32, DropReason> {
        self.check_session_room(host, plan, now)?;
        self.check_mapping_room(mapping, plan, now)?;
        let apparent = Endpoint::default();
        self.open_session(NewSession { flow, apparent, mapping, by: Direction::Inbound, segment }, plan, now)
    }
}

/// The filtering of a protocol with ports.
fn filtering_of(protocol: Protocol, plan: &Plan) -> Option<Filtering> {
    Some(match protocol.kind() {
        ProtocolKind::Udp | ProtocolKind::UdpLite => plan.nat44.filtering_udp,
        ProtocolKind::Tcp => plan.nat44.filtering_tcp,
        ProtocolKind::Icmp => plan.nat44.filtering_icmp,
        ProtocolKind::Dccp => plan.nat44.filtering_dccp,
        ProtocolKind::Portless => return None,
    })
}
