//! The site that is measured: 1,024 hosts, one uplink with 32 external addresses and one prefix pair.

use std::sync::Arc;

use crate::system::advise_pages;

use nptd_core::counters::Counters;
use nptd_core::frame::{DeviceIndex, Frame, HEADROOM};
use nptd_core::host::neighbours::{Claim, mapped4};
use nptd_core::news::News;
use nptd_core::output::OutputPool;
use nptd_core::pipeline::{Engine, EngineConfig};
use nptd_core::plan::Plan;
use nptd_core::plan::spec::{
    DeviceSpec, Filter6Spec, HostLimitsSpec, LinkSpec, Nat44Spec, PlanSpec, PolicySpec, PrefixPairSpec, RateSpec,
    RoleSpec, Uplink4Spec, Uplink6Spec, UplinkSpec,
};
use nptd_core::session::filtering::Filtering;
use nptd_core::time::Instant;
use nptd_core::wire::arp::{Arp, Operation};
use nptd_core::wire::checksum::{pseudo_header4, pseudo_header6};
use nptd_core::wire::ethernet::{self, MacAddress};
use nptd_core::wire::{checksum, ipv4, ipv6, octets, protocol};

pub const HOSTS: u32 = 1_024;
/// External addresses.
pub const POOL: u32 = 32;
const INTERNAL: DeviceIndex = DeviceIndex(0);
const UPLINK: DeviceIndex = DeviceIndex(1);
const GATEWAY_MAC: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];
const ISP_MAC: [u8; 6] = [2, 0, 0, 0, 1, 0];
const HOST_NET: u32 = 0x0a00_0000;
const WAN_NET: u32 = 0xcb00_7100;
const SERVER: u32 = 0xc633_6401;
const ULA: u128 = 0xfd12_3456_789a << 80;
const PREFIX: u128 = 0x2001_0db8_a100 << 80;
const SITE_PREFIX: u128 = ULA | 1 << 64;
const SERVER6: u128 = 0x2001_0db8_ffff << 80 | 0x53;

/// A frame to be copied into the batch again and again.
#[derive(Clone)]
pub struct Template {
    pub octets: Vec<u8>,
    pub ingress: DeviceIndex,
}

impl Template {
    /// Makes the frame of an IPv4 packet longer, its length and checksums included.
    pub fn pad_to(&mut self, length: usize) {
        self.octets.resize(length.max(self.octets.len()), 0);
        let packet = &mut self.octets[ethernet::HEADER_LEN..];
        let total_len = packet.len() as u16;
        octets::set_u16(packet, 2, total_len);
        if ipv4::protocol(packet) == protocol::UDP {
            octets::set_u16(packet, ipv4::HEADER_LEN + 4, total_len - ipv4::HEADER_LEN as u16);
        }
        refresh_checksum(&mut self.octets);
    }
}

/// How much the tables hold, and what is special about the site.
#[derive(Clone, Copy)]
pub struct Shape {
    sessions: u32,
    mappings: u32,
    /// External addresses.
    pool: u32,
    /// Whether IPv6 is filtered.
    is_filtered: bool,
    /// Whether the tables lie in huge pages, where the kernel has some.
    has_huge_pages: bool,
}

impl Shape {
    /// For whoever needs few sessions.
    pub const SMALL: Self = Self { sessions: 1 << 16, mappings: 1 << 16, ..Self::of(0, 1) };
    /// The same with one external address.
    pub const ONE_ADDRESS: Self = Self { pool: 1, ..Self::SMALL };
    /// The same with the filter of IPv6.
    pub const FILTERED: Self = Self { is_filtered: true, ..Self::SMALL };

    /// For so many sessions, and no more.
    pub const fn of(sessions: u32, per_mapping: u32) -> Self {
        let mappings = sessions.div_ceil(per_mapping);
        Self { sessions, mappings, pool: POOL, is_filtered: false, has_huge_pages: true }
    }

    fn config(self) -> EngineConfig {
        EngineConfig {
            mappings_max: self.mappings,
            sessions_max: self.sessions,
            filter_sessions_max: self.sessions,
            hosts_max: 1 << 16,
            neighbours_max: 4_096,
            secret: [1; 16],
            hash_key: [2; 16],
        }
    }

