//! A fixed-capacity keyed index over slabs, and the slabs. Knows no packets.
//!
//! The index is bucketised: a bucket is one cache line of ten entries, an entry a 16-bit tag and a 32-bit slab
//! position. A key may live in two buckets, the second found from the first and the tag, so that entries can be
//! displaced without hashing their keys again. Nothing is rehashed and nothing grows.

use alloc::vec::Vec;

/// Entries of one bucket: 10 x (2 + 4) octets and 4 spare make one cache line.
const BUCKET_ENTRIES: usize = 10;

/// Entries per bucket that capacities are reckoned with; at 8 of 10 two-choice insertion does not fail in practice.
const BUCKET_LOAD: usize = 8;

/// Most displacements of one insertion.
const DISPLACEMENTS_MAX: usize = 64;

/// Tag of a free entry.
const FREE: u16 = 0;

/// The table has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableFull;

#[derive(Clone)]
#[repr(C, align(64))]
struct Bucket {
    tags: [u16; BUCKET_ENTRIES],
    positions: [u32; BUCKET_ENTRIES],
}

const _: () = assert!(size_of::<Bucket>() == 64);

/// Index from hashed keys to slab positions. Keys themselves stay in the slab: the caller compares them.
pub struct Index {
    buckets: Vec<Bucket>,
    mask: usize,
}

impl Index {
    /// An index for at most `capacity` entries.
    pub fn new(capacity: u32) -> Self {
        let count = (capacity as usize).div_ceil(BUCKET_LOAD).next_power_of_two().max(2);
        let empty = Bucket { tags: [FREE; BUCKET_ENTRIES], positions: [0; BUCKET_ENTRIES] };
        Self { buckets: alloc::vec![empty; count], mask: count - 1 }
    }

    /// The position stored under a hash for which `is_key` holds.
    pub fn find(&self, hash: u64, is_key: impl Fn(u32) -> bool) -> Option<u32> {
        let (first, second, tag) = self.places(hash);
        self.find_in(first, tag, &is_key).or_else(|| self.find_in(second, tag, &is_key))
    }

    /// Stores a position under a hash.
    pub fn insert(&mut self, hash: u64, position: u32) -> Result<(), TableFull> {
        let (first, second, tag) = self.places(hash);
        if self.insert_in(first, tag, position) || self.insert_in(second, tag, position) {
            return Ok(());
        }
        self.displace(first, tag, position)
    }

    /// Removes a position stored under a hash; false if it is not there.
    pub fn remove(&mut self, hash: u64, position: u32) -> bool {
        let (first, second, tag) = self.places(hash);
        [first, second].into_iter().any(|place| {
            let Some(bucket) = self.buckets.get_mut(place) else { return false };
            let mut entries = bucket.tags.iter_mut().zip(&bucket.positions);
            let found = entries.find(|(have, at)| **have == tag && **at == position);
            found.map(|(have, _)| *have = FREE).is_some()
        })
    }

    /// Lets an entry point to another position under the same hash; false if it is not there.
    pub fn replace(&mut self, hash: u64, old: u32, new: u32) -> bool {
        let (first, second, tag) = self.places(hash);
        [first, second].into_iter().any(|place| {
            let Some(bucket) = self.buckets.get_mut(place) else { return false };
            let mut entries = bucket.tags.iter().zip(&mut bucket.positions);
            let found = entries.find(|(have, at)| **have == tag && **at == old);
            found.map(|(_, at)| *at = new).is_some()
        })
    }

    fn places(&self, hash: u64) -> (usize, usize, u16) {
        let tag = ((hash >> 48) as u16).max(1);
        let first = hash as usize & self.mask;
        (first, self.other_place(first, tag), tag)
    }

    fn other_place(&self, place: usize, tag: u16) -> usize {
        // An odd multiple of the tag: its own inverse under exclusive-or, and never the same bucket.
        let step = (tag as usize).wrapping_mul(0x5bd1_e995) | 1;
        (place ^ step) & self.mask
    }

    fn find_in(&self, place: usize, tag: u16, is_key: &impl Fn(u32) -> bool) -> Option<u32> {
        let bucket = self.buckets.get(place)?;
        let mut entries = bucket.tags.iter().zip(&bucket.positions);
        entries.find(|(have, at)| **have == tag && is_key(**at)).map(|(_, at)| *at)
    }

    fn insert_in(&mut self, place: usize, tag: u16, position: u32) -> bool {
        let Some(bucket) = self.buckets.get_mut(place) else { return false };
        let mut entries = bucket.tags.iter_mut().zip(&mut bucket.positions);
        let Some((have, at)) = entries.find(|(have, _)| **have == FREE) else { return false };
        *have = tag;
        *at = position;
        true
    }

