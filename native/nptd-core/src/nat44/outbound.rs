//! Packets from the site: which uplink carries them, and as which external endpoint.

use super::mapping::InternalKey;
use super::session::NewSession;
use super::{Endpoint, Flow, Nat44};
use crate::counters::Direction;
use crate::plan::Plan;
use crate::session::segment::Segment;
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

/// What ends before a new flow begins: its uplink is dead while another one lives.
#[derive(Clone, Copy, Debug)]
enum Ends {
    Nothing,
    Session(u32),
    MappingOf(u32),
}

impl Steered {
    /// Whether the packet is translated at all.
    pub fn is_translated(&self) -> bool {
        !matches!(self.how, How::Untranslated(_))
    }
}

impl Nat44 {
    /// Finds the uplink of a packet. `hairpin` names the uplink whose external address it is sent to, if any.
    pub fn steer_outbound(
        &self,
        flow: &Flow,
        segment: Segment,
        hairpin: Option<u8>,
        plan: &Plan,
        now: Instant,
    ) -> Result<Steered, DropReason> {
        let now = now.tick();
        let mut ends = Ends::Nothing;
        if let Some(position) = self.find_outbound(flow, hairpin, plan, now) {
            let slot = self.sessions.get(position).map_or(0, |session| session.slot);
            // MWAN-1: it stays where it is, also when a better uplink returns; MWAN-4: whoever opened it.
            if hairpin.is_some() || plan.usable4(slot) || !plan.viable_elsewhere4(slot) {
                return Ok(Steered { slot, how: How::Session(position) });
            }
            ends = match (flow.protocol.has_connections(), segment.opens) {
                (true, true) => Ends::Session(position),
                // A connection cannot move: its peer knows it by the dead uplink's address (MWAN-2).
                (true, false) => return Err(DropReason::UplinkDown),
                (false, _) => Ends::MappingOf(position),
            };
        }
        let slot = hairpin.or_else(|| self.choose_uplink(flow, plan, now));
        let is_routed = slot.is_some_and(|slot| plan.is_routed4(slot));
        let is_new = matches!(ends, Ends::Nothing);
        if is_new && !segment.opens && !is_routed {
            return Err(flow.protocol.without_session());
        }
        let slot = slot.ok_or(DropReason::NoUplink)?;
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
                self.end_old(ends, plan, now);
                self.open_outbound(steered.slot, flow, segment, plan, now)?
            }
        };
        Ok(self.sessions.get(position).map(|session| session.external))
    }

    /// 4787-R1 per uplink (MWAN-3): a socket keeps its view of the world while its uplink is usable (each
    /// connection of TCP and DCCP is free to choose).
    fn choose_uplink(&self, flow: &Flow, plan: &Plan, now: Tick) -> Option<u8> {
        let sticky = || {
            plan.preference().iter().copied().filter(|slot| plan.usable4(*slot)).find(|slot| {
                let key = InternalKey { slot: *slot, protocol: flow.protocol, internal: flow.internal };
                self.find_live_mapping(key, plan, now).is_some()
            })
        };
        let stays = if flow.protocol.has_connections() { None } else { sticky() };
        stays.or_else(|| plan.choose4().map(|uplink| uplink.slot))
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
        slot: u8,
        flow: &Flow,
        segment: Segment,
        plan: &Plan,
        now: Instant,
    ) -> Result<u32, DropReason> {
        // 6888-R11a, 6888-R11d, 5508-R8a: what is full refuses the new and never evicts the living.
        if self.sessions.is_full() {
            return Err(DropReason::SessionTableFull);
        }
        let key = InternalKey { slot, protocol: flow.protocol, internal: flow.internal };
        let found = self.find_mapping(key, plan, now.tick());
        if flow.protocol.is_portless() {
            // OTHER-2, ESP-1: nothing but the remote address tells the hosts behind one external address apart.
            let external = match found.and_then(|position| self.mappings.get(position)) {
                Some(mapping) => Some(mapping.external.address),
                None => self.pools.external_address(slot, flow.internal.address),
            };
            if external.is_some_and(|external| self.is_remote_in_use(slot, flow, external, plan, now.tick())) {
                return Err(DropReason::RemoteInUse);
            }
        }
        let mapping = match found {
            Some(mapping) => {
                self.revive_mapping(mapping);
                mapping
            }
            None => self.create_mapping(key, plan)?,
        };
        let Some((external, epoch)) = self.mappings.get(mapping).map(|m| (m.external, m.epoch)) else {
            return Err(DropReason::MappingTableFull);
        };
        let new = NewSession { flow: *flow, mapping, external, slot, epoch, by: Direction::Outbound, segment };
        let opened = self.open_session(new, plan, now);
        if opened.is_err() && self.mappings.get(mapping).is_some_and(|mapping| mapping.sessions == 0) {
            self.release_mapping(mapping);
        }
        opened
    }
}
