//! IPv6 through the stateful filter: its steps between those of `ipv6` (docs/decisions.md, "Filter").

use super::forward::check_hop_limit;
use super::fragments6::Part6;
use super::ipv6::{clamp_mss6, is_error, no_route, no_uplink, refuse_outbound, source_refused, upper};
use super::own_errors::IcmpError;
use super::parse::Headers6;
use super::query6::{Query6, query6, quote6};
use super::transit::{Answer, Outcome, Refusal, Transit};
use crate::filter::{Arrival, Datagram, Filter, Flow, NotAdmitted, Packet};
use crate::frame::{Errand, Frame};
use crate::nptv6::{self, Change, PrefixPair};
use crate::plan::{NextHop, Uplink};
use crate::session::held::HeldPackets;
use crate::session::steering::NotSteered;
use crate::time::Duration;
use crate::verdict::{DropReason, Verdict};
use crate::wire::ipv6;

/// Codes of "destination unreachable".
const NO_ROUTE: u8 = 0;
const PROHIBITED: u8 = 1;
const ADDRESS_UNREACHABLE: u8 = 3;

/// The two ends of a hairpin.
#[derive(Clone, Copy)]
pub struct Hairpin<'a> {
    /// The uplink whose external prefix was addressed.
    pub uplink: &'a Uplink,
    /// The pair that translates the destination.
    pub inbound: &'a PrefixPair,
}

