//! IPv6: which way a packet goes (docs/decisions.md, "IPv6").

use super::classify6::{Scope, classify};
use super::filtered6::Hairpin;
use super::forward::check_hop_limit;
use super::link::{Family, LinkDestination};
use super::mss;
use super::own_errors::IcmpError;
use super::parse::{Headers6, has_whole_tcp_header, locate_headers6};
use super::subject::{segment6, subject6};
use super::transit::{Answer, Outcome, Refusal, Transit};
use crate::frame::{ChecksumState, Frame};
use crate::host::probes::{Arrival, Family as ProbeFamily};
use crate::host::{echo, neighbour_discovery};
use crate::nptv6::{self, Change, PrefixPair, Upper};
use crate::plan::{Device, NextHop, Plan, Role, Uplink};
use crate::session::segment::Segment;
use crate::verdict::{DropReason, Verdict};
use crate::wire::ipv6::address;
use crate::wire::octets::{tail, tail_mut};
use crate::wire::{ethernet, icmp, ipv6, protocol, tcp};

/// Codes of "destination unreachable".
const NO_ROUTE: u8 = 0;
const ADDRESS_UNREACHABLE: u8 = 3;
const SOURCE_POLICY: u8 = 5;

/// A protocol number that no translation rule is about (RFC 3692: reserved).
const NO_UPPER_LAYER: u8 = 255;

/// Offsets of the addresses in the IPv6 header, as pointers of "parameter problem".
const POINTER_SOURCE: u32 = 8;
const POINTER_DESTINATION: u32 = 24;

