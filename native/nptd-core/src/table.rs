//! A fixed-capacity keyed index over slabs, and the slabs. Knows no packets.
//!
//! The index is bucketised: a bucket is one cache line of ten entries, an entry a 16-bit tag and a 32-bit slab
//! position. A key may live in two buckets, the second found from the first and the tag, so that entries can be
//! displaced without hashing their keys again. Nothing is rehashed and nothing grows. A bucket counts the entries that
//! would be its own and are in their second one: where there are none, what it does not hold is nowhere.

use alloc::vec::Vec;

use crate::arch::{LINE_WORDS, Line, Lines, equal_halves, prefetch};

/// Words of a bucket: five of two tags each, ten of positions, and how many entries are elsewhere, together one cache line.
type Bucket = Line;
const TAG_WORDS: usize = 5;
const BUCKET_ENTRIES: usize = 10;

const _: () = assert!(size_of::<Bucket>() == 64 && TAG_WORDS * 2 == BUCKET_ENTRIES);

/// The word that counts the entries of a bucket that are in their second one.
const ELSEWHERE: usize = LINE_WORDS - 1;

/// Marks the position of an entry that is in its second bucket: slabs stay below 2^31 entries.
const IS_SECOND: u32 = 1 << 31;

/// Entries per bucket that capacities are reckoned with; at 9 of 10 two-choice insertion does not fail in practice.
const BUCKET_LOAD: usize = 9;

/// Buckets beyond that, since in a small table chance does not even out.
const BUCKETS_SPARE: usize = 4;

/// Most displacements of one insertion.
const DISPLACEMENTS_MAX: usize = 64;

/// Tag of a free entry.
const FREE: u16 = 0;

/// The table has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableFull;

/// Index from hashed keys to slab positions. Keys themselves stay in the slab: the caller compares them.
pub struct Index {
    /// Touched on use.
    buckets: Lines,
    count: u32,
}

impl Index {
    /// An index for at most `capacity` entries.
    pub fn new(capacity: u32) -> Self {
        let count = (capacity as usize).div_ceil(BUCKET_LOAD) + BUCKETS_SPARE;
        Self { buckets: Lines::zeroed(count), count: count as u32 }
    }

    /// Its memory.
    pub fn region(&self) -> Region {
        Region::of(self.buckets.all())
    }

    /// The position stored under a hash for which `is_key` holds.
    #[inline]
    pub fn find(&self, hash: u64, is_key: impl Fn(u32) -> bool) -> Option<u32> {
        let (first, tag) = (scale(hash as u32, self.count), tag_of(hash));
        self.find_in(first, tag, &is_key).or_else(|| self.find_elsewhere(first, tag, &is_key))
    }

