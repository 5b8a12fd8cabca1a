//! What a packet is to the connection it belongs to: all that filtering, the session machine and the reset check
//! ask of it, read once.

use crate::wire::octets::tail;
use crate::wire::tcp;
use crate::wire::tcp::flag::{ACK, FIN, RST, SYN};

/// A packet, seen by its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// What it does to the state of a connection.
    pub event: Event,
    /// Whether it opens a connection (TCP and DCCP), or could be the first packet of a flow (all others).
    pub opens: bool,
    /// Sequence numbers and the like of TCP; zeros otherwise.
    pub tcp: TcpFields,
}

/// One packet is one event: RST before SYN before FIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It resets the connection.
    Reset,
    /// It opens the connection, or answers what opened it.
    Open,
    /// Its sender will send no more.
    Finish,
    /// Anything else.
    Other,
}

/// Fields of a TCP segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFields {
    /// Flag bits; 0 for other protocols.
    pub flags: u8,
    /// Sequence number of the first octet.
    pub sequence: u32,
    /// Sequence number after its payload, SYN and FIN.
    pub end: u32,
    /// Acknowledgement number; means something with ACK only.
    pub acknowledgement: u32,
    /// Window field.
    pub window: u16,
}

impl Segment {
    /// A packet of a protocol without connections.
    pub const PLAIN: Self = Self {
        event: Event::Other,
        opens: true,
        tcp: TcpFields { flags: 0, sequence: 0, end: 0, acknowledgement: 0, window: 0 },
    };

    /// A TCP segment, from its TCP header to the end of the IP packet.
    pub fn of_tcp(segment: &[u8]) -> Self {
        let flags = tcp::flags(segment);
        let payload = tail(segment, tcp::header_len(segment)).len() as u32;
        let length = payload + u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
        let sequence = tcp::sequence(segment);
        let tcp = TcpFields {
            flags,
            sequence,
            end: sequence.wrapping_add(length),
            acknowledgement: tcp::acknowledgement(segment),
            window: tcp::window(segment),
        };
        Self { tcp, ..Self::of_flags(flags) }
    }

    /// A TCP segment of which only the flags are known.
    pub const fn of_flags(flags: u8) -> Self {
        let event = if flags & RST != 0 {
            Event::Reset
        } else if flags & SYN != 0 {
            Event::Open
        } else if flags & FIN != 0 {
            Event::Finish
        } else {
            Event::Other
        };
        let opens = flags & (SYN | ACK) == SYN;
        Self { event, opens, tcp: TcpFields { flags, ..Self::PLAIN.tcp } }
    }

    /// Whether it is a TCP segment with SYN, RST or not.
    pub const fn has_syn(&self) -> bool {
        self.tcp.flags & SYN != 0
    }

    /// Whether it is a TCP segment with RST.
    pub const fn has_rst(&self) -> bool {
        self.tcp.flags & RST != 0
    }
}
