//! Trains: datagrams of one flow that leave in one burst, for a device that takes them as one super-packet
//! (docs/decisions.md, "Offloads"). The opposite of cutting: what is cut of a train is what it was made of.

use arrayvec::ArrayVec;

use crate::frame::{ChecksumState, Segmentation};
use crate::wire::checksum::{add_octets, fold, pseudo_header4, pseudo_header6};
use crate::wire::octets::{copy_to, set_u16, tail, tail_mut, u8_at};
use crate::wire::{ethernet, ipv4, ipv6, protocol, udp};

/// Most datagrams of a train: no kernel that cuts super-packets of UDP wants fewer.
pub const DATAGRAMS_MAX: usize = 64;

/// Most flows whose datagrams may lie among each other's; of more, those that were seen last.
pub const TRAINS_MAX: usize = 8;

/// Octets of the longest headers before the payload: Ethernet, IPv6, UDP.
pub const HEADERS_MAX: usize = ethernet::HEADER_LEN + ipv6::HEADER_LEN + udp::HEADER_LEN;

/// Octets of the longest IP packet.
const PACKET_MAX: usize = 65_535;

/// A frame that could be in a train: a whole UDP datagram with a payload and without IP options or extension headers.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// The complete frame.
    pub octets: &'a [u8],
    /// What is known of the checksum of the datagram.
    pub checksum: ChecksumState,
    /// Where its IP header begins, and its UDP header.
    network: usize,
    transport: usize,
}

impl<'a> Datagram<'a> {
    /// The datagram in a frame whose IP header begins at `network`; none where there is none, or one that no train can have.
    #[inline]
    pub fn of(octets: &'a [u8], checksum: ChecksumState, network: usize) -> Option<Self> {
        let packet = octets.get(network..)?;
        let (header_len, length) = match u8_at(packet, 0) {
            0x45 if is_whole_udp4(packet) => (ipv4::HEADER_LEN, ipv4::total_len(packet)),
            0x60..=0x6f if ipv6::next_header(packet) == protocol::UDP => {
                (ipv6::HEADER_LEN, ipv6::HEADER_LEN + ipv6::payload_len(packet))
            }
            _ => return None,
        };
        let datagram = packet.get(header_len..)?;
        // Of less, or of an end that nobody knows the meaning of (RFC 9868), the octets would not come out again.
        let is_all = length == packet.len() && udp::length(datagram) == datagram.len();
        let transport = network + header_len;
        let has_sum = match checksum {
            ChecksumState::Complete | ChecksumState::Vouched => udp::checksum(datagram) != 0,
            ChecksumState::Partial { start, offset } => {
                usize::from(start) == transport && usize::from(offset) == udp::CHECKSUM
            }
        };
        let is_one = is_all && has_sum && datagram.len() > udp::HEADER_LEN;
        is_one.then_some(Self { octets, checksum, network, transport })
    }

    /// All that is before the payload.
    fn headers(&self) -> &'a [u8] {
        self.octets.get(..self.transport + udp::HEADER_LEN).unwrap_or_default()
    }

    /// What is behind the headers.
    pub fn payload(&self) -> &'a [u8] {
        tail(self.octets, self.transport + udp::HEADER_LEN)
    }

    fn is_ipv4(&self) -> bool {
        self.transport - self.network == ipv4::HEADER_LEN
    }

    /// Whether all that is the same for all datagrams of a train is: link header, addresses, ports, TTL, ECN and the like.
    fn is_like(&self, other: &Self) -> bool {
        let same = |from: usize, to: usize| {
            self.octets.get(self.network + from..self.network + to)
                == other.octets.get(self.network + from..self.network + to)
        };
        if self.transport != other.transport || self.network != other.network {
            return false;
        }
        let is_like = if self.is_ipv4() {
            // Ports, in which flows differ most; addresses; flags to protocol; what comes before the length.
            same(20, 24) && same(12, 20) && same(6, 10) && same(0, 2)
        } else {
            same(40, 44) && same(6, 40) && same(0, 4)
        };
        is_like && self.octets.get(..self.network) == other.octets.get(..self.network)
    }

    /// Whether whoever cuts numbers it as it is: counting on from the first of the train. The number of an atomic datagram is
    /// of no meaning (6864-4.1).
    fn is_numbered(&self, first: &Self, place: usize) -> bool {
        if !self.is_ipv4() {
            return true;
        }
        let packet = tail(self.octets, self.network);
        let expected = ipv4::identification(tail(first.octets, first.network)).wrapping_add(place as u16);
        ipv4::is_atomic(packet) || ipv4::identification(packet) == expected
    }

    /// Whether its checksum is right, or will be made so. A wrong one must stay wrong, and whoever cuts makes right ones.
    fn is_right(&self) -> bool {
        match self.checksum {
            ChecksumState::Partial { .. } | ChecksumState::Vouched => true,
            ChecksumState::Complete => {
                let datagram = tail(self.octets, self.transport);
                fold(add_octets(self.pseudo_header(datagram.len()), datagram)) == 0xffff
            }
        }
    }

    /// The sum of its pseudo-header, were it that long.
    fn pseudo_header(&self, length: usize) -> u32 {
        let packet = tail(self.octets, self.network);
        if self.is_ipv4() {
            pseudo_header4(ipv4::source(packet), ipv4::destination(packet), protocol::UDP, length as u16)
        } else {
            pseudo_header6(ipv6::source(packet), ipv6::destination(packet), protocol::UDP, length as u32)
        }
    }
}

