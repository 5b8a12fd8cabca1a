//! IPv4: which way a packet goes (docs/decisions.md, "IPv4 from an internal device" and "from an uplink").

use super::classify::{EchoKind, Query, classify, is_echo_request};
use super::exempt;
use super::fragments::Part;
use super::link::{Family, LinkDestination};
use super::mss;
use super::own_errors::IcmpError;
use super::parse::{Headers4, locate_headers4};
use super::subject::subject4;
use super::transit::{Answer, Outcome, Refusal, Transit};
use crate::frame::{ChecksumState, Errand, Frame};
use crate::host::echo;
use crate::host::neighbours::mapped4;
use crate::host::probes::{Arrival, Family as ProbeFamily};
use crate::nat44::quoted::{self, Quote};
use crate::nat44::rewrite::{End, replace_endpoint};
use crate::nat44::{ExternalFlow, Flow};
use crate::plan::{Device, NextHop, Plan, Role, Uplink};
use crate::session::fragments::Datagram;
use crate::session::segment::Segment;
use crate::session::steering::NotSteered;
use crate::super_packet::packet_count;
use crate::verdict::{DropReason, Verdict};
use crate::wire::ipv4::address;
use crate::wire::octets::{tail, tail_mut};
use crate::wire::{icmp, ipv4, protocol};

/// Error codes of "destination unreachable".
const NETWORK_UNREACHABLE: u8 = 0;
const HOST_UNREACHABLE: u8 = 1;
const PROTOCOL_UNREACHABLE: u8 = 2;

impl<'a> Transit<'a> {
    /// Takes an IPv4 packet (the frame starts at its IP header) to its verdict.
    pub fn process4(&mut self, frame: &mut Frame<'_>, addressed: LinkDestination) -> Outcome {
        match self.route4(frame, addressed) {
            Ok(outcome) => outcome,
            Err((refusal, _)) if refusal.asks_to_cut() => self.process_cut(frame, Family::V4, addressed),
            Err((refusal, slot)) => Outcome { verdict: self.refuse4(frame, refusal), slot },
        }
    }

    fn route4(&mut self, frame: &mut Frame<'_>, addressed: LinkDestination) -> Result<Outcome, (Refusal, Option<u8>)> {
        let nowhere = |reason: DropReason| (Refusal::from(reason), None);
        let headers = locate_headers4(frame.octets()).map_err(nowhere)?;
        frame.truncate(headers.total_len);
        self.octets = headers.total_len;
        if headers.icmp_kind.is_some() {
            // Messages are read, answered and rewritten as finished ones.
            frame.finish_checksum();
        }
        let device = self.device(frame.ingress).map_err(nowhere)?;
        if let Some(verdict) = check_addresses(frame.octets(), device, self.plan()) {
            let handed = if verdict == Verdict::Pass { self.hand_to_host(frame) } else { None };
            return Ok(Outcome::local(handed.unwrap_or(verdict)));
        }
        if addressed == LinkDestination::Group {
            return Err(nowhere(DropReason::NotForThisStation));
        }
        match device.role {
            Role::Internal => self.route_from_internal4(frame, &headers),
            Role::Uplink(slot) => {
                let uplink = self.plan().uplink(slot).ok_or_else(|| nowhere(DropReason::UnknownDevice))?;
                let outcome = self.route_from_uplink4(frame, &headers, device, uplink);
                outcome.map_err(|refusal| (refusal, Some(slot)))
            }
        }
    }

