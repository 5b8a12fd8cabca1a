//! The order of the parts: frames in, verdicts and outputs out. Owns no detail.

mod classify;
mod classify6;
mod exempt;
pub mod explain;
mod express;
mod filtered6;
mod forward;
mod fragments;
mod fragments6;
mod gateway_source;
pub mod group;
mod hairpin;
mod held;
mod ipv4;
mod ipv6;
mod leaving;
mod link;
mod mss;
pub mod own_errors;
mod owners;
mod parse;
mod probe_service;
mod query6;
mod subject;
mod super_packets;
mod transit;
mod workers;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::counters::{Counters, Direction};
use crate::filter::{Filter, FilterRow};
use crate::frame::{DeviceIndex, FRAME_BATCH_MAX, FRAME_LEN_MAX, Frame, HEADROOM, Offloads};
use crate::host::context::Context;
use crate::host::duplicate_addresses::AddressConflict;
use crate::host::link_duties::LinkDuties;
use crate::host::neighbours::{Neighbours, Received};
use crate::host::probes::conversations::{ProbeConclusion, ProbeRequest};
use crate::host::probes::{Family as ProbeFamily, ProbeSample, ProbeSpec, Probes};
use crate::nat44::{Capacities, Keys, MappingRow, Nat44, PortRest, SessionRow};
use crate::news::Outbox;
use crate::output::OutputPool;
use crate::plan::{DEVICES_MAX, Plan, SLOTS_MAX};
use crate::session::fragments::FragmentTable;
use crate::session::leaving::Step;
use crate::session::round_trips::RoundTrip;
use crate::share::Share;
use crate::super_packet;
use crate::table::Region;
use crate::time::{Duration, Instant};
use crate::verdict::{OutputKind, Suppressed, Verdict};
use crate::wire::ethernet;

use express::Survey;
use leaving::Sweep;
use link::Carries;
use own_errors::OwnErrors;
use owners::Owners;
use transit::{Outcome, Transit};
use workers::Common;

/// Steps of expiry after each batch: with 64 frames a batch, 16 times what a flood of new flows can add, and well below a
/// millisecond.
const EXPIRE_BUDGET: u32 = 1_024;

/// How often ended sessions are swept while nothing else happens. Lookups never return an ended one, so this only
/// decides when memory and ports come back.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Capacities and secrets of an engine: fixed for its life.
#[derive(Clone, Copy, Debug)]
pub struct EngineConfig {
    /// Most live and resting NAT44 mappings.
    pub mappings_max: u32,
    /// Most NAT44 sessions.
    pub sessions_max: u32,
    /// Most sessions of the IPv6 filter; their tables are there while a plan has the filter.
    pub filter_sessions_max: u32,
    /// Most internal addresses that hold mappings or sessions.
    pub hosts_max: u32,
    /// Most neighbours over all devices.
    pub neighbours_max: u32,
    /// Key of port choice and probe tokens, random per boot.
    pub secret: [u8; 16],
    /// Key of the tables' hash, random per boot.
    pub hash_key: [u8; 16],
}

impl EngineConfig {
    /// What one worker has of the tables. A host may have flows on all of them.
    fn capacities(&self, share: Share) -> Capacities {
        let (mappings, sessions) = (share.of_capacity(self.mappings_max), share.of_capacity(self.sessions_max));
        Capacities { mappings, sessions, hosts: self.hosts_max }
    }
}

/// One worker's data path.
pub struct Engine {
    plan: Arc<Plan>,
    counters: Arc<Counters>,
    nat44: Nat44,
    filter: Option<Filter>,
    filter_sessions_max: u32,
    hash_key: [u8; 16],
    fragments: FragmentTable,
    neighbours: Neighbours,
    duties: LinkDuties,
    probes: Probes,
    errors: OwnErrors,
    owners: Owners,
    outbox: Outbox,
    /// Uplinks that probes doubt, by family, as the host role knows it.
    doubted: (u16, u16),
    /// Echo identifiers of our own probes, by slot.
    probe_identifiers: [Option<u16>; SLOTS_MAX],
    /// Where the look at all sessions goes on that a new plan calls for; none while there is no need.
    leaving: Option<Sweep>,
    last_sweep: Instant,
    offloads: [Offloads; DEVICES_MAX],
    scratch: Vec<u8>,
    /// There but while a batch is under way.
    survey: Option<Box<Survey>>,
}

