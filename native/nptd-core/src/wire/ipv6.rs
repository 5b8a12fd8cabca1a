//! IPv6 header fields. `packet` starts at the IP header.

use super::octets::{set_u8, set_u16, set_u32, set_u128, u8_at, u16_at, u32_at, u128_at};

/// Octets of the fixed header.
pub const HEADER_LEN: usize = 40;
/// Offset of the source address.
pub const SOURCE: usize = 8;
/// Offset of the destination address.
pub const DESTINATION: usize = 24;

/// Traffic class: DSCP and ECN.
pub fn traffic_class(packet: &[u8]) -> u8 {
    (u16_at(packet, 0) >> 4) as u8
}

/// Octets after the fixed header.
pub fn payload_len(packet: &[u8]) -> usize {
    usize::from(u16_at(packet, 4))
}

/// Writes the number of octets after the fixed header.
pub fn set_payload_len(packet: &mut [u8], length: usize) {
    set_u16(packet, 4, length as u16);
}

/// Protocol of the first header behind the fixed one.
pub fn next_header(packet: &[u8]) -> u8 {
    u8_at(packet, 6)
}

/// Hop limit.
pub fn hop_limit(packet: &[u8]) -> u8 {
    u8_at(packet, 7)
}

/// Lowers the hop limit by one.
pub fn decrement_hop_limit(packet: &mut [u8]) {
    let hop_limit = hop_limit(packet);
    set_u8(packet, 7, hop_limit.wrapping_sub(1));
}

/// Source address.
pub fn source(packet: &[u8]) -> u128 {
    u128_at(packet, SOURCE)
}

/// Destination address.
pub fn destination(packet: &[u8]) -> u128 {
    u128_at(packet, DESTINATION)
}

/// Replaces the source address.
pub fn set_source(packet: &mut [u8], address: u128) {
    set_u128(packet, SOURCE, address);
}

/// Replaces the destination address.
pub fn set_destination(packet: &mut [u8], address: u128) {
    set_u128(packet, DESTINATION, address);
}

/// Fields of a header of our own.
#[derive(Clone, Copy, Debug)]
pub struct OwnHeader {
    /// Traffic class.
    pub traffic_class: u8,
    /// Octets after the fixed header.
    pub payload_len: u16,
    /// Protocol behind it.
    pub next_header: u8,
    /// Hop limit: 255 for neighbour discovery, otherwise 64.
    pub hop_limit: u8,
    /// Source address.
    pub source: u128,
    /// Destination address.
    pub destination: u128,
}

/// Writes a header of our own, with flow label 0.
pub fn write_own_header(packet: &mut [u8], header: OwnHeader) {
    set_u32(packet, 0, (6 << 28) | (u32::from(header.traffic_class) << 20));
    set_u16(packet, 4, header.payload_len);
    set_u8(packet, 6, header.next_header);
    set_u8(packet, 7, header.hop_limit);
    set_source(packet, header.source);
    set_destination(packet, header.destination);
}

/// IP version.
pub fn version(packet: &[u8]) -> u8 {
    (u32_at(packet, 0) >> 28) as u8
}

/// Kinds of address that decide what may be forwarded.
pub mod address {
    /// `::`.
    pub const UNSPECIFIED: u128 = 0;

    /// ff02::1, all nodes of a link.
    pub const ALL_NODES: u128 = (0xff02 << 112) | 1;

    /// Whether it is in ff00::/8.
    pub const fn is_multicast(address: u128) -> bool {
        address >> 120 == 0xff
    }

    /// Whether it is multicast that never leaves a link (scope 0 to 2).
    pub const fn is_link_multicast(address: u128) -> bool {
        is_multicast(address) && (address >> 112) & 0x0f <= 2
    }

    /// Whether it is in fe80::/10.
    pub const fn is_link_local(address: u128) -> bool {
        address >> 118 == 0xfe80 >> 6
    }

    /// Whether it is a unique local address, in fc00::/7 (RFC 4193).
    pub const fn is_unique_local(address: u128) -> bool {
        address >> 121 == 0xfc >> 1
    }

    /// The solicited-node group of an address (RFC 4291 section 2.7.1).
    pub const fn solicited_node(address: u128) -> u128 {
        (0xff02 << 112) | (0x1_ff << 24) | (address & 0xff_ffff)
    }

    /// Whether it is in fec0::/10, once the addresses of a site (RFC 3879).
    pub const fn is_site_local(address: u128) -> bool {
        address >> 118 == 0xfec0 >> 6
    }

    /// Whether it is in 2001:10::/28: identifiers that look like addresses (RFC 4843).
    pub const fn is_orchid(address: u128) -> bool {
        address >> 100 == 0x200_1001
    }

    /// Whether it is kept for examples, 2001:db8::/32 (RFC 3849).
    pub const fn is_documentation(address: u128) -> bool {
        address >> 96 == 0x2001_0db8
    }

    /// Whether it is an IPv4 address in disguise, compatible (`::1` is among these) or mapped; not `::`.
    pub const fn is_never_on_wire(address: u128) -> bool {
        let high = address >> 32;
        high == 0xffff || high == 0 && address != UNSPECIFIED
    }
}
