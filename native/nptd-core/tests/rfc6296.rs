//! RFC 6296 on addresses and whole packets: the vectors of `fixtures/vectors/rfc6296.json`, every subnet of a few
//! pairs, and the properties that the RFC promises of any pair. Test names end with requirement ids.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::net::Ipv6Addr;

use nptd_core::nptv6::{self, PrefixPair, Upper};
use nptd_core::plan::spec::{Nptv6Spec, PrefixPairSpec};
use nptd_core::verdict::DropReason;
use nptd_core::wire::{ipv6, octets, protocol};
use proptest::prelude::*;
use serde_json::Value;

const STRICT: Nptv6Spec = Nptv6Spec { translate_zero_interface_id: false, forward_unassigned_icmp: false };
const LENIENT: Nptv6Spec = Nptv6Spec { translate_zero_interface_id: true, forward_unassigned_icmp: false };

// ---- Vectors ----

#[test]
fn every_address_vector_holds_6296_3_2b_3_3_3_4a_3_5a_3_6_3_7a_3_7b() {
    let vectors = fixture("vectors");
    for vector in &vectors {
        let pair = pair_of(vector);
        let outbound = vector["direction"] == "internal-to-external";
        let (from, to) = (address_in(vector, "internal_address"), address_in(vector, "external_address"));
        let (given, wanted, result) = if outbound {
            (from, to, pair.outbound(from.unwrap(), STRICT))
        } else {
            (to, from, pair.inbound(to.unwrap(), STRICT))
        };
        let expected = wanted.ok_or_else(|| reason_of(vector));
        assert_eq!(result, expected, "{}: {given:x?}", vector["id"]);
    }
    assert_eq!(vectors.len(), 411);
}

#[test]
fn every_adjustment_is_the_difference_of_the_prefix_sums_6296_3_1c() {
    for vector in &fixture("vectors") {
        let text = vector["adjustment"].as_str().unwrap();
        let printed = u16::from_str_radix(text.trim_start_matches("0x"), 16).unwrap();
        // The file keeps 0xffff, which is the same number as 0.
        assert_eq!(pair_of(vector).adjustment(), printed % 0xffff, "{}", vector["id"]);
    }
}

#[test]
fn every_translating_vector_returns_6296_3_3() {
    for vector in fixture("vectors").iter().filter(|vector| vector["action"] == "translate") {
        let pair = pair_of(vector);
        let (internal, external) = (address_in(vector, "internal_address"), address_in(vector, "external_address"));
        assert_eq!(pair.outbound(internal.unwrap(), LENIENT).ok(), external, "{}", vector["id"]);
        assert_eq!(pair.inbound(external.unwrap(), LENIENT).ok(), internal, "{}", vector["id"]);
    }
}

#[test]
fn hairpin_vectors_translate_both_addresses_6296_4_3a_4_3b() {
    let vectors = fixture("hairpin");
    for vector in &vectors {
        let pair = pair_of(vector);
        let at = |key| address_in(vector, key).unwrap();
        assert_eq!(pair.outbound(at("in_src"), STRICT), Ok(at("out_src")));
        assert_eq!(pair.inbound(at("in_dst"), STRICT), Ok(at("out_dst")));
    }
    assert_eq!(vectors.len(), 2);
}

#[test]
fn every_config_vector_is_accepted_or_refused_6296_4_1b_2_2() {
    let vectors = fixture("config");
    for vector in &vectors {
        let accepted = PrefixPair::new(spec_of(vector)).is_ok();
        assert_eq!(accepted, vector["accept"].as_bool().unwrap(), "{}", vector["why"]);
    }
    assert_eq!(vectors.len(), 7);
}

#[test]
fn every_packet_vector_holds_6296_2_6_6296b_icmp1_to_icmp7() {
    let vectors = fixture("packets");
    for vector in &vectors {
        let given = from_hex(vector["in"].as_str().unwrap());
        let result = gateway(&pair_of(vector), vector["arrives_on"] == "inside", &given);
        let expected = match vector["out"].as_str() {
            Some(out) => Ok(from_hex(out)),
            None => Err(reason_of(vector)),
        };
        assert_eq!(result, expected, "{}", vector["name"]);
    }
    assert_eq!(vectors.len(), 19);
}