    /// The same in pages of 4 KiB.
    pub const fn with_small_pages(self) -> Self {
        Self { has_huge_pages: false, ..self }
    }
}

/// An engine with a plan, and hosts and ISP resolved.
pub struct Site {
    pub engine: Engine,
    pub outputs: OutputPool,
    shape: Shape,
}

impl Site {
    pub fn new(shape: Shape) -> Self {
        let mut site = Self::of(Engine::new(shape.config(), Arc::new(Counters::new())), shape);
        site.introduce_neighbours();
        site
    }

    /// Sites of several workers, who know the ISP's router.
    pub fn group(shape: Shape, workers: usize) -> Vec<Self> {
        let counters: Vec<_> = (0..workers).map(|_| Arc::new(Counters::new())).collect();
        let engines = Engine::group(&shape.config(), &counters);
        let isp = Claim {
            device: UPLINK,
            address: mapped4(WAN_NET + 254),
            mac: Some(MacAddress(ISP_MAC)),
            solicited: true,
            overrides: true,
            router: None,
            creates: true,
        };
        let known = |engine| {
            let mut site = Self::of(engine, shape);
            site.engine.learn(News::Station(isp), Instant::from_micros(10_000_000), &mut site.outputs);
            site
        };
        engines.into_iter().map(known).collect()
    }

    fn of(mut engine: Engine, shape: Shape) -> Self {
        advise_pages(engine.regions(), shape.has_huge_pages);
        engine.adopt(Arc::new(compile(shape, 1)));
        advise_pages(engine.regions(), shape.has_huge_pages);
        Self { engine, outputs: OutputPool::new(), shape }
    }

    /// Opens those of so many sessions that belong to this worker.
    pub fn owned_outbound(&mut self, count: u32) -> Vec<Template> {
        let share = self.engine.share();
        let is_own = |number: &u32| share.of_port(socket(*number).1) == share.worker();
        (0..count).filter(is_own).map(|number| self.open(number)).collect()
    }

    /// Opens sessions, half UDP and half TCP, each on a mapping of its own, and returns a frame of each from inside.
    pub fn sessions_outbound(&mut self, count: u32) -> Vec<Template> {
        (0..count).map(|number| self.open(number)).collect()
    }

    /// The same seen from the Internet: a frame of each session from its server.
    pub fn sessions_inbound(&mut self, count: u32) -> Vec<Template> {
        (0..count)
            .map(|number| {
                let mut inside = self.open(number);
                let outside = self.send(&mut inside);
                answer(&outside)
            })
            .collect()
    }

    /// The same where each mapping has several sessions, each with a server of its own.
    pub fn sessions_shared(&mut self, count: u32, per_mapping: u32) -> Vec<Template> {
        (0..count).map(|number| self.open_shared(number, per_mapping)).collect()
    }

    /// A plan like the one in force, of another generation.
    pub fn plan(&self, generation: u64) -> Plan {
        compile(self.shape, generation)
    }

    /// One whose uplink is dead, beside another one that works.
    pub fn plan_of_failure(&self, generation: u64) -> Plan {
        let mut spec = PlanSpec { generation, ..plan(self.shape.pool) };
        let (mut device, mut other) = (spec.devices[1].clone(), spec.uplinks[0].clone());
        (device.role, other.slot, other.device, other.ipv6) = (RoleSpec::Uplink(1), 1, 2, None);
        spec.devices.push(device);
        if let Some(ipv4) = &mut spec.uplinks[0].ipv4 {
            ipv4.usable = false;
        }
        spec.uplinks.push(other);
        spec.policies[0].prefer.push(1);
        Plan::new(spec).expect("a valid plan")
    }

    /// A frame from each host through the prefix pair.
    pub fn prefix_outbound(&mut self) -> Vec<Template> {
        (0..HOSTS).map(|host| frame6(INTERNAL, SITE_PREFIX | u128::from(host + 2), SERVER6)).collect()
    }