    fn route_from_internal4(
        &mut self,
        frame: &mut Frame<'_>,
        headers: &Headers4,
    ) -> Result<Outcome, (Refusal, Option<u8>)> {
        if matches!(frame.errand, Errand::Arrive4 { .. } | Errand::ArriveError4 { .. })
            && let Some((slot, arrived)) = self.arrive_handed4(frame, headers)
        {
            let outcome = arrived.map(|verdict| Outcome { verdict, slot: Some(slot) });
            return outcome.map_err(|refusal| (refusal, Some(slot)));
        }
        let plan = self.plan();
        let (source, destination) = (ipv4::source(frame.octets()), ipv4::destination(frame.octets()));
        if plan.internal_owner4(destination).is_some() {
            let is_for_client = frame.errand != Errand::ForGateway;
            let to_client = if is_for_client { self.forward_to_client4(frame, headers) } else { None };
            let to_client = to_client.map(|outcome| outcome.map_err(|refusal| (refusal, None)));
            return to_client.unwrap_or_else(|| Ok(Outcome::local(self.host4(frame, headers))));
        }
        // 2827-1.
        if plan.internal_route4(source).is_none() {
            return Err((DropReason::SourceNotInternal.into(), None));
        }
        // 4787-R7: internal subnets come before external addresses that overlap them.
        if let Some(hop) = plan.internal_route4(destination) {
            self.check_forward4(frame, hop.device).map_err(|refusal| (refusal, None))?;
            return Ok(Outcome::local(self.forward4(frame, hop)));
        }
        // MWAN-5: whether that uplink is usable or not.
        if let Some(uplink) = plan.external_owner4(destination) {
            let slot = Some(uplink.slot);
            if is_echo_request(headers) && !plan.static_mappings().is_whole(uplink.slot, destination) {
                return Ok(Outcome { verdict: self.host4(frame, headers), slot });
            }
            return self.hairpin4(frame, headers, uplink.slot).map_err(|refusal| (refusal, slot));
        }
        self.outbound4(frame, headers)
    }

    fn outbound4(&mut self, frame: &mut Frame<'_>, headers: &Headers4) -> Result<Outcome, (Refusal, Option<u8>)> {
        let part = Part::of(frame);
        if let Some(verdict) = self.hand_home4(frame, &part) {
            return Ok(Outcome::local(verdict));
        }
        if let Some(outcome) = self.exempt_outbound4(frame, headers, &part) {
            return outcome.map_err(|refusal| (refusal, None));
        }
        if let Part::Later(datagram) = part {
            let is_unknown = self.fragments.fate(&datagram, self.context.now.tick()).is_none();
            let routed = if is_unknown { self.routed4(frame.octets(), headers) } else { None };
            return self.later_fragment4(frame, datagram, None, routed).map_err(|refusal| (refusal, None));
        }
        let outcome = self.outbound_query4(frame, headers, &part);
        if outcome.is_err() {
            self.refuse_fragments(part.begins());
        }
        outcome.map_err(|refusal| (refusal, None))
    }

    fn outbound_query4(&mut self, frame: &mut Frame<'_>, headers: &Headers4, part: &Part) -> Result<Outcome, Refusal> {
        match self.query4(frame, headers, EchoKind::Either, part) {
            Ok(Query::Flow { protocol, source, destination, segment }) => {
                let flow = Flow { protocol, internal: source, remote: protocol.remote(destination) };
                if let Some(verdict) = self.hand_to_flow4(frame, &flow) {
                    return Ok(Outcome::local(verdict));
                }
                self.outbound_flow4(frame, &flow, segment, part.begins())
            }
            Ok(Query::Error(quote)) => match self.hand_to_flow4(frame, &quote.as_inbound()) {
                Some(verdict) => Ok(Outcome::local(verdict)),
                None => self.outbound_error4(frame, headers, &quote),
            },
            Err(reason) => match self.routed4(frame.octets(), headers) {
                Some(uplink) => self.untranslated4(frame, uplink),
                None => Err(self.refuse_outbound(reason, Segment::PLAIN)),
            },
        }
    }

