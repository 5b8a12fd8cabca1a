//! Many connections whose uplink is to be left, and the choice of uplinks: how the engine spreads what it has to do, what it counts
//! and how it explains itself. What becomes of single packets is in the conformance cases.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod two_uplinks;

use std::collections::BTreeSet;
use std::sync::Arc;

use etherparse::PacketBuilder;
use nptd_core::counters::{Counters, Direction};
use nptd_core::frame::{DeviceIndex, Frame, HEADROOM};
use nptd_core::output::{OUTPUTS_MAX, OutputPool};
use nptd_core::pipeline::explain::{ChosenBy, LiveSession};
use nptd_core::pipeline::{Engine, EngineConfig};
use nptd_core::plan::Plan;
use nptd_core::plan::spec::*;
use nptd_core::plan::subject::{Addresses, Subject};
use nptd_core::session::leaving::Step;
use nptd_core::session::tcp_state::TcpState;
use nptd_core::time::{Duration, Instant};
use nptd_core::verdict::{OutputKind, Verdict};
use two_uplinks::in_order;

const HOST: [u8; 4] = [10, 0, 0, 5];
const REMOTE: [u8; 4] = [192, 0, 2, 10];

fn spec(is_a_usable: bool, policies: Vec<PolicySpec>) -> PlanSpec {
    PlanSpec { policies, ..two_uplinks::spec([is_a_usable, true]) }
}

fn plan(is_a_usable: bool) -> Arc<Plan> {
    Arc::new(Plan::new(spec(is_a_usable, vec![in_order()])).unwrap())
}

struct Site {
    engine: Engine,
    counters: Arc<Counters>,
    outputs: OutputPool,
}

impl Site {
    fn new(plan: Arc<Plan>) -> Self {
        let counters = Arc::new(Counters::new());
        let config = EngineConfig {
            mappings_max: 10_000,
            sessions_max: 10_000,
            filter_sessions_max: 16,
            hosts_max: 16,
            neighbours_max: 16,
            secret: [1; 16],
            hash_key: [2; 16],
        };
        let mut engine = Engine::new(config, Arc::clone(&counters));
        engine.adopt(plan);
        Self { engine, counters, outputs: OutputPool::new() }
    }

    fn send(&mut self, packet: &[u8]) -> Verdict {
        self.receive(DeviceIndex(0), packet)
    }

    fn receive(&mut self, device: DeviceIndex, packet: &[u8]) -> Verdict {
        let mut memory = vec![0; HEADROOM + 2_048];
        memory[HEADROOM..HEADROOM + packet.len()].copy_from_slice(packet);
        let mut frames = [Frame::new(&mut memory, HEADROOM, packet.len(), device)];
        self.outputs.clear();
        self.engine.process(&mut frames, Instant::default(), &mut self.outputs);
        frames[0].verdict
    }

    fn connect(&mut self, port: u16) {
        let mut packet = Vec::new();
        let syn = PacketBuilder::ipv4(HOST, REMOTE, 64).tcp(port, 443, 1_000, 1_000).syn();
        syn.write(&mut packet, &[]).unwrap();
        assert_eq!(self.send(&packet), Verdict::Forward);
    }

    /// A connection that the server has accepted.
    fn establish(&mut self, port: u16) {
        self.connect(port);
        let mut packet = Vec::new();
        let accepted = PacketBuilder::ipv4(REMOTE, [203, 0, 113, 2], 64).tcp(443, port, 1, 1_000).syn().ack(1_001);
        accepted.write(&mut packet, &[]).unwrap();
        assert_eq!(self.receive(DeviceIndex(1), &packet), Verdict::Forward);
    }

    fn states(&self) -> Vec<(u8, Option<TcpState>)> {
        let mut rows = Vec::new();
        self.engine.session_rows(0, u32::MAX, Instant::default(), &mut rows);
        rows.iter().map(|row| (row.slot, row.tcp_state)).collect()
    }
}

