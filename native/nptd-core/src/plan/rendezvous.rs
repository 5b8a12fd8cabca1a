//! Weighted rendezvous: every key gives every uplink a score, and takes the one with the best. So each gets its share of the
//! keys, and one that comes or goes moves no key but its own (docs/decisions.md, "Policies").

use siphasher::sip::SipHasher24;

use super::spec::PersistenceSpec;
use super::subject::{Addresses, Subject};

/// Fractional bits of a binary logarithm.
const FRACTION_BITS: u32 = 24;

/// Octets of the longest key, the slot after it included: protocol, and address and port twice.
const KEY_LEN_MAX: usize = 1 + 2 * (16 + 2) + 1;

/// Scores by the secret of this boot.
#[derive(Clone, Copy)]
pub struct Rendezvous(SipHasher24);

/// What keeps taking the same uplink.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    octets: [u8; KEY_LEN_MAX],
    len: usize,
}

/// A score with the weight it is divided by: the smallest quotient is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    /// 64 less the binary logarithm of the hash, with 24 fractional bits; below 2^31 and above 0.
    pub distance: u32,
    /// Above 0.
    pub weight: u16,
}

impl Score {
    /// Whether this one is better than another.
    pub fn beats(self, other: Self) -> bool {
        u64::from(self.distance) * u64::from(other.weight) < u64::from(other.distance) * u64::from(self.weight)
    }
}

impl Rendezvous {
    /// From the secret.
    pub fn new(secret: &[u8; 16]) -> Self {
        Self(SipHasher24::new_with_key(secret))
    }

    /// The score of an uplink.
    pub fn score(&self, key: &Key, slot: u8, weight: u16) -> Score {
        let key = key.with(&[slot]);
        let hash = self.0.hash(key.octets.get(..key.len).unwrap_or(&[]));
        Score { distance: distance(hash), weight }
    }
}

impl Key {
    /// The key of a flow.
    pub fn new(subject: &Subject, persistence: PersistenceSpec) -> Self {
        let (source_port, destination_port) = subject.ports;
        let empty = Self { octets: [0; KEY_LEN_MAX], len: 0 };
        let keyed = |source: &[u8], destination: &[u8]| match persistence {
            PersistenceSpec::Source => empty.with(source),
            PersistenceSpec::SourceDestination => empty.with(source).with(destination),
            PersistenceSpec::Flow => {
                let internal = empty.with(&[subject.protocol]).with(source).with(&source_port.to_be_bytes());
                internal.with(destination).with(&destination_port.to_be_bytes())
            }
        };
        match subject.addresses {
            Addresses::V4 { source, destination } => keyed(&source.to_be_bytes(), &destination.to_be_bytes()),
            Addresses::V6 { source, destination } => keyed(&source.to_be_bytes(), &destination.to_be_bytes()),
        }
    }

    fn with(mut self, octets: &[u8]) -> Self {
        for (place, octet) in self.octets.iter_mut().skip(self.len).zip(octets) {
            *place = *octet;
        }
        self.len = (self.len + octets.len()).min(KEY_LEN_MAX);
        self
    }
}

/// 64 less the binary logarithm of a hash, by squaring: each square doubles the logarithm, and what passes 2 is its next bit.
fn distance(hash: u64) -> u32 {
    let value = hash | 1;
    let whole = value.ilog2();
    let mut mantissa = value << (63 - whole);
    let mut fraction = 0;
    for _ in 0..FRACTION_BITS {
        let square = (u128::from(mantissa) * u128::from(mantissa)) >> 63;
        let passes = square >> 64 != 0;
        fraction = fraction << 1 | u32::from(passes);
        mantissa = if passes { (square >> 1) as u64 } else { square as u64 };
    }
    (64 << FRACTION_BITS) - ((whole << FRACTION_BITS) + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(source: u32) -> Subject {
        let addresses = Addresses::V4 { source, destination: 0x0808_0808 };
        Subject { addresses, protocol: 6, ports: (1000, 443), has_ports: true, dscp: 0 }
    }

    fn best(rendezvous: &Rendezvous, source: u32, weights: &[(u8, u16)]) -> u8 {
        let key = Key::new(&subject(source), PersistenceSpec::Source);
        let scored = weights.iter().map(|(slot, weight)| (*slot, rendezvous.score(&key, *slot, *weight)));
        let best = scored.reduce(|best, next| if next.1.beats(best.1) { next } else { best });
        best.map_or(u8::MAX, |(slot, _)| slot)
    }

    #[test]
    fn a_distance_is_64_less_the_binary_logarithm() {
        assert_eq!(distance(0), 64 << 24);
        assert_eq!(distance(1 << 63), 1 << 24);
        assert_eq!(distance(u64::MAX), 1);
        for hash in [3, 1 << 20, 0xdead_beef_cafe_f00d, 0x1234_5678] {
            let exact = 64.0 - log2((hash | 1) as f64);
            let got = f64::from(distance(hash)) / f64::from(1 << 24);
            assert!((got - exact).abs() < 1e-6, "{hash:x}: {got} {exact}");
        }
    }

    /// A binary logarithm without a library, by its series.
    fn log2(value: f64) -> f64 {
        let mut whole = 0;
        let mut rest = value;
        while rest >= 2.0 {
            rest /= 2.0;
            whole += 1;
        }
        let x = (rest - 1.0) / (rest + 1.0);
        let (mut term, mut sum, mut n) = (x, 0.0, 1.0);
        while n < 60.0 {
            sum += term / n;
            term *= x * x;
            n += 2.0;
        }
        f64::from(whole) + 2.0 * sum / core::f64::consts::LN_2
    }

    #[test]
    fn an_uplink_gets_its_share_of_keys_and_one_that_goes_moves_its_own_only() {
        let rendezvous = Rendezvous::new(&[7; 16]);
        let (mut shares, mut moved) = ([0_u32; 3], 0);
        for source in 0..20_000 {
            let slot = best(&rendezvous, source, &[(0, 50), (1, 30), (2, 20)]);
            shares[usize::from(slot)] += 1;
            let without = best(&rendezvous, source, &[(0, 50), (1, 30)]);
            assert!(slot == 2 || without == slot);
            moved += u32::from(without != slot);
        }
        for (share, expected) in shares.iter().zip([10_000_i64, 6_000, 4_000]) {
            assert!((i64::from(*share) - expected).abs() < 300, "{shares:?}");
        }
        assert_eq!(moved, shares[2]);
    }

    #[test]
    fn persistence_says_what_the_key_is_made_of() {
        let of = |source, persistence| {
            let key = Key::new(&subject(source), persistence);
            key.octets.get(..key.len).map(<[u8]>::to_vec)
        };
        let source = [10, 0, 0, 1];
        assert_eq!(of(0x0a00_0001, PersistenceSpec::Source), Some(source.to_vec()));
        assert_eq!(of(0x0a00_0001, PersistenceSpec::SourceDestination), Some([source, [8; 4]].concat()));
        let flow = [&[6], &source[..], &[3, 232], &[8; 4], &[1, 187]].concat();
        assert_eq!(of(0x0a00_0001, PersistenceSpec::Flow), Some(flow));
    }
}
