//! TCP header fields. `segment` starts at the TCP header.

use super::octets::{u8_at, u16_at, u32_at};

/// Octets of a header without options.
pub const HEADER_LEN: usize = 20;
/// Offset of the sequence number.
pub const SEQUENCE: usize = 4;
/// Offset of the flag bits.
pub const FLAGS: usize = 13;
/// Offset of the window field.
pub const WINDOW: usize = 14;
/// Offset of the checksum field.
pub const CHECKSUM: usize = 16;

/// Flag bits.
pub mod flag {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// The receiver shall see what has come so far.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement field counts.
    pub const ACK: u8 = 0x10;
    /// The sender has slowed down (RFC 3168).
    pub const CWR: u8 = 0x80;
}

/// Sequence number.
pub fn sequence(segment: &[u8]) -> u32 {
    u32_at(segment, SEQUENCE)
}

/// Acknowledgement number.
pub fn acknowledgement(segment: &[u8]) -> u32 {
    u32_at(segment, 8)
}

/// Octets of the header.
pub fn header_len(segment: &[u8]) -> usize {
    usize::from(u8_at(segment, 12) >> 4) * 4
}

/// Flag bits.
pub fn flags(segment: &[u8]) -> u8 {
    u8_at(segment, FLAGS)
}

/// Window field.
pub fn window(segment: &[u8]) -> u16 {
    u16_at(segment, WINDOW)
}

/// Option kinds.
pub mod option {
    /// Largest segment that the sender takes.
    pub const MAXIMUM_SEGMENT_SIZE: u8 = 2;
    /// By how many bits the sender's window is shifted (RFC 7323).
    pub const WINDOW_SCALE: u8 = 3;
}

/// Offset of the first option of a kind, if it has the length that it should; a malformed option ends the search.
pub fn find_option(segment: &[u8], wanted: u8, wanted_len: usize) -> Option<usize> {
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    let end = header_len(segment);
    let mut at = HEADER_LEN;
    while at < end {
        let kind = u8_at(segment, at);
        let length = match kind {
            END => return None,
            NO_OPERATION => 1,
            _ => usize::from(u8_at(segment, at + 1)),
        };
        if kind != NO_OPERATION && (length < 2 || at + length > end) {
            return None;
        }
        if kind == wanted {
            return (length == wanted_len).then_some(at);
        }
        at += length;
    }
    None
}
