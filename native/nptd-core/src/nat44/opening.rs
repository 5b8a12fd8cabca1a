//! The short way of new flows: what hardly ever matters is asked once, and memory is asked for a batch at a time.
//!
//! Nothing is decided here that [`super::outbound`] does not decide. A flow that is unusual in any way (its endpoint has a mapping,
//! its host is new, published or at a limit, a table is full) is left to it, and nothing has changed then.

use super::mapping::{InternalKey, Mapping, NewMapping};
use super::port_pool::{PoolPort, Proposal};
use super::session::{NewSession, Session, key_inbound};
use super::{Endpoint, ExternalFlow, Flow, Nat44};
use crate::counters::Direction;
use crate::frame::DeviceIndex;
use crate::plan::subject::Family;
use crate::plan::{Plan, Policy};
use crate::session::segment::Segment;
use crate::time::{Instant, Tick};

/// What a packet says that may open a flow.
#[derive(Clone, Copy, Debug)]
pub struct Opener {
    /// The flow.
    pub flow: Flow,
    /// Differentiated services code point.
    pub dscp: u8,
    /// Hash of its key.
    pub hash: u64,
}

/// A flow that its first packet may open, and what its tables are asked by.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    /// The flow.
    pub flow: Flow,
    /// Its uplink.
    pub slot: u8,
    policy: &'a Policy,
    epoch: u8,
    /// Position of its host.
    host: u32,
    proposal: Proposal,
    outbound: u64,
    internal: u64,
    inward: Inward,
}

/// Hashes of the keys of a session and its mapping by which packets from outside find them.
#[derive(Clone, Copy)]
struct Inward {
    session: u64,
    mapping: u64,
}

impl Nat44 {
    /// A batch begins, of which flows are looked at before they are opened.
    pub fn begin_openings(&mut self) {
        self.pools.begin_foreseeing();
    }

    /// Looks at a flow that has no session as far as the index tells: what [`Self::open`] needs, its memory asked for; none where
    /// more has to be asked.
    #[inline]
    pub fn expect_opening<'a>(&mut self, opener: &Opener, plan: &'a Plan) -> Option<Opening<'a>> {
        let flow = opener.flow;
        if self.share.of_port(flow.internal.port) != self.share.worker() {
            return None;
        }
        let host = self.hosts.find(flow.internal.address)?;
        let subject = flow.subject(opener.dscp);
        let policy = plan.policy_of(&subject);
        let slot = policy.choose(&subject, &self.rendezvous)?;
        let uplink = plan.uplink(slot).filter(|uplink| uplink.translates4())?;
        // A published host has mappings of its own.
        if plan.static_mappings().address_of_host(slot, flow.internal.address).is_some() {
            return None;
        }
        let (key, epoch) = (InternalKey { slot, protocol: flow.protocol, internal: flow.internal }, uplink.epoch);
        let internal = self.hash_key(&key, epoch);
        self.mappings_internal.buckets().prefetch_first(internal);
        let proposal = self.pools.foresee(key)?;
        let inward =
            self.hash_inward(&flow, PoolPort { slot, epoch, protocol: flow.protocol, external: proposal.external });
        self.mappings_internal.buckets().prefetch_second(internal);
        self.mappings_external.buckets().prefetch_first(inward.mapping);
        self.sessions_inbound.buckets().prefetch_first(inward.session);
        Some(Opening { flow, slot, policy, epoch, host, proposal, outbound: opener.hash, internal, inward })
    }

    /// Opens a flow with a mapping of its own, by a packet that goes from a device to a next hop: its external endpoint. None, and nothing has changed, where it goes the long way.
    #[inline]
    pub fn open(
        &mut self,
        opening: &Opening<'_>,
        segment: Segment,
        way: (DeviceIndex, u32),
        plan: &Plan,
        now: Instant,
    ) -> Option<Endpoint> {
        let Opening { flow, slot, epoch, host, outbound, internal, mut inward, .. } = *opening;
        let key = InternalKey { slot, protocol: flow.protocol, internal: flow.internal };
        let (position, place) = (self.sessions.vacant()?, self.mappings.vacant()?);
        if !self.has_room_for_mapping()
            || self.is_known(opening, &key)
            || self.sticks_elsewhere(opening, plan, now.tick())
            || self.gateway_sourced != 0
        {
            return None;
        }
        let proposal = self.pools.renew(key, opening.proposal)?;
        // Last of all questions, since it charges.
        if !self.hosts.admits_all(host, flow.protocol, &plan.nat44.host_limits, now) {
            return None;
        }
        let external = proposal.external;
        if external != opening.proposal.external {
            inward = self.hash_inward(&flow, PoolPort { slot, epoch, protocol: flow.protocol, external });
        }
        let indexed = self.sessions_outbound.insert(outbound, position).is_ok()
            && self.sessions_inbound.insert(inward.session, position).is_ok()
            && self.mappings_internal.insert(internal, place).is_ok()
            && self.mappings_external.insert(inward.mapping, place).is_ok();
        if !indexed {
            self.sessions_outbound.remove(outbound, position);
            self.sessions_inbound.remove(inward.session, position);
            self.mappings_internal.remove(internal, place);
            return None;
        }
        self.pools.accept(key, proposal);
        let mapping = Mapping::new(&NewMapping { key, external, host }, epoch, [position, 1]);
        let new = NewSession { flow, apparent: Endpoint::default(), mapping: place, by: Direction::Outbound, segment };
        let policy = opening.policy.number();
        let mut session = Session::new(&new, &mapping, policy, plan, now);
        // Whatever plan, ingress and header decide has been decided.
        session.settle_outbound(self.adoption, way, plan);
        // There is room: `vacant`.
        let _ = (self.mappings.insert(mapping), self.sessions.insert(session));
        self.mappings_live += 1;
        self.hosts.add_both(host, flow.protocol);
        self.note_opened(position, now);
        Some(external)
    }

    /// Whether the flow has a session or its endpoint a mapping, dead ones included.
    #[inline]
    fn is_known(&self, opening: &Opening<'_>, key: &InternalKey) -> bool {
        let is_session = |position| self.sessions.get(position).is_some_and(|session| session.is_of(&opening.flow));
        let is_mapping = |place| self.mappings.get(place).is_some_and(|mapping| mapping.is_of(key, opening.epoch));
        self.sessions_outbound.find(opening.outbound, is_session).is_some()
            || self.mappings_internal.find(opening.internal, is_mapping).is_some()
    }

    /// Whether the endpoint may have a mapping on another uplink that it sticks to (MWAN-3).
    #[inline]
    fn sticks_elsewhere(&self, opening: &Opening<'_>, plan: &Plan, now: Tick) -> bool {
        let Flow { protocol, internal, .. } = opening.flow;
        let mut others = opening.policy.sticky(Family::V4).filter(|slot| *slot != opening.slot);
        !protocol.has_connections()
            && others.any(|slot| self.find_held(InternalKey { slot, protocol, internal }, plan, now).is_some())
    }

    #[inline]
    fn hash_inward(&self, flow: &Flow, port: PoolPort) -> Inward {
        let PoolPort { slot, epoch, protocol, external } = port;
        let inbound = ExternalFlow { slot, protocol, external, remote: flow.remote };
        Inward { session: self.hash.hash(key_inbound(&inbound, epoch)), mapping: self.hash_port(&port) }
    }
}