impl Engine {
    /// Allocates everything the engine will ever use. It starts with an empty plan, which drops every frame.
    pub fn new(config: EngineConfig, counters: Arc<Counters>) -> Self {
        Self::of_group(&config, Share::ALONE, &Common::alone(), counters)
    }

    /// The engine of one worker.
    fn of_group(config: &EngineConfig, share: Share, common: &Common, counters: Arc<Counters>) -> Self {
        let keys = Keys { secret: &config.secret, hash: &config.hash_key };
        let hosts = common.hosts.clone();
        Self {
            plan: Arc::new(Plan::empty()),
            nat44: Nat44::new(config.capacities(share), keys, share, hosts, Arc::clone(&counters)),
            counters,
            filter: None,
            filter_sessions_max: share.of_capacity(config.filter_sessions_max),
            hash_key: config.hash_key,
            fragments: FragmentTable::new(&config.hash_key, share),
            neighbours: Neighbours::new(config.neighbours_max, config.hash_key),
            duties: LinkDuties::new(config.hash_key),
            probes: Probes::new(config.secret),
            errors: common.errors.clone(),
            owners: Owners::new(share, &config.secret),
            outbox: Outbox::new(share),
            doubted: (0, 0),
            probe_identifiers: [None; SLOTS_MAX],
            leaving: None,
            last_sweep: Instant::default(),
            offloads: [Offloads::default(); DEVICES_MAX],
            scratch: alloc::vec![0; HEADROOM + FRAME_LEN_MAX],
            survey: Some(Box::new(Survey::new())),
        }
    }

    /// Says what a device takes although it is not finished; nothing, unless said.
    pub fn set_offloads(&mut self, device: DeviceIndex, offloads: Offloads) {
        if let Some(place) = self.offloads.get_mut(usize::from(device.0)) {
            *place = offloads;
        }
    }

    /// Takes over a plan, between two batches.
    pub fn adopt(&mut self, plan: Arc<Plan>) {
        self.nat44.adopt(&self.plan, &plan);
        match &mut self.filter {
            Some(filter) if plan.filter6.is_some() => filter.adopt(&self.plan, &plan),
            // 6092-R49, 6296-7: switched off, nothing is left of it.
            Some(_) => self.filter = None,
            None => {
                let rendezvous = *self.nat44.rendezvous();
                let counters = Arc::clone(&self.counters);
                let share = self.owners.share();
                let make = || Filter::new(self.filter_sessions_max, &self.hash_key, share, rendezvous, counters);
                self.filter = plan.filter6.is_some().then(make);
            }
        }
        self.neighbours.adopt(&plan);
        if self.has_host_role() {
            self.duties.adopt(&plan);
        }
        self.leaving = plan.resets().then(Sweep::default);
        self.plan = plan;
        // A pool that began anew has forgotten which identifiers are ours.
        for (slot, identifier) in (0u8..).zip(&mut self.probe_identifiers) {
            if let Some(wanted) = *identifier {
                *identifier = Some(self.nat44.reserve_identifier(slot, wanted).unwrap_or(wanted));
            }
        }
    }

    /// Generation of the plan in force.
    pub fn generation(&self) -> u64 {
        self.plan.generation
    }

