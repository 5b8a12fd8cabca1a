//! New flows of IPv4: first packets of UDP and TCP from the site to the rest of the Internet, for which the first stages have found
//! no session. They are looked at together, so that the memory of all of them is asked for before one is opened.

use super::departure::Surroundings;
use super::flow4::{Packet4, packet4};
use super::survey::LINK;
use super::{Expressway, Survey};
use crate::counters::Direction;
use crate::frame::{ChecksumState, Errand, Frame};
use crate::nat44::rewrite::{End, Passage, pass_datagram, pass_segment};
use crate::nat44::{Endpoint, Flow, Opener, Opening, Protocol};
use crate::pipeline::mss;
use crate::pipeline::transit::Transit;
use crate::plan::{Device, Plan};
use crate::session::segment::Segment;
use crate::verdict::Verdict;
use crate::wire::octets::{u16_at, u32_at};
use crate::wire::{ipv4, tcp, udp};

impl Transit<'_> {
    /// Looks at the new flows of a batch from a frame on.
    pub fn survey_openings(&mut self, frames: &[Frame<'_>], first: usize, survey: &mut Survey) {
        survey.openings.clear();
        if first >= frames.len() {
            return;
        }
        self.probe(frames.len(), survey);
        if !survey.has_unknown {
            return;
        }
        let plan = self.plan();
        self.nat44.begin_openings(&mut survey.openings, plan);
        for (index, frame) in frames.iter().enumerate().skip(first) {
            let Some(hash) = survey.opening(index) else { continue };
            let Some((device, opener)) = opener(frame, index, hash, plan) else { continue };
            let internal = opener.flow.internal.address;
            self.nat44.expect_opening(&mut survey.openings, &opener, plan, || {
                device.is_plain_source4(internal, plan.drop_documentation) && plan.internal_route4(internal).is_some()
            });
        }
        self.nat44.foresee_openings(&mut survey.openings);
    }

    /// Opens the flow of a frame, sends it and counts it; false, and nothing has changed, where it goes the long way.
    pub fn open4(
        &mut self,
        frame: &mut Frame<'_>,
        survey: &mut Survey,
        expressway: &mut Expressway,
        index: usize,
    ) -> bool {
        expressway.turn_to(frame.ingress, self.plan());
        let Some(opening) = self.nat44.opening_of(&mut survey.openings, index) else { return false };
        let octets = match expressway.inlet.has_link {
            true => self.open_behind4::<LINK>(frame, opening, expressway),
            false => self.open_behind4::<0>(frame, opening, expressway),
        };
        let Some(octets) = octets else { return false };
        frame.verdict = Verdict::Forward;
        self.context.counters.record_forwarded(opening.slot, Direction::Outbound, 1, octets as u64);
        true
    }

    fn open_behind4<const LINK_LEN: usize>(
        &mut self,
        frame: &mut Frame<'_>,
        opening: &Opening,
        expressway: &mut Expressway,
    ) -> Option<usize> {
        let (plan, now, ingress) = (self.plan(), self.context.now, frame.ingress);
        let Flow { protocol, remote, .. } = opening.flow;
        let uplink = plan.uplink(opening.slot)?;
        let hop = uplink.next_hop4(plan.device(uplink.device)?, remote.address).address;
        let Self { nat44, context, neighbours, offloads, .. } = self;
        let mut surroundings = Surroundings { context, neighbours, offloads };
        let is_direct = hop == remote.address;
        let way = expressway.last_way.out4(opening.slot, remote.address, is_direct, &mut surroundings)?;
        let checksum = frame.checksum_at(LINK_LEN + ipv4::HEADER_LEN);
        let packet = match frame.checksum {
            ChecksumState::Complete | ChecksumState::Vouched => packet4::<LINK_LEN, false>(frame, way)?,
            ChecksumState::Partial { .. } => packet4::<LINK_LEN, true>(frame, way)?,
        };
        let Packet4 { link, header, transport, length, covers_addresses } = packet;
        let transport = transport.get_mut(..length - ipv4::HEADER_LEN)?;
        let segment = if protocol == Protocol::TCP { Segment::of_tcp(transport) } else { Segment::PLAIN };
        let segment = segment.marked(ipv4::tos(header) >> 2);
        let external = nat44.open(opening, segment, (ingress, hop), plan, now)?;
        if let (Some(limit), true) = (uplink.ipv4.as_ref().and_then(|ipv4| ipv4.mss_clamp), segment.has_syn()) {
            mss::clamp(transport, limit, checksum);
        }
        // 6864-5.3.1.
        let next = || nat44.next_identification(external.address, remote.address, protocol.number(), 1);
        let identification = (!ipv4::is_atomic(header)).then(next);
        let passage = Passage { end: End::Source, new: external, identification };
        if protocol == Protocol::TCP {
            pass_segment(header, transport.first_chunk_mut::<{ tcp::HEADER_LEN }>()?, &passage, covers_addresses);
        } else {
            pass_datagram(header, transport.first_chunk_mut::<{ udp::HEADER_LEN }>()?, &passage, covers_addresses);
        }
        way.link::<LINK_LEN>(link);
        way.depart::<LINK_LEN>(frame, length);
        Some(length)
    }
}

/// What a frame says of its flow, if that may leave the site for somewhere else, and the device that it came in by.
fn opener<'a>(frame: &Frame<'_>, index: usize, hash: u64, plan: &'a Plan) -> Option<(&'a Device, Opener)> {
    if frame.errand != Errand::Received {
        return None;
    }
    let device = plan.device(frame.ingress)?;
    let link_len = if device.mac.is_some() { LINK } else { 0 };
    let (header, transport) = frame.octets().get(link_len..)?.split_first_chunk::<{ ipv4::HEADER_LEN }>()?;
    let internal = Endpoint { address: u32_at(header, ipv4::SOURCE), port: u16_at(transport, udp::SOURCE_PORT) };
    let remote =
        Endpoint { address: u32_at(header, ipv4::DESTINATION), port: u16_at(transport, udp::DESTINATION_PORT) };
    if !plan.is_elsewhere4(remote.address) {
        return None;
    }
    let flow = Flow { protocol: Protocol::from_number(ipv4::protocol(header)), internal, remote };
    // At most [`FRAME_BATCH_MAX`].
    let opener = Opener { frame: index as u8, ingress: frame.ingress, flow, dscp: ipv4::tos(header) >> 2, hash };
    Some((device, opener))
}
