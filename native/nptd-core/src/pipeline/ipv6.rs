//! IPv6: which way a packet goes (docs/decisions.md, "IPv6").

use super::forward::check_hop_limit;
use super::link::{Family, LinkDestination};
use super::own_errors::IcmpError;
use super::parse::{Headers6, locate_headers6};
use super::transit::{Outcome, Refusal, Transit};
use crate::frame::Frame;
use crate::host::{echo, neighbour_discovery};
use crate::nptv6::{self, PrefixPair, Upper};
use crate::plan::{Device, Plan, Role, Uplink};
use crate::verdict::{DropReason, Verdict};
use crate::wire::ipv6::address;
use crate::wire::octets::tail;
use crate::wire::{ethernet, icmp, ipv6, protocol};

/// Codes of "destination unreachable".
const NO_ROUTE: u8 = 0;
const SOURCE_POLICY: u8 = 5;

/// A protocol number that no translation rule is about (RFC 3692: reserved).
const NO_UPPER_LAYER: u8 = 255;

/// Offsets of the addresses in the IPv6 header, as pointers of "parameter problem".
const POINTER_SOURCE: u32 = 8;
const POINTER_DESTINATION: u32 = 24;

/// Whether a packet's addresses let it be forwarded.
enum Scope {
    /// For the gateway, its link or a group it belongs to.
    Host,
    /// To be forwarded, if the rest agrees.
    Transit,
}

impl Transit<'_> {
    /// Takes an IPv6 packet (the frame starts at its IP header) to its verdict.
    pub fn process6(&mut self, frame: &mut Frame<'_>, addressed: LinkDestination) -> Outcome {
        let slot = match self.plan().device(frame.ingress).map(|device| device.role) {
            Some(Role::Uplink(slot)) => Some(slot),
            Some(Role::Internal) | None => None,
        };
        match self.route6(frame, addressed) {
            Ok(outcome) => outcome,
            Err(refusal) => Outcome { verdict: self.refuse6(frame, refusal), slot },
        }
    }

    fn route6(&mut self, frame: &mut Frame<'_>, addressed: LinkDestination) -> Result<Outcome, Refusal> {
        let headers = locate_headers6(frame.octets())?;
        frame.truncate(headers.total_len);
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
            self.check_forward6(frame.octets(), hop.device)?;
            return Ok(Outcome::local(self.forward6(frame, hop)));
        }
        // MWAN-5: whether the uplink is usable or not.
        if let Some((uplink, pair)) = plan.external_owner6(destination) {
            let verdict = self.hairpin6(frame, headers, uplink, pair)?;
            return Ok(Outcome { verdict, slot: Some(uplink.slot) });
        }
        let uplink = plan.choose6();
        // 8305-2: said at once.
        let no_uplink = Refusal::with_error(DropReason::NoUplink, IcmpError::unreachable6(NO_ROUTE));
        let uplink = uplink.ok_or(no_uplink)?;
        let pair = pair_of_source(uplink, source).ok_or_else(source_refused)?;
        let hop = uplink.next_hop6(self.device(uplink.device)?, destination);
        self.check_forward6(frame.octets(), hop.device)?;
        nptv6::outbound(pair, frame.octets_mut(), upper(headers), plan.nptv6).map_err(refuse_outbound)?;
        Ok(Outcome { verdict: self.forward6(frame, hop), slot: Some(uplink.slot) })
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
        let outbound = pair_of_source(uplink, ipv6::source(frame.octets())).ok_or_else(source_refused)?;
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
        self.check_length6(frame.octets(), hop.device)?;
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
        let mut pairs = uplink.ipv6.iter().flat_map(|ipv6| &ipv6.pairs);
        let pair = pairs.find(|pair| pair.external().contains(destination));
        let pair = pair.ok_or(DropReason::NotForThisUplink)?;
        // 6092-R6; the ISP's own router may have an address in an on-link external prefix.
        let is_of_site = plan.internal_route6(source).is_some()
            || plan.is_translated6(source)
            || plan.external_owner6(source).is_some();
        if is_of_site && !device.on_link6(source) {
            return Err(DropReason::SpoofedSource.into());
        }
        check_hop_limit(frame.octets())?;
        let change = nptv6::decide_inbound(pair, frame.octets(), upper(headers), plan.nptv6);
        let change = change.map_err(refuse_inbound)?;
        // 6296-ROUT5: no route back out, so an unused subnet cannot make a packet circle.
        let hop = plan.internal_route6(change.address()).ok_or_else(no_route)?;
        self.check_length6(frame.octets(), hop.device)?;
        change.apply(frame.octets_mut());
        Ok(self.forward6(frame, hop))
    }

    /// The host role: neighbour discovery, echo and answers to probes; everything else goes up (4890-L1, 4443-UNK).
    fn host6(&mut self, frame: &mut Frame<'_>, headers: &Headers6, device: &Device) -> Verdict {
        let packet = frame.octets();
        let Some(kind) = headers.icmp_kind else { return Verdict::Pass };
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

    fn neighbour_discovery(&mut self, frame: &mut Frame<'_>, headers: &Headers6, device: &Device) -> Verdict {
        // RFC 6980: a fragmented neighbour discovery message is ignored.
        if device.mac.is_none() || headers.is_fragment || !frame.grow_front(ethernet::HEADER_LEN) {
            return Verdict::Drop(DropReason::NeighbourDiscoveryInvalid);
        }
        let (l3, icmp) = (ethernet::HEADER_LEN, ethernet::HEADER_LEN + headers.upper_offset);
        let verdict = neighbour_discovery::handle(&mut self.context, self.neighbours, frame, l3, icmp);
        if verdict == Verdict::Pass {
            frame.strip_front(ethernet::HEADER_LEN);
        }
        verdict
    }
}

