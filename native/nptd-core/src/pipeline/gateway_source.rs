//! Packets from a published host to the gateway, which stands for a client (docs/decisions.md, "Published servers").

use super::classify::{EchoKind, Query, classify};
use super::forward::check_ttl;
use super::fragments::Part;
use super::hairpin::Arrival;
use super::ipv4::{checksum4, clamp_mss};
use super::parse::Headers4;
use super::transit::{Outcome, Refusal, Transit};
use crate::frame::Frame;
use crate::nat44::quoted::{self, OutboundQuote, Quote};
use crate::nat44::rewrite::{End, replace_endpoint};
use crate::nat44::{Endpoint, Flow, GatewaySourced};
use crate::plan::NextHop;
use crate::session::segment::Segment;
use crate::verdict::DropReason;
use crate::wire::ipv4;

impl Transit<'_> {
    /// Takes a packet to an internal address of the gateway to the client that the address stands for. None where it is for
    /// the gateway itself.
    pub fn forward_to_client4(
        &mut self,
        frame: &mut Frame<'_>,
        headers: &Headers4,
    ) -> Option<Result<Outcome, Refusal>> {
        let (plan, now) = (self.plan(), self.context.now);
        let part = Part::of(frame);
        if let Some(verdict) = self.hand_home4(frame, &part) {
            return Some(Ok(Outcome::local(verdict)));
        }
        if let Part::Later(datagram) = part {
            self.fragments.fate(&datagram, now.tick())?;
            return Some(self.later_fragment4(frame, datagram, None, None));
        }
        match classify(frame.octets(), headers, EchoKind::Request, plan.nat44.other_protocols).ok()? {
            Query::Flow { protocol, source, destination, segment } => {
                let flow = Flow { protocol, internal: source, remote: destination };
                if let Some(verdict) = self.hand_to_flow4(frame, &flow) {
                    return Some(Ok(Outcome::local(verdict)));
                }
                let found = self.nat44.find_gateway(&flow, plan, now)?;
                // The client may be an internal host itself, and then the packet is hairpinned.
                let is_hairpin = plan.is_external4(found.slot, found.remote.address);
                if let (true, Err(refusal)) = (is_hairpin, check_ttl(frame.octets())) {
                    return Some(Err(refusal));
                }
                let outcome = self.client_flow4(frame, Found { session: found, is_hairpin }, &flow, segment, &part);
                if outcome.is_err() {
                    self.refuse_fragments(part.begins());
                }
                Some(outcome)
            }
            Query::Error(quote) => {
                if let Some(verdict) = self.hand_to_flow4(frame, &quote.as_inbound()) {
                    return Some(Ok(Outcome::local(verdict)));
                }
                let (about, client) = self.nat44.match_quote_gateway(&quote, plan, now)?;
                Some(self.client_error4(frame, &quote, about, client))
            }
        }
    }

    fn client_flow4(
        &mut self,
        frame: &mut Frame<'_>,
        found: Found,
        flow: &Flow,
        segment: Segment,
        part: &Part,
    ) -> Result<Outcome, Refusal> {
        let Found { session, is_hairpin } = found;
        let (plan, now, slot, client) = (self.plan(), self.context.now, session.slot, session.remote);
        self.check_fragment_room(frame, part)?;
        let steered = self.nat44.steer_gateway(session, segment, is_hairpin, plan, now);
        let steered = steered.map_err(|why| self.refuse_steering(why, segment))?;
        let hop = if is_hairpin { None } else { Some(self.client_hop4(frame, slot, client)?) };
        let external = self.nat44.commit_outbound(steered, flow, segment, plan, now)?;
        let external = external.ok_or(DropReason::NoMapping)?;
        let Some(hop) = hop else {
            let arrival = Arrival { slot, protocol: flow.protocol, sender: external, target: client };
            let verdict = self.arrive4(frame, arrival, segment, part.begins())?;
            return Ok(Outcome { verdict, slot: Some(slot) });
        };
        self.send_to_client4(frame, flow, Ends { external, client }, segment, slot);
        let verdict = self.forward_translated4(frame, hop, slot, part.begins());
        Ok(Outcome { verdict, slot: Some(slot) })
    }

    fn send_to_client4(&mut self, frame: &mut Frame<'_>, flow: &Flow, ends: Ends, segment: Segment, slot: u8) {
        if let Some(uplink) = self.plan().uplink(slot) {
            clamp_mss(frame, uplink, segment);
        }
        let checksum = checksum4(frame);
        replace_endpoint(frame.octets_mut(), flow.protocol, End::Source, ends.external, checksum);
        replace_endpoint(frame.octets_mut(), flow.protocol, End::Destination, ends.client, checksum);
        self.renumber(frame, flow.remote.address);
    }

    fn client_error4(
        &mut self,
        frame: &mut Frame<'_>,
        quote: &Quote,
        about: OutboundQuote,
        client: Endpoint,
    ) -> Result<Outcome, Refusal> {
        let slot = about.slot;
        let is_hairpin = self.plan().is_external4(slot, client.address);
        if is_hairpin {
            check_ttl(frame.octets())?;
        }
        let hop = if is_hairpin { None } else { Some(self.client_hop4(frame, slot, client)?) };
        let received = ipv4::destination(frame.octets());
        quoted::rewrite_outbound(frame.octets_mut(), quote, about.external);
        quoted::readdress(frame.octets_mut(), quote, client);
        let verdict = match hop {
            Some(hop) => {
                self.renumber(frame, received);
                self.forward4(frame, hop)
            }
            None => self.arrive_error4(frame, slot, received)?,
        };
        Ok(Outcome { verdict, slot: Some(slot) })
    }

    fn client_hop4(&self, frame: &Frame<'_>, slot: u8, client: Endpoint) -> Result<NextHop<u32>, Refusal> {
        let uplink = self.plan().uplink(slot).ok_or(DropReason::NoUplink)?;
        let hop = uplink.next_hop4(self.device(uplink.device)?, client.address);
        self.check_forward4(frame, hop.device)?;
        Ok(hop)
    }
}

/// The session of a packet to a client.
#[derive(Clone, Copy)]
struct Found {
    session: GatewaySourced,
    /// Whether the client is an internal host.
    is_hairpin: bool,
}

/// What both endpoints of a packet to a client become.
#[derive(Clone, Copy)]
struct Ends {
    external: Endpoint,
    client: Endpoint,
}
