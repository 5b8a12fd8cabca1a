//! Super-packets: many packets of one flow under one header, which a device hands over to be cut by whoever can
//! (docs/decisions.md, "Offloads"). Cutting is octets alone; which of them are cut is decided in `pipeline`.

use crate::frame::{ChecksumState, Frame, Segmentation};
use crate::wire::checksum::{ChecksumUpdate, internet_checksum};
use crate::wire::octets::{copy_to, set_u8, set_u16, set_u32, tail, tail_mut, u8_at, u16_at};
use crate::wire::tcp::flag::{CWR, FIN, PSH, RST, SYN};
use crate::wire::{ipv4, ipv6, protocol, tcp, udp};

/// Most octets of all headers of a super-packet, IP to transport; of more nobody would make one.
pub const HEADERS_MAX: usize = 256;

/// What parsing knows of the packet that a frame starts with.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Offset of the transport header.
    pub transport: usize,
    /// Its protocol.
    pub protocol: u8,
    /// Whether it is IPv6.
    pub is_ipv6: bool,
    /// Whether it is any fragment.
    pub is_fragment: bool,
}

/// Where the parts of a super-packet lie; offsets count from its IP header.
#[derive(Clone, Copy, Debug)]
pub struct SuperPacket {
    transport: usize,
    headers: usize,
    payload: usize,
    size: usize,
    is_tcp: bool,
}

impl SuperPacket {
    /// The parts of a frame that starts at its IP header; none of an ordinary one, and of one that is not what it is said
    /// to be (see [`Self::check`]).
    pub fn of(frame: &Frame<'_>) -> Option<Self> {
        let (size, is_tcp) = match frame.segmentation {
            Segmentation::None => return None,
            Segmentation::Tcp4(size) | Segmentation::Tcp6(size) => (usize::from(size), true),
            Segmentation::Udp(size) => (usize::from(size), false),
        };
        let ChecksumState::Partial { start, .. } = frame.checksum else { return None };
        let transport = usize::from(start);
        let header = tail(frame.octets(), transport);
        let headers = transport + if is_tcp { tcp::header_len(header) } else { udp::HEADER_LEN };
        let payload = frame.len().checked_sub(headers)?;
        (size > 0).then_some(Self { transport, headers, payload, size, is_tcp })
    }

    /// The parts of a frame that was found to be what its device says: one whole packet of the protocol, whose checksum is
    /// to be completed where that protocol has it.
    pub fn check(frame: &Frame<'_>, layout: Layout) -> Option<Self> {
        let expected = match frame.segmentation {
            Segmentation::None => return None,
            Segmentation::Tcp4(_) => (protocol::TCP, Some(false)),
            Segmentation::Tcp6(_) => (protocol::TCP, Some(true)),
            Segmentation::Udp(_) => (protocol::UDP, None),
        };
        let field = if expected.0 == protocol::TCP { tcp::CHECKSUM } else { udp::CHECKSUM };
        let partial = ChecksumState::Partial { start: layout.transport as u16, offset: field as u16 };
        let is_what_it_says = layout.protocol == expected.0
            && expected.1.is_none_or(|is_ipv6| is_ipv6 == layout.is_ipv6)
            && frame.checksum == partial
            && !layout.is_fragment;
        let parts = Self::of(frame).filter(|_| is_what_it_says)?;
        let least = layout.transport + if parts.is_tcp { tcp::HEADER_LEN } else { udp::HEADER_LEN };
        (parts.headers >= least && parts.headers <= HEADERS_MAX).then_some(parts)
    }

    /// Number of packets that it stands for.
    pub const fn count(&self) -> usize {
        if self.payload <= self.size { 1 } else { self.payload.div_ceil(self.size) }
    }

    /// Octets of the longest of them, IP header included.
    pub const fn longest(&self) -> usize {
        self.headers + if self.payload < self.size { self.payload } else { self.size }
    }

    /// Whether all of its packets are the same to a connection: data. What opens, ends or resets one is for one packet only,
    /// and so is CWR.
    pub fn is_uniform(&self, frame: &Frame<'_>) -> bool {
        !self.is_tcp || tcp::flags(tail(frame.octets(), self.transport)) & (SYN | FIN | RST | CWR) == 0
    }

