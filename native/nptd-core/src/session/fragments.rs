//! Fragments of datagrams: what is done with those of a datagram, and those that came before their first.
//!
//! Nothing is put together. A *record* carries the translation of a first fragment to the others; a fragment
//! that comes before it is kept for a while. Both are bounded, so that whoever floods us with fragments harms
//! nothing but fragments out of order (4787-R14a).

use alloc::vec::Vec;

use super::wheel::{Timed, TimerLinks, Wheel};
use crate::arch::KeyedHash;
use crate::frame::DeviceIndex;
use crate::share::Share;
use crate::table::{Index, Slab};
use crate::time::Tick;

/// Most records of all workers: 4,096 x 48 octets and an index, about 230 KiB.
pub const RECORDS_MAX: u32 = 4_096;
/// Most stored fragments of all workers: 256 x 2,048 octets make 512 KiB.
pub const STORED_MAX: u32 = 256;
/// Longest fragment that is stored, octets.
pub const STORED_LEN_MAX: usize = 2_048;

/// Ticks that the wheels cover, a minute and a half; longer times are looked at once a turn.
const WHEEL: u32 = 1 << 10;

/// What tells the fragments of one datagram from all others.
pub trait DatagramKey: Copy + Eq {
    /// Its hash.
    fn hash(&self, hash: &KeyedHash) -> u64;
}

/// What the fragments of one IPv4 datagram have in common, as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Device they come in by.
    pub ingress: DeviceIndex,
    /// Source address.
    pub source: u32,
    /// Destination address.
    pub destination: u32,
    /// IP protocol.
    pub protocol: u8,
    /// Identification.
    pub identification: u16,
}

/// What becomes of the fragments of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate<T = Translation> {
    /// They are translated like the first one.
    Translated(T),
    /// The first one was refused, and so are they.
    Refused,
}

/// The translation of a first fragment of IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation {
    /// New source address.
    pub source: u32,
    /// New destination address.
    pub destination: u32,
    /// New identification.
    pub identification: u16,
    /// Device they leave by.
    pub egress: DeviceIndex,
    /// Next hop on that device.
    pub next_hop: u32,
    /// The uplink they meet.
    pub slot: u8,
}

struct Record<D, T> {
    datagram: D,
    fate: Fate<T>,
    ends: Tick,
    timer: TimerLinks,
}

struct Stored<D> {
    datagram: D,
    length: usize,
    /// Number in the order of arrival; zero in a free place.
    arrival: u64,
    ends: Tick,
    timer: TimerLinks,
}

impl<D, T> Timed for Record<D, T> {
    fn ends(&self) -> Tick {
        self.ends
    }
    fn links(&mut self) -> &mut TimerLinks {
        &mut self.timer
    }
}

impl<D> Timed for Stored<D> {
    fn ends(&self) -> Tick {
        self.ends
    }
    fn links(&mut self) -> &mut TimerLinks {
        &mut self.timer
    }
}

/// Records and stored fragments, of IPv4 unless another datagram and translation are named.
pub struct FragmentTable<D = Datagram, T = Translation> {
    hash: KeyedHash,
    index: Index,
    records: Slab<Record<D, T>>,
    record_wheel: Wheel,
    stored: Slab<Stored<D>>,
    stored_wheel: Wheel,
    octets: Vec<u8>,
    arrivals: u64,
}

impl<D: DatagramKey, T: Copy> FragmentTable<D, T> {
    /// Empty, with all its memory: what one worker has of it.
    pub fn new(hash_key: &[u8; 16], share: Share) -> Self {
        let (records_max, stored_max) = (share.of_capacity(RECORDS_MAX), share.of_capacity(STORED_MAX));
        Self {
            hash: KeyedHash::new(hash_key),
            index: Index::new(records_max),
            records: Slab::new(records_max),
            record_wheel: Wheel::new(WHEEL),
            stored: Slab::new(stored_max),
            stored_wheel: Wheel::new(WHEEL),
            octets: alloc::vec![0; stored_max as usize * STORED_LEN_MAX],
            arrivals: 0,
        }
    }

    /// What becomes of the fragments of a datagram, if that is known and its time is not over.
    pub fn fate(&self, datagram: &D, now: Tick) -> Option<Fate<T>> {
        let record = self.records.get(self.find(datagram)?)?;
        (record.ends > now).then_some(record.fate)
    }

    /// Whether a record for a datagram can be made or replaced.
    pub fn has_room(&self, datagram: &D) -> bool {
        !self.records.is_full() || self.find(datagram).is_some()
    }

    /// Notes what becomes of the fragments of a datagram until `ends`; nothing where there is no room.
    pub fn record(&mut self, datagram: D, fate: Fate<T>, ends: Tick) {
        if let Some(position) = self.find(&datagram) {
            self.remove_record(position);
        }
        let hash = datagram.hash(&self.hash);
        let Ok(position) = self.records.insert(Record { datagram, fate, ends, timer: TimerLinks::UNLINKED }) else {
            return;
        };
        if self.index.insert(hash, position).is_err() {
            self.records.remove(position);
            return;
        }
        self.record_wheel.link(&mut self.records, position);
    }

    /// Keeps a fragment until its first one comes, at the latest until `ends`; false where there is no room.
    #[must_use]
    pub fn store(&mut self, datagram: D, packet: &[u8], ends: Tick) -> bool {
        if packet.len() > STORED_LEN_MAX {
            return false;
        }
        self.arrivals += 1;
        let (arrival, length) = (self.arrivals, packet.len());
        let Ok(position) = self.stored.insert(Stored { datagram, length, arrival, ends, timer: TimerLinks::UNLINKED })
        else {
            return false;
        };
        let start = position as usize * STORED_LEN_MAX;
        if let Some(place) = self.octets.get_mut(start..start + length) {
            place.copy_from_slice(packet);
        }
        self.stored_wheel.link(&mut self.stored, position);
        true
    }

