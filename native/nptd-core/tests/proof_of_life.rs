//! Round trips of the site's own traffic, which prove that an uplink lives whose probes are missed: from the engine's probes to
//! what it tells, in both families. Which packets prove one is in the tests of `session::round_trips`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use etherparse::PacketBuilder;
use nptd_core::counters::Counters;
use nptd_core::frame::{DeviceIndex, Frame, HEADROOM};
use nptd_core::host::neighbours::mapped4;
use nptd_core::host::probes::{Family, OWN_LIST, ProbeSpec};
use nptd_core::output::OutputPool;
use nptd_core::pipeline::{Engine, EngineConfig};
use nptd_core::plan::Plan;
use nptd_core::plan::spec::*;
use nptd_core::session::filtering::Filtering;
use nptd_core::session::round_trips::RoundTrip;
use nptd_core::time::{Duration, Instant};
use nptd_core::verdict::Verdict;

const SITE: DeviceIndex = DeviceIndex(0);
const UPLINK: DeviceIndex = DeviceIndex(1);

fn v6(text: &str) -> u128 {
    text.parse::<std::net::Ipv6Addr>().unwrap().to_bits()
}

fn at(ms: u64) -> Instant {
    Instant::from_micros(ms * 1_000)
}

fn plan() -> Plan {
    let device = |role, ipv4: u32, ipv6: &str| DeviceSpec {
        link: LinkSpec::Ip,
        role,
        mtu: 1500,
        ipv4: vec![(ipv4, 24)],
        ipv6: vec![(v6(ipv6), 64)],
        advertise: None,
    };
    let ipv4 = Uplink4Spec {
        usable: true,
        last_resort: false,
        gateway: None,
        pool: vec![0xcb00_7102],
        ports: (1024, 65_535),
        nat44: true,
        mss_clamp: None,
        reserved: Vec::new(),
    };
    let pair = PrefixPairSpec { internal: (v6("fd00:1::"), 48), external: (v6("2001:db8:1::"), 48) };
    let ipv6 = Uplink6Spec {
        usable: true,
        last_resort: false,
        gateway: None,
        pairs: vec![pair],
        mss_clamp: None,
        proxy_neighbours: false,
    };
    let filtering = Filtering::AddressAndPortDependent;
    Plan::new(PlanSpec {
        generation: 1,
        devices: vec![
            device(RoleSpec::Internal, 0x0a00_0001, "fd00:1::1"),
            device(RoleSpec::Uplink(0), 0xcb00_7102, "2001:db8:a::2"),
        ],
        uplinks: vec![UplinkSpec { slot: 0, epoch: 0, device: 1, ipv4: Some(ipv4), ipv6: Some(ipv6) }],
        policies: vec![PolicySpec { prefer: vec![0], ..PolicySpec::default() }],
        filter6: Some(Filter6Spec {
            filtering_udp: filtering,
            filtering_tcp: filtering,
            filtering_other: filtering,
            ipsec: false,
            published: Vec::new(),
        }),
        ..PlanSpec::default()
    })
    .unwrap()
}

struct Site {
    engine: Engine,
    outputs: OutputPool,
}

impl Site {
    fn new() -> Self {
        let config = EngineConfig {
            mappings_max: 64,
            sessions_max: 64,
            filter_sessions_max: 64,
            hosts_max: 16,
            neighbours_max: 16,
            secret: [1; 16],
            hash_key: [2; 16],
        };
        let mut engine = Engine::new(config, Arc::new(Counters::new()));
        engine.adopt(Arc::new(plan()));
        Self { engine, outputs: OutputPool::new() }
    }

    fn probe(&mut self, family: Family, list: u8, now: Instant) {
        let target = match family {
            Family::V4 => mapped4(0xc000_0201),
            Family::V6 => v6("2001:db8:ffff::1"),
        };
        let span = Duration::from_millis(100);
        let spec = ProbeSpec {
            slot: 0,
            family,
            list,
            targets: vec![target.into()],
            interval: span,
            timeout: span,
            calm_round: 0,
            identifier: 7,
            ports: (61_440, 61_503),
            conversation_ports: (61_504, 61_567),
        };
        self.engine.set_probes(vec![spec], now);
    }