    /// The headers of a super-packet, to make others of.
    pub fn headers(&self, frame: &Frame<'_>) -> Headers {
        let mut octets = [0; HEADERS_MAX];
        if let Some(headers) = frame.octets().get(..self.headers) {
            copy_to(&mut octets, 0, headers);
        }
        Headers(octets)
    }

    /// Makes a frame its own first packet, finished; the payload of the others stays in the buffer behind it.
    pub fn keep_first(&self, frame: &mut Frame<'_>) {
        frame.truncate(self.longest());
        self.finish(frame.octets_mut(), 0);
        frame.segmentation = Segmentation::None;
        frame.checksum = ChecksumState::Complete;
    }

    /// Writes the packet number `index`, finished, from the headers of all and the octets that the super-packet has behind
    /// them; returns its length, 0 where it does not fit.
    pub fn write(&self, index: usize, headers: &Headers, payload: &[u8], to: &mut [u8]) -> usize {
        let payload = payload.get(..self.payload).unwrap_or(payload);
        let Some(piece) = payload.chunks(self.size).nth(index) else { return 0 };
        let length = self.headers + piece.len();
        let (Some(packet), Some(headers)) = (to.get_mut(..length), headers.0.get(..self.headers)) else { return 0 };
        copy_to(packet, 0, headers);
        copy_to(packet, self.headers, piece);
        self.finish(packet, index);
        length
    }

    /// Where the payload lies in the buffer of a frame.
    pub fn payload_start(&self, frame: &Frame<'_>) -> usize {
        frame.start() + self.headers
    }

    /// Makes the headers those of one packet, which ends where it ends.
    fn finish(&self, packet: &mut [u8], index: usize) {
        let length = packet.len();
        let whole = self.headers - self.transport + self.payload;
        if ipv4::version(packet) == 4 {
            ipv4::set_total_len(packet, length);
            // As every stack that cuts counts on.
            let identification = ipv4::identification(packet).wrapping_add(index as u16);
            ipv4::set_identification(packet, identification);
            ipv4::fill_checksum(packet);
        } else {
            ipv6::set_payload_len(packet, length - ipv6::HEADER_LEN);
        }
        let segment = tail_mut(packet, self.transport);
        let field = if self.is_tcp {
            self.finish_tcp(segment, index);
            tcp::CHECKSUM
        } else {
            udp::set_length(segment, segment.len());
            udp::CHECKSUM
        };
        // The field holds the sum of the pseudo-header, the length of the whole in it.
        let update = ChecksumUpdate::new().word(whole as u16, segment.len() as u16);
        let partial = update.apply_partial(u16_at(segment, field));
        set_u16(segment, field, partial);
        let sum = internet_checksum(segment);
        set_u16(segment, field, if sum == 0 { 0xffff } else { sum });
    }

    fn finish_tcp(&self, segment: &mut [u8], index: usize) {
        let is_last = index + 1 == self.count();
        let mut flags = u8_at(segment, tcp::FLAGS);
        if !is_last {
            flags &= !(FIN | PSH);
        }
        if index > 0 {
            flags &= !CWR;
        }
        let sequence = tcp::sequence(segment).wrapping_add((index * self.size) as u32);
        set_u32(segment, tcp::SEQUENCE, sequence);
        set_u8(segment, tcp::FLAGS, flags);
    }
}

/// The headers of a super-packet, IP to transport.
pub struct Headers([u8; HEADERS_MAX]);

/// Octets of the longest packet that a frame (from its IP header on) will be on a link.
pub fn longest_packet(frame: &Frame<'_>) -> usize {
    SuperPacket::of(frame).map_or(frame.len(), |parts| parts.longest())
}

/// Number of packets that a frame will be on a link.
pub fn packet_count(frame: &Frame<'_>) -> usize {
    SuperPacket::of(frame).map_or(1, |parts| parts.count())
}

/// Makes a frame (from its IP header on) one packet as a link would carry it, to be quoted, kept, or given to whoever
/// cannot finish it: the first one of a super-packet, with its checksum completed.
pub fn finish(frame: &mut Frame<'_>) {
    match SuperPacket::of(frame) {
        Some(parts) => parts.keep_first(frame),
        None => frame.finish_checksum(),
    }
}
