//! The third stage of IPv6 without the filter: packets that a prefix pair alone decides about.

use super::Expressway;
use super::departure::{Goal, Way};
use crate::frame::{ChecksumState, Frame};
use crate::pipeline::ipv6::clamp_syn;
use crate::pipeline::transit::Transit;
use crate::plan::Uplink6;
use crate::wire::{ipv6, protocol};

impl Transit<'_> {
    /// A packet from the site; none, and nothing has changed, where it goes the long way.
    #[inline(always)]
    pub(super) fn express_outbound6<const LINK_LEN: usize>(
        &mut self,
        frame: &mut Frame<'_>,
        expressway: &mut Expressway,
    ) -> Option<(u8, usize)> {
        let last_way = &mut expressway.last_way;
        let plan = self.plan();
        let uplink = plan.only_uplink6()?;
        let uplink6 = uplink.ipv6.as_ref()?;
        let header = header_of(frame, LINK_LEN)?;
        let length = plain_len(header, frame.len() - LINK_LEN)?;
        let destination = ipv6::destination(header);
        // An address that a pair covers is none that martians or scopes are about (`PrefixPair::new`), and one elsewhere is
        // on no link of ours.
        if !plan.is_elsewhere6(destination) {
            return None;
        }
        let source = uplink6.express_outbound(ipv6::source(header), plan.nptv6)?;
        let goal = Goal::outbound6(uplink.slot, uplink6, destination);
        let way = last_way.to(goal, &mut self.surroundings())?;
        leave::<LINK_LEN>(frame, length, uplink6, way, |header| ipv6::set_source(header, source))?;
        Some((uplink.slot, length))
    }

    /// The same for one from an uplink.
    #[inline(always)]
    pub(super) fn express_inbound6<const LINK_LEN: usize>(
        &mut self,
        frame: &mut Frame<'_>,
        expressway: &mut Expressway,
    ) -> Option<(u8, usize)> {
        let Expressway { inlet, last_way, .. } = expressway;
        let plan = self.plan();
        let uplink = plan.uplink(inlet.slot).filter(|_| plan.is_stateless6())?;
        let uplink6 = uplink.ipv6.as_ref()?;
        let header = header_of(frame, LINK_LEN)?;
        let length = plain_len(header, frame.len() - LINK_LEN)?;
        let destination = ipv6::destination(header);
        if !plan.is_elsewhere6(ipv6::source(header)) || plan.device(inlet.device)?.owns6(destination) {
            return None;
        }
        let destination = uplink6.express_inbound(destination, plan.nptv6)?;
        let goal = Goal::Internal6(destination);
        let way = last_way.to(goal, &mut self.surroundings())?;
        leave::<LINK_LEN>(frame, length, uplink6, way, |header| ipv6::set_destination(header, destination))?;
        Some((inlet.slot, length))
    }
}

#[inline(always)]
pub(super) fn header_of<'f>(frame: &'f Frame<'_>, link_len: usize) -> Option<&'f [u8; ipv6::HEADER_LEN]> {
    frame.octets().get(link_len..)?.first_chunk()
}

/// Octets of a packet without extension headers that may be forwarded, and is not about an error; `available` are there.
#[inline(always)]
pub(super) fn plain_len(header: &[u8; ipv6::HEADER_LEN], available: usize) -> Option<usize> {
    let length = ipv6::HEADER_LEN + ipv6::payload_len(header);
    let is_plain = ipv6::version(header) == 6
        && length <= available
        && ipv6::hop_limit(header) > 1
        && matches!(ipv6::next_header(header), protocol::UDP | protocol::TCP);
    is_plain.then_some(length)
}

/// Rewrites the packet and sends it (6296-ROUT1); none, and nothing has changed, where it goes the long way.
#[inline(always)]
pub(super) fn leave<const LINK_LEN: usize>(
    frame: &mut Frame<'_>,
    length: usize,
    uplink: &Uplink6,
    way: &Way,
    translate: impl Fn(&mut [u8; ipv6::HEADER_LEN]),
) -> Option<()> {
    let checksum = frame.checksum_at(LINK_LEN + ipv6::HEADER_LEN);
    let is_partial = matches!(frame.checksum, ChecksumState::Partial { .. });
    if !way.takes(length, is_partial) || !way.has_room::<LINK_LEN>(frame) {
        return None;
    }
    let (link, packet) = frame.octets_mut().split_at_mut_checked(LINK_LEN)?;
    let (header, behind) = packet.split_first_chunk_mut::<{ ipv6::HEADER_LEN }>()?;
    translate(header);
    ipv6::decrement_hop_limit(header);
    if let Some(limit) = uplink.mss_clamp
        && ipv6::next_header(header) == protocol::TCP
    {
        clamp_syn(behind.get_mut(..length - ipv6::HEADER_LEN).unwrap_or(&mut []), limit, checksum);
    }
    way.link::<LINK_LEN>(link);
    way.depart::<LINK_LEN>(frame, length);
    Some(())
}
