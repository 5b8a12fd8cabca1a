//! Half of a TCP handshake: a SYN, what answers it, and the RST that ends it. No state is kept: the sequence number of
//! each SYN says which probe it was.

use super::packet::Ends;
use crate::wire::octets::{set_u8, set_u16, set_u32};
use crate::wire::{tcp, udp};

/// Octets of the option that says the largest segment; some firewalls take no SYN without it.
const OPTION_LEN: usize = 4;
/// A segment of this size gets through wherever IPv6 does.
const MAXIMUM_SEGMENT_SIZE: u16 = 1220;

/// Which segment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Opens a connection.
    Syn,
    /// Ends it.
    Rst,
}

/// A segment without data.
#[derive(Clone, Copy)]
pub struct Segment {
    /// Where from and where to.
    pub ends: Ends,
    /// Sequence number.
    pub sequence: u32,
    /// What it does.
    pub kind: Kind,
}

impl Segment {
    /// Octets of the segment.
    pub fn len(&self) -> usize {
        tcp::HEADER_LEN + if self.kind == Kind::Syn { OPTION_LEN } else { 0 }
    }

    /// Writes the segment, but for its checksum, into that many zeroed octets.
    pub fn write(&self, segment: &mut [u8]) {
        set_u16(segment, udp::SOURCE_PORT, self.ends.own_port);
        set_u16(segment, udp::DESTINATION_PORT, self.ends.port);
        set_u32(segment, tcp::SEQUENCE, self.sequence);
        set_u8(segment, 12, (self.len() as u8 / 4) << 4);
        if self.kind == Kind::Rst {
            set_u8(segment, tcp::FLAGS, tcp::flag::RST);
            return;
        }
        set_u8(segment, tcp::FLAGS, tcp::flag::SYN);
        set_u16(segment, tcp::WINDOW, u16::MAX);
        set_u8(segment, tcp::HEADER_LEN, tcp::option::MAXIMUM_SEGMENT_SIZE);
        set_u8(segment, tcp::HEADER_LEN + 1, OPTION_LEN as u8);
        set_u16(segment, tcp::HEADER_LEN + 2, MAXIMUM_SEGMENT_SIZE);
    }
}

/// The sequence number of the SYN of a probe. They rise from probe to probe, as RFC 6528 has it, so that an end that
/// has not forgotten the one before takes the next for a new connection.
pub fn initial_sequence(base: u32, probe: u16) -> u32 {
    base.wrapping_add(u32::from(probe) << 16)
}

/// What a segment says to which probe.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// The connection is accepted.
    Accepted,
    /// It is refused.
    Refused,
    /// Something about one that is over, or was never: to be ended all the same.
    Other,
}

/// Reads a segment that acknowledges exactly the SYN of a probe, whose number comes with it; none if it does not.
pub fn read(segment: &[u8], base: u32) -> Option<(u16, Reply)> {
    let flags = tcp::flags(segment);
    let beyond = tcp::acknowledgement(segment).wrapping_sub(1).wrapping_sub(base);
    if flags & tcp::flag::ACK == 0 || beyond & 0xffff != 0 || segment.len() < tcp::HEADER_LEN {
        return None;
    }
    let reply = match flags & (tcp::flag::RST | tcp::flag::SYN) {
        tcp::flag::SYN => Reply::Accepted,
        0 => Reply::Other,
        _ => Reply::Refused,
    };
    Some(((beyond >> 16) as u16, reply))
}
