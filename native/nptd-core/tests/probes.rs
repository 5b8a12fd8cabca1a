//! Probes: rounds, misses, bursts, and answers that do not count.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod host;

use etherparse::{
    ArpOperation, Icmpv4Type, Icmpv6Type, NetSlice, PacketBuilder, SlicedPacket, TransportSlice, checksum,
};
use host::*;
use nptd_core::host::neighbours::mapped4;
use nptd_core::host::probes::{Family, ProbeSample, ProbeSpec, Probes, SAMPLES_MAX};
use nptd_core::time::{Duration, Instant};
use nptd_core::verdict::{OutputKind, Verdict};
use proptest::prelude::*;

const INTERVAL_MS: u64 = 500;
const TIMEOUT_MS: u64 = 800;
const IDENTIFIER: u16 = 0x4e50;
const T4: [&str; 3] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
const T6: [&str; 2] = ["2001:db8:f::1", "2001:db8:f::2"];

/// IPv4 on the uplink without link headers.
fn spec4() -> ProbeSpec {
    ProbeSpec {
        slot: 1,
        family: Family::V4,
        list: 0,
        targets: T4.iter().map(|target| mapped4(v4(target)).into()).collect(),
        interval: Duration::from_millis(INTERVAL_MS),
        timeout: Duration::from_millis(TIMEOUT_MS),
        calm_round: 0,
        identifier: IDENTIFIER,
        ports: (61_440, 61_503),
        conversation_ports: (61_504, 61_567),
    }
}

fn spec6() -> ProbeSpec {
    ProbeSpec { family: Family::V6, targets: T6.iter().map(|target| v6(target).into()).collect(), ..spec4() }
}

/// An echo request as another parser sees it.
#[derive(Clone, Debug, PartialEq)]
struct Request {
    source: u128,
    target: u128,
    identifier: u16,
    sequence: u16,
    data: Vec<u8>,
}

fn read(packet: &[u8]) -> Request {
    let sliced = SlicedPacket::from_ip(packet).unwrap();
    match (&sliced.net, &sliced.transport) {
        (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Icmpv4(icmp))) => {
            let header = ip.header();
            assert_eq!(header.header_checksum(), header.to_header().calc_header_checksum());
            assert_eq!(checksum::Sum16BitWords::new().add_slice(icmp.slice()).ones_complement(), 0);
            let Icmpv4Type::EchoRequest(echo) = icmp.icmp_type() else { panic!("no request") };
            let [source, target] =
                [header.source(), header.destination()].map(|octets| mapped4(u32::from_be_bytes(octets)));
            Request { source, target, identifier: echo.id, sequence: echo.seq, data: icmp.payload().to_vec() }
        }
        (Some(NetSlice::Ipv6(ip)), Some(TransportSlice::Icmpv6(icmp))) => {
            let header = ip.header();
            assert!(icmp.is_checksum_valid(header.source(), header.destination()));
            let Icmpv6Type::EchoRequest(echo) = icmp.icmp_type() else { panic!("no request") };
            let [source, target] = [header.source(), header.destination()].map(u128::from_be_bytes);
            Request { source, target, identifier: echo.id, sequence: echo.seq, data: icmp.payload().to_vec() }
        }
        other => panic!("no echo: {other:?}"),
    }
}

impl Request {
    /// The reply from its ICMP header on.
    fn reply4(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        PacketBuilder::ipv4([0; 4], [0; 4], 64)
            .icmpv4_echo_reply(self.identifier, self.sequence)
            .write(&mut octets, &self.data)
            .unwrap();
        octets.split_off(20)
    }

    fn reply6(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        PacketBuilder::ipv6([0; 16], [0; 16], 64)
            .icmpv6_echo_reply(self.identifier, self.sequence)
            .write(&mut octets, &self.data)
            .unwrap();
        octets.split_off(40)
    }
}

struct Prober {
    gateway: Gateway,
    probes: Probes,
}