    /// A frame to each host through the prefix pair.
    pub fn prefix_inbound(&mut self) -> Vec<Template> {
        let outbound = self.prefix_outbound();
        outbound
            .into_iter()
            .map(|mut template| {
                let outside = self.send(&mut template);
                frame6(UPLINK, SERVER6, ipv6::source(&outside[ethernet::HEADER_LEN..]))
            })
            .collect()
    }

    /// The first packet of a flow of a host, by its number.
    pub fn opening(protocol: u8, host: u32, port: u16) -> Template {
        frame4(protocol, (HOST_NET + 2 + host, port), SERVER, if protocol == protocol::TCP { 0x02 } else { 0 })
    }

    /// Opens a session of UDP.
    pub fn open_datagram(&mut self, number: u32) {
        let (host, port) = socket(number);
        self.send(&mut frame4(protocol::UDP, (host, port), SERVER, 0));
    }

    fn open(&mut self, number: u32) -> Template {
        self.open_shared(number, 1)
    }

    /// Opens a session and returns a later frame of it.
    pub fn open_shared(&mut self, number: u32, per_mapping: u32) -> Template {
        let ((host, port), server) = (socket(number / per_mapping), SERVER + number % per_mapping);
        if (number / per_mapping).is_multiple_of(2) {
            let mut template = frame4(protocol::UDP, (host, port), server, 0);
            self.send(&mut template);
            return template;
        }
        self.connect((host, port), server);
        frame4(protocol::TCP, (host, port), server, 0x10)
    }

    /// Opens a connection that the server accepts.
    pub fn open_connection(&mut self, number: u32) {
        self.connect(socket(number), SERVER);
    }

    fn connect(&mut self, host: (u32, u16), server: u32) {
        let outside = self.send(&mut frame4(protocol::TCP, host, server, 0x02));
        let mut syn_ack = answer(&outside);
        syn_ack.octets[ethernet::HEADER_LEN + 33] = 0x12;
        refresh_checksum(&mut syn_ack.octets);
        self.send(&mut syn_ack);
    }

    /// Sends one frame and returns it as it left.
    fn send(&mut self, template: &mut Template) -> Vec<u8> {
        self.send_at(template, Instant::from_micros(10_000_000))
    }

    fn send_at(&mut self, template: &mut Template, now: Instant) -> Vec<u8> {
        let mut buffer = vec![0; HEADROOM + 2_048];
        buffer[HEADROOM..HEADROOM + template.octets.len()].copy_from_slice(&template.octets);
        let mut frames = [Frame::new(&mut buffer, HEADROOM, template.octets.len(), template.ingress)];
        self.outputs.clear();
        self.engine.process(&mut frames, now, &mut self.outputs);
        let [frame] = frames;
        frame.octets().to_vec()
    }

    /// The ISP's router answers the gateway.
    pub fn hear_of_isp(&mut self, now: Instant) {
        self.send_at(&mut arp(Operation::Reply, UPLINK, ISP_MAC, WAN_NET + 254, WAN_NET + 1), now);
    }

    /// Every host and the ISP's router ask for the gateway's address once, which makes them known.
    fn introduce_neighbours(&mut self) {
        for host in 0..HOSTS {
            let address = HOST_NET + 2 + host;
            self.send(&mut arp(Operation::Request, INTERNAL, host_mac(host), address, HOST_NET + 1));
            self.send(&mut solicitation(INTERNAL, host_mac(host), SITE_PREFIX | u128::from(host + 2), SITE_PREFIX | 1));
        }
        self.send(&mut arp(Operation::Request, UPLINK, ISP_MAC, WAN_NET + 254, WAN_NET + 1));
        let (isp, own) = (0x2001_0db8_000a_u128 << 80 | 1, 0x2001_0db8_000a_u128 << 80 | 2);
        self.send(&mut solicitation(UPLINK, ISP_MAC, isp, own));
    }
}

/// The socket of a host that the session with a number belongs to.
fn socket(number: u32) -> (u32, u16) {
    (HOST_NET + 2 + number % HOSTS, 1_024 + (number / HOSTS) as u16)
}

