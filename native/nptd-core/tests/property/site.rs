//! The site under attack: two internal devices and three uplinks, with and without link headers.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use nptd_core::counters::Counters;
use nptd_core::filter::FilterRow;
use nptd_core::frame::{ChecksumState, DeviceIndex, Frame, HEADROOM, Segmentation};
use nptd_core::nat44::{MappingRow, SessionRow};
use nptd_core::output::OutputPool;
use nptd_core::pipeline::{Engine, EngineConfig};
use nptd_core::plan::Plan;
use nptd_core::plan::spec::*;
use nptd_core::time::Instant;
use nptd_core::verdict::{OutputKind, Verdict};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Ethernet. Device 1 is internal too, without link headers.
pub const HOSTS: DeviceIndex = DeviceIndex(0);
/// Slot 0, Ethernet. Devices 3 and 4 are the uplinks in slot 1 (no link headers, MTU 1400) and slot 2 (the same,
/// `nat44: off`, MTU 576, IPv4 only).
pub const CABLE: DeviceIndex = DeviceIndex(2);
/// Slot 1.
pub const TUNNEL: DeviceIndex = DeviceIndex(3);

pub const GATEWAY_MACS: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];
pub const HOST_MAC: [u8; 6] = [2, 0, 0, 0, 1, 5];
pub const ISP_MAC: [u8; 6] = [2, 0, 0, 0, 2, 1];

pub const HOST: u32 = v4([10, 0, 0, 5]);
pub const REMOTE: u32 = v4([192, 0, 2, 9]);
pub const CABLE_POOL: [u32; 2] = [v4([198, 51, 100, 2]), v4([198, 51, 100, 3])];
pub const TUNNEL_ADDRESS: u32 = v4([203, 0, 113, 2]);

pub const START: Instant = Instant::from_micros(86_400_000_000);

pub const fn v4(octets: [u8; 4]) -> u32 {
    u32::from_be_bytes(octets)
}

pub fn v6(text: &str) -> u128 {
    text.parse::<Ipv6Addr>().unwrap().into()
}

/// A runner with a fixed seed.
pub fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

pub fn spec() -> PlanSpec {
    let device = |link, role, mtu, ipv4, ipv6: Option<&str>| DeviceSpec {
        link,
        role,
        mtu,
        ipv4: vec![(v4(ipv4), 24)],
        ipv6: ipv6.map(|address| (v6(address), 64)).into_iter().collect(),
        advertise: None,
    };
    let ethernet = |index: usize| LinkSpec::Ethernet(GATEWAY_MACS[index]);
    PlanSpec {
        generation: 1,
        devices: vec![
            device(ethernet(0), RoleSpec::Internal, 1500, [10, 0, 0, 1], Some("fd00:1::1")),
            device(LinkSpec::Ip, RoleSpec::Internal, 1280, [10, 0, 1, 1], Some("fd00:1:0:1::1")),
            device(ethernet(1), RoleSpec::Uplink(0), 1500, [198, 51, 100, 2], Some("2001:db8:a::2")),
            device(LinkSpec::Ip, RoleSpec::Uplink(1), 1400, [203, 0, 113, 2], Some("2001:db8:b::2")),
            device(LinkSpec::Ip, RoleSpec::Uplink(2), 576, [192, 168, 9, 2], None),
        ],
        routes: vec![RouteSpec::V4(v4([10, 1, 0, 0]), 16, 0, v4([10, 0, 0, 254]))],
        uplinks: vec![
            uplink(0, Some([198, 51, 100, 1]), CABLE_POOL.to_vec(), Some(("2001:db8:a::1", "2001:db8:a100::"))),
            uplink(1, None, vec![TUNNEL_ADDRESS], Some(("2001:db8:b::1", "2001:db8:b100::"))),
            UplinkSpec { ipv4: Some(ipv4(None, vec![v4([192, 168, 9, 2])], false)), ..uplink(2, None, vec![], None) },
        ],
        policies: vec![PolicySpec { prefer: vec![1, 0, 2], ..PolicySpec::default() }],
        error_rate: RateSpec { per_second: 1_000_000, burst: 1_000 },
        ..PlanSpec::default()
    }
}

