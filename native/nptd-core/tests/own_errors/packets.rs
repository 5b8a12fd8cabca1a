//! Packets of the tests of own errors, written and read by `etherparse`.

use std::net::{Ipv4Addr, Ipv6Addr};

use etherparse::{
    Icmpv4Slice, Icmpv6Slice, IpFragOffset, IpNumber, Ipv4Header, Ipv4HeaderSlice, Ipv6Header, Ipv6HeaderSlice,
    TcpHeader, TcpSlice, UdpHeader,
};

use super::super::{HOST, REMOTE};

pub fn udp4(source: &str, destination: &str, payload: usize) -> Vec<u8> {
    ipv4(source, destination, 17, &udp(payload))
}

pub fn udp6(source: &str, destination: &str, payload: usize) -> Vec<u8> {
    ipv6(source, destination, 17, &udp(payload))
}

pub fn udp(payload: usize) -> Vec<u8> {
    let length = (8 + payload) as u16;
    let mut datagram = UdpHeader { source_port: 40_000, destination_port: 53, length, checksum: 0 }.to_bytes().to_vec();
    datagram.extend((0..payload).map(|index| index as u8 ^ 0x5a));
    datagram
}

/// A segment from the host to the remote server.
pub fn tcp4(edit: impl FnOnce(&mut TcpHeader), payload: &[u8]) -> Vec<u8> {
    let mut header = TcpHeader::new(40_000, 443, 1_000, 4_096);
    header.acknowledgment_number = 2_000;
    edit(&mut header);
    let mut segment = header.to_bytes().to_vec();
    segment.extend_from_slice(payload);
    ipv4(HOST, REMOTE, 6, &segment)
}

pub fn ipv4(source: &str, destination: &str, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u16;
    let header = Ipv4Header::new(length, 9, IpNumber(protocol), octets4(source), octets4(destination)).unwrap();
    let mut packet = header.to_bytes().to_vec();
    packet.extend_from_slice(payload);
    with_checksum4(packet)
}

pub fn with_checksum4(mut packet: Vec<u8>) -> Vec<u8> {
    let sum = Ipv4HeaderSlice::from_slice(&packet).unwrap().to_header().calc_header_checksum();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet
}

pub fn ipv6(source: &str, destination: &str, next_header: u8, payload: &[u8]) -> Vec<u8> {
    let header = Ipv6Header {
        payload_length: payload.len() as u16,
        next_header: IpNumber(next_header),
        hop_limit: 9,
        source: octets6(source),
        destination: octets6(destination),
        ..Ipv6Header::default()
    };
    let mut packet = header.to_bytes().to_vec();
    packet.extend_from_slice(payload);
    packet
}

/// Header and ICMP message of a packet whose lengths and checksums are right.
pub fn read4(packet: &[u8]) -> (Ipv4Header, Icmpv4Slice<'_>) {
    let header = checked_header4(packet);
    assert_eq!(header.protocol, IpNumber::ICMP);
    let message = Icmpv4Slice::from_slice(&packet[20..]).unwrap();
    assert_eq!(message.checksum(), message.icmp_type().calc_checksum(message.payload()));
    (header, message)
}

pub fn read_tcp(packet: &[u8]) -> (Ipv4Header, TcpHeader) {
    let header = checked_header4(packet);
    assert_eq!(header.protocol, IpNumber::TCP);
    let segment = TcpSlice::from_slice(&packet[20..]).unwrap();
    assert_eq!(segment.checksum(), segment.calc_checksum_ipv4(header.source, header.destination).unwrap());
    (header, segment.to_header())
}

pub fn checked_header4(packet: &[u8]) -> Ipv4Header {
    let header = Ipv4HeaderSlice::from_slice(packet).unwrap().to_header();
    assert_eq!(usize::from(header.total_len), packet.len());
    assert_eq!(header.header_checksum, header.calc_header_checksum());
    assert_eq!((header.fragment_offset, header.more_fragments), (IpFragOffset::ZERO, false));
    header
}

/// Header and ICMPv6 message of a packet whose length and checksum are right (4443-2.3).
pub fn read6(packet: &[u8]) -> (Ipv6Header, Icmpv6Slice<'_>) {
    let header = Ipv6HeaderSlice::from_slice(packet).unwrap().to_header();
    assert_eq!(usize::from(header.payload_length), packet.len() - 40);
    assert_eq!(header.next_header, IpNumber::IPV6_ICMP);
    let message = Icmpv6Slice::from_slice(&packet[40..]).unwrap();
    assert!(message.is_checksum_valid(header.source, header.destination));
    (header, message)
}

pub fn address4(text: &str) -> u32 {
    text.parse::<Ipv4Addr>().unwrap().into()
}

pub fn address6(text: &str) -> u128 {
    text.parse::<Ipv6Addr>().unwrap().into()
}

pub fn octets4(text: &str) -> [u8; 4] {
    address4(text).to_be_bytes()
}

pub fn octets6(text: &str) -> [u8; 16] {
    address6(text).to_be_bytes()
}
