//! The first stage: is a frame an ordinary packet for the gateway to forward? Whatever is not takes the long way, which says
//! why.

use core::hint::select_unpredictable;

use super::inlet::Inlet;
use crate::frame::{FRAME_LEN_MAX, Frame, Segmentation};
use crate::wire::octets::{array_at, u16_at};
use crate::wire::{ethernet, ipv4, protocol, tcp, udp};

/// Octets of the link header of a device that has one.
pub const LINK: usize = ethernet::HEADER_LEN;

/// Flags of TCP segments that may change the state of a connection.
pub const EVENTS: u8 = tcp::flag::SYN | tcp::flag::FIN | tcp::flag::RST;

/// What a frame looks like: at most one bit, so that telling TCP from UDP takes no branch, which nobody could foresee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looks(u8);

impl Looks {
    /// It goes the long way.
    pub const UNUSUAL: Self = Self(0);
    /// Whole UDP over IPv4.
    pub const UDP4: Self = Self(1);
    /// Whole TCP over IPv4 in the middle of a connection.
    pub const TCP4: Self = Self(2);
    /// The same at its beginning: the first segment that a host sends.
    pub const SYN4: Self = Self(4);
    /// IPv6.
    pub const PLAIN6: Self = Self(8);

    /// What of it is so.
    #[inline(always)]
    const fn only_if(self, is_so: bool) -> Self {
        Self(self.0 & (is_so as u8).wrapping_neg())
    }

    /// Either of two.
    #[inline(always)]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it is one of some.
    #[inline(always)]
    pub const fn is_any_of(self, some: Self) -> bool {
        self.0 & some.0 != 0
    }

    /// Whether it has a key.
    #[inline(always)]
    pub const fn has_key(self) -> bool {
        self.is_any_of(Self::SETTLED4.or(Self::SYN4))
    }

    /// What may belong to a settled session.
    pub const SETTLED4: Self = Self::UDP4.or(Self::TCP4);
}

/// What a frame looks like behind a link header of `LINK_LEN` octets; none is unusual. `key` becomes that of its flow where it has one.
#[inline(always)]
pub fn look<const LINK_LEN: usize, const IS_OUTBOUND: bool>(
    frame: &Frame<'_>,
    inlet: &Inlet,
    key: &mut u128,
) -> Option<Looks> {
    let octets = frame.some_octets()?;
    // IPv6 has a longer header.
    let least = LINK_LEN + ipv4::HEADER_LEN;
    if frame.segmentation != Segmentation::None || octets.len().wrapping_sub(least) > FRAME_LEN_MAX - least {
        return None;
    }
    let (header, transport) = octets.get(LINK_LEN..)?.split_first_chunk::<{ ipv4::HEADER_LEN }>()?;
    if LINK_LEN == LINK {
        let link = octets.first_chunk::<{ LINK + 2 }>()?;
        // To the gateway alone.
        if !inlet.is_meant(link) {
            return None;
        }
        // Type, version and length of the header at once.
        let begins = u32::from_le_bytes(array_at(link, ethernet::TYPE)) & 0x00ff_ffff;
        if begins != u32::from(TYPE_IPV4) | u32::from(PLAIN_IPV4) << 16 {
            return (begins & 0xffff == u32::from(TYPE_IPV6)).then_some(Looks::PLAIN6);
        }
    } else if header[0] != PLAIN_IPV4 {
        return (header[0] >> 4 != 4).then_some(Looks::PLAIN6);
    }
    look4::<IS_OUTBOUND>(header, transport, inlet, key)
}

/// As they lie in a frame, the lowest octet first.
const TYPE_IPV4: u16 = ethernet::TYPE_IPV4.swap_bytes();
const TYPE_IPV6: u16 = ethernet::TYPE_IPV6.swap_bytes();

/// The first octet of a header without options.
const PLAIN_IPV4: u8 = 0x45;

#[inline(always)]
fn look4<const IS_OUTBOUND: bool>(
    header: &[u8; ipv4::HEADER_LEN],
    transport: &[u8],
    inlet: &Inlet,
    key: &mut u128,
) -> Option<Looks> {
    let total_len = ipv4::total_len(header);
    let payload_len = total_len.wrapping_sub(ipv4::HEADER_LEN);
    // A total length below that of the header is a very long payload.
    let is_plain = payload_len <= transport.len()
        && !ipv4::is_fragment(header)
        && ipv4::ttl(header) > 1
        && ipv4::plain_checksum_is_right(header);
    if !is_plain {
        return None;
    }
    let (ports, looks) = match transport.first_chunk::<{ tcp::HEADER_LEN }>() {
        Some(transport) => {
            (array_at(transport, 0), look_transport(transport, ipv4::protocol(header), payload_len as u32))
        }
        None => {
            let transport = transport.first_chunk()?;
            (array_at(transport, 0), look_short(transport, ipv4::protocol(header), payload_len as u32))
        }
    };
    let ports = u32::from_le_bytes(ports);
    *key = inlet.key::<IS_OUTBOUND>(ipv4::addresses(header), ports, ipv4::protocol(header));
    Some(looks)
}

/// A packet of UDP or TCP that is whole in a payload of `payload_len` octets. Both are looked at, whichever it is: that is sooner
/// done than a wrong guess undone.
#[inline(always)]
fn look_transport(transport: &[u8; tcp::HEADER_LEN], protocol: u8, payload_len: u32) -> Looks {
    let is_tcp = protocol == protocol::TCP;
    let (datagram, header) = (u16_at(transport, udp::LENGTH), tcp::header_len(transport));
    let length = select_unpredictable(is_tcp, header as u32, u32::from(datagram));
    let least = select_unpredictable(is_tcp, tcp::HEADER_LEN as u32, udp::HEADER_LEN as u32);
    let segment = SEGMENTS[usize::from(tcp::flags(transport) & (EVENTS | tcp::flag::ACK))];
    let looks = select_unpredictable(is_tcp, segment, Looks::UDP4.only_if(protocol == protocol::UDP));
    looks.only_if(holds(length, least, payload_len))
}

/// What segments look like, by their flags.
const SEGMENTS: [Looks; (EVENTS | tcp::flag::ACK) as usize + 1] = {
    let mut segments = [Looks::UNUSUAL; (EVENTS | tcp::flag::ACK) as usize + 1];
    (segments[0], segments[tcp::flag::ACK as usize]) = (Looks::TCP4, Looks::TCP4);
    segments[tcp::flag::SYN as usize] = Looks::SYN4;
    segments
};

/// One that is too short for TCP.
#[inline(never)]
fn look_short(transport: &[u8; udp::HEADER_LEN], protocol: u8, payload_len: u32) -> Looks {
    let length = u32::from(u16_at(transport, udp::LENGTH));
    Looks::UDP4.only_if(protocol == protocol::UDP && holds(length, udp::HEADER_LEN as u32, payload_len))
}

/// Whether a length is neither below the least one nor beyond a payload.
#[inline(always)]
fn holds(length: u32, least: u32, payload_len: u32) -> bool {
    // Both differences are far below 2^31, unless they are negative.
    (length.wrapping_sub(least) | payload_len.wrapping_sub(length)) >> 31 == 0
}
