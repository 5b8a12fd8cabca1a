//! Engines with rings of no length between them, the packets that they get, and a plan.

use std::sync::Arc;

use nptd_core::counters::{Counters, Direction};
use nptd_core::frame::{DeviceIndex, Frame, HEADROOM};
use nptd_core::output::OutputPool;
use nptd_core::pipeline::{Engine, EngineConfig};
use nptd_core::plan::Plan;
use nptd_core::plan::spec::*;
use nptd_core::session::filtering::Filtering;
use nptd_core::time::Instant;
use nptd_core::verdict::{OutputKind, Verdict};

pub const INTERNAL: DeviceIndex = DeviceIndex(0);
pub const UPLINK: DeviceIndex = DeviceIndex(1);
/// Of the uplink, where a test wants it to be an Ethernet.
pub const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// A published UDP port, and the one behind it.
pub const PUBLISHED: (u16, u16) = (8_001, 9_001);

/// One uplink with NAT44 and a prefix pair, and a filter.
pub fn spec() -> PlanSpec {
    let device = |role, address: u32, address6: u128| DeviceSpec {
        link: LinkSpec::Ip,
        role,
        mtu: 1_500,
        ipv4: vec![(address, 24)],
        ipv6: vec![(address6, 64)],
        advertise: None,
    };
    let ipv4 = Uplink4Spec {
        usable: true,
        last_resort: false,
        gateway: Some(0xcb00_7101),
        pool: vec![0xcb00_7102],
        ports: (1_024, 65_535),
        nat44: true,
        mss_clamp: None,
        reserved: Vec::new(),
    };
    let pair = PrefixPairSpec { internal: (0xfd00 << 112, 48), external: (0x2001_0db8_0001 << 80, 48) };
    let ipv6 = Uplink6Spec {
        usable: true,
        last_resort: false,
        gateway: Some(0xfe80 << 112 | 1),
        pairs: vec![pair],
        mss_clamp: None,
        proxy_neighbours: false,
    };
    let (external, internal) = PUBLISHED;
    let ports = StaticPortsSpec { protocol: 17, external, internal, count: 1, gateway_source: false };
    let published = StaticMappingSpec { slot: 0, external: 0xcb00_7102, internal: 0x0a00_0003, ports: Some(ports) };
    let filter6 = Filter6Spec {
        filtering_udp: Filtering::EndpointIndependent,
        filtering_tcp: Filtering::EndpointIndependent,
        filtering_other: Filtering::EndpointIndependent,
        ipsec: true,
        published: Vec::new(),
    };
    PlanSpec {
        generation: 1,
        devices: vec![
            device(RoleSpec::Internal, 0x0a00_0001, 0xfd00 << 112 | 0xffff),
            device(RoleSpec::Uplink(0), 0xcb00_7102, 0x2001_0db8_00ff << 80 | 1),
        ],
        uplinks: vec![UplinkSpec { slot: 0, epoch: 0, device: 1, ipv4: Some(ipv4), ipv6: Some(ipv6) }],
        policies: vec![PolicySpec { prefer: vec![0], ..PolicySpec::default() }],
        nat44: Nat44Spec {
            static_mappings: vec![published],
            filtering_udp: Filtering::EndpointIndependent,
            ..Nat44Spec::default()
        },
        filter6: Some(filter6),
        ..PlanSpec::default()
    }
}

pub struct Group {
    pub engines: Vec<Engine>,
    pub outputs: OutputPool,
    pub now: Instant,
    counters: Vec<Arc<Counters>>,
}

/// What became of a frame.
pub struct Seen {
    pub verdict: Verdict,
    /// The workers that had it.
    pub trail: Vec<u8>,
    pub octets: Vec<u8>,
    pub outputs: Vec<(OutputKind, Vec<u8>)>,
}

impl Seen {
    /// The last worker that had it.
    pub fn owner(&self) -> u8 {
        *self.trail.last().unwrap()
    }
}

impl Group {
    pub fn new(workers: u8, spec: PlanSpec) -> Self {
        let config = EngineConfig {
            mappings_max: 10_000,
            sessions_max: 10_000,
            filter_sessions_max: 1_000,
            hosts_max: 100,
            neighbours_max: 16,
            secret: [1; 16],
            hash_key: [2; 16],
        };
        let counters: Vec<_> = (0..workers).map(|_| Arc::new(Counters::new())).collect();
        let engines = Engine::group(&config, &counters);
        let mut group = Self { engines, outputs: OutputPool::new(), now: Instant::default(), counters };
        group.adopt(spec);
        group
    }

    pub fn adopt(&mut self, spec: PlanSpec) {
        let plan = Arc::new(Plan::new(spec).unwrap());
        self.engines.iter_mut().for_each(|engine| engine.adopt(Arc::clone(&plan)));
    }

    /// Gives a packet to a worker, and then to those that it is handed over to.
    pub fn send(&mut self, receiver: u8, device: DeviceIndex, packet: &[u8]) -> Seen {
        let mut memory = vec![0; HEADROOM + 2_048];
        memory[HEADROOM..HEADROOM + packet.len()].copy_from_slice(packet);
        let mut frame = Frame::new(&mut memory, HEADROOM, packet.len(), device);
        self.outputs.clear();
        let mut trail = vec![receiver];
        loop {
            let worker = *trail.last().unwrap();
            self.engines[usize::from(worker)].process(core::slice::from_mut(&mut frame), self.now, &mut self.outputs);
            self.exchange();
            let Verdict::HandedOver(to) = frame.verdict else { break };
            trail.push(to);
            assert!(trail.len() <= 4, "{trail:?}");
        }
        let outputs = self.outputs.iter().map(|(output, octets)| (output.kind, octets.to_vec())).collect();
        Seen { verdict: frame.verdict, trail, octets: frame.octets().to_vec(), outputs }
    }

