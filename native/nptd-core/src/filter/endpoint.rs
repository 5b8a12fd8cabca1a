//! Internal endpoints on an uplink, and their sessions as a list in which those with the same remote address are neighbours: a
//! *group*.
//!
//! Filtering asks whether an endpoint has a session at all, or one with an address (6092-R11). The index of groups leads to the
//! first session of each group but the one that the list begins with, so that an endpoint with one remote address needs no
//! entry, and one with a million of them answers as fast.

use super::session::Session;
use super::{Endpoint, Filter, NONE, Protocol};
use crate::plan::Plan;
use crate::table::TableFull;
use crate::time::Tick;

/// Dead sessions that one question removes before it only walks past them.
const BURIALS_MAX: u32 = 1_024;

/// An internal endpoint with sessions on an uplink.
#[derive(Clone, Debug)]
pub(super) struct EndpointEntry {
    address: u128,
    pub first_session: u32,
    sessions: u32,
    port: u16,
    protocol: Protocol,
    slot: u8,
    epoch: u8,
    /// Whether it is no more than a list of dead sessions.
    pub is_buried: bool,
}

const _: () = assert!(size_of::<EndpointEntry>() == 32);

impl EndpointEntry {
    /// Address and port.
    pub fn internal(&self) -> Endpoint {
        Endpoint { address: self.address, port: self.port }
    }

    /// Whether it is that of an address and port, and not buried.
    #[inline(always)]
    pub fn is_of(&self, internal: &Endpoint) -> bool {
        !self.is_buried && self.address == internal.address && self.port == internal.port
    }
}

/// Which internal endpoint, on which uplink.
#[derive(Clone, Copy)]
pub(super) struct EndpointKey {
    pub slot: u8,
    pub protocol: Protocol,
    pub internal: Endpoint,
}

impl Filter {
    /// Whether an internal endpoint has a live session on an uplink. Those that ended and are met on the way are removed: whoever
    /// asks pays for what the sweep has not come to, and each is paid for once.
    pub(super) fn has_live_session(&mut self, key: EndpointKey, plan: &Plan, now: Tick) -> bool {
        for _ in 0..BURIALS_MAX {
            let Some(first) = self.endpoint_entry(key, plan).map(|entry| entry.first_session) else { return false };
            if self.sessions.get(first).is_some_and(|session| session.is_live(plan, now)) {
                return true;
            }
            self.end_session(first);
        }
        let mut next = self.endpoint_entry(key, plan).map(|entry| entry.first_session);
        while let Some(session) = next.and_then(|position| self.sessions.get(position)) {
            if session.is_live(plan, now) {
                return true;
            }
            next = Some(session.next);
        }
        false
    }

    /// The same for sessions with a remote address.
    pub(super) fn has_live_session_with(&mut self, key: EndpointKey, address: u128, plan: &Plan, now: Tick) -> bool {
        for _ in 0..BURIALS_MAX {
            let Some(first) = self.first_with(key, address, plan) else { return false };
            if self.sessions.get(first).is_some_and(|session| session.is_live(plan, now)) {
                return true;
            }
            self.end_session(first);
        }
        let mut next = self.first_with(key, address, plan);
        while let Some(session) = next.and_then(|position| self.sessions.get(position)) {
            if session.remote_address != address {
                break;
            }
            if session.is_live(plan, now) {
                return true;
            }
            next = Some(session.next);
        }
        false
    }

    /// Ends all sessions of the endpoint at a position: where there are very many they are dead from now on, and removed by and by.
    pub(super) fn end_all_of(&mut self, endpoint: u32) {
        let mut left = self.endpoints.get(endpoint).map_or(0, |entry| entry.sessions);
        if self.graves.bury(endpoint, left) {
            let Some(entry) = self.endpoints.get_mut(endpoint) else { return };
            entry.is_buried = true;
            let hash = hash_of(&self.hash, entry);
            self.endpoints_index.remove(hash, endpoint);
            return;
        }
        while left > 0 {
            left -= 1;
            let Some(first) = self.endpoints.get(endpoint).map(|entry| entry.first_session) else { return };
            self.end_session(first);
        }
    }

    /// Removes sessions of buried endpoints, one a step.
    pub(super) fn empty_graves(&mut self, budget: &mut u32) {
        while let (Some(position), true) = (self.graves.next(), *budget > 0) {
            *budget -= 1;
            let entry = self.endpoints.get(position).filter(|entry| entry.sessions > 0);
            match entry.map(|entry| entry.first_session) {
                Some(first) => self.end_session(first),
                None => {
                    self.endpoints.remove(position);
                    self.graves.close();
                }
            }
        }
    }

    /// Puts a session into the list of its endpoint; refused where an index has no room.
    pub(super) fn attach(&mut self, position: u32, internal: &Endpoint) -> Result<(), TableFull> {
        let Some(session) = self.sessions.get(position) else { return Err(TableFull) };
        let (protocol, slot, epoch, address) = (session.protocol, session.slot, session.epoch, session.remote_address);
        let wanted = EndpointEntry {
            address: internal.address,
            first_session: NONE,
            sessions: 0,
            port: internal.port,
            protocol,
            slot,
            epoch,
            is_buried: false,
        };
        let endpoint = match self.find_endpoint(&wanted) {
            Some(endpoint) => endpoint,
            None => self.insert_endpoint(wanted)?,
        };
        let first = self.endpoints.get(endpoint).map_or(NONE, |entry| entry.first_session);
        if let Some(group) = self.first_of_group(endpoint, address) {
            self.link_after(group, position);
        } else {
            if let Some(second) = self.sessions.get(first).map(|session| session.remote_address) {
                self.groups.insert(self.hash_group(endpoint, second), first)?;
            }
            self.link_first(endpoint, first, position);
        }
        if let Some(session) = self.sessions.get_mut(position) {
            session.endpoint = endpoint;
        }
        if let Some(entry) = self.endpoints.get_mut(endpoint) {
            entry.sessions += 1;
        }
        Ok(())
    }

