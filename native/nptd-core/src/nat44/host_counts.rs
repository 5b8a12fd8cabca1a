//! What internal hosts hold over all workers: limits are those of the gateway. Each worker keeps the hosts that it knows (`hosts`)
//! and touches a place here when one of them comes, goes, gains or loses something; no packet of a live session does.
//!
//! Nothing is locked. Two workers that meet a host at the same instant, while another one goes, may give it two places; its
//! limits are then those of two hosts until one of the places is free again.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::Protocol;
use super::hosts::{CLASSES, class_of};
use crate::arch::KeyedHash;
use crate::plan::spec::HostLimitsSpec;
use crate::session::rate_limit::SharedRateLimit;
use crate::table::TableFull;
use crate::time::Instant;

/// Places that a host may have.
const BUCKET: usize = 16;

/// Counts of all hosts: 48 octets each, and twice as many places as there may be hosts.
pub struct HostCounts {
    hash: KeyedHash,
    places: Vec<Place>,
    hosts_max: u32,
    hosts: AtomicU32,
}

#[derive(Default)]
struct Place {
    /// Address, and below it how many workers know the host; free while that is none.
    owner: AtomicU64,
    flows: SharedRateLimit,
    sessions: AtomicU32,
    mappings: [AtomicU32; CLASSES],
}

const _: () = assert!(size_of::<Place>() == 48);

/// Part of [`Place::owner`].
const WORKERS: u64 = u32::MAX as u64;

impl HostCounts {
    /// No hosts, with room for `hosts_max`.
    pub fn new(hosts_max: u32, hash_key: &[u8; 16]) -> Self {
        let buckets = (hosts_max as usize * 2).div_ceil(BUCKET).max(1);
        let places = (0..buckets * BUCKET).map(|_| Place::default()).collect();
        Self { hash: KeyedHash::new(hash_key), places, hosts_max, hosts: AtomicU32::new(0) }
    }

    /// A worker meets a host: its place, to be given back by [`Self::leave`].
    pub(super) fn enter(&self, address: u32) -> Result<u32, TableFull> {
        let own = u64::from(address) << 32;
        let bucket = self.bucket_of(address);
        // What others do meanwhile makes it look again; they are fewer than there are places.
        for _ in 0..BUCKET {
            let mut free = None;
            for position in bucket.clone() {
                let Some(place) = self.places.get(position) else { break };
                let owner = place.owner.load(Ordering::Acquire);
                if owner & WORKERS == 0 {
                    free = free.or(Some((position, owner)));
                } else if owner & !WORKERS == own && swap(&place.owner, owner, owner + 1) {
                    return Ok(position as u32);
                }
            }
            let Some((position, before)) = free else { break };
            if self.hosts.fetch_add(1, Ordering::Relaxed) >= self.hosts_max {
                self.hosts.fetch_sub(1, Ordering::Relaxed);
                break;
            }
            if self.places.get(position).is_some_and(|place| swap(&place.owner, before, own + 1)) {
                return Ok(position as u32);
            }
            self.hosts.fetch_sub(1, Ordering::Relaxed);
        }
        Err(TableFull)
    }

    /// A worker knows a host no more: it holds nothing there.
    pub(super) fn leave(&self, position: u32) {
        let Some(place) = self.place(position) else { return };
        let mut owner = place.owner.load(Ordering::Acquire);
        while owner & WORKERS != 0 {
            if owner & WORKERS == 1 {
                // Whoever comes next begins with a full bucket.
                place.flows.refill();
            }
            if swap(&place.owner, owner, owner - 1) {
                if owner & WORKERS == 1 {
                    self.hosts.fetch_sub(1, Ordering::Relaxed);
                }
                return;
            }
            owner = place.owner.load(Ordering::Acquire);
        }
    }

    pub(super) fn admits_flow(&self, position: u32, limits: &HostLimitsSpec, now: Instant) -> bool {
        self.place(position).is_some_and(|place| place.flows.admits(limits.flows, now))
    }

    pub(super) fn has_room_for_session(&self, position: u32, limits: &HostLimitsSpec) -> bool {
        self.place(position).is_some_and(|place| place.sessions.load(Ordering::Relaxed) < limits.sessions)
    }

    pub(super) fn has_room_for_mapping(&self, position: u32, protocol: Protocol, limits: &HostLimitsSpec) -> bool {
        let held = self.mappings(position, protocol).map(|held| held.load(Ordering::Relaxed));
        held.is_some_and(|held| held < limits.mappings_per_protocol)
    }

    pub(super) fn add_session(&self, position: u32) {
        if let Some(place) = self.place(position) {
            place.sessions.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn remove_sessions(&self, position: u32, count: u32) {
        if let Some(place) = self.place(position) {
            place.sessions.fetch_sub(count, Ordering::Relaxed);
        }
    }

    pub(super) fn add_mapping(&self, position: u32, protocol: Protocol) {
        if let Some(held) = self.mappings(position, protocol) {
            held.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn remove_mapping(&self, position: u32, protocol: Protocol) {
        if let Some(held) = self.mappings(position, protocol) {
            held.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn place(&self, position: u32) -> Option<&Place> {
        self.places.get(position as usize)
    }

    fn mappings(&self, position: u32, protocol: Protocol) -> Option<&AtomicU32> {
        self.place(position)?.mappings.get(class_of(protocol))
    }

    fn bucket_of(&self, address: u32) -> core::ops::Range<usize> {
        let buckets = self.places.len() / BUCKET;
        let first = self.hash.hash(4 << 112 | u128::from(address)) as usize % buckets * BUCKET;
        first..first + BUCKET
    }
}

fn swap(owner: &AtomicU64, before: u64, after: u64) -> bool {
    owner.compare_exchange(before, after, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}

#[cfg(test)]
mod tests {
    extern crate std;

    use alloc::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn a_host_has_one_place_for_all_workers_and_goes_with_the_last() {
        let counts = HostCounts::new(2, &[1; 16]);
        let first = counts.enter(7);
        assert_eq!(first, counts.enter(7));
        assert!(counts.enter(8).is_ok());
        assert_eq!(counts.enter(9), Err(TableFull));
        let position = first.unwrap_or(0);
        counts.leave(position);
        assert_eq!(counts.enter(9), Err(TableFull));
        counts.leave(position);
        assert!(counts.enter(9).is_ok());
    }

    #[test]
    fn what_workers_count_at_once_adds_up() {
        let counts = Arc::new(HostCounts::new(64, &[1; 16]));
        let workers = (0..4).map(|_| {
            let counts = Arc::clone(&counts);
            thread::spawn(move || {
                for round in 0..20_000_u32 {
                    let Ok(position) = counts.enter(round % 8) else { continue };
                    counts.add_session(position);
                    counts.add_mapping(position, Protocol::UDP);
                    counts.remove_mapping(position, Protocol::UDP);
                    counts.remove_sessions(position, 1);
                    counts.leave(position);
                }
            })
        });
        let workers: Vec<_> = workers.collect();
        assert!(workers.into_iter().all(|worker| worker.join().is_ok()));
        assert_eq!(counts.hosts.load(Ordering::Relaxed), 0);
        for place in &counts.places {
            assert_eq!(place.owner.load(Ordering::Relaxed) & WORKERS, 0);
            assert_eq!(place.sessions.load(Ordering::Relaxed), 0);
            assert!(place.mappings.iter().all(|held| held.load(Ordering::Relaxed) == 0));
        }
    }
}
