//! Changing an endpoint of a packet in place, with every checksum that covers it (3022-4.1a). Payload is never read:
//! there are no application-level gateways (4787-R10, 5382-R6, 5597-R6).

use super::{Endpoint, Protocol, ProtocolKind};
use crate::frame::ChecksumState;
use crate::wire::checksum::ChecksumUpdate;
use crate::wire::octets::{set_u16, set_u32, tail_mut, u16_at, u32_at};
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
    /// UDP or TCP.
    pub protocol: Protocol,
    /// Which end is replaced.
    pub end: End,
    /// What replaces it.
    pub new: Endpoint,
    /// New identification, if it gets one.
    pub identification: Option<u16>,
}

/// Does in one pass what [`replace_endpoint`], `ipv4::replace_identification` and `ipv4::decrement_ttl` do one after the other, to
/// a packet without options: one's complement sums do not depend on the order.
#[inline]
pub fn pass_plain(header: &mut [u8; ipv4::HEADER_LEN], transport: &mut [u8], passage: &Passage, state: ChecksumState) {
    let (address_at, port_at) = match passage.end {
        End::Source => (ipv4::SOURCE, udp::SOURCE_PORT),
        End::Destination => (ipv4::DESTINATION, udp::DESTINATION_PORT),
    };
    let addresses = ChecksumUpdate::new().double_word(u32_at(header, address_at), passage.new.address);
    set_u32(header, address_at, passage.new.address);
    let (ttl, identification) = (u16_at(header, 8), u16_at(header, 4));
    let passed = ttl.wrapping_sub(0x0100);
    set_u16(header, 8, passed);
    let mut update = addresses.word(ttl, passed);
    if let Some(new) = passage.identification {
        set_u16(header, 4, new);
        update = update.word(identification, new);
    }
    let sum = u16_at(header, ipv4::CHECKSUM);
    set_u16(header, ipv4::CHECKSUM, update.apply(sum));
    let Some(ports) = transport.first_chunk_mut::<{ udp::HEADER_LEN }>() else { return };
    let port = u16_at(ports, port_at);
    set_u16(ports, port_at, passage.new.port);
    let is_tcp = passage.protocol == Protocol::TCP;
    let at = if is_tcp { tcp::CHECKSUM } else { udp::CHECKSUM };
    let Some(field) = transport.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) else { return };
    let sum = u16::from_be_bytes(*field);
    let all = addresses.word(port, passage.new.port);
    // An unfinished field covers the addresses only; whoever finishes it sums the ports.
    let sum = match state {
        ChecksumState::Partial { .. } => addresses.apply_partial(sum),
        ChecksumState::Complete | ChecksumState::Vouched if is_tcp => all.apply(sum),
        ChecksumState::Complete | ChecksumState::Vouched => all.apply_udp(sum),
    };
    *field = sum.to_be_bytes();
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