// ---- Configuration ----

#[test]
fn prefixes_that_are_not_forwardable_unicast_are_refused_6296_4_1b() {
    let good = ("2001:db8:1::", 48);
    let bad = [
        ("::", 0, "a prefix is not 1 to 64 bits long"),
        ("2001:db8::", 65, "a prefix is not 1 to 64 bits long"),
        ("2001:db8:1::", 47, "a prefix has bits set beyond its length"),
        ("2001:db8::1", 64, "a prefix has bits set beyond its length"),
        ("ff0e::", 48, "a prefix overlaps the multicast range ff00::/8"),
        ("8000::", 1, "a prefix overlaps the multicast range ff00::/8"),
        ("fe80::", 64, "a prefix overlaps the link-local range fe80::/10"),
        ("fe80::", 9, "a prefix overlaps the link-local range fe80::/10"),
        ("::", 64, "a prefix overlaps the unspecified and loopback addresses"),
        ("::", 8, "a prefix overlaps the unspecified and loopback addresses"),
    ];
    for (address, length, problem) in bad {
        assert_eq!(PrefixPair::new(spec((address, length), good)).err(), Some(problem), "{address}/{length}");
        assert_eq!(PrefixPair::new(spec(good, (address, length))).err(), Some(problem), "{address}/{length}");
    }
}

#[test]
fn prefixes_are_kept_as_configured_6296_2_1b() {
    let pair = pair(("fd01:203::", 32), ("2001:db8:1:ab00::", 56));
    assert_eq!((pair.internal().length(), pair.external().length()), (32, 56));
    assert!(pair.internal().contains(address("fd01:203:ffff::1")));
}

// ---- Addresses ----

#[test]
fn all_subnets_of_a_48_bit_pair_translate_one_to_one_but_0xffff_6296_3_2a_3_4a_3_4b_4_2() {
    for (internal, external) in [
        (("fd01:203:405::", 48), ("2001:db8:1::", 48)),
        (("fd01:203:405::", 48), ("2001:db8:d550::", 48)), // adjustment 0
        (("fd01:203:404::", 47), ("2001:db8:fffe::", 47)),
    ] {
        let pair = pair(internal, external);
        let mut seen = vec![false; 0x1_0000];
        for subnet in 0..=u16::MAX {
            let internal = address(internal.0) | u128::from(subnet) << 64 | 0x1234;
            let result = pair.outbound(internal, STRICT);
            if subnet == 0xffff {
                assert_eq!(result, Err(DropReason::SubnetNotMapped));
                continue;
            }
            let external = result.unwrap();
            let word = (external >> 64) as u16;
            assert_ne!(word, 0xffff, "6296-3.2b");
            assert!(!std::mem::replace(&mut seen[usize::from(word)], true), "{subnet:x} is not alone");
            assert_eq!(external as u64, 0x1234, "6296-3.4a: the interface identifier stays");
            assert_eq!(pair.inbound(external, STRICT), Ok(internal));
        }
    }
}

#[test]
fn all_first_words_of_a_64_bit_pair_translate_one_to_one_6296_3_5a_3_5b() {
    let pair = pair(("fd01:203:405:ffff::", 64), ("2001:db8:1:2::", 64));
    let mut seen = vec![false; 0x1_0000];
    for word in 0..u16::MAX {
        let internal = address("fd01:203:405:ffff::") | u128::from(word) << 48 | 0x1234;
        let external = pair.outbound(internal, STRICT).unwrap();
        let adjusted = (external >> 48) as u16;
        assert_ne!(adjusted, 0xffff);
        assert!(!std::mem::replace(&mut seen[usize::from(adjusted)], true), "{word:x} is not alone");
        assert_eq!(pair.inbound(external, STRICT), Ok(internal));
    }
}

