//! What policies see of a packet that no session is asked for.

use super::exempt::ports;
use super::parse::{Headers4, Headers6, has_whole_tcp_header};
use crate::plan::subject::{Addresses, Subject};
use crate::session::segment::Segment;
use crate::wire::octets::{tail, u8_at};
use crate::wire::{icmp, ipv4, ipv6, protocol};

/// Octets of a fragment header.
const FRAGMENT_HEADER_LEN: usize = 8;

/// An IPv4 packet from the site.
pub fn subject4(packet: &[u8], headers: &Headers4) -> Subject {
    let known = ports(packet, headers);
    let is_echo = |kind| matches!(kind, icmp::v4::ECHO_REQUEST | icmp::v4::ECHO_REPLY);
    let identifier = || {
        let message = tail(packet, headers.header_len);
        if headers.icmp_kind.is_some_and(is_echo) { icmp::identifier(message) } else { 0 }
    };
    Subject {
        addresses: Addresses::V4 { source: ipv4::source(packet), destination: ipv4::destination(packet) },
        protocol: headers.protocol,
        ports: known.unwrap_or_else(|| (identifier(), 0)),
        has_ports: known.is_some(),
        dscp: ipv4::tos(packet) >> 2,
    }
}

/// An IPv6 packet from the site that no filter looks at: all fragments of a datagram are alike.
pub fn subject6(packet: &[u8], headers: &Headers6) -> Subject {
    let is_hidden = headers.protocol == protocol::FRAGMENT;
    let fragment_header = tail(packet, headers.upper_offset.saturating_sub(FRAGMENT_HEADER_LEN));
    Subject {
        addresses: Addresses::V6 { source: ipv6::source(packet), destination: ipv6::destination(packet) },
        protocol: if is_hidden { u8_at(fragment_header, 0) } else { headers.protocol },
        ports: (0, 0),
        has_ports: false,
        dscp: ipv6::traffic_class(packet) >> 2,
    }
}

/// What an IPv4 packet is to a connection of TCP, if to any.
pub fn segment4(packet: &[u8], headers: &Headers4) -> Segment {
    let is_tcp = headers.protocol == protocol::TCP && ipv4::fragment_offset(packet) == 0;
    if is_tcp { Segment::of_tcp(tail(packet, headers.header_len)) } else { Segment::PLAIN }
}

/// The same of an IPv6 packet that no filter looks at.
pub fn segment6(packet: &[u8], headers: &Headers6) -> Segment {
    let upper = tail(packet, headers.upper_offset);
    let is_tcp = headers.protocol == protocol::TCP && has_whole_tcp_header(upper);
    if is_tcp { Segment::of_tcp(upper) } else { Segment::PLAIN }
}
