//! The sessions of a mapping, as a list in which those with the same remote address are neighbours: a *group*.
//!
//! Address-dependent filtering asks whether a mapping has a session with an address (4787-R8). The index leads to the first
//! session of each group but the one that the list begins with, so that a mapping with one remote address needs no entry,
//! and one with a million of them answers as fast.

use super::Nat44;
use super::mapping::{BURIALS_MAX, Mapping};
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
        let first = self.mappings.get(mapping).map_or(NONE, Mapping::first_session);
        if let Some(group) = self.first_of_group(mapping, address) {
            self.link_after(group, position);
        } else {
            if let Some(second) = self.sessions.get(first).map(|session| session.remote.address) {
                self.groups.insert(self.hash_group(mapping, second), first)?;
            }
            self.link_first(mapping, first, position);
        }
        if let Some(entry) = self.mappings.get_mut(mapping) {
            entry.set_sessions(entry.sessions() + 1);
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
        entry.set_sessions(entry.sessions().saturating_sub(1));
        entry.sessions() == 0
    }

    fn first_of_group(&self, mapping: u32, address: u32) -> Option<u32> {
        let entry = self.mappings.get(mapping).filter(|entry| entry.sessions() > 0)?;
        let first = self.sessions.get(entry.first_session())?;
        if first.remote.address == address {
            return Some(entry.first_session());
        }
        // A single session is a single group.
        if entry.sessions() == 1 {
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
            entry.set_first_session(position);
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
            entry.set_first_session(next);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use alloc::sync::Arc;
    use alloc::vec::Vec;

    use super::*;
    use crate::counters::Direction;
    use crate::nat44::mapping::{InternalKey, NewMapping};
    use crate::nat44::session::NewSession;
    use crate::nat44::{Capacities, Endpoint, Flow, Keys, Protocol};
    use crate::session::segment::Segment;
    use crate::share::Share;
    use crate::time::Instant;

    const INTERNAL: Endpoint = Endpoint { address: 1, port: 1 };

    /// Two mappings of one host.
    fn with_mappings(plan: &Plan) -> Option<(Nat44, [u32; 2])> {
        let max = Capacities { mappings: 4, sessions: 256, hosts: 4 };
        let mut nat44 = Nat44::new(max, Keys { secret: &[1; 16], hash: &[2; 16] }, Share::ALONE, None, Arc::default());
        let host = nat44.hosts.enter(INTERNAL.address).ok()?;
        let mut mapping = |slot| {
            let key = InternalKey { slot, protocol: Protocol::UDP, internal: INTERNAL };
            nat44.insert_mapping(NewMapping { key, external: INTERNAL, host }, plan).ok()
        };
        let mappings = [mapping(0)?, mapping(1)?];
        Some((nat44, mappings))
    }

    fn open(nat44: &mut Nat44, mapping: u32, remote: Endpoint, plan: &Plan) -> Option<u32> {
        let flow = Flow { protocol: Protocol::UDP, internal: INTERNAL, remote };
        let (apparent, by) = (Endpoint::default(), Direction::Outbound);
        let new = NewSession { flow, apparent, mapping, by, segment: Segment::PLAIN };
        nat44.open_session(new, plan, Instant::default()).ok()
    }

    /// The list holds what it should, each address in one piece, and every address is found.
    fn check(nat44: &Nat44, mapping: u32, expected: &[(u32, u32)]) {
        let mut position = nat44.mappings.get(mapping).map_or(NONE, Mapping::first_session);
        let mut listed = Vec::new();
        while let Some(session) = nat44.sessions.get(position) {
            listed.push((position, session.remote.address));
            position = session.next;
        }
        let mut groups: Vec<u32> = listed.iter().map(|(_, address)| *address).collect();
        groups.dedup();
        for address in 0..6 {
            let begins = listed.iter().find(|(_, listed)| *listed == address).map(|(position, _)| *position);
            assert_eq!(nat44.first_of_group(mapping, address), begins);
            assert!(groups.iter().filter(|group| **group == address).count() <= 1, "one piece");
        }
        let mut sorted = (listed, expected.to_vec());
        sorted.0.sort_unstable();
        sorted.1.sort_unstable();
        assert_eq!(sorted.0, sorted.1);
    }

    #[test]
    fn every_remote_address_is_found_however_sessions_come_and_go_4787_r8() {
        let plan = Plan::empty();
        let mut random = 1_u64;
        let mut next = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        for _ in 0..50 {
            let (mut nat44, mappings) = with_mappings(&plan).unwrap();
            let mut expected: [Vec<(u32, u32)>; 2] = [Vec::new(), Vec::new()];
            for port in 0..120 {
                let which = next(2) as usize;
                let (Some(mapping), Some(held)) = (mappings.get(which).copied(), expected.get_mut(which)) else {
                    continue;
                };
                // One session stays, for the mapping goes with the last.
                if held.len() > 1 && next(2) == 0 {
                    let (position, _) = held.swap_remove(next(held.len() as u64) as usize);
                    nat44.end_session(position, &plan, None);
                } else {
                    let address = next(6) as u32;
                    let position = open(&mut nat44, mapping, Endpoint { address, port }, &plan);
                    held.extend(position.map(|position| (position, address)));
                }
                check(&nat44, mapping, held);
            }
        }
    }
}
