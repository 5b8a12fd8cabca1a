//! The third stage of IPv4: packets of settled NAT44 sessions.

use super::departure::{Departure, Goal, Way};
use super::survey::Looks;
use super::{Expressway, Hint};
use crate::frame::{ChecksumState, Frame};
use crate::nat44::Express;
use crate::nat44::rewrite::{End, pass_datagram, pass_segment};
use crate::pipeline::transit::Transit;
use crate::session::settled::Ends;
use crate::wire::{ethernet, ipv4, tcp, udp};

impl Transit<'_> {
    /// A packet whose `end` is replaced: its uplink and octets; none, and nothing has changed, where it goes the long way.
    #[inline(always)]
    pub(super) fn express4<const LINK_LEN: usize>(
        &mut self,
        frame: &mut Frame<'_>,
        hint: Hint,
        end: End,
        expressway: &mut Expressway,
    ) -> Option<(u8, usize)> {
        let Expressway { ends, inlet, last_way } = expressway;
        let Hint { looks, key, position } = hint;
        if !looks.may_be_settled() {
            return None;
        }
        let express = match end {
            End::Source => self.nat44.express_outbound(position, key, inlet.device, ends)?,
            End::Destination => self.nat44.express_inbound(position, key, inlet.slot, ends)?,
        };
        let (goal, slot) = (goal_of(&express, end), express.slot());
        let way = last_way.to(goal, &mut self.context, self.neighbours, self.offloads)?;
        pass::<LINK_LEN>(frame, express, end, looks == Looks::Tcp4, ends, way).map(|length| (slot, length))
    }
}

#[inline(always)]
fn goal_of(express: &Express<'_>, end: End) -> Goal {
    match end {
        End::Source => Goal::outbound4(express.slot(), express.remote(), express.is_direct()),
        End::Destination => Goal::Internal4(express.internal()),
    }
}

/// Rewrites a packet and sends it: its octets; none, and nothing has changed, where it goes the long way.
#[inline(always)]
fn pass<const LINK_LEN: usize>(
    frame: &mut Frame<'_>,
    mut express: Express<'_>,
    end: End,
    is_tcp: bool,
    ends: &Ends,
    way: &Way,
) -> Option<usize> {
    let Packet4 { link, header, transport, length, checksum } = packet4::<LINK_LEN>(frame, way)?;
    let covers_addresses = matches!(checksum, ChecksumState::Partial { .. });
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
    let departure = Departure { length, ether_type: ethernet::TYPE_IPV4 };
    departure.link(link, way);
    departure.depart::<LINK_LEN>(frame, way);
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
    /// State of its transport checksum.
    pub checksum: ChecksumState,
}

/// The packet in a frame, if it may take a way as it is.
#[inline(always)]
pub(super) fn packet4<'f, const LINK_LEN: usize>(frame: &'f mut Frame<'_>, way: &Way) -> Option<Packet4<'f>> {
    let is_partial = matches!(frame.checksum, ChecksumState::Partial { .. });
    let checksum = frame.checksum_at(LINK_LEN + ipv4::HEADER_LEN);
    let has_room = way.has_room::<LINK_LEN>(frame);
    let (link, packet) = frame.octets_mut().split_at_mut_checked(LINK_LEN)?;
    let (header, transport) = packet.split_first_chunk_mut::<{ ipv4::HEADER_LEN }>()?;
    let length = ipv4::total_len(header);
    let takes = way.takes(length, is_partial) && has_room;
    takes.then_some(Packet4 { link, header, transport, length, checksum })
}
