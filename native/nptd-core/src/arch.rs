//! The one module of the core with `unsafe`: instructions that the language does not offer.
//!
//! Memory in whole cache lines that is touched on use, and the keyed hash of the tables. Where the processor has AES instructions a key is mixed by four AES rounds with
//! a random key, 1 to 2 ns for 16 octets; elsewhere by SipHash-1-3. Neither is ever visible outside the tables.
#![allow(unsafe_code)]

use alloc::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use core::ptr::NonNull;

use siphasher::sip::SipHasher13;

/// A keyed hash of 16 octets.
#[derive(Clone, Copy)]
pub struct KeyedHash {
    sip: SipHasher13,
    #[cfg(target_arch = "x86_64")]
    aes: Option<x86::AesKey>,
}

impl KeyedHash {
    /// A hash function from its key, which has to be random per boot.
    pub fn new(key: &[u8; 16]) -> Self {
        Self {
            sip: SipHasher13::new_with_key(key),
            #[cfg(target_arch = "x86_64")]
            aes: x86::AesKey::detect(key),
        }
    }

    /// Hash of a key of several packed words: each is mixed with what its predecessors gave, which nobody without the key
    /// can foresee.
    #[inline]
    pub fn hash_words<const N: usize>(&self, words: [u128; N]) -> u64 {
        #[cfg(target_arch = "x86_64")]
        if let Some(aes) = &self.aes {
            return aes.hash_words(words);
        }
        words.into_iter().fold(0, |hash, word| self.sip.hash(&(word ^ u128::from(hash)).to_le_bytes()))
    }

    /// Hashes of packed keys, as many as there is room for.
    #[inline]
    pub fn hash_all(&self, keys: &[u128], hashes: &mut [u64]) {
        self.hash_each(keys.iter().zip(hashes), |(key, _)| [**key], |(_, place), hash| *place = hash);
    }

    /// Hashes the keys of many, each of several packed words: the instruction set is looked at once for all of them.
    #[inline(always)]
    pub fn hash_each<I: Iterator, const N: usize>(
        &self,
        items: I,
        words: impl Fn(&I::Item) -> [u128; N],
        mut take: impl FnMut(I::Item, u64),
    ) {
        #[cfg(target_arch = "x86_64")]
        if let Some(aes) = &self.aes {
            return aes.hash_each(items, words, take);
        }
        for item in items {
            let hash = self.hash_words(words(&item));
            take(item, hash);
        }
    }

    /// Hash of a packed key.
    #[inline]
    pub fn hash(&self, key: u128) -> u64 {
        #[cfg(target_arch = "x86_64")]
        if let Some(aes) = &self.aes {
            return aes.hash(key);
        }
        self.sip.hash(&key.to_le_bytes())
    }
}

/// Words of a cache line.
pub const LINE_WORDS: usize = 16;

/// One cache line.
pub type Line = [u32; LINE_WORDS];

/// Cache lines, each in one piece, of memory that is zero and nobody has touched.
///
/// A vector of aligned lines would be written to when it is made.
pub struct Lines {
    memory: NonNull<u8>,
    layout: Layout,
    first: NonNull<Line>,
    count: usize,
}

// SAFETY: it owns its memory as a vector does, and lends it as one does.
unsafe impl Send for Lines {}
// SAFETY: as above.
unsafe impl Sync for Lines {}

impl Lines {
    /// So many lines of zeroes. Aborts, as a vector does, where there is no memory for them.
    pub fn zeroed(count: usize) -> Self {
        // One more than asked for has room for as many that begin where a cache line does; never of size 0.
        let layout = Layout::array::<Line>(count + 1).unwrap_or_else(|_| handle_alloc_error(Layout::new::<Line>()));
        // SAFETY: the layout has a size above 0.
        let memory = NonNull::new(unsafe { alloc_zeroed(layout) }).unwrap_or_else(|| handle_alloc_error(layout));
        let offset = memory.addr().get().wrapping_neg() % size_of::<Line>();
        // SAFETY: the offset is less than the one line that was asked for beyond `count`.
        let first = unsafe { memory.byte_add(offset) }.cast();
        Self { memory, layout, first, count }
    }