fn ipv4(gateway: Option<[u8; 4]>, pool: Vec<u32>, nat44: bool) -> Uplink4Spec {
    Uplink4Spec {
        usable: true,
        last_resort: true,
        gateway: gateway.map(v4),
        pool,
        ports: (1, u16::MAX),
        nat44,
        mss_clamp: None,
        reserved: Vec::new(),
    }
}

fn uplink(slot: u8, gateway: Option<[u8; 4]>, pool: Vec<u32>, six: Option<(&str, &str)>) -> UplinkSpec {
    let pair = |external| PrefixPairSpec { internal: (v6("fd00:1::"), 48), external: (v6(external), 48) };
    UplinkSpec {
        slot,
        epoch: 0,
        device: u16::from(slot) + 2,
        ipv4: (!pool.is_empty()).then(|| ipv4(gateway, pool, true)),
        ipv6: six.map(|(gateway, external)| Uplink6Spec {
            usable: true,
            last_resort: true,
            gateway: Some(v6(gateway)),
            pairs: vec![pair(external)],
            mss_clamp: None,
            proxy_neighbours: false,
        }),
    }
}

/// One frame after the engine has seen it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub ingress: DeviceIndex,
    pub before: Vec<u8>,
    pub after: Vec<u8>,
    pub verdict: Verdict,
    pub egress: DeviceIndex,
    pub checksum: ChecksumState,
    pub outputs: Vec<(DeviceIndex, OutputKind, Vec<u8>)>,
}

/// A frame on its way out.
#[derive(Clone, Debug)]
pub struct Leaving {
    pub device: DeviceIndex,
    /// None for the frame that came in.
    pub kind: Option<OutputKind>,
    pub octets: Vec<u8>,
    pub checksum: ChecksumState,
    pub segmentation: Segmentation,
}

/// An engine, its clock and a reusable pool of outputs.
pub struct Site {
    pub engine: Engine,
    pub spec: PlanSpec,
    pub now: Instant,
    outputs: OutputPool,
    buffer: Vec<u8>,
}

impl Site {
    pub fn new(spec: PlanSpec, mappings_max: u32, sessions_max: u32) -> Self {
        Self::with_hosts(spec, mappings_max, sessions_max, 64)
    }

    pub fn with_hosts(spec: PlanSpec, mappings_max: u32, sessions_max: u32, hosts_max: u32) -> Self {
        let (secret, hash_key) = ([3; 16], [4; 16]);
        let filter_sessions_max = sessions_max;
        let config = EngineConfig {
            mappings_max,
            sessions_max,
            filter_sessions_max,
            hosts_max,
            neighbours_max: 64,
            secret,
            hash_key,
        };
        let mut engine = Engine::new(config, Arc::new(Counters::new()));
        engine.adopt(Arc::new(Plan::new(spec.clone()).unwrap()));
        let buffer = vec![0; HEADROOM + 70_000];
        Self { engine, spec, now: START, outputs: OutputPool::new(), buffer }
    }

    /// The site with its stations resolved.
    pub fn introduced() -> Self {
        let mut site = Self::new(spec(), 1024, 1024);
        for octet in [5, 6, 254] {
            site.send(HOSTS, &arp_request(0, HOST_MAC, v4([10, 0, 0, octet]), v4([10, 0, 0, 1])));
        }
        site.send(CABLE, &arp_request(1, ISP_MAC, v4([198, 51, 100, 1]), v4([198, 51, 100, 2])));
        site
    }

    /// Has the engine hear of its host again, who does not answer when it is asked whether it is still there.
    /// What leaves is what has waited for it.
    pub fn introduce_host(&mut self) -> Vec<(DeviceIndex, OutputKind, Vec<u8>)> {
        let mut seen = self.send(HOSTS, &arp_request(0, HOST_MAC, HOST, v4([10, 0, 0, 1])));
        seen.outputs.extend(self.send(HOSTS, &solicitation(0, HOST_MAC, "fd00:1::5", "fd00:1::1")).outputs);
        seen.outputs
    }

