//! UDP header fields, and the ports, which TCP, UDP-Lite and DCCP keep in the same place. `datagram` starts at the UDP header.

use super::octets::{set_u16, u16_at};

/// Octets of the header.
pub const HEADER_LEN: usize = 8;
/// Offset of the source port.
pub const SOURCE_PORT: usize = 0;
/// Offset of the destination port.
pub const DESTINATION_PORT: usize = 2;
/// Offset of the length field.
pub const LENGTH: usize = 4;
/// Offset of the checksum field.
pub const CHECKSUM: usize = 6;

/// Source port.
pub fn source_port(datagram: &[u8]) -> u16 {
    u16_at(datagram, SOURCE_PORT)
}

/// Destination port.
pub fn destination_port(datagram: &[u8]) -> u16 {
    u16_at(datagram, DESTINATION_PORT)
}

/// Length field; of UDP-Lite the number of octets that the checksum covers.
pub fn length(datagram: &[u8]) -> usize {
    usize::from(u16_at(datagram, 4))
}

/// Writes the length field.
pub fn set_length(datagram: &mut [u8], length: usize) {
    set_u16(datagram, 4, length as u16);
}

/// Checksum field.
pub fn checksum(datagram: &[u8]) -> u16 {
    u16_at(datagram, CHECKSUM)
}