    /// Processes a batch of at most [`crate::frame::FRAME_BATCH_MAX`] frames: sets verdict and egress of each,
    /// counts it, and adds extra outputs to the pool.
    pub fn process(&mut self, frames: &mut [Frame<'_>], now: Instant, outputs: &mut OutputPool) {
        self.process_following(frames, 0, now, outputs);
    }

    /// The same for frames whose outputs follow them from a position of a batch on.
    fn process_following(&mut self, frames: &mut [Frame<'_>], position: usize, now: Instant, outputs: &mut OutputPool) {
        let plan = Arc::clone(&self.plan);
        let counters = Arc::clone(&self.counters);
        let mut survey = self.survey.take().unwrap_or_else(|| Box::new(Survey::new()));
        let mut transit = self.transit(&plan, &counters, now, outputs);
        for (first, batch) in (0..).step_by(FRAME_BATCH_MAX).zip(frames.chunks_mut(FRAME_BATCH_MAX)) {
            let mut expressway = transit.survey(batch, &mut survey);
            let mut at = transit.express(batch, 0, &mut survey, &mut expressway);
            // Of those that are left: the others had sessions.
            transit.survey_openings(batch, at, &mut survey);
            while let Some(frame) = batch.get_mut(at) {
                transit.context.outputs.follow(position + first + at);
                if !transit.open4(frame, &mut survey, &mut expressway, at) {
                    expressway.forget_way();
                    transit.process_long(frame, expressway.direction());
                }
                at += 1;
                // What was found to have no session has none by now that is settled.
                if !survey.begins_flow(at) {
                    at = transit.express(batch, at, &mut survey, &mut expressway);
                }
            }
        }
        self.survey = Some(survey);
    }

    /// Does what time demands: what [`Self::poll`] does, the answers to held packets, and a small step of [`Self::sweep_left`], whose
    /// answer it gives. To be called after each batch, and at [`Self::next_wakeup`].
    pub fn tick(&mut self, now: Instant, outputs: &mut OutputPool) -> bool {
        self.poll(now, outputs);
        let plan = Arc::clone(&self.plan);
        let counters = Arc::clone(&self.counters);
        self.transit(&plan, &counters, now, outputs).answer_held();
        self.sweep_left(Step::SMALL, now, outputs)
    }

    /// Resets some of the connections whose uplink is to be left since the last plan, and tells their hosts; true while there are
    /// sessions to be looked at. Whoever has time may do more of it than [`Self::tick`] does, which wants to be called again at once
    /// until it is over.
    pub fn sweep_left(&mut self, step: Step, now: Instant, outputs: &mut OutputPool) -> bool {
        let Some(mut sweep) = self.leaving else { return false };
        let plan = Arc::clone(&self.plan);
        let counters = Arc::clone(&self.counters);
        let goes_on = self.transit(&plan, &counters, now, outputs).sweep_left(&mut sweep, step);
        self.leaving = goes_on.then_some(sweep);
        goes_on
    }

    /// Expiry within a budget, address resolution, router advertisements, probes.
    pub fn poll(&mut self, now: Instant, outputs: &mut OutputPool) {
        let is_behind = self.nat44.expire(&self.plan, now, EXPIRE_BUDGET)
            | self.expire_filter(now, EXPIRE_BUDGET)
            | self.expire_fragments(now, EXPIRE_BUDGET);
        if !is_behind {
            self.last_sweep = now;
        }
        let plan = Arc::clone(&self.plan);
        let counters = Arc::clone(&self.counters);
        let mut transit = self.transit(&plan, &counters, now, outputs);
        transit.neighbours.poll(&mut transit.context);
        transit.tell_all_undelivered();
        transit.duties.poll(&mut transit.context, transit.neighbours);
        transit.probes.poll(&mut transit.context, transit.neighbours);
        self.watch_doubted();
    }

    /// Tells the links that the gateway stops being their router, where this engine has the host role; nothing is to be called after it.
    pub fn farewell(&mut self, now: Instant, outputs: &mut OutputPool) {
        let plan = Arc::clone(&self.plan);
        let counters = Arc::clone(&self.counters);
        let mut transit = self.transit(&plan, &counters, now, outputs);
        transit.duties.advertisements.farewell(&mut transit.context, transit.neighbours);
    }

    /// Removes everything that has ended, however much it is: for translators that are driven packet by packet and
    /// must not depend on how often they are called.
    pub fn settle(&mut self, now: Instant) {
        while self.nat44.expire(&self.plan, now, u32::MAX) {}
        while self.expire_filter(now, u32::MAX) {}
        while self.expire_fragments(now, u32::MAX) {}
    }

    /// When [`Self::tick`] has something to do next; none while there is nothing.
    pub fn next_wakeup(&self) -> Option<Instant> {
        let is_idle =
            self.nat44.is_idle() && self.fragments.is_idle() && self.filter.as_ref().is_none_or(Filter::is_idle);
        let sweep = (!is_idle).then(|| self.last_sweep.after(SWEEP_INTERVAL));
        let held = self.nat44.held_until().map(Instant::at);
        let leaving = self.leaving.map(|_| Instant::default());
        let host = [self.neighbours.next_wakeup(), self.duties.next_wakeup(), self.probes.next_wakeup()];
        [sweep, held, leaving].into_iter().chain(host).flatten().min()
    }

    /// Sends a complete frame of the control plane out of a device; false if there is no room or no such device.
    pub fn inject(&mut self, device: DeviceIndex, octets: &[u8], outputs: &mut OutputPool) -> bool {
        if self.plan.device(device).is_none() {
            return false;
        }
        let Some(space) = outputs.allocate(octets.len(), device, OutputKind::Injected) else {
            return false;
        };
        space.copy_from_slice(octets);
        self.counters.record_output(OutputKind::Injected);
        true
    }

    /// Replaces what is probed; identifiers of IPv4 probes are taken from the uplinks' pools (3022-2.2).
    pub fn set_probes(&mut self, mut specs: Vec<ProbeSpec>, now: Instant) {
        for spec in &mut specs {
            let Some(place) = self.probe_identifiers.get_mut(usize::from(spec.slot)) else { continue };
            let identifier = match (*place, spec.family) {
                (Some(identifier), _) => identifier,
                (None, ProbeFamily::V6) => spec.identifier,
                (None, ProbeFamily::V4) => {
                    let wanted = spec.identifier;
                    *place.insert(self.nat44.reserve_identifier(spec.slot, wanted).unwrap_or(wanted))
                }
            };
            spec.identifier = identifier;
        }
        self.probes.set(specs, now);
    }

    /// The next finished probe.
    pub fn take_probe_sample(&mut self) -> Option<ProbeSample> {
        self.probes.take_sample()
    }

    /// The next probe that whoever holds the conversations is to make.
    pub fn take_probe_request(&mut self) -> Option<ProbeRequest> {
        self.probes.take_request()
    }

    /// Takes in how such a probe has ended; [`Self::tick`] is to follow.
    pub fn conclude_probe(&mut self, conclusion: ProbeConclusion) {
        self.probes.conclude(conclusion);
    }

    /// Lends the IP packets that came for conversations, each with the slot of its uplink; to be called after each batch.
    pub fn take_conversation_packets(&mut self, take: &mut dyn FnMut(u8, &[u8])) {
        self.probes.take_handed(take);
    }

    /// Sends an IP packet of a conversation by an uplink; false if that has not its source address, or there is no room.
    pub fn send_conversation_packet(
        &mut self,
        slot: u8,
        packet: &[u8],
        now: Instant,
        outputs: &mut OutputPool,
    ) -> bool {
        let plan = Arc::clone(&self.plan);
        let counters = Arc::clone(&self.counters);
        let mut transit = self.transit(&plan, &counters, now, outputs);
        Probes::send_conversation(&mut transit.context, transit.neighbours, slot, packet)
    }

    /// The next round trip of the site's own traffic by an uplink that is probed in bursts.
    pub fn take_round_trip(&mut self) -> Option<(ProbeFamily, RoundTrip)> {
        if let Some(trip) = self.nat44.round_trips.take() {
            return Some((ProbeFamily::V4, trip));
        }
        let trip = self.filter.as_mut().and_then(|filter| filter.round_trips.take());
        trip.map(|trip| (ProbeFamily::V6, trip))
    }

    /// The next own address that another station of its link has or wants.
    pub fn take_address_conflict(&mut self) -> Option<AddressConflict> {
        self.duties.duplicates.take_conflict()
    }

    /// Adds live sessions among the `max` table positions from `from` on; returns where to go on, none at the end.
    pub fn session_rows(&self, from: u32, max: u32, now: Instant, rows: &mut Vec<SessionRow>) -> Option<u32> {
        self.nat44.session_rows(from, max, &self.plan, now, rows)
    }

    /// The same for live sessions of the IPv6 filter; none without it.
    pub fn filter_rows(&self, from: u32, max: u32, now: Instant, rows: &mut Vec<FilterRow>) -> Option<u32> {
        self.filter.as_ref()?.rows(from, max, &self.plan, now, rows)
    }

    /// The same for live mappings.
    pub fn mapping_rows(&self, from: u32, max: u32, now: Instant, rows: &mut Vec<MappingRow>) -> Option<u32> {
        self.nat44.mapping_rows(from, max, &self.plan, now, rows)
    }

    /// Adds the ports that have to rest over a restart, of `max` places of the table from a cursor on; returns the next
    /// cursor, none at the end.
    pub fn port_rests(&mut self, from: u32, max: u32, now: Instant, rests: &mut Vec<PortRest>) -> Option<u32> {
        self.nat44.port_rests(from, max, &self.plan, now, rests)
    }

    /// Makes resting mappings again of what a former process held; returns how many fit the plan and found room.
    pub fn restore_port_rests(&mut self, rests: &[PortRest], now: Instant) -> usize {
        let restored = rests.iter().filter(|rest| self.nat44.restore_port_rest(rest, &self.plan, now));
        restored.count()
    }

    /// Memory of the large tables, which nothing has written to before the first packet: whoever can should advise huge pages for
    /// it. The tables of the filter are there after [`Self::adopt`].
    pub fn regions(&self) -> Vec<Region> {
        let filter = self.filter.as_ref().map(Filter::regions);
        self.nat44.regions().into_iter().chain(filter.into_iter().flatten()).collect()
    }

    /// Whether [`Self::poll`] has something left to remove that has ended.
    pub fn is_behind(&self, now: Instant) -> bool {
        self.nat44.has_expired(now.tick())
    }

    /// Number of sessions.
    pub fn session_count(&self) -> u32 {
        self.nat44.session_count()
    }

    /// Number of sessions of the IPv6 filter.
    pub fn filter_session_count(&self) -> u32 {
        self.filter.as_ref().map_or(0, Filter::session_count)
    }

    /// Number of mappings in use.
    pub fn mapping_count(&self) -> u32 {
        self.nat44.mapping_count()
    }

    /// The neighbour table, for operators.
    pub fn neighbours(&self) -> &Neighbours {
        &self.neighbours
    }

    /// The counters, shared with readers.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    fn expire_filter(&mut self, now: Instant, mut budget: u32) -> bool {
        let Some(filter) = &mut self.filter else { return false };
        let is_behind = filter.expire(&self.plan, now, budget);
        for _ in 0..filter.fragments.expire(now.tick(), &mut budget) {
            self.counters.record_suppressed(Suppressed::FragmentGivenUp);
        }
        is_behind | filter.fragments.is_behind(now.tick())
    }

    fn expire_fragments(&mut self, now: Instant, mut budget: u32) -> bool {
        for _ in 0..self.fragments.expire(now.tick(), &mut budget) {
            self.counters.record_suppressed(Suppressed::FragmentGivenUp);
        }
        self.fragments.is_behind(now.tick())
    }

    fn transit<'a>(
        &'a mut self,
        plan: &'a Plan,
        counters: &'a Counters,
        now: Instant,
        outputs: &'a mut OutputPool,
    ) -> Transit<'a> {
        Transit {
            context: Context { plan, now, outputs, counters, news: &mut self.outbox },
            owners: &self.owners,
            nat44: &mut self.nat44,
            filter: self.filter.as_mut(),
            fragments: &mut self.fragments,
            neighbours: &mut self.neighbours,
            duties: &mut self.duties,
            probes: &mut self.probes,
            errors: &mut self.errors,
            received: Received::NOTHING,
            offloads: &self.offloads,
            scratch: &mut self.scratch,
            octets: 0,
        }
    }
}

