//! What each internal address holds, and how much of it may be (6888-R4, 6888-R5), as the plan says (6888-R4a, 6888-R5a): one
//! host cannot use up what all of them share.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::host_counts::HostCounts;
use super::{Protocol, ProtocolKind};
use crate::arch::KeyedHash;
use crate::plan::spec::HostLimitsSpec;
use crate::session::rate_limit::RateLimit;
use crate::table::{Index, Slab, TableFull};
use crate::time::Instant;

/// Protocols that are counted apart: five with ports, and all others together.
pub(super) const CLASSES: usize = ProtocolKind::Portless as usize + 1;

/// Hosts whose place is remembered: 16 KiB.
const HINTS: usize = 4_096;

/// Stands for the pins of an entry that is free.
const FREE: u16 = u16::MAX;

/// An internal address with mappings or sessions.
struct Host {
    address: u32,
    sessions: u32,
    /// Live and resting ones, by protocol (6888-R4b: each protocol has a limit of its own).
    mappings: [u32; CLASSES],
    flows: RateLimit,
    /// Packets that are just looking at it.
    pins: u16,
    /// Where all workers count what it holds, if there are several.
    place: u32,
}

const _: () = assert!(size_of::<Host>() == 48);

/// The hosts of one worker: 48 octets and an index entry of 8 each.
pub(super) struct Hosts {
    hash: KeyedHash,
    /// What all workers together know of hosts, if there are several.
    counts: Option<Arc<HostCounts>>,
    hosts: Slab<Host>,
    index: Index,
    /// Where a host was found last, by the last bits of its address.
    hints: Vec<u32>,
}

impl Hosts {
    /// No hosts, with room for `max`.
    pub fn new(max: u32, hash: KeyedHash, counts: Option<Arc<HostCounts>>) -> Self {
        Self { hash, counts, hosts: Slab::new(max), index: Index::new(max), hints: alloc::vec![0; HINTS] }
    }

    /// The entry of an address, made where there is none. It stays at least until [`Self::leave`].
    pub fn enter(&mut self, address: u32) -> Result<u32, TableFull> {
        let position = match self.find(address) {
            Some(position) => position,
            None => self.insert(address)?,
        };
        if let Some(host) = self.hosts.get_mut(position) {
            host.pins += 1;
        }
        Ok(position)
    }

    /// Ends what [`Self::enter`] began: an entry that holds nothing goes.
    pub fn leave(&mut self, position: u32) {
        if let Some(host) = self.hosts.get_mut(position) {
            host.pins -= 1;
        }
        self.remove_if_empty(position);
    }

    /// Whether a host may begin another flow; if so, it is charged (6888-R4c, 6888-R5b).
    pub fn admits_flow(&mut self, position: u32, limits: &HostLimitsSpec, now: Instant) -> bool {
        let Some(host) = self.hosts.get_mut(position) else { return false };
        match &self.counts {
            Some(counts) => counts.admits_flow(host.place, limits, now),
            None => host.flows.admits(limits.flows, now),
        }
    }

    /// Whether a host may hold another session (6888-R5).
    pub fn has_room_for_session(&self, position: u32, limits: &HostLimitsSpec) -> bool {
        let Some(host) = self.hosts.get(position) else { return false };
        match &self.counts {
            Some(counts) => counts.has_room_for_session(host.place, limits),
            None => host.sessions < limits.sessions,
        }
    }

    /// Whether a host may hold another mapping of a protocol (6888-R4, 6888-R4b).
    pub fn has_room_for_mapping(&self, position: u32, protocol: Protocol, limits: &HostLimitsSpec) -> bool {
        let Some(host) = self.hosts.get(position) else { return false };
        match &self.counts {
            Some(counts) => counts.has_room_for_mapping(host.place, protocol, limits),
            None => host.mappings.get(class_of(protocol)).is_some_and(|held| *held < limits.mappings_per_protocol),
        }
    }

    /// A host has one more session.
    pub fn add_session(&mut self, position: u32) {
        if let Some(host) = self.hosts.get_mut(position) {
            host.sessions += 1;
            if let Some(counts) = &self.counts {
                counts.add_session(host.place);
            }
        }
    }