/// Whether it is UDP and no fragment; the reserved flag may mean anything.
fn is_whole_udp4(packet: &[u8]) -> bool {
    let is_whole = !ipv4::is_fragment(packet) && u8_at(packet, 6) & 0x80 == 0;
    is_whole && ipv4::protocol(packet) == protocol::UDP
}

/// Whether a frame that is no [`Datagram`] may leave before datagrams that came before it: no flow has both.
pub fn may_overtake(octets: &[u8], network: usize) -> bool {
    let packet = tail(octets, network);
    let protocol = if ipv4::version(packet) == 4 { ipv4::protocol(packet) } else { ipv6::next_header(packet) };
    protocol == protocol::TCP
}

/// Datagrams of one flow in order, all of one length but for the last, which may be shorter.
#[derive(Debug, Default)]
pub struct Train<'a> {
    datagrams: ArrayVec<Datagram<'a>, DATAGRAMS_MAX>,
    /// Octets of all payloads.
    octets: usize,
}

impl<'a> Train<'a> {
    /// Puts a datagram behind the others if it can leave with them; says whether it did.
    #[inline]
    fn take(&mut self, next: Datagram<'a>) -> bool {
        let length = next.payload().len();
        let fits = match (self.datagrams.first(), self.datagrams.last()) {
            (Some(first), Some(last)) => {
                let size = first.payload().len();
                length <= size
                    && last.payload().len() == size
                    && first.headers().len() - first.network + self.octets + length <= PACKET_MAX
                    && next.is_numbered(first, self.datagrams.len())
                    && (self.datagrams.len() > 1 || first.is_right())
                    && next.is_right()
            }
            _ => true,
        };
        let taken = fits && self.datagrams.try_push(next).is_ok();
        self.octets += if taken { length } else { 0 };
        taken
    }

    /// Whether a datagram is of its flow.
    #[inline]
    fn is_of(&self, datagram: &Datagram<'a>) -> bool {
        self.datagrams.first().is_some_and(|first| datagram.is_like(first))
    }

    /// Has it leave, if there is anything of it; it is empty then.
    fn depart(&mut self, mut leave: impl FnMut(&Self)) {
        if !self.datagrams.is_empty() {
            leave(self);
            self.datagrams.clear();
            self.octets = 0;
        }
    }

    /// Its datagrams, one at least.
    pub fn datagrams(&self) -> &[Datagram<'a>] {
        &self.datagrams
    }

    /// The headers of the super-packet, written to `to`, and what its device is to be told of it. Behind them come the payloads.
    pub fn headers<'h>(&self, to: &'h mut [u8; HEADERS_MAX]) -> Option<(&'h [u8], ChecksumState, Segmentation)> {
        let first = self.datagrams.first()?;
        let headers = to.get_mut(..first.headers().len())?;
        copy_to(headers, 0, first.headers());
        let length = udp::HEADER_LEN + self.octets;
        let packet = tail_mut(headers, first.network);
        if first.is_ipv4() {
            ipv4::set_total_len(packet, ipv4::HEADER_LEN + length);
            ipv4::fill_checksum(packet);
        } else {
            ipv6::set_payload_len(packet, length);
        }
        let datagram = tail_mut(headers, first.transport);
        udp::set_length(datagram, length);
        set_u16(datagram, udp::CHECKSUM, fold(first.pseudo_header(length)));
        let checksum = ChecksumState::Partial { start: first.transport as u16, offset: udp::CHECKSUM as u16 };
        Some((headers, checksum, Segmentation::Udp(first.payload().len() as u16)))
    }
}

/// The trains of one burst, put together as its frames come by.
#[derive(Debug, Default)]
pub struct Trains<'a> {
    trains: [Train<'a>; TRAINS_MAX],
    /// The place of the flow that was seen first.
    oldest: usize,
}

impl<'a> Trains<'a> {
    /// Puts a datagram into the train of its flow. What cannot wait for it any more leaves: the train, where the datagram cannot
    /// go with it, or that of the oldest flow, where there is no place for another one.
    #[inline]
    pub fn take(&mut self, datagram: Datagram<'a>, leave: impl FnMut(&Train<'a>)) {
        let known = self.trains.iter_mut().position(|train| train.is_of(&datagram));
        let Some(train) = self.trains.get_mut(known.unwrap_or(self.oldest)) else { return };
        if known.is_some() && train.take(datagram) {
            return;
        }
        train.depart(leave);
        train.take(datagram);
        if known.is_none() {
            self.oldest = (self.oldest + 1) % TRAINS_MAX;
        }
    }

    /// Has all leave, the oldest flow first.
    pub fn depart(&mut self, mut leave: impl FnMut(&Train<'a>)) {
        let (later, first) = self.trains.split_at_mut(self.oldest);
        first.iter_mut().chain(later).for_each(|train| train.depart(&mut leave));
    }
}
