//! ICMP and ICMPv6 errors and TCP resets of the gateway itself (docs/decisions.md, "Own errors").
//!
//! Every packet here answers an *offender*: an IP packet as it was received, cut to its total length, that parsing
//! has found valid. Whether one is answered is asked in this order: is an error about it allowed at all, is there a
//! way back and an address to send from, does the rate limit admit it.

use alloc::sync::Arc;

use super::parse::locate_upper6;
use crate::frame::DeviceIndex;
use crate::host::context::Context;
use crate::host::neighbours::{Neighbours, mapped4};
use crate::plan::{Device, NextHop, Plan, Role};
use crate::session::rate_limit::SharedRateLimit;
use crate::session::tcp_tracking::ResetNumbers;
use crate::verdict::{OutputKind, Suppressed};
use crate::wire::octets::{copy_to, set_u8, set_u16, set_u32, tail, tail_mut, u16_at};
use crate::wire::tcp::flag::{ACK, FIN, RST, SYN};
use crate::wire::{checksum, icmp, ipv4, ipv6, protocol, tcp};

/// Octets of the longest IPv4 error: what every host takes in one piece (1812-LEN).
const ERROR4_LEN_MAX: usize = 576;
/// Octets of the longest IPv6 error: the minimum MTU (4443-2.4c).
const ERROR6_LEN_MAX: usize = 1280;

/// DSCP without ECN: an error is no part of the flow whose congestion the bits are about (5508-R10d).
const DSCP_MASK: u8 = 0xfc;

/// What an ICMP or ICMPv6 error says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// Message type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// The 32 bits behind the checksum: an MTU, a pointer, or 0.
    pub word: u32,
}

impl IcmpError {
    /// IPv4: destination unreachable.
    pub const fn unreachable4(code: u8) -> Self {
        Self { kind: icmp::v4::DESTINATION_UNREACHABLE, code, word: 0 }
    }

    /// IPv4: time to live exceeded in transit (1812-TTL2).
    pub const fn time_exceeded4() -> Self {
        Self { kind: icmp::v4::TIME_EXCEEDED, code: 0, word: 0 }
    }

    /// IPv4: longer than the MTU (octets) of the next link, and not to be fragmented (1191-4).
    pub const fn fragmentation_needed(mtu: u16) -> Self {
        Self { kind: icmp::v4::DESTINATION_UNREACHABLE, code: 4, word: mtu as u32 }
    }

    /// IPv6: destination unreachable.
    pub const fn unreachable6(code: u8) -> Self {
        Self { kind: icmp::v6::DESTINATION_UNREACHABLE, code, word: 0 }
    }

    /// IPv6: hop limit exceeded in transit (4443-TE).
    pub const fn time_exceeded6() -> Self {
        Self { kind: icmp::v6::TIME_EXCEEDED, code: 0, word: 0 }
    }

    /// IPv6: longer than the MTU (octets) of the next link (4443-PTB).
    pub const fn packet_too_big(mtu: u16) -> Self {
        Self { kind: icmp::v6::PACKET_TOO_BIG, code: 0, word: mtu as u32 }
    }

    /// IPv6: erroneous header field at an offset of the offender (4443-PP).
    pub const fn parameter_problem6(pointer: u32) -> Self {
        Self { kind: icmp::v6::PARAMETER_PROBLEM, code: 0, word: pointer }
    }
}

/// The limits on own errors, by the side they go to (whoever provokes errors on one side takes none from the other),
/// and on own resets (1812-RATE, 4443-2.4f, 5508-R10f). They are those of the gateway: all its workers share them, as clones.
#[derive(Clone, Debug, Default)]
pub struct OwnErrors {
    limits: Arc<Limits>,
}

#[derive(Debug, Default)]
struct Limits {
    to_site: SharedRateLimit,
    to_uplinks: SharedRateLimit,
    resets: SharedRateLimit,
}