impl Prober {
    fn new(specs: Vec<ProbeSpec>) -> Self {
        let mut prober = Self { gateway: Gateway::new(), probes: Probes::new([3; 16]) };
        prober.set(specs);
        prober
    }

    fn set(&mut self, specs: Vec<ProbeSpec>) {
        self.probes.set(specs, self.gateway.now);
    }

    /// Lets time pass, polls once, and returns the probes that left.
    fn after_ms(&mut self, ms: u64) -> Vec<Request> {
        self.gateway.now = self.gateway.now.after(Duration::from_millis(ms));
        self.gateway.with(|context, neighbours| self.probes.poll(context, neighbours));
        let sent = self.gateway.sent();
        let header = |sent: &Sent| if sent.egress == UPLINK { 14 } else { 0 };
        let probes = sent.iter().filter(|sent| sent.kind == OutputKind::Probe);
        probes.map(|sent| read(&sent.octets[header(sent)..])).collect()
    }

    fn answer(&mut self, request: &Request) -> bool {
        self.probes.handle_reply4(1, &request.reply4(), request.target as u32, self.gateway.now)
    }

    /// Lets the first probe miss, and returns the first burst.
    fn until_bursting(&mut self) -> Vec<Request> {
        self.after_ms(0);
        let burst = self.after_ms(TIMEOUT_MS);
        self.samples();
        burst
    }

    fn samples(&mut self) -> Vec<ProbeSample> {
        std::iter::from_fn(|| self.probes.take_sample()).collect()
    }
}

/// Round, target, burst, and round-trip time in milliseconds.
fn brief(samples: &[ProbeSample]) -> Vec<(u32, u16, bool, Option<u64>)> {
    let ms = |rtt: Duration| rtt.as_micros() / 1000;
    samples.iter().map(|sample| (sample.round, sample.target, sample.burst, sample.rtt.map(ms))).collect()
}

// ---- Packets ----

#[test]
fn probes_are_echo_requests_that_another_parser_reads() {
    let mut prober = Prober::new(vec![spec4(), spec6()]);
    let sent = prober.after_ms(0);
    assert_eq!((sent[0].source, sent[0].target), (mapped4(v4("198.51.100.2")), mapped4(v4(T4[0]))));
    assert_eq!((sent[1].source, sent[1].target), (v6("2001:db8:2::2"), v6(T6[0])));
    for request in &sent {
        assert_eq!((request.identifier, request.data.len()), (IDENTIFIER, 16));
    }
    assert_ne!(sent[0].data, sent[1].data);
    assert_eq!(prober.gateway.counters.output(OutputKind::Probe), 2);
}

#[test]
fn a_probe_leaves_by_the_gateway_of_its_uplink_even_to_a_target_on_another_link() {
    let mut spec = spec4();
    (spec.slot, spec.targets) = (0, vec![mapped4(v4("198.51.100.77")).into()]);
    let mut prober = Prober::new(vec![spec]);
    prober.gateway.resolve4(UPLINK, UPLINK_MAC, "203.0.113.2", "203.0.113.1", OTHER_MAC);
    prober.gateway.with(|context, neighbours| prober.probes.poll(context, neighbours));
    let sent = prober.gateway.sent();
    assert_eq!((sent.len(), sent[0].egress, sent[0].kind), (1, UPLINK, OutputKind::Probe));
    assert_eq!(sent[0].octets[..14], [&OTHER_MAC[..], &UPLINK_MAC, &[8, 0]].concat());
    assert_eq!(read(&sent[0].octets[14..]).target, mapped4(v4("198.51.100.77")));
}

// ---- Rounds ----