impl Transit<'_> {
    /// Takes an IPv6 packet (the frame starts at its IP header) to its verdict.
    pub fn process6(&mut self, frame: &mut Frame<'_>, addressed: LinkDestination) -> Outcome {
        let slot = match self.plan().device(frame.ingress).map(|device| device.role) {
            Some(Role::Uplink(slot)) => Some(slot),
            Some(Role::Internal) | None => None,
        };
        match self.route6(frame, addressed) {
            Ok(outcome) => outcome,
            Err(refusal) if refusal.asks_to_cut() => self.process_cut(frame, Family::V6, addressed),
            Err(refusal) => Outcome { verdict: self.refuse6(frame, refusal), slot },
        }
    }

    fn route6(&mut self, frame: &mut Frame<'_>, addressed: LinkDestination) -> Result<Outcome, Refusal> {
        let headers = locate_headers6(frame.octets())?;
        frame.truncate(headers.total_len);
        self.octets = headers.total_len;
        if headers.icmp_kind.is_some() {
            // Messages are read, answered and rewritten as finished ones.
            frame.finish_checksum();
        }
        let device = self.device(frame.ingress)?;
        match classify(frame.octets(), &headers, device, self.plan())? {
            Scope::Host => {
                let verdict = self.host6(frame, &headers, device);
                return Ok(Outcome { verdict, slot: slot_of(device) });
            }
            Scope::Transit if addressed == LinkDestination::Group => {
                return Err(DropReason::NotForThisStation.into());
            }
            Scope::Transit => {}
        }
        match device.role {
            Role::Internal => self.route_from_internal6(frame, &headers),
            Role::Uplink(slot) => {
                let uplink = self.plan().uplink(slot).ok_or(DropReason::UnknownDevice)?;
                let verdict = self.route_from_uplink6(frame, &headers, device, uplink)?;
                Ok(Outcome { verdict, slot: Some(slot) })
            }
        }
    }

    fn route_from_internal6(&mut self, frame: &mut Frame<'_>, headers: &Headers6) -> Result<Outcome, Refusal> {
        let plan = self.plan();
        let (source, destination) = (ipv6::source(frame.octets()), ipv6::destination(frame.octets()));
        // 6092-R5: judged before the translation.
        if plan.internal_route6(source).is_none() && !plan.is_translated6(source) {
            return Err(source_refused());
        }
        if let Some(hop) = plan.internal_route6(destination) {
            self.check_forward6(frame, hop.device)?;
            return Ok(Outcome::local(self.forward6(frame, hop)));
        }
        // MWAN-5: whether the uplink is usable or not.
        if let Some(uplink) = plan.external_owner6(destination) {
            let pair = pair_of_destination(plan, uplink, destination).ok_or(DropReason::NotForThisUplink)?;
            if self.filter.is_some() {
                return self.filtered_hairpin6(frame, headers, Hairpin { uplink, inbound: pair });
            }
            let verdict = self.hairpin6(frame, headers, uplink, pair)?;
            return Ok(Outcome { verdict, slot: Some(uplink.slot) });
        }
        // 4193-4.3, 6092-R3, 6092-R7, 7084-ULA4: asked of what would be on the wire (6296-ROUT3), and that is the destination as it is.
        if plan.is_barred_at_border(destination) {
            return Err(no_route());
        }
        if self.filter.is_some() { self.filtered_outbound6(frame, headers) } else { self.outbound6(frame, headers) }
    }

    fn outbound6(&mut self, frame: &mut Frame<'_>, headers: &Headers6) -> Result<Outcome, Refusal> {
        let (plan, packet) = (self.plan(), frame.octets());
        let subject = subject6(packet, headers);
        let policy = plan.policy_of(&subject);
        let slot = plan.identity_uplink6(policy, ipv6::source(packet));
        let slot = slot.or_else(|| policy.choose(&subject, self.nat44.rendezvous()));
        let uplink = slot.and_then(|slot| plan.uplink(slot)).ok_or_else(|| no_uplink(segment6(packet, headers)))?;
        let (hop, change) = self.decide_outbound6(frame, headers, uplink)?;
        change.apply(frame.octets_mut());
        clamp_mss6(frame, headers, uplink);
        Ok(Outcome { verdict: self.forward6(frame, hop), slot: Some(uplink.slot) })
    }

    /// How a packet leaves by an uplink, if it can.
    pub fn decide_outbound6(
        &self,
        frame: &Frame<'_>,
        headers: &Headers6,
        uplink: &Uplink,
    ) -> Result<(NextHop<u128>, Change), Refusal> {
        let packet = frame.octets();
        // 7084-G3: without a prefix nothing leaves; 7084-L14: nor does a source of a prefix that the site has no more.
        let pair = uplink.pair_of_source6(ipv6::source(packet)).ok_or_else(source_refused)?;
        let hop = uplink.next_hop6(self.device(uplink.device)?, ipv6::destination(packet));
        self.check_forward6(frame, hop.device)?;
        let change = nptv6::decide_outbound(pair, packet, upper(headers), self.plan().nptv6);
        Ok((hop, change.map_err(refuse_outbound)?))
    }

    /// 6296-4.3a, 6296-4.3b: both translations in one pass, so that the reply comes back this way.
    fn hairpin6(
        &mut self,
        frame: &mut Frame<'_>,
        headers: &Headers6,
        uplink: &Uplink,
        inbound: &PrefixPair,
    ) -> Result<Verdict, Refusal> {
        let plan = self.plan();
        check_hop_limit(frame.octets())?;
        let outbound = uplink.pair_of_source6(ipv6::source(frame.octets())).ok_or_else(source_refused)?;
        let upper = upper(headers);
        let first = nptv6::decide_outbound(outbound, frame.octets(), upper, plan.nptv6).map_err(refuse_outbound)?;
        // The second translation of an error sees what the first has made of its quote (6296b-ICMP7). Any other packet
        // stays as received until nothing can go wrong any more: an error about it quotes it.
        let first = if is_error(headers) {
            first.apply(frame.octets_mut());
            None
        } else {
            Some(first)
        };
        let second = nptv6::decide_inbound(inbound, frame.octets(), upper, plan.nptv6)?;
        let hop = plan.internal_route6(second.address()).ok_or_else(no_route)?;
        self.check_length6(frame, hop.device)?;
        if let Some(first) = first {
            first.apply(frame.octets_mut());
        }
        second.apply(frame.octets_mut());
        Ok(self.forward6(frame, hop))
    }

    fn route_from_uplink6(
        &mut self,
        frame: &mut Frame<'_>,
        headers: &Headers6,
        device: &Device,
        uplink: &Uplink,
    ) -> Result<Verdict, Refusal> {
        let plan = self.plan();
        let (source, destination) = (ipv6::source(frame.octets()), ipv6::destination(frame.octets()));
        let pair = pair_of_destination(plan, uplink, destination);
        let pair = pair.ok_or_else(|| not_for_uplink(uplink, device, destination))?;
        // 6092-R6; the ISP's own router may have an address in an on-link external prefix.
        let is_of_site = plan.internal_route6(source).is_some()
            || plan.is_translated6(source)
            || plan.external_owner6(source).is_some();
        if is_of_site && !device.on_link6(source) {
            return Err(DropReason::SpoofedSource.into());
        }
        // 6092-R3, 6092-R7, 7084-ULA4.
        if plan.is_barred_at_border(source) && !device.on_link6(source) {
            return Err(DropReason::MartianSource.into());
        }
        check_hop_limit(frame.octets())?;
        let change = nptv6::decide_inbound(pair, frame.octets(), upper(headers), plan.nptv6);
        let change = change.map_err(refuse_inbound)?;
        if self.filter.is_some() {
            return self.filtered_inbound6(frame, headers, uplink, change);
        }
        // 6296-ROUT5, 7084-WPD5: no route back out, so an unused subnet cannot make a packet circle.
        let hop = plan.internal_route6(change.address()).ok_or_else(no_route)?;
        self.check_length6(frame, hop.device)?;
        change.apply(frame.octets_mut());
        clamp_mss6(frame, headers, uplink);
        Ok(self.forward6(frame, hop))
    }

    /// The host role: neighbour discovery, echo and answers to probes; everything else goes up (4890-L1, 4890-L2, 4443-UNK), where nobody
    /// answers what is experimental, reserved or unassigned, nor node information (4890-L3, 4890-L4).
    fn host6(&mut self, frame: &mut Frame<'_>, headers: &Headers6, device: &Device) -> Verdict {
        if let Some(verdict) = self.hand_to_host(frame) {
            return verdict;
        }
        let Some(kind) = headers.icmp_kind else {
            return slot_of(device).and_then(|slot| self.probe_service6(frame, headers, slot)).unwrap_or(Verdict::Pass);
        };
        let packet = frame.octets();
        if icmp::v6::is_neighbour_discovery(kind) {
            return self.neighbour_discovery(frame, headers, device);
        }
        let (source, destination) = (ipv6::source(packet), ipv6::destination(packet));
        match kind {
            _ if headers.is_fragment => Verdict::Pass,
            icmp::v6::ECHO_REQUEST if source != address::UNSPECIFIED && !address::is_multicast(destination) => {
                match echo::reply6(frame.octets_mut(), headers.upper_offset) {
                    Ok(()) => self.reply(frame, Family::V6),
                    Err(reason) => Verdict::Drop(reason),
                }
            }
            icmp::v6::ECHO_REPLY => {
                let message = tail(packet, headers.upper_offset);
                let now = self.context.now;
                let is_probe =
                    slot_of(device).is_some_and(|slot| self.probes.handle_reply6(slot, message, source, now));
                if is_probe { Verdict::Consumed } else { Verdict::Pass }
            }
            _ => Verdict::Pass,
        }
    }

    /// What becomes of a packet for the gateway itself that is about a probe with ports.
    fn probe_service6(&mut self, frame: &mut Frame<'_>, headers: &Headers6, slot: u8) -> Option<Verdict> {
        if !matches!(headers.protocol, protocol::UDP | protocol::TCP) || headers.is_fragment {
            return None;
        }
        let source = ipv6::source(frame.octets());
        let arrival = Arrival { slot, family: ProbeFamily::V6, protocol: headers.protocol, source };
        self.probe_service(frame, headers.upper_offset, arrival)
    }

    fn neighbour_discovery(&mut self, frame: &mut Frame<'_>, headers: &Headers6, device: &Device) -> Verdict {
        // RFC 6980: a fragmented neighbour discovery message is ignored.
        if device.mac.is_none() || headers.is_fragment || !frame.grow_front(ethernet::HEADER_LEN) {
            return Verdict::Drop(DropReason::NeighbourDiscoveryInvalid);
        }
        let (l3, icmp) = (ethernet::HEADER_LEN, ethernet::HEADER_LEN + headers.upper_offset);
        let verdict = neighbour_discovery::handle(&mut self.context, self.neighbours, self.duties, frame, l3, icmp);
        if verdict == Verdict::Pass {
            frame.strip_front(ethernet::HEADER_LEN);
        }
        verdict
    }
}