    fn tick(&mut self, now: Instant) {
        self.outputs.clear();
        self.engine.tick(now, &mut self.outputs);
    }

    /// Forwards a packet, and gives it as it leaves.
    fn forward(&mut self, ingress: DeviceIndex, packet: &[u8], now: Instant) -> Vec<u8> {
        let mut memory = vec![0; HEADROOM + 2_048];
        memory[HEADROOM..HEADROOM + packet.len()].copy_from_slice(packet);
        let mut frames = [Frame::new(&mut memory, HEADROOM, packet.len(), ingress)];
        self.engine.process(&mut frames, now, &mut self.outputs);
        assert_eq!(frames[0].verdict, Verdict::Forward);
        frames[0].octets().to_vec()
    }

    /// A new flow that is answered.
    fn converse(&mut self, family: Family, port: u16, sent: Instant, answered: Instant) {
        let mut packet = Vec::new();
        match family {
            Family::V4 => PacketBuilder::ipv4([10, 0, 0, 5], [192, 0, 2, 9], 64).udp(port, 53).write(&mut packet, &[1]),
            Family::V6 => {
                let (host, remote) = (v6("fd00:1::5").to_be_bytes(), v6("2001:db8:ffff::9").to_be_bytes());
                PacketBuilder::ipv6(host, remote, 64).udp(port, 53).write(&mut packet, &[1])
            }
        }
        .unwrap();
        let left = self.forward(SITE, &packet, sent);
        self.forward(UPLINK, &answer(&left), answered);
    }
}

fn answer(packet: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    let port = |at: usize| u16::from_be_bytes(packet[at..at + 2].try_into().unwrap());
    if packet[0] >> 4 == 4 {
        let [source, destination] = [12, 16].map(|at| packet[at..at + 4].try_into().unwrap());
        PacketBuilder::ipv4(destination, source, 64).udp(port(22), port(20)).write(&mut octets, &[2]).unwrap();
    } else {
        let [source, destination] = [8, 24].map(|at| packet[at..at + 16].try_into().unwrap());
        PacketBuilder::ipv6(destination, source, 64).udp(port(42), port(40)).write(&mut octets, &[2]).unwrap();
    }
    octets
}

#[test]
fn traffic_that_comes_back_is_told_of_while_probes_are_missed() {
    for (family, other) in [(Family::V4, Family::V6), (Family::V6, Family::V4)] {
        let mut site = Site::new();
        site.probe(family, OWN_LIST, at(0));
        site.tick(at(0));
        site.converse(family, 1_000, at(10), at(20));
        assert_eq!(site.engine.take_round_trip(), None, "no probe was missed");
        site.tick(at(100));
        site.converse(other, 1_000, at(110), at(120));
        assert_eq!(site.engine.take_round_trip(), None, "of the other family");
        site.converse(family, 1_001, at(130), at(150));
        let trip = RoundTrip { slot: 0, started_at: at(130), at: at(150) };
        assert_eq!(site.engine.take_round_trip(), Some((family, trip)));
        assert_eq!(site.engine.take_round_trip(), None);
        site.engine.set_probes(Vec::new(), at(150));
        site.tick(at(150));
        site.converse(family, 1_002, at(500), at(510));
        assert_eq!(site.engine.take_round_trip(), None, "nothing is probed");
    }
}

#[test]
fn the_targets_of_a_policy_doubt_no_uplink() {
    let mut site = Site::new();
    site.probe(Family::V4, OWN_LIST + 1, at(0));
    site.tick(at(0));
    site.tick(at(100));
    site.converse(Family::V4, 1_000, at(130), at(150));
    assert_eq!(site.engine.take_round_trip(), None);
}