impl Transit<'_> {
    /// One frame the long way, counted.
    #[inline(never)]
    fn process_long(&mut self, frame: &mut Frame<'_>, direction: Direction) {
        let outcome = self.process(frame);
        frame.verdict = outcome.verdict;
        let counters = self.context.counters;
        counters.record(outcome.slot, direction, outcome.verdict);
        if let (Some(slot), Verdict::Forward) = (outcome.slot, outcome.verdict) {
            counters.record_octets(slot, direction, self.octets);
        }
    }

    /// One frame the long way: link header off, then its family's way.
    fn process(&mut self, frame: &mut Frame<'_>) -> Outcome {
        let outcome = match self.receive(frame) {
            Carries::Done(outcome) => return outcome,
            Carries::Ip(family, addressed) => self.process_ip(frame, family, addressed),
        };
        if outcome.verdict == Verdict::Pass {
            super_packet::finish(frame);
        }
        let has_link_header = self.plan().device(frame.ingress).is_some_and(|device| device.mac.is_some());
        if matches!(outcome.verdict, Verdict::Pass | Verdict::HandedOver(_)) && has_link_header {
            // The control plane, or the other worker, gets the frame as it came; the link header is still in front of the packet.
            let _ = frame.grow_front(ethernet::HEADER_LEN);
        }
        outcome
    }
}
