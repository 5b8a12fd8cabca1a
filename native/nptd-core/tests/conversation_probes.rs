//! Probes that are conversations (HTTP): when they are asked for, what comes of their outcome, and the way of their packets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod host;

use std::net::IpAddr;
use std::sync::Arc;

use etherparse::{PacketBuilder, PacketBuilderStep, SlicedPacket, TransportSlice, ip_number};
use host::*;
use nptd_core::frame::{ChecksumState, Frame, HEADROOM};
use nptd_core::host::neighbours::mapped4;
use nptd_core::host::probes::conversations::{HANDED_PACKETS_MAX, ProbeConclusion, ProbeRequest};
use nptd_core::host::probes::{Family, Method, ProbeSample, ProbeSpec, ProbeTarget};
use nptd_core::output::OutputPool;
use nptd_core::pipeline::Engine;
use nptd_core::plan::Plan;
use nptd_core::plan::spec::PortsSpec;
use nptd_core::time::{Duration, Instant};
use nptd_core::verdict::{DropReason, OutputKind, Verdict};

const OWN_PORTS: (u16, u16) = (61_504, 61_567);
const OWN_PORT: u16 = 61_510;
const PORT: u16 = 8080;
const SERVER: [&str; 2] = ["192.0.2.80", "2001:db8:f::80"];
/// Addresses of the uplink without link headers.
const OWN: [&str; 2] = ["198.51.100.2", "2001:db8:2::2"];
const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

struct Site {
    engine: Engine,
    now: Instant,
    family: Family,
}

impl Site {
    fn new(family: Family, methods: Vec<Method>) -> Self {
        let mut plan = spec();
        plan.generation = 2;
        plan.uplinks[1].ipv4.as_mut().unwrap().reserved = vec![PortsSpec { protocol: 6, ports: OWN_PORTS }];
        let mut engine = engine();
        engine.adopt(Arc::new(Plan::new(plan).unwrap()));
        let now = Instant::from_micros(5_000_000);
        let address = match family {
            Family::V4 => mapped4(v4(SERVER[0])),
            Family::V6 => v6(SERVER[1]),
        };
        let spec = ProbeSpec {
            slot: 1,
            family,
            list: 0,
            targets: methods.into_iter().map(|method| ProbeTarget { address, method }).collect(),
            interval: Duration::from_millis(500),
            timeout: Duration::from_millis(800),
            calm_round: 0,
            identifier: 7,
            ports: (61_440, 61_503),
            conversation_ports: OWN_PORTS,
        };
        engine.set_probes(vec![spec], now);
        Self { engine, now, family }
    }

    /// How many packets are sent after so much time, and which conversations are asked for.
    fn after_ms(&mut self, ms: u64) -> (usize, Vec<ProbeRequest>) {
        self.now = self.now.after(Duration::from_millis(ms));
        let mut outputs = OutputPool::new();
        self.engine.poll(self.now, &mut outputs);
        let sent = outputs.iter().filter(|(output, _)| output.kind == OutputKind::Probe).count();
        (sent, std::iter::from_fn(|| self.engine.take_probe_request()).collect())
    }

    fn conclude(&mut self, request: ProbeRequest, rtt_ms: Option<u64>) {
        let rtt = rtt_ms.map(Duration::from_millis);
        self.engine.conclude_probe(ProbeConclusion { request, rtt });
        assert!(self.engine.next_wakeup().unwrap() <= self.now);
    }

    fn samples(&mut self) -> Vec<(u16, Option<u64>, bool)> {
        let told = |sample: ProbeSample| (sample.target, sample.rtt.map(|rtt| rtt.as_micros() / 1000), sample.burst);
        std::iter::from_fn(|| self.engine.take_probe_sample()).map(told).collect()
    }

    fn ip(&self, from: &str, to: &str) -> PacketBuilderStep<etherparse::IpHeaders> {
        match (from.parse().unwrap(), to.parse().unwrap()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => PacketBuilder::ip(ip4(from.octets(), to.octets())),
            (IpAddr::V6(from), IpAddr::V6(to)) => PacketBuilder::ip(ip6(from.octets(), to.octets())),
            _ => unreachable!("two families"),
        }
    }

    fn segment(&self, port: u16, own_port: u16) -> Vec<u8> {
        let mut packet = Vec::new();
        let (from, to) = (SERVER[self.family as usize], OWN[self.family as usize]);
        self.ip(from, to).tcp(port, own_port, 7, 1000).ack(9).write(&mut packet, b"HTTP/1.1 204").unwrap();
        packet
    }

    fn receive(&mut self, packet: &[u8], checksum: ChecksumState) -> Verdict {
        let mut buffer = vec![0; HEADROOM];
        buffer.extend_from_slice(packet);
        let mut frames = [Frame::new(&mut buffer, HEADROOM, packet.len(), BARE)];
        frames[0].checksum = checksum;
        self.engine.process(&mut frames, self.now, &mut OutputPool::new());
        frames[0].verdict
    }

    fn handed(&mut self) -> Vec<(u8, Vec<u8>)> {
        let mut packets = Vec::new();
        self.engine.take_conversation_packets(&mut |slot, packet| packets.push((slot, packet.to_vec())));
        packets
    }
}

fn ip4(source: [u8; 4], destination: [u8; 4]) -> etherparse::IpHeaders {
    let header = etherparse::Ipv4Header::new(0, 64, ip_number::TCP, source, destination).unwrap();
    etherparse::IpHeaders::Ipv4(header, etherparse::Ipv4Extensions::default())
}