    /// All of them.
    #[inline(always)]
    pub fn all(&self) -> &[Line] {
        // SAFETY: `count` lines follow from there, zeroed at first and written to by `all_mut` alone.
        unsafe { core::slice::from_raw_parts(self.first.as_ptr(), self.count) }
    }

    /// All of them, to be changed.
    #[inline(always)]
    pub fn all_mut(&mut self) -> &mut [Line] {
        // SAFETY: as above.
        unsafe { core::slice::from_raw_parts_mut(self.first.as_ptr(), self.count) }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and nothing refers to it any more.
        unsafe { dealloc(self.memory.as_ptr(), self.layout) }
    }
}

/// Asks for the cache line of a value that is needed soon.
#[inline(always)]
pub fn prefetch<T>(value: &T) {
    let address = core::ptr::from_ref(value);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch is a hint: it reads and writes nothing, and every processor of this architecture has it.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        core::arch::asm!("prfm pldl1keep, [{0}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}

/// Which of the 16-bit halves of the first eight words have a value, a bit each, the lower half of a word first.
#[inline(always)]
pub fn equal_halves(words: &Line, value: u16) -> u32 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every processor of this architecture has SSE2.
    unsafe {
        x86::equal_halves(words, value)
    }
    #[cfg(not(target_arch = "x86_64"))]
    equal_halves_anywhere(words, value)
}

/// The same on any processor.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn equal_halves_anywhere(words: &Line, value: u16) -> u32 {
    let halves = words.iter().take(8).flat_map(|word| [*word as u16, (word >> 16) as u16]);
    (0..).zip(halves).fold(0, |bits, (at, half)| bits | u32::from(half == value) << at)
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use core::arch::x86_64::{
        __cpuid, __m128i, _mm_aesenc_si128, _mm_cmpeq_epi16, _mm_cvtsi128_si64, _mm_loadu_si128, _mm_movemask_epi8,
        _mm_packs_epi16, _mm_set_epi64x, _mm_set1_epi16, _mm_unpackhi_epi64, _mm_xor_si128,
    };

    /// Bit of leaf 1, register ECX: AES instructions.
    const AES: u32 = 1 << 25;

    /// The key, and the proof that the processor has AES instructions: nothing else makes one.
    #[derive(Clone, Copy)]
    pub struct AesKey([u64; 2]);

    impl AesKey {
        /// A key for a processor with AES instructions; none for another.
        pub fn detect(key: &[u8; 16]) -> Option<Self> {
            let [low, high] =
                [0, 8].map(|at| key.get(at..).and_then(|rest| rest.first_chunk()).map(|c| u64::from_le_bytes(*c)));
            ((__cpuid(1).ecx & AES) != 0).then_some(Self([low?, high?]))
        }

        #[inline]
        pub fn hash(&self, input: u128) -> u64 {
            // SAFETY: a value of this type exists only where `detect` has found AES instructions.
            unsafe { self.mix(input) }
        }

        #[inline(always)]
        pub fn hash_each<I: Iterator, const N: usize>(
            &self,
            items: I,
            words: impl Fn(&I::Item) -> [u128; N],
            take: impl FnMut(I::Item, u64),
        ) {
            // SAFETY: as above.
            unsafe { self.mix_each(items, words, take) }
        }

        #[inline]
        pub fn hash_words<const N: usize>(&self, words: [u128; N]) -> u64 {
            // SAFETY: as above.
            unsafe { self.mix_words(words) }
        }

        #[target_feature(enable = "aes,sse2")]
        #[inline]
        fn mix_words<const N: usize>(&self, words: [u128; N]) -> u64 {
            words.into_iter().fold(0, |hash, word| self.mix(word ^ u128::from(hash)))
        }

        #[target_feature(enable = "aes,sse2")]
        fn mix_each<I: Iterator, const N: usize>(
            &self,
            items: I,
            words: impl Fn(&I::Item) -> [u128; N],
            mut take: impl FnMut(I::Item, u64),
        ) {
            for item in items {
                let hash = self.mix_words(words(&item));
                take(item, hash);
            }
        }

        #[target_feature(enable = "aes,sse2")]
        #[inline]
        fn mix(&self, input: u128) -> u64 {
            let [low, high] = self.0;
            let key = pair(low, high);
            // A second key, so that the rounds are not all the same.
            let other = pair(high ^ 0x9e37_79b9_7f4a_7c15, low);
            let mut state = _mm_xor_si128(pair(input as u64, (input >> 64) as u64), key);
            state = _mm_aesenc_si128(state, other);
            state = _mm_aesenc_si128(state, key);
            state = _mm_aesenc_si128(state, other);
            state = _mm_aesenc_si128(state, key);
            (_mm_cvtsi128_si64(state) ^ _mm_cvtsi128_si64(_mm_unpackhi_epi64(state, state))) as u64
        }
    }

    #[target_feature(enable = "sse2")]
    #[inline]
    pub fn equal_halves(words: &super::Line, value: u16) -> u32 {
        let (wanted, start) = (_mm_set1_epi16(value as i16), words.as_ptr().cast::<__m128i>());
        // SAFETY: 32 of 64 octets are read, wherever they lie.
        let (low, high) = unsafe { (_mm_loadu_si128(start), _mm_loadu_si128(start.add(1))) };
        let (low, high) = (_mm_cmpeq_epi16(low, wanted), _mm_cmpeq_epi16(high, wanted));
        _mm_movemask_epi8(_mm_packs_epi16(low, high)) as u32
    }

    #[target_feature(enable = "sse2")]
    #[inline]
    fn pair(low: u64, high: u64) -> __m128i {
        _mm_set_epi64x(high as i64, low as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn one_bit_of_the_input_changes_half_of_the_hash() {
        let hash = KeyedHash::new(&[0x5a; 16]);
        for base in [0, u128::MAX, 0x0a00_000b_0a00_000c_1388_01bb] {
            let flips: Vec<u32> =
                (0..128).map(|bit| (hash.hash(base) ^ hash.hash(base ^ 1 << bit)).count_ones()).collect();
            let total: u32 = flips.iter().sum();
            assert!(flips.iter().all(|count| (12..=52).contains(count)), "{flips:?}");
            assert!((128 * 28..=128 * 36).contains(&total), "{total} of 8192 bits");
        }
    }

    #[test]
    fn neighbouring_keys_spread_evenly_over_buckets() {
        let hash = KeyedHash::new(&[3; 16]);
        let mut buckets = [0u32; 256];
        for key in 0..65_536u128 {
            buckets[(hash.hash(key << 32) % 256) as usize] += 1;
        }
        assert!(buckets.iter().all(|count| (160..=360).contains(count)), "{buckets:?}");
    }

    #[test]
    fn a_batch_has_the_hashes_of_its_keys() {
        let hash = KeyedHash::new(&[7; 16]);
        let keys = [1, u128::MAX, 9 << 96];
        let mut hashed = keys.map(|key| (key, 0));
        hash.hash_each(hashed.iter_mut(), |(key, _)| [*key, 1], |(_, place), hash| *place = hash);
        assert_eq!(hashed, keys.map(|key| (key, hash.hash_words([key, 1]))));
        let mut hashes = [0; 3];
        hash.hash_all(&keys, &mut hashes);
        assert_eq!(hashes, keys.map(|key| hash.hash(key)));
    }

    #[test]
    fn lines_are_whole_zero_and_apart() {
        for count in [0, 1, 7, 1_000] {
            let mut lines = Lines::zeroed(count);
            assert_eq!((lines.all().as_ptr().addr() % 64, lines.all().len()), (0, count));
            assert!(lines.all().iter().flatten().all(|word| *word == 0));
            (0..).zip(lines.all_mut()).for_each(|(number, line)| *line = [number; LINE_WORDS]);
            assert!((0..).zip(lines.all()).all(|(number, line)| *line == [number; LINE_WORDS]));
        }
    }

    #[test]
    fn equal_halves_are_the_same_on_every_processor() {
        let words: [u32; 16] = core::array::from_fn(|at| (at as u32 % 3) << 16 | (at as u32 % 2));
        for value in 0..4 {
            assert_eq!(equal_halves(&words, value), equal_halves_anywhere(&words, value));
        }
        assert_eq!(equal_halves(&[7; 16], 7), 0x5555);
        assert_eq!(equal_halves(&[0x7_0000; 16], 7), 0xaaaa);
    }

    #[test]
    fn the_key_decides() {
        assert_ne!(KeyedHash::new(&[1; 16]).hash(42), KeyedHash::new(&[2; 16]).hash(42));
    }
}