#[test]
fn the_first_word_not_initially_all_ones_is_adjusted_6296_3_5a() {
    let pair = pair(("fd01:203:405:1::", 64), ("2001:db8:1:2::", 64));
    let adjustment = pair.adjustment();
    for (id, shift) in [
        (0x0000_0000_0000_0001_u64, 48),
        (0xffff_0000_0000_0000, 32),
        (0xffff_fffe_ffff_ffff, 32),
        (0xffff_ffff_1234_5678, 16),
        (0xffff_ffff_ffff_0000, 0),
        (0xfffe_ffff_ffff_ffff, 48),
    ] {
        let external = pair.outbound(address("fd01:203:405:1::") | u128::from(id), STRICT).unwrap();
        let word = (u32::from((id >> shift) as u16) + u32::from(adjustment)) % 0xffff;
        let expected = id & !(0xffff << shift) | u64::from(word) << shift;
        assert_eq!(external as u64, expected, "{id:x}");
    }
}

#[test]
fn all_zeros_are_dropped_unless_configured_and_all_ones_always_6296_3_7b() {
    let pair = pair(("fd01:203:405:1::", 64), ("2001:db8:1:2::", 64));
    let (zeros, ones) = (address("fd01:203:405:1::"), address("fd01:203:405:1:ffff:ffff:ffff:ffff"));
    assert_eq!(pair.outbound(zeros, STRICT), Err(DropReason::InterfaceIdAllZeros));
    assert_eq!(pair.inbound(address("2001:db8:1:2::"), STRICT), Err(DropReason::InterfaceIdAllZeros));
    let external = pair.outbound(zeros, LENIENT).unwrap();
    assert_eq!((external >> 48) as u16, pair.adjustment());
    assert_eq!(pair.inbound(external, LENIENT), Ok(zeros));
    for spec in [STRICT, LENIENT] {
        assert_eq!(pair.outbound(ones, spec), Err(DropReason::InterfaceIdAllOnes));
    }
}

#[test]
fn interface_identifiers_do_not_matter_up_to_48_bits_6296_3_4a() {
    let pair = pair(("fd01:203:405::", 48), ("2001:db8:1::", 48));
    for id in [0, u64::MAX] {
        let external = pair.outbound(address("fd01:203:405:1::") | u128::from(id), STRICT).unwrap();
        assert_eq!(external, address("2001:db8:1:d550::") | u128::from(id));
    }
}

#[test]
fn bits_of_the_zero_extension_have_no_counterpart_either_way_6296_3_7a() {
    let short_inside = pair(("fd01:203:405::", 48), ("2001:db8:1:5600::", 56));
    let short_outside = pair(("fd01:203:405:5600::", 56), ("2001:db8:1::", 48));
    for bit in 0..8 {
        let subnet = 0x100_u128 << bit << 64 | 1;
        let refused = Err(DropReason::SubnetNotMapped);
        assert_eq!(short_inside.outbound(address("fd01:203:405::") | subnet, STRICT), refused);
        assert_eq!(short_outside.inbound(address("2001:db8:1::") | subnet, STRICT), refused);
    }
    // The 8 bits that both sides have are carried over.
    let carried = short_inside.outbound(address("fd01:203:405:ab::1"), STRICT).unwrap();
    assert_eq!(carried >> 64, address("2001:db8:1:56ab::") >> 64);
}

#[test]
fn addresses_of_other_prefixes_are_refused_6296_rout2() {
    let pair = pair(("fd01:203:405::", 48), ("2001:db8:1::", 48));
    for foreign in ["fd01:203:406::1", "2001:db8:1:1::1", "fe80::1", "ff02::1", "::"] {
        assert_eq!(pair.outbound(address(foreign), STRICT), Err(DropReason::SourceNotInternal));
    }
    for foreign in ["2001:db8:2::1", "fd01:203:405:1::1", "fe80::1", "ff02::1", "::"] {
        assert_eq!(pair.inbound(address(foreign), STRICT), Err(DropReason::NotForThisUplink));
    }
}