/// Whether a packet is an ICMPv6 error.
pub fn is_error(headers: &Headers6) -> bool {
    headers.icmp_kind.is_some_and(icmp::v6::is_error)
}

fn slot_of(device: &Device) -> Option<u8> {
    match device.role {
        Role::Uplink(slot) => Some(slot),
        Role::Internal => None,
    }
}

/// What the translator needs to know of the upper layer. A later fragment has none, whatever protocol it is part of
/// (8200-F4).
pub fn upper(headers: &Headers6) -> Upper {
    let is_hidden = headers.protocol == protocol::ICMPV6 && headers.icmp_kind.is_none();
    let protocol = if is_hidden { NO_UPPER_LAYER } else { headers.protocol };
    Upper { offset: headers.upper_offset, protocol, is_fragment: headers.is_fragment }
}

/// The translator of a packet from an uplink: of those whose external prefix covers its destination the first that leads
/// into the site, since hosts may hold addresses of this prefix too.
fn pair_of_destination<'a>(plan: &Plan, uplink: &'a Uplink, destination: u128) -> Option<&'a PrefixPair> {
    let mut covering = uplink.pairs6().iter().filter(|pair| pair.external().contains(destination));
    let first = covering.next()?;
    let leads_home = |pair: &&PrefixPair| {
        let internal = pair.inbound(destination, plan.nptv6);
        internal.is_ok_and(|internal| plan.internal_route6(internal).is_some())
    };
    match covering.clone().next() {
        Some(_) if !leads_home(&first) => covering.find(leads_home).or(Some(first)),
        Some(_) | None => Some(first),
    }
}

