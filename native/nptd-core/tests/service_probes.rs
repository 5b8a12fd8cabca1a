//! DNS and TCP probes, through the whole engine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod host;

use std::net::IpAddr;
use std::sync::Arc;

use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TcpSlice, TransportSlice, UdpSlice, checksum};
use host::*;
use nptd_core::frame::{Frame, HEADROOM};
use nptd_core::host::neighbours::mapped4;
use nptd_core::host::probes::{Family, Method, ProbeSample, ProbeSpec, ProbeTarget};
use nptd_core::output::OutputPool;
use nptd_core::pipeline::Engine;
use nptd_core::plan::Plan;
use nptd_core::plan::spec::PortsSpec;
use nptd_core::time::{Duration, Instant};
use nptd_core::verdict::{OutputKind, Verdict};
use proptest::prelude::*;

const PORTS: (u16, u16) = (61_440, 61_443);
const INTERVAL_MS: u64 = 500;
const QUESTION: &[u8] = b"\x07example\x03com\x00\x00\x01\x00\x01";
const SERVER: [&str; 2] = ["192.0.2.53", "2001:db8:f::53"];
/// Addresses of the uplink without link headers.
const OWN: [&str; 2] = ["198.51.100.2", "2001:db8:2::2"];

fn dns() -> Method {
    Method::Dns { port: 5353, question: QUESTION.into() }
}

fn tcp(refused_is_answer: bool) -> Method {
    Method::Tcp { port: 443, refused_is_answer }
}

/// One packet of a probe, as another parser reads it. IPv4 addresses are mapped.
struct Probe {
    source: IpAddr,
    target: IpAddr,
    own_port: u16,
    port: u16,
    /// A DNS message; of TCP the whole header.
    octets: Vec<u8>,
}

fn read(packet: &[u8]) -> Probe {
    let sliced = SlicedPacket::from_ip(packet).unwrap();
    let (source, target): (IpAddr, IpAddr) = match sliced.net.as_ref().unwrap() {
        NetSlice::Ipv4(ip) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        NetSlice::Ipv6(ip) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        other => panic!("no IP: {other:?}"),
    };
    match sliced.transport.unwrap() {
        TransportSlice::Udp(udp) => {
            assert_eq!(udp.checksum(), udp_checksum(&source, &target, &udp));
            let octets = udp.payload().to_vec();
            Probe { source, target, own_port: udp.source_port(), port: udp.destination_port(), octets }
        }
        TransportSlice::Tcp(tcp) => {
            assert_eq!(tcp.checksum(), tcp_checksum(&source, &target, &tcp));
            let octets = tcp.header_slice().to_vec();
            Probe { source, target, own_port: tcp.source_port(), port: tcp.destination_port(), octets }
        }
        other => panic!("neither UDP nor TCP: {other:?}"),
    }
}

fn udp_checksum(source: &IpAddr, target: &IpAddr, udp: &UdpSlice<'_>) -> u16 {
    let header = udp.to_header();
    match (source, target) {
        (IpAddr::V4(from), IpAddr::V4(to)) => header.calc_checksum_ipv4_raw(from.octets(), to.octets(), udp.payload()),
        (IpAddr::V6(from), IpAddr::V6(to)) => header.calc_checksum_ipv6_raw(from.octets(), to.octets(), udp.payload()),
        _ => panic!("two families"),
    }
    .unwrap()
}

fn tcp_checksum(source: &IpAddr, target: &IpAddr, tcp: &TcpSlice<'_>) -> u16 {
    match (source, target) {
        (IpAddr::V4(from), IpAddr::V4(to)) => tcp.calc_checksum_ipv4(from.octets(), to.octets()),
        (IpAddr::V6(from), IpAddr::V6(to)) => tcp.calc_checksum_ipv6(from.octets(), to.octets()),
        _ => panic!("two families"),
    }
    .unwrap()
}

/// An IP packet with UDP or TCP from one end to the other.
fn ip(from: &IpAddr, to: &IpAddr) -> etherparse::PacketBuilderStep<etherparse::IpHeaders> {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => PacketBuilder::ipv4(from.octets(), to.octets(), 60),
        (IpAddr::V6(from), IpAddr::V6(to)) => PacketBuilder::ipv6(from.octets(), to.octets(), 60),
        _ => panic!("two families"),
    }
}