proptest! {
    #[test]
    fn any_pair_keeps_the_sum_of_any_address_6296_2_6((pair, internal) in pair_and_address()) {
        if let Ok(external) = pair.outbound(internal, LENIENT) {
            prop_assert_eq!(words(internal) % 0xffff, words(external) % 0xffff);
            prop_assert!(pair.external().contains(external));
        }
    }

    #[test]
    fn any_translation_is_undone_by_an_equal_translator_6296_2_3((pair, internal) in pair_and_address()) {
        let twin = PrefixPair::new(PrefixPairSpec {
            internal: (pair.internal().address(), pair.internal().length()),
            external: (pair.external().address(), pair.external().length()),
        }).unwrap();
        if let Ok(external) = pair.outbound(internal, LENIENT) {
            prop_assert_eq!(twin.inbound(external, LENIENT), Ok(internal));
        }
    }

    #[test]
    fn any_two_addresses_keep_apart_6296_3_5a((pair, internal) in pair_and_address(), flip in 0..64_u32, more in 0..64_u32) {
        let other = internal ^ (1_u128 << flip) ^ (1_u128 << more);
        let (first, second) = (pair.outbound(internal, LENIENT), pair.outbound(other, LENIENT));
        if let (Ok(first), Ok(second)) = (first, second) {
            prop_assert_eq!(first == second, internal == other);
        }
    }

    #[test]
    fn any_inbound_translation_returns_6296_3_3((pair, external) in external_pair_and_address()) {
        if let Ok(internal) = pair.inbound(external, LENIENT) {
            prop_assert!(pair.internal().contains(internal));
            prop_assert_eq!(pair.outbound(internal, LENIENT), Ok(external));
        }
    }

    #[test]
    fn strict_and_lenient_differ_in_all_zeros_only_6296_3_7b((pair, internal) in pair_and_address()) {
        let strict = pair.outbound(internal, STRICT);
        if strict == Err(DropReason::InterfaceIdAllZeros) {
            prop_assert_eq!(internal as u64, 0);
        } else {
            prop_assert_eq!(strict, pair.outbound(internal, LENIENT));
        }
    }

    #[test]
    fn any_octets_are_translated_or_left_alone_6296b_icmp4(
        mut packet in proptest::collection::vec(any::<u8>(), 40..160),
        upper in (40..170_usize, prop_oneof![Just(58_u8), any::<u8>()], any::<bool>()),
        hit in any::<bool>(),
    ) {
        let pair = pair(("fd01:203:405::", 48), ("2001:db8:1::", 48));
        if hit {
            ipv6::set_source(&mut packet, address("fd01:203:405:1::1"));
        }
        let upper = Upper { offset: upper.0, protocol: upper.1, is_fragment: upper.2 };
        let before = packet.clone();
        let result = nptv6::outbound(&pair, &mut packet, upper, STRICT);
        prop_assert_eq!(result.is_err(), packet == before);
    }
}

// ---- ICMPv6 errors ----

const HOST: &str = "fd01:203:405:1::1234";
const HOST_EXTERNAL: &str = "2001:db8:1:d550::1234";
const REMOTE: &str = "2001:db8:ffff::53";
const ROUTER: &str = "2001:db8:fffe::1";

#[test]
fn an_error_from_outside_reaches_the_host_with_its_own_address_quoted_6296b_icmp1_4443_ptb2() {
    let pair = example_pair();
    let mut packet = error_packet(ROUTER, HOST_EXTERNAL, (HOST_EXTERNAL, REMOTE));
    let checksum = octets::u16_at(&packet, 42);
    let upper = upper_of(&packet);
    assert_eq!(nptv6::inbound(&pair, &mut packet, upper, STRICT), Ok(()));
    assert_eq!(packet, error_packet(ROUTER, HOST, (HOST, REMOTE)));
    assert_eq!(octets::u16_at(&packet, 42), checksum, "6296b-ICMP6");
}

#[test]
fn an_error_from_the_site_quotes_the_external_address_6296b_icmp2() {
    let pair = example_pair();
    let mut packet = error_packet(HOST, REMOTE, (REMOTE, HOST));
    let upper = upper_of(&packet);
    assert_eq!(nptv6::outbound(&pair, &mut packet, upper, STRICT), Ok(()));
    assert_eq!(packet, error_packet(HOST_EXTERNAL, REMOTE, (REMOTE, HOST_EXTERNAL)));
}