    /// Whether a host may begin a flow that needs a mapping too: as [`Self::has_room_for_session`], [`Self::has_room_for_mapping`] and
    /// [`Self::admits_flow`] say. If so, it is charged, and has one more of each.
    #[inline]
    pub fn admit_both(&mut self, position: u32, protocol: Protocol, limits: &HostLimitsSpec, now: Instant) -> bool {
        let Some(host) = self.hosts.get_mut(position) else { return false };
        let Some(mappings) = host.mappings.get_mut(class_of(protocol)) else { return false };
        let admits = match &self.counts {
            Some(counts) => {
                counts.has_room_for_session(host.place, limits)
                    && counts.has_room_for_mapping(host.place, protocol, limits)
                    && counts.admits_flow(host.place, limits, now)
            }
            None => {
                host.sessions < limits.sessions
                    && *mappings < limits.mappings_per_protocol
                    && host.flows.admits(limits.flows, now)
            }
        };
        if !admits {
            return false;
        }
        host.sessions += 1;
        *mappings += 1;
        if let Some(counts) = &self.counts {
            counts.add_session(host.place);
            counts.add_mapping(host.place, protocol);
        }
        true
    }

    /// A host has so many sessions less.
    pub fn remove_sessions(&mut self, position: u32, count: u32) {
        if let Some(host) = self.hosts.get_mut(position) {
            host.sessions -= count;
            if let Some(counts) = &self.counts {
                counts.remove_sessions(host.place, count);
            }
        }
        self.remove_if_empty(position);
    }

    /// A host has one more mapping.
    pub fn add_mapping(&mut self, position: u32, protocol: Protocol) {
        let Some(host) = self.hosts.get_mut(position) else { return };
        if let Some(held) = host.mappings.get_mut(class_of(protocol)) {
            *held += 1;
        }
        if let Some(counts) = &self.counts {
            counts.add_mapping(host.place, protocol);
        }
    }

    /// A host has one mapping less.
    pub fn remove_mapping(&mut self, position: u32, protocol: Protocol) {
        if let Some(host) = self.hosts.get_mut(position) {
            if let Some(held) = host.mappings.get_mut(class_of(protocol)) {
                *held -= 1;
            }
            if let Some(counts) = &self.counts {
                counts.remove_mapping(host.place, protocol);
            }
        }
        self.remove_if_empty(position);
    }

    /// The position of an address that has an entry.
    #[inline]
    pub fn find(&mut self, address: u32) -> Option<u32> {
        let hint = self.hints.get_mut(address as usize % HINTS)?;
        let is_address =
            |position| self.hosts.get(position).is_some_and(|host| host.address == address && host.pins != FREE);
        if is_address(*hint) {
            return Some(*hint);
        }
        let hash = hash_of(&self.hash, address);
        *hint = self.index.find(hash, is_address)?;
        Some(*hint)
    }

    fn insert(&mut self, address: u32) -> Result<u32, TableFull> {
        let place = match &self.counts {
            Some(counts) => counts.enter(address)?,
            None => 0,
        };
        let host = Host { address, sessions: 0, mappings: [0; CLASSES], flows: RateLimit::default(), pins: 0, place };
        let position = self.hosts.insert(host);
        let hash = hash_of(&self.hash, address);
        if let Ok(position) = position {
            if self.index.insert(hash, position).is_ok() {
                return Ok(position);
            }
            self.free(position);
        }
        if let Some(counts) = &self.counts {
            counts.leave(place);
        }
        Err(TableFull)
    }

    fn remove_if_empty(&mut self, position: u32) {
        let Some(host) = self.hosts.get(position) else { return };
        // Most have sessions.
        if host.sessions == 0 && host.pins == 0 && host.mappings.iter().all(|held| *held == 0) {
            if let Some(counts) = &self.counts {
                counts.leave(host.place);
            }
            self.index.remove(hash_of(&self.hash, host.address), position);
            self.free(position);
        }
    }

    fn free(&mut self, position: u32) {
        if let Some(host) = self.hosts.get_mut(position) {
            host.pins = FREE;
        }
        self.hosts.remove(position);
    }
}

fn hash_of(hash: &KeyedHash, address: u32) -> u64 {
    hash.hash(3 << 112 | u128::from(address))
}

/// Which of the counts of mappings a protocol has.
pub(super) fn class_of(protocol: Protocol) -> usize {
    protocol.kind() as usize
}
