//! UDP header fields, and the ports, which TCP keeps in the same place. `datagram` starts at the UDP header.

use super::octets::{set_u16, u16_at};

/// Octets of the header.
pub const HEADER_LEN: usize = 8;
/// Offset of the checksum field.
pub const CHECKSUM: usize = 6;

/// Source port.
pub fn source_port(datagram: &[u8]) -> u16 {
    u16_at(datagram, 0)
}

/// Destination port.
pub fn destination_port(datagram: &[u8]) -> u16 {
    u16_at(datagram, 2)
}

/// Length field.
pub fn length(datagram: &[u8]) -> usize {
    usize::from(u16_at(datagram, 4))
}

/// Writes the source port.
pub fn set_source_port(datagram: &mut [u8], port: u16) {
    set_u16(datagram, 0, port);
}

/// Writes the destination port.
pub fn set_destination_port(datagram: &mut [u8], port: u16) {
    set_u16(datagram, 2, port);
}
