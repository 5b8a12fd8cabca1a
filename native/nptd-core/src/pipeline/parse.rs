//! Packets to offsets: every length is checked here, once (docs/decisions.md, "Parsing").

use crate::verdict::DropReason;
use crate::wire::octets::{tail, u8_at, u16_at, u32_at};
use crate::wire::protocol::{
    DCCP, DESTINATION_OPTIONS, FRAGMENT, HIP, HOP_BY_HOP, ICMP, ICMPV6, MOBILITY, NO_NEXT, ROUTING, SHIM6, TCP, UDP,
    UDP_LITE,
};
use crate::wire::{dccp, icmp, ipv4, ipv6, tcp, udp};

/// Most IPv6 extension headers that are walked.
const EXTENSION_HEADERS_MAX: usize = 8;

/// Bits of a fragment header.
const FRAGMENT_OFFSET: u16 = 0xfff8;
const MORE_FRAGMENTS: u16 = 1;

/// What an IPv4 packet looks like.
#[derive(Clone, Copy, Debug)]
pub struct Headers4 {
    /// Octets of the IP header.
    pub header_len: usize,
    /// Octets of the packet; the frame may have padding behind it.
    pub total_len: usize,
    /// IP protocol.
    pub protocol: u8,
    /// Whether it is any fragment of a larger datagram.
    pub is_fragment: bool,
    /// Type of an ICMP message, unless it is hidden in a later fragment.
    pub icmp_kind: Option<u8>,
}

/// What an IPv6 packet looks like.
#[derive(Clone, Copy, Debug)]
pub struct Headers6 {
    /// Offset of the upper-layer header.
    pub upper_offset: usize,
    /// Protocol of the upper layer; [`FRAGMENT`] where a fragment offset above 0 hides that header.
    pub protocol: u8,
    /// Octets of the packet; the frame may have padding behind it.
    pub total_len: usize,
    /// Whether there is a fragment header.
    pub is_fragment: bool,
    /// Identification, unless the packet is all of its datagram (RFC 6946).
    pub identification: Option<u32>,
    /// Whether there is a HIP header and nothing behind it: a packet of that protocol.
    pub is_hip: bool,
    /// Type of an ICMPv6 message, unless it is hidden in a later fragment.
    pub icmp_kind: Option<u8>,
}

/// Locates the headers of an IPv4 packet.
pub fn locate_headers4(packet: &[u8]) -> Result<Headers4, DropReason> {
    if packet.len() < ipv4::HEADER_LEN {
        return Err(DropReason::Truncated);
    }
    let (header_len, total_len) = (ipv4::header_len(packet), ipv4::total_len(packet));
    // A datagram ends at 65,535 octets: beyond, offsets would wrap when the fragment is cut again.
    let ends = ipv4::fragment_offset(packet) + total_len;
    let fits = header_len >= ipv4::HEADER_LEN
        && header_len <= total_len
        && total_len <= packet.len()
        && ends <= usize::from(u16::MAX);
    // 1812-5.2.2.
    if ipv4::version(packet) != 4 || !fits {
        return Err(DropReason::Ipv4HeaderInvalid);
    }
    if !ipv4::checksum_is_right(packet) {
        return Err(DropReason::Ipv4ChecksumWrong);
    }
    check_options(ipv4::options(packet))?;
    let packet = packet.get(..total_len).unwrap_or(packet);
    let protocol = ipv4::protocol(packet);
    let has_transport = ipv4::fragment_offset(packet) == 0;
    if has_transport {
        check_transport(protocol, tail(packet, header_len), ipv4::more_fragments(packet))?;
    }
    Ok(Headers4 {
        header_len,
        total_len,
        protocol,
        is_fragment: ipv4::is_fragment(packet),
        icmp_kind: (has_transport && protocol == ICMP).then(|| icmp::kind(tail(packet, header_len))),
    })
}

/// Locates the headers of an IPv6 packet.
pub fn locate_headers6(packet: &[u8]) -> Result<Headers6, DropReason> {
    if packet.len() < ipv6::HEADER_LEN {
        return Err(DropReason::Truncated);
    }
    let total_len = ipv6::HEADER_LEN + ipv6::payload_len(packet);
    if ipv6::version(packet) != 6 || total_len > packet.len() {
        return Err(DropReason::Ipv6HeaderInvalid);
    }
    let packet = packet.get(..total_len).unwrap_or(packet);
    let headers = locate_upper6(packet)?;
    if headers.protocol == ICMPV6 && total_len - headers.upper_offset < icmp::HEADER_LEN {
        return Err(DropReason::TransportInvalid);
    }
    Ok(headers)
}