#[test]
fn an_error_of_an_inner_router_quotes_the_host_behind_it_6296b_icmp2() {
    let pair = example_pair();
    let mut packet = error_packet("fd01:203:405:9::1", REMOTE, (REMOTE, HOST));
    let upper = upper_of(&packet);
    assert_eq!(nptv6::outbound(&pair, &mut packet, upper, STRICT), Ok(()));
    let router = pair.outbound(address("fd01:203:405:9::1"), STRICT).unwrap();
    assert_eq!(ipv6::source(&packet), router);
    assert_eq!(octets::u128_at(&packet, 48 + 24), address(HOST_EXTERNAL));
}

#[test]
fn refused_errors_name_the_first_reason_and_stay_as_they_were_6296b_icmp3_icmp4_icmp5_4890_4_1() {
    use DropReason::{IcmpChecksumWrong, IcmpQuoteInvalid, IcmpQuoteUnknown, NotForThisUplink, SubnetNotMapped};
    let good = || error_packet(ROUTER, HOST_EXTERNAL, (HOST_EXTERNAL, REMOTE));
    let edited = |at: usize, value: u8| {
        let mut packet = good();
        packet[at] = value;
        packet
    };
    let cases: Vec<(&str, Vec<u8>, DropReason)> = vec![
        ("39 octets of quote", error_with_quote(ROUTER, HOST_EXTERNAL, &good()[48..87]), IcmpQuoteInvalid),
        ("no quote at all", error_with_quote(ROUTER, HOST_EXTERNAL, &[]), IcmpQuoteInvalid),
        ("quoted version 4, before the checksum", edited(48, 0x45), IcmpQuoteInvalid),
        ("wrong checksum", edited(100, 0xee), IcmpChecksumWrong),
        ("wrong checksum before a foreign quote", edited(63, 0x35), IcmpChecksumWrong),
        ("foreign quoted source", error_packet(ROUTER, HOST_EXTERNAL, (REMOTE, HOST_EXTERNAL)), IcmpQuoteUnknown),
        ("another host's quote", error_packet(ROUTER, HOST_EXTERNAL, ("2001:db8:1:d551::1", REMOTE)), IcmpQuoteUnknown),
        ("outer address foreign", error_packet(ROUTER, REMOTE, (REMOTE, HOST_EXTERNAL)), NotForThisUplink),
        (
            "outer address not mapped",
            error_packet(ROUTER, "2001:db8:1:ffff::1", ("2001:db8:1:ffff::1", REMOTE)),
            SubnetNotMapped,
        ),
    ];
    for (name, packet, reason) in cases {
        let mut after = packet.clone();
        let result = nptv6::inbound(&example_pair(), &mut after, upper_of(&packet), STRICT);
        assert_eq!((result, &after), (Err(reason), &packet), "{name}");
    }
}

#[test]
fn an_error_about_another_prefix_does_not_leave_6296b_icmp3() {
    for quoted in ["fd01:203:406::1", "fd01:203:405:ffff::1", HOST_EXTERNAL] {
        let mut packet = error_packet(HOST, REMOTE, (REMOTE, quoted));
        let before = packet.clone();
        let upper = upper_of(&packet);
        let result = nptv6::outbound(&example_pair(), &mut packet, upper, STRICT);
        assert_eq!((result, packet), (Err(DropReason::IcmpQuoteUnknown), before), "{quoted}");
    }
}

#[test]
fn a_fragment_of_an_error_is_refused_and_one_without_its_header_is_translated_6296b_icmp4() {
    let pair = example_pair();
    let mut packet = error_packet(ROUTER, HOST_EXTERNAL, (HOST_EXTERNAL, REMOTE));
    let first = Upper { is_fragment: true, ..upper_of(&packet) };
    assert_eq!(nptv6::inbound(&pair, &mut packet, first, STRICT), Err(DropReason::IcmpQuoteInvalid));
    let later = Upper { protocol: protocol::FRAGMENT, ..first };
    assert_eq!(nptv6::inbound(&pair, &mut packet, later, STRICT), Ok(()));
    assert_eq!(ipv6::destination(&packet), address(HOST));
}

