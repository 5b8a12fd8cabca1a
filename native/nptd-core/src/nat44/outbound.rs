//! Packets from the site: which uplink carries them, and as which external endpoint.

use super::mapping::InternalKey;
use super::session::NewSession;
use super::{Endpoint, Flow, Nat44, Protocol};
use crate::counters::Direction;
use crate::plan::subject::Family;
use crate::plan::{Plan, Policy};
use crate::session::segment::Segment;
use crate::session::steering::NotSteered;
use crate::time::{Instant, Tick};
use crate::verdict::DropReason;

/// The answer to "which uplink, and how?"; nothing has changed yet.
#[derive(Clone, Copy, Debug)]
pub struct Steered {
    /// The uplink.
    pub slot: u8,
    how: How,
}

#[derive(Clone, Copy, Debug)]
enum How {
    /// The uplink is routed (`nat44: off`), after something old has ended.
    Untranslated(Ends),
    /// A live session carries it.
    Session(u32),
    /// A new session has to be made, after something old has ended.
    New(Ends),
}

/// What ends before a new flow begins: its uplink is to be left.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ends {
    Nothing,
    Session(u32),
    MappingOf(u32),
}

impl Steered {
    /// The live session that carries the packet, if one does.
    pub fn session(&self) -> Option<u32> {
        match self.how {
            How::Session(position) => Some(position),
            How::Untranslated(_) | How::New(_) => None,
        }
    }

    /// A live session carries the packet.
    pub(super) fn by_session(slot: u8, position: u32) -> Self {
        Self { slot, how: How::Session(position) }
    }
}

impl Nat44 {
    /// Finds the uplink of a packet. `hairpin` names the uplink whose external address it is sent to, if any.
    pub fn steer_outbound(
        &mut self,
        flow: &Flow,
        segment: Segment,
        hairpin: Option<u8>,
        plan: &Plan,
        now: Instant,
    ) -> Result<Steered, NotSteered> {
        let tick = now.tick();
        let found = self.find_outbound(flow, hairpin, plan, tick);
        let mut ends = Ends::Nothing;
        if let Some(position) = found.filter(|position| self.may_carry(*position, segment, plan)) {
            let Some((slot, stays)) = self.sessions.get(position).map(|session| (session.slot, session.stays(plan)))
            else {
                return Err(DropReason::NotProcessed.into());
            };
            // MWAN-1: it stays where it is, also when a better uplink returns; MWAN-4: whoever opened it.
            if hairpin.is_some() || stays {
                return Ok(Steered::by_session(slot, position));
            }
            match self.leave(position, segment, plan, now)? {
                Some(old) => ends = old,
                None => return Ok(Steered::by_session(slot, position)),
            }
        }
        let policy = plan.policy_of(&flow.subject(segment.dscp));
        let slot = hairpin.or_else(|| self.choose_uplink(flow, segment, policy, plan, tick));
        let is_routed = slot.is_some_and(|slot| plan.is_routed4(slot));
        if !segment.opens && !is_routed {
            return Err(flow.protocol.without_session().into());
        }
        let slot = slot.ok_or(NotSteered::NoUplink { is_carried: policy.is_carried(Family::V4) })?;
        let how = if is_routed { How::Untranslated(ends) } else { How::New(ends) };
        Ok(Steered { slot, how })
    }

    /// Makes or refreshes the session; the result is the external endpoint, none for an untranslated uplink.
    pub fn commit_outbound(
        &mut self,
        steered: Steered,
        flow: &Flow,
        segment: Segment,
        plan: &Plan,
        now: Instant,
    ) -> Result<Option<Endpoint>, DropReason> {
        let position = match steered.how {
            How::Untranslated(ends) => {
                self.end_old(ends, plan, now);
                return Ok(None);
            }
            How::Session(position) => {
                self.observe(position, Direction::Outbound, segment, plan, now);
                position
            }
            How::New(ends) => {
                let host = self.enter_host(flow.internal.address, plan, now)?;
                self.end_old(ends, plan, now);
                let opened = self.open_outbound(host, steered.slot, flow, segment, plan, now);
                self.hosts.leave(host);
                opened?
            }
        };
        Ok(self.sessions.get(position).map(|session| session.external))
    }

