//! The third stage of IPv4: packets of settled NAT44 sessions.

use super::departure::{Departure, Leaving, Way};
use super::survey::endpoints;
use crate::counters::Direction;
use crate::frame::Frame;
use crate::host::neighbours::mapped4;
use crate::nat44::rewrite::{End, Passage, pass_plain};
use crate::nat44::{Carried, Ends, ExternalFlow, Flow, Protocol};
use crate::pipeline::transit::Transit;
use crate::plan::{NextHop, Role};
use crate::wire::{ethernet, ipv4, tcp};

impl Transit<'_> {
    #[inline]
    pub(super) fn express_outbound4<const LINK_LEN: usize>(
        &mut self,
        frame: &mut Frame<'_>,
        position: u32,
        ends: &Ends,
        last: &mut Option<Way>,
    ) -> Option<u8> {
        let plan = self.plan();
        let (ingress, leaving) = (frame.ingress, Leaving::of(frame, LINK_LEN));
        let checksum = frame.checksum_at(LINK_LEN + ipv4::HEADER_LEN);
        let (link, packet) = frame.octets_mut().split_at_mut_checked(LINK_LEN)?;
        let (header, transport) = packet.split_first_chunk_mut::<{ ipv4::HEADER_LEN }>()?;
        let protocol = Protocol::from_number(ipv4::protocol(header));
        let (internal, remote) = endpoints(header, transport)?;
        let flow = Flow { protocol, internal, remote };
        let found = self.nat44.express_outbound(position, &flow, ingress, ends)?;
        let uplink = plan.uplink(found.slot)?;
        let hop = uplink.next_hop4(plan.device(uplink.device)?, remote.address);
        let length = ipv4::total_len(header);
        let hop = NextHop { device: hop.device, address: mapped4(hop.address) };
        let way = self.way(&Leaving { length, ..leaving }, hop, last)?;
        if !self.nat44.express_pass(position, Direction::Outbound, carried(protocol, transport), ends) {
            return None;
        }
        let identification = if ipv4::is_atomic(header) {
            None
        } else {
            // 6864-5.3.1.
            Some(self.nat44.next_identification(found.translated.address, remote.address, protocol.number(), 1))
        };
        let passage = Passage { protocol, end: End::Source, new: found.translated, identification };
        pass_plain(header, transport, &passage, checksum);
        let departure = Departure { link_len: LINK_LEN, length, ether_type: ethernet::TYPE_IPV4 };
        departure.link(link, way);
        departure.depart(frame, way);
        Some(found.slot)
    }

    #[inline]
    pub(super) fn express_inbound4<const LINK_LEN: usize>(
        &mut self,
        frame: &mut Frame<'_>,
        position: u32,
        ends: &Ends,
        last: &mut Option<Way>,
    ) -> Option<u8> {
        let plan = self.plan();
        let Role::Uplink(slot) = plan.device(frame.ingress)?.role else { return None };
        let leaving = Leaving::of(frame, LINK_LEN);
        let checksum = frame.checksum_at(LINK_LEN + ipv4::HEADER_LEN);
        let (link, packet) = frame.octets_mut().split_at_mut_checked(LINK_LEN)?;
        let (header, transport) = packet.split_first_chunk_mut::<{ ipv4::HEADER_LEN }>()?;
        let protocol = Protocol::from_number(ipv4::protocol(header));
        let (remote, external) = endpoints(header, transport)?;
        let flow = ExternalFlow { slot, protocol, external, remote };
        let found = self.nat44.express_inbound(position, &flow, ends)?;
        let hop = plan.internal_route4(found.translated.address)?;
        let length = ipv4::total_len(header);
        let hop = NextHop { device: hop.device, address: mapped4(hop.address) };
        let way = self.way(&Leaving { length, ..leaving }, hop, last)?;
        if !self.nat44.express_pass(position, Direction::Inbound, carried(protocol, transport), ends) {
            return None;
        }
        let passage = Passage { protocol, end: End::Destination, new: found.translated, identification: None };
        pass_plain(header, transport, &passage, checksum);
        let departure = Departure { link_len: LINK_LEN, length, ether_type: ethernet::TYPE_IPV4 };
        departure.link(link, way);
        departure.depart(frame, way);
        Some(slot)
    }
}

#[inline]
fn carried(protocol: Protocol, transport: &[u8]) -> Carried {
    match transport.first_chunk::<{ tcp::HEADER_LEN }>() {
        Some(header) if protocol == Protocol::TCP => {
            let has_ack = tcp::flags(header) & tcp::flag::ACK != 0;
            Carried::Segment(has_ack.then(|| tcp::acknowledgement(header)), tcp::window(header))
        }
        Some(_) | None => Carried::Datagram,
    }
}
