//! The third stage of IPv6 with the filter: packets of its settled sessions.

use super::Expressway;
use super::departure::Goal;
use super::prefix6::{header_of, leave, plain_len};
use super::survey::EVENTS;
use crate::counters::Direction;
use crate::filter::{Endpoint, Flow, Protocol};
use crate::frame::Frame;
use crate::pipeline::transit::Transit;
use crate::wire::{ipv6, protocol, tcp, udp};

/// What a plain packet says of its flow.
struct Seen {
    /// Octets of the packet.
    length: usize,
    protocol: Protocol,
    source: Endpoint,
    destination: Endpoint,
    /// Acknowledgement and window of a TCP segment that has ACK.
    acknowledges: Option<(u32, u16)>,
}

impl Transit<'_> {
    /// A packet from the site; none, and nothing has changed, where it goes the long way.
    #[inline(always)]
    pub(super) fn express_filtered_outbound6<const LINK_LEN: usize>(
        &mut self,
        frame: &mut Frame<'_>,
        expressway: &mut Expressway,
    ) -> Option<(u8, usize)> {
        let Expressway { ends, last_way, .. } = expressway;
        let plan = self.plan();
        let seen = look(frame, LINK_LEN)?;
        let Seen { length, source, destination, acknowledges, .. } = seen;
        // An address that a pair covers is none that martians or scopes are about (`PrefixPair::new`), and one elsewhere is on no
        // link of ours.
        if !plan.has_plain_pairs6() || !plan.is_elsewhere6(destination.address) {
            return None;
        }
        let flow = Flow { protocol: seen.protocol, internal: source, remote: destination };
        let found = self.filter.as_deref()?.express_outbound(&flow, frame.ingress, ends)?;
        let uplink6 = plan.uplink(found.slot)?.ipv6.as_ref()?;
        let external = uplink6.express_outbound(source.address, plan.nptv6)?;
        let goal = Goal::outbound6(found.slot, uplink6, destination.address);
        let way = last_way.to(goal, &mut self.surroundings())?;
        leave::<LINK_LEN>(frame, length, uplink6, way, |header| ipv6::set_source(header, external))?;
        self.filter.as_deref_mut()?.express_pass(&found, Direction::Outbound, acknowledges);
        Some((found.slot, length))
    }

    /// The same for one from an uplink.
    #[inline(always)]
    pub(super) fn express_filtered_inbound6<const LINK_LEN: usize>(
        &mut self,
        frame: &mut Frame<'_>,
        expressway: &mut Expressway,
    ) -> Option<(u8, usize)> {
        let Expressway { ends, inlet, last_way, .. } = expressway;
        let plan = self.plan();
        let uplink6 = plan.uplink(inlet.slot)?.ipv6.as_ref()?;
        let seen = look(frame, LINK_LEN)?;
        let Seen { length, source, destination, acknowledges, .. } = seen;
        let is_elsewhere = plan.has_plain_pairs6() && plan.is_elsewhere6(source.address);
        if !is_elsewhere || plan.device(inlet.device)?.owns6(destination.address) {
            return None;
        }
        let address = uplink6.express_inbound(destination.address, plan.nptv6)?;
        let internal = Endpoint { address, ..destination };
        let flow = Flow { protocol: seen.protocol, internal, remote: source };
        let found = self.filter.as_deref()?.express_inbound(&flow, inlet.slot, ends)?;
        let goal = Goal::Internal6(address);
        let way = last_way.to(goal, &mut self.surroundings())?;
        leave::<LINK_LEN>(frame, length, uplink6, way, |header| ipv6::set_destination(header, address))?;
        self.filter.as_deref_mut()?.express_pass(&found, Direction::Inbound, acknowledges);
        Some((inlet.slot, length))
    }
}

/// A whole datagram of UDP, or a segment in the middle of a connection, without extension headers.
#[inline(always)]
fn look(frame: &Frame<'_>, link_len: usize) -> Option<Seen> {
    let header = header_of(frame, link_len)?;
    let length = plain_len(header, frame.len() - link_len)?;
    let upper = frame.octets().get(link_len + ipv6::HEADER_LEN..link_len + length)?;
    let number = ipv6::next_header(header);
    let acknowledges = match number {
        protocol::UDP if upper.len() >= udp::HEADER_LEN => None,
        protocol::TCP => {
            let segment = upper.first_chunk::<{ tcp::HEADER_LEN }>()?;
            let (header_len, flags) = (tcp::header_len(segment), tcp::flags(segment));
            if header_len < tcp::HEADER_LEN || header_len > upper.len() || flags & EVENTS != 0 {
                return None;
            }
            (flags & tcp::flag::ACK != 0).then(|| (tcp::acknowledgement(segment), tcp::window(segment)))
        }
        _ => return None,
    };
    let protocol = Protocol::new(number, None);
    let (source_port, destination_port) = protocol.ports(upper);
    Some(Seen {
        length,
        protocol,
        source: Endpoint { address: ipv6::source(header), port: source_port },
        destination: Endpoint { address: ipv6::destination(header), port: destination_port },
        acknowledges,
    })
}