impl Probe {
    fn id(&self) -> u16 {
        u16::from_be_bytes([self.octets[0], self.octets[1]])
    }

    fn sequence(&self) -> u32 {
        u32::from_be_bytes(self.octets[4..8].try_into().unwrap())
    }

    /// A datagram from the server with this DNS message.
    fn datagram(&self, message: &[u8]) -> Vec<u8> {
        let mut packet = Vec::new();
        ip(&self.target, &self.source).udp(self.port, self.own_port).write(&mut packet, message).unwrap();
        packet
    }

    /// A response: "no such name", with the question in capitals.
    fn response(&self) -> Vec<u8> {
        let header = [&self.id().to_be_bytes()[..], &[0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0]].concat();
        [&header[..], b"\x07EXAMPLE\x03COM\x00\x00\x01\x00\x01"].concat()
    }

    /// A segment from the server that acknowledges so much more than the SYN.
    fn segment(&self, flags: &str, beyond: u32) -> Vec<u8> {
        let step = ip(&self.target, &self.source).tcp(self.port, self.own_port, 77, 1000);
        let acknowledged = self.sequence().wrapping_add(1).wrapping_add(beyond);
        let step = if flags.contains('S') { step.syn() } else { step };
        let step = if flags.contains('R') { step.rst() } else { step };
        let step = if flags.contains('A') { step.ack(acknowledged) } else { step };
        let mut packet = Vec::new();
        step.write(&mut packet, &[]).unwrap();
        packet
    }
}

/// The gateway, whose uplink without link headers is probed in one family.
struct Site {
    engine: Engine,
    now: Instant,
    family: Family,
}

impl Site {
    fn new(family: Family, methods: Vec<Method>) -> Self {
        let mut plan = spec();
        plan.generation = 2;
        let reserved = [6, 17].map(|protocol| PortsSpec { protocol, ports: PORTS });
        plan.uplinks[1].ipv4.as_mut().unwrap().reserved = reserved.to_vec();
        let mut engine = engine();
        engine.adopt(Arc::new(Plan::new(plan).unwrap()));
        let mut site = Self { engine, now: Instant::from_micros(5_000_000), family };
        site.probe(methods);
        site
    }

    fn probe(&mut self, methods: Vec<Method>) {
        let address = match self.family {
            Family::V4 => mapped4(v4(SERVER[0])),
            Family::V6 => v6(SERVER[1]),
        };
        let spec = ProbeSpec {
            slot: 1,
            family: self.family,
            list: 0,
            targets: methods.into_iter().map(|method| ProbeTarget { address, method }).collect(),
            interval: Duration::from_millis(INTERVAL_MS),
            timeout: Duration::from_millis(800),
            calm_round: 0,
            identifier: 7,
            ports: PORTS,
            conversation_ports: (61_504, 61_567),
        };
        self.engine.set_probes(vec![spec], self.now);
    }

    /// What is sent after so much time.
    fn after_ms(&mut self, ms: u64) -> Vec<Probe> {
        self.now = self.now.after(Duration::from_millis(ms));
        let mut outputs = OutputPool::new();
        self.engine.poll(self.now, &mut outputs);
        probes(&outputs)
    }

    /// A packet that comes by the probed uplink, and what is sent because of it.
    fn receive(&mut self, packet: &[u8]) -> (Verdict, Vec<Probe>) {
        self.receive_by(BARE, packet)
    }

    fn receive_by(&mut self, device: nptd_core::frame::DeviceIndex, packet: &[u8]) -> (Verdict, Vec<Probe>) {
        let mut outputs = OutputPool::new();
        let mut buffer = vec![0; HEADROOM];
        buffer.extend_from_slice(packet);
        let mut frames = [Frame::new(&mut buffer, HEADROOM, packet.len(), device)];
        self.engine.process(&mut frames, self.now, &mut outputs);
        (frames[0].verdict, probes(&outputs))
    }

    /// Targets and round-trip times of what is finished, in milliseconds.
    fn samples(&mut self) -> Vec<(u16, Option<u64>)> {
        let ms = |sample: ProbeSample| (sample.target, sample.rtt.map(|rtt| rtt.as_micros() / 1000));
        std::iter::from_fn(|| self.engine.take_probe_sample()).map(ms).collect()
    }
}

