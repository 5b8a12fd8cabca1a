//! The first stage: is a frame an ordinary packet for the gateway to forward? Whatever is not takes the long way, which says
//! why.

use super::inlet::Inlet;
use crate::frame::{FRAME_LEN_MAX, Frame, Segmentation};
use crate::wire::octets::{array_at, u16_at};
use crate::wire::{ethernet, ipv4, protocol, tcp, udp};

/// Octets of the link header of a device that has one.
pub const LINK: usize = ethernet::HEADER_LEN;

/// Flags of TCP segments that may change the state of a connection.
pub const EVENTS: u8 = tcp::flag::SYN | tcp::flag::FIN | tcp::flag::RST;

/// What a frame looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    /// It goes the long way.
    Unusual,
    /// Whole UDP over IPv4.
    Udp4,
    /// Whole TCP over IPv4 in the middle of a connection.
    Tcp4,
    /// The same at its beginning: the first segment that a host sends.
    Syn4,
    /// IPv6.
    Plain6,
}

impl Looks {
    /// Without a branch.
    #[inline(always)]
    const fn of_transport(is_datagram: bool, is_amid: bool, is_first: bool) -> Self {
        let looks = if is_datagram { Self::Udp4 } else { Self::Unusual };
        let looks = if is_amid { Self::Tcp4 } else { looks };
        if is_first { Self::Syn4 } else { looks }
    }

    /// Whether it has a key.
    #[inline(always)]
    pub const fn has_key(self) -> bool {
        matches!(self, Self::Udp4 | Self::Tcp4 | Self::Syn4)
    }

    /// Whether it may belong to a settled session.
    #[inline(always)]
    pub const fn may_be_settled(self) -> bool {
        matches!(self, Self::Udp4 | Self::Tcp4)
    }
}

/// What a frame looks like behind a link header of `LINK_LEN` octets, and the key of its flow; 0 if it has none.
#[inline(always)]
pub fn look<const LINK_LEN: usize, const IS_OUTBOUND: bool>(frame: &Frame<'_>, inlet: &Inlet) -> (Looks, u128) {
    const UNUSUAL: (Looks, u128) = (Looks::Unusual, 0);
    let octets = frame.octets();
    if frame.segmentation != Segmentation::None || octets.len() > FRAME_LEN_MAX {
        return UNUSUAL;
    }
    let Some((link, packet)) = octets.split_at_checked(LINK_LEN) else { return UNUSUAL };
    let is_ipv4 = match link.first_chunk::<LINK>() {
        // To the gateway alone.
        Some(link) if !inlet.is_meant(link) => return UNUSUAL,
        Some(link) => match u16::from_le_bytes(array_at(link, ethernet::TYPE)) {
            TYPE_IPV4 => true,
            TYPE_IPV6 => false,
            _ => return UNUSUAL,
        },
        None => packet.first().is_some_and(|first| first >> 4 == 4),
    };
    if is_ipv4 { look4::<IS_OUTBOUND>(packet, inlet).unwrap_or(UNUSUAL) } else { (Looks::Plain6, 0) }
}

/// As they lie in a frame, the lowest octet first.
const TYPE_IPV4: u16 = ethernet::TYPE_IPV4.swap_bytes();
const TYPE_IPV6: u16 = ethernet::TYPE_IPV6.swap_bytes();

#[inline(always)]
fn look4<const IS_OUTBOUND: bool>(packet: &[u8], inlet: &Inlet) -> Option<(Looks, u128)> {
    let (header, transport) = packet.split_first_chunk::<{ ipv4::HEADER_LEN }>()?;
    let total_len = ipv4::total_len(header);
    let payload_len = total_len.wrapping_sub(ipv4::HEADER_LEN);
    let is_plain = header[0] == 0x45
        // A total length below that of the header is a very long payload.
        && payload_len <= transport.len()
        && !ipv4::is_fragment(header)
        && ipv4::ttl(header) > 1
        && ipv4::plain_checksum_is_right(header);
    if !is_plain {
        return None;
    }
    let looks = match transport.first_chunk::<{ tcp::HEADER_LEN }>() {
        Some(transport) => look_transport(transport, ipv4::protocol(header), payload_len),
        None => look_short(transport.first_chunk()?, ipv4::protocol(header), payload_len),
    };
    let ports = u32::from_le_bytes(*transport.first_chunk()?);
    let key = inlet.key::<IS_OUTBOUND>(ipv4::addresses(header), ports, ipv4::protocol(header));
    (looks != Looks::Unusual).then_some((looks, key))
}

/// A packet of UDP or TCP that is whole in a payload of `payload_len` octets. Both are looked at, whichever it is: that is sooner
/// done than to foresee which.
#[inline(always)]
fn look_transport(transport: &[u8; tcp::HEADER_LEN], protocol: u8, payload_len: usize) -> Looks {
    let is_datagram = (protocol == protocol::UDP) & holds_datagram(u16_at(transport, udp::LENGTH), payload_len);
    let (header_len, flags) = (tcp::header_len(transport), tcp::flags(transport));
    let is_segment = (protocol == protocol::TCP) & (tcp::HEADER_LEN <= header_len) & (header_len <= payload_len);
    let is_amid = is_segment & (flags & EVENTS == 0);
    let is_first = is_segment & (flags & (EVENTS | tcp::flag::ACK) == tcp::flag::SYN);
    Looks::of_transport(is_datagram, is_amid, is_first)
}

/// One that is too short for TCP.
#[inline(never)]
fn look_short(transport: &[u8; udp::HEADER_LEN], protocol: u8, payload_len: usize) -> Looks {
    let is_datagram = protocol == protocol::UDP && holds_datagram(u16_at(transport, udp::LENGTH), payload_len);
    if is_datagram { Looks::Udp4 } else { Looks::Unusual }
}

/// Whether a UDP datagram of `length` octets is whole in a payload of `payload_len`.
#[inline(always)]
fn holds_datagram(length: u16, payload_len: usize) -> bool {
    let length = usize::from(length);
    (udp::HEADER_LEN <= length) & (length <= payload_len)
}
