//! What a packet is to the connection it belongs to: all that filtering, the session machine and the reset check
//! ask of it, read once.

use crate::wire::octets::{tail, u8_at};
use crate::wire::tcp::flag::{ACK, FIN, RST, SYN};
use crate::wire::{dccp, sctp, tcp};

/// A packet, seen by its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// What it does to the state of a connection.
    pub event: Event,
    /// Whether it opens a connection (TCP and DCCP), or could be the first packet of a flow (all others).
    pub opens: bool,
    /// Whether it is held where nobody asked for it (5382-R4, 5597-R4).
    pub is_held: bool,
    /// Differentiated services code point: what policies ask of the packet that begins a flow.
    pub dscp: u8,
    /// What only TCP has.
    pub tcp: Option<TcpFields>,
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
    /// Flag bits.
    pub flags: u8,
    /// Sequence number of the first octet.
    pub sequence: u32,
    /// Sequence number after its payload, SYN and FIN.
    pub end: u32,
    /// Acknowledgement number; means something with ACK only.
    pub acknowledgement: u32,
    /// Window field.
    pub window: u16,
    /// Window scale of a SYN (RFC 7323 section 2.2), if it offers one.
    pub scale: Option<u8>,
}

impl TcpFields {
    /// Whether the acknowledgement number means something.
    pub const fn has_ack(&self) -> bool {
        self.flags & ACK != 0
    }
}

impl Segment {
    /// A packet of a protocol without connections.
    pub const PLAIN: Self = Self { event: Event::Other, opens: true, is_held: false, dscp: 0, tcp: None };

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
            scale: if flags & SYN != 0 { window_scale(segment) } else { None },
        };
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
        Self { event, opens, is_held: opens && flags & RST == 0, dscp: 0, tcp: Some(tcp) }
    }

    /// A DCCP packet, from its DCCP header on (5597-R2).
    pub fn of_dccp(packet: &[u8]) -> Self {
        use dccp::kind::{CLOSE, CLOSE_REQ, LISTEN, REQUEST, RESET, RESPONSE, SYNC};
        let kind = dccp::kind(packet);
        let event = match kind {
            RESET => Event::Reset,
            REQUEST | RESPONSE | LISTEN => Event::Open,
            CLOSE_REQ | CLOSE => Event::Finish,
            _ => Event::Other,
        };
        let opens = matches!(kind, REQUEST | LISTEN);
        Self { event, opens, is_held: opens || kind == SYNC, dscp: 0, tcp: None }
    }

    /// An SCTP packet, from its common header on, by its first chunk (6092-R38).
    pub fn of_sctp(packet: &[u8]) -> Self {
        use sctp::chunk::{ABORT, INIT, INIT_ACK, SHUTDOWN, SHUTDOWN_ACK, SHUTDOWN_COMPLETE};
        let chunk = sctp::first_chunk(packet);
        let event = match chunk {
            Some(ABORT | SHUTDOWN_COMPLETE) => Event::Reset,
            Some(INIT | INIT_ACK) => Event::Open,
            Some(SHUTDOWN | SHUTDOWN_ACK) => Event::Finish,
            Some(_) | None => Event::Other,
        };
        let opens = chunk == Some(INIT);
        Self { event, opens, is_held: opens, dscp: 0, tcp: None }
    }

    /// The same in a packet with a code point.
    pub const fn marked(self, dscp: u8) -> Self {
        Self { dscp, ..self }
    }

    /// Whether it is a TCP segment with SYN, RST or not.
    pub const fn has_syn(&self) -> bool {
        self.has_flag(SYN)
    }

    /// Whether it is a TCP segment that a reset may answer: RFC 9293 section 3.5.2 never answers one with another.
    pub const fn may_be_reset(&self) -> bool {
        self.tcp.is_some() && !self.has_flag(RST)
    }

    const fn has_flag(&self, flag: u8) -> bool {
        match self.tcp {
            Some(tcp) => tcp.flags & flag != 0,
            None => false,
        }
    }
}

fn window_scale(segment: &[u8]) -> Option<u8> {
    tcp::find_option(segment, tcp::option::WINDOW_SCALE, 3).map(|at| u8_at(segment, at + 2))
}
