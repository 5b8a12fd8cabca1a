//! IPv6 with the filter: packets of its settled sessions. All flows of a batch are looked at before the first is looked up, as in IPv4,
//! and the memory that one needs is asked for while packets before it are treated: bucket, session, internal endpoint.

use core::iter::Zip;
use core::ops::Range;
use core::slice::{Iter, IterMut};

use super::departure::Surroundings;
use super::prefix6::{header_of, leave, plain_len};
use super::survey::{EVENTS, Looks};
use super::{Expressway, NOWHERE, PROBED_AHEAD, Seen};
use crate::counters::Direction;
use crate::filter::{Endpoint, Filter, Flow, Hint, Protocol, SettledSessions};
use crate::frame::{FRAME_BATCH_MAX, Frame};
use crate::plan::{Plan, Uplink6};
use crate::wire::octets::u16_at;
use crate::wire::{ipv6, protocol, tcp, udp};

/// Hints about the flows of a batch.
pub(super) struct Flows {
    hints: [Hint; FRAME_BATCH_MAX],
    /// How many have been looked up, and of how many of these the endpoints have been asked for.
    probed: usize,
    reached: usize,
}

impl Flows {
    /// Of no batch.
    pub const NONE: Self =
        Self { hints: [Hint { hash: 0, position: NOWHERE }; FRAME_BATCH_MAX], probed: 0, reached: 0 };

    /// Those from a frame on.
    #[inline(always)]
    pub fn from(&self, first: usize) -> &[Hint] {
        self.hints.get(first..).unwrap_or(&[])
    }

    /// There are none yet.
    pub fn begin(&mut self) {
        (self.probed, self.reached) = (0, 0);
    }

    /// Looks at the flows of `count` frames from one on, all from one device, and asks for their buckets.
    #[inline(never)]
    pub fn look<const LINK_LEN: usize, const IS_OUTBOUND: bool>(
        &mut self,
        frames: &[Frame<'_>],
        (first, count): (usize, usize),
        seen: &[Seen],
        slot: u8,
        (filter, plan): (&Filter, &Plan),
    ) {
        let uplink = plan.uplink(slot).and_then(|uplink| uplink.ipv6.as_ref());
        let flows = frames.iter().zip(seen).zip(&mut self.hints).skip(first).take(count);
        let flows = flows.filter_map(|((frame, seen), hint)| {
            let is_flow = seen.looks == Looks::PLAIN6;
            Some((flow_of::<LINK_LEN, IS_OUTBOUND>(frame, uplink, plan).filter(|_| is_flow)?, hint))
        });
        let index = filter.express_index();
        filter.express_hashes(
            flows,
            |(flow, _)| *flow,
            |(_, hint), hash| {
                hint.hash = hash;
                index.prefetch_first(hash);
            },
        );
    }

    /// Looks up what the frames up to one will need: sessions some way ahead, and endpoints half as far.
    #[inline(never)]
    pub fn probe(&mut self, end: usize, count: usize, seen: &[Seen], filter: &Filter) {
        let index = filter.express_index();
        let sessions = self.probed..count.min(end + 2 * PROBED_AHEAD).max(self.probed);
        let endpoints = self.reached..count.min(end + PROBED_AHEAD).max(self.reached);
        (self.probed, self.reached) = (sessions.end, endpoints.end);
        for (hint, seen) in within(&mut self.hints, seen, sessions) {
            if seen.looks == Looks::PLAIN6 {
                let found = index.first_candidate(hint.hash);
                match found {
                    Some(found) => filter.express_prefetch(found),
                    None => {
                        index.prefetch_second(hint.hash);
                    }
                }
                hint.position = found.unwrap_or(NOWHERE);
            }
        }
        for (hint, seen) in within(&mut self.hints, seen, endpoints) {
            if seen.looks == Looks::PLAIN6 {
                if hint.position == NOWHERE {
                    hint.position = index.second_candidate(hint.hash).unwrap_or(NOWHERE);
                }
                filter.express_prefetch_endpoint(hint.position);
            }
        }
    }
}

#[inline(always)]
fn within<'a>(hints: &'a mut [Hint], seen: &'a [Seen], range: Range<usize>) -> Zip<IterMut<'a, Hint>, Iter<'a, Seen>> {
    let hints = hints.get_mut(range.clone()).unwrap_or(&mut []);
    hints.iter_mut().zip(seen.get(range).unwrap_or(&[]))
}

/// The flow that a packet seems to be of.
#[inline(always)]
fn flow_of<const LINK_LEN: usize, const IS_OUTBOUND: bool>(
    frame: &Frame<'_>,
    uplink: Option<&Uplink6>,
    plan: &Plan,
) -> Option<Flow> {
    let packet = frame.some_octets()?.get(LINK_LEN..)?;
    let (header, transport) = packet.split_first_chunk::<{ ipv6::HEADER_LEN }>()?;
    let ports = transport.first_chunk::<{ udp::HEADER_LEN }>()?;
    let source = Endpoint { address: ipv6::source(header), port: u16_at(ports, udp::SOURCE_PORT) };
    let destination = Endpoint { address: ipv6::destination(header), port: u16_at(ports, udp::DESTINATION_PORT) };
    let protocol = Protocol::new(ipv6::next_header(header), None);
    if IS_OUTBOUND {
        return Some(Flow { protocol, internal: source, remote: destination });
    }
    let address = uplink?.express_inbound(destination.address, plan.nptv6)?;
    Some(Flow { protocol, internal: Endpoint { address, ..destination }, remote: source })
}

