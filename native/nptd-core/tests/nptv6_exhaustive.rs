//! The address mapping of RFC 6296, checked over whole ranges instead of by example: checksum-neutral (6296-2.6),
//! reversible, and injective for each prefix pair, against arithmetic modulo 65,535 on wide integers.

use nptd_core::nptv6::PrefixPair;
use nptd_core::plan::spec::{Nptv6Spec, PrefixPairSpec};
use nptd_core::verdict::DropReason;

const SPEC: Nptv6Spec = Nptv6Spec { translate_zero_interface_id: true, forward_unassigned_icmp: false };
const INTERNAL_48: u128 = 0xfd01_0203_0405 << 80;

/// Words around every carry.
const EDGES: [u16; 12] = [0, 1, 2, 0x00ff, 0x0100, 0x7ffe, 0x7fff, 0x8000, 0x8001, 0xfffc, 0xfffd, 0xfffe];

fn pair(internal: (u128, u8), external: (u128, u8)) -> PrefixPair {
    PrefixPair::new(PrefixPairSpec { internal, external })
        .unwrap_or_else(|problem| panic!("{internal:x?} {external:x?}: {problem}"))
}

/// 2001:db8:x::/48
fn external_48(word: u16) -> u128 {
    0x2001_0db8 << 96 | u128::from(word) << 80
}

/// Sum of the eight words as a residue: two addresses with the same one are the same to a transport checksum.
fn residue(address: u128) -> u32 {
    (0..8).map(|word| (address >> (16 * word)) as u16).map(u32::from).sum::<u32>() % 0xffff
}

/// Maps an address out and back, and checks what must hold of any mapping.
fn mapped(pair: &PrefixPair, internal: u128) -> u128 {
    let external = pair.outbound(internal, SPEC).unwrap_or_else(|reason| panic!("{internal:x}: {reason:?}"));
    assert!(pair.external().contains(external), "{internal:x} leaves the external prefix: {external:x}");
    assert_eq!(residue(internal), residue(external), "{internal:x} {external:x} differ in their sum");
    assert_eq!(pair.inbound(external, SPEC), Ok(internal), "{external:x} does not come back");
    external
}

/// A set of 16-bit words.
struct Words(Vec<bool>);

impl Words {
    fn new() -> Self {
        Self(vec![false; 1 << 16])
    }

    fn add(&mut self, word: u16) -> bool {
        !core::mem::replace(&mut self.0[usize::from(word)], true)
    }
}

#[test]
fn every_subnet_maps_to_one_of_its_own_for_every_carry_6296_3_2b_6296_3_4b() {
    for word in EDGES {
        let pair = pair((INTERNAL_48, 48), (external_48(word), 48));
        let adjustment = u32::from(pair.adjustment());
        let mut seen = Words::new();
        for subnet in 0..0xffff_u16 {
            let external = mapped(&pair, INTERNAL_48 | u128::from(subnet) << 64 | 0x1234);
            let got = (external >> 64) as u16;
            assert_eq!(u32::from(got), (u32::from(subnet) + adjustment) % 0xffff, "subnet {subnet:x} of {word:x}");
            assert!(seen.add(got), "subnet {got:x} of {word:x} twice");
            assert_eq!(external as u64, 0x1234);
        }
        let all_ones = u128::from(u16::MAX) << 64;
        assert_eq!(pair.outbound(INTERNAL_48 | all_ones, SPEC), Err(DropReason::SubnetNotMapped));
        assert_eq!(pair.inbound(external_48(word) | all_ones, SPEC), Err(DropReason::SubnetNotMapped));
    }
}

#[test]
fn every_adjustment_maps_the_subnets_around_its_carries_6296_3_2b_6296_3_3() {
    let mut adjustments = Words::new();
    for word in 0..=u16::MAX {
        let pair = pair((INTERNAL_48, 48), (external_48(word), 48));
        adjustments.add(pair.adjustment());
        let carry = 0xffff - pair.adjustment();
        let near = [carry.wrapping_sub(1), carry, carry.wrapping_add(1)].into_iter().filter(|word| *word != 0xffff);
        for subnet in EDGES.into_iter().chain(near) {
            mapped(&pair, INTERNAL_48 | u128::from(subnet) << 64 | 1);
        }
    }
    // 0xffff is stored as 0, and every other word is some prefix's adjustment.
    assert_eq!(adjustments.0.iter().filter(|seen| !**seen).count(), 1);
    assert!(!adjustments.0[0xffff]);
}

#[test]
fn every_word_of_an_interface_identifier_is_adjusted_where_those_before_it_are_all_ones_6296_3_5a() {
    let internal = INTERNAL_48 | 0x0007 << 64;
    for last in EDGES {
        let pair = pair((internal, 64), (external_48(0x00aa) | u128::from(last) << 64, 64));
        let adjustment = u32::from(pair.adjustment());
        for place in 0..4 {
            let shift = 48 - 16 * place;
            let before = if place == 0 { 0 } else { u64::MAX << (shift + 16) };
            let after = if place == 3 { 0 } else { 0xabcd_u64 << (shift - 16) };
            let mut seen = Words::new();
            for word in 0..0xffff_u16 {
                let id = before | u64::from(word) << shift | after;
                let external = mapped(&pair, internal | u128::from(id)) as u64;
                let got = (external >> shift) as u16;
                assert_eq!(u32::from(got), (u32::from(word) + adjustment) % 0xffff);
                assert!(seen.add(got));
                assert_eq!(external ^ id, u64::from(got ^ word) << shift, "another word of {id:x} changed");
            }
        }
        assert_eq!(
            pair.outbound(internal | u128::from(u64::MAX), SPEC),
            Err(DropReason::InterfaceIdAllOnes),
            "6296-3.5b"
        );
    }
}

/// A generator of our own: the same addresses in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn address(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    /// A prefix of global or unique local scope.
    fn prefix(&mut self, length: u8) -> (u128, u8) {
        let first = if self.next() & 1 == 0 { 0x2 << 124 } else { 0xfc << 120 };
        let kept = if first >> 124 == 0x2 { 3 } else { 7 };
        let address = first & high_bits(kept) | self.address() & !high_bits(kept);
        (address & high_bits(length), length)
    }
}

fn high_bits(length: u8) -> u128 {
    u128::MAX << (128 - u32::from(length))
}

#[test]
fn all_pairs_of_lengths_are_reversible_and_neutral_6296_2_1b_6296_2_2() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for internal_length in 1..=64 {
        for external_length in 1..=64 {
            let (internal, external) = (random.prefix(internal_length), random.prefix(external_length));
            // A short prefix may cover what no router forwards.
            let Ok(pair) = PrefixPair::new(PrefixPairSpec { internal, external }) else { continue };
            for _ in 0..16 {
                check_random_address(&pair, internal.0, internal_length.max(external_length), random.address());
            }
        }
    }
}

fn check_random_address(pair: &PrefixPair, prefix: u128, longer: u8, random: u128) {
    let address = prefix | random & !high_bits(longer);
    let is_mappable = if longer <= 48 { (address >> 64) as u16 != 0xffff } else { address as u64 != u64::MAX };
    if is_mappable {
        mapped(pair, address);
    }
    // 6296-3.7a: bits where the shorter internal prefix is extended with zeros have no counterpart.
    let extension = high_bits(longer) & !high_bits(pair.internal().length());
    let stray = address | random & extension;
    if stray & extension != 0 {
        assert_eq!(pair.outbound(stray, SPEC), Err(DropReason::SubnetNotMapped));
    }
}
