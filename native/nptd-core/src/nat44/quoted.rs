//! ICMP errors and the packet they quote: RFC 5508 sections 4 and 5, RFC 4884.

use super::mapping::InternalKey;
use super::rewrite::{End, replace_endpoint};
use super::{Endpoint, ExternalFlow, Flow, Nat44, Protocol};
use crate::frame::ChecksumState;
use crate::plan::Plan;
use crate::time::Instant;
use crate::verdict::DropReason;
use crate::wire::checksum::internet_checksum;
use crate::wire::octets::{tail, tail_mut, u8_at};
use crate::wire::protocol::AUTHENTICATION;
use crate::wire::{icmp, ipv4};

/// The packet quoted in an error: where it lies in the ICMP message, and its two endpoints.
#[derive(Clone, Copy, Debug)]
pub struct Quote {
    len: usize,
    protocol: Protocol,
    source: Endpoint,
    destination: Endpoint,
}

/// What an outbound error is about: the uplink it leaves by and its external endpoint.
#[derive(Clone, Copy, Debug)]
pub struct OutboundQuote {
    /// The uplink.
    pub slot: u8,
    /// External endpoint of the quoted destination.
    pub external: Endpoint,
}

/// What an inbound error is about.
#[derive(Clone, Copy, Debug)]
pub struct InboundQuote {
    /// Internal endpoint of the quoted source.
    pub internal: Endpoint,
    /// What the internal host sees in place of the quoted destination, if that is another endpoint.
    pub apparent: Option<Endpoint>,
}

impl Quote {
    /// Checks an ICMP error (the whole packet, from its IP header on) and finds the packet it quotes;
    /// `other_protocols` as the plan says.
    pub fn locate(packet: &[u8], other_protocols: bool) -> Result<Self, DropReason> {
        let message = tail(packet, ipv4::header_len(packet));
        // 5508-R3.
        if internet_checksum(message) != 0 {
            return Err(DropReason::IcmpChecksumWrong);
        }
        let quoted = quoted_octets(message);
        let header_len = ipv4::header_len(quoted);
        // 5508-R3b: options are skipped by the header length; 6146-F3: no ports, no translation. 5508-R3c: the
        // quoted transport checksum is not looked at.
        let is_whole = quoted.len() >= ipv4::HEADER_LEN
            && ipv4::version(quoted) == 4
            && header_len >= ipv4::HEADER_LEN
            && quoted.len() >= header_len + 8;
        // 5508-R3a.
        if !is_whole || !ipv4::checksum_is_right(quoted) {
            return Err(DropReason::IcmpQuoteInvalid);
        }
        // 5508-S7.3.
        if ipv4::find_source_route(ipv4::options(quoted)) == Ok(true) {
            return Err(DropReason::Ipv4SourceRouted);
        }
        let transport = tail(quoted, header_len);
        let protocol = Protocol::from_number(ipv4::protocol(quoted));
        let is_translated = match ipv4::protocol(quoted) {
            AUTHENTICATION => false,
            _ => other_protocols || !protocol.is_portless(),
        };
        if ipv4::fragment_offset(quoted) != 0 || !is_translated {
            return Err(DropReason::IcmpQuoteUnknown);
        }
        // 6146-F4: no error about an error.
        let is_echo = matches!(icmp::kind(transport), icmp::v4::ECHO_REQUEST | icmp::v4::ECHO_REPLY);
        if protocol == Protocol::ICMP && !is_echo {
            return Err(DropReason::IcmpQuoteInvalid);
        }
        let (source_port, destination_port) = protocol.ports(transport);
        let source = Endpoint { address: ipv4::source(quoted), port: source_port };
        let destination = Endpoint { address: ipv4::destination(quoted), port: destination_port };
        // 4890-4.1 for IPv4, 5508-R7a: an error is for the sender of what it quotes.
        if source.address != ipv4::destination(packet) {
            return Err(DropReason::IcmpQuoteUnknown);
        }
        Ok(Self { len: quoted.len(), protocol, source, destination })
    }

    /// The quoted packet came in by an uplink and went to an internal host: seen from the site.
    pub fn as_inbound(&self) -> Flow {
        Flow { protocol: self.protocol, internal: self.destination, remote: self.protocol.remote(self.source) }
    }

    /// The quoted packet left by an uplink: seen from there.
    pub fn as_outbound(&self, slot: u8) -> ExternalFlow {
        let (protocol, external) = (self.protocol, self.source);
        ExternalFlow { slot, protocol, external, remote: self.protocol.remote(self.destination) }
    }
}

