//! IPv4 header fields. `packet` starts at the IP header.

use super::checksum::{ChecksumUpdate, internet_checksum};
use super::octets::{array_at, set_u8, set_u16, set_u32, tail, u8_at, u16_at, u32_at};

/// Octets of a header without options.
pub const HEADER_LEN: usize = 20;

/// Offset of the destination address.
pub const DESTINATION: usize = 16;
/// Offset of the source address.
pub const SOURCE: usize = 12;
/// Offset of the identification.
pub const IDENTIFICATION: usize = 4;
/// Offset of the time to live.
pub const TTL: usize = 8;
/// Offset of the header checksum.
pub const CHECKSUM: usize = 10;
/// Bit of the fragment word: don't fragment.
const DONT_FRAGMENT: u16 = 0x4000;
/// Bit of the fragment word: more fragments.
const MORE_FRAGMENTS: u16 = 0x2000;

/// IP version.
pub fn version(packet: &[u8]) -> u8 {
    u8_at(packet, 0) >> 4
}

/// Octets of the header.
pub fn header_len(packet: &[u8]) -> usize {
    usize::from(u8_at(packet, 0) & 0x0f) * 4
}

/// Type of service: DSCP and ECN.
pub fn tos(packet: &[u8]) -> u8 {
    u8_at(packet, 1)
}

/// Octets of the packet.
pub fn total_len(packet: &[u8]) -> usize {
    usize::from(u16_at(packet, 2))
}

/// Writes the length of the packet; the header checksum does not follow.
pub fn set_total_len(packet: &mut [u8], length: usize) {
    set_u16(packet, 2, length as u16);
}

/// Identification.
pub fn identification(packet: &[u8]) -> u16 {
    u16_at(packet, 4)
}

/// Replaces the identification and keeps the header checksum right.
pub fn replace_identification(packet: &mut [u8], new: u16) {
    let old = identification(packet);
    set_u16(packet, 4, new);
    update_checksum(packet, ChecksumUpdate::new().word(old, new));
}

/// Writes the identification; the header checksum does not follow.
pub fn set_identification(packet: &mut [u8], new: u16) {
    set_u16(packet, 4, new);
}

/// Whether it can neither be fragmented nor is a fragment: then its identification has no meaning (RFC 6864).
pub fn is_atomic(packet: &[u8]) -> bool {
    dont_fragment(packet) && !is_fragment(packet)
}

/// Whether it must not be fragmented.
pub fn dont_fragment(packet: &[u8]) -> bool {
    u16_at(packet, 6) & DONT_FRAGMENT != 0
}

/// Whether it is any fragment of a larger datagram.
pub fn is_fragment(packet: &[u8]) -> bool {
    u16_at(packet, 6) & !(DONT_FRAGMENT | 0x8000) != 0
}

/// Whether more fragments follow.
pub fn more_fragments(packet: &[u8]) -> bool {
    u16_at(packet, 6) & MORE_FRAGMENTS != 0
}

/// Fragment offset in octets.
pub fn fragment_offset(packet: &[u8]) -> usize {
    usize::from(u16_at(packet, 6) & 0x1fff) * 8
}

/// Writes the fragment offset (octets, a multiple of 8) and whether more follow; DF is cleared.
pub fn set_fragment(packet: &mut [u8], offset: usize, more: bool) {
    let more = if more { MORE_FRAGMENTS } else { 0 };
    set_u16(packet, 6, more | (offset / 8) as u16);
}

/// Time to live.
pub fn ttl(packet: &[u8]) -> u8 {
    u8_at(packet, 8)
}

/// Protocol.
pub fn protocol(packet: &[u8]) -> u8 {
    u8_at(packet, 9)
}

/// Source address.
pub fn source(packet: &[u8]) -> u32 {
    u32_at(packet, SOURCE)
}

/// Destination address.
pub fn destination(packet: &[u8]) -> u32 {
    u32_at(packet, DESTINATION)
}

/// Source and destination address as they lie in a header: the first octet is the lowest.
#[inline(always)]
pub fn addresses(header: &[u8; HEADER_LEN]) -> u64 {
    u64::from_le_bytes(array_at(header, SOURCE))
}

/// Options: what the header has beyond its fixed part.
pub fn options(packet: &[u8]) -> &[u8] {
    packet.get(HEADER_LEN..header_len(packet)).unwrap_or(&[])
}

/// An option whose length is below 2 or runs past the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedOption;

/// Whether options hold a loose or strict source route before any that is malformed.
pub fn find_source_route(mut options: &[u8]) -> Result<bool, MalformedOption> {
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    const LOOSE_SOURCE_ROUTE: u8 = 131;
    const STRICT_SOURCE_ROUTE: u8 = 137;
    while let Some(kind) = options.first() {
        let length = match *kind {
            END => return Ok(false),
            NO_OPERATION => 1,
            _ => match usize::from(u8_at(options, 1)) {
                length if length < 2 || length > options.len() => return Err(MalformedOption),
                length => length,
            },
        };
        if matches!(*kind, LOOSE_SOURCE_ROUTE | STRICT_SOURCE_ROUTE) {
            return Ok(true);
        }
        options = tail(options, length);
    }
    Ok(false)
}