/// Groups, martians and scopes.
fn classify(packet: &[u8], headers: &Headers6, device: &Device, plan: &Plan) -> Result<Scope, DropReason> {
    let (source, destination) = (ipv6::source(packet), ipv6::destination(packet));
    if address::is_multicast(source) || address::is_never_on_wire(source) {
        return Err(DropReason::MartianSource);
    }
    if destination == address::UNSPECIFIED || address::is_never_on_wire(destination) {
        return Err(DropReason::MartianDestination);
    }
    if address::is_multicast(destination) {
        return match address::is_link_multicast(destination) {
            true => Ok(Scope::Host),
            false => Err(DropReason::MulticastNotForwarded),
        };
    }
    let is_own = match device.role {
        Role::Internal if !address::is_link_local(destination) => plan.internal_owner6(destination).is_some(),
        Role::Internal | Role::Uplink(_) => device.owns6(destination),
    };
    if is_own {
        return Ok(Scope::Host);
    }
    if source == address::UNSPECIFIED {
        return Err(DropReason::MartianSource);
    }
    if address::is_link_local(destination) {
        return Err(DropReason::MartianDestination);
    }
    if address::is_link_local(source) {
        return Err(DropReason::MartianSource);
    }
    if headers.icmp_kind.is_some_and(is_link_scoped) {
        return Err(DropReason::IcmpTypeNotForwarded);
    }
    Ok(Scope::Transit)
}

/// Messages that make sense on their link only (4890-T3, 4890-NPT): multicast listener discovery, neighbour and
/// inverse neighbour discovery, certification paths, multicast router discovery. All others pass (4890-T1).
const fn is_link_scoped(kind: u8) -> bool {
    matches!(kind, 130..=137 | 141..=143 | 148 | 149 | 151..=153)
}

fn is_error(headers: &Headers6) -> bool {
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
fn upper(headers: &Headers6) -> Upper {
    let is_hidden = headers.protocol == protocol::ICMPV6 && headers.icmp_kind.is_none();
    let protocol = if is_hidden { NO_UPPER_LAYER } else { headers.protocol };
    Upper { offset: headers.upper_offset, protocol, is_fragment: headers.is_fragment }
}

/// The first pair of an uplink for a source: each uplink has pairs of its own (6296-2.4, MWAN-8).
fn pair_of_source(uplink: &Uplink, source: u128) -> Option<&PrefixPair> {
    uplink.ipv6.as_ref()?.pairs.iter().find(|pair| pair.internal().contains(source))
}

fn source_refused() -> Refusal {
    Refusal::with_error(DropReason::SourceNotInternal, IcmpError::unreachable6(SOURCE_POLICY))
}

fn no_route() -> Refusal {
    Refusal::with_error(DropReason::NoRoute, IcmpError::unreachable6(NO_ROUTE))
}

/// 6296-3.2a, 6296-3.7b: what the sender in the site is told.
fn refuse_outbound(reason: DropReason) -> Refusal {
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