    /// Has the engine learn the link addresses of the cable's gateway in both families, and of an IPv6 host.
    pub fn introduce_gateways(&mut self) {
        self.send(CABLE, &arp_request(1, ISP_MAC, v4([198, 51, 100, 1]), v4([198, 51, 100, 2])));
        self.send(CABLE, &solicitation(1, ISP_MAC, "2001:db8:a::1", "2001:db8:a::2"));
        self.send(HOSTS, &solicitation(0, HOST_MAC, "fd00:1::5", "fd00:1::1"));
    }

    pub fn adopt(&mut self, spec: PlanSpec) {
        self.engine.adopt(Arc::new(Plan::new(spec.clone()).unwrap()));
        self.spec = spec;
    }

    pub fn advance(&mut self, ms: u64) {
        self.now = Instant::from_micros(self.now.as_micros() + ms * 1_000);
    }

    pub fn settle(&mut self) {
        self.engine.settle(self.now);
    }

    pub fn tick(&mut self) {
        self.outputs.clear();
        self.engine.tick(self.now, &mut self.outputs);
    }

    /// What leaves when time passes.
    pub fn tick_outputs(&mut self) -> Vec<(DeviceIndex, OutputKind, Vec<u8>)> {
        self.tick();
        self.outputs.iter().map(|(output, octets)| (output.egress, output.kind, octets.to_vec())).collect()
    }

    pub fn send(&mut self, ingress: DeviceIndex, octets: &[u8]) -> Seen {
        self.send_as(ingress, octets, ChecksumState::Complete)
    }

    pub fn send_as(&mut self, ingress: DeviceIndex, octets: &[u8], checksum: ChecksumState) -> Seen {
        self.outputs.clear();
        self.buffer[HEADROOM..HEADROOM + octets.len()].copy_from_slice(octets);
        let mut frame = Frame::new(&mut self.buffer, HEADROOM, octets.len(), ingress);
        frame.checksum = checksum;
        self.engine.process(std::slice::from_mut(&mut frame), self.now, &mut self.outputs);
        let outputs = self.outputs.iter().map(|(output, octets)| (output.egress, output.kind, octets.to_vec()));
        Seen {
            ingress,
            before: octets.to_vec(),
            after: frame.octets().to_vec(),
            verdict: frame.verdict,
            egress: frame.egress,
            checksum: frame.checksum,
            outputs: outputs.collect(),
        }
    }

    /// Sends frames in one batch: what became of each, the device that it leaves by, and its octets then.
    pub fn send_batch(&mut self, frames: &[(DeviceIndex, Vec<u8>)]) -> Vec<(Verdict, DeviceIndex, Vec<u8>)> {
        self.outputs.clear();
        let mut buffers: Vec<Vec<u8>> =
            frames.iter().map(|(_, octets)| [&[0; HEADROOM][..], octets, &[0; 64]].concat()).collect();
        let mut batch: Vec<Frame<'_>> = buffers
            .iter_mut()
            .zip(frames)
            .map(|(buffer, (ingress, octets))| Frame::new(buffer, HEADROOM, octets.len(), *ingress))
            .collect();
        self.engine.process(&mut batch, self.now, &mut self.outputs);
        batch.iter().map(|frame| (frame.verdict, frame.egress, frame.octets().to_vec())).collect()
    }

