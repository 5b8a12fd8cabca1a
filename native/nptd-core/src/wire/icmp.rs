//! ICMP and ICMPv6 header fields. `message` starts at the ICMP header.

use super::octets::{set_u16, u8_at, u16_at};

/// Octets of the fixed header.
pub const HEADER_LEN: usize = 8;
/// Offset of the checksum field.
pub const CHECKSUM: usize = 2;
/// Offset of the identifier of an echo.
pub const IDENTIFIER: usize = 4;

/// ICMP for IPv4: message types.
pub mod v4 {
    /// Echo reply.
    pub const ECHO_REPLY: u8 = 0;
    /// Destination unreachable.
    pub const DESTINATION_UNREACHABLE: u8 = 3;
    /// Source quench.
    pub const SOURCE_QUENCH: u8 = 4;
    /// Redirect.
    pub const REDIRECT: u8 = 5;
    /// Echo request.
    pub const ECHO_REQUEST: u8 = 8;
    /// Time exceeded.
    pub const TIME_EXCEEDED: u8 = 11;
    /// Parameter problem.
    pub const PARAMETER_PROBLEM: u8 = 12;

    /// Whether an error of this type is translated (5508-R10a; source quench and redirect are not).
    pub const fn is_forwarded_error(kind: u8) -> bool {
        matches!(kind, DESTINATION_UNREACHABLE | TIME_EXCEEDED | PARAMETER_PROBLEM)
    }
}

/// ICMPv6: message types.
pub mod v6 {
    /// Destination unreachable.
    pub const DESTINATION_UNREACHABLE: u8 = 1;
    /// Packet too big.
    pub const PACKET_TOO_BIG: u8 = 2;
    /// Time exceeded.
    pub const TIME_EXCEEDED: u8 = 3;
    /// Parameter problem.
    pub const PARAMETER_PROBLEM: u8 = 4;
    /// Echo request.
    pub const ECHO_REQUEST: u8 = 128;
    /// Echo reply.
    pub const ECHO_REPLY: u8 = 129;
    /// Router solicitation.
    pub const ROUTER_SOLICITATION: u8 = 133;
    /// Router advertisement.
    pub const ROUTER_ADVERTISEMENT: u8 = 134;
    /// Neighbour solicitation.
    pub const NEIGHBOUR_SOLICITATION: u8 = 135;
    /// Neighbour advertisement.
    pub const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
    /// Redirect.
    pub const REDIRECT: u8 = 137;

    /// Whether a message of this type is an error.
    pub const fn is_error(kind: u8) -> bool {
        kind < 128
    }

    /// Whether a message of this type belongs to neighbour discovery (RFC 4861).
    pub const fn is_neighbour_discovery(kind: u8) -> bool {
        kind >= ROUTER_SOLICITATION && kind <= REDIRECT
    }
}

/// Message type.
pub fn kind(message: &[u8]) -> u8 {
    u8_at(message, 0)
}

/// Code.
pub fn code(message: &[u8]) -> u8 {
    u8_at(message, 1)
}

/// Checksum field.
pub fn checksum(message: &[u8]) -> u16 {
    u16_at(message, CHECKSUM)
}

/// Writes the checksum field.
pub fn set_checksum(message: &mut [u8], value: u16) {
    set_u16(message, CHECKSUM, value);
}

/// Identifier of an echo or other query.
pub fn identifier(message: &[u8]) -> u16 {
    u16_at(message, IDENTIFIER)
}

/// Sequence number of an echo.
pub fn sequence(message: &[u8]) -> u16 {
    u16_at(message, 6)
}

/// Writes the identifier of an echo.
pub fn set_identifier(message: &mut [u8], value: u16) {
    set_u16(message, IDENTIFIER, value);
}