/// The same for an IPv6 packet whose end may be missing, in as many octets of it as there are.
pub fn locate_upper6(packet: &[u8]) -> Result<Headers6, DropReason> {
    let walk = walk_extensions(packet)?;
    let is_icmp = walk.protocol == ICMPV6;
    Ok(Headers6 {
        upper_offset: walk.offset,
        protocol: walk.protocol,
        total_len: packet.len(),
        is_fragment: walk.is_fragment,
        identification: walk.identification,
        is_hip: walk.has_hip && walk.protocol == NO_NEXT,
        icmp_kind: is_icmp.then(|| icmp::kind(tail(packet, walk.offset))),
    })
}

/// 3022-4.6: source routes leak and redirect, so they are refused; other options travel along.
fn check_options(options: &[u8]) -> Result<(), DropReason> {
    match ipv4::find_source_route(options) {
        Ok(false) => Ok(()),
        Ok(true) => Err(DropReason::Ipv4SourceRouted),
        Err(ipv4::MalformedOption) => Err(DropReason::Ipv4HeaderInvalid),
    }
}

fn check_transport(protocol: u8, transport: &[u8], more_fragments: bool) -> Result<(), DropReason> {
    let is_valid = match protocol {
        UDP => {
            let length = udp::length(transport);
            let fits = more_fragments || length <= transport.len();
            transport.len() >= udp::HEADER_LEN && length >= udp::HEADER_LEN && fits
        }
        TCP => has_whole_tcp_header(transport),
        ICMP => transport.len() >= icmp::HEADER_LEN,
        UDP_LITE => {
            // RFC 3828 section 3.1: 0 covers everything, and the header is always covered.
            let coverage = udp::length(transport);
            let fits = more_fragments || coverage <= transport.len();
            let covers = coverage == 0 || coverage >= udp::HEADER_LEN && fits;
            transport.len() >= udp::HEADER_LEN && udp::checksum(transport) != 0 && covers
        }
        DCCP => {
            let header_len = dccp::header_len(transport);
            transport.len() >= dccp::SHORT_HEADER_LEN
                && header_len >= dccp::generic_header_len(transport)
                && header_len <= transport.len()
        }
        _ => true,
    };
    if is_valid { Ok(()) } else { Err(DropReason::TransportInvalid) }
}

/// Whether a TCP header is all there.
pub fn has_whole_tcp_header(segment: &[u8]) -> bool {
    let header_len = tcp::header_len(segment);
    segment.len() >= tcp::HEADER_LEN && header_len >= tcp::HEADER_LEN && header_len <= segment.len()
}

struct Walk {
    offset: usize,
    protocol: u8,
    is_fragment: bool,
    identification: Option<u32>,
    has_hip: bool,
}

fn walk_extensions(packet: &[u8]) -> Result<Walk, DropReason> {
    let mut walk = Walk {
        offset: ipv6::HEADER_LEN,
        protocol: ipv6::next_header(packet),
        is_fragment: false,
        identification: None,
        has_hip: false,
    };
    for walked in 0..=EXTENSION_HEADERS_MAX {
        let header = tail(packet, walk.offset);
        let length = match walk.protocol {
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS | MOBILITY | HIP | SHIM6 => {
                usize::from(u8_at(header, 1)) * 8 + 8
            }
            FRAGMENT => 8,
            _ => return Ok(walk),
        };
        if walked == EXTENSION_HEADERS_MAX || header.len() < length {
            return Err(DropReason::Ipv6ExtensionInvalid);
        }
        if walk.protocol == ROUTING && u8_at(header, 2) == 0 {
            // 6092-R4, RFC 5095.
            return Err(DropReason::Ipv6RoutingType0);
        }
        walk.offset += length;
        if walk.protocol == FRAGMENT {
            let place = u16_at(header, 2);
            let is_part = place & (FRAGMENT_OFFSET | MORE_FRAGMENTS) != 0;
            walk.is_fragment = true;
            walk.identification = is_part.then(|| u32_at(header, 4));
            if place & FRAGMENT_OFFSET != 0 {
                return Ok(walk);
            }
        }
        walk.has_hip |= walk.protocol == HIP;
        walk.protocol = u8_at(header, 0);
    }
    Err(DropReason::Ipv6ExtensionInvalid)
}