    /// Takes a session out of its endpoint's list; an endpoint without sessions is none.
    pub(super) fn detach(&mut self, position: u32) {
        let Some(session) = self.sessions.get(position) else { return };
        let (endpoint, address, previous, next) =
            (session.endpoint, session.remote_address, session.previous, session.next);
        let is_of_group = |position| self.sessions.get(position).is_some_and(|s| s.remote_address == address);
        let (begins_group, goes_on) = (!is_of_group(previous), is_of_group(next));
        if previous == NONE {
            // The next group, if this one ends, now begins the list and needs no entry.
            if let (false, Some(other)) = (goes_on, self.sessions.get(next)) {
                let hash = self.hash_group(endpoint, other.remote_address);
                self.groups.remove(hash, next);
            }
        } else if begins_group {
            let hash = self.hash_group(endpoint, address);
            if goes_on {
                self.groups.replace(hash, position, next)
            } else {
                self.groups.remove(hash, position)
            };
        }
        self.unlink(endpoint, previous, next);
        let Some(entry) = self.endpoints.get_mut(endpoint) else { return };
        entry.sessions -= 1;
        if entry.is_buried {
            self.graves.lose_session();
        } else if entry.sessions == 0 {
            let hash = hash_of(&self.hash, entry);
            self.endpoints_index.remove(hash, endpoint);
            self.endpoints.remove(endpoint);
        }
    }

    /// The endpoint of a session, unless it is buried, and the session dead with it.
    pub(super) fn endpoint_of(&self, session: &Session) -> Option<&EndpointEntry> {
        self.endpoints.get(session.endpoint).filter(|entry| !entry.is_buried)
    }

    fn endpoint_entry(&self, key: EndpointKey, plan: &Plan) -> Option<&EndpointEntry> {
        self.endpoints.get(self.find_endpoint(&wanted(key, plan)?)?)
    }

    fn first_with(&self, key: EndpointKey, address: u128, plan: &Plan) -> Option<u32> {
        self.first_of_group(self.find_endpoint(&wanted(key, plan)?)?, address)
    }

    fn find_endpoint(&self, wanted: &EndpointEntry) -> Option<u32> {
        self.endpoints_index.find(hash_of(&self.hash, wanted), |position| {
            self.endpoints.get(position).is_some_and(|entry| {
                entry.internal() == wanted.internal()
                    && (entry.protocol, entry.slot, entry.epoch) == (wanted.protocol, wanted.slot, wanted.epoch)
                    && entry.sessions > 0
            })
        })
    }

    fn insert_endpoint(&mut self, entry: EndpointEntry) -> Result<u32, TableFull> {
        let hash = hash_of(&self.hash, &entry);
        let position = self.endpoints.insert(entry)?;
        if self.endpoints_index.insert(hash, position).is_err() {
            self.endpoints.remove(position);
            return Err(TableFull);
        }
        Ok(position)
    }

    fn first_of_group(&self, endpoint: u32, address: u128) -> Option<u32> {
        let entry = self.endpoints.get(endpoint).filter(|entry| entry.sessions > 0)?;
        let first = self.sessions.get(entry.first_session)?;
        if first.remote_address == address {
            return Some(entry.first_session);
        }
        // A single session is a single group.
        if entry.sessions == 1 {
            return None;
        }
        self.groups.find(self.hash_group(endpoint, address), |position| {
            self.sessions
                .get(position)
                .is_some_and(|session| session.endpoint == endpoint && session.remote_address == address)
        })
    }

    fn hash_group(&self, endpoint: u32, address: u128) -> u64 {
        self.hash.hash_words([u128::from(endpoint), address])
    }

    fn link_first(&mut self, endpoint: u32, first: u32, position: u32) {
        if let Some(entry) = self.endpoints.get_mut(endpoint) {
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

    fn unlink(&mut self, endpoint: u32, previous: u32, next: u32) {
        if let Some(next) = self.sessions.get_mut(next) {
            next.previous = previous;
        }
        if let Some(previous) = self.sessions.get_mut(previous) {
            previous.next = next;
        } else if let Some(entry) = self.endpoints.get_mut(endpoint) {
            entry.first_session = next;
        }
    }
}

/// What an endpoint looks like in the current epoch of its uplink.
fn wanted(key: EndpointKey, plan: &Plan) -> Option<EndpointEntry> {
    let EndpointKey { slot, protocol, internal: Endpoint { address, port } } = key;
    let epoch = plan.uplink(slot)?.epoch;
    Some(EndpointEntry { address, first_session: NONE, sessions: 0, port, protocol, slot, epoch, is_buried: false })
}

fn hash_of(hash: &crate::arch::KeyedHash, entry: &EndpointEntry) -> u64 {
    let EndpointEntry { address, port, protocol, slot, epoch, .. } = entry;
    let rest = u128::from(*slot) << 32 | u128::from(*epoch) << 24 | u128::from(protocol.number()) << 16;
    hash.hash_words([*address, rest | u128::from(*port)])
}