fn probes(outputs: &OutputPool) -> Vec<Probe> {
    let ours = outputs.iter().filter(|(output, _)| output.kind == OutputKind::Probe && output.egress == BARE);
    ours.map(|(_, octets)| read(octets)).collect()
}

fn is_from(probe: &Probe, own: usize) -> bool {
    probe.source == OWN[own].parse::<IpAddr>().unwrap() && probe.target == SERVER[own].parse::<IpAddr>().unwrap()
}

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

// ---- DNS ----

#[test]
fn a_query_leaves_from_the_uplinks_own_address_and_a_reserved_port_and_any_response_answers_it() {
    for family in FAMILIES {
        let mut site = Site::new(family, vec![dns()]);
        let sent = site.after_ms(0).pop().unwrap();
        assert!(is_from(&sent, family as usize));
        assert!((PORTS.0..=PORTS.1).contains(&sent.own_port) && sent.port == 5353);
        assert_eq!(sent.octets[2..12], [1, 0, 0, 1, 0, 0, 0, 0, 0, 0], "recursion desired, one question");
        assert_eq!(&sent.octets[12..], QUESTION);

        assert!(site.after_ms(30).is_empty());
        assert_eq!(site.receive(&sent.datagram(&sent.response())).0, Verdict::Consumed);
        assert_eq!(site.samples(), [(0, Some(30))]);
        assert_eq!(site.receive(&sent.datagram(&sent.response())).0, Verdict::Consumed, "twice");
        assert_eq!(site.samples(), []);
    }
}

#[test]
fn what_does_not_answer_the_question_is_used_up_and_counts_for_nothing() {
    let mut site = Site::new(Family::V4, vec![dns()]);
    let sent = site.after_ms(0).pop().unwrap();
    let good = sent.response();
    // The id, the response bit, the opcode, the number of questions, the name, the type, the class.
    for (at, bit) in [(0, 1), (1, 1), (2, 0x80), (2, 0x08), (4, 1), (5, 1), (13, 1), (26, 1), (28, 2)] {
        let mut response = good.clone();
        response[at] ^= bit;
        assert_eq!(site.receive(&sent.datagram(&response)).0, Verdict::Consumed, "octet {at}");
        assert_eq!(site.samples(), [], "octet {at}");
    }
    for length in 0..good.len() {
        let _ = site.receive(&sent.datagram(&good[..length]));
        assert_eq!(site.samples(), [], "cut to {length}");
    }
    let _ = site.receive(&sent.datagram(&good));
    assert_eq!(site.samples().len(), 1);
}

#[test]
fn only_the_target_on_the_probed_uplink_answers() {
    for family in FAMILIES {
        let mut site = Site::new(family, vec![dns()]);
        let sent = site.after_ms(0).pop().unwrap();
        let elsewhere = if family == Family::V4 { "192.0.2.54" } else { "2001:db8:f::54" }.parse().unwrap();
        let from =
            |target, port, own_port| Probe { source: sent.source, target, port, own_port, octets: sent.octets.clone() };
        for forged in [
            from(elsewhere, sent.port, sent.own_port),
            from(sent.target, 53, sent.own_port),
            from(sent.target, sent.port, PORTS.1 + 1),
        ] {
            let (verdict, _) = site.receive(&forged.datagram(&forged.response()));
            assert_ne!(verdict, Verdict::Consumed);
        }
        // Another own port of the probes belongs to another id.
        let other = from(sent.target, sent.port, if sent.own_port == PORTS.0 { PORTS.1 } else { PORTS.0 });
        assert_eq!(site.receive(&other.datagram(&other.response())).0, Verdict::Consumed);
        assert_eq!(site.samples(), []);
        // Nor by TCP.
        assert_eq!(site.receive(&sent.segment("SA", 0)).0, Verdict::Pass);
    }
}

#[test]
fn a_silent_server_is_missed_and_asked_again_with_another_id_and_port() {
    let mut site = Site::new(Family::V4, vec![dns()]);
    let first = site.after_ms(0).pop().unwrap();
    let second = site.after_ms(INTERVAL_MS).pop().unwrap();
    assert_ne!((first.id(), first.own_port), (second.id(), second.own_port));
    assert_ne!(first.own_port, second.own_port);
    // What the second would be from the port of the first is no answer to it.
    let mut confused = first.response();
    confused[..2].copy_from_slice(&(first.id().wrapping_add(1)).to_be_bytes());
    assert_eq!(site.receive(&first.datagram(&confused)).0, Verdict::Consumed);
    assert_eq!(site.samples(), []);
    site.after_ms(300);
    assert_eq!(site.samples(), [(0, None)]);
    let late = site.receive(&first.datagram(&first.response())).0;
    assert_eq!((late, site.samples()), (Verdict::Consumed, vec![]));
    let _ = site.receive(&second.datagram(&second.response()));
    assert_eq!(site.samples(), [(0, Some(300))]);
}