#[test]
fn single_mode_takes_one_target_after_the_other_each_a_round() {
    let mut prober = Prober::new(vec![spec4()]);
    let mut seen = Vec::new();
    for step in 0..5_u64 {
        let sent = prober.after_ms(if step == 0 { 0 } else { INTERVAL_MS - 20 });
        assert_eq!(sent.len(), 1);
        seen.push(sent[0].target as u32);
        assert!(prober.after_ms(20).is_empty(), "not before the interval is over");
        assert!(prober.answer(&sent[0]));
    }
    assert_eq!(seen, [T4[0], T4[1], T4[2], T4[0], T4[1]].map(v4));
    let expected = [(1, 0), (2, 1), (3, 2), (4, 0), (5, 1)];
    assert_eq!(brief(&prober.samples()), expected.map(|(round, target)| (round, target, false, Some(20))));
}

#[test]
fn an_interval_slept_through_is_not_made_up_for() {
    let mut prober = Prober::new(vec![spec4()]);
    let mut probes_after = |ms| {
        let sent = prober.after_ms(ms);
        sent.iter().for_each(|request| assert!(prober.answer(request)));
        sent.len()
    };
    assert_eq!(probes_after(0), 1);
    assert_eq!(probes_after(INTERVAL_MS + 200), 1);
    assert_eq!(probes_after(INTERVAL_MS - 201), 0);
    assert_eq!(probes_after(1), 1, "the rhythm stays");
    assert_eq!(probes_after(60_000), 1);
    assert_eq!(probes_after(INTERVAL_MS - 1), 0);
}

#[test]
fn a_shorter_interval_counts_from_the_last_round_on() {
    let every_ms = |ms| vec![ProbeSpec { interval: Duration::from_millis(ms), ..spec4() }];
    let mut prober = Prober::new(every_ms(10_000));
    let sent = prober.after_ms(0);
    assert!(prober.answer(&sent[0]));
    prober.after_ms(200);
    prober.set(every_ms(INTERVAL_MS));
    assert!(prober.after_ms(INTERVAL_MS - 201).is_empty());
    let sent = prober.after_ms(1);
    assert!(sent.len() == 1 && prober.answer(&sent[0]));
    prober.set(every_ms(10_000));
    let sent = prober.after_ms(INTERVAL_MS);
    assert!(sent.len() == 1 && prober.answer(&sent[0]), "what is due soon stays so");
    prober.after_ms(TIMEOUT_MS);
    prober.set(every_ms(INTERVAL_MS));
    assert_eq!(prober.after_ms(0).len(), 1, "at once");
}

#[test]
fn a_miss_is_judged_at_exactly_the_timeout_and_starts_a_burst_at_once() {
    let mut prober = Prober::new(vec![spec4()]);
    let start = prober.gateway.now;
    let first = prober.after_ms(0);
    let second = prober.after_ms(500);
    assert!(prober.after_ms(299).is_empty());
    assert_eq!(prober.samples(), []);
    assert_eq!(prober.probes.next_wakeup(), Some(start.after(Duration::from_millis(800))));

    let burst = prober.after_ms(1);
    let missed = ProbeSample {
        slot: 1,
        family: Family::V4,
        list: 0,
        target: 0,
        round: 1,
        burst: false,
        sent_at: start,
        rtt: None,
        gateway_answered: false,
    };
    assert_eq!(prober.samples(), [missed]);
    assert_eq!(burst.iter().map(|request| request.target as u32).collect::<Vec<_>>(), T4.map(v4));
    assert!(!first.is_empty() && !second.is_empty());

    // The next burst is one interval later; a burst is one round.
    assert!(prober.after_ms(499).is_empty());
    let next = prober.after_ms(1);
    assert_eq!(next.len(), 3);
    prober.samples();
    burst.iter().for_each(|request| assert!(prober.answer(request)));
    next.iter().for_each(|request| assert!(prober.answer(request)));
    let samples = prober.samples();
    assert_eq!(
        brief(&samples),
        [
            (3, 0, true, Some(500)),
            (3, 1, true, Some(500)),
            (3, 2, true, Some(500)),
            (4, 0, true, Some(0)),
            (4, 1, true, Some(0)),
            (4, 2, true, Some(0)),
        ]
    );
}

