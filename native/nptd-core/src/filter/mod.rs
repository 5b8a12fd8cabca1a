//! Stateful filter of IPv6: RFC 6092 (docs/decisions.md, "Filter"). It sees addresses as the site has them, so that nothing
//! here knows of translation.
//!
//! ```text
//!  outbound:  steer_outbound (session, or uplink of a new flow) ─▶ checks of the caller ─▶ commit_outbound
//!  inbound:   match_inbound  (session, or filtering)            ─▶ checks of the caller ─▶ commit_inbound
//! ```
//!
//! As in `nat44`, the question changes nothing and the commitment cannot be refused by the caller any more. There is a filter
//! while the plan asks for one: without it no packet looks for state, and none is kept (6092-R49).

mod endpoint;
mod express;
mod fragments;
mod inbound;
mod leaving;
mod outbound;
mod packet;
mod quoted;
mod rows;
mod session;

use alloc::sync::Arc;

use crate::arch::KeyedHash;
use crate::counters::Counters;
use crate::plan::Plan;
use crate::plan::rendezvous::Rendezvous;
use crate::session::fragments::FragmentTable;
use crate::session::graves::Graves;
use crate::session::remains::Remains;
use crate::session::round_trips::RoundTrips;
use crate::session::settled::Adoption;
use crate::session::wheel::Wheel;
use crate::share::Share;
use crate::table::{Index, Region, Slab};
use crate::time::{Duration, Instant, Tick};

pub use express::{Express, Hint, SettledSessions};
pub use fragments::{Datagram, Translation};
pub use inbound::{Admitted, Arrival, NotAdmitted};
pub use leaving::DueReset;
pub use outbound::Steered;
pub use packet::{Endpoint, Flow, Packet, Protocol, ProtocolKind};
pub use quoted::Quote;
pub use rows::FilterRow;

use endpoint::EndpointEntry;
use session::Session;

/// Octets that one session with an endpoint of its own takes: the session, its endpoint, and three index entries at 9 of 10 used.
/// 64 + 32 + 3 x 64 / 9.
pub const OCTETS_PER_SESSION: usize = size_of::<Session>() + size_of::<EndpointEntry>() + 3 * 64 / 9;
const _: () = assert!(OCTETS_PER_SESSION == 117);

/// Ticks that the wheel of sessions covers: 3.6 hours, more than the longest default lifetime.
const SESSION_WHEEL: u32 = 1 << 17;

/// No position.
const NONE: u32 = u32::MAX;

/// All state of the filter of one worker.
pub struct Filter {
    hash: KeyedHash,
    sessions: Slab<Session>,
    sessions_index: Index,
    endpoints: Slab<EndpointEntry>,
    endpoints_index: Index,
    groups: Index,
    wheel: Wheel,
    rendezvous: Rendezvous,
    /// Proof that uplinks live which probes doubt.
    pub round_trips: RoundTrips,
    counters: Arc<Counters>,
    /// Datagrams in fragments.
    pub fragments: FragmentTable<Datagram, Translation>,
    /// Where the sweep for entries of dead epochs goes on; none when there is nothing to sweep.
    sweep: Option<u32>,
    remains: Remains,
    /// Endpoints that have ended with very many sessions.
    graves: Graves,
    /// The plan that was adopted last.
    adoption: Adoption,
}

impl Filter {
    /// Allocates all tables of one worker; new sessions are counted.
    pub fn new(
        sessions_max: u32,
        hash_key: &[u8; 16],
        share: Share,
        rendezvous: Rendezvous,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            hash: KeyedHash::new(hash_key),
            sessions: Slab::new(sessions_max),
            sessions_index: Index::new(sessions_max),
            // What is buried leaves its room to others.
            endpoints: Slab::new(sessions_max + Graves::max(sessions_max)),
            endpoints_index: Index::new(sessions_max),
            groups: Index::new(sessions_max),
            wheel: Wheel::new(SESSION_WHEEL),
            rendezvous,
            round_trips: RoundTrips::default(),
            counters,
            fragments: FragmentTable::new(hash_key, share),
            sweep: None,
            remains: Remains::default(),
            graves: Graves::new(sessions_max),
            adoption: Adoption::FIRST,
        }
    }

    /// Follows a plan. Where an uplink that was gone is back with the same epoch, the sweep under the plan `before` is finished
    /// first: its dead sessions must not live again.
    pub fn adopt(&mut self, before: &Plan, plan: &Plan) {
        if self.remains.must_go_first(|slot| epoch_of(plan, slot)) {
            let mut budget = u32::MAX;
            self.sweep_dead_epochs(before, &mut budget);
        }
        self.remains.follow(|slot| epoch_of(before, slot), |slot| epoch_of(plan, slot));
        self.sweep = Some(0);
        self.adoption = self.adoption.next();
    }

    /// Removes sessions that have ended, at most `budget` steps of work; true while something is left to do.
    pub fn expire(&mut self, plan: &Plan, now: Instant, mut budget: u32) -> bool {
        let now = now.tick();
        self.empty_graves(&mut budget);
        self.sweep_dead_epochs(plan, &mut budget);
        if self.sessions.is_empty() {
            self.wheel.skip(now);
        }
        while let Some(position) = self.wheel.next_due(&mut self.sessions, now, &mut budget) {
            self.end_session(position);
        }
        !self.graves.is_empty() || self.sweep.is_some() || self.wheel.is_behind(now)
    }

    /// Whether nothing is left that time could end.
    pub fn is_idle(&self) -> bool {
        self.sessions.is_empty() && self.fragments.is_idle()
    }

    /// Memory of the tables.
    pub fn regions(&self) -> [Region; 5] {
        let (sessions, endpoints) = (self.sessions.region(), self.endpoints.region());
        let indices = [&self.sessions_index, &self.endpoints_index, &self.groups].map(Index::region);
        let [by_session, by_endpoint, groups] = indices;
        [sessions, endpoints, by_session, by_endpoint, groups]
    }

    /// Number of sessions that have not been removed.
    pub fn session_count(&self) -> u32 {
        self.sessions.len() as u32 - self.graves.sessions()
    }

    /// Ends sessions of dead epochs, and forgets under which older plan the others were settled.
    fn sweep_dead_epochs(&mut self, plan: &Plan, budget: &mut u32) {
        while let (Some(position), true) = (self.sweep, *budget > 0) {
            *budget -= 1;
            let Some(session) = self.sessions.get(position) else {
                self.sweep = None;
                self.remains.clear();
                return;
            };
            if session.is_in_use() && !epoch_is_current(plan, session.slot, session.epoch) {
                self.end_session(position);
            }
            if let Some(session) = self.sessions.get_mut(position) {
                session.settled.forget_before(self.adoption);
            }
            self.sweep = Some(position + 1);
        }
    }
}

/// Whether sessions of (slot, epoch) are still those of the plan's uplink.
fn epoch_is_current(plan: &Plan, slot: u8, epoch: u8) -> bool {
    epoch_of(plan, slot) == Some(epoch)
}

/// The epoch of an uplink that carries IPv6.
fn epoch_of(plan: &Plan, slot: u8) -> Option<u8> {
    plan.uplink(slot).filter(|uplink| uplink.ipv6.is_some()).map(|uplink| uplink.epoch)
}

/// When a lifetime that starts now ends.
fn end_of(now: Instant, lifetime: Duration) -> Tick {
    Tick::at_or_after(now.after(lifetime))
}
