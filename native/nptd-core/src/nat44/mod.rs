//! Stateful NAT44 with port translation: RFC 4787, 5382, 5508.
//!
//! ```text
//!  outbound:  steer_outbound (session, or uplink of a new flow)  ─▶ checks of the caller ─▶ commit_outbound ─▶ rewrite
//!  inbound:   match_inbound  (session, or mapping and filtering) ─▶ checks of the caller ─▶ commit_inbound  ─▶ rewrite
//! ```
//!
//! The question changes nothing and the commitment cannot be refused by the caller any more, so a packet that
//! dies of its TTL or its length leaves no state behind. Hairpinning is the outbound half followed by the inbound.

mod burial;
mod expiry;
mod express;
mod groups;
mod host_counts;
mod hosts;
mod identification;
mod inbound;
mod leaving;
mod mapping;
mod opening;
mod outbound;
mod port_hash;
mod port_list;
mod port_pool;
mod published;
pub mod quoted;
mod rests;
pub mod rewrite;
mod room;
mod rows;
mod session;

use alloc::sync::Arc;

use crate::arch::KeyedHash;
use crate::counters::Counters;
use crate::plan::Plan;
use crate::plan::rendezvous::Rendezvous;
use crate::plan::subject::{Addresses, Subject};
use crate::session::graves::Graves;
use crate::session::held::HeldPackets;
use crate::session::remains::Remains;
use crate::session::round_trips::RoundTrips;
use crate::session::settled::Adoption;
use crate::session::wheel::Wheel;
use crate::share::Share;
use crate::table::{Index, Region, Slab};
use crate::time::{Duration, Instant, TICK_US, Tick};

pub use crate::session::endpoint::Endpoint;
pub use crate::session::protocol::{Protocol, ProtocolKind};
pub use express::{Express, SettledSessions};
pub use host_counts::HostCounts;
pub use inbound::{Admitted, NotAdmitted};
pub use leaving::DueReset;
pub use opening::{Opener, Opening, Openings};
pub use outbound::Steered;
pub use published::GatewaySourced;
pub use rests::PortRest;
pub use rows::{MappingRow, SessionRow};

use expiry::Endings;
use hosts::Hosts;
use identification::Identifications;
use mapping::Mapping;
use port_pool::PortPools;
use session::Session;

/// Octets that one session with a mapping of its own takes: the session, its mapping, and four index entries at 9 of 10 used.
/// 64 + 32 + 4 x 64 / 9. (Ports, wheels and marks of free places add 3, a host takes 55. Where a mapping has sessions with several
/// addresses, each but one takes an index entry more.)
pub const OCTETS_PER_SESSION: usize = size_of::<Session>() + size_of::<Mapping>() + 4 * 64 / 9;
const _: () = assert!(OCTETS_PER_SESSION == 124);

/// Ticks that the wheel of sessions covers: 3.6 hours, more than the longest default lifetime.
const SESSION_WHEEL: u32 = 1 << 17;
/// Ticks that the wheel of resting mappings covers: 13 minutes.
const REST_WHEEL: u32 = 1 << 13;

/// A packet's protocol and both its endpoints, seen from the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Protocol.
    pub protocol: Protocol,
    /// Endpoint inside the site.
    pub internal: Endpoint,
    /// Endpoint on the Internet; of an ICMP query with port 0.
    pub remote: Endpoint,
}

impl Flow {
    /// What policies see of a packet of it with a DSCP.
    pub const fn subject(&self, dscp: u8) -> Subject {
        Subject {
            addresses: Addresses::V4 { source: self.internal.address, destination: self.remote.address },
            protocol: self.protocol.number(),
            ports: (self.internal.port, self.remote.port),
            has_ports: self.protocol.has_port_ranges(),
            dscp,
        }
    }
}

/// A packet's protocol and endpoints, seen from an uplink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExternalFlow {
    /// Uplink it arrived on, or is hairpinned through.
    pub slot: u8,
    /// Protocol.
    pub protocol: Protocol,
    /// Endpoint of a mapping.
    pub external: Endpoint,
    /// Endpoint on the Internet.
    pub remote: Endpoint,
}

/// How much the tables hold.
#[derive(Clone, Copy, Debug)]
pub struct Capacities {
    /// Live and resting mappings.
    pub mappings: u32,
    /// Sessions.
    pub sessions: u32,
    /// Internal addresses with mappings or sessions.
    pub hosts: u32,
}

/// Secrets, random per boot.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// Key of port choice.
    pub secret: &'a [u8; 16],
    /// Key of the tables.
    pub hash: &'a [u8; 16],
}

/// All NAT44 state of one worker.
pub struct Nat44 {
    hash: KeyedHash,
    share: Share,
    sessions: Slab<Session>,
    sessions_outbound: Index,
    sessions_inbound: Index,
    groups: Index,
    session_wheel: Wheel,
    mappings: Slab<Mapping>,
    mappings_internal: Index,
    mappings_external: Index,
    rest_wheel: Wheel,
    pools: PortPools,
    hosts: Hosts,
    identifications: Identifications,
    rendezvous: Rendezvous,
    /// Proof that uplinks live which probes doubt.
    pub round_trips: RoundTrips,
    counters: Arc<Counters>,
    held: HeldPackets,
    mappings_live: u32,
    mappings_max: u32,
    graves: Graves,
    /// Sessions whose host sees the gateway as its client.
    gateway_sourced: u32,
    /// Where the sweep for entries of dead epochs goes on; none when there is nothing to sweep.
    sweep: Option<u32>,
    remains: Remains,
    endings: Endings,
    /// The plan that was adopted last.
    adoption: Adoption,
}