fn ip6(source: [u8; 16], destination: [u8; 16]) -> etherparse::IpHeaders {
    let header = etherparse::Ipv6Header { hop_limit: 64, source, destination, ..Default::default() };
    etherparse::IpHeaders::Ipv6(header, etherparse::Ipv6Extensions::default())
}

fn http() -> Method {
    Method::Conversation { port: PORT }
}

#[test]
fn a_conversation_is_asked_for_in_its_turn_and_its_outcome_is_a_sample() {
    for family in FAMILIES {
        let mut site = Site::new(family, vec![http(), Method::Echo]);
        let (sent, asked) = site.after_ms(0);
        let first = asked[0];
        assert_eq!((sent, asked.len(), first.slot, first.family, first.target), (0, 1, 1, family, 0));
        assert_eq!(site.after_ms(500), (1, vec![]), "an echo request");
        // Whoever holds it judges it, however long it takes; the echo request is missed meanwhile, and bursts begin.
        let (sent, asked) = site.after_ms(800);
        assert_eq!((sent, asked.len()), (1, 1), "both in one burst");
        assert_eq!(site.samples(), [(1, None, false)]);
        site.conclude(first, Some(12));
        site.conclude(asked[0], Some(13));
        site.conclude(asked[0], Some(14));
        let _ = site.after_ms(1);
        assert_eq!(site.samples(), [(0, Some(12), false), (0, Some(13), true)]);
    }
}

#[test]
fn one_that_fails_is_a_miss_and_sets_off_a_burst_at_once() {
    let mut site = Site::new(Family::V4, vec![http(), http()]);
    let (_, asked) = site.after_ms(0);
    site.conclude(asked[0], None);
    let (_, asked) = site.after_ms(10);
    assert_eq!(asked.iter().map(|request| request.target).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(site.samples(), [(0, None, false)]);
    site.conclude(asked[1], None);
    let _ = site.after_ms(1);
    assert_eq!(site.samples(), [(1, None, true)]);
}

#[test]
fn a_target_is_not_asked_while_whoever_holds_its_conversations_is_late() {
    let mut site = Site::new(Family::V4, vec![http()]);
    let asked: Vec<ProbeRequest> = (0..20).flat_map(|_| site.after_ms(500).1).collect();
    assert_eq!(asked.len(), 8);
    assert_eq!(site.samples(), [], "which is nothing against the uplink");
    site.conclude(asked[0], Some(1));
    assert_eq!(site.after_ms(500).1.len(), 1);
    // What is never heard of again is forgotten.
    assert_eq!((0..120).flat_map(|_| site.after_ms(500).1).count(), 8);
    assert_eq!(site.samples().len(), 1);
}

#[test]
fn packets_of_a_target_to_the_ports_of_conversations_are_handed_over_and_no_others() {
    for family in FAMILIES {
        let mut site = Site::new(family, vec![http()]);
        let packet = site.segment(PORT, OWN_PORT);
        assert_eq!(site.receive(&packet, ChecksumState::Complete), Verdict::Consumed);
        assert_eq!(site.handed(), [(1, packet.clone())]);
        assert_eq!(site.handed(), []);
        for (port, own_port) in [(PORT + 1, OWN_PORT), (PORT, OWN_PORTS.0 - 1), (PORT, OWN_PORTS.1 + 1)] {
            let other = site.segment(port, own_port);
            let verdict = site.receive(&other, ChecksumState::Complete);
            assert_ne!(verdict, Verdict::Consumed, "{port} {own_port}");
            assert_eq!(site.handed(), [], "{port} {own_port}: {verdict:?}");
        }
        for _ in 0..HANDED_PACKETS_MAX {
            assert_eq!(site.receive(&packet, ChecksumState::Complete), Verdict::Consumed);
        }
        let full = site.receive(&packet, ChecksumState::Complete);
        assert_eq!(full, Verdict::Drop(DropReason::PassQueueFull));
        assert_eq!(site.handed().len(), HANDED_PACKETS_MAX);
    }
}

#[test]
fn what_is_handed_over_has_its_checksum() {
    for family in FAMILIES {
        let mut site = Site::new(family, vec![http()]);
        let packet = site.segment(PORT, OWN_PORT);
        let start = if family == Family::V4 { 20 } else { 40 };
        let mut vouched = packet.clone();
        vouched[start + 16..start + 18].fill(0xab);
        assert_eq!(site.receive(&vouched, ChecksumState::Vouched), Verdict::Consumed);
        assert_eq!(site.handed(), [(1, packet)]);
    }
}

#[test]
fn a_packet_of_a_conversation_leaves_by_its_uplink_from_its_own_address() {
    for family in FAMILIES {
        let mut site = Site::new(family, vec![http()]);
        let (own, server) = (OWN[family as usize], SERVER[family as usize]);
        let other = ["203.0.113.77", "2001:db8:9::9"][family as usize];
        for (from, leaves) in [(own, true), (other, false)] {
            let mut packet = Vec::new();
            site.ip(from, server).tcp(OWN_PORT, PORT, 1, 1000).syn().write(&mut packet, &[]).unwrap();
            let mut outputs = OutputPool::new();
            assert_eq!(site.engine.send_conversation_packet(1, &packet, site.now, &mut outputs), leaves);
            let sent: Vec<_> = outputs.iter().map(|(output, octets)| (output.kind, output.egress, octets)).collect();
            if leaves {
                assert_eq!(sent, [(OutputKind::Probe, BARE, packet.as_slice())]);
                let sliced = SlicedPacket::from_ip(&packet).unwrap();
                assert!(matches!(sliced.transport, Some(TransportSlice::Tcp(_))));
            } else {
                assert_eq!(sent, []);
            }
        }
    }
}