    /// An echo reply belongs to a session only where the whole address is published: elsewhere nobody outside may ask.
    fn may_carry(&self, position: u32, segment: Segment, plan: &Plan) -> bool {
        let Some(session) = self.sessions.get(position).filter(|session| session.protocol == Protocol::ICMP) else {
            return true;
        };
        segment.opens || plan.static_mappings().is_whole(session.slot, session.external.address)
    }

    /// 4787-R1 per uplink (MWAN-3): a socket keeps its view of the world while its uplink is usable (each
    /// connection of TCP and DCCP is free to choose, and an echo reply of nobody's has no mapping).
    fn choose_uplink(&mut self, flow: &Flow, segment: Segment, policy: &Policy, plan: &Plan, now: Tick) -> Option<u8> {
        let stays = if segment.opens { self.sticking(flow, policy, plan, now) } else { None };
        stays.or_else(|| policy.choose(&flow.subject(segment.dscp), &self.rendezvous))
    }

    /// The uplink that a flow's endpoint sticks to.
    pub fn sticking(&mut self, flow: &Flow, policy: &Policy, plan: &Plan, now: Tick) -> Option<u8> {
        if flow.protocol.has_connections() {
            return None;
        }
        policy.sticky(Family::V4).find(|slot| {
            let key = InternalKey { slot: *slot, protocol: flow.protocol, internal: flow.internal };
            self.find_live_mapping(key, plan, now).is_some()
        })
    }

    fn end_old(&mut self, ends: Ends, plan: &Plan, now: Instant) {
        match ends {
            Ends::Nothing => {}
            Ends::Session(position) => self.end_session(position, plan, Some(now)),
            Ends::MappingOf(position) => {
                if let Some(mapping) = self.sessions.get(position).map(|session| session.mapping) {
                    self.end_mapping(mapping, plan, now);
                }
            }
        }
    }

    fn open_outbound(
        &mut self,
        host: u32,
        slot: u8,
        flow: &Flow,
        segment: Segment,
        plan: &Plan,
        now: Instant,
    ) -> Result<u32, DropReason> {
        // 6888-R4c.
        if !self.hosts.admits_flow(host, &plan.nat44.host_limits, now) {
            return Err(DropReason::HostFlowRate);
        }
        self.check_session_room(host, plan, now)?;
        let key = InternalKey { slot, protocol: flow.protocol, internal: flow.internal };
        // OTHER-2, ESP-1: nothing but the remote address tells the hosts behind one external address apart.
        let external = self.expected_external(key, plan, now.tick());
        if external.is_some_and(|external| self.is_remote_in_use(slot, flow, external, plan, now.tick())) {
            return Err(DropReason::RemoteInUse);
        }
        let mapping = self.mapping_for(key, host, plan, now)?;
        let new = NewSession { flow: *flow, apparent: Endpoint::default(), mapping, by: Direction::Outbound, segment };
        let opened = self.open_session(new, plan, now);
        self.release_unused(mapping, opened.is_err());
        opened
    }

    /// The external endpoint that a new flow will have, as far as somebody else could have sessions with it.
    fn expected_external(&mut self, key: InternalKey, plan: &Plan, now: Tick) -> Option<Endpoint> {
        if !key.protocol.is_portless() && self.gateway_sourced == 0 {
            return None;
        }
        if let Some(fixed) = plan.static_mappings().by_internal(key.slot, key.protocol, key.internal) {
            return Some(fixed.endpoint);
        }
        if let Some(position) = self.find_mapping(key, plan, now) {
            return self.mappings.get(position).map(|mapping| mapping.external);
        }
        let published = plan.static_mappings().address_of_host(key.slot, key.internal.address);
        let address = self.pools.external_address(key.slot, key.internal.address, published)?;
        key.protocol.is_portless().then_some(Endpoint { address, port: 0 })
    }
}