    /// Sends one frame as a device hands it over; what leaves, in order.
    pub fn send_frame(
        &mut self,
        ingress: DeviceIndex,
        octets: &[u8],
        checksum: ChecksumState,
        segmentation: Segmentation,
    ) -> (Verdict, Vec<Leaving>) {
        self.outputs.clear();
        self.buffer[HEADROOM..HEADROOM + octets.len()].copy_from_slice(octets);
        let mut frame = Frame::new(&mut self.buffer, HEADROOM, octets.len(), ingress);
        (frame.checksum, frame.segmentation) = (checksum, segmentation);
        self.engine.process(std::slice::from_mut(&mut frame), self.now, &mut self.outputs);
        let first = (frame.verdict == Verdict::Forward).then(|| Leaving {
            device: frame.egress,
            kind: None,
            octets: frame.octets().to_vec(),
            checksum: frame.checksum,
            segmentation: frame.segmentation,
        });
        let outputs = self.outputs.iter().map(|(output, octets)| Leaving {
            device: output.egress,
            kind: Some(output.kind),
            octets: octets.to_vec(),
            checksum: output.checksum,
            segmentation: output.segmentation,
        });
        (frame.verdict, first.into_iter().chain(outputs).collect())
    }

    /// Sends an IP packet, with a link header where the device has one.
    pub fn send_packet(&mut self, ingress: DeviceIndex, packet: &[u8]) -> Seen {
        let frame = framed(&self.spec, ingress, packet);
        self.send(ingress, &frame)
    }

    pub fn sessions(&self) -> Vec<SessionRow> {
        let mut rows = Vec::new();
        assert_eq!(self.engine.session_rows(0, u32::MAX, self.now, &mut rows), None);
        rows
    }

    pub fn filter_rows(&self) -> Vec<FilterRow> {
        let mut rows = Vec::new();
        assert_eq!(self.engine.filter_rows(0, u32::MAX, self.now, &mut rows), None);
        rows
    }

    pub fn mappings(&self) -> Vec<MappingRow> {
        let mut rows = Vec::new();
        assert_eq!(self.engine.mapping_rows(0, u32::MAX, self.now, &mut rows), None);
        rows
    }
}

/// The packet in a frame that came in, or leaves, by a device.
pub fn packet_of<'a>(spec: &PlanSpec, device: DeviceIndex, frame: &'a [u8]) -> &'a [u8] {
    match spec.devices[usize::from(device.0)].link {
        LinkSpec::Ethernet(_) => &frame[14..],
        LinkSpec::Ip => frame,
    }
}

pub fn framed(spec: &PlanSpec, device: DeviceIndex, packet: &[u8]) -> Vec<u8> {
    let LinkSpec::Ethernet(own) = spec.devices[usize::from(device.0)].link else { return packet.to_vec() };
    let station = if device == HOSTS { HOST_MAC } else { ISP_MAC };
    let ether_type: u16 = if packet.first().is_some_and(|octet| octet >> 4 == 6) { 0x86dd } else { 0x0800 };
    [&own[..], &station, &ether_type.to_be_bytes(), packet].concat()
}

/// A neighbour solicitation for an address of the gateway, from a station that gives its link address.
pub fn solicitation(gateway: usize, mac: [u8; 6], sender: &str, target: &str) -> Vec<u8> {
    let (source, target) = (v6(sender).to_be_bytes(), v6(target).to_be_bytes());
    let mut message = [&[135, 0, 0, 0, 0, 0, 0, 0][..], &target, &[1, 1], &mac].concat();
    let length = (message.len() as u32).to_be_bytes();
    let value = !super::packets::sum(&[&source, &target, &length, &[0, 58], &message]);
    message[2..4].copy_from_slice(&value.to_be_bytes());
    let header = [0x60, 0, 0, 0, 0, message.len() as u8, 58, 255];
    [&GATEWAY_MACS[gateway][..], &mac, &[0x86, 0xdd], &header, &source, &target, &message].concat()
}

pub fn arp_request(gateway: usize, mac: [u8; 6], sender: u32, target: u32) -> Vec<u8> {
    let fixed = [0, 1, 8, 0, 6, 4, 0, 1];
    let (sender, target) = (sender.to_be_bytes(), target.to_be_bytes());
    [&GATEWAY_MACS[gateway][..], &mac, &[8, 6], &fixed, &mac, &sender, &[0; 6], &target].concat()
}

pub fn text4(address: u32) -> Ipv4Addr {
    Ipv4Addr::from(address)
}