    /// Its buckets, for the lookups of a batch.
    #[inline]
    pub fn buckets(&self) -> Buckets<'_> {
        Buckets { buckets: self.buckets.all(), count: self.count }
    }

    /// Stores a position under a hash.
    #[inline]
    pub fn insert(&mut self, hash: u64, position: u32) -> Result<(), TableFull> {
        let (first, tag) = (scale(hash as u32, self.count), tag_of(hash));
        if self.insert_in(first, tag, position) { Ok(()) } else { self.insert_elsewhere(first, tag, position) }
    }

    /// Stores a position under a hash, unless there is one for which `is_key` holds, or no room: whether it has been stored.
    #[inline]
    pub fn insert_new(&mut self, hash: u64, position: u32, is_key: impl Fn(u32) -> bool) -> bool {
        let (first, tag) = (scale(hash as u32, self.count), tag_of(hash));
        self.find_in(first, tag, &is_key).is_none()
            && self.find_elsewhere(first, tag, &is_key).is_none()
            && (self.insert_in(first, tag, position) || self.insert_elsewhere(first, tag, position).is_ok())
    }

    /// Removes a position stored under a hash; false if it is not there.
    #[inline]
    pub fn remove(&mut self, hash: u64, position: u32) -> bool {
        let (first, tag) = (scale(hash as u32, self.count), tag_of(hash));
        self.remove_in(first, tag, position) || self.remove_elsewhere(first, tag, position)
    }

    /// Lets an entry point to another position under the same hash; false if it is not there.
    pub fn replace(&mut self, hash: u64, old: u32, new: u32) -> bool {
        let (first, tag) = (scale(hash as u32, self.count), tag_of(hash));
        [(first, 0), (self.other_place(first, tag), IS_SECOND)].into_iter().any(|(place, mark)| {
            let Some(bucket) = self.bucket_mut(place) else { return false };
            let found = entry_of(bucket, tag, old | mark);
            found.map(|entry| set_entry(bucket, entry, tag, new | mark)).is_some()
        })
    }

    /// The other bucket of an entry: what is left of a number that the tag gives, so that it leads back too.
    #[inline]
    fn other_place(&self, place: u32, tag: u16) -> u32 {
        other_place(place, tag, self.count)
    }

    #[inline]
    fn bucket(&self, place: u32) -> Option<&Bucket> {
        self.buckets.all().get(place as usize)
    }

    #[inline]
    fn bucket_mut(&mut self, place: u32) -> Option<&mut Bucket> {
        self.buckets.all_mut().get_mut(place as usize)
    }

    #[inline]
    fn find_in(&self, place: u32, tag: u16, is_key: &impl Fn(u32) -> bool) -> Option<u32> {
        let bucket = self.bucket(place)?;
        let mut left = Matches::of(bucket, tag);
        while let Some(entry) = left.first() {
            let position = position_at(bucket, entry);
            if is_key(position) {
                return Some(position);
            }
            left = left.rest();
        }
        None
    }

    /// The same in the second bucket, where the first says that there may be something.
    #[inline]
    fn find_elsewhere(&self, first: u32, tag: u16, is_key: &impl Fn(u32) -> bool) -> Option<u32> {
        if self.bucket(first)?[ELSEWHERE] == 0 {
            return None;
        }
        self.find_in(self.other_place(first, tag), tag, is_key)
    }

    #[inline(never)]
    fn insert_elsewhere(&mut self, first: u32, tag: u16, position: u32) -> Result<(), TableFull> {
        if self.insert_in(self.other_place(first, tag), tag, position | IS_SECOND) {
            self.count_elsewhere(first, true);
            return Ok(());
        }
        self.displace(first, tag, position)
    }

    #[inline(never)]
    fn remove_elsewhere(&mut self, first: u32, tag: u16, position: u32) -> bool {
        let is_there = self.remove_in(self.other_place(first, tag), tag, position | IS_SECOND);
        if is_there {
            self.count_elsewhere(first, false);
        }
        is_there
    }

    /// An entry of a bucket goes to its second one, or comes back from there or is gone.
    fn count_elsewhere(&mut self, first: u32, goes: bool) {
        if let Some(bucket) = self.bucket_mut(first) {
            bucket[ELSEWHERE] = bucket[ELSEWHERE].wrapping_add_signed(if goes { 1 } else { -1 });
        }
    }

    /// An entry is about to change from one of its buckets to the other: how it is marked there.
    fn change_place(&mut self, from: u32, tag: u16, position: u32) -> (u32, u32) {
        let to = self.other_place(from, tag);
        match position & IS_SECOND != 0 {
            true => self.count_elsewhere(to, false),
            false => self.count_elsewhere(from, true),
        }
        (to, position ^ IS_SECOND)
    }

    #[inline]
    fn remove_in(&mut self, place: u32, tag: u16, position: u32) -> bool {
        let Some(bucket) = self.bucket_mut(place) else { return false };
        let Some(entry) = entry_of(bucket, tag, position) else { return false };
        // Nobody asks for the position of a free entry.
        set_tag(bucket, entry, FREE);
        true
    }

    #[inline]
    fn insert_in(&mut self, place: u32, tag: u16, position: u32) -> bool {
        let Some(bucket) = self.bucket_mut(place) else { return false };
        let free = Matches::of(bucket, FREE).first();
        free.map(|entry| set_entry(bucket, entry, tag, position)).is_some()
    }

    /// Pushes entries of full buckets to their other bucket until one has room. On failure every entry that was
    /// there before still is: the moves are undone.
    fn displace(&mut self, start: u32, tag: u16, position: u32) -> Result<(), TableFull> {
        let mut moves = [(0, 0); DISPLACEMENTS_MAX];
        let (mut place, mut tag, mut position) = (start, tag, position);
        for step in 0..DISPLACEMENTS_MAX {
            // A different victim in each step keeps two full buckets from swapping the same pair for ever.
            let victim = (position as usize).wrapping_add(step) % BUCKET_ENTRIES;
            (tag, position) = self.swap(place, victim, tag, position);
            if let Some(entry) = moves.get_mut(step) {
                *entry = (place, victim);
            }
            (place, position) = self.change_place(place, tag, position);
            if self.insert_in(place, tag, position) {
                return Ok(());
            }
        }
        for (from, victim) in moves.into_iter().rev() {
            (_, position) = self.change_place(place, tag, position);
            (tag, position) = self.swap(from, victim, tag, position);
            place = from;
        }
        Err(TableFull)
    }

    fn swap(&mut self, place: u32, entry: usize, tag: u16, position: u32) -> (u16, u32) {
        let Some(bucket) = self.bucket_mut(place) else { return (tag, position) };
        let before = (tag_at(bucket, entry), word_at(bucket, entry));
        set_entry(bucket, entry, tag, position);
        before
    }
}