impl OwnErrors {
    /// Full buckets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends an ICMP error about an IPv4 packet that came in by `ingress`, unless none may be sent.
    pub fn error4(
        &mut self,
        context: &mut Context<'_>,
        neighbours: &mut Neighbours,
        offender: &[u8],
        ingress: DeviceIndex,
        error: IcmpError,
    ) {
        let plan = context.plan;
        let Some(device) = plan.device(ingress) else { return };
        let destination = ipv4::source(offender);
        if !may_be_told4(offender, device) {
            return;
        }
        let Some(hop) = hop_back4(plan, device, ingress, destination) else { return };
        let Some(egress) = plan.device(hop.device) else { return };
        // 1812-SRC.
        let Some((source, _)) = egress.ipv4.first().copied() else { return };
        if !self.admits_error(context, egress.role) {
            return;
        }
        let quote_at = ipv4::HEADER_LEN + icmp::HEADER_LEN;
        let length = (quote_at + offender.len()).min(ERROR4_LEN_MAX).min(usize::from(egress.mtu));
        let header = ipv4::OwnHeader {
            tos: ipv4::tos(offender) & DSCP_MASK, // 1812-TOS
            total_len: length as u16,
            protocol: protocol::ICMP,
            source,
            destination,
        };
        neighbours.send_packet(context, hop, OutputKind::IcmpError, length, |packet| {
            ipv4::write_own_header(packet, header);
            write_message(tail_mut(packet, ipv4::HEADER_LEN), error, offender, 0);
        });
    }

    /// Sends an ICMPv6 error about an IPv6 packet that came in by `ingress`, unless none may be sent.
    pub fn error6(
        &mut self,
        context: &mut Context<'_>,
        neighbours: &mut Neighbours,
        offender: &[u8],
        ingress: DeviceIndex,
        error: IcmpError,
    ) {
        let plan = context.plan;
        let Some(device) = plan.device(ingress) else { return };
        let destination = ipv6::source(offender);
        if !may_be_told6(offender) {
            return;
        }
        let Some(hop) = hop_back6(plan, device, ingress, destination) else { return };
        let Some(egress) = plan.device(hop.device) else { return };
        // 4443-2.2.
        let Some((source, _)) = egress.ipv6.first().copied() else { return };
        if !self.admits_error(context, egress.role) {
            return;
        }
        let quote_at = ipv6::HEADER_LEN + icmp::HEADER_LEN;
        let length = (quote_at + offender.len()).min(ERROR6_LEN_MAX);
        let payload_len = (length - ipv6::HEADER_LEN) as u16;
        let header = ipv6::OwnHeader {
            traffic_class: ipv6::traffic_class(offender) & DSCP_MASK,
            payload_len,
            next_header: protocol::ICMPV6,
            hop_limit: 64,
            source,
            destination,
        };
        let pseudo = checksum::pseudo_header6(source, destination, protocol::ICMPV6, u32::from(payload_len));
        neighbours.send_packet(context, hop, OutputKind::IcmpError, length, |packet| {
            ipv6::write_own_header(packet, header);
            write_message(tail_mut(packet, ipv6::HEADER_LEN), error, offender, pseudo);
        });
    }

    /// Answers an IPv4 TCP segment with a reset, so that its sender starts anew at once (MWAN-2).
    pub fn reset4(
        &mut self,
        context: &mut Context<'_>,
        neighbours: &mut Neighbours,
        offender: &[u8],
        ingress: DeviceIndex,
    ) {
        let plan = context.plan;
        let segment = tail(offender, ipv4::header_len(offender));
        // RFC 9293 section 3.5.2: a reset is never answered with a reset.
        if tcp::flags(segment) & RST != 0 {
            return;
        }
        let Some(device) = plan.device(ingress) else { return };
        let (source, destination) = (ipv4::destination(offender), ipv4::source(offender));
        let hop = hop_back4(plan, device, ingress, destination).filter(|hop| hop.device == ingress);
        let hop = hop.unwrap_or(NextHop { device: ingress, address: mapped4(destination) });
        if !self.limits.resets.admits(plan.error_rate, context.now) {
            context.counters.record_suppressed(Suppressed::TcpResetRateLimited);
            return;
        }
        let addresses = (source, destination);
        send_reset4(context, neighbours, hop, addresses, &ResetFields::answering(segment));
    }

    /// The same for an IPv6 TCP segment.
    pub fn reset6(
        &mut self,
        context: &mut Context<'_>,
        neighbours: &mut Neighbours,
        offender: &[u8],
        ingress: DeviceIndex,
    ) {
        let plan = context.plan;
        let Ok(headers) = locate_upper6(offender) else { return };
        let segment = tail(offender, headers.upper_offset);
        if tcp::flags(segment) & RST != 0 {
            return;
        }
        let Some(device) = plan.device(ingress) else { return };
        let (source, destination) = (ipv6::destination(offender), ipv6::source(offender));
        let hop = hop_back6(plan, device, ingress, destination).filter(|hop| hop.device == ingress);
        let hop = hop.unwrap_or(NextHop { device: ingress, address: destination });
        if !self.limits.resets.admits(plan.error_rate, context.now) {
            context.counters.record_suppressed(Suppressed::TcpResetRateLimited);
            return;
        }
        let addresses = (source, destination);
        send_reset6(context, neighbours, hop, addresses, &ResetFields::answering(segment));
    }