    /// Pushes entries of full buckets to their other bucket until one has room. On failure every entry that was
    /// there before still is: the moves are undone.
    fn displace(&mut self, start: usize, tag: u16, position: u32) -> Result<(), TableFull> {
        let mut moves = [(0, 0); DISPLACEMENTS_MAX];
        let (mut place, mut tag, mut position) = (start, tag, position);
        for step in 0..DISPLACEMENTS_MAX {
            // A different victim in each step keeps two full buckets from swapping the same pair for ever.
            let victim = (position as usize).wrapping_add(step) % BUCKET_ENTRIES;
            (tag, position) = self.swap(place, victim, tag, position);
            if let Some(entry) = moves.get_mut(step) {
                *entry = (place, victim);
            }
            place = self.other_place(place, tag);
            if self.insert_in(place, tag, position) {
                return Ok(());
            }
        }
        for (place, victim) in moves.into_iter().rev() {
            (tag, position) = self.swap(place, victim, tag, position);
        }
        Err(TableFull)
    }

    fn swap(&mut self, place: usize, entry: usize, tag: u16, position: u32) -> (u16, u32) {
        let Some(bucket) = self.buckets.get_mut(place) else { return (tag, position) };
        let tags = bucket.tags.get_mut(entry).map(|have| core::mem::replace(have, tag));
        let positions = bucket.positions.get_mut(entry).map(|at| core::mem::replace(at, position));
        (tags.unwrap_or(tag), positions.unwrap_or(position))
    }
}

/// Entries at stable positions, at most a fixed number; memory is reserved at once and touched on use.
pub struct Slab<T> {
    entries: Vec<T>,
    free: Vec<u32>,
    capacity: usize,
}

impl<T> Slab<T> {
    /// An empty slab for at most `capacity` entries.
    pub fn new(capacity: u32) -> Self {
        let capacity = capacity as usize;
        Self { entries: Vec::with_capacity(capacity), free: Vec::with_capacity(capacity), capacity }
    }

    /// Number of entries in use.
    pub fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Whether no entry is in use.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room.
    pub fn is_full(&self) -> bool {
        self.len() >= self.capacity
    }

    /// Positions are below this.
    pub fn end(&self) -> u32 {
        self.entries.len() as u32
    }

    /// Stores an entry and returns its position.
    pub fn insert(&mut self, entry: T) -> Result<u32, TableFull> {
        if let Some(position) = self.free.pop() {
            if let Some(place) = self.entries.get_mut(position as usize) {
                *place = entry;
            }
            return Ok(position);
        }
        if self.entries.len() >= self.capacity {
            return Err(TableFull);
        }
        self.entries.push(entry);
        Ok(self.entries.len() as u32 - 1)
    }

    /// Gives a position back. The entry's memory keeps its last value: the owner marks it as free.
    pub fn remove(&mut self, position: u32) {
        self.free.push(position);
    }

    /// The entry at a position.
    pub fn get(&self, position: u32) -> Option<&T> {
        self.entries.get(position as usize)
    }

    /// The entry at a position, to be changed.
    pub fn get_mut(&mut self, position: u32) -> Option<&mut T> {
        self.entries.get_mut(position as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::KeyedHash;

    #[test]
    fn holds_its_capacity_and_finds_every_entry() {
        let capacity = 10_000;
        let hash = KeyedHash::new(&[7; 16]);
        let mut index = Index::new(capacity);
        for position in 0..capacity {
            assert_eq!(index.insert(hash.hash(u128::from(position)), position), Ok(()));
        }
        for position in 0..capacity {
            let found = index.find(hash.hash(u128::from(position)), |at| at == position);
            assert_eq!(found, Some(position));
        }
        for position in 0..capacity {
            assert!(index.remove(hash.hash(u128::from(position)), position));
            assert_eq!(index.find(hash.hash(u128::from(position)), |at| at == position), None);
        }
    }

    #[test]
    fn a_refused_insertion_loses_no_entry() {
        let hash = KeyedHash::new(&[9; 16]);
        let mut index = Index::new(16);
        let mut stored = alloc::vec::Vec::new();
        for position in 0..1_000 {
            if index.insert(hash.hash(u128::from(position)), position).is_ok() {
                stored.push(position);
            }
        }
        assert!(stored.len() >= 16 && stored.len() < 1_000);
        for position in stored {
            let found = index.find(hash.hash(u128::from(position)), |at| at == position);
            assert_eq!(found, Some(position));
        }
    }

    #[test]
    fn a_slab_reuses_positions_and_refuses_beyond_its_capacity() {
        let mut slab = Slab::new(2);
        assert_eq!((slab.insert('a'), slab.insert('b'), slab.insert('c')), (Ok(0), Ok(1), Err(TableFull)));
        slab.remove(0);
        assert_eq!((slab.len(), slab.insert('d')), (1, Ok(0)));
        assert!(slab.is_full());
    }
}
