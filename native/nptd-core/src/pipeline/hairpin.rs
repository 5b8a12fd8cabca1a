//! Hairpinning: an internal host reaches another one by its external endpoint (docs/decisions.md, "NAT44"). Both translations
//! are made, so that the receiver sees the sender's external endpoint (4787-R9, 4787-R9a, 5382-R8).

use super::classify::{EchoKind, Query, classify};
use super::forward::check_ttl;
use super::fragments::Part;
use super::ipv4::checksum4;
use super::parse::Headers4;
use super::transit::{Outcome, Refusal, Transit};
use crate::frame::{Errand, Frame};
use crate::nat44::quoted::{self, Quote};
use crate::nat44::rewrite::{End, replace_endpoint};
use crate::nat44::{Endpoint, ExternalFlow, Flow, Protocol};
use crate::session::fragments::Datagram;
use crate::session::segment::Segment;
use crate::session::steering::NotSteered;
use crate::verdict::{DropReason, Verdict};
use crate::wire::ipv4;

impl Transit<'_> {
    /// Takes a packet to an external address of an uplink through that uplink and back.
    pub fn hairpin4(&mut self, frame: &mut Frame<'_>, headers: &Headers4, slot: u8) -> Result<Outcome, Refusal> {
        check_ttl(frame.octets())?;
        let part = Part::of(frame);
        if let Some(verdict) = self.hand_home4(frame, &part) {
            return Ok(Outcome { verdict, slot: Some(slot) });
        }
        if let Part::Later(datagram) = part {
            return self.later_fragment4(frame, datagram, Some(slot), None);
        }
        let verdict = match self.query4(frame, headers, EchoKind::Either, &part) {
            Ok(Query::Error(quote)) => match self.hand_to_flow4(frame, &quote.as_inbound()) {
                Some(verdict) => Ok(verdict),
                None => self.hairpin_error4(frame, &quote, slot),
            },
            Ok(Query::Flow { protocol, source, destination, segment }) => {
                // Whole echo requests are answered by the host role: this one is in fragments.
                let is_answered = protocol == Protocol::ICMP && segment.opens;
                if is_answered && !self.plan().static_mappings().is_whole(slot, destination.address) {
                    Err(DropReason::IcmpTypeNotForwarded.into())
                } else {
                    let first = Flow { protocol, internal: source, remote: protocol.remote(destination) };
                    if let Some(verdict) = self.hand_to_flow4(frame, &first) {
                        return Ok(Outcome { verdict, slot: Some(slot) });
                    }
                    self.hairpin_flow4(frame, &first, destination, segment, slot, part.begins())
                }
            }
            Err(reason) => Err(self.refuse_outbound(reason, Segment::PLAIN)),
        };
        if verdict.is_err() {
            self.refuse_fragments(part.begins());
        }
        Ok(Outcome { verdict: verdict?, slot: Some(slot) })
    }

    fn hairpin_flow4(
        &mut self,
        frame: &mut Frame<'_>,
        first: &Flow,
        target: Endpoint,
        segment: Segment,
        slot: u8,
        begins: Option<Datagram>,
    ) -> Result<Verdict, Refusal> {
        let (plan, now, protocol) = (self.plan(), self.context.now, first.protocol);
        let steered = self.nat44.steer_outbound(first, segment, Some(slot), plan, now);
        let steered = steered.map_err(NotSteered::reason)?;
        let sender = self.nat44.commit_outbound(steered, first, segment, plan, now);
        let sender = sender.map_err(|reason| self.refuse_outbound(reason, segment))?;
        let sender = sender.ok_or(DropReason::NoMapping)?;
        self.arrive4(frame, Arrival { slot, protocol, sender, target }, segment, begins)
    }

    /// The second half: a packet that has been translated outbound, but not changed yet, is for an endpoint of its uplink.
    pub fn arrive4(
        &mut self,
        frame: &mut Frame<'_>,
        arrival: Arrival,
        segment: Segment,
        begins: Option<Datagram>,
    ) -> Result<Verdict, Refusal> {
        let (plan, now) = (self.plan(), self.context.now);
        let Arrival { slot, protocol, sender, target } = arrival;
        // The identifier of an echo is the same at both ends, and the sender's has been translated.
        let port = if protocol == Protocol::ICMP { sender.port } else { target.port };
        let external = Endpoint { address: target.address, port };
        let flow = ExternalFlow { slot, protocol, external, remote: protocol.remote(sender) };
        let owner = self.owners.of_external4(plan, &flow);
        if let Some(verdict) = self.hand_over(frame, owner, Errand::Arrive4 { slot, sender, target }) {
            return Ok(verdict);
        }
        let admitted = self.nat44.match_inbound(&flow, segment, plan, now);
        let admitted = admitted.map_err(|why| self.refuse_admission4(why))?;
        let hop = plan.internal_route4(admitted.internal.address).ok_or(DropReason::NoRoute)?;
        self.check_length4(frame, hop.device)?;
        let apparent = self.nat44.commit_inbound(admitted, &flow, segment, plan, now)?;
        let (checksum, received) = (checksum4(frame), ipv4::destination(frame.octets()));
        replace_endpoint(frame.octets_mut(), protocol, End::Source, apparent.unwrap_or(sender), checksum);
        self.renumber(frame, received);
        replace_endpoint(frame.octets_mut(), protocol, End::Destination, admitted.internal, checksum);
        Ok(self.forward_translated4(frame, hop, slot, begins))
    }

    /// The second half of a hairpin whose first half was another worker's, with its uplink; none for all other packets.
    pub fn arrive_handed4(
        &mut self,
        frame: &mut Frame<'_>,
        headers: &Headers4,
    ) -> Option<(u8, Result<Verdict, Refusal>)> {
        match frame.errand {
            Errand::Received | Errand::ForGateway | Errand::FirstFragment | Errand::Arrive6 => None,
            Errand::ArriveError4 { slot, received } => Some((slot, self.arrive_error4(frame, slot, received))),
            Errand::Arrive4 { slot, sender, target } => {
                let begins = Part::of(frame).begins();
                let query = classify(frame.octets(), headers, EchoKind::Either, self.plan().nat44.other_protocols);
                let verdict = match query {
                    Ok(Query::Flow { protocol, segment, .. }) => {
                        self.arrive4(frame, Arrival { slot, protocol, sender, target }, segment, begins)
                    }
                    Ok(Query::Error(_)) => Err(DropReason::NotProcessed.into()),
                    Err(reason) => Err(reason.into()),
                };
                if verdict.is_err() {
                    self.refuse_fragments(begins);
                }
                Some((slot, verdict))
            }
        }
    }

    /// 5508-R7, 7857-S12: an error about a hairpinned packet is hairpinned itself.
    fn hairpin_error4(&mut self, frame: &mut Frame<'_>, quote: &Quote, slot: u8) -> Result<Verdict, Refusal> {
        let about = self.nat44.match_quote_outbound(quote, Some(slot), self.plan(), self.context.now)?;
        let received = ipv4::destination(frame.octets());
        quoted::rewrite_outbound(frame.octets_mut(), quote, about.external);
        self.arrive_error4(frame, slot, received)
    }

    /// The second half of an error that has been rewritten outbound; `received` is its destination as received.
    pub fn arrive_error4(&mut self, frame: &mut Frame<'_>, slot: u8, received: u32) -> Result<Verdict, Refusal> {
        let (plan, now) = (self.plan(), self.context.now);
        let quote = Quote::locate(frame.octets(), plan.nat44.other_protocols)?;
        let owner = self.owners.of_external4(plan, &quote.as_outbound(slot));
        if let Some(verdict) = self.hand_over(frame, owner, Errand::ArriveError4 { slot, received }) {
            return Ok(verdict);
        }
        let about = self.nat44.match_quote_inbound(&quote, slot, plan, now)?;
        let hop = plan.internal_route4(about.internal.address).ok_or(DropReason::NoRoute)?;
        self.check_length4(frame, hop.device)?;
        quoted::rewrite_inbound(frame.octets_mut(), &quote, &about);
        self.renumber(frame, received);
        Ok(self.forward4(frame, hop))
    }
}

/// A hairpinned packet between its two translations.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The uplink.
    pub slot: u8,
    /// Protocol.
    pub protocol: Protocol,
    /// External endpoint of the sender.
    pub sender: Endpoint,
    /// External endpoint that it is for.
    pub target: Endpoint,
}