impl Nat44 {
    /// Allocates all tables of one worker. New sessions are counted; `hosts` is what all workers know of internal hosts, if there
    /// are several.
    pub fn new(
        max: Capacities,
        keys: Keys<'_>,
        share: Share,
        hosts: Option<Arc<HostCounts>>,
        counters: Arc<Counters>,
    ) -> Self {
        let hash = KeyedHash::new(keys.hash);
        Self {
            hash,
            share,
            sessions: Slab::new(max.sessions),
            sessions_outbound: Index::new(max.sessions),
            sessions_inbound: Index::new(max.sessions),
            groups: Index::new(max.sessions),
            session_wheel: Wheel::new(SESSION_WHEEL),
            // What is buried leaves its room to others.
            mappings: Slab::new(max.mappings + Graves::max(max.sessions)),
            mappings_internal: Index::new(max.mappings),
            mappings_external: Index::new(max.mappings),
            rest_wheel: Wheel::new(REST_WHEEL),
            pools: PortPools::new(keys.secret, share),
            hosts: Hosts::new(max.hosts, hash, hosts),
            identifications: Identifications::new(keys.secret, share),
            rendezvous: Rendezvous::new(keys.secret),
            round_trips: RoundTrips::default(),
            counters,
            held: HeldPackets::new(keys.hash, share),
            mappings_live: 0,
            mappings_max: max.mappings,
            graves: Graves::new(max.sessions),
            gateway_sourced: 0,
            sweep: None,
            remains: Remains::default(),
            endings: Endings::new(),
            adoption: Adoption::FIRST,
        }
    }

    /// Follows a plan: pools of uplinks whose epoch changed begin anew, and a sweep collects what died with the old.
    ///
    /// Where an uplink that was gone, or without NAT44, is back with the same epoch, the sweep under the plan `before` is finished
    /// first: its dead sessions would live again on ports that its new pool knows nothing of.
    pub fn adopt(&mut self, before: &Plan, plan: &Plan) {
        if self.remains.must_go_first(|slot| epoch_of(plan, slot)) {
            let mut budget = u32::MAX;
            self.sweep_dead_epochs(before, &mut budget);
        }
        self.remains.follow(|slot| epoch_of(before, slot), |slot| epoch_of(plan, slot));
        if self.pools.adopt(plan) {
            self.tell_pools(plan);
        }
        if !self.share.is_alone() && before.static_mappings() != plan.static_mappings() {
            self.end_misled(plan);
        }
        self.sweep = Some(0);
        self.adoption = self.adoption.next();
    }

    /// Memory of the tables.
    pub fn regions(&self) -> [Region; 7] {
        let indices = [
            &self.sessions_outbound,
            &self.sessions_inbound,
            &self.groups,
            &self.mappings_internal,
            &self.mappings_external,
        ];
        let [a, b, c, d, e] = indices.map(Index::region);
        [self.sessions.region(), self.mappings.region(), a, b, c, d, e]
    }

    /// Whether nothing is left that time could end.
    pub fn is_idle(&self) -> bool {
        self.sessions.is_empty() && self.mappings.is_empty()
    }

    /// Number of sessions that have not been removed.
    pub fn session_count(&self) -> u32 {
        self.sessions.len() as u32 - self.graves.sessions()
    }

    /// Number of mappings in use, without the resting ones.
    pub fn mapping_count(&self) -> u32 {
        self.mappings_live
    }

    /// Reserves an echo identifier of an uplink's first address for the gateway's own probes, so that no internal
    /// host gets it (3022-2.2): the wanted one, or the next that is free. None where the uplink has no pool.
    pub fn reserve_identifier(&mut self, slot: u8, wanted: u16) -> Option<u16> {
        self.pools.reserve_identifier(slot, wanted)
    }

    /// The identification of a packet that leaves in our own name (6864-5.3.1, 7857-S10, 3022-6.3).
    pub fn next_identification(&mut self, source: u32, destination: u32, protocol: u8, count: u16) -> u16 {
        self.identifications.next(source, destination, protocol, count)
    }

    /// What shares new flows among uplinks.
    pub fn rendezvous(&self) -> &Rendezvous {
        &self.rendezvous
    }

    /// Held packets, those of the filter of IPv6 too: one store bounds them all.
    pub fn held_packets(&mut self) -> &mut HeldPackets {
        &mut self.held
    }
}

/// Whether sessions and mappings of (slot, epoch) are still those of the plan's uplink.
fn epoch_is_current(plan: &Plan, slot: u8, epoch: u8) -> bool {
    epoch_of(plan, slot) == Some(epoch)
}

/// The epoch of an uplink with NAT44.
fn epoch_of(plan: &Plan, slot: u8) -> Option<u8> {
    plan.uplink(slot).filter(|uplink| uplink.translates4()).map(|uplink| uplink.epoch)
}

/// A lifetime in ticks, rounded up.
fn ticks(span: Duration) -> u32 {
    span.as_micros().div_ceil(TICK_US) as u32
}

/// When a lifetime that starts now ends.
fn end_of(now: Instant, lifetime: Duration) -> Tick {
    Tick::at_or_after(now.after(lifetime))
}
