//! The short way of new flows: what hardly ever matters is asked once, and memory is asked for a batch at a time.
//!
//! Nothing is decided here that [`super::outbound`] does not decide. A flow that is unusual in any way (its endpoint has a mapping,
//! its host is new, published or at a limit, a table is full) is left to it, and nothing has changed then.

use super::mapping::{InternalKey, Mapping, NewMapping};
use super::port_pool::{PoolPort, Proposal};
use super::session::{NewSession, Session, first_lifetime, key_inbound};
use super::{Endpoint, ExternalFlow, Flow, Nat44, Protocol, end_of};
use crate::counters::Direction;
use crate::frame::{DeviceIndex, FRAME_BATCH_MAX};
use crate::plan::subject::Family;
use crate::plan::{Plan, Policy};
use crate::session::segment::Segment;
use crate::time::{Instant, Tick};

/// Flows that are looked at closely before the first is opened, and from then on one with each: only so much memory can be on its
/// way at a time.
const FORESEEN: usize = 16;

/// What a packet says that may open a flow.
#[derive(Clone, Copy, Debug)]
pub struct Opener {
    /// Position of its frame in the batch.
    pub frame: u8,
    /// Where that came in.
    pub ingress: DeviceIndex,
    /// The flow.
    pub flow: Flow,
    /// Differentiated services code point.
    pub dscp: u8,
    /// Hash of its key.
    pub hash: u64,
}

/// A flow that its first packet may open, and what its tables are asked by.
#[derive(Clone, Copy)]
pub struct Opening {
    /// The flow.
    pub flow: Flow,
    /// Its uplink.
    pub slot: u8,
    epoch: u8,
    /// Number of its policy.
    policy: u8,
    /// Whether its endpoint could stick to another uplink of the policy.
    may_stick: bool,
    /// Position of its frame in the batch.
    frame: u8,
    /// Position of its host.
    host: u32,
    /// What its mapping gets; none where there is no port.
    proposal: Option<Proposal>,
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

/// The uplink of a flow that sticks to none.
#[derive(Clone, Copy)]
struct Choice {
    slot: u8,
    epoch: u8,
    policy: u8,
    may_stick: bool,
}

/// New flows of a batch in the order of their frames, kept from batch to batch for the sake of its memory alone.
pub struct Openings {
    flows: [Opening; FRAME_BATCH_MAX],
    keys: [u128; FRAME_BATCH_MAX],
    hashes: [u64; FRAME_BATCH_MAX],
    count: usize,
    /// How many of them have been looked at closely.
    foreseen: usize,
    /// How many of them lie behind.
    passed: usize,
    /// Where all of them go, where that does not depend on the flow.
    choice: Option<Choice>,
}

impl Openings {
    /// None.
    pub const fn none() -> Self {
        const NOWHERE: Endpoint = Endpoint { address: 0, port: 0 };
        const NONE: Opening = Opening {
            flow: Flow { protocol: Protocol::UDP, internal: NOWHERE, remote: NOWHERE },
            slot: 0,
            epoch: 0,
            policy: 0,
            may_stick: false,
            frame: 0,
            host: 0,
            proposal: None,
            outbound: 0,
            internal: 0,
            inward: Inward { session: 0, mapping: 0 },
        };
        Self {
            flows: [NONE; FRAME_BATCH_MAX],
            keys: [0; FRAME_BATCH_MAX],
            hashes: [0; FRAME_BATCH_MAX],
            count: 0,
            foreseen: 0,
            passed: 0,
            choice: None,
        }
    }

    /// A batch begins.
    pub fn clear(&mut self) {
        (self.count, self.foreseen, self.passed) = (0, 0, 0);
    }

    /// Whether the next of them is that of a frame.
    #[inline]
    pub fn is_next(&self, frame: usize) -> bool {
        self.next().is_some_and(|next| usize::from(next.frame) == frame)
    }

    #[inline]
    fn next(&self) -> Option<&Opening> {
        self.flows.get(self.passed).filter(|_| self.passed < self.count)
    }
}

impl Nat44 {
    /// Flows of a batch are going to be looked at before they are opened.
    pub fn begin_openings(&mut self, openings: &mut Openings, plan: &Plan) {
        openings.choice = plan.only_choice4().and_then(|(policy, slot)| Choice::new(policy, slot, plan));
    }