#[test]
fn a_dead_uplink_fails_two_bursts_within_2_6_seconds() {
    let mut prober = Prober::new(vec![spec4()]);
    let mut answered_until = 0;
    let start = prober.gateway.now;
    // It dies right after an answer.
    let mut failed_rounds = std::collections::BTreeMap::new();
    for step in 0..400_u64 {
        let sent = prober.after_ms(if step == 0 { 0 } else { 10 });
        if step == 0 {
            assert!(prober.answer(&sent[0]));
            answered_until = prober.gateway.now.since(start).as_micros();
        }
        for sample in prober.samples().into_iter().filter(|sample| sample.burst && sample.rtt.is_none()) {
            *failed_rounds.entry(sample.round).or_insert(0) += 1;
        }
        if failed_rounds.values().filter(|count| **count == T4.len()).count() == 2 {
            let took = prober.gateway.now.since(start).as_micros() - answered_until;
            assert!(took <= 2_600_000, "{took}");
            return;
        }
    }
    panic!("never found dead");
}

#[test]
fn set_returns_to_single_mode_and_keeps_rounds_and_probes_under_way() {
    let mut prober = Prober::new(vec![spec4()]);
    let burst = prober.until_bursting();
    assert_eq!(burst.len(), 3);
    prober.set(vec![spec6(), ProbeSpec { calm_round: 2, ..spec4() }]);
    assert!(prober.answer(&burst[2]));
    assert_eq!(brief(&prober.samples()), [(2, 2, true, Some(0))]);
    let sent = prober.after_ms(INTERVAL_MS);
    let single: Vec<_> = sent.iter().filter(|request| request.target >> 32 == 0xffff).collect();
    assert_eq!(single.len(), 1);
    // Misses of the old burst do not start a new one.
    assert_eq!(prober.after_ms(TIMEOUT_MS - INTERVAL_MS).len(), 0);
    assert_eq!(brief(&prober.samples()), [(2, 0, true, None), (2, 1, true, None)]);
    assert!(prober.answer(&single[0].clone()));
    assert_eq!(brief(&prober.samples()), [(3, 1, false, Some(300))]);
}

#[test]
fn bursts_that_began_after_the_calm_round_go_on() {
    let mut prober = Prober::new(vec![spec4()]);
    assert_eq!(prober.until_bursting().len(), 3);
    // Whoever says so had not heard of the miss yet.
    prober.set(vec![ProbeSpec { calm_round: 1, ..spec4() }]);
    assert_eq!(prober.after_ms(INTERVAL_MS).len(), 3);
    prober.set(vec![ProbeSpec { calm_round: 3, ..spec4() }]);
    assert_eq!(prober.after_ms(INTERVAL_MS).len(), 1);
}

// ---- Lists of targets ----

#[test]
fn each_list_of_an_uplink_has_its_own_rounds_bursts_and_answers_though_they_share_a_target() {
    let site = ProbeSpec { list: 4, ..spec4() };
    let mut prober = Prober::new(vec![spec4(), site.clone()]);
    let sent = prober.after_ms(0);
    assert_eq!((sent.len(), sent[0].target), (2, sent[1].target));
    assert!(prober.answer(&sent[0]));
    assert_eq!(prober.samples().iter().map(|sample| (sample.list, sample.target)).collect::<Vec<_>>(), [(0, 0)]);

    let second = prober.after_ms(INTERVAL_MS);
    second.iter().for_each(|request| assert!(prober.answer(request)));
    prober.samples();
    // The first probe of list 4 misses: a burst of that list alone.
    assert_eq!(prober.after_ms(TIMEOUT_MS - INTERVAL_MS).len(), 3);
    let missed = prober.samples();
    assert_eq!(missed.iter().map(|sample| (sample.list, sample.round)).collect::<Vec<_>>(), [(4, 1)]);
    let sent = prober.after_ms(2 * INTERVAL_MS - TIMEOUT_MS);
    assert_eq!(sent.len(), 1, "a single probe of list 0");
    assert!(prober.answer(&sent[0]));
    assert_eq!(prober.samples()[0].list, 0);

    // Each keeps its own when both are given anew, in whatever order.
    prober.set(vec![ProbeSpec { calm_round: 3, ..site }, spec4()]);
    assert_eq!(prober.after_ms(INTERVAL_MS).len(), 2);
}