impl Nat44 {
    /// Finds what an error from the site is about (5508-R5); `hairpin` as in [`Nat44::steer_outbound`]. It refreshes
    /// nothing (7857-S7.1).
    pub fn match_quote_outbound(
        &mut self,
        quote: &Quote,
        hairpin: Option<u8>,
        plan: &Plan,
        now: Instant,
    ) -> Result<OutboundQuote, DropReason> {
        let now = now.tick();
        let flow = quote.as_inbound();
        if let Some(session) = self.find_outbound(&flow, hairpin, plan, now).and_then(|at| self.sessions.get(at)) {
            return Ok(OutboundQuote { slot: session.slot, external: session.external });
        }
        // Several hosts share a mapping without ports, and without a session nobody knows whose it is.
        if flow.protocol.is_portless() {
            return Err(DropReason::IcmpQuoteUnknown);
        }
        // Admitted UDP has no session (see `inbound`), but the mapping it came through.
        let mut mapping_on = |slot: u8| {
            let key = InternalKey { slot, protocol: flow.protocol, internal: flow.internal };
            self.find_live_mapping(key, plan, now)
        };
        // A hairpin may target an uplink that no policy prefers.
        let position = match hairpin {
            Some(slot) => mapping_on(slot),
            None => plan.preference().iter().find_map(|slot| mapping_on(*slot)),
        };
        let mapping = position.and_then(|position| self.mappings.get(position));
        let mapping = mapping.ok_or(DropReason::IcmpQuoteUnknown)?;
        Ok(OutboundQuote { slot: mapping.slot, external: mapping.external })
    }

    /// Finds the internal endpoint that an error from an uplink is for (5508-R4), whoever sent it (4787-R12a). It
    /// neither refreshes nor ends anything (4787-R12, 5382-R10, 5508-R6).
    pub fn match_quote_inbound(
        &self,
        quote: &Quote,
        slot: u8,
        plan: &Plan,
        now: Instant,
    ) -> Result<InboundQuote, DropReason> {
        let session = self.find_inbound(&quote.as_outbound(slot), plan, now.tick());
        let session = session.and_then(|position| self.sessions.get(position)).ok_or(DropReason::IcmpQuoteUnknown)?;
        let apparent = session.is_gateway_sourced().then_some(session.apparent);
        Ok(InboundQuote { internal: session.internal, apparent })
    }

    /// Finds what an error from a published host to the gateway is about, which stands for a client: the uplink, the external
    /// endpoint and the client.
    pub fn match_quote_gateway(&self, quote: &Quote, plan: &Plan, now: Instant) -> Option<(OutboundQuote, Endpoint)> {
        let position = self.find_gateway_sourced(&quote.as_inbound(), plan, now.tick())?;
        let session = self.sessions.get(position)?;
        Some((OutboundQuote { slot: session.slot, external: session.external }, session.remote))
    }
}

/// Rewrites an outbound error: outer source and quoted destination become external.
pub fn rewrite_outbound(packet: &mut [u8], quote: &Quote, external: Endpoint) {
    ipv4::replace_source(packet, external.address);
    rewrite_quote(packet, quote, End::Destination, external);
}

/// Rewrites an inbound error: outer destination and quoted source become internal, and the quoted destination what the
/// host sees in its place.
pub fn rewrite_inbound(packet: &mut [u8], quote: &Quote, about: &InboundQuote) {
    readdress(packet, quote, about.internal);
    if let Some(apparent) = about.apparent {
        rewrite_quote(packet, quote, End::Destination, apparent);
    }
}

/// Rewrites an error for somebody else: outer destination and quoted source become that endpoint.
pub fn readdress(packet: &mut [u8], quote: &Quote, receiver: Endpoint) {
    ipv4::replace_destination(packet, receiver.address);
    rewrite_quote(packet, quote, End::Source, receiver);
}

/// 3022-4.3: the quoted packet with its own checksums, and the checksum around it.
fn rewrite_quote(packet: &mut [u8], quote: &Quote, end: End, new: Endpoint) {
    let header_len = ipv4::header_len(packet);
    let message = tail_mut(packet, header_len);
    if let Some(quoted) = tail_mut(message, icmp::HEADER_LEN).get_mut(..quote.len) {
        replace_endpoint(quoted, quote.protocol, end, new, ChecksumState::Complete);
    }
    icmp::set_checksum(message, 0);
    let sum = internet_checksum(message);
    icmp::set_checksum(message, sum);
}

/// The quote of an ICMP message: all of the rest, or as many words as RFC 4884 says in octet 5 (5508-R3d).
fn quoted_octets(message: &[u8]) -> &[u8] {
    let rest = tail(message, icmp::HEADER_LEN);
    match usize::from(u8_at(message, 5)) * 4 {
        0 => rest,
        length => rest.get(..length).unwrap_or(rest),
    }
}
