//! DCCP header fields (RFC 4340 section 5.1); the ports lie where UDP has them. `packet` starts at the DCCP header.

use super::octets::u8_at;

/// Octets of a header with short sequence numbers.
pub const SHORT_HEADER_LEN: usize = 12;
/// Octets of a header with extended sequence numbers.
pub const LONG_HEADER_LEN: usize = 16;
/// Offset of the checksum field.
pub const CHECKSUM: usize = 6;

/// Packet types.
pub mod kind {
    /// Opens a connection.
    pub const REQUEST: u8 = 0;
    /// Answers a request.
    pub const RESPONSE: u8 = 1;
    /// Asks the client to close.
    pub const CLOSE_REQ: u8 = 5;
    /// Closes.
    pub const CLOSE: u8 = 6;
    /// Ends the connection.
    pub const RESET: u8 = 7;
    /// Resynchronises sequence numbers.
    pub const SYNC: u8 = 8;
    /// Opens the way for a request of the other side (RFC 5596).
    pub const LISTEN: u8 = 10;
}

/// Packet type.
pub fn kind(packet: &[u8]) -> u8 {
    u8_at(packet, 8) >> 1 & 0x0f
}

/// Octets of the generic header, as the X bit says.
pub fn generic_header_len(packet: &[u8]) -> usize {
    if u8_at(packet, 8) & 1 == 1 { LONG_HEADER_LEN } else { SHORT_HEADER_LEN }
}

/// Octets of the header with its options.
pub fn header_len(packet: &[u8]) -> usize {
    usize::from(u8_at(packet, 4)) * 4
}