fn compile(shape: Shape, generation: u64) -> Plan {
    let filter6 = shape.is_filtered.then(|| Filter6Spec {
        filtering_udp: Filtering::EndpointIndependent,
        filtering_tcp: Filtering::EndpointIndependent,
        filtering_other: Filtering::EndpointIndependent,
        ipsec: true,
        published: Vec::new(),
    });
    let spec = PlanSpec { generation, filter6, ..plan(shape.pool) };
    Plan::new(spec).expect("a valid plan")
}

fn plan(pool: u32) -> PlanSpec {
    let internal = DeviceSpec {
        link: LinkSpec::Ethernet(GATEWAY_MAC[0]),
        role: RoleSpec::Internal,
        mtu: 1_500,
        ipv4: vec![(HOST_NET + 1, 16)],
        ipv6: vec![(SITE_PREFIX | 1, 64)],
        advertise: None,
    };
    let wan6 = 0x2001_0db8_000a_u128 << 80;
    let external = DeviceSpec {
        link: LinkSpec::Ethernet(GATEWAY_MAC[1]),
        role: RoleSpec::Uplink(0),
        mtu: 1_500,
        ipv4: vec![(WAN_NET + 1, 24)],
        ipv6: vec![(wan6 | 2, 64)],
        advertise: None,
    };
    let uplink = UplinkSpec {
        slot: 0,
        epoch: 0,
        device: 1,
        ipv4: Some(Uplink4Spec {
            usable: true,
            last_resort: true,
            gateway: Some(WAN_NET + 254),
            pool: (1..=pool).map(|host| WAN_NET + host).collect(),
            ports: (1, u16::MAX),
            nat44: true,
            mss_clamp: None,
            reserved: Vec::new(),
        }),
        ipv6: Some(Uplink6Spec {
            usable: true,
            last_resort: true,
            gateway: Some(wan6 | 1),
            pairs: vec![PrefixPairSpec { internal: (ULA, 48), external: (PREFIX, 48) }],
            mss_clamp: None,
            proxy_neighbours: false,
        }),
    };
    PlanSpec {
        generation: 1,
        devices: vec![internal, external],
        uplinks: vec![uplink],
        policies: vec![PolicySpec { prefer: vec![0], ..PolicySpec::default() }],
        nat44: Nat44Spec { host_limits: unlimited(), ..Nat44Spec::default() },
        ..PlanSpec::default()
    }
}

/// The tables are measured, not the limits.
fn unlimited() -> HostLimitsSpec {
    HostLimitsSpec {
        mappings_per_protocol: u32::MAX,
        sessions: u32::MAX,
        sessions_per_mapping: u32::MAX,
        flows: RateSpec { per_second: 1_000_000, burst: u32::MAX },
    }
}

fn host_mac(host: u32) -> [u8; 6] {
    let [_, _, high, low] = host.to_be_bytes();
    [2, 0, 0, 2, high, low]
}

fn frame(ingress: DeviceIndex, source: [u8; 6], ether_type: u16, length: usize) -> Template {
    let mut octets = vec![0; ethernet::HEADER_LEN + length];
    let gateway = MacAddress(GATEWAY_MAC[usize::from(ingress.0)]);
    ethernet::write_header(&mut octets, gateway, MacAddress(source), ether_type);
    Template { octets, ingress }
}

fn arp(operation: Operation, ingress: DeviceIndex, mac: [u8; 6], sender: u32, target: u32) -> Template {
    let mut template = frame(ingress, mac, ethernet::TYPE_ARP, nptd_core::wire::arp::LEN);
    let message = Arp { operation, sender_mac: MacAddress(mac), sender, target_mac: MacAddress::default(), target };
    message.emit(&mut template.octets[ethernet::HEADER_LEN..]);
    template
}

