//! New flows of IPv4: whole datagrams of UDP from the site to the rest of the Internet, for which the first stages have found no
//! session. They are looked at together, so that the memory of all of them is asked for before one is opened.

use super::departure::{Departure, Leaving};
use super::survey::{LINK, endpoints};
use super::{Hint, Looks, Survey};
use crate::counters::Direction;
use crate::frame::{Errand, FRAME_BATCH_MAX, Frame};
use crate::host::neighbours::mapped4;
use crate::nat44::rewrite::{End, Passage, pass_plain};
use crate::nat44::{Flow, Opener, Opening, Protocol};
use crate::pipeline::mss;
use crate::pipeline::transit::Transit;
use crate::plan::{NextHop, Plan};
use crate::session::segment::Segment;
use crate::wire::{ethernet, ipv4};

/// New flows of a batch, in the order of their packets.
pub struct Openings<'a> {
    flows: [Option<Opening<'a>>; FRAME_BATCH_MAX],
}

impl<'a> Transit<'a> {
    /// Looks at all new flows of a batch; none where there is none.
    pub fn survey_openings(&mut self, frames: &[Frame<'_>], survey: &Survey) -> Option<Openings<'a>> {
        let plan = self.plan();
        if !survey.hints.iter().any(Hint::is_opening) {
            return None;
        }
        self.nat44.begin_openings();
        let mut openings = Openings { flows: [None; FRAME_BATCH_MAX] };
        for ((frame, hint), place) in frames.iter().zip(&survey.hints).zip(&mut openings.flows) {
            if hint.is_opening()
                && let Some(opener) = opener(frame, hint, plan)
            {
                *place = self.nat44.expect_opening(&opener, plan);
            }
        }
        Some(openings)
    }

    /// Opens the flow of a frame and sends it: its uplink; none, and nothing has changed, where it goes the long way.
    #[inline]
    pub fn open4(
        &mut self,
        frame: &mut Frame<'_>,
        survey: &mut Survey,
        openings: &mut Option<Openings<'a>>,
        index: usize,
    ) -> Option<u8> {
        let opening = openings.as_ref()?.flows.get(index)?.as_ref()?;
        match survey.hints.get(index)?.found.has_link {
            true => self.open_behind4::<LINK>(frame, opening, survey),
            false => self.open_behind4::<0>(frame, opening, survey),
        }
    }

    fn open_behind4<const LINK_LEN: usize>(
        &mut self,
        frame: &mut Frame<'_>,
        opening: &Opening<'_>,
        survey: &mut Survey,
    ) -> Option<u8> {
        let (plan, now) = (self.plan(), self.context.now);
        let (ingress, leaving) = (frame.ingress, Leaving::of(frame, LINK_LEN));
        let checksum = frame.checksum_at(LINK_LEN + ipv4::HEADER_LEN);
        let (link, packet) = frame.octets_mut().split_at_mut_checked(LINK_LEN)?;
        let (header, transport) = packet.split_first_chunk_mut::<{ ipv4::HEADER_LEN }>()?;
        let Flow { protocol, remote, .. } = opening.flow;
        let uplink = plan.uplink(opening.slot)?;
        let hop = uplink.next_hop4(plan.device(uplink.device)?, remote.address);
        let length = ipv4::total_len(header);
        let hop = NextHop { device: hop.device, address: mapped4(hop.address) };
        let way = self.way(&Leaving { length, ..leaving }, hop, &mut survey.last_way)?;
        let transport = transport.get_mut(..length - ipv4::HEADER_LEN)?;
        let segment = if protocol == Protocol::TCP { Segment::of_tcp(transport) } else { Segment::PLAIN };
        let segment = segment.marked(ipv4::tos(header) >> 2);
        let external = self.nat44.open(opening, segment, ingress, plan, now)?;
        if let (Some(limit), true) = (uplink.ipv4.as_ref().and_then(|ipv4| ipv4.mss_clamp), segment.has_syn()) {
            mss::clamp(transport, limit, checksum);
        }
        let identification = if ipv4::is_atomic(header) {
            None
        } else {
            // 6864-5.3.1.
            Some(self.nat44.next_identification(external.address, remote.address, protocol.number(), 1))
        };
        pass_plain(header, transport, &Passage { protocol, end: End::Source, new: external, identification }, checksum);
        let departure = Departure { link_len: LINK_LEN, length, ether_type: ethernet::TYPE_IPV4 };
        departure.link(link, way);
        departure.depart(frame, way);
        Some(opening.slot)
    }
}

/// What a frame says of its flow, if it may leave the site for somewhere else and both addresses are what they should be.
#[inline]
fn opener(frame: &Frame<'_>, hint: &Hint, plan: &Plan) -> Option<Opener> {
    let link_len = if hint.found.has_link { LINK } else { 0 };
    let (header, transport) = frame.octets().get(link_len..)?.split_first_chunk::<{ ipv4::HEADER_LEN }>()?;
    let protocol = Protocol::from_number(ipv4::protocol(header));
    if frame.errand != Errand::Received {
        return None;
    }
    // What is in the middle of a connection opens none.
    if protocol == Protocol::TCP && !Segment::of_tcp(transport).opens {
        return None;
    }
    let (internal, remote) = endpoints(header, transport)?;
    let is_ours = plan.device(frame.ingress)?.is_plain_source4(internal.address, plan.drop_documentation)
        && plan.internal_route4(internal.address).is_some();
    if !is_ours || !plan.is_elsewhere4(remote.address) {
        return None;
    }
    let flow = Flow { protocol, internal, remote };
    Some(Opener { flow, dscp: ipv4::tos(header) >> 2, hash: hint.hash })
}

impl Hint {
    /// Whether it is about a plain packet from the site that no session has been found for.
    #[inline]
    fn is_opening(&self) -> bool {
        self.position.is_none() && self.found.looks == Looks::Flow4 && self.found.from == Direction::Outbound
    }
}