// ---- The gateway ----

/// What bursts to targets that are dead say of the gateway, one a round.
fn gateway_answers(act: impl Fn(&mut Gateway)) -> Vec<bool> {
    let mut prober = Prober::new(vec![ProbeSpec { slot: 0, ..spec4() }]);
    prober.gateway.resolve4(UPLINK, UPLINK_MAC, "203.0.113.2", "203.0.113.1", OTHER_MAC);
    prober.until_bursting();
    let mut seen = Vec::new();
    for _ in 0..4 {
        act(&mut prober.gateway);
        prober.after_ms(INTERVAL_MS);
        seen.extend(prober.samples().iter().filter(|sample| sample.burst).map(|sample| sample.gateway_answered));
    }
    seen
}

#[test]
fn a_missed_burst_says_whether_the_gateway_has_answered_since() {
    let reply = arp_frame(UPLINK_MAC, ArpOperation::REPLY, OTHER_MAC, "203.0.113.1", UPLINK_MAC, "203.0.113.2");
    let answering = gateway_answers(|gateway| assert_eq!(gateway.arp(UPLINK, &reply).0, Verdict::Consumed));
    assert!(answering.len() >= 2 * T4.len() && answering.iter().all(|answered| *answered), "{answering:?}");
    let silent = gateway_answers(|_| ());
    assert!(silent.len() >= 2 * T4.len() && silent.iter().all(|answered| !answered), "{silent:?}");
}

#[test]
fn each_burst_asks_the_gateway_and_single_probes_do_not() {
    let mut prober = Prober::new(vec![ProbeSpec { slot: 0, ..spec4() }]);
    prober.gateway.resolve4(UPLINK, UPLINK_MAC, "203.0.113.2", "203.0.113.1", OTHER_MAC);
    let before = prober.gateway.counters.output(OutputKind::NeighbourRequest);
    let asked = |prober: &Prober| prober.gateway.counters.output(OutputKind::NeighbourRequest) - before;
    prober.after_ms(0);
    assert_eq!(asked(&prober), 0);
    prober.after_ms(TIMEOUT_MS);
    assert_eq!(asked(&prober), 1);
    prober.after_ms(INTERVAL_MS);
    assert_eq!(asked(&prober), 2);
}

#[test]
fn a_shorter_interval_holds_at_once() {
    let slow = ProbeSpec { interval: Duration::from_secs(60), ..spec4() };
    let mut prober = Prober::new(vec![slow]);
    let sent = prober.after_ms(0);
    assert!(prober.answer(&sent[0]));
    prober.set(vec![spec4()]);
    assert_eq!(prober.after_ms(INTERVAL_MS - 1).len(), 0);
    assert_eq!(prober.after_ms(1).len(), 1);
}

#[test]
fn other_targets_end_the_probes_under_way_and_a_removed_track_is_silent() {
    let mut prober = Prober::new(vec![spec4()]);
    let old = prober.after_ms(0);
    let others = ProbeSpec { targets: vec![mapped4(v4("192.0.2.99")).into()], ..spec4() };
    prober.set(vec![others]);
    assert!(prober.answer(&old[0]), "still no other's");
    prober.after_ms(TIMEOUT_MS);
    assert_eq!(prober.samples(), []);
    prober.set(vec![]);
    assert!(prober.after_ms(10_000).is_empty());
    assert_eq!((prober.samples(), prober.probes.next_wakeup()), (vec![], None));
    assert!(!prober.answer(&old[0]));
}

// ---- Answers that do not count ----

