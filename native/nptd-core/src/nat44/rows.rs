//! What operators see of the tables.

use alloc::vec::Vec;

use super::session::Session;
use super::{Endpoint, Flow, Nat44, Protocol};
use crate::plan::Plan;
use crate::plan::spec::FailureActionSpec;
use crate::session::tcp_state::TcpState;
use crate::time::Instant;

/// A live session.
#[derive(Clone, Copy, Debug)]
pub struct SessionRow {
    /// Protocol.
    pub protocol: Protocol,
    /// Internal endpoint.
    pub internal: Endpoint,
    /// External endpoint.
    pub external: Endpoint,
    /// Remote endpoint.
    pub remote: Endpoint,
    /// What the internal host sees in place of the remote endpoint, if that is another one.
    pub apparent: Option<Endpoint>,
    /// Its uplink.
    pub slot: u8,
    /// Number of its policy.
    pub policy: u8,
    /// State of the TCP machine.
    pub tcp_state: Option<TcpState>,
    /// Milliseconds until it ends if nothing refreshes it.
    pub expires_in_ms: u64,
}

/// A live mapping.
#[derive(Clone, Copy, Debug)]
pub struct MappingRow {
    /// Protocol.
    pub protocol: Protocol,
    /// Internal endpoint.
    pub internal: Endpoint,
    /// External endpoint.
    pub external: Endpoint,
    /// Its uplink.
    pub slot: u8,
    /// Number of its sessions.
    pub sessions: u32,
}

impl Nat44 {
    /// Adds the live sessions at `from` and the `max` positions after it; returns where to go on, none at the end.
    pub fn session_rows(
        &self,
        from: u32,
        max: u32,
        plan: &Plan,
        now: Instant,
        rows: &mut Vec<SessionRow>,
    ) -> Option<u32> {
        let end = from.saturating_add(max).min(self.sessions.end());
        let live = (from..end).filter_map(|position| self.sessions.get(position));
        rows.extend(live.filter(|session| self.is_live(session, plan, now.tick())).map(|session| row(session, now)));
        (end < self.sessions.end()).then_some(end)
    }

    /// The live session of a flow, and whether it stays on its uplink.
    pub fn explain_session(&self, flow: &Flow, plan: &Plan, now: Instant) -> Option<(SessionRow, bool)> {
        let session = self.sessions.get(self.find_outbound(flow, None, plan, now.tick())?)?;
        let keeps = plan.policy(session.policy).action(session.protocol.number()) == FailureActionSpec::Keep;
        Some((row(session, now), session.stays(plan) || keeps && !session.is_reset()))
    }

    /// The same for live mappings.
    pub fn mapping_rows(
        &self,
        from: u32,
        max: u32,
        plan: &Plan,
        now: Instant,
        rows: &mut Vec<MappingRow>,
    ) -> Option<u32> {
        let end = from.saturating_add(max).min(self.mappings.end());
        let live = (from..end).filter_map(|position| self.mappings.get(position));
        rows.extend(live.filter(|mapping| self.lists_live_session(mapping, plan, now.tick())).map(|mapping| {
            MappingRow {
                protocol: mapping.protocol,
                internal: mapping.internal,
                external: mapping.external,
                slot: mapping.slot,
                sessions: mapping.sessions(),
            }
        }));
        (end < self.mappings.end()).then_some(end)
    }
}

fn row(session: &Session, now: Instant) -> SessionRow {
    SessionRow {
        protocol: session.protocol,
        internal: session.internal,
        external: session.external,
        remote: session.remote,
        apparent: session.is_gateway_sourced().then_some(session.apparent),
        slot: session.slot,
        policy: session.policy,
        tcp_state: session.tcp,
        expires_in_ms: session.ends.ms_after(now),
    }
}