/// The tag that entries of a hash carry: never that of a free one.
#[inline]
fn tag_of(hash: u64) -> u16 {
    ((hash >> 48) as u16).max(FREE + 1)
}

/// A number spread over all of 32 bits, brought below `count`.
#[inline]
fn scale(number: u32, count: u32) -> u32 {
    ((u64::from(number) * u64::from(count)) >> 32) as u32
}

/// The bucket that a tag leads to from another, and back.
#[inline]
fn other_place(place: u32, tag: u16, count: u32) -> u32 {
    let sum = scale(u32::from(tag).wrapping_mul(0x9e37_79b1), count);
    if sum >= place { sum - place } else { sum + count - place }
}

/// The buckets of an index, to be looked at a step at a time for many hashes: each step asks for the memory of the next.
#[derive(Clone, Copy)]
pub struct Buckets<'a> {
    buckets: &'a [Bucket],
    count: u32,
}

impl Buckets<'_> {
    /// Asks for the bucket that [`Self::first_candidate`] looks at.
    #[inline(always)]
    pub fn prefetch_first(&self, hash: u64) {
        self.prefetch(scale(hash as u32, self.count));
    }

    /// Asks for the bucket that [`Self::second_candidate`] looks at; false if there is nothing to be found there. It looks at the
    /// first bucket.
    #[inline]
    pub fn prefetch_second(&self, hash: u64) -> bool {
        let has_second = self.has_second(hash);
        if has_second {
            self.prefetch(self.second_place(hash));
        }
        has_second
    }

    /// The first position in the first bucket of a hash whose tag is that of the hash: its key may be another one.
    #[inline(always)]
    pub fn first_candidate(&self, hash: u64) -> Option<u32> {
        self.candidate(scale(hash as u32, self.count), tag_of(hash))
    }

    /// The same in the second bucket.
    #[inline]
    pub fn second_candidate(&self, hash: u64) -> Option<u32> {
        if self.has_second(hash) { self.candidate(self.second_place(hash), tag_of(hash)) } else { None }
    }

    #[inline]
    fn has_second(&self, hash: u64) -> bool {
        let first = self.buckets.get(scale(hash as u32, self.count) as usize);
        first.is_some_and(|bucket| bucket[ELSEWHERE] != 0)
    }

    #[inline]
    fn second_place(&self, hash: u64) -> u32 {
        other_place(scale(hash as u32, self.count), tag_of(hash), self.count)
    }

    #[inline(always)]
    fn prefetch(&self, place: u32) {
        if let Some(bucket) = self.buckets.get(place as usize) {
            prefetch(bucket);
        }
    }

    #[inline(always)]
    fn candidate(&self, place: u32, tag: u16) -> Option<u32> {
        let bucket = self.buckets.get(place as usize)?;
        Matches::of(bucket, tag).first().map(|entry| position_at(bucket, entry))
    }
}