    /// Notes a flow that has no session as far as the index tells, unless more has to be asked than is here. `is_plain` says whether
    /// its host is one whose packets from that device go to an uplink, which depends on the plan alone.
    #[inline]
    pub fn expect_opening(
        &mut self,
        openings: &mut Openings,
        opener: &Opener,
        plan: &Plan,
        is_plain: impl FnOnce() -> bool,
    ) {
        let (flow, place) = (opener.flow, openings.count);
        if self.share.of_port(flow.internal.port) != self.share.worker() {
            return;
        }
        let Some(Choice { slot, epoch, policy, may_stick }) =
            openings.choice.or_else(|| self.choose(&flow, opener.dscp, plan))
        else {
            return;
        };
        let Some(host) = self.hosts.find(flow.internal.address) else { return };
        // A published host has mappings of its own.
        let is_plain = || plan.static_mappings().address_of_host(slot, flow.internal.address).is_none() && is_plain();
        if !self.pools.knows_plain(slot, flow.internal.address, opener.ingress, is_plain) {
            return;
        }
        let (Some(opening), Some(keys)) = (openings.flows.get_mut(place), openings.keys.get_mut(place)) else {
            return;
        };
        let key = InternalKey { slot, protocol: flow.protocol, internal: flow.internal };
        *keys = key.pack(epoch);
        (opening.flow, opening.slot, opening.epoch, opening.policy) = (flow, slot, epoch, policy);
        (opening.may_stick, opening.frame, opening.host) = (may_stick, opener.frame, host);
        opening.outbound = opener.hash;
        openings.count = place + 1;
    }

    /// All flows have been noted: the first of them are looked at closely.
    pub fn foresee_openings(&mut self, openings: &mut Openings) {
        let keys = openings.keys.get(..openings.count).unwrap_or(&[]);
        self.hash.hash_all(keys, &mut openings.hashes);
        self.pools.begin_foreseeing();
        (0..FORESEEN).for_each(|_| self.foresee_next(openings));
    }