    /// The uplink that a packet takes which is no flow of its own, where nothing sticks.
    pub fn chosen4(&self, packet: &[u8], headers: &Headers4) -> Result<&'a Uplink, NotSteered> {
        let (plan, subject) = (self.plan(), subject4(packet, headers));
        let policy = plan.policy_of(&subject);
        let slot = policy.choose(&subject, self.nat44.rendezvous());
        let is_carried = policy.is_carried(subject.family());
        slot.and_then(|slot| plan.uplink(slot)).ok_or(NotSteered::NoUplink { is_carried })
    }

    /// The same, if it does not translate.
    fn routed4(&self, packet: &[u8], headers: &Headers4) -> Option<&'a Uplink> {
        self.chosen4(packet, headers).ok().filter(|uplink| self.plan().is_routed4(uplink.slot))
    }

    fn outbound_flow4(
        &mut self,
        frame: &mut Frame<'_>,
        flow: &Flow,
        segment: Segment,
        begins: Option<Datagram>,
    ) -> Result<Outcome, Refusal> {
        let (plan, now) = (self.plan(), self.context.now);
        let steered = self.nat44.steer_outbound(flow, segment, None, plan, now);
        let steered = steered.map_err(|why| self.refuse_steering(why, segment))?;
        let uplink = plan.uplink(steered.slot).ok_or(DropReason::NoUplink)?;
        let hop = self.uplink_hop4(uplink, frame.octets())?;
        self.check_forward4(frame, hop.device)?;
        let external = self.nat44.commit_outbound(steered, flow, segment, plan, now);
        let slot = Some(steered.slot);
        let Some(external) = external.map_err(|reason| self.refuse_outbound(reason, segment))? else {
            return Ok(Outcome { verdict: self.forward4(frame, hop), slot });
        };
        if let Some(position) = steered.session() {
            self.nat44.settle_outbound(position, frame.ingress, hop.address, plan);
        }
        clamp_mss(frame, uplink, segment);
        let checksum = checksum4(frame);
        replace_endpoint(frame.octets_mut(), flow.protocol, End::Source, external, checksum);
        self.renumber(frame, flow.remote.address);
        Ok(Outcome { verdict: self.forward_translated4(frame, hop, steered.slot, begins), slot })
    }

    fn outbound_error4(
        &mut self,
        frame: &mut Frame<'_>,
        headers: &Headers4,
        quote: &Quote,
    ) -> Result<Outcome, Refusal> {
        let (plan, now) = (self.plan(), self.context.now);
        let about = match self.nat44.match_quote_outbound(quote, None, plan, now) {
            Ok(about) => about,
            Err(reason) => {
                let uplink = self.routed4(frame.octets(), headers).ok_or(reason)?;
                return self.untranslated4(frame, uplink);
            }
        };
        let uplink = plan.uplink(about.slot).ok_or(DropReason::NoUplink)?;
        let hop = self.uplink_hop4(uplink, frame.octets())?;
        self.check_forward4(frame, hop.device)?;
        let destination = ipv4::destination(frame.octets());
        quoted::rewrite_outbound(frame.octets_mut(), quote, about.external);
        self.renumber(frame, destination);
        Ok(Outcome { verdict: self.forward4(frame, hop), slot: Some(about.slot) })
    }

    /// Sends a packet out of an uplink as it is.
    pub fn untranslated4(&mut self, frame: &mut Frame<'_>, uplink: &Uplink) -> Result<Outcome, Refusal> {
        self.untranslated_from4(frame, uplink, None)
    }

    /// The same; the other fragments of the datagram that it begins, if any, follow.
    pub fn untranslated_from4(
        &mut self,
        frame: &mut Frame<'_>,
        uplink: &Uplink,
        begins: Option<Datagram>,
    ) -> Result<Outcome, Refusal> {
        let hop = self.uplink_hop4(uplink, frame.octets())?;
        self.check_forward4(frame, hop.device)?;
        let verdict = self.forward_translated4(frame, hop, uplink.slot, begins);
        Ok(Outcome { verdict, slot: Some(uplink.slot) })
    }

    /// What NAT44 sees in a packet, if the rest of its datagram can follow it.
    pub fn query4(
        &self,
        frame: &Frame<'_>,
        headers: &Headers4,
        echo: EchoKind,
        part: &Part,
    ) -> Result<Query, DropReason> {
        self.check_fragment_room(frame, part)?;
        classify(frame.octets(), headers, echo, self.plan().nat44.other_protocols)
    }

    /// 6864-5.3.1: what leaves with a source of ours has an identification of ours, unless it is atomic.
    pub fn renumber(&mut self, frame: &mut Frame<'_>, destination: u32) {
        let packet = frame.octets();
        if !ipv4::is_atomic(packet) {
            let (source, protocol) = (ipv4::source(packet), ipv4::protocol(packet));
            // Whoever cuts a super-packet counts on from its identification.
            let count = packet_count(frame) as u16;
            let identification = self.nat44.next_identification(source, destination, protocol, count);
            ipv4::replace_identification(frame.octets_mut(), identification);
        }
    }

    fn route_from_uplink4(
        &mut self,
        frame: &mut Frame<'_>,
        headers: &Headers4,
        device: &Device,
        uplink: &Uplink,
    ) -> Result<Outcome, Refusal> {
        let plan = self.plan();
        let (source, destination) = (ipv4::source(frame.octets()), ipv4::destination(frame.octets()));
        let slot = Some(uplink.slot);
        let nat44 = uplink.ipv4.as_ref().filter(|ipv4| ipv4.nat44);
        let is_own = device.owns4(destination);
        let is_ours = is_own || plan.is_external4(uplink.slot, destination);
        let is_routed = plan.is_routed4(uplink.slot) || self.is_exempt_inbound4(frame.octets(), headers);
        let untranslated = match (is_ours, is_routed) {
            (true, _) => None,
            (false, true) => Some(plan.internal_route4(destination).ok_or(DropReason::NotForThisUplink)?),
            (false, false) => return Err(DropReason::NotForThisUplink.into()),
        };
        // The neighbours on an uplink may share a subnet with the site (4787-R7); beyond them it is spoofed (1812-SAV), and
        // so is whatever claims to be us. Another uplink may own this address, in a world of its own.
        let is_internal = plan.internal_route4(source).is_some() && !device.on_link4(source);
        if is_internal || plan.is_external4(uplink.slot, source) {
            return Err(DropReason::SpoofedSource.into());
        }
        if let Some(hop) = untranslated {
            self.check_forward4(frame, hop.device)?;
            return Ok(Outcome { verdict: self.forward4(frame, hop), slot });
        }
        let is_published = plan.static_mappings().is_whole(uplink.slot, destination);
        if is_echo_request(headers) && !is_published {
            let verdict = if is_own { self.host4(frame, headers) } else { Verdict::Drop(DropReason::NoMapping) };
            return Ok(Outcome { verdict, slot });
        }
        let probe_reply = if is_published { None } else { self.probe_reply4(frame, headers, uplink.slot) };
        if let Some(verdict) = probe_reply {
            return Ok(Outcome { verdict, slot });
        }
        // 3022-2.2: what is for the gateway's own programs.
        let is_reserved =
            || exempt::ports(frame.octets(), headers).is_some_and(|(_, port)| uplink.reserves4(headers.protocol, port));
        if nat44.is_none() || (is_own && is_reserved()) {
            if let Some(verdict) = self.hand_to_host(frame) {
                return Ok(Outcome { verdict, slot });
            }
            let for_probes = self.probe_service4(frame, headers, uplink.slot);
            return Ok(Outcome { verdict: for_probes.unwrap_or_else(|| self.host4(frame, headers)), slot });
        }
        self.inbound4(frame, headers, uplink)
    }

    fn inbound4(&mut self, frame: &mut Frame<'_>, headers: &Headers4, uplink: &Uplink) -> Result<Outcome, Refusal> {
        let slot = uplink.slot;
        let part = Part::of(frame);
        if let Some(verdict) = self.hand_home4(frame, &part) {
            return Ok(Outcome { verdict, slot: Some(slot) });
        }
        if let Part::Later(datagram) = part {
            return self.later_fragment4(frame, datagram, Some(slot), None);
        }
        let is_published = self.plan().static_mappings().is_whole(slot, ipv4::destination(frame.octets()));
        let echo = if is_published { EchoKind::Either } else { EchoKind::Reply };
        let verdict = match self.query4(frame, headers, echo, &part) {
            Ok(Query::Flow { protocol, source, destination, segment }) => {
                let remote = protocol.remote(source);
                let flow = ExternalFlow { slot, protocol, external: destination, remote };
                match self.hand_to_external4(frame, &flow) {
                    Some(verdict) => Ok(verdict),
                    None => self.inbound_flow4(frame, &flow, segment, uplink, part.begins()),
                }
            }
            Ok(Query::Error(quote)) => match self.hand_to_external4(frame, &quote.as_outbound(slot)) {
                Some(verdict) => Ok(verdict),
                None => self.inbound_error4(frame, &quote, slot),
            },
            Err(reason) => Err(reason.into()),
        };
        if verdict.is_err() {
            self.refuse_fragments(part.begins());
        }
        Ok(Outcome { verdict: verdict?, slot: Some(slot) })
    }

    fn inbound_flow4(
        &mut self,
        frame: &mut Frame<'_>,
        flow: &ExternalFlow,
        segment: Segment,
        uplink: &Uplink,
        begins: Option<Datagram>,
    ) -> Result<Verdict, Refusal> {
        let (plan, now) = (self.plan(), self.context.now);
        let admitted = self.nat44.match_inbound(flow, segment, plan, now);
        let admitted = admitted.map_err(|why| self.refuse_inbound4(frame, flow, &segment, begins.is_none(), why))?;
        let hop = plan.internal_route4(admitted.internal.address).ok_or(DropReason::NoRoute)?;
        self.check_forward4(frame, hop.device)?;
        let apparent = self.nat44.commit_inbound(admitted, flow, segment, plan, now)?;
        if let Some(position) = admitted.session() {
            self.nat44.settle_inbound(position);
        }
        clamp_mss(frame, uplink, segment);
        let checksum = checksum4(frame);
        replace_endpoint(frame.octets_mut(), flow.protocol, End::Destination, admitted.internal, checksum);
        if let Some(apparent) = apparent {
            replace_endpoint(frame.octets_mut(), flow.protocol, End::Source, apparent, checksum);
            self.renumber(frame, flow.external.address);
        }
        Ok(self.forward_translated4(frame, hop, flow.slot, begins))
    }

    fn inbound_error4(&mut self, frame: &mut Frame<'_>, quote: &Quote, slot: u8) -> Result<Verdict, Refusal> {
        let plan = self.plan();
        let about = self.nat44.match_quote_inbound(quote, slot, plan, self.context.now)?;
        let hop = plan.internal_route4(about.internal.address).ok_or(DropReason::NoRoute)?;
        self.check_forward4(frame, hop.device)?;
        quoted::rewrite_inbound(frame.octets_mut(), quote, &about);
        Ok(self.forward4(frame, hop))
    }

    /// The host role: echo is answered, everything else goes up.
    fn host4(&mut self, frame: &mut Frame<'_>, headers: &Headers4) -> Verdict {
        if let Some(verdict) = self.hand_to_host(frame) {
            return verdict;
        }
        if !is_echo_request(headers) {
            return Verdict::Pass;
        }
        match echo::reply4(frame.octets_mut()) {
            Ok(()) => self.reply(frame, Family::V4),
            Err(reason) => Verdict::Drop(reason),
        }
    }

    /// An echo reply to an identifier of our own (3022-2.2): the answer to a probe, or a forged or late one.
    fn probe_reply4(&mut self, frame: &Frame<'_>, headers: &Headers4, slot: u8) -> Option<Verdict> {
        let message = tail(frame.octets(), headers.header_len);
        let is_reply = headers.icmp_kind == Some(icmp::v4::ECHO_REPLY) && !headers.is_fragment;
        if !is_reply || !self.probes.owns_identifier4(slot, icmp::identifier(message)) {
            return None;
        }
        let source = ipv4::source(frame.octets());
        let is_ours = self.probes.handle_reply4(slot, message, source, self.context.now);
        Some(if is_ours { Verdict::Consumed } else { Verdict::Drop(DropReason::NoMapping) })
    }

    /// What becomes of a packet for the gateway itself that is about a probe with ports.
    fn probe_service4(&mut self, frame: &mut Frame<'_>, headers: &Headers4, slot: u8) -> Option<Verdict> {
        if !matches!(headers.protocol, protocol::UDP | protocol::TCP) || headers.is_fragment {
            return None;
        }
        let source = mapped4(ipv4::source(frame.octets()));
        let arrival = Arrival { slot, family: ProbeFamily::V4, protocol: headers.protocol, source };
        self.probe_service(frame, headers.header_len, arrival)
    }

    /// What an internal host is told when no uplink carries its packet.
    pub fn refuse_steering(&self, why: NotSteered, segment: Segment) -> Refusal {
        let answer = match why {
            NotSteered::Other(reason) => return self.refuse_outbound(reason, segment),
            // 8305-2: whoever opens a connection tries another way at once.
            NotSteered::NoUplink { .. } if segment.opens && segment.may_be_reset() => Answer::Reset,
            // 1812-UNREACH: at once; 6888-R11b where an uplink may come back.
            NotSteered::NoUplink { is_carried: false } => Answer::Error(IcmpError::unreachable4(NETWORK_UNREACHABLE)),
            NotSteered::NoUplink { is_carried: true } => Answer::Error(IcmpError::unreachable4(HOST_UNREACHABLE)),
            // MWAN-2: it begins anew at once.
            NotSteered::UplinkDown { .. } if segment.may_be_reset() => Answer::Reset,
            NotSteered::UplinkDown { is_told: true } => Answer::Error(IcmpError::unreachable4(HOST_UNREACHABLE)),
            NotSteered::UplinkDown { is_told: false } => Answer::Silence,
        };
        Refusal { reason: why.reason(), answer }
    }

    /// What an internal host is told when NAT44 refuses its packet.
    pub fn refuse_outbound(&self, reason: DropReason, segment: Segment) -> Refusal {
        use DropReason::{TcpWithoutSession, UnsupportedProtocol};
        let answer = if reason == TcpWithoutSession && segment.may_be_reset() {
            Answer::Reset
        } else if reason == UnsupportedProtocol {
            // OTHER-1.
            Answer::Error(IcmpError::unreachable4(PROTOCOL_UNREACHABLE))
        } else if is_for_want_of_room(reason) {
            // 6888-R11b: a soft error, so that the host tries again.
            Answer::Error(IcmpError::unreachable4(HOST_UNREACHABLE))
        } else {
            Answer::Silence
        };
        Refusal { reason, answer }
    }

    fn uplink_hop4(&self, uplink: &Uplink, packet: &[u8]) -> Result<NextHop<u32>, DropReason> {
        Ok(uplink.next_hop4(self.device(uplink.device)?, ipv4::destination(packet)))
    }
}