    /// Takes the stored fragment of a datagram that came first, and lends its octets to `consume`; false when
    /// there is none.
    pub fn take_stored(&mut self, datagram: &D, now: Tick, consume: impl FnOnce(&mut [u8])) -> bool {
        // At most 256 entries, looked at for first fragments only.
        let held = (0..self.stored.end()).filter_map(|position| Some((position, self.stored.get(position)?)));
        let of_datagram =
            held.filter(|(_, stored)| stored.arrival != 0 && stored.datagram == *datagram && stored.ends > now);
        let Some((position, length)) =
            of_datagram.min_by_key(|(_, stored)| stored.arrival).map(|(position, stored)| (position, stored.length))
        else {
            return false;
        };
        self.remove_stored(position);
        let start = position as usize * STORED_LEN_MAX;
        if let Some(octets) = self.octets.get_mut(start..start + length) {
            consume(octets);
        }
        true
    }

    /// Removes what has ended, at most `budget` steps of work; returns the number of stored fragments given up.
    pub fn expire(&mut self, now: Tick, budget: &mut u32) -> u32 {
        while let Some(position) = self.record_wheel.next_due(&mut self.records, now, budget) {
            self.remove_record(position);
        }
        let mut given_up = 0;
        while let Some(position) = self.stored_wheel.next_due(&mut self.stored, now, budget) {
            self.remove_stored(position);
            given_up += 1;
        }
        given_up
    }

    /// Whether ticks up to `now` are still to be looked at.
    pub fn is_behind(&self, now: Tick) -> bool {
        self.record_wheel.is_behind(now) || self.stored_wheel.is_behind(now)
    }

    /// Whether nothing is left that time could end.
    pub fn is_idle(&self) -> bool {
        self.records.is_empty() && self.stored.is_empty()
    }

    fn find(&self, datagram: &D) -> Option<u32> {
        let hash = datagram.hash(&self.hash);
        self.index.find(hash, |position| self.records.get(position).is_some_and(|record| record.datagram == *datagram))
    }

    fn remove_record(&mut self, position: u32) {
        let Some(record) = self.records.get(position) else { return };
        let hash = record.datagram.hash(&self.hash);
        self.index.remove(hash, position);
        self.record_wheel.unlink(&mut self.records, position);
        self.records.remove(position);
    }

    fn remove_stored(&mut self, position: u32) {
        self.stored_wheel.unlink(&mut self.stored, position);
        if let Some(stored) = self.stored.get_mut(position) {
            stored.arrival = 0;
        }
        self.stored.remove(position);
    }
}

impl DatagramKey for Datagram {
    fn hash(&self, hash: &KeyedHash) -> u64 {
        hash.hash(
            u128::from(self.ingress.0) << 88
                | u128::from(self.protocol) << 80
                | u128::from(self.identification) << 64
                | u128::from(self.source) << 32
                | u128::from(self.destination),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(identification: u16) -> Datagram {
        Datagram { ingress: DeviceIndex(1), source: 1, destination: 2, protocol: 17, identification }
    }

    fn taken(table: &mut FragmentTable, datagram: &Datagram, now: u32) -> Vec<u8> {
        let mut first_octets = Vec::new();
        while table.take_stored(datagram, Tick(now), |octets| first_octets.extend(octets.first().copied())) {}
        first_octets
    }

    #[test]
    fn stored_fragments_leave_in_the_order_of_arrival_4787_r14() {
        let mut table: FragmentTable = FragmentTable::new(&[3; 16], Share::ALONE);
        for (identification, octet) in [(7, 1), (8, 2), (7, 3), (7, 4)] {
            assert!(table.store(datagram(identification), &[octet; 9], Tick(50)));
        }
        assert_eq!(taken(&mut table, &datagram(7), 1), [1, 3, 4]);
        assert_eq!(taken(&mut table, &datagram(7), 1), [0_u8; 0]);
        assert_eq!(taken(&mut table, &datagram(8), 1), [2]);
    }

    #[test]
    fn the_store_is_bounded_and_comes_free_in_time_4787_r14a() {
        let mut table: FragmentTable = FragmentTable::new(&[3; 16], Share::ALONE);
        let stored = (0..1_000).filter(|id| table.store(datagram(*id), &[0; 8], Tick(20))).count();
        assert_eq!(stored, STORED_MAX as usize);
        assert!(!table.store(datagram(1), &[0; STORED_LEN_MAX + 1], Tick(20)));
        let mut budget = u32::MAX;
        assert_eq!(table.expire(Tick(19), &mut budget), 0);
        assert_eq!(table.expire(Tick(20), &mut budget), STORED_MAX);
        assert!(table.is_idle() && table.store(datagram(1), &[0; 8], Tick(40)));
    }

    #[test]
    fn a_record_is_replaced_and_ends() {
        let mut table: FragmentTable = FragmentTable::new(&[3; 16], Share::ALONE);
        table.record(datagram(1), Fate::Refused, Tick(10));
        assert_eq!(table.fate(&datagram(1), Tick(9)), Some(Fate::Refused));
        assert_eq!((table.fate(&datagram(1), Tick(10)), table.fate(&datagram(2), Tick(9))), (None, None));
        table.record(datagram(1), Fate::Refused, Tick(30));
        let mut budget = u32::MAX;
        table.expire(Tick(29), &mut budget);
        assert_eq!(table.fate(&datagram(1), Tick(29)), Some(Fate::Refused));
        table.expire(Tick(30), &mut budget);
        assert!(table.is_idle());
    }
}