    /// The flow of a frame, if it has been noted. Frames are asked for in their order, and each time one flow more is looked at closely.
    #[inline]
    pub fn opening_of<'o>(&mut self, openings: &'o mut Openings, frame: usize) -> Option<&'o Opening> {
        while let Some(next) = openings.next().filter(|next| usize::from(next.frame) <= frame) {
            let is_its = usize::from(next.frame) == frame;
            openings.passed += 1;
            self.foresee_next(openings);
            if is_its {
                return openings.flows.get(openings.passed - 1);
            }
        }
        None
    }

    /// Foresees the port of the next flow, and asks for the memory that is needed to open it.
    #[inline(never)]
    fn foresee_next(&mut self, openings: &mut Openings) {
        let at = openings.foreseen;
        let flow = openings.flows.get_mut(at).filter(|_| at < openings.count);
        let (Some(opening), Some(hash)) = (flow, openings.hashes.get(at)) else { return };
        openings.foreseen = at + 1;
        let Flow { protocol, internal, .. } = opening.flow;
        let (slot, epoch) = (opening.slot, opening.epoch);
        opening.internal = *hash;
        self.mappings_internal.buckets().prefetch_first(*hash);
        // By now the bucket of one that was looked at before is there.
        if let Some(hash) = at.checked_sub(FORESEEN / 2).and_then(|before| openings.hashes.get(before)) {
            self.mappings_internal.buckets().prefetch_second(*hash);
        }
        opening.proposal = self.pools.foresee(InternalKey { slot, protocol, internal });
        let Some(Proposal { external, .. }) = opening.proposal else { return };
        opening.inward = self.hash_inward(&opening.flow, PoolPort { slot, epoch, protocol, external });
        self.sessions_inbound.buckets().prefetch_first(opening.inward.session);
        self.mappings_external.buckets().prefetch_first(opening.inward.mapping);
    }

    fn choose(&self, flow: &Flow, dscp: u8, plan: &Plan) -> Option<Choice> {
        let subject = flow.subject(dscp);
        let policy = plan.policy_of(&subject);
        Choice::new(policy, policy.choose(&subject, &self.rendezvous)?, plan)
    }

    /// Opens a flow with a mapping of its own, by a packet that goes from a device to a next hop: its external endpoint. None, and
    /// nothing has changed, where it goes the long way.
    #[inline]
    pub fn open(
        &mut self,
        opening: &Opening,
        segment: Segment,
        way: (DeviceIndex, u32),
        plan: &Plan,
        now: Instant,
    ) -> Option<Endpoint> {
        let Opening { flow, slot, epoch, host, outbound, internal, mut inward, .. } = *opening;
        let key = InternalKey { slot, protocol: flow.protocol, internal: flow.internal };
        let foreseen = opening.proposal?;
        let (position, place) = (self.sessions.vacant()?, self.mappings.vacant()?);
        let has_room = self.has_room_for_mapping() && self.gateway_sourced == 0;
        if !has_room || self.sticks_elsewhere(opening, plan, now.tick()) {
            return None;
        }
        let proposal = self.pools.take_foreseen(key, foreseen)?;
        let external = proposal.external;
        if external != foreseen.external {
            inward = self.hash_inward(&flow, PoolPort { slot, epoch, protocol: flow.protocol, external });
        }
        // Whether it has a session or its endpoint a mapping, dead ones included, is found out where they are stored.
        let is_session = |position| self.sessions.get(position).is_some_and(|session| session.is_of(&flow));
        let is_mapping = |place| self.mappings.get(place).is_some_and(|mapping| mapping.is_of(&key, epoch));
        let is_new = self.sessions_outbound.insert_new(outbound, position, is_session)
            && self.mappings_internal.insert_new(internal, place, is_mapping)
            && self.sessions_inbound.insert(inward.session, position).is_ok()
            && self.mappings_external.insert(inward.mapping, place).is_ok()
            // Last of all questions, since it charges.
            && self.hosts.admit_both(host, flow.protocol, &plan.nat44.host_limits, now);
        if !is_new {
            self.sessions_outbound.remove(outbound, position);
            self.mappings_internal.remove(internal, place);
            self.sessions_inbound.remove(inward.session, position);
            self.mappings_external.remove(inward.mapping, place);
            self.pools.untake(key, proposal);
            return None;
        }
        let mapping = Mapping::new(&NewMapping { key, external, host }, epoch, [position, 1]);
        let new = NewSession { flow, apparent: Endpoint::default(), mapping: place, by: Direction::Outbound, segment };
        let mut session =
            Session::new(&new, &mapping, opening.policy, end_of(now, first_lifetime(flow.protocol, &plan.nat44)));
        // Whatever plan, ingress and header decide has been decided.
        session.settle_outbound(self.adoption, way, plan);
        // There is room: `vacant`.
        let _ = (self.mappings.insert(mapping), self.sessions.insert(session));
        self.mappings_live += 1;
        self.note_opened(position, now);
        Some(external)
    }

    #[inline]
    fn hash_inward(&self, flow: &Flow, port: PoolPort) -> Inward {
        let PoolPort { slot, epoch, protocol, external } = port;
        let inbound = ExternalFlow { slot, protocol, external, remote: flow.remote };
        let mut hashes = [0; 2];
        self.hash.hash_all(&[key_inbound(&inbound, epoch), port.pack()], &mut hashes);
        Inward { session: hashes[0], mapping: hashes[1] }
    }

    /// Whether the endpoint may have a mapping on another uplink that it sticks to (MWAN-3).
    #[inline]
    fn sticks_elsewhere(&self, opening: &Opening, plan: &Plan, now: Tick) -> bool {
        let Flow { protocol, internal, .. } = opening.flow;
        let is_held = |slot: u8| self.find_held(InternalKey { slot, protocol, internal }, plan, now).is_some();
        opening.may_stick
            && !protocol.has_connections()
            && plan.policy(opening.policy).sticky(Family::V4).any(|slot| slot != opening.slot && is_held(slot))
    }
}

impl Choice {
    fn new(policy: &Policy, slot: u8, plan: &Plan) -> Option<Self> {
        let uplink = plan.uplink(slot).filter(|uplink| uplink.translates4())?;
        let may_stick = policy.sticky(Family::V4).any(|other| other != slot);
        Some(Self { slot, epoch: uplink.epoch, policy: policy.number(), may_stick })
    }
}