#[test]
fn a_response_in_fragments_is_none() {
    let mut site = Site::new(Family::V4, vec![dns()]);
    let sent = site.after_ms(0).pop().unwrap();
    let mut packet = sent.datagram(&sent.response());
    packet[6] |= 0x20; // More fragments.
    packet[10..12].fill(0);
    let sum = checksum::Sum16BitWords::new().add_slice(&packet[..20]).ones_complement();
    packet[10..12].copy_from_slice(&sum.to_ne_bytes());
    assert_eq!((site.receive(&packet).0, site.samples()), (Verdict::Pass, vec![]));
    let mut site = Site::new(Family::V6, vec![dns()]);
    let sent = site.after_ms(0).pop().unwrap();
    let mut packet = sent.datagram(&sent.response());
    let fragment = [17, 0, 0, 1, 0, 0, 0, 9];
    packet.splice(40..40, fragment);
    (packet[5], packet[6]) = (packet[5] + 8, 44);
    assert_eq!((site.receive(&packet).0, site.samples()), (Verdict::Pass, vec![]));
}

// ---- TCP ----

#[test]
fn a_connection_that_is_accepted_is_answered_and_ended() {
    for family in FAMILIES {
        let mut site = Site::new(family, vec![tcp(false)]);
        let sent = site.after_ms(0).pop().unwrap();
        assert!(is_from(&sent, family as usize));
        assert!((PORTS.0..=PORTS.1).contains(&sent.own_port) && sent.port == 443);
        assert_eq!((sent.octets[13], &sent.octets[20..]), (0x02, &[2, 4, 0x04, 0xc4][..]), "SYN, with a segment size");

        assert!(site.after_ms(40).is_empty());
        let (verdict, resets) = site.receive(&sent.segment("SA", 0));
        assert_eq!((verdict, site.samples()), (Verdict::Consumed, vec![(0, Some(40))]));
        let [reset] = &resets[..] else { panic!("no reset") };
        assert!(is_from(reset, family as usize));
        assert_eq!((reset.own_port, reset.port, reset.octets[13]), (sent.own_port, 443, 0x04));
        assert_eq!((reset.sequence(), reset.octets.len()), (sent.sequence().wrapping_add(1), 20));

        // The reset was lost: the server asks again, and is told again.
        let (verdict, resets) = site.receive(&sent.segment("SA", 0));
        assert_eq!((verdict, resets.len(), site.samples()), (Verdict::Consumed, 1, vec![]));
    }
}

#[test]
fn a_refusal_answers_only_where_it_is_to() {
    for (refused_is_answer, samples) in [(true, vec![(0, Some(0))]), (false, vec![])] {
        let mut site = Site::new(Family::V4, vec![tcp(refused_is_answer)]);
        let sent = site.after_ms(0).pop().unwrap();
        let (verdict, resets) = site.receive(&sent.segment("RA", 0));
        assert_eq!((verdict, resets.len(), site.samples()), (Verdict::Consumed, 0, samples));
    }
}

#[test]
fn a_challenge_is_answered_with_a_reset_and_counts_for_nothing() {
    let mut site = Site::new(Family::V4, vec![tcp(true)]);
    let sent = site.after_ms(0).pop().unwrap();
    let (verdict, resets) = site.receive(&sent.segment("A", 0));
    assert_eq!((verdict, resets.len(), site.samples()), (Verdict::Consumed, 1, vec![]));
}

#[test]
fn a_segment_that_has_not_seen_the_syn_does_nothing() {
    for (flags, beyond) in [("SA", 1), ("SA", u32::MAX), ("SA", 1 << 16), ("RA", 1), ("A", 5), ("S", 0), ("R", 0)] {
        let mut site = Site::new(Family::V4, vec![tcp(true)]);
        let sent = site.after_ms(0).pop().unwrap();
        let (verdict, resets) = site.receive(&sent.segment(flags, beyond));
        assert_eq!((verdict, site.samples()), (Verdict::Consumed, vec![]), "{flags} {beyond}");
        // What acknowledges another probe between these ends is taken for a late answer.
        assert_eq!(resets.len(), usize::from(beyond == 1 << 16), "{flags} {beyond}");
    }
}