/// Lowers what a SYN promises to what its uplink takes.
pub fn clamp_mss6(frame: &mut Frame<'_>, headers: &Headers6, uplink: &Uplink) {
    let limit = uplink.ipv6.as_ref().and_then(|ipv6| ipv6.mss_clamp);
    let Some(limit) = limit.filter(|_| headers.protocol == protocol::TCP && !headers.is_fragment) else { return };
    let state = frame.checksum_at(headers.upper_offset);
    clamp_syn(tail_mut(frame.octets_mut(), headers.upper_offset), limit, state);
}

/// The same for a TCP segment that may be anything.
pub fn clamp_syn(segment: &mut [u8], limit: u16, state: ChecksumState) {
    if has_whole_tcp_header(segment) && tcp::flags(segment) & tcp::flag::SYN != 0 {
        mss::clamp(segment, limit, state);
    }
}

/// Nothing goes back to where it came from. On a point-to-point link nobody else could take it either, which its sender is told
/// (4443-DU3, 7084-G2).
fn not_for_uplink(uplink: &Uplink, device: &Device, destination: u128) -> Refusal {
    let is_point_to_point = uplink.ipv6.as_ref().is_some_and(|ipv6| ipv6.gateway.is_none());
    if is_point_to_point && device.on_link6(destination) {
        return Refusal::with_error(DropReason::NotForThisUplink, IcmpError::unreachable6(ADDRESS_UNREACHABLE));
    }
    DropReason::NotForThisUplink.into()
}

/// No uplink may carry it.
pub fn no_uplink(segment: Segment) -> Refusal {
    // 8305-2: said at once, and by a reset to whoever opens a connection.
    let is_reset = segment.opens && segment.may_be_reset();
    let answer = if is_reset { Answer::Reset } else { Answer::Error(IcmpError::unreachable6(NO_ROUTE)) };
    Refusal { reason: DropReason::NoUplink, answer }
}

/// No translator of the uplink is for the source.
pub fn source_refused() -> Refusal {
    Refusal::with_error(DropReason::SourceNotInternal, IcmpError::unreachable6(SOURCE_POLICY))
}

/// Nothing leads to the destination.
pub fn no_route() -> Refusal {
    Refusal::with_error(DropReason::NoRoute, IcmpError::unreachable6(NO_ROUTE))
}

/// 6296-3.2a, 6296-3.7b: what the sender in the site is told.
pub fn refuse_outbound(reason: DropReason) -> Refusal {
    if reason == DropReason::SubnetNotMapped {
        return Refusal::with_error(reason, IcmpError::unreachable6(SOURCE_POLICY));
    }
    refuse_interface_id(reason, POINTER_SOURCE)
}

/// 6296-3.7b: what the sender beyond the uplink is told.
fn refuse_inbound(reason: DropReason) -> Refusal {
    refuse_interface_id(reason, POINTER_DESTINATION)
}

fn refuse_interface_id(reason: DropReason, pointer: u32) -> Refusal {
    if matches!(reason, DropReason::InterfaceIdAllZeros | DropReason::InterfaceIdAllOnes) {
        return Refusal::with_error(reason, IcmpError::parameter_problem6(pointer));
    }
    reason.into()
}
