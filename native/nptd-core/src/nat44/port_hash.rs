//! The keyed hash of port choice (docs/decisions.md, "External address and port"): SipHash-2-4.
//!
//! The candidates of one mapping are hashes of messages that differ in their last octet only, so that all but the end is
//! reckoned once.

use siphasher::sip::SipHasher24;

use super::mapping::InternalKey;

/// The hash of one boot.
#[derive(Clone, Copy)]
pub(super) struct PortHash {
    hasher: SipHasher24,
    key: [u64; 2],
}

/// The hashes of one mapping, at one number of allocations.
#[derive(Clone, Copy)]
pub(super) struct Candidates {
    state: Sip,
    /// The end of the message as it goes into the hash, without its last octet.
    end: u64,
}

/// Octets of a message.
const MESSAGE_LEN: u64 = 20;

impl PortHash {
    /// From a key of 128 bits.
    pub fn new(secret: &[u8; 16]) -> Self {
        let (words, _) = secret.as_chunks::<8>();
        let mut key = [0; 2];
        key.iter_mut().zip(words).for_each(|(word, octets)| *word = u64::from_le_bytes(*octets));
        Self { hasher: SipHasher24::new_with_key(secret), key }
    }

    /// Of any message.
    pub fn of(&self, message: &[u8]) -> u64 {
        self.hasher.hash(message)
    }

    /// What is highest for the external address that an internal one is paired with.
    pub fn pairing(&self, internal: u32, external: u32) -> u64 {
        self.of(&(u64::from(internal) << 32 | u64::from(external)).to_be_bytes())
    }

    /// Of protocol, internal endpoint, external address, counter, and a number to come.
    #[inline]
    pub fn candidates(&self, key: &InternalKey, external: u32, counter: u64) -> Candidates {
        let first = u64::from(key.protocol.number()) << 56
            | u64::from(key.internal.address) << 24
            | u64::from(key.internal.port) << 8
            | u64::from(external >> 24);
        let second = u64::from(external) << 40 | counter >> 24;
        let mut state = Sip::new(self.key);
        // Octets in the order of the message are words from their lowest one on.
        state.absorb(first.swap_bytes());
        state.absorb(second.swap_bytes());
        Candidates { state, end: ((counter as u32) << 8).swap_bytes() as u64 | MESSAGE_LEN << 56 }
    }
}

impl Candidates {
    /// The `k`-th.
    #[inline]
    pub fn nth(&self, k: u8) -> u64 {
        let mut state = self.state;
        state.absorb(self.end | u64::from(k) << 24);
        state.finish()
    }
}

#[derive(Clone, Copy)]
struct Sip([u64; 4]);

impl Sip {
    #[inline]
    fn new([low, high]: [u64; 2]) -> Self {
        Self([
            low ^ 0x736f_6d65_7073_6575,
            high ^ 0x646f_7261_6e64_6f6d,
            low ^ 0x6c79_6765_6e65_7261,
            high ^ 0x7465_6462_7974_6573,
        ])
    }

    #[inline]
    fn absorb(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.round();
        self.0[0] ^= word;
    }

    #[inline]
    fn finish(mut self) -> u64 {
        self.0[2] ^= 0xff;
        (0..4).for_each(|_| self.round());
        let [a, b, c, d] = self.0;
        a ^ b ^ c ^ d
    }

    #[inline]
    fn round(&mut self) {
        let [mut a, mut b, mut c, mut d] = self.0;
        a = a.wrapping_add(b);
        b = b.rotate_left(13) ^ a;
        a = a.rotate_left(32);
        c = c.wrapping_add(d);
        d = d.rotate_left(16) ^ c;
        a = a.wrapping_add(d);
        d = d.rotate_left(21) ^ a;
        c = c.wrapping_add(b);
        b = b.rotate_left(17) ^ c;
        c = c.rotate_left(32);
        self.0 = [a, b, c, d];
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::nat44::{Endpoint, Protocol};

    #[test]
    fn candidates_are_siphash_of_the_written_message() {
        let mut random = 1_u64;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            random ^ random >> 29
        };
        for _ in 0..1_000 {
            let secret = (u128::from(next()) << 64 | u128::from(next())).to_le_bytes();
            let internal = Endpoint { address: next() as u32, port: next() as u16 };
            let (protocol, external, counter) = (Protocol::from_number(next() as u8), next() as u32, next());
            let key = InternalKey { slot: 0, protocol, internal };
            for k in [0, 1, 15, 255] {
                let mut message = Vec::from([protocol.number()]);
                message.extend({ internal.address }.to_be_bytes());
                message.extend({ internal.port }.to_be_bytes());
                message.extend(external.to_be_bytes());
                message.extend(counter.to_be_bytes());
                message.push(k);
                let expected = SipHasher24::new_with_key(&secret).hash(&message);
                assert_eq!(PortHash::new(&secret).candidates(&key, external, counter).nth(k), expected);
            }
        }
    }
}