    fn admits_error(&mut self, context: &Context<'_>, to: Role) -> bool {
        let limit = match to {
            Role::Internal => &self.limits.to_site,
            Role::Uplink(_) => &self.limits.to_uplinks,
        };
        let admitted = limit.admits(context.plan.error_rate, context.now);
        if !admitted {
            context.counters.record_suppressed(Suppressed::IcmpErrorRateLimited);
        }
        admitted
    }
}

/// Whether an ICMP error may be sent about an IPv4 packet that came in by `device` (1812-WHEN, 5508-R10e).
fn may_be_told4(offender: &[u8], device: &Device) -> bool {
    let (source, destination) = (ipv4::source(offender), ipv4::destination(offender));
    let is_broadcast = |address: u32| {
        let mut own = device.ipv4.iter();
        address == ipv4::address::LIMITED_BROADCAST || own.any(|(_, prefix)| prefix.broadcast() == Some(address))
    };
    let is_echo = |kind| matches!(kind, icmp::v4::ECHO_REPLY | icmp::v4::ECHO_REQUEST);
    let is_query =
        ipv4::protocol(offender) != protocol::ICMP || is_echo(icmp::kind(tail(offender, ipv4::header_len(offender))));
    let names_one_host = !ipv4::address::is_martian_source(source) && !is_broadcast(source);
    let was_for_one_host = !ipv4::address::is_multicast(destination) && !is_broadcast(destination);
    ipv4::fragment_offset(offender) == 0 && is_query && names_one_host && was_for_one_host
}

/// Whether an ICMPv6 error may be sent about an IPv6 packet (4443-2.4e).
fn may_be_told6(offender: &[u8]) -> bool {
    use ipv6::address;
    // A held packet may have lost its end.
    let Ok(headers) = locate_upper6(offender) else { return false };
    let (source, destination) = (ipv6::source(offender), ipv6::destination(offender));
    let is_query =
        !headers.icmp_kind.is_some_and(|kind| icmp::v6::is_error(kind) || icmp::v6::is_neighbour_discovery(kind));
    let is_later_fragment = headers.protocol == protocol::FRAGMENT;
    let names_one_host =
        source != address::UNSPECIFIED && !address::is_multicast(source) && !address::is_never_on_wire(source);
    !is_later_fragment && is_query && names_one_host && !address::is_multicast(destination)
}

/// Where an answer to an IPv4 source goes that came in by a device: through that uplink (MWAN-6), or into the site.
fn hop_back4(plan: &Plan, device: &Device, ingress: DeviceIndex, source: u32) -> Option<NextHop<u128>> {
    let hop = match device.role {
        Role::Internal => plan.internal_route4(source).unwrap_or(NextHop { device: ingress, address: source }),
        Role::Uplink(slot) => plan.uplink(slot)?.next_hop4(device, source),
    };
    Some(NextHop { device: hop.device, address: mapped4(hop.address) })
}

/// Where an answer to an IPv6 source goes that came in by a device.
fn hop_back6(plan: &Plan, device: &Device, ingress: DeviceIndex, source: u128) -> Option<NextHop<u128>> {
    Some(match device.role {
        Role::Internal => plan.internal_route6(source).unwrap_or(NextHop { device: ingress, address: source }),
        Role::Uplink(slot) => plan.uplink(slot)?.next_hop6(device, source),
    })
}

/// Writes an error message with as much of the offender as fits (1812-QUOTE); `pseudo` is the sum of what its
/// checksum covers besides itself (4443-2.3).
fn write_message(message: &mut [u8], error: IcmpError, offender: &[u8], pseudo: u32) {
    set_u8(message, 0, error.kind);
    set_u8(message, 1, error.code);
    icmp::set_checksum(message, 0);
    set_u32(message, 4, error.word);
    copy_to(message, icmp::HEADER_LEN, offender);
    let sum = checksum::fold(checksum::add_octets(pseudo, message));
    icmp::set_checksum(message, !sum);
}