/// What a plain packet says of its flow.
struct Seen6 {
    /// Octets of the packet.
    length: usize,
    protocol: Protocol,
    source: Endpoint,
    destination: Endpoint,
    /// Acknowledgement and window of a TCP segment that has ACK.
    acknowledges: Option<(u32, u16)>,
}

impl Seen6 {
    /// Its flow, if it is from the site.
    #[inline(always)]
    fn outbound(&self) -> Flow {
        Flow { protocol: self.protocol, internal: self.source, remote: self.destination }
    }

    /// Its flow, if it is for a host of the site with that address.
    #[inline(always)]
    fn inbound(&self, address: u128) -> Flow {
        let internal = Endpoint { address, port: self.destination.port };
        Flow { protocol: self.protocol, internal, remote: self.source }
    }
}

/// A packet from the site, whose session is searched for where it has not been foreseen; none, and nothing has changed, where it goes
/// the long way.
#[inline(never)]
pub(super) fn search_outbound<const LINK_LEN: usize>(
    frame: &mut Frame<'_>,
    hint: Hint,
    sessions: &mut SettledSessions<'_>,
    expressway: &mut Expressway,
    surroundings: &mut Surroundings<'_, '_>,
) -> Option<(u8, usize)> {
    let flow = look(frame, LINK_LEN)?.outbound();
    let hint = sessions.search_outbound(hint.hash, &flow, frame.ingress, &expressway.ends)?;
    express_outbound::<LINK_LEN>(frame, hint, sessions, expressway, surroundings)
}

/// The same for one from an uplink.
#[inline(never)]
pub(super) fn search_inbound<const LINK_LEN: usize>(
    frame: &mut Frame<'_>,
    hint: Hint,
    sessions: &mut SettledSessions<'_>,
    expressway: &mut Expressway,
    surroundings: &mut Surroundings<'_, '_>,
) -> Option<(u8, usize)> {
    let (plan, slot) = (surroundings.context.plan, expressway.inlet.slot);
    let seen = look(frame, LINK_LEN)?;
    let address = plan.uplink(slot)?.ipv6.as_ref()?.express_inbound(seen.destination.address, plan.nptv6)?;
    let flow = seen.inbound(address);
    let hint = sessions.search_inbound(hint.hash, &flow, slot, &expressway.ends)?;
    express_inbound::<LINK_LEN>(frame, hint, sessions, expressway, surroundings)
}

/// A packet from the site, if its session is where it may be; none, and nothing has changed, otherwise or where it goes the long way.
#[inline(always)]
pub(super) fn express_outbound<const LINK_LEN: usize>(
    frame: &mut Frame<'_>,
    hint: Hint,
    sessions: &mut SettledSessions<'_>,
    expressway: &mut Expressway,
    surroundings: &mut Surroundings<'_, '_>,
) -> Option<(u8, usize)> {
    let Expressway { ends, last_way, elsewhere, .. } = expressway;
    let plan = surroundings.context.plan;
    let seen = look(frame, LINK_LEN)?;
    let Seen6 { length, source, destination, acknowledges, .. } = seen;
    // An address that a pair covers is none that martians or scopes are about (`PrefixPair::new`), and one elsewhere is on no
    // link of ours.
    if !elsewhere.has(destination.address, plan) {
        return None;
    }
    let found = sessions.outbound(hint, &seen.outbound(), frame.ingress, ends)?;
    let slot = found.slot();
    let uplink = plan.uplink(slot)?.ipv6.as_ref()?;
    let external = uplink.express_outbound(source.address, plan.nptv6)?;
    let way = last_way.out6(slot, uplink, destination.address, surroundings)?;
    leave::<LINK_LEN>(frame, length, uplink, way, |header| ipv6::set_source(header, external))?;
    found.pass(Direction::Outbound, acknowledges);
    Some((slot, length))
}

/// The same for one from an uplink.
#[inline(always)]
pub(super) fn express_inbound<const LINK_LEN: usize>(
    frame: &mut Frame<'_>,
    hint: Hint,
    sessions: &mut SettledSessions<'_>,
    expressway: &mut Expressway,
    surroundings: &mut Surroundings<'_, '_>,
) -> Option<(u8, usize)> {
    let Expressway { ends, inlet, last_way, elsewhere } = expressway;
    let plan = surroundings.context.plan;
    let uplink = plan.uplink(inlet.slot)?.ipv6.as_ref()?;
    let seen = look(frame, LINK_LEN)?;
    let Seen6 { length, source, destination, acknowledges, .. } = seen;
    if !elsewhere.has(source.address, plan) || plan.device(inlet.device)?.owns6(destination.address) {
        return None;
    }
    let address = uplink.express_inbound(destination.address, plan.nptv6)?;
    let found = sessions.inbound(hint, &seen.inbound(address), inlet.slot, ends)?;
    let way = last_way.in6(address, surroundings)?;
    leave::<LINK_LEN>(frame, length, uplink, way, |header| ipv6::set_destination(header, address))?;
    found.pass(Direction::Inbound, acknowledges);
    Some((inlet.slot, length))
}

/// A whole datagram of UDP, or a segment in the middle of a connection, without extension headers.
#[inline(always)]
fn look(frame: &Frame<'_>, link_len: usize) -> Option<Seen6> {
    let (header, available) = header_of(frame, link_len)?;
    let length = plain_len(header, available)?;
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
    Some(Seen6 {
        length,
        protocol,
        source: Endpoint { address: ipv6::source(header), port: source_port },
        destination: Endpoint { address: ipv6::destination(header), port: destination_port },
        acknowledges,
    })
}