#[test]
fn echo_is_no_error_and_its_payload_is_left_alone_6296b_alg() {
    let mut packet = error_packet(HOST, REMOTE, (HOST, REMOTE));
    packet[40] = 128;
    let before = packet.clone();
    let upper = upper_of(&packet);
    assert_eq!(nptv6::outbound(&example_pair(), &mut packet, upper, STRICT), Ok(()));
    assert_eq!(packet[24..], before[24..]);
    assert_eq!(ipv6::source(&packet), address(HOST_EXTERNAL));
}

#[test]
fn a_decision_changes_nothing_until_it_is_applied_6296_rout1() {
    let packet = error_packet(ROUTER, HOST_EXTERNAL, (HOST_EXTERNAL, REMOTE));
    let change = nptv6::decide_inbound(&example_pair(), &packet, upper_of(&packet), STRICT).unwrap();
    assert_eq!(change.address(), address(HOST));
    let mut applied = packet.clone();
    change.apply(&mut applied);
    assert_eq!(applied, error_packet(ROUTER, HOST, (HOST, REMOTE)));
}

// ---- Helpers ----

/// The translation of the gateway with its hop limit, but without routes: hairpins what stays in the site.
fn gateway(pair: &PrefixPair, from_site: bool, packet: &[u8]) -> Result<Vec<u8>, DropReason> {
    let mut packet = packet.to_vec();
    let upper = upper_of(&packet);
    let hairpin = from_site && pair.external().contains(ipv6::destination(&packet));
    if ipv6::hop_limit(&packet) <= 1 {
        return Err(DropReason::HopLimitExceeded);
    }
    if from_site {
        nptv6::outbound(pair, &mut packet, upper, STRICT)?;
    }
    if hairpin || !from_site {
        nptv6::inbound(pair, &mut packet, upper, STRICT)?;
    }
    ipv6::decrement_hop_limit(&mut packet);
    Ok(packet)
}

/// What a parser would find: the vectors have at most a fragment header.
fn upper_of(packet: &[u8]) -> Upper {
    match ipv6::next_header(packet) {
        protocol::FRAGMENT => {
            let later = octets::u16_at(packet, 42) & 0xfff8 != 0;
            let inner = if later { protocol::FRAGMENT } else { packet[40] };
            Upper { offset: 48, protocol: inner, is_fragment: true }
        }
        other => Upper { offset: 40, protocol: other, is_fragment: false },
    }
}

/// A Destination Unreachable that quotes a UDP packet.
fn error_packet(source: &str, destination: &str, quoted: (&str, &str)) -> Vec<u8> {
    let mut quote = vec![0; 60];
    write_header(&mut quote, quoted.0, quoted.1, 17);
    quote[40..48].copy_from_slice(&[0x9c, 0x40, 0, 53, 0, 20, 0x12, 0x34]);
    error_with_quote(source, destination, &quote)
}

fn error_with_quote(source: &str, destination: &str, quote: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 48];
    packet[40..42].copy_from_slice(&[1, 4]);
    packet.extend_from_slice(quote);
    write_header(&mut packet, source, destination, 58);
    let pseudo = words(address(source)) + words(address(destination)) + packet.len() as u32 - 40 + 58;
    let sum = packet[40..]
        .chunks(2)
        .fold(pseudo, |sum, word| sum + (u32::from(word[0]) << 8) + u32::from(word.get(1).copied().unwrap_or(0)));
    let folded = match sum % 0xffff {
        0 => 0xffff,
        folded => folded,
    };
    packet[42..44].copy_from_slice(&(!(folded as u16)).to_be_bytes());
    packet
}