#[test]
fn late_and_second_answers_are_used_up_but_change_nothing() {
    let mut prober = Prober::new(vec![spec4()]);
    let sent = prober.after_ms(0);
    assert!(prober.answer(&sent[0]));
    assert!(prober.answer(&sent[0]));
    assert_eq!(prober.samples().len(), 1);

    let sent = prober.after_ms(INTERVAL_MS);
    prober.after_ms(TIMEOUT_MS);
    assert_eq!(brief(&prober.samples()), [(2, 1, false, None)]);
    assert!(prober.answer(&sent[0]));
    assert_eq!(prober.samples(), []);
}

/// A gateway without a processor for a while finds answers in its devices that came in time.
#[test]
fn an_answer_that_waited_longer_than_the_timeout_to_be_read_counts() {
    let mut prober = Prober::new(vec![spec4()]);
    let sent = prober.after_ms(0);
    prober.gateway.now = prober.gateway.now.after(Duration::from_millis(3 * TIMEOUT_MS));
    assert!(prober.answer(&sent[0]));
    assert_eq!(brief(&prober.samples()), [(1, 0, false, Some(3 * TIMEOUT_MS))]);
    prober.after_ms(0);
    assert_eq!(prober.samples(), []);
}

#[test]
fn forged_answers_are_no_answers() {
    let mut prober = Prober::new(vec![spec4(), spec6()]);
    let sent = prober.after_ms(0);
    let now = prober.gateway.now;
    let (good, source) = (sent[0].reply4(), sent[0].target as u32);
    let forged = |at: usize| {
        let mut reply = good.clone();
        reply[at] ^= 1;
        reply
    };
    // Type, code, identifier, sequence, first and last octet of the token.
    for at in [0, 1, 5, 7, 8, 23] {
        assert!(!prober.probes.handle_reply4(1, &forged(at), source, now), "octet {at}");
    }
    for length in 0..good.len() {
        assert!(!prober.probes.handle_reply4(1, &good[..length], source, now), "cut to {length}");
    }
    assert!(!prober.probes.handle_reply4(1, &[&good[..], &[0]].concat(), source, now), "longer");
    assert!(!prober.probes.handle_reply4(1, &good, source + 1, now), "another source");
    assert!(!prober.probes.handle_reply4(0, &good, source, now), "another uplink");
    assert!(!prober.probes.handle_reply6(1, &good, sent[0].target, now), "another family");
    assert_eq!(prober.samples(), []);
    assert!(prober.probes.handle_reply4(1, &good, source, now));
    assert!(prober.probes.handle_reply6(1, &sent[1].reply6(), sent[1].target, now));
    assert_eq!(prober.samples().len(), 2);

    let mut other_secret = Prober::new(vec![spec4()]);
    other_secret.probes = Probes::new([4; 16]);
    other_secret.set(vec![spec4()]);
    assert_ne!(other_secret.after_ms(0)[0].data, sent[0].data);
    assert!(!other_secret.probes.handle_reply4(1, &good, source, now));
}

#[test]
fn only_its_own_uplinks_ipv4_identifier_is_owned() {
    let prober = Prober::new(vec![spec4(), ProbeSpec { identifier: 9, ..spec6() }]);
    let owned = |slot, identifier| prober.probes.owns_identifier4(slot, identifier);
    assert_eq!((owned(1, IDENTIFIER), owned(0, IDENTIFIER), owned(1, 9)), (true, false, false));
}

// ---- No way out, and limits ----