/// What a reset says.
#[derive(Clone, Copy)]
struct ResetFields {
    source_port: u16,
    destination_port: u16,
    numbers: ResetNumbers,
}

impl ResetFields {
    /// The answer to a segment (RFC 9293 section 3.10.7.1).
    fn answering(segment: &[u8]) -> Self {
        let flags = tcp::flags(segment);
        let numbers = if flags & ACK != 0 {
            ResetNumbers { sequence: tcp::acknowledgement(segment), acknowledgement: 0, flags: RST }
        } else {
            let payload = segment.len().saturating_sub(tcp::header_len(segment)) as u32;
            let length = payload + u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
            let acknowledgement = tcp::sequence(segment).wrapping_add(length);
            ResetNumbers { sequence: 0, acknowledgement, flags: RST | ACK }
        };
        Self { source_port: u16_at(segment, 2), destination_port: u16_at(segment, 0), numbers }
    }
}

/// Tells an internal host that its connection has ended; no bucket limits that, since whoever calls is paced.
pub fn tell_reset4(
    context: &mut Context<'_>,
    neighbours: &mut Neighbours,
    hop: NextHop<u128>,
    due: &crate::nat44::DueReset,
) {
    let (source_port, destination_port, numbers) = (due.remote.port, due.internal.port, due.numbers);
    let addresses = (due.remote.address, due.internal.address);
    send_reset4(context, neighbours, hop, addresses, &ResetFields { source_port, destination_port, numbers });
}

/// The same in IPv6.
pub fn tell_reset6(
    context: &mut Context<'_>,
    neighbours: &mut Neighbours,
    hop: NextHop<u128>,
    due: &crate::filter::DueReset,
) {
    let (source_port, destination_port, numbers) = (due.remote.port, due.internal.port, due.numbers);
    let addresses = (due.remote.address, due.internal.address);
    send_reset6(context, neighbours, hop, addresses, &ResetFields { source_port, destination_port, numbers });
}

/// `addresses`: source and destination.
fn send_reset4(
    context: &mut Context<'_>,
    neighbours: &mut Neighbours,
    hop: NextHop<u128>,
    (source, destination): (u32, u32),
    fields: &ResetFields,
) {
    let length = ipv4::HEADER_LEN + tcp::HEADER_LEN;
    let total_len = length as u16;
    let header = ipv4::OwnHeader { tos: 0, total_len, protocol: protocol::TCP, source, destination };
    let pseudo = checksum::pseudo_header4(source, destination, protocol::TCP, tcp::HEADER_LEN as u16);
    neighbours.send_packet(context, hop, OutputKind::TcpReset, length, |packet| {
        ipv4::write_own_header(packet, header);
        write_reset(tail_mut(packet, ipv4::HEADER_LEN), fields, pseudo);
    });
}

/// `addresses`: source and destination.
fn send_reset6(
    context: &mut Context<'_>,
    neighbours: &mut Neighbours,
    hop: NextHop<u128>,
    (source, destination): (u128, u128),
    fields: &ResetFields,
) {
    let payload_len = tcp::HEADER_LEN as u16;
    let header = ipv6::OwnHeader {
        traffic_class: 0,
        payload_len,
        next_header: protocol::TCP,
        hop_limit: 64,
        source,
        destination,
    };
    let pseudo = checksum::pseudo_header6(source, destination, protocol::TCP, u32::from(payload_len));
    neighbours.send_packet(context, hop, OutputKind::TcpReset, ipv6::HEADER_LEN + tcp::HEADER_LEN, |packet| {
        ipv6::write_own_header(packet, header);
        write_reset(tail_mut(packet, ipv6::HEADER_LEN), fields, pseudo);
    });
}

/// Writes a reset; `pseudo` as in [`write_message`].
fn write_reset(reset: &mut [u8], fields: &ResetFields, pseudo: u32) {
    set_u16(reset, 0, fields.source_port);
    set_u16(reset, 2, fields.destination_port);
    set_u32(reset, 4, fields.numbers.sequence);
    set_u32(reset, 8, fields.numbers.acknowledgement);
    set_u8(reset, 12, (tcp::HEADER_LEN as u8 / 4) << 4);
    set_u8(reset, 13, fields.numbers.flags);
    set_u16(reset, tcp::CHECKSUM, 0);
    let sum = checksum::fold(checksum::add_octets(pseudo, reset));
    set_u16(reset, tcp::CHECKSUM, !sum);
}