/// Which entries of a bucket carry a tag, a bit each: found without a branch, since which one it is cannot be foreseen.
#[derive(Clone, Copy)]
struct Matches(u32);

impl Matches {
    #[inline(always)]
    fn of(bucket: &Bucket, tag: u16) -> Self {
        Self(equal_halves(bucket, tag) & ((1 << BUCKET_ENTRIES) - 1))
    }

    /// The first entry.
    #[inline(always)]
    fn first(self) -> Option<usize> {
        (self.0 != 0).then_some(self.0.trailing_zeros() as usize)
    }

    /// All but the first.
    #[inline(always)]
    fn rest(self) -> Self {
        Self(self.0 & self.0.wrapping_sub(1))
    }
}

#[inline]
fn position_at(bucket: &Bucket, entry: usize) -> u32 {
    word_at(bucket, entry) & !IS_SECOND
}

/// The position of an entry, and whether it is in its second bucket.
#[inline]
fn word_at(bucket: &Bucket, entry: usize) -> u32 {
    bucket.get(TAG_WORDS + entry).copied().unwrap_or(0)
}

fn tag_at(bucket: &Bucket, entry: usize) -> u16 {
    (bucket.get(entry / 2).copied().unwrap_or(0) >> (entry % 2 * 16)) as u16
}

#[inline]
fn entry_of(bucket: &Bucket, tag: u16, position: u32) -> Option<usize> {
    let mut left = Matches::of(bucket, tag);
    while let Some(entry) = left.first() {
        if word_at(bucket, entry) == position {
            return Some(entry);
        }
        left = left.rest();
    }
    None
}

#[inline]
fn set_tag(bucket: &mut Bucket, entry: usize, tag: u16) {
    let shift = entry % 2 * 16;
    if let Some(tags) = bucket.get_mut(entry / 2) {
        *tags = *tags & !(0xffff << shift) | u32::from(tag) << shift;
    }
}

#[inline]
fn set_entry(bucket: &mut Bucket, entry: usize, tag: u16, position: u32) {
    set_tag(bucket, entry, tag);
    if let Some(place) = bucket.get_mut(TAG_WORDS + entry) {
        *place = position;
    }
}

/// Memory of a table, to be advised about before it is first written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Where it begins.
    pub address: usize,
    /// How long it is.
    pub octets: usize,
}

impl Region {
    fn of<T>(memory: &[T]) -> Self {
        Self { address: memory.as_ptr().expose_provenance(), octets: size_of_val(memory) }
    }
}

/// Entries at stable positions, at most a fixed number; memory is reserved at once and touched on use.
pub struct Slab<T> {
    entries: Vec<T>,
    free: FreePositions,
    capacity: usize,
}

impl<T> Slab<T> {
    /// An empty slab for at most `capacity` entries.
    pub fn new(capacity: u32) -> Self {
        let free = FreePositions::new(capacity);
        Self { entries: Vec::with_capacity(capacity as usize), free, capacity: capacity as usize }
    }

    /// Its memory.
    pub fn region(&self) -> Region {
        Region { octets: self.capacity * size_of::<T>(), ..Region::of(&self.entries) }
    }