#[test]
fn hosts_are_told_in_steps_of_64_resets_and_512_sessions_mwan_2() {
    for (connections, kept_from) in [(1_000_u16, u16::MAX), (3_000, 0)] {
        let mut site = Site::new(plan(true));
        (0..connections).for_each(|port| site.establish(10_000 + port));
        let keeps = OnFailureSpec { tcp: FailureActionSpec::Keep, ..OnFailureSpec::default() };
        let resets = PolicySpec { prefer: vec![0, 1], ..PolicySpec::default() };
        // Where TCP is kept nothing is looked at.
        let policy = if kept_from == 0 { PolicySpec { on_failure: keeps, ..resets } } else { resets };
        site.engine.adopt(Arc::new(Plan::new(spec(false, vec![policy])).unwrap()));
        let mut told = BTreeSet::new();
        let mut steps = 0;
        while site.engine.next_wakeup() == Some(Instant::default()) {
            site.outputs.clear();
            site.engine.tick(Instant::default(), &mut site.outputs);
            assert!(site.outputs.len() <= 64);
            for (output, octets) in site.outputs.iter() {
                assert_eq!((output.kind, output.egress), (OutputKind::TcpReset, DeviceIndex(0)));
                told.insert(octets[22..24].to_vec());
            }
            steps += 1;
        }
        let expected = if kept_from == 0 { 0 } else { connections };
        assert_eq!((told.len(), steps), (usize::from(expected), expected.div_ceil(64)));
        assert_eq!(site.counters.output(OutputKind::TcpReset), u64::from(expected));
        let is_reset = |(_, state): &(u8, Option<TcpState>)| *state == Some(TcpState::Reset);
        assert_eq!(site.states().iter().filter(|row| is_reset(row)).count(), usize::from(expected));
    }
}

#[test]
fn a_look_at_sessions_that_may_stay_takes_512_a_step() {
    let mut site = Site::new(plan(true));
    site.engine.adopt(plan(false));
    (0..2_000).for_each(|port| site.connect(10_000 + port));
    let mut steps = 0;
    while site.engine.next_wakeup() == Some(Instant::default()) {
        site.outputs.clear();
        site.engine.tick(Instant::default(), &mut site.outputs);
        assert!(site.outputs.is_empty());
        steps += 1;
    }
    assert_eq!(steps, 2_000_usize.div_ceil(512));
    assert!(site.states().iter().all(|row| *row == (1, Some(TcpState::InitOutbound))));
}

#[test]
fn whoever_has_time_tells_as_many_hosts_at_once_as_the_outputs_hold_mwan_2() {
    let mut site = Site::new(plan(true));
    (0..1_000).for_each(|port| site.establish(10_000 + port));
    site.engine.adopt(plan(false));
    let mut told = Vec::new();
    site.outputs.clear();
    // What stands in the pool already takes its place.
    assert!(site.outputs.allocate(40, DeviceIndex(0), OutputKind::Injected).is_some());
    while site.engine.sweep_left(Step::sending(u32::MAX / 8), Instant::default(), &mut site.outputs) {
        told.push(site.outputs.len());
        site.outputs.clear();
    }
    told.push(site.outputs.len());
    assert_eq!(told, [OUTPUTS_MAX, 1_000 - (OUTPUTS_MAX - 1)]);
    assert_eq!(site.counters.output(OutputKind::TcpReset), 1_000);
    assert!(!site.engine.sweep_left(Step::SMALL, Instant::default(), &mut site.outputs));
}

#[test]
fn flows_and_octets_are_counted_by_uplink_and_policy() {
    let host = PolicySpec {
        number: 9,
        prefer: vec![1],
        matches: Some(vec![MatchSpec { ports: Some((443, 443)), ..MatchSpec::default() }]),
        ..PolicySpec::default()
    };
    let rest = PolicySpec { prefer: vec![0], ..PolicySpec::default() };
    let mut site = Site::new(Arc::new(Plan::new(spec(true, vec![host, rest])).unwrap()));
    site.connect(5_000);
    site.connect(5_001);
    site.connect(5_001);
    assert_eq!((site.counters.flows(9, 1), site.counters.flows(9, 0), site.counters.flows(0, 0)), (2, 0, 0));
    assert_eq!((site.counters.octets(1, Direction::Outbound), site.counters.octets(1, Direction::Inbound)), (120, 0));
}