    fn exchange(&mut self) {
        while let Some((to, news)) = self.engines.iter_mut().find_map(Engine::take_news) {
            self.engines[usize::from(to)].learn(news, self.now, &mut self.outputs);
        }
    }

    pub fn sessions(&self) -> u32 {
        self.engines.iter().map(Engine::session_count).sum()
    }

    pub fn mappings(&self) -> u32 {
        self.engines.iter().map(Engine::mapping_count).sum()
    }

    /// Frames of a worker that came from the site and had a verdict without an uplink.
    pub fn count(&self, worker: usize, verdict: Verdict) -> u64 {
        self.counters[worker].verdict(None, Direction::Outbound, verdict.index())
    }
}

/// The answer of whoever gets a packet: addresses and ports exchanged, of an echo request the reply.
pub fn answer(packet: &[u8]) -> Vec<u8> {
    let mut back = packet.to_vec();
    let (address, length, header) = if packet[0] >> 4 == 4 { (12, 4, 20) } else { (8, 16, 40) };
    back[address..address + length].copy_from_slice(&packet[address + length..address + 2 * length]);
    back[address + length..address + 2 * length].copy_from_slice(&packet[address..address + length]);
    match packet[if header == 20 { 9 } else { 6 }] {
        1 => {
            back[header] = 0;
            let sum = u32::from(u16::from_be_bytes([back[header + 2], back[header + 3]])) + 0x0800;
            back[header + 2..header + 4].copy_from_slice(&((sum + (sum >> 16)) as u16).to_be_bytes());
        }
        6 | 17 => {
            back[header..header + 2].copy_from_slice(&packet[header + 2..header + 4]);
            back[header + 2..header + 4].copy_from_slice(&packet[header..header + 2]);
        }
        _ => {}
    }
    if header == 20 && packet[9] == 6 {
        // A SYN is answered by SYN and ACK; its checksum covers the flags.
        back[header + 13] |= 0x10;
        let sum = u32::from(!u16::from_be_bytes([back[header + 16], back[header + 17]])) + 0x10;
        back[header + 16..header + 18].copy_from_slice(&(!((sum + (sum >> 16)) as u16)).to_be_bytes());
    }
    back
}

/// An ICMP error of a router about a packet.
pub fn quoting(packet: &[u8]) -> Vec<u8> {
    let mut message = vec![3, 1, 0, 0, 0, 0, 0, 0];
    message.extend(&packet[..packet.len().min(28)]);
    message.resize(8 + 28, 0);
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let to = [packet[12], packet[13], packet[14], packet[15]];
    let header = etherparse::Ipv4Header::new(message.len() as u16, 64, etherparse::IpNumber(1), [192, 0, 2, 1], to);
    let mut error = header.unwrap().to_bytes().to_vec();
    let sum = checksum(&error);
    error[10..12].copy_from_slice(&sum.to_be_bytes());
    error.extend(message);
    error
}

/// A packet in two fragments, the first one with 24 octets of it.
pub fn fragments(packet: &[u8], identification: u16) -> [Vec<u8>; 2] {
    [(0x2000, 20..44), (3, 44..packet.len())].map(|(place, part)| {
        let mut fragment = packet[..20].to_vec();
        fragment.extend(&packet[part]);
        let length = fragment.len() as u16;
        fragment[2..4].copy_from_slice(&length.to_be_bytes());
        fragment[4..6].copy_from_slice(&identification.to_be_bytes());
        fragment[6..8].copy_from_slice(&u16::to_be_bytes(place));
        fragment[10..12].copy_from_slice(&[0, 0]);
        let sum = checksum(&fragment[..20]);
        fragment[10..12].copy_from_slice(&sum.to_be_bytes());
        fragment
    })
}

/// Who answers an ARP request.
pub const fn answer_mac() -> [u8; 6] {
    [2, 0, 0, 0, 0, 9]
}

/// A request of the same station, which has an address and wants another one's.
pub fn arp_request(from: [u8; 4], wanted: [u8; 4]) -> Vec<u8> {
    let mac = answer_mac();
    let header = [&[0xff; 6][..], &mac, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]].concat();
    [&header[..], &mac, &from, &[0; 6], &wanted].concat()
}

/// The answer to an ARP request.
pub fn arp_reply(request: &[u8]) -> Vec<u8> {
    let mut reply = request.to_vec();
    reply[..6].copy_from_slice(&request[6..12]);
    reply[6..12].copy_from_slice(&answer_mac());
    reply[21] = 2;
    reply[22..28].copy_from_slice(&answer_mac());
    reply[28..32].copy_from_slice(&request[38..42]);
    reply[32..38].copy_from_slice(&request[22..28]);
    reply[38..42].copy_from_slice(&request[28..32]);
    reply
}

fn checksum(octets: &[u8]) -> u16 {
    let words = octets.chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(word.get(1).copied().unwrap_or(0)));
    let sum: u32 = words.sum();
    !((sum & 0xffff) + (sum >> 16)) as u16
}
