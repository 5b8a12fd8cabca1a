//! Static mappings: endpoints that lead to an internal host whoever calls (docs/decisions.md, "Published servers").

use super::mapping::{InternalKey, NewMapping};
use super::outbound::Steered;
use super::port_pool::PoolPort;
use super::session::NewSession;
use super::{Endpoint, ExternalFlow, Flow, Nat44, Protocol};
use crate::counters::Direction;
use crate::plan::{Plan, StaticMatch};
use crate::session::segment::Segment;
use crate::session::steering::NotSteered;
use crate::time::Instant;
use crate::verdict::DropReason;

/// Ports that are tried in place of a client's before there is none.
const CANDIDATES: u8 = 16;

/// A session whose host sees the gateway as its client, found by a packet of that host.
#[derive(Clone, Copy, Debug)]
pub struct GatewaySourced {
    /// Its uplink.
    pub slot: u8,
    /// The client.
    pub remote: Endpoint,
    position: u32,
}

/// What a packet from an uplink to a published endpoint needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    /// The published endpoint of the host.
    pub internal: Endpoint,
    /// Whether the host sees the gateway as its client.
    pub gateway_source: bool,
}

impl Nat44 {
    /// Whether a packet to a statically mapped endpoint is let in, and how: none if it is translated without a session.
    pub(super) fn match_published(
        &self,
        flow: &ExternalFlow,
        fixed: StaticMatch,
        segment: Segment,
        plan: &Plan,
        now: Instant,
    ) -> Result<Option<Call>, DropReason> {
        let internal = fixed.endpoint;
        if !segment.opens {
            // An echo reply that nobody has asked for is no call.
            let is_echo = flow.protocol == Protocol::ICMP;
            return Err(if is_echo { DropReason::NoMapping } else { flow.protocol.without_session() });
        }
        if fixed.gateway_source {
            let has_address = plan.gateway_address4(internal.address).is_some();
            return if has_address {
                Ok(Some(Call { internal, gateway_source: true }))
            } else {
                Err(DropReason::NoRoute)
            };
        }
        // MWAN-4: the host would answer both by one uplink.
        if self.sees_session(&Flow { protocol: flow.protocol, internal, remote: flow.remote }, plan, now.tick()) {
            return if flow.protocol.has_connections() { Err(DropReason::FilteredInbound) } else { Ok(None) };
        }
        Ok(Some(Call { internal, gateway_source: false }))
    }

    /// Opens the session of a call: it is answered by the uplink that it came in by (MWAN-4).
    pub(super) fn open_published(
        &mut self,
        host: u32,
        call: Call,
        flow: &ExternalFlow,
        segment: Segment,
        plan: &Plan,
        now: Instant,
    ) -> Result<u32, DropReason> {
        self.check_session_room(host, plan, now)?;
        let key = InternalKey { slot: flow.slot, protocol: flow.protocol, internal: call.internal };
        let mapping = self.mapping_for(key, host, plan, now)?;
        let flow = Flow { protocol: flow.protocol, internal: call.internal, remote: flow.remote };
        let apparent = match call.gateway_source {
            true => self.choose_apparent(&flow, plan, now),
            false => Some(Endpoint::default()),
        };
        let opened = apparent.ok_or(DropReason::PortPoolExhausted).and_then(|apparent| {
            self.open_session(NewSession { flow, apparent, mapping, by: Direction::Inbound, segment }, plan, now)
        });
        self.release_unused(mapping, opened.is_err());
        opened
    }

    /// Ends what stands in the way of a static mapping: what has one of its endpoints and another one on the other side.
    pub(super) fn clear_way(&mut self, key: InternalKey, external: Endpoint, plan: &Plan, now: Instant) {
        let tick = now.tick();
        let held = self.find_held(key, plan, tick).and_then(|position| Some((position, self.mappings.get(position)?)));
        if let Some((position, _)) = held.filter(|(_, mapping)| mapping.external != external) {
            self.end_for_good(position, plan, now);
        }
        // Several hosts share an external address without ports.
        if key.protocol.is_portless() {
            return;
        }
        let flow = ExternalFlow { slot: key.slot, protocol: key.protocol, external, remote: Endpoint::default() };
        let holder =
            self.find_holder(&flow, plan, tick).and_then(|position| Some((position, self.mappings.get(position)?)));
        if let Some((position, _)) = holder.filter(|(_, mapping)| mapping.internal != key.internal) {
            self.end_for_good(position, plan, now);
        }
    }

    /// Makes the mapping that the plan calls for.
    pub(super) fn create_static(
        &mut self,
        key: InternalKey,
        external: Endpoint,
        host: u32,
        plan: &Plan,
    ) -> Result<u32, DropReason> {
        let epoch = plan.uplink(key.slot).map_or(0, |uplink| uplink.epoch);
        self.pools.take(PoolPort { slot: key.slot, epoch, protocol: key.protocol, external });
        self.insert_mapping(NewMapping { key, external, host }, plan)
    }

    /// The session of a packet from a published host to the gateway, which stands for a client.
    pub fn find_gateway(&self, flow: &Flow, plan: &Plan, now: Instant) -> Option<GatewaySourced> {
        if self.gateway_sourced == 0 {
            return None;
        }
        let position = self.find_gateway_sourced(flow, plan, now.tick())?;
        let session = self.sessions.get(position)?;
        Some(GatewaySourced { slot: session.slot, remote: session.remote, position })
    }

    /// The uplink of such a packet: always that of its session.
    pub fn steer_gateway(
        &mut self,
        found: GatewaySourced,
        segment: Segment,
        is_hairpin: bool,
        plan: &Plan,
        now: Instant,
    ) -> Result<Steered, NotSteered> {
        let stays = is_hairpin || self.sessions.get(found.position).is_some_and(|session| session.stays(plan));
        if stays || self.leave(found.position, segment, plan, now)?.is_none() {
            return Ok(Steered::by_session(found.slot, found.position));
        }
        Err(NotSteered::UplinkDown { is_told: false })
    }

    /// Ends a mapping; its port does not rest.
    pub(super) fn end_for_good(&mut self, position: u32, plan: &Plan, now: Instant) {
        if self.bury_mapping(position, None, plan) {
            return;
        }
        self.end_mapping(position, plan, now);
        if self.mappings.get(position).is_some_and(super::mapping::Mapping::is_resting) {
            self.release_mapping(position);
        }
    }

    /// The endpoint that a host sees in place of a client's.
    fn choose_apparent(&self, flow: &Flow, plan: &Plan, now: Instant) -> Option<Endpoint> {
        let address = plan.gateway_address4(flow.internal.address)?;
        let others = (0..CANDIDATES).map(|k| self.pools.apparent_port(flow, k));
        let mut ports = core::iter::once(flow.remote.port).chain(others);
        let port = ports.find(|port| {
            let seen = Flow { remote: Endpoint { address, port: *port }, ..*flow };
            !self.sees_session(&seen, plan, now.tick())
        });
        port.map(|port| Endpoint { address, port })
    }
}