fn solicitation(ingress: DeviceIndex, mac: [u8; 6], source: u128, target: u128) -> Template {
    let mut template = frame(ingress, mac, ethernet::TYPE_IPV6, ipv6::HEADER_LEN + 32);
    let packet = &mut template.octets[ethernet::HEADER_LEN..];
    let header = ipv6::OwnHeader {
        traffic_class: 0,
        payload_len: 32,
        next_header: protocol::ICMPV6,
        hop_limit: 255,
        source,
        destination: target,
    };
    ipv6::write_own_header(packet, header);
    let message = &mut packet[ipv6::HEADER_LEN..];
    message[0] = 135;
    octets::set_u128(message, 8, target);
    octets::set_array(message, 24, [1, 1]);
    octets::set_array(message, 26, mac);
    let sum = checksum::add_octets(pseudo_header6(source, target, protocol::ICMPV6, 32), message);
    octets::set_u16(message, 2, !checksum::fold(sum));
    template
}

/// A 64-octet frame (the smallest on Ethernet, without its check sequence 60) from a host to the server.
fn frame4(protocol: u8, (address, port): (u32, u16), server: u32, flags: u8) -> Template {
    let mut template = frame(INTERNAL, host_mac(address - HOST_NET - 2), ethernet::TYPE_IPV4, 50);
    let packet = &mut template.octets[ethernet::HEADER_LEN..];
    ipv4::write_own_header(
        packet,
        ipv4::OwnHeader { tos: 0, total_len: 50, protocol, source: address, destination: server },
    );
    let transport = &mut packet[ipv4::HEADER_LEN..];
    octets::set_u16(transport, 0, port);
    octets::set_u16(transport, 2, 443);
    if protocol == protocol::UDP {
        octets::set_u16(transport, 4, 30);
    } else {
        octets::set_array(transport, 12, [0x50, flags]);
    }
    refresh_checksum(&mut template.octets);
    template
}

fn frame6(ingress: DeviceIndex, source: u128, destination: u128) -> Template {
    let mac = if ingress == INTERNAL { host_mac((source as u32) - 2) } else { ISP_MAC };
    let mut template = frame(ingress, mac, ethernet::TYPE_IPV6, ipv6::HEADER_LEN + 10);
    let packet = &mut template.octets[ethernet::HEADER_LEN..];
    let header = ipv6::OwnHeader {
        traffic_class: 0,
        payload_len: 10,
        next_header: protocol::UDP,
        hop_limit: 64,
        source,
        destination,
    };
    ipv6::write_own_header(packet, header);
    octets::set_array(&mut packet[ipv6::HEADER_LEN..], 0, [0x13, 0x88, 0x01, 0xbb, 0, 10, 0, 0, 0, 0]);
    template
}

/// The server's answer to a frame that left by the uplink: addresses and ports exchanged.
fn answer(outside: &[u8]) -> Template {
    let mut template = frame(UPLINK, ISP_MAC, ethernet::TYPE_IPV4, outside.len() - ethernet::HEADER_LEN);
    let packet = &mut template.octets[ethernet::HEADER_LEN..];
    packet.copy_from_slice(&outside[ethernet::HEADER_LEN..]);
    let (source, destination) = (ipv4::source(packet), ipv4::destination(packet));
    octets::set_u32(packet, 12, destination);
    octets::set_u32(packet, 16, source);
    packet[8] = 64;
    let ports = octets::u32_at(packet, ipv4::HEADER_LEN);
    octets::set_u32(packet, ipv4::HEADER_LEN, ports.rotate_left(16));
    refresh_checksum(&mut template.octets);
    template
}

fn refresh_checksum(frame: &mut [u8]) {
    let packet = &mut frame[ethernet::HEADER_LEN..];
    ipv4::fill_checksum(packet);
    let field = if ipv4::protocol(packet) == protocol::TCP { 16 } else { 6 };
    let pseudo = pseudo_header4(
        ipv4::source(packet),
        ipv4::destination(packet),
        ipv4::protocol(packet),
        (packet.len() - ipv4::HEADER_LEN) as u16,
    );
    let transport = &mut packet[ipv4::HEADER_LEN..];
    octets::set_u16(transport, field, 0);
    let sum = !checksum::fold(checksum::add_octets(pseudo, transport));
    octets::set_u16(transport, field, sum);
}
