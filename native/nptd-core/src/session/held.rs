//! Opening packets that nobody wanted, held for a while before they are answered (5382-R4, 6146-T9, 5597-R4): the
//! site may be about to open the same connection from its side, and an error would end that.
//!
//! They leave in the order in which they came. What is full holds no more, and nothing is allocated for any.

use alloc::vec::Vec;

use crate::arch::KeyedHash;
use crate::share::Share;
use crate::table::{Index, Slab};
use crate::time::Tick;

/// Most packets that all workers hold: a flood of them takes no more (2663-9).
pub const HELD_MAX: u32 = 256;

/// Octets kept of each: what an error of 576 octets can quote.
pub const HELD_LEN_MAX: usize = 548;

/// No position.
const NONE: u32 = u32::MAX;

/// Which connection a packet would have opened: uplink, protocol and both endpoints, packed so that no two are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldKey([u128; 3]);

impl HeldKey {
    /// Of IPv4: all in one word.
    pub const fn v4(packed: u128) -> Self {
        Self([packed, 0, 0])
    }

    /// Of IPv6: both addresses, and the rest packed into 127 bits.
    pub const fn v6(packed: u128, ours: u128, theirs: u128) -> Self {
        Self([packed | 1 << 127, ours, theirs])
    }
}

/// A packet that was held.
#[derive(Clone, Copy, Debug)]
pub struct HeldPacket<'a> {
    /// Uplink it came in by.
    pub slot: u8,
    /// Epoch of that uplink then.
    pub epoch: u8,
    /// Its first octets, as received.
    pub octets: &'a [u8],
}

struct Held {
    key: HeldKey,
    slot: u8,
    epoch: u8,
    due: Tick,
    length: usize,
    earlier: u32,
    later: u32,
}

/// All held packets of both families: 256 of 548 octets and their index, about 160 KiB.
pub struct HeldPackets {
    hash: KeyedHash,
    index: Index,
    held: Slab<Held>,
    octets: Vec<u8>,
    first: u32,
    last: u32,
}

impl HeldPackets {
    /// None, with all their memory: what one worker has of it.
    pub fn new(hash_key: &[u8; 16], share: Share) -> Self {
        let held_max = share.of_capacity(HELD_MAX);
        Self {
            hash: KeyedHash::new(hash_key),
            index: Index::new(held_max),
            held: Slab::new(held_max),
            octets: alloc::vec![0; held_max as usize * HELD_LEN_MAX],
            first: NONE,
            last: NONE,
        }
    }

    /// Holds a packet until `due`, unless one like it is held already; false where there is no room.
    pub fn hold(&mut self, key: HeldKey, slot: u8, epoch: u8, packet: &[u8], due: Tick) -> bool {
        if self.find(key).is_some() {
            return true;
        }
        let length = packet.len().min(HELD_LEN_MAX);
        let held = Held { key, slot, epoch, due, length, earlier: self.last, later: NONE };
        let Ok(position) = self.held.insert(held) else { return false };
        if self.index.insert(self.hash.hash_words(key.0), position).is_err() {
            self.held.remove(position);
            return false;
        }
        match self.held.get_mut(self.last) {
            Some(last) => last.later = position,
            None => self.first = position,
        }
        self.last = position;
        let start = position as usize * HELD_LEN_MAX;
        if let (Some(place), Some(packet)) = (self.octets.get_mut(start..start + length), packet.get(..length)) {
            place.copy_from_slice(packet);
        }
        true
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Forgets the packet that would have opened a connection, if one is held.
    pub fn discard(&mut self, key: HeldKey) {
        if self.is_empty() {
            return;
        }
        if let Some(position) = self.find(key) {
            self.remove(position);
        }
    }

    /// When the packet is due that came first.
    pub fn first_due(&self) -> Option<Tick> {
        Some(self.held.get(self.first)?.due)
    }

    /// Takes the packet that came first.
    pub fn take_first(&mut self) -> Option<HeldPacket<'_>> {
        let position = self.first;
        let held = self.held.get(position)?;
        let (slot, epoch, length) = (held.slot, held.epoch, held.length);
        self.remove(position);
        let start = position as usize * HELD_LEN_MAX;
        Some(HeldPacket { slot, epoch, octets: self.octets.get(start..start + length)? })
    }

    fn find(&self, key: HeldKey) -> Option<u32> {
        let hash = self.hash.hash_words(key.0);
        self.index.find(hash, |position| self.held.get(position).is_some_and(|held| held.key == key))
    }

    fn remove(&mut self, position: u32) {
        let Some(held) = self.held.get(position) else { return };
        let (key, earlier, later) = (held.key, held.earlier, held.later);
        self.index.remove(self.hash.hash_words(key.0), position);
        match self.held.get_mut(earlier) {
            Some(before) => before.later = later,
            None => self.first = later,
        }
        match self.held.get_mut(later) {
            Some(after) => after.earlier = earlier,
            None => self.last = earlier,
        }
        self.held.remove(position);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(held: &mut HeldPackets, key: u128, octet: u8, due: u32) -> bool {
        held.hold(HeldKey::v4(key), 1, 2, &[octet; 600], Tick(due))
    }

    fn rest(held: &mut HeldPackets) -> Vec<u8> {
        let mut octets = Vec::new();
        while let Some(packet) = held.take_first() {
            assert_eq!((packet.slot, packet.epoch, packet.octets.len()), (1, 2, HELD_LEN_MAX));
            octets.extend(packet.octets.first().copied());
        }
        octets
    }

    #[test]
    fn packets_leave_in_the_order_in_which_they_came_and_once_a_connection_5382_r4() {
        let mut held = HeldPackets::new(&[3; 16], Share::ALONE);
        for (key, octet) in [(7, 1), (8, 2), (7, 3), (9, 4)] {
            assert!(hold(&mut held, key, octet, 10 * u32::from(octet)));
        }
        assert_eq!(held.first_due(), Some(Tick(10)));
        assert_eq!((rest(&mut held), held.first_due()), (alloc::vec![1, 2, 4], None));
    }

    #[test]
    fn one_that_is_discarded_leaves_the_others_where_they_are() {
        let mut held = HeldPackets::new(&[3; 16], Share::ALONE);
        for gone in [7, 8, 9] {
            for (key, octet) in [(7, 7), (8, 8), (9, 9)] {
                assert!(hold(&mut held, key, octet, 1));
            }
            held.discard(HeldKey::v4(gone));
            held.discard(HeldKey::v4(1));
            held.discard(HeldKey::v6(gone, 0, 0));
            let expected: Vec<u8> = [7, 8, 9].into_iter().filter(|key| u128::from(*key) != gone).collect();
            assert_eq!(rest(&mut held), expected);
        }
    }

    #[test]
    fn what_is_full_holds_no_more_until_there_is_room() {
        let mut held = HeldPackets::new(&[3; 16], Share::ALONE);
        let kept = (0..1_000).filter(|key| hold(&mut held, *key, 1, 1)).count();
        assert_eq!(kept, HELD_MAX as usize);
        assert!(hold(&mut held, 0, 1, 1) && !hold(&mut held, 2_000, 1, 1));
        held.discard(HeldKey::v4(100));
        assert!(hold(&mut held, 2_000, 1, 1));
    }
}