/// Whether a refusal may be another one next time.
fn is_for_want_of_room(reason: DropReason) -> bool {
    use DropReason::{
        HostFlowRate, HostMappingLimit, HostSessionLimit, HostTableFull, MappingSessionLimit, MappingTableFull,
        PortPoolExhausted, RemoteInUse, SessionTableFull,
    };
    let of_host = matches!(reason, HostTableFull | HostFlowRate | HostSessionLimit | HostMappingLimit);
    let of_tables = matches!(reason, SessionTableFull | MappingSessionLimit | MappingTableFull | PortPoolExhausted);
    of_host || of_tables || reason == RemoteInUse
}

/// Groups and martians: the verdict of a packet that is not for forwarding.
fn check_addresses(packet: &[u8], device: &Device, plan: &Plan) -> Option<Verdict> {
    let (source, destination) = (ipv4::source(packet), ipv4::destination(packet));
    let is_directed_broadcast =
        |address: u32| device.ipv4.iter().any(|(_, prefix)| prefix.broadcast() == Some(address));
    let is_example = |address: u32| plan.drop_documentation && address::is_documentation(address);
    let is_for_host = destination == address::LIMITED_BROADCAST
        || address::is_link_multicast(destination)
        || is_directed_broadcast(destination);
    if is_for_host {
        return Some(Verdict::Pass);
    }
    let reason = if address::is_multicast(destination) {
        DropReason::MulticastNotForwarded
    } else if !device.is_plain_source4(source, plan.drop_documentation) {
        DropReason::MartianSource
    } else if address::is_martian_destination(destination) || is_example(destination) {
        DropReason::MartianDestination
    } else {
        return None;
    };
    Some(Verdict::Drop(reason))
}

/// State of the transport checksum of a packet.
pub fn checksum4(frame: &Frame<'_>) -> ChecksumState {
    frame.checksum_at(ipv4::header_len(frame.octets()))
}

/// Lowers what a SYN promises to what its uplink takes.
pub fn clamp_mss(frame: &mut Frame<'_>, uplink: &Uplink, segment: Segment) {
    let limit = uplink.ipv4.as_ref().and_then(|ipv4| ipv4.mss_clamp);
    if let (Some(limit), true) = (limit, segment.has_syn()) {
        let (state, packet) = (checksum4(frame), frame.octets_mut());
        let header_len = ipv4::header_len(packet);
        mss::clamp(tail_mut(packet, header_len), limit, state);
    }
}
