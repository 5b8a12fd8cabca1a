//! The third stage of IPv6 without the filter: packets that a prefix pair alone decides about.

use super::departure::{Departure, Leaving, Way};
use super::survey::LINK;
use crate::frame::{ChecksumState, Frame};
use crate::pipeline::ipv6::clamp_syn;
use crate::pipeline::transit::Transit;
use crate::plan::{NextHop, Role, Uplink};
use crate::wire::{ethernet, ipv6, protocol};

impl Transit<'_> {
    #[inline]
    pub(super) fn express_outbound6<const LINK_LEN: usize>(
        &mut self,
        frame: &mut Frame<'_>,
        last: &mut Option<Way>,
    ) -> Option<u8> {
        let plan = self.plan();
        let uplink = plan.only_uplink6()?;
        let (leaving, checksum) = (Leaving::of(frame, LINK_LEN), frame.checksum_at(LINK_LEN + ipv6::HEADER_LEN));
        let (link, packet) = frame.octets_mut().split_at_mut_checked(LINK_LEN)?;
        let (header, behind) = packet.split_first_chunk_mut::<{ ipv6::HEADER_LEN }>()?;
        let length = plain_len(header, behind.len())?;
        let destination = ipv6::destination(header);
        // An address that a pair covers is none that martians or scopes are about (`PrefixPair::new`), and one elsewhere is
        // on no link of ours.
        if !plan.is_elsewhere6(destination) {
            return None;
        }
        let source = uplink.express_outbound6(ipv6::source(header), plan.nptv6)?;
        let hop = uplink.ipv6.as_ref()?.gateway.unwrap_or(destination);
        let hop = NextHop { device: uplink.device, address: hop };
        let way = self.way(&Leaving { length, ..leaving }, hop, last)?;
        ipv6::set_source(header, source);
        finish(header, behind, uplink, checksum);
        let departure = Departure { link_len: LINK_LEN, length, ether_type: ethernet::TYPE_IPV6 };
        departure.link(link, way);
        departure.depart(frame, way);
        Some(uplink.slot)
    }

    #[inline]
    pub(super) fn express_inbound6<const LINK_LEN: usize>(
        &mut self,
        frame: &mut Frame<'_>,
        last: &mut Option<Way>,
    ) -> Option<u8> {
        let plan = self.plan();
        let device = plan.device(frame.ingress)?;
        let Role::Uplink(slot) = device.role else { return None };
        let uplink = plan.uplink(slot).filter(|_| plan.is_stateless6())?;
        let (leaving, checksum) = (Leaving::of(frame, LINK_LEN), frame.checksum_at(LINK_LEN + ipv6::HEADER_LEN));
        let (link, packet) = frame.octets_mut().split_at_mut_checked(LINK_LEN)?;
        let (header, behind) = packet.split_first_chunk_mut::<{ ipv6::HEADER_LEN }>()?;
        let length = plain_len(header, behind.len())?;
        let destination = ipv6::destination(header);
        if !plan.is_elsewhere6(ipv6::source(header)) || device.owns6(destination) {
            return None;
        }
        let destination = uplink.express_inbound6(destination, plan.nptv6)?;
        let hop = plan.internal_route6(destination)?;
        let way = self.way(&Leaving { length, ..leaving }, hop, last)?;
        ipv6::set_destination(header, destination);
        finish(header, behind, uplink, checksum);
        let departure = Departure { link_len: LINK_LEN, length, ether_type: ethernet::TYPE_IPV6 };
        departure.link(link, way);
        departure.depart(frame, way);
        Some(slot)
    }
}

/// Octets of a packet without extension headers that may be forwarded, and is not about an error.
#[inline]
fn plain_len(header: &[u8; ipv6::HEADER_LEN], behind: usize) -> Option<usize> {
    let payload_len = ipv6::payload_len(header);
    let is_plain = ipv6::version(header) == 6
        && payload_len <= behind
        && ipv6::hop_limit(header) > 1
        && matches!(ipv6::next_header(header), protocol::UDP | protocol::TCP);
    is_plain.then_some(ipv6::HEADER_LEN + payload_len)
}

/// 6296-ROUT1, and what a SYN promises.
#[inline]
fn finish(header: &mut [u8; ipv6::HEADER_LEN], behind: &mut [u8], uplink: &Uplink, checksum: ChecksumState) {
    ipv6::decrement_hop_limit(header);
    if let Some(limit) = uplink.ipv6.as_ref().and_then(|ipv6| ipv6.mss_clamp)
        && ipv6::next_header(header) == protocol::TCP
    {
        let payload_len = ipv6::payload_len(header);
        clamp_syn(behind.get_mut(..payload_len).unwrap_or(&mut []), limit, checksum);
    }
}

const _: () = assert!(LINK == ethernet::HEADER_LEN);
