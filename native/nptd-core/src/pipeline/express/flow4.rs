//! The third stage of IPv4: packets of settled NAT44 sessions.

use super::departure::{Surroundings, Way};
use super::survey::Looks;
use super::{Expressway, Seen};
use crate::frame::{ChecksumState, Frame};
use crate::nat44::rewrite::{End, pass_datagram, pass_segment};
use crate::nat44::{Express, SettledSessions};
use crate::session::settled::Ends;
use crate::wire::{ipv4, tcp, udp};

/// A packet whose `end` is replaced: its uplink and octets; none, and nothing has changed, where it goes the long way.
#[inline(always)]
pub(super) fn express4<const LINK_LEN: usize>(
    frame: &mut Frame<'_>,
    seen: &Seen,
    end: End,
    sessions: &mut SettledSessions<'_>,
    expressway: &mut Expressway,
    surroundings: &mut Surroundings<'_, '_>,
) -> Option<(u8, usize)> {
    let Expressway { ends, inlet, last_way, .. } = expressway;
    let Seen { looks, key, position, .. } = *seen;
    if !looks.is_any_of(Looks::SETTLED4) {
        return None;
    }
    let express = match end {
        End::Source => sessions.outbound(position, key, inlet.device, ends)?,
        End::Destination => sessions.inbound(position, key, inlet.slot, ends)?,
    };
    let slot = express.slot();
    let way = match end {
        End::Source => last_way.out4(slot, express.remote(), express.is_direct(), surroundings)?,
        End::Destination => last_way.in4(express.internal(), surroundings)?,
    };
    let is_tcp = looks == Looks::TCP4;
    let length = match frame.checksum {
        ChecksumState::Complete | ChecksumState::Vouched => {
            pass::<LINK_LEN, false>(frame, express, end, is_tcp, ends, way)?
        }
        ChecksumState::Partial { .. } => pass_partial::<LINK_LEN>(frame, express, end, is_tcp, ends, way)?,
    };
    Some((slot, length))
}

#[inline(never)]
fn pass_partial<const LINK_LEN: usize>(
    frame: &mut Frame<'_>,
    express: Express<'_>,
    end: End,
    is_tcp: bool,
    ends: &Ends,
    way: &Way,
) -> Option<usize> {
    pass::<LINK_LEN, true>(frame, express, end, is_tcp, ends, way)
}

/// Rewrites a packet and sends it: its octets; none, and nothing has changed, where it goes the long way.
#[inline(always)]
fn pass<const LINK_LEN: usize, const IS_PARTIAL: bool>(
    frame: &mut Frame<'_>,
    mut express: Express<'_>,
    end: End,
    is_tcp: bool,
    ends: &Ends,
    way: &Way,
) -> Option<usize> {
    let Packet4 { link, header, transport, length, covers_addresses } = packet4::<LINK_LEN, IS_PARTIAL>(frame, way)?;
    if is_tcp {
        let segment = transport.first_chunk_mut::<{ tcp::HEADER_LEN }>()?;
        if !express.pass_segment(end, segment, ends) {
            return None;
        }
        pass_segment(header, segment, &express.passage(end, header), covers_addresses);
    } else {
        let datagram = transport.first_chunk_mut::<{ udp::HEADER_LEN }>()?;
        if !express.pass_datagram(end, ends) {
            return None;
        }
        pass_datagram(header, datagram, &express.passage(end, header), covers_addresses);
    }
    way.link::<LINK_LEN>(link);
    way.depart::<LINK_LEN>(frame, length);
    Some(length)
}

/// A packet that may take a way as it is.
pub(super) struct Packet4<'f> {
    pub link: &'f mut [u8],
    pub header: &'f mut [u8; ipv4::HEADER_LEN],
    /// What is behind the header, and perhaps behind the packet.
    pub transport: &'f mut [u8],
    /// Octets of the packet.
    pub length: usize,
    /// Whether its transport checksum is one of the addresses only.
    pub covers_addresses: bool,
}

/// The packet in a frame whose checksum is partial or not, if it may take a way as it is.
#[inline(always)]
pub(super) fn packet4<'f, const LINK_LEN: usize, const IS_PARTIAL: bool>(
    frame: &'f mut Frame<'_>,
    way: &Way,
) -> Option<Packet4<'f>> {
    let checksum = frame.checksum_at(LINK_LEN + ipv4::HEADER_LEN);
    let covers_addresses = IS_PARTIAL && matches!(checksum, ChecksumState::Partial { .. });
    let has_room = way.has_room::<LINK_LEN>(frame);
    let (link, packet) = frame.some_octets_mut()?.split_at_mut_checked(LINK_LEN)?;
    let (header, transport) = packet.split_first_chunk_mut::<{ ipv4::HEADER_LEN }>()?;
    let length = ipv4::total_len(header);
    let takes = way.takes(length, IS_PARTIAL) && has_room;
    takes.then_some(Packet4 { link, header, transport, length, covers_addresses })
}
