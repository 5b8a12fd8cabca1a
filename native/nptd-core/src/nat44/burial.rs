//! Mappings that end with very many sessions at once, by a move or since something else takes their place: they are dead from that
//! moment on, and taken apart by and by.

use super::mapping::{InternalKey, Mapping, NewMapping};
use super::session::Session;
use super::{Nat44, epoch_is_current};
use crate::plan::Plan;
use crate::time::{Instant, Tick};

impl Nat44 {
    /// Whether a session may still be used.
    pub(super) fn is_live(&self, session: &Session, plan: &Plan, now: Tick) -> bool {
        session.is_live(plan, now) && (self.graves.is_empty() || !self.is_buried(session))
    }

    fn is_buried(&self, session: &Session) -> bool {
        self.mappings.get(session.mapping).is_some_and(Mapping::is_buried)
    }

    /// Ends a mapping with more sessions than end at once, whose port rests from an instant on, if one is given. False, and nothing
    /// has changed, where it has fewer, or there is no room for that.
    pub(super) fn bury_mapping(&mut self, position: u32, rests_from: Option<Instant>, plan: &Plan) -> bool {
        let is_alive = |mapping: &&Mapping| mapping.is_in_use() && epoch_is_current(plan, mapping.slot, mapping.epoch);
        let Some(mapping) = self.mappings.get(position).filter(is_alive) else { return false };
        let Mapping { slot, protocol, internal, external, host, .. } = *mapping;
        let sessions = mapping.sessions();
        if !self.graves.bury(position, sessions) {
            return false;
        }
        self.hide_mapping(position);
        if let Some(mapping) = self.mappings.get_mut(position) {
            mapping.bury();
        }
        self.mappings_live -= 1;
        // Its sessions refer to its place, so another one holds its port.
        let heir = NewMapping { key: InternalKey { slot, protocol, internal }, external, host };
        let heir = self.insert_mapping(heir, plan);
        self.hosts.remove_mapping(host, protocol);
        self.hosts.remove_sessions(host, sessions);
        match (heir, rests_from) {
            (Ok(heir), Some(_)) => self.rest_mapping(heir, plan, rests_from),
            (Ok(heir), None) => self.release_mapping(heir),
            // The port went with it.
            (Err(_), _) => {}
        }
        true
    }

    /// Removes sessions of buried mappings, one a step.
    pub(super) fn empty_graves(&mut self, plan: &Plan, budget: &mut u32) {
        while let (Some(position), true) = (self.graves.next(), *budget > 0) {
            *budget -= 1;
            match self.mappings.get(position).filter(|mapping| mapping.sessions() > 0).map(Mapping::first_session) {
                Some(first) => self.end_session(first, plan, None),
                None => {
                    self.free_mapping(position);
                    self.graves.close();
                }
            }
        }
    }
}
