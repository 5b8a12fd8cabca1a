//! What operators see of the filter.

use alloc::vec::Vec;

use super::session::Session;
use super::{Endpoint, Filter, Flow, Protocol};
use crate::plan::Plan;
use crate::plan::spec::FailureActionSpec;
use crate::session::tcp_state::TcpState;
use crate::time::Instant;

/// A live session of the filter.
#[derive(Clone, Copy, Debug)]
pub struct FilterRow {
    /// Protocol.
    pub protocol: Protocol,
    /// Internal endpoint, as the site has it.
    pub internal: Endpoint,
    /// The same as it is beyond the uplink, or as the site has it where it cannot be translated.
    pub external: Endpoint,
    /// Remote endpoint.
    pub remote: Endpoint,
    /// Its uplink.
    pub slot: u8,
    /// Number of its policy.
    pub policy: u8,
    /// State of the TCP machine.
    pub tcp_state: Option<TcpState>,
    /// Milliseconds until it ends if nothing refreshes it.
    pub expires_in_ms: u64,
}

impl Filter {
    /// Adds the live sessions at `from` and the `max` positions after it; returns where to go on, none at the end.
    pub fn rows(&self, from: u32, max: u32, plan: &Plan, now: Instant, rows: &mut Vec<FilterRow>) -> Option<u32> {
        let end = from.saturating_add(max).min(self.sessions.end());
        let live = |position| {
            self.sessions
                .get(position)
                .filter(|session| session.is_live(plan, now.tick()) && self.endpoint_of(session).is_some())
                .map(|session| (position, session))
        };
        rows.extend(
            (from..end).filter_map(live).filter_map(|(position, session)| self.row(position, session, plan, now)),
        );
        (end < self.sessions.end()).then_some(end)
    }

    /// The live session of a flow, and whether it stays on its uplink.
    pub fn explain_session(&self, flow: &Flow, plan: &Plan, now: Instant) -> Option<(FilterRow, bool)> {
        let position = self.find(flow, plan, now.tick(), |_| true)?;
        let session = self.sessions.get(position)?;
        let keeps = plan.policy(session.policy).action(session.protocol.number()) == FailureActionSpec::Keep;
        let stays = session.stays(plan) || keeps && !session.is_reset();
        Some((self.row(position, session, plan, now)?, stays))
    }

    fn row(&self, position: u32, session: &Session, plan: &Plan, now: Instant) -> Option<FilterRow> {
        let flow = self.flow_of(position)?;
        let internal = flow.internal;
        let pair = plan.uplink(session.slot).and_then(|uplink| uplink.pair_of_source6(internal.address));
        let external = pair.and_then(|pair| pair.outbound(internal.address, plan.nptv6).ok());
        Some(FilterRow {
            protocol: flow.protocol,
            internal,
            external: Endpoint { address: external.unwrap_or(internal.address), ..internal },
            remote: flow.remote,
            slot: session.slot,
            policy: session.policy,
            tcp_state: session.state,
            expires_in_ms: session.ends.ms_after(now),
        })
    }
}