#[test]
fn an_explanation_names_policy_match_candidates_and_session_and_changes_nothing() {
    let weighted = PolicySpec {
        number: 4,
        prefer: vec![0, 1],
        weights: vec![1, 3],
        matches: Some(vec![
            MatchSpec { dscp: Some(46), ..MatchSpec::default() },
            MatchSpec { protocol: Some(6), ..MatchSpec::default() },
        ]),
        ..PolicySpec::default()
    };
    let rest = PolicySpec { number: 7, prefer: vec![1, 0], ..PolicySpec::default() };
    let mut site = Site::new(Arc::new(Plan::new(spec(true, vec![weighted, rest])).unwrap()));
    let addresses = Addresses::V4 { source: u32::from_be_bytes(HOST), destination: u32::from_be_bytes(REMOTE) };
    let tcp = Subject { addresses, protocol: 6, ports: (5_000, 443), has_ports: true, dscp: 0 };
    let before = site.engine.explain(&tcp, Instant::default());
    assert_eq!((before.generation, before.policy, before.matching), (1, 4, Some(1)));
    assert_eq!((before.by, before.stays, before.session.is_none()), (ChosenBy::Weight, false, true));
    let best = before.candidates.iter().map(|(candidate, score)| (candidate.slot, score.unwrap()));
    let best = best.reduce(|best, next| if next.1.beats(best.1) { next } else { best }).unwrap();
    assert_eq!(before.slot, Some(best.0));
    assert!(site.states().is_empty());
    site.connect(5_000);
    let after = site.engine.explain(&tcp, Instant::default());
    assert_eq!((after.by, after.stays, after.slot), (ChosenBy::Session, true, before.slot));
    assert!(matches!(after.session, Some(LiveSession::Nat44(row)) if Some(row.slot) == before.slot && row.policy == 4));
    let udp = site.engine.explain(&Subject { protocol: 17, ..tcp }, Instant::default());
    assert_eq!((udp.policy, udp.matching, udp.by, udp.slot), (7, None, ChosenBy::Order, Some(1)));
    assert_eq!(site.engine.explain(&Subject { protocol: 17, dscp: 46, ..tcp }, Instant::default()).matching, Some(0));
}

#[test]
fn a_reset_session_lives_for_four_minutes() {
    let mut site = Site::new(plan(true));
    site.establish(5_000);
    site.engine.adopt(plan(false));
    site.engine.tick(Instant::default(), &mut site.outputs);
    let lives_at = |site: &Site, after: Duration| {
        let mut rows = Vec::new();
        site.engine.session_rows(0, u32::MAX, Instant::default().after(after), &mut rows);
        !rows.is_empty()
    };
    assert!(lives_at(&site, Duration::from_micros(239_999_999)) && !lives_at(&site, Duration::from_secs(240)));
}

#[test]
fn policies_that_the_engine_could_not_rely_on_are_refused_with_their_place() {
    let rest = || PolicySpec { prefer: vec![0, 1], ..PolicySpec::default() };
    let matching = |one: MatchSpec| PolicySpec { number: 1, matches: Some(vec![one]), ..rest() };
    let none = MatchSpec::default;
    for (policies, path) in [
        (vec![], "policies"),
        (vec![rest(), rest()], "policies[1].number"),
        (vec![PolicySpec { number: 32, ..rest() }], "policies[0].number"),
        (vec![PolicySpec { prefer: vec![2], ..rest() }], "policies[0].prefer"),
        (vec![PolicySpec { shun: (vec![], vec![2]), ..rest() }], "policies[0].shun6"),
        (vec![PolicySpec { leave: (vec![9], vec![]), ..rest() }], "policies[0].leave4"),
        (vec![PolicySpec { weights: vec![1], ..rest() }], "policies[0].weights"),
        (vec![matching(none())], "policies[0].matches"),
        (vec![matching(MatchSpec { dscp: Some(64), ..none() }), rest()], "policies[0].matches[0].dscp"),
        (vec![matching(MatchSpec { ports: Some((2, 1)), ..none() }), rest()], "policies[0].matches[0].portLow"),
        (vec![matching(MatchSpec { source4: Some((0, 33)), ..none() }), rest()], "policies[0].matches[0].source4"),
    ] {
        assert_eq!(Plan::new(spec(true, policies)).unwrap_err().path, path);
    }
}