#[test]
fn a_probe_that_cannot_be_sent_is_missed_all_the_same() {
    let unresolved = ProbeSpec { slot: 0, ..spec4() };
    let without_uplink = ProbeSpec { slot: 7, ..spec4() };
    let mut prober = Prober::new(vec![unresolved, without_uplink]);
    assert!(prober.after_ms(0).is_empty());
    prober.after_ms(TIMEOUT_MS);
    let samples = prober.samples();
    assert_eq!(samples.iter().map(|sample| (sample.slot, sample.rtt)).collect::<Vec<_>>(), [(0, None), (7, None)]);
    // The gateway answers at last: what waited leaves, and counts as a probe.
    let reply = arp_frame(UPLINK_MAC, ArpOperation::REPLY, OTHER_MAC, "203.0.113.1", UPLINK_MAC, "203.0.113.2");
    let _ = prober.gateway.arp(UPLINK, &reply);
    let released = prober.gateway.sent();
    assert!(released.len() > 1 && released.iter().all(|sent| sent.kind == OutputKind::Probe));
}

#[test]
fn samples_nobody_takes_are_bounded_and_the_newest_stay() {
    let mut prober = Prober::new(vec![spec4()]);
    prober.until_bursting();
    let bursts = SAMPLES_MAX / T4.len() + 100;
    for _ in 0..bursts {
        prober.after_ms(INTERVAL_MS);
    }
    prober.set(vec![]);
    let samples = prober.samples();
    assert_eq!(samples.len(), SAMPLES_MAX);
    assert!(samples[0].round > 1);
    assert!(samples.is_sorted_by_key(|sample| sample.sent_at));
    assert!(prober.probes.samples_lost() > 0);
}

#[test]
fn probes_under_way_are_bounded() {
    let flood = ProbeSpec {
        targets: (1..=100).map(|last| mapped4(v4("192.0.2.0") + last).into()).collect(),
        interval: Duration::from_millis(1),
        ..spec4()
    };
    let mut prober = Prober::new(vec![flood.clone()]);
    prober.until_bursting();
    prober.set(vec![ProbeSpec { timeout: Duration::from_secs(3600), ..flood }]);
    for _ in 0..50 {
        assert_eq!(prober.after_ms(1).len(), 100);
    }
    // 5,101 were sent, one has missed, 4,096 may be under way: the oldest are given up early.
    assert_eq!(prober.samples().len(), 1_004);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_probe_ends_in_one_sample_whatever_is_answered_when(
        steps in prop::collection::vec((0_u64..400, any::<bool>(), any::<bool>()), 1..100),
    ) {
        let mut prober = Prober::new(vec![spec4()]);
        let (mut sent, mut ended) = (Vec::new(), Vec::new());
        for (ms, answer, single) in steps {
            sent.extend(prober.after_ms(ms));
            if single {
                let calm_round = sent.len() as u32;
                prober.set(vec![ProbeSpec { calm_round, ..spec4() }]);
            }
            if let (true, Some(request)) = (answer, sent.last().cloned()) {
                prop_assert!(prober.answer(&request));
            }
            ended.extend(prober.samples());
            prop_assert!(prober.probes.next_wakeup() > Some(prober.gateway.now));
        }
        prober.gateway.now = prober.gateway.now.after(Duration::from_millis(TIMEOUT_MS));
        let last = prober.gateway.now;
        prober.after_ms(0);
        ended.extend(prober.samples());
        prop_assert_eq!(ended.iter().filter(|sample| sample.sent_at < last).count(), sent.len());
        let mut keys: Vec<_> = ended.iter().map(|sample| (sample.round, sample.target)).collect();
        keys.sort_unstable();
        keys.dedup();
        prop_assert_eq!(keys.len(), ended.len());
        for sample in ended {
            prop_assert!(sample.rtt.is_none_or(|rtt| rtt < Duration::from_millis(TIMEOUT_MS)));
        }
    }

    #[test]
    fn garbage_is_no_answer(message in prop::collection::vec(any::<u8>(), 0..64), source in any::<u32>()) {
        let mut prober = Prober::new(vec![spec4(), spec6()]);
        prober.after_ms(0);
        let now = Instant::from_micros(6_000_000);
        prop_assert!(!prober.probes.handle_reply4(1, &message, source, now));
        prop_assert!(!prober.probes.handle_reply6(1, &message, u128::from(source), now));
    }
}
