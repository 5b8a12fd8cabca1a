//! Echo requests to the gateway, answered in place.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use etherparse::{Icmpv4Type, Icmpv6Type, Ipv4Header, NetSlice, PacketBuilder, SlicedPacket, TransportSlice, checksum};
use nptd_core::host::echo;
use nptd_core::verdict::DropReason;
use proptest::prelude::*;

const A4: [u8; 4] = [192, 168, 1, 10];
const B4: [u8; 4] = [192, 168, 1, 1];
const A6: [u8; 16] = [0xfd, 1, 2, 3, 4, 5, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x10];
const B6: [u8; 16] = [0xfd, 1, 2, 3, 4, 5, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x01];

fn request4(ttl: u8, data: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    PacketBuilder::ipv4(A4, B4, ttl).icmpv4_echo_request(0x1234, 7).write(&mut octets, data).unwrap();
    octets
}

fn request6(hop_limit: u8, data: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    PacketBuilder::ipv6(A6, B6, hop_limit).icmpv6_echo_request(0x1234, 7).write(&mut octets, data).unwrap();
    octets
}

/// An IPv4 request with a record-route option of seven octets and a NOP.
fn with_options(packet: &[u8]) -> Vec<u8> {
    let (mut header, rest) = Ipv4Header::from_slice(packet).unwrap();
    header.options = [7, 7, 4, 0, 0, 0, 0, 1].into();
    header.total_len += 8;
    header.header_checksum = header.calc_header_checksum();
    let mut octets = Vec::new();
    header.write_raw(&mut octets).unwrap();
    octets.extend_from_slice(rest);
    octets
}

fn check4(request: &[u8], reply: &[u8], data: &[u8]) {
    let sliced = SlicedPacket::from_ip(reply).unwrap();
    let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Icmpv4(icmp))) = (&sliced.net, &sliced.transport) else {
        panic!("no ICMP")
    };
    let header = ip.header();
    assert_eq!((header.source(), header.destination(), header.ttl()), (B4, A4, 64));
    assert_eq!((header.identification(), header.dont_fragment(), header.more_fragments()), (0, true, false));
    assert_eq!(header.header_checksum(), header.to_header().calc_header_checksum());
    assert_eq!((reply.len(), reply[1]), (request.len(), request[1]));
    assert!(matches!(icmp.icmp_type(), Icmpv4Type::EchoReply(echo) if (echo.id, echo.seq) == (0x1234, 7)));
    assert_eq!(icmp.payload(), data);
    assert_eq!(checksum::Sum16BitWords::new().add_slice(icmp.slice()).ones_complement(), 0);
}

fn check6(request: &[u8], reply: &[u8], data: &[u8]) {
    let sliced = SlicedPacket::from_ip(reply).unwrap();
    let (Some(NetSlice::Ipv6(ip)), Some(TransportSlice::Icmpv6(icmp))) = (&sliced.net, &sliced.transport) else {
        panic!("no ICMPv6")
    };
    let header = ip.header();
    assert_eq!((header.source(), header.destination(), header.hop_limit()), (B6, A6, 64));
    assert_eq!(reply[..7], request[..7], "version, traffic class, flow label, length, next header");
    assert!(matches!(icmp.icmp_type(), Icmpv6Type::EchoReply(echo) if (echo.id, echo.seq) == (0x1234, 7)));
    assert_eq!(icmp.payload(), data);
    assert!(icmp.is_checksum_valid(header.source(), header.destination()));
}

#[test]
fn the_ttl_of_a_request_does_not_matter_1812_ttl3() {
    for ttl in [0, 1, 255] {
        let (mut four, six) = (request4(ttl, b"ping"), request6(ttl, b"ping"));
        four[4..8].copy_from_slice(&[0x12, 0x34, 0, 0]);
        let (mut reply4, mut reply6) = (four.clone(), six.clone());
        assert_eq!(echo::reply4(&mut reply4), Ok(()));
        assert_eq!(echo::reply6(&mut reply6, 40), Ok(()));
        check4(&four, &reply4, b"ping");
        check6(&six, &reply6, b"ping");
    }
}

#[test]
fn options_extension_headers_and_traffic_class_stay_as_they_came() {
    let mut request = with_options(&request4(9, b"data"));
    request[1] = 0xb9;
    let checksum = Ipv4Header::from_slice(&request).unwrap().0.calc_header_checksum();
    request[10..12].copy_from_slice(&checksum.to_be_bytes());
    let mut reply = request.clone();
    assert_eq!(echo::reply4(&mut reply), Ok(()));
    check4(&request, &reply, b"data");
    assert_eq!(reply[20..28], request[20..28]);

    let mut request = request6(9, b"data");
    request[1] |= 0x90;
    request.splice(40..40, [58, 0, 1, 4, 0, 0, 0, 0]); // destination options: one PadN
    request[6] = 60;
    request[5] += 8;
    let mut reply = request.clone();
    assert_eq!(echo::reply6(&mut reply, 48), Ok(()));
    check6(&request, &reply, b"data");
    assert_eq!(reply[40..48], request[40..48]);
}

#[test]
fn a_wrong_icmp_checksum_is_named_and_the_packet_left_alone() {
    for at in [24, 30] {
        let mut four = request4(64, b"data");
        four[at] ^= 0x10;
        let before = four.clone();
        assert_eq!(echo::reply4(&mut four), Err(DropReason::IcmpChecksumWrong));
        assert_eq!(four, before);
    }
    for at in [9, 44, 50] {
        let mut six = request6(64, b"data");
        six[at] ^= 0x10;
        let before = six.clone();
        assert_eq!(echo::reply6(&mut six, 40), Err(DropReason::IcmpChecksumWrong));
        assert_eq!(six, before);
    }
}

proptest! {
    #[test]
    fn any_data_comes_back(data in prop::collection::vec(any::<u8>(), 0..1500)) {
        let (four, six) = (request4(64, &data), request6(64, &data));
        let (mut reply4, mut reply6) = (four.clone(), six.clone());
        prop_assert_eq!(echo::reply4(&mut reply4), Ok(()));
        prop_assert_eq!(echo::reply6(&mut reply6, 40), Ok(()));
        check4(&four, &reply4, &data);
        check6(&six, &reply6, &data);
    }

    #[test]
    fn garbage_never_panics(mut octets in prop::collection::vec(any::<u8>(), 0..100), offset in 0_usize..120) {
        let length = octets.len();
        let _ = echo::reply4(&mut octets);
        let _ = echo::reply6(&mut octets, offset);
        prop_assert_eq!(octets.len(), length);
    }
}
