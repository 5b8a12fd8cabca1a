//! The third stage of IPv6 without the filter: packets that a prefix pair alone decides about.

use super::Expressway;
use super::departure::{Surroundings, Way};
use super::inlet::Inlet;
use crate::frame::{ChecksumState, Frame};
use crate::pipeline::ipv6::clamp_syn;
use crate::plan::prefix::Prefix6;
use crate::plan::{Plan, Uplink, Uplink6};
use crate::wire::{ipv6, protocol};

/// What a run of packets of one uplink has in common.
pub(super) struct Translation<'p> {
    plan: &'p Plan,
    slot: u8,
    uplink: &'p Uplink6,
    /// Addresses of the gateway that one of the prefix pairs covers: packets to these go no further.
    own: &'p [(u128, Prefix6)],
}

impl<'p> Translation<'p> {
    /// That of packets from the site; none where more than the prefix pairs decides.
    pub fn outbound(plan: &'p Plan) -> Option<Self> {
        Self::of(plan.only_uplink6()?, plan)
    }

    /// The same for packets from an uplink.
    pub fn inbound(inlet: &Inlet, plan: &'p Plan) -> Option<Self> {
        let uplink = plan.uplink(inlet.slot).filter(|_| plan.is_stateless6())?;
        let own = plan.device(inlet.device)?.ipv6.as_slice();
        let is_covered = |(own, _): &(u128, Prefix6)| uplink.pairs6().iter().any(|pair| pair.external().contains(*own));
        let own = if own.iter().any(is_covered) { own } else { &[] };
        Some(Self { own, ..Self::of(uplink, plan)? })
    }

    fn of(uplink: &'p Uplink, plan: &'p Plan) -> Option<Self> {
        Some(Self { plan, slot: uplink.slot, uplink: uplink.ipv6.as_ref()?, own: &[] })
    }

    /// A packet from the site: its uplink and octets; none, and nothing has changed, where it goes the long way.
    #[inline(always)]
    pub fn express_outbound<const LINK_LEN: usize>(
        &self,
        frame: &mut Frame<'_>,
        expressway: &mut Expressway,
        surroundings: &mut Surroundings<'_, '_>,
    ) -> Option<(u8, usize)> {
        let (header, available) = header_of(frame, LINK_LEN)?;
        let length = plain_len(header, available)?;
        let destination = ipv6::destination(header);
        // An address that a pair covers is none that martians or scopes are about (`PrefixPair::new`), and one elsewhere is
        // on no link of ours.
        if !expressway.elsewhere.has(destination, self.plan) {
            return None;
        }
        let source = self.uplink.express_outbound(ipv6::source(header), self.plan.nptv6)?;
        let way = expressway.last_way.out6(self.slot, self.uplink, destination, surroundings)?;
        leave::<LINK_LEN>(frame, length, self.uplink, way, |header| ipv6::set_source(header, source))?;
        Some((self.slot, length))
    }

    /// The same for one from an uplink.
    #[inline(always)]
    pub fn express_inbound<const LINK_LEN: usize>(
        &self,
        frame: &mut Frame<'_>,
        expressway: &mut Expressway,
        surroundings: &mut Surroundings<'_, '_>,
    ) -> Option<(u8, usize)> {
        let (header, available) = header_of(frame, LINK_LEN)?;
        let length = plain_len(header, available)?;
        let destination = ipv6::destination(header);
        let is_own = self.own.iter().any(|(own, _)| *own == destination);
        if is_own || !expressway.elsewhere.has(ipv6::source(header), self.plan) {
            return None;
        }
        let destination = self.uplink.express_inbound(destination, self.plan.nptv6)?;
        let way = expressway.last_way.in6(destination, surroundings)?;
        leave::<LINK_LEN>(frame, length, self.uplink, way, |header| ipv6::set_destination(header, destination))?;
        Some((self.slot, length))
    }
}

/// The remote network of the packet before, which is often that of the next one.
#[derive(Clone, Copy)]
pub(super) struct LastElsewhere(Option<u64>);

impl LastElsewhere {
    /// There is none.
    pub const UNKNOWN: Self = Self(None);

    /// Whether an address is plainly that of somebody on the Internet; its upper half alone decides.
    #[inline(always)]
    pub fn has(&mut self, address: u128, plan: &Plan) -> bool {
        let network = (address >> 64) as u64;
        self.0 == Some(network) || self.turn(network, plan)
    }

    #[inline(never)]
    fn turn(&mut self, network: u64, plan: &Plan) -> bool {
        let is_elsewhere = plan.is_elsewhere6(u128::from(network) << 64);
        if is_elsewhere {
            self.0 = Some(network);
        }
        is_elsewhere
    }
}

/// The header of a packet, and how many octets there are from its first on.
#[inline(always)]
pub(super) fn header_of<'f>(frame: &'f Frame<'_>, link_len: usize) -> Option<(&'f [u8; ipv6::HEADER_LEN], usize)> {
    let packet = frame.some_octets()?.get(link_len..)?;
    Some((packet.first_chunk()?, packet.len()))
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
    let is_partial = matches!(frame.checksum, ChecksumState::Partial { .. });
    if !way.takes(length, is_partial) || !way.has_room::<LINK_LEN>(frame) {
        return None;
    }
    if let Some(limit) = uplink.mss_clamp {
        clamp(frame, LINK_LEN, length, limit);
    }
    let (link, packet) = frame.some_octets_mut()?.split_at_mut_checked(LINK_LEN)?;
    let header = packet.first_chunk_mut::<{ ipv6::HEADER_LEN }>()?;
    translate(header);
    ipv6::decrement_hop_limit(header);
    way.link::<LINK_LEN>(link);
    way.depart::<LINK_LEN>(frame, length);
    Some(())
}

/// Lowers the maximum segment size of a SYN.
#[inline(never)]
fn clamp(frame: &mut Frame<'_>, link_len: usize, length: usize, limit: u16) {
    let state = frame.checksum_at(link_len + ipv6::HEADER_LEN);
    let packet = frame.octets_mut().get_mut(link_len..link_len + length);
    let Some((header, segment)) = packet.and_then(|packet| packet.split_first_chunk_mut::<{ ipv6::HEADER_LEN }>())
    else {
        return;
    };
    if ipv6::next_header(header) == protocol::TCP {
        clamp_syn(segment, limit, state);
    }
}