fn write_header(packet: &mut [u8], source: &str, destination: &str, next_header: u8) {
    let header = ipv6::OwnHeader {
        traffic_class: 0,
        payload_len: (packet.len() - 40) as u16,
        next_header,
        hop_limit: 64,
        source: address(source),
        destination: address(destination),
    };
    ipv6::write_own_header(packet, header);
}

fn example_pair() -> PrefixPair {
    pair(("fd01:203:405::", 48), ("2001:db8:1::", 48))
}

/// Plain sum of the 16-bit words of an address.
fn words(address: u128) -> u32 {
    (0..8).map(|word| u32::from((address >> (word * 16)) as u16)).sum()
}

/// A pair of any lengths, and an address inside its internal prefix that often has telling words.
fn pair_and_address() -> impl Strategy<Value = (PrefixPair, u128)> {
    (any_prefix(), any_prefix(), telling_address()).prop_map(|(internal, external, host)| {
        let pair = PrefixPair::new(PrefixPairSpec { internal, external }).unwrap();
        (pair, internal.0 | host & !pair.internal().mask())
    })
}

fn external_pair_and_address() -> impl Strategy<Value = (PrefixPair, u128)> {
    (any_prefix(), any_prefix(), telling_address()).prop_map(|(internal, external, host)| {
        let pair = PrefixPair::new(PrefixPairSpec { internal, external }).unwrap();
        (pair, external.0 | host & !pair.external().mask())
    })
}

/// A prefix of 8 to 64 bits in 2000::/3 or fc00::/7.
fn any_prefix() -> impl Strategy<Value = (u128, u8)> {
    (8..=64_u8, telling_address(), any::<bool>()).prop_map(|(length, bits, ula)| {
        let top = if ula { 0xfd << 120 } else { 0x2a << 120 };
        ((top | bits & (u128::MAX >> 8)) & (u128::MAX << (128 - length)), length)
    })
}

fn telling_address() -> impl Strategy<Value = u128> {
    let word = prop_oneof![Just(0_u16), Just(0xffff), Just(0xfffe), any::<u16>()];
    proptest::array::uniform8(word)
        .prop_map(|words| words.iter().fold(0, |address, word| address << 16 | u128::from(*word)))
}

fn fixture(list: &str) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/vectors/rfc6296.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file[list].as_array().unwrap().clone()
}

fn reason_of(vector: &Value) -> DropReason {
    match vector["reason"].as_str().unwrap() {
        "subnet-0xffff" | "external-subnet-0xffff" | "subnet-not-mapped" => DropReason::SubnetNotMapped,
        "iid-all-zeros" => DropReason::InterfaceIdAllZeros,
        "iid-all-ones" => DropReason::InterfaceIdAllOnes,
        "not-internal-prefix" => DropReason::SourceNotInternal,
        "not-external-prefix" => DropReason::NotForThisUplink,
        "embedded-too-short" => DropReason::IcmpQuoteInvalid,
        other => panic!("no drop reason known for {other}"),
    }
}

fn spec_of(vector: &Value) -> PrefixPairSpec {
    let prefix = |key: &str| {
        let (address_text, length) = vector[key].as_str().unwrap().split_once('/').unwrap();
        (address(address_text), length.parse().unwrap())
    };
    PrefixPairSpec { internal: prefix("internal_prefix"), external: prefix("external_prefix") }
}

fn pair_of(vector: &Value) -> PrefixPair {
    PrefixPair::new(spec_of(vector)).unwrap()
}

fn spec(internal: (&str, u8), external: (&str, u8)) -> PrefixPairSpec {
    PrefixPairSpec { internal: (address(internal.0), internal.1), external: (address(external.0), external.1) }
}

fn pair(internal: (&str, u8), external: (&str, u8)) -> PrefixPair {
    PrefixPair::new(spec(internal, external)).unwrap()
}

/// The address under a key; none for words like `drop` and `unchanged`.
fn address_in(vector: &Value, key: &str) -> Option<u128> {
    vector[key].as_str()?.parse::<Ipv6Addr>().ok().map(u128::from)
}

fn address(text: &str) -> u128 {
    text.parse::<Ipv6Addr>().map(u128::from).unwrap()
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks_exact(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