impl Transit<'_> {
    /// A packet from the site to anywhere beyond it.
    pub fn filtered_outbound6(&mut self, frame: &mut Frame<'_>, headers: &Headers6) -> Result<Outcome, Refusal> {
        if let Some(verdict) = self.hand_to_sender6(frame, headers) {
            return Ok(Outcome::local(verdict));
        }
        let part = Part6::of(frame, headers);
        if let Part6::Later(datagram) = part {
            return self.later_fragment6(frame, datagram, None);
        }
        let outcome = match self.query6(frame, headers, &part) {
            Ok(Query6::Flow(packet)) => self.filtered_flow6(frame, headers, &packet, part.begins()),
            Ok(Query6::Error) => self.filtered_error6(frame, headers),
            Err(reason) => Err(reason.into()),
        };
        if outcome.is_err() {
            self.refuse_fragments6(part.begins());
        }
        outcome
    }

    fn filtered_flow6(
        &mut self,
        frame: &mut Frame<'_>,
        headers: &Headers6,
        packet: &Packet,
        begins: Option<Datagram>,
    ) -> Result<Outcome, Refusal> {
        let (plan, now) = (self.plan(), self.context.now);
        let steered = self.filter_and_held()?.0.steer_outbound(packet, None, plan, now);
        let steered = steered.map_err(|why| refuse_steering(why, packet))?;
        let uplink = plan.uplink(steered.slot).ok_or(DropReason::NoUplink)?;
        let (hop, change) = self.decide_outbound6(frame, headers, uplink)?;
        let (filter, held) = self.filter_and_held()?;
        let committed = filter.commit_outbound(steered, packet, change.address(), held, plan, now);
        committed.map_err(refuse_for_room)?;
        if let Some(position) = steered.session() {
            filter.settle_outbound(position, frame.ingress, plan);
        }
        change.apply(frame.octets_mut());
        clamp_mss6(frame, headers, uplink);
        let verdict = self.forward_filtered6(frame, hop, steered.slot, begins);
        Ok(Outcome { verdict, slot: Some(steered.slot) })
    }

    fn filtered_error6(&mut self, frame: &mut Frame<'_>, headers: &Headers6) -> Result<Outcome, Refusal> {
        let (plan, now) = (self.plan(), self.context.now);
        let quote = quote6(frame.octets(), upper(headers))?;
        let slot = self.filter_and_held()?.0.match_quote_outbound(&quote, None, plan, now)?;
        let uplink = plan.uplink(slot).ok_or(DropReason::NoUplink)?;
        let (hop, change) = self.decide_outbound6(frame, headers, uplink)?;
        change.apply(frame.octets_mut());
        Ok(Outcome { verdict: self.forward6(frame, hop), slot: Some(slot) })
    }

    /// A packet from the site to an external prefix of its own.
    pub fn filtered_hairpin6(
        &mut self,
        frame: &mut Frame<'_>,
        headers: &Headers6,
        hairpin: Hairpin<'_>,
    ) -> Result<Outcome, Refusal> {
        check_hop_limit(frame.octets())?;
        let slot = Some(hairpin.uplink.slot);
        if frame.errand == Errand::Arrive6 {
            let verdict = self.arrive_handed6(frame, headers, hairpin)?;
            return Ok(Outcome { verdict, slot });
        }
        if let Some(verdict) = self.hand_to_sender6(frame, headers) {
            return Ok(Outcome { verdict, slot });
        }
        let part = Part6::of(frame, headers);
        if let Part6::Later(datagram) = part {
            return self.later_fragment6(frame, datagram, slot);
        }
        let verdict = match self.query6(frame, headers, &part) {
            Ok(Query6::Flow(packet)) => self.hairpin_flow6(frame, headers, &packet, hairpin, part.begins()),
            Ok(Query6::Error) => self.hairpin_error6(frame, headers, hairpin),
            Err(reason) => Err(reason.into()),
        };
        if verdict.is_err() {
            self.refuse_fragments6(part.begins());
        }
        Ok(Outcome { verdict: verdict?, slot })
    }

    /// The second half of a hairpin whose first half was another worker's.
    fn arrive_handed6(
        &mut self,
        frame: &mut Frame<'_>,
        headers: &Headers6,
        hairpin: Hairpin<'_>,
    ) -> Result<Verdict, Refusal> {
        let begins = Part6::of(frame, headers).begins();
        let outbound = hairpin.uplink.pair_of_source6(ipv6::source(frame.octets())).ok_or_else(source_refused)?;
        let first = nptv6::decide_outbound(outbound, frame.octets(), upper(headers), self.plan().nptv6);
        let first = first.map_err(refuse_outbound)?;
        let verdict = match query6(frame.octets(), headers) {
            Ok(Query6::Flow(packet)) => self.arrive6(frame, headers, &packet, hairpin, first, begins),
            Ok(Query6::Error) => self.arrive_error6(frame, headers, hairpin, first),
            Err(reason) => Err(reason.into()),
        };
        if verdict.is_err() {
            self.refuse_fragments6(begins);
        }
        verdict
    }

    fn hairpin_flow6(
        &mut self,
        frame: &mut Frame<'_>,
        headers: &Headers6,
        packet: &Packet,
        hairpin: Hairpin<'_>,
        begins: Option<Datagram>,
    ) -> Result<Verdict, Refusal> {
        let (plan, now, uplink) = (self.plan(), self.context.now, hairpin.uplink);
        let steered = self.filter_and_held()?.0.steer_outbound(packet, Some(uplink.slot), plan, now);
        let steered = steered.map_err(|why| refuse_steering(why, packet))?;
        let outbound = uplink.pair_of_source6(packet.source.address).ok_or_else(source_refused)?;
        let first = nptv6::decide_outbound(outbound, frame.octets(), upper(headers), plan.nptv6);
        let first = first.map_err(refuse_outbound)?;
        let (filter, held) = self.filter_and_held()?;
        let committed = filter.commit_outbound(steered, packet, first.address(), held, plan, now);
        committed.map_err(refuse_for_room)?;
        self.arrive6(frame, headers, packet, hairpin, first, begins)
    }

    /// The second half: what the sender's own filter knows stands from here on, as if the packet had left.
    fn arrive6(
        &mut self,
        frame: &mut Frame<'_>,
        headers: &Headers6,
        packet: &Packet,
        Hairpin { uplink, inbound }: Hairpin<'_>,
        first: Change,
        begins: Option<Datagram>,
    ) -> Result<Verdict, Refusal> {
        let (plan, now, slot) = (self.plan(), self.context.now, uplink.slot);
        let second = nptv6::decide_inbound(inbound, frame.octets(), upper(headers), plan.nptv6)?;
        if let Some(verdict) = self.hand_over(frame, self.owners.of_address6(second.address()), Errand::Arrive6) {
            return Ok(verdict);
        }
        let flow = packet.inbound(second.address(), first.address());
        let arrival = Arrival { flow, slot, external: packet.destination.address };
        let admitted = self.filter_and_held()?.0.match_inbound(packet, &flow, slot, plan, now);
        let admitted = admitted.map_err(|why| self.refuse_admission6(why))?;
        let hop = plan.internal_route6(second.address()).ok_or_else(no_route)?;
        self.check_length6(frame, hop.device)?;
        let (filter, held) = self.filter_and_held()?;
        filter.commit_inbound(admitted, packet, &arrival, held, plan, now)?;
        first.apply(frame.octets_mut());
        second.apply(frame.octets_mut());
        Ok(self.forward_filtered6(frame, hop, slot, begins))
    }

    fn hairpin_error6(
        &mut self,
        frame: &mut Frame<'_>,
        headers: &Headers6,
        hairpin: Hairpin<'_>,
    ) -> Result<Verdict, Refusal> {
        let (plan, now, upper, uplink) = (self.plan(), self.context.now, upper(headers), hairpin.uplink);
        let quote = quote6(frame.octets(), upper)?;
        self.filter_and_held()?.0.match_quote_outbound(&quote, Some(uplink.slot), plan, now)?;
        let outbound = uplink.pair_of_source6(ipv6::source(frame.octets())).ok_or_else(source_refused)?;
        let first = nptv6::decide_outbound(outbound, frame.octets(), upper, plan.nptv6).map_err(refuse_outbound)?;
        self.arrive_error6(frame, headers, hairpin, first)
    }

    fn arrive_error6(
        &mut self,
        frame: &mut Frame<'_>,
        headers: &Headers6,
        Hairpin { uplink, inbound }: Hairpin<'_>,
        first: Change,
    ) -> Result<Verdict, Refusal> {
        let (plan, upper, slot) = (self.plan(), upper(headers), uplink.slot);
        // Its receiver is the sender of what it quotes.
        let internal = inbound.inbound(ipv6::destination(frame.octets()), plan.nptv6).ok();
        let owner = internal.map_or(self.owners.share().worker(), |internal| self.owners.of_address6(internal));
        if let Some(verdict) = self.hand_over(frame, owner, Errand::Arrive6) {
            return Ok(verdict);
        }
        // The second half sees what the first has made of the quote (6296b-ICMP7).
        first.apply(frame.octets_mut());
        let second = nptv6::decide_inbound(inbound, frame.octets(), upper, plan.nptv6)?;
        let hop = self.filter_error6(frame, headers, slot, &second)?;
        second.apply(frame.octets_mut());
        Ok(self.forward6(frame, hop))
    }

    /// A packet from an uplink whose translation was found possible.
    pub fn filtered_inbound6(
        &mut self,
        frame: &mut Frame<'_>,
        headers: &Headers6,
        uplink: &Uplink,
        change: Change,
    ) -> Result<Verdict, Refusal> {
        let slot = uplink.slot;
        // An error is for the sender of what it quotes.
        if let Some(verdict) = self.hand_over(frame, self.owners.of_address6(change.address()), Errand::Received) {
            return Ok(verdict);
        }
        let part = Part6::of(frame, headers);
        if let Part6::Later(datagram) = part {
            return Ok(self.later_fragment6(frame, datagram, Some(slot))?.verdict);
        }
        let hop = match self.query6(frame, headers, &part) {
            Ok(Query6::Flow(packet)) => self.filter_flow6(frame, slot, &packet, &change),
            Ok(Query6::Error) => self.filter_error6(frame, headers, slot, &change),
            Err(reason) => Err(reason.into()),
        };
        if hop.is_err() {
            self.refuse_fragments6(part.begins());
        }
        let hop = hop?;
        change.apply(frame.octets_mut());
        clamp_mss6(frame, headers, uplink);
        Ok(self.forward_filtered6(frame, hop, slot, part.begins()))
    }

    fn filter_flow6(
        &mut self,
        frame: &mut Frame<'_>,
        slot: u8,
        packet: &Packet,
        change: &Change,
    ) -> Result<NextHop<u128>, Refusal> {
        let (plan, now) = (self.plan(), self.context.now);
        let flow = packet.inbound(change.address(), packet.source.address);
        let arrival = Arrival { flow, slot, external: packet.destination.address };
        let admitted = self.filter_and_held()?.0.match_inbound(packet, &flow, slot, plan, now);
        let admitted = admitted.map_err(|why| self.refuse_inbound6(frame, packet, slot, why))?;
        let hop = plan.internal_route6(change.address()).ok_or_else(no_route)?;
        self.check_length6(frame, hop.device)?;
        let (filter, held) = self.filter_and_held()?;
        filter.commit_inbound(admitted, packet, &arrival, held, plan, now)?;
        if let Some(position) = admitted.session() {
            filter.settle_inbound(position);
        }
        Ok(hop)
    }

    fn filter_error6(
        &mut self,
        frame: &Frame<'_>,
        headers: &Headers6,
        slot: u8,
        change: &Change,
    ) -> Result<NextHop<u128>, Refusal> {
        let (plan, now) = (self.plan(), self.context.now);
        let quote = quote6(frame.octets(), upper(headers))?;
        let internal = change.quoted_address().ok_or(DropReason::IcmpQuoteUnknown)?;
        self.filter_and_held()?.0.match_quote_inbound(&quote, internal, slot, plan, now)?;
        let hop = plan.internal_route6(change.address()).ok_or_else(no_route)?;
        self.check_length6(frame, hop.device)?;
        Ok(hop)
    }

    /// Hands a packet from the site over to the owner of its source, or of the host that the packet was for which an error quotes.
    #[inline]
    fn hand_to_sender6(&self, frame: &mut Frame<'_>, headers: &Headers6) -> Option<Verdict> {
        if self.owners.share().is_alone() {
            return None;
        }
        let quote = if is_error(headers) { quote6(frame.octets(), upper(headers)).ok() } else { None };
        let internal = quote.map_or_else(|| ipv6::source(frame.octets()), |quote| quote.destination.address);
        self.hand_over(frame, self.owners.of_address6(internal), Errand::Received)
    }

    /// What the filter sees in a packet, if the rest of its datagram can follow it.
    fn query6(&mut self, frame: &Frame<'_>, headers: &Headers6, part: &Part6) -> Result<Query6, DropReason> {
        self.check_fragment_room6(part)?;
        query6(frame.octets(), headers)
    }

    /// What the sender of an inbound packet is told that is not admitted: at first nothing, if the packet would open a connection
    /// (6092-R34, 6092-R39).
    fn refuse_inbound6(&mut self, frame: &mut Frame<'_>, packet: &Packet, slot: u8, why: NotAdmitted) -> Refusal {
        let (plan, now) = (self.plan(), self.context.now);
        let may_hold = packet.segment.is_held && packet.is_whole && plan.nat44.hold != Duration::default();
        if may_hold && why == NotAdmitted::Filtered {
            let received = packet.inbound(packet.destination.address, packet.source.address);
            if self.hold6(frame, slot, &received, now) {
                return why.reason().into();
            }
        }
        self.refuse_admission6(why)
    }

    fn hold6(&mut self, frame: &mut Frame<'_>, slot: u8, received: &Flow, now: crate::time::Instant) -> bool {
        let plan = self.plan();
        let Ok((filter, held)) = self.filter_and_held() else { return false };
        frame.finish_checksum();
        filter.hold_opening(held, slot, received, frame.octets(), plan, now)
    }

    /// What filtering refuses is answered only where the plan wants it.
    fn refuse_admission6(&self, why: NotAdmitted) -> Refusal {
        if why == NotAdmitted::Filtered && self.plan().nat44.refuse_filtered {
            return Refusal::with_error(why.reason(), IcmpError::unreachable6(PROHIBITED));
        }
        why.reason().into()
    }

    /// The filter, which the caller knows to be there, and the held packets of both families.
    fn filter_and_held(&mut self) -> Result<(&mut Filter, &mut HeldPackets), DropReason> {
        let filter = self.filter.as_deref_mut().ok_or(DropReason::NotProcessed)?;
        Ok((filter, self.nat44.held_packets()))
    }
}

/// What an internal host is told when no uplink is found for its packet.
fn refuse_steering(why: NotSteered, packet: &Packet) -> Refusal {
    let answer = match why {
        NotSteered::NoUplink { .. } => return no_uplink(packet.segment),
        // MWAN-2: it begins anew at once.
        NotSteered::UplinkDown { .. } if packet.segment.may_be_reset() => Answer::Reset,
        NotSteered::UplinkDown { is_told: true } => Answer::Error(IcmpError::unreachable6(NO_ROUTE)),
        NotSteered::UplinkDown { is_told: false } | NotSteered::Other(_) => Answer::Silence,
    };
    Refusal { reason: why.reason(), answer }
}

/// A soft error, so that the host tries again.
fn refuse_for_room(reason: DropReason) -> Refusal {
    Refusal::with_error(reason, IcmpError::unreachable6(ADDRESS_UNREACHABLE))
}