#[test]
fn sequence_numbers_rise_between_the_same_ends_6528() {
    let mut site = Site::new(Family::V4, vec![tcp(false)]);
    let mut seen: Vec<(u16, u32)> = Vec::new();
    for _ in 0..9 {
        let sent = site.after_ms(INTERVAL_MS).pop().unwrap();
        let _ = site.receive(&sent.segment("SA", 0));
        if let Some((_, before)) = seen.iter().rev().find(|(port, _)| *port == sent.own_port) {
            assert_eq!(sent.sequence().wrapping_sub(*before), 4 << 16);
        }
        seen.push((sent.own_port, sent.sequence()));
    }
    assert_eq!(seen.iter().map(|(port, _)| port).collect::<std::collections::BTreeSet<_>>().len(), 4);
}

// ---- Both, and more ----

#[test]
fn targets_of_one_address_are_told_apart_by_method() {
    let mut site = Site::new(Family::V4, vec![tcp(true), dns()]);
    let syn = site.after_ms(0).pop().unwrap();
    let query = site.after_ms(INTERVAL_MS).pop().unwrap();
    let _ = site.receive(&query.datagram(&query.response()));
    let _ = site.receive(&syn.segment("SA", 0));
    assert_eq!(site.samples(), [(1, Some(0)), (0, Some(500))]);
}

#[test]
fn no_mapping_takes_a_port_of_the_probes_3022_2_2() {
    let mut site = Site::new(Family::V4, vec![dns()]);
    let host = "192.168.1.9".parse().unwrap();
    let mut packet = Vec::new();
    ip(&host, &"192.0.2.53".parse().unwrap()).udp(PORTS.0, 5353).write(&mut packet, &[1]).unwrap();
    let mut frame = [&INTERNAL_MAC[..], &HOST_MAC, &[8, 0]].concat();
    frame.extend(packet);
    let _ = site.receive_by(INTERNAL, &frame);
    let mut rows = Vec::new();
    site.engine.mapping_rows(0, 16, site.now, &mut rows);
    assert_eq!(rows.len(), 1);
    // Made on uplink 0, whose plan reserves nothing, the port is preserved; on the probed one it is not.
    assert_eq!(rows[0].external.port, PORTS.0);
    let mut plan = spec();
    (plan.generation, plan.policies[0].prefer) = (3, vec![1, 0]);
    let reserved = [6, 17].map(|protocol| PortsSpec { protocol, ports: PORTS });
    plan.uplinks[1].ipv4.as_mut().unwrap().reserved = reserved.to_vec();
    let mut other = engine();
    other.adopt(Arc::new(Plan::new(plan).unwrap()));
    let _ = through(&mut other, INTERNAL, &frame);
    let mut rows = Vec::new();
    other.mapping_rows(0, 16, site.now, &mut rows);
    assert!(rows.len() == 1 && !(PORTS.0..=PORTS.1).contains(&rows[0].external.port));
}

proptest! {
    /// Whatever comes from the target's port to a port of the probes neither panics nor answers.
    #[test]
    fn arbitrary_octets_answer_nothing(
        payload in proptest::collection::vec(any::<u8>(), 0..64),
        header in proptest::collection::vec(any::<u8>(), 16),
        is_tcp in any::<bool>(),
        is_v4 in any::<bool>(),
    ) {
        let family = if is_v4 { Family::V4 } else { Family::V6 };
        let mut site = Site::new(family, vec![if is_tcp { tcp(true) } else { dns() }]);
        let sent = site.after_ms(0).pop().unwrap();
        let mut packet = if is_tcp { sent.segment("SA", 0) } else { sent.datagram(&payload) };
        let transport = if is_v4 { 20 } else { 40 };
        if is_tcp {
            packet[transport + 4..transport + 12].copy_from_slice(&header[..8]);
            packet[transport + 13..transport + 20].copy_from_slice(&header[8..15]);
        }
        let _ = site.receive(&packet);
        prop_assert_eq!(site.samples(), []);
    }
}
