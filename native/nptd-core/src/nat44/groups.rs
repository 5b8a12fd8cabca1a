//! The sessions of a mapping, as a list in which those with the same remote address are neighbours: a *group*.
//!
//! Address-dependent filtering asks whether a mapping has a session with an address (4787-R8). The index leads to the first
//! session of each group but the one that the list begins with, so that a mapping with one remote address needs no entry,
//! and one with a million of them answers as fast.

use super::Nat44;
use super::mapping::BURIALS_MAX;
use super::session::NONE;
use crate::plan::Plan;
use crate::table::TableFull;
use crate::time::Tick;

impl Nat44 {
    /// Whether a live session of a mapping has a remote address. Dead ones that are met are removed, as in
    /// [`Nat44::has_live_session`].
    pub(super) fn has_live_session_with(&mut self, mapping: u32, address: u32, plan: &Plan, now: Tick) -> bool {
        for _ in 0..BURIALS_MAX {
            let Some(first) = self.first_of_group(mapping, address) else { return false };
            if self.sessions.get(first).is_some_and(|session| session.is_live(plan, now)) {
                return true;
            }
            self.end_session(first, plan, None);
        }
        let mut next = self.first_of_group(mapping, address);
        while let Some(session) = next.and_then(|position| self.sessions.get(position)) {
            if session.remote.address != address {
                break;
            }
            if session.is_live(plan, now) {
                return true;
            }
            next = Some(session.next);
        }
        false
    }

    /// Puts a session into the list of its mapping; refused where the index has no room.
    pub(super) fn attach(&mut self, position: u32) -> Result<(), TableFull> {
        let Some((mapping, address)) = self.sessions.get(position).map(|s| (s.mapping, s.remote.address)) else {
            return Err(TableFull);
        };
        let first = self.mappings.get(mapping).map_or(NONE, |mapping| mapping.first_session);
        if let Some(group) = self.first_of_group(mapping, address) {
            self.link_after(group, position);
        } else {
            if let Some(second) = self.sessions.get(first).map(|session| session.remote.address) {
                self.groups.insert(self.hash_group(mapping, second), first)?;
            }
            self.link_first(mapping, first, position);
        }
        if let Some(entry) = self.mappings.get_mut(mapping) {
            entry.sessions += 1;
        }
        Ok(())
    }

    /// Takes a session out of its mapping's list; true if it was the last.
    pub(super) fn detach(&mut self, position: u32) -> bool {
        let Some(session) = self.sessions.get(position) else { return false };
        let (mapping, address, previous, next) =
            (session.mapping, session.remote.address, session.previous, session.next);
        let is_of_group = |position| self.sessions.get(position).is_some_and(|s| s.remote.address == address);
        let (begins_group, goes_on) = (!is_of_group(previous), is_of_group(next));
        if previous == NONE {
            // The next group, if this one ends, now begins the list and needs no entry.
            if let (false, Some(other)) = (goes_on, self.sessions.get(next)) {
                let hash = self.hash_group(mapping, other.remote.address);
                self.groups.remove(hash, next);
            }
        } else if begins_group {
            let hash = self.hash_group(mapping, address);
            if goes_on {
                self.groups.replace(hash, position, next)
            } else {
                self.groups.remove(hash, position)
            };
        }
        self.unlink(mapping, previous, next);
        let Some(entry) = self.mappings.get_mut(mapping) else { return false };
        entry.sessions -= 1;
        entry.sessions == 0
    }

    fn first_of_group(&self, mapping: u32, address: u32) -> Option<u32> {
        let entry = self.mappings.get(mapping).filter(|entry| entry.sessions > 0)?;
        let first = self.sessions.get(entry.first_session)?;
        if first.remote.address == address {
            return Some(entry.first_session);
        }
        // A single session is a single group.
        if entry.sessions == 1 {
            return None;
        }
        self.groups.find(self.hash_group(mapping, address), |position| {
            self.sessions
                .get(position)
                .is_some_and(|session| session.mapping == mapping && session.remote.address == address)
        })
    }

    fn hash_group(&self, mapping: u32, address: u32) -> u64 {
        self.hash.hash(4 << 112 | u128::from(mapping) << 32 | u128::from(address))
    }

    fn link_first(&mut self, mapping: u32, first: u32, position: u32) {
        if let Some(entry) = self.mappings.get_mut(mapping) {
            entry.first_session = position;
        }
        if let Some(session) = self.sessions.get_mut(position) {
            (session.previous, session.next) = (NONE, first);
        }
        if let Some(first) = self.sessions.get_mut(first) {
            first.previous = position;
        }
    }

    fn link_after(&mut self, before: u32, position: u32) {
        let Some(before_entry) = self.sessions.get_mut(before) else { return };
        let next = core::mem::replace(&mut before_entry.next, position);
        if let Some(session) = self.sessions.get_mut(position) {
            (session.previous, session.next) = (before, next);
        }
        if let Some(next) = self.sessions.get_mut(next) {
            next.previous = position;
        }
    }

    fn unlink(&mut self, mapping: u32, previous: u32, next: u32) {
        if let Some(next) = self.sessions.get_mut(next) {
            next.previous = previous;
        }
        if let Some(previous) = self.sessions.get_mut(previous) {
            previous.next = next;
        } else if let Some(entry) = self.mappings.get_mut(mapping) {
            entry.first_session = next;
        }
    }
}