/// Whether the header checksum is right.
pub fn checksum_is_right(packet: &[u8]) -> bool {
    packet.get(..header_len(packet)).is_some_and(|header| internet_checksum(header) == 0)
}

/// The same for a header without options, read as it lies in memory: the sum is right in either order of octets.
#[inline(always)]
pub fn plain_checksum_is_right(header: &[u8; HEADER_LEN]) -> bool {
    let (first, second) = (u64::from_ne_bytes(array_at(header, 0)), u64::from_ne_bytes(array_at(header, 8)));
    let last = u64::from(u32::from_ne_bytes(array_at(header, 16)));
    // What is carried over the end is added at the beginning. A word and the same turned by half make the folded word in the
    // upper half.
    let (sum, carry) = first.overflowing_add(second);
    let (sum, carry) = (sum + u64::from(carry)).overflowing_add(last);
    let sum = sum.wrapping_add(u64::from(carry));
    let sum = (sum.wrapping_add(sum.rotate_left(32)) >> 32) as u32;
    sum.wrapping_add(sum.rotate_left(16)) >> 16 == 0xffff
}

/// Computes the header checksum anew.
pub fn fill_checksum(packet: &mut [u8]) {
    set_u16(packet, CHECKSUM, 0);
    let sum = packet.get(..header_len(packet)).map_or(0, internet_checksum);
    set_u16(packet, CHECKSUM, sum);
}

/// Lowers the time to live by one and keeps the header checksum right.
pub fn decrement_ttl(packet: &mut [u8]) {
    let old = u16_at(packet, 8);
    let new = old.wrapping_sub(0x0100);
    set_u16(packet, 8, new);
    update_checksum(packet, ChecksumUpdate::new().word(old, new));
}

/// Replaces the source address; the header checksum follows, and the change is returned for the transport's.
pub fn replace_source(packet: &mut [u8], new: u32) -> ChecksumUpdate {
    replace_address(packet, SOURCE, new)
}

/// Replaces the destination address; see [`replace_source`].
pub fn replace_destination(packet: &mut [u8], new: u32) -> ChecksumUpdate {
    replace_address(packet, DESTINATION, new)
}

fn replace_address(packet: &mut [u8], at: usize, new: u32) -> ChecksumUpdate {
    let update = ChecksumUpdate::new().double_word(u32_at(packet, at), new);
    set_u32(packet, at, new);
    update_checksum(packet, update);
    update
}

fn update_checksum(packet: &mut [u8], update: ChecksumUpdate) {
    let field = u16_at(packet, CHECKSUM);
    set_u16(packet, CHECKSUM, update.apply(field));
}

/// Fields of a header of our own.
#[derive(Clone, Copy, Debug)]
pub struct OwnHeader {
    /// Type of service.
    pub tos: u8,
    /// Octets of the whole packet.
    pub total_len: u16,
    /// Protocol.
    pub protocol: u8,
    /// Source address.
    pub source: u32,
    /// Destination address.
    pub destination: u32,
}

/// Writes a header of our own: no options, TTL 64, identification 0 with DF (an atomic datagram, RFC 6864).
pub fn write_own_header(packet: &mut [u8], header: OwnHeader) {
    set_u8(packet, 0, 0x45);
    set_u8(packet, 1, header.tos);
    set_u16(packet, 2, header.total_len);
    set_u16(packet, 4, 0);
    set_u16(packet, 6, DONT_FRAGMENT);
    set_u8(packet, 8, 64);
    set_u8(packet, 9, header.protocol);
    set_u32(packet, SOURCE, header.source);
    set_u32(packet, DESTINATION, header.destination);
    fill_checksum(packet);
}

/// Kinds of address that decide what may be forwarded.
pub mod address {
    /// 255.255.255.255.
    pub const LIMITED_BROADCAST: u32 = u32::MAX;

    /// Whether it is in 224.0.0.0/4.
    pub const fn is_multicast(address: u32) -> bool {
        address >> 28 == 0xe
    }

    /// Whether it is in 224.0.0.0/24, which never leaves a link.
    pub const fn is_link_multicast(address: u32) -> bool {
        address >> 8 == 0xe0_0000
    }

    /// Whether no packet on the wire may come from it: 0/8, 127/8, multicast, class E (1812-MARTIAN).
    pub const fn is_martian_source(address: u32) -> bool {
        let first = address >> 24;
        first == 0 || first == 127 || first >= 224
    }

    /// Whether it is kept for examples (RFC 5737).
    pub const fn is_documentation(address: u32) -> bool {
        matches!(address >> 8, 0x00c0_0002 | 0x00c6_3364 | 0x00cb_0071)
    }

    /// Whether no packet may be forwarded to it: 0/8, 127/8, class E (1812-MARTIAN).
    pub const fn is_martian_destination(address: u32) -> bool {
        let first = address >> 24;
        first == 0 || first == 127 || first >= 240
    }
}
