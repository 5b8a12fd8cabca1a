//! What a worker asks of the data path it drives. [`Engine`] is the real one; tests drive workers with others.

use std::sync::Arc;

use nptd_core::filter::FilterRow;
use nptd_core::frame::{DeviceIndex, Frame};
use nptd_core::host::duplicate_addresses::AddressConflict;
use nptd_core::host::probes::conversations::{ProbeConclusion, ProbeRequest};
use nptd_core::host::probes::{Family, ProbeSample, ProbeSpec};
use nptd_core::nat44::{MappingRow, PortRest, SessionRow};
use nptd_core::news::News;
use nptd_core::output::OutputPool;
use nptd_core::pipeline::Engine;
use nptd_core::pipeline::explain::Explanation;
use nptd_core::plan::Plan;
use nptd_core::plan::subject::Subject;
use nptd_core::session::leaving::Step;
use nptd_core::session::round_trips::RoundTrip;
use nptd_core::time::Instant;

use crate::sys::pages;

/// One worker's data path; see [`Engine`] for what each call means.
pub trait DataPath {
    /// Takes over a plan, between two batches.
    fn adopt(&mut self, plan: Arc<Plan>);
    /// Processes a batch: sets verdict and egress of each frame and fills the pool.
    fn process(&mut self, frames: &mut [Frame<'_>], now: Instant, outputs: &mut OutputPool);
    /// Ends the way of a frame that [`Verdict::HandedOver`](nptd_core::verdict::Verdict) is for and that has no room there.
    fn refuse_handed_over(&self, frame: &mut Frame<'_>);
    /// Takes the next message for another worker, with that worker's number.
    fn take_news(&mut self) -> Option<(u8, News)>;
    /// Takes in what another worker says.
    fn learn(&mut self, news: News, now: Instant, outputs: &mut OutputPool);
    /// The worker that knows of a flow.
    fn owner_of(&self, flow: &Subject) -> u8;
    /// Does what time demands; true while hosts are to be told that their connections are over.
    fn tick(&mut self, now: Instant, outputs: &mut OutputPool) -> bool;
    /// Tells some of them; true while there are more.
    fn sweep_left(&mut self, step: Step, now: Instant, outputs: &mut OutputPool) -> bool;
    /// When [`Self::tick`] has something to do next.
    fn next_wakeup(&self) -> Option<Instant>;
    /// Takes leave of the links; the last call.
    fn farewell(&mut self, now: Instant, outputs: &mut OutputPool);
    /// Sends a complete frame; false if there is no room.
    fn inject(&mut self, device: DeviceIndex, octets: &[u8], outputs: &mut OutputPool) -> bool;
    /// Replaces what is probed.
    fn set_probes(&mut self, specs: Vec<ProbeSpec>, now: Instant);
    /// Takes the oldest finished probe.
    fn take_probe_sample(&mut self) -> Option<ProbeSample>;
    /// Takes the next probe that the control plane is to make.
    fn take_probe_request(&mut self) -> Option<ProbeRequest>;
    /// Takes in how such a probe has ended.
    fn conclude_probe(&mut self, conclusion: ProbeConclusion);
    /// Lends the IP packets that came for the streams, each with the slot of its uplink.
    fn take_conversation_packets(&mut self, take: &mut dyn FnMut(u8, &[u8]));
    /// Sends an IP packet of a stream by an uplink; false if it may not leave there, or there is no room.
    fn send_conversation_packet(&mut self, slot: u8, packet: &[u8], now: Instant, outputs: &mut OutputPool) -> bool;
    /// Takes the next proof that an uplink lives which probes doubt.
    fn take_round_trip(&mut self) -> Option<(Family, RoundTrip)>;
    /// Takes the oldest conflict over an own address.
    fn take_address_conflict(&mut self) -> Option<AddressConflict>;
    /// Adds the live sessions among `max` places of the table from a cursor on; returns the next cursor, none at the end.
    fn session_rows(&self, from: u32, max: u32, now: Instant, rows: &mut Vec<SessionRow>) -> Option<u32>;
    /// The same for live sessions of the IPv6 filter.
    fn filter_rows(&self, from: u32, max: u32, now: Instant, rows: &mut Vec<FilterRow>) -> Option<u32>;
    /// Adds the live mappings among `max` places of the table from a cursor on; returns the next cursor, none at the end.
    fn mapping_rows(&self, from: u32, max: u32, now: Instant, rows: &mut Vec<MappingRow>) -> Option<u32>;
    /// Adds the ports that have to rest over a restart, in the same way.
    fn port_rests(&mut self, from: u32, max: u32, now: Instant, rests: &mut Vec<PortRest>) -> Option<u32>;
    /// Makes resting mappings again of what a former process held, as far as they fit the plan.
    fn restore_port_rests(&mut self, rests: &[PortRest], now: Instant);
    /// Explains what becomes of a flow.
    fn explain(&mut self, flow: &Subject, now: Instant) -> Explanation;
    /// Live sessions, of NAT44 and of the IPv6 filter.
    fn session_count(&self) -> u32;
    /// Live mappings.
    fn mapping_count(&self) -> u32;
}

impl DataPath for Engine {
    fn adopt(&mut self, plan: Arc<Plan>) {
        self.adopt(plan);
        // Those of the filter may be new.
        pages::advise_huge(&self.regions());
    }

    fn process(&mut self, frames: &mut [Frame<'_>], now: Instant, outputs: &mut OutputPool) {
        self.process(frames, now, outputs);
    }

    fn refuse_handed_over(&self, frame: &mut Frame<'_>) {
        self.refuse_handed_over(frame);
    }

    fn take_news(&mut self) -> Option<(u8, News)> {
        self.take_news()
    }

    fn learn(&mut self, news: News, now: Instant, outputs: &mut OutputPool) {
        self.learn(news, now, outputs);
    }

    fn owner_of(&self, flow: &Subject) -> u8 {
        self.owner_of(flow)
    }

    fn tick(&mut self, now: Instant, outputs: &mut OutputPool) -> bool {
        self.tick(now, outputs)
    }

    fn sweep_left(&mut self, step: Step, now: Instant, outputs: &mut OutputPool) -> bool {
        self.sweep_left(step, now, outputs)
    }

    fn next_wakeup(&self) -> Option<Instant> {
        self.next_wakeup()
    }

    fn farewell(&mut self, now: Instant, outputs: &mut OutputPool) {
        self.farewell(now, outputs);
    }

    fn inject(&mut self, device: DeviceIndex, octets: &[u8], outputs: &mut OutputPool) -> bool {
        self.inject(device, octets, outputs)
    }

    fn set_probes(&mut self, specs: Vec<ProbeSpec>, now: Instant) {
        self.set_probes(specs, now);
    }

    fn take_probe_sample(&mut self) -> Option<ProbeSample> {
        self.take_probe_sample()
    }

    fn take_probe_request(&mut self) -> Option<ProbeRequest> {
        self.take_probe_request()
    }

    fn conclude_probe(&mut self, conclusion: ProbeConclusion) {
        self.conclude_probe(conclusion);
    }

    fn take_conversation_packets(&mut self, take: &mut dyn FnMut(u8, &[u8])) {
        self.take_conversation_packets(take);
    }

    fn send_conversation_packet(&mut self, slot: u8, packet: &[u8], now: Instant, outputs: &mut OutputPool) -> bool {
        self.send_conversation_packet(slot, packet, now, outputs)
    }

    fn take_round_trip(&mut self) -> Option<(Family, RoundTrip)> {
        self.take_round_trip()
    }

    fn take_address_conflict(&mut self) -> Option<AddressConflict> {
        self.take_address_conflict()
    }

    fn session_rows(&self, from: u32, max: u32, now: Instant, rows: &mut Vec<SessionRow>) -> Option<u32> {
        self.session_rows(from, max, now, rows)
    }

    fn filter_rows(&self, from: u32, max: u32, now: Instant, rows: &mut Vec<FilterRow>) -> Option<u32> {
        self.filter_rows(from, max, now, rows)
    }

    fn mapping_rows(&self, from: u32, max: u32, now: Instant, rows: &mut Vec<MappingRow>) -> Option<u32> {
        self.mapping_rows(from, max, now, rows)
    }

    fn port_rests(&mut self, from: u32, max: u32, now: Instant, rests: &mut Vec<PortRest>) -> Option<u32> {
        self.port_rests(from, max, now, rests)
    }

    fn restore_port_rests(&mut self, rests: &[PortRest], now: Instant) {
        self.restore_port_rests(rests, now);
    }

    fn explain(&mut self, flow: &Subject, now: Instant) -> Explanation {
        self.explain(flow, now)
    }

    fn session_count(&self) -> u32 {
        self.session_count().saturating_add(self.filter_session_count())
    }

    fn mapping_count(&self) -> u32 {
        self.mapping_count()
    }
}