    /// Number of entries in use.
    pub fn len(&self) -> usize {
        self.entries.len() - self.free.count
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

    /// The position of the entry that is stored next, if there is room.
    #[inline]
    pub fn vacant(&self) -> Option<u32> {
        let fresh = (self.entries.len() < self.capacity).then_some(self.entries.len() as u32);
        self.free.first().or(fresh)
    }

    /// Stores an entry and returns its position.
    #[inline]
    pub fn insert(&mut self, entry: T) -> Result<u32, TableFull> {
        if let Some(position) = self.free.take() {
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
        self.free.put(position);
    }

    /// Asks for the first cache line of an entry that is needed soon.
    #[inline]
    pub fn prefetch(&self, position: u32) {
        if let Some(entry) = self.entries.get(position as usize) {
            prefetch(entry);
        }
    }

    /// The entry at a position.
    #[inline]
    pub fn get(&self, position: u32) -> Option<&T> {
        self.entries.get(position as usize)
    }

    /// The entry at a position, to be changed.
    #[inline]
    pub fn get_mut(&mut self, position: u32) -> Option<&mut T> {
        self.entries.get_mut(position as usize)
    }
}

/// Levels of [`FreePositions`]: 2^30 positions.
const LEVELS: usize = 5;

/// Which positions are free, a bit each, and above that a bit for each word that has any: an eighth of an octet for a position
/// where a list would take four. The lowest is taken first.
struct FreePositions {
    levels: [Vec<u64>; LEVELS],
    count: usize,
    /// The first word of the lowest level that has any, if there are any at all.
    first: usize,
}

impl FreePositions {
    /// None of `capacity` positions.
    fn new(capacity: u32) -> Self {
        let mut words = capacity as usize;
        let levels = core::array::from_fn(|_| {
            words = words.div_ceil(64).max(1);
            alloc::vec![0; words]
        });
        Self { levels, count: 0, first: 0 }
    }

    fn put(&mut self, position: u32) {
        let mut at = position as usize;
        self.first = if self.count == 0 { at / 64 } else { self.first.min(at / 64) };
        self.count += 1;
        for level in &mut self.levels {
            let Some(word) = level.get_mut(at / 64) else { return };
            let had_any = *word != 0;
            *word |= 1 << (at % 64);
            if had_any {
                return;
            }
            at /= 64;
        }
    }

    /// The one that is taken next.
    #[inline]
    fn first(&self) -> Option<u32> {
        let word = self.levels.first()?.get(self.first).filter(|_| self.count > 0)?;
        Some((self.first * 64) as u32 + word.trailing_zeros())
    }

    #[inline]
    fn take(&mut self) -> Option<u32> {
        if self.count == 0 {
            return None;
        }
        let first = self.first;
        let word = self.levels.first_mut()?.get_mut(first)?;
        let position = first * 64 + word.trailing_zeros() as usize;
        *word &= word.wrapping_sub(1);
        self.count -= 1;
        if *word == 0 {
            self.leave_word(first);
        }
        Some(position as u32)
    }

    /// The word of the lowest level that came first has none any more: the next one that has takes its place.
    fn leave_word(&mut self, first: usize) {
        let (mut at, mut height) = (first, 0);
        for (level, above) in (1..).zip(self.levels.iter_mut().skip(1)) {
            let Some(word) = above.get_mut(at / 64) else { return };
            *word &= !(1 << (at % 64));
            height = level;
            at /= 64;
            if *word != 0 {
                break;
            }
        }
        for level in self.levels.iter().take(height + 1).skip(1).rev() {
            let Some(word) = level.get(at).filter(|word| **word != 0) else { return };
            at = at * 64 + word.trailing_zeros() as usize;
        }
        self.first = at;
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
    fn every_bucket_knows_how_many_of_its_entries_are_elsewhere() {
        let hash = KeyedHash::new(&[5; 16]);
        let hash = |position: u32| hash.hash(u128::from(position));
        let (mut index, mut stored) = (Index::new(900), alloc::collections::BTreeSet::new());
        let mut random = 1_u64;
        for _ in 0..30_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let position = (random >> 33) as u32 % 1_200;
            if !stored.contains(&position) {
                // Up to the last place, and beyond.
                let is_new = index.insert_new(hash(position), position, |at| at == position);
                if is_new {
                    stored.insert(position);
                }
            } else if random >> 60 < 3 {
                assert!(!index.insert_new(hash(position), position, |at| at == position));
                assert!(index.remove(hash(position), position) && stored.remove(&position));
            } else {
                assert!(index.replace(hash(position), position, position) && !index.replace(hash(position), 5_000, 1));
            }
            let found = index.find(hash(position), |at| at == position);
            assert_eq!(found, stored.contains(&position).then_some(position));
        }
        let mut elsewhere = alloc::vec![0; index.count as usize];
        for position in &stored {
            let (first, tag) = (scale(hash(*position) as u32, index.count), tag_of(hash(*position)));
            let bucket = index.bucket(index.other_place(first, tag)).unwrap_or(&[0; LINE_WORDS]);
            elsewhere[first as usize] += u32::from(entry_of(bucket, tag, position | IS_SECOND).is_some());
            assert_eq!(index.find(hash(*position), |at| at == *position), Some(*position));
        }
        let counted: alloc::vec::Vec<u32> = index.buckets.all().iter().map(|bucket| bucket[ELSEWHERE]).collect();
        assert_eq!(counted, elsewhere);
        assert!(elsewhere.iter().sum::<u32>() > 50);
    }

    #[test]
    fn matches_are_the_entries_with_the_tag() {
        let tags: [u16; BUCKET_ENTRIES] = [7, 8, 0x8007, 6, 7, 0xffff, 0, 7, 0x7fff, 7];
        let mut bucket = [u32::MAX; LINE_WORDS];
        tags.iter().enumerate().for_each(|(entry, tag)| set_entry(&mut bucket, entry, *tag, 0));
        for wanted in [7, 6, 8, 0, 0x8007, 0xffff, 0x7fff, 0x8000] {
            let mut left = Matches::of(&bucket, wanted);
            let mut found = alloc::vec::Vec::new();
            while let Some(entry) = left.first() {
                found.push(entry);
                left = left.rest();
            }
            found.sort_unstable();
            let expected: alloc::vec::Vec<usize> = (0..BUCKET_ENTRIES).filter(|at| tags[*at] == wanted).collect();
            assert_eq!(found, expected, "{wanted:x}");
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
    fn free_positions_are_taken_lowest_first_however_far_apart() {
        let mut free = FreePositions::new(1_000_000);
        assert_eq!(free.take(), None);
        for position in [999_999, 64, 63, 4_096, 0, 262_144] {
            free.put(position);
        }
        assert_eq!((free.take(), free.take()), (Some(0), Some(63)));
        free.put(5);
        let rest: alloc::vec::Vec<_> = core::iter::from_fn(|| free.take()).collect();
        assert_eq!((rest.as_slice(), free.count), (&[5, 64, 4_096, 262_144, 999_999][..], 0));
    }

    #[test]
    fn free_positions_come_back_in_their_order_whatever_comes_between() {
        let (mut free, mut expected) = (FreePositions::new(300_000), alloc::collections::BTreeSet::new());
        let mut random = 1_u64;
        for step in 0..200_000_u32 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Far apart and close together, more of them and less in turn.
            let range = if random >> 62 == 0 { 300_000 } else { 5_000 };
            let position = (random >> 33) as u32 % range;
            let puts = (random >> 20) % 8 < if step / 20_000 % 2 == 0 { 5 } else { 2 };
            if puts && expected.insert(position) {
                free.put(position);
            } else {
                assert_eq!(free.take(), expected.pop_first());
            }
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
