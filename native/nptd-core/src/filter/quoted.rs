//! Packets quoted in ICMPv6 errors: which flow they are of.

use super::endpoint::EndpointKey;
use super::{Endpoint, Filter, Flow, Protocol};
use crate::plan::Plan;
use crate::time::Instant;
use crate::verdict::DropReason;

/// A quoted packet: its protocol and both its endpoints.
#[derive(Clone, Copy, Debug)]
pub struct Quote {
    /// Protocol.
    pub protocol: Protocol,
    /// Where it came from.
    pub source: Endpoint,
    /// Where it went.
    pub destination: Endpoint,
}

impl Quote {
    /// Its flow if it came in by an uplink.
    fn as_inbound(&self) -> Flow {
        self.protocol.flow(self.destination, self.source)
    }

    /// Its flow if it left by an uplink, with its source address as the site has it.
    fn as_outbound(&self, internal: u128) -> Flow {
        self.protocol.flow(Endpoint { address: internal, ..self.source }, self.destination)
    }
}

impl Filter {
    /// Finds the uplink of what an error from the site is about; `hairpin` as in [`Filter::steer_outbound`]. It refreshes nothing.
    ///
    /// # Errors
    /// `IcmpQuoteUnknown` (6092-R10).
    pub fn match_quote_outbound(
        &mut self,
        quote: &Quote,
        hairpin: Option<u8>,
        plan: &Plan,
        now: Instant,
    ) -> Result<u8, DropReason> {
        let (flow, now) = (quote.as_inbound(), now.tick());
        let found = self.find(&flow, plan, now, |slot| hairpin.is_none_or(|target| slot == target));
        if let Some(session) = found.and_then(|position| self.sessions.get(position)) {
            return Ok(session.slot);
        }
        // What filtering lets in without a session has an endpoint, and that has one.
        let mut is_used = |slot: u8| {
            let key = EndpointKey { slot, protocol: flow.protocol, internal: flow.internal };
            self.has_live_session(key, plan, now)
        };
        let slot = match hairpin {
            Some(slot) => is_used(slot).then_some(slot),
            None => plan.preference().iter().copied().find(|slot| is_used(*slot)),
        };
        slot.ok_or(DropReason::IcmpQuoteUnknown)
    }

    /// Whether an error from an uplink is about a flow of the site; `internal` is the quoted source as the site has it. Errors of
    /// all types about all protocols pass (6092-R18, 6092-R23, 6092-R36, 6092-R41, 6092-R45) and change nothing.
    ///
    /// # Errors
    /// `IcmpQuoteUnknown` (6092-R10).
    pub fn match_quote_inbound(
        &self,
        quote: &Quote,
        internal: u128,
        slot: u8,
        plan: &Plan,
        now: Instant,
    ) -> Result<(), DropReason> {
        let found = self.find(&quote.as_outbound(internal), plan, now.tick(), |other| other == slot);
        found.map(|_| ()).ok_or(DropReason::IcmpQuoteUnknown)
    }
}
