//! Changing an endpoint of a packet in place, with every checksum that covers it (3022-4.1a). Payload is never read:
//! there are no application-level gateways (4787-R10, 5382-R6, 5597-R6).

use super::{Endpoint, Protocol, ProtocolKind};
use crate::frame::ChecksumState;
use crate::wire::checksum::ChecksumUpdate;
use crate::wire::octets::{array_at, set_array, set_u16, tail_mut, u16_at};
use crate::wire::{dccp, icmp, ipv4, tcp, udp};

/// Which end of a packet is rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Source address and port.
    Source,
    /// Destination address and port.
    Destination,
}

/// Replaces one end of a packet (which starts at its IP header and has no fragment offset).
///
/// Only fields inside the packet are touched, so that a quoted packet cut short is served as far as it goes.
pub fn replace_endpoint(packet: &mut [u8], protocol: Protocol, end: End, new: Endpoint, state: ChecksumState) {
    let header_len = ipv4::header_len(packet);
    let addresses = match end {
        End::Source => ipv4::replace_source(packet, new.address),
        End::Destination => ipv4::replace_destination(packet, new.address),
    };
    let transport = tail_mut(packet, header_len);
    let kind = protocol.kind();
    // SCTP-1, ESP-1, GRE-1: what has no ports has no checksum over the addresses either, as far as we know.
    let Some(field) = checksum_field(kind) else { return };
    let ports = replace_port(transport, kind, end, new.port);
    let is_partial = matches!(state, ChecksumState::Partial { .. });
    match kind {
        // The checksum of ICMP has no pseudo-header, so an unfinished one covers nothing yet.
        ProtocolKind::Icmp if is_partial => {}
        ProtocolKind::Icmp => update(transport, field, |sum| ports.apply(sum)),
        // An unfinished field covers the addresses only; whoever finishes it sums the ports.
        _ if is_partial => update(transport, field, |sum| addresses.apply_partial(sum)),
        ProtocolKind::Udp => update(transport, field, |sum| addresses.and(ports).apply_udp(sum)),
        ProtocolKind::UdpLite => update(transport, field, |sum| addresses.and(ports).apply_udp_lite(sum)),
        ProtocolKind::Tcp | ProtocolKind::Dccp | ProtocolKind::Portless => {
            update(transport, field, |sum| addresses.and(ports).apply(sum));
        }
    }
}

/// How a whole UDP or TCP packet without IP options is forwarded.
#[derive(Clone, Copy, Debug)]
pub struct Passage {
    /// Which end is replaced.
    pub end: End,
    /// What replaces it.
    pub new: Endpoint,
    /// New identification, if it gets one.
    pub identification: Option<u16>,
}

/// Does in one pass what [`replace_endpoint`], `ipv4::replace_identification` and `ipv4::decrement_ttl` do one after the other, to
/// a TCP packet without IP options. `is_partial`: the checksum is one of the addresses only; whoever finishes it sums the ports.
#[inline(always)]
pub fn pass_segment(
    header: &mut [u8; ipv4::HEADER_LEN],
    segment: &mut [u8; tcp::HEADER_LEN],
    passage: &Passage,
    is_partial: bool,
) {
    let addresses = pass_header(header, passage);
    let all = pass_port(segment, passage, addresses);
    let sum = u16::from_le_bytes(array_at(segment, tcp::CHECKSUM));
    let sum = if is_partial { addresses.apply_partial(sum) } else { all.apply(sum) };
    set_array(segment, tcp::CHECKSUM, sum.to_le_bytes());
}

/// The same to a UDP packet.
#[inline(always)]
pub fn pass_datagram(
    header: &mut [u8; ipv4::HEADER_LEN],
    datagram: &mut [u8; udp::HEADER_LEN],
    passage: &Passage,
    is_partial: bool,
) {
    let addresses = pass_header(header, passage);
    let all = pass_port(datagram, passage, addresses);
    let sum = u16::from_le_bytes(array_at(datagram, udp::CHECKSUM));
    let sum = if is_partial { addresses.apply_partial(sum) } else { all.apply_udp(sum) };
    set_array(datagram, udp::CHECKSUM, sum.to_le_bytes());
}

/// The IP header, and what its change means to a checksum over the addresses. One's complement sums depend neither on the order of
/// words nor on that of their octets, so all are taken as they lie in memory, the lowest octet first.
#[inline(always)]
fn pass_header(header: &mut [u8; ipv4::HEADER_LEN], passage: &Passage) -> ChecksumUpdate {
    let address_at = match passage.end {
        End::Source => ipv4::SOURCE,
        End::Destination => ipv4::DESTINATION,
    };
    let new = passage.new.address.to_be_bytes();
    let old = u32::from_le_bytes(array_at(header, address_at));
    let addresses = ChecksumUpdate::new().double_word(old, u32::from_le_bytes(new));
    set_array(header, address_at, new);
    // The time to live comes first of its word, and the caller has seen that it is above 1.
    header[ipv4::TTL] = header[ipv4::TTL].wrapping_sub(1);
    let mut update = addresses.decrement();
    if let Some(new) = passage.identification {
        let old = u16::from_le_bytes(array_at(header, ipv4::IDENTIFICATION));
        update = update.word(old, new.swap_bytes());
        set_u16(header, ipv4::IDENTIFICATION, new);
    }
    let sum = u16::from_le_bytes(array_at(header, ipv4::CHECKSUM));
    set_array(header, ipv4::CHECKSUM, update.apply(sum).to_le_bytes());
    addresses
}

/// The port, and the change of it together with that of the addresses.
#[inline(always)]
fn pass_port<const N: usize>(transport: &mut [u8; N], passage: &Passage, addresses: ChecksumUpdate) -> ChecksumUpdate {
    let at = match passage.end {
        End::Source => udp::SOURCE_PORT,
        End::Destination => udp::DESTINATION_PORT,
    };
    let (old, new) = (array_at(transport, at), passage.new.port.to_be_bytes());
    set_array(transport, at, new);
    addresses.word(u16::from_le_bytes(old), u16::from_le_bytes(new))
}

/// Where the checksum lies that covers the ports, and the addresses but for ICMP. It covers them whatever part of
/// the payload it covers (5597-R11, 5597-R12, 5597-R13, UDPL-1).
fn checksum_field(kind: ProtocolKind) -> Option<usize> {
    match kind {
        ProtocolKind::Icmp => Some(icmp::CHECKSUM),
        ProtocolKind::Tcp => Some(tcp::CHECKSUM),
        ProtocolKind::Udp | ProtocolKind::UdpLite => Some(udp::CHECKSUM),
        ProtocolKind::Dccp => Some(dccp::CHECKSUM),
        ProtocolKind::Portless => None,
    }
}

/// The ports of TCP, UDP, UDP-Lite and DCCP lie in one place.
fn replace_port(transport: &mut [u8], kind: ProtocolKind, end: End, new: u16) -> ChecksumUpdate {
    let (at, old) = match (kind, end) {
        (ProtocolKind::Icmp, _) => (icmp::IDENTIFIER, icmp::identifier(transport)),
        (_, End::Source) => (udp::SOURCE_PORT, udp::source_port(transport)),
        (_, End::Destination) => (udp::DESTINATION_PORT, udp::destination_port(transport)),
    };
    set_u16(transport, at, new);
    ChecksumUpdate::new().word(old, new)
}

fn update(transport: &mut [u8], at: usize, change: impl Fn(u16) -> u16) {
    if transport.len() >= at + 2 {
        let sum = u16_at(transport, at);
        set_u16(transport, at, change(sum));
    }
}
