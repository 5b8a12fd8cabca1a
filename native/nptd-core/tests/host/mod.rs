//! A gateway with one internal device and two uplinks, for the tests of the host role: virtual time, outputs
//! collected, frames built and read by `etherparse`, which shares no code with this crate.
#![allow(dead_code, reason = "each test crate uses a part of it")]

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use etherparse::icmpv6::{Icmpv6PayloadSlice, NdpOptionSlice};
use etherparse::{
    ArpEthIpv4Packet, ArpOperation, ArpPacket, Icmpv6Slice, LinkSlice, NetSlice, PacketBuilder, SlicedPacket,
    TransportSlice,
};
use nptd_core::counters::Counters;
use nptd_core::frame::{ChecksumState, DeviceIndex, Frame, HEADROOM, Segmentation};
use nptd_core::host::context::Context;
use nptd_core::host::link_duties::LinkDuties;
use nptd_core::host::neighbours::{NeighbourRow, Neighbours, mapped4};
use nptd_core::host::{arp, neighbour_discovery};
use nptd_core::news::Outbox;
use nptd_core::output::OutputPool;
use nptd_core::pipeline::{Engine, EngineConfig};
use nptd_core::plan::spec::*;
use nptd_core::plan::{NextHop, Plan};
use nptd_core::share::Share;
use nptd_core::time::{Duration, Instant};
use nptd_core::verdict::{OutputKind, Suppressed, Verdict};
use nptd_core::wire::ethernet::MacAddress;

pub const INTERNAL: DeviceIndex = DeviceIndex(0);
/// Uplink 0, an Ethernet whose prefixes are on the link.
pub const UPLINK: DeviceIndex = DeviceIndex(1);
/// Uplink 1, without link headers.
pub const BARE: DeviceIndex = DeviceIndex(2);

pub const INTERNAL_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub const UPLINK_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
pub const HOST_MAC: [u8; 6] = [0x52, 0x54, 0, 0, 0, 0x0a];
pub const OTHER_MAC: [u8; 6] = [0x52, 0x54, 0, 0, 0, 0x0b];
pub const BROADCAST: [u8; 6] = [0xff; 6];

pub fn v4(text: &str) -> u32 {
    text.parse::<Ipv4Addr>().unwrap().into()
}

pub fn v6(text: &str) -> u128 {
    text.parse::<Ipv6Addr>().unwrap().into()
}

pub fn hop4(device: DeviceIndex, address: &str) -> NextHop<u128> {
    NextHop { device, address: mapped4(v4(address)) }
}

pub fn hop6(device: DeviceIndex, address: &str) -> NextHop<u128> {
    NextHop { device, address: v6(address) }
}

pub fn spec() -> PlanSpec {
    let device = |link, role, ipv4: &str, length6: u8, ipv6: &str| DeviceSpec {
        link,
        role,
        mtu: 1500,
        ipv4: vec![(v4(ipv4), 24)],
        ipv6: vec![(v6(ipv6), length6)],
        advertise: None,
    };
    let uplink =
        |slot: u8, address: [&str; 2], gateway4: Option<&str>, gateway6: Option<&str>, external: &str| UplinkSpec {
            slot,
            epoch: 0,
            device: u16::from(slot) + 1,
            ipv4: Some(Uplink4Spec {
                usable: true,
                last_resort: true,
                gateway: gateway4.map(v4),
                pool: address.iter().map(|address| v4(address)).collect(),
                ports: (1024, 65535),
                nat44: true,
                mss_clamp: None,
                reserved: Vec::new(),
            }),
            ipv6: Some(Uplink6Spec {
                usable: true,
                last_resort: true,
                gateway: gateway6.map(v6),
                pairs: vec![PrefixPairSpec { internal: (v6("fd01:203:405:1::"), 64), external: (v6(external), 64) }],
                mss_clamp: None,
                proxy_neighbours: slot == 0,
            }),
        };
    PlanSpec {
        generation: 1,
        devices: vec![
            device(LinkSpec::Ethernet(INTERNAL_MAC), RoleSpec::Internal, "192.168.1.1", 64, "fd01:203:405:1::1"),
            device(LinkSpec::Ethernet(UPLINK_MAC), RoleSpec::Uplink(0), "203.0.113.2", 64, "2001:db8:1::2"),
            device(LinkSpec::Ip, RoleSpec::Uplink(1), "198.51.100.2", 64, "2001:db8:2::2"),
        ],
        uplinks: vec![
            uplink(0, ["203.0.113.2", "203.0.113.9"], Some("203.0.113.1"), Some("2001:db8:1::1"), "2001:db8:1::"),
            uplink(1, ["198.51.100.2", "198.51.100.9"], None, None, "2001:db8:5::"),
        ],
        policies: vec![PolicySpec { prefer: vec![0, 1], ..PolicySpec::default() }],
        ..PlanSpec::default()
    }
}

/// One extra output.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    pub egress: DeviceIndex,
    pub kind: OutputKind,
    pub checksum: ChecksumState,
    pub segmentation: Segmentation,
    pub octets: Vec<u8>,
}

pub struct Gateway {
    pub plan: Plan,
    pub now: Instant,
    pub neighbours: Neighbours,
    pub duties: LinkDuties,
    pub counters: Counters,
    outputs: OutputPool,
    news: Outbox,
    /// Outputs since the last look.
    sent: Vec<Sent>,
}

impl Gateway {
    pub fn new() -> Self {
        Self::with_capacity(64)
    }

    pub fn with_capacity(capacity: u32) -> Self {
        Self {
            plan: Plan::new(spec()).unwrap(),
            now: Instant::from_micros(5_000_000),
            neighbours: Neighbours::new(capacity, [7; 16]),
            duties: LinkDuties::new([7; 16]),
            counters: Counters::new(),
            outputs: OutputPool::new(),
            news: Outbox::new(Share::ALONE),
            sent: Vec::new(),
        }
    }

    pub fn with<R>(&mut self, act: impl FnOnce(&mut Context<'_>, &mut Neighbours) -> R) -> R {
        self.with_duties(|context, neighbours, _| act(context, neighbours))
    }

    pub fn with_duties<R>(&mut self, act: impl FnOnce(&mut Context<'_>, &mut Neighbours, &mut LinkDuties) -> R) -> R {
        self.outputs.clear();
        let (outputs, news) = (&mut self.outputs, &mut self.news);
        let mut context = Context { plan: &self.plan, now: self.now, outputs, counters: &self.counters, news };
        let result = act(&mut context, &mut self.neighbours, &mut self.duties);
        self.sent.extend(self.outputs.iter().map(|(output, octets)| Sent {
            egress: output.egress,
            kind: output.kind,
            checksum: output.checksum,
            segmentation: output.segmentation,
            octets: octets.to_vec(),
        }));
        result
    }

    pub fn sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    /// Lets time pass and polls once.
    pub fn wait_us(&mut self, us: u64) {
        self.now = self.now.after(Duration::from_micros(us));
        self.with(|context, neighbours| neighbours.poll(context));
    }

    /// Takes over a changed plan, and polls the duties at once.
    pub fn adopt(&mut self, change: impl FnOnce(&mut PlanSpec)) {
        let mut changed = spec();
        change(&mut changed);
        self.plan = Plan::new(changed).unwrap();
        self.duties.adopt(&self.plan);
        self.wait_for_duties(0);
    }

    /// Lets time pass and does what is due on the links.
    pub fn wait_for_duties(&mut self, ms: u64) {
        self.now = self.now.after(Duration::from_millis(ms));
        self.with_duties(|context, neighbours, duties| duties.poll(context, neighbours));
    }

    pub fn wait_ms(&mut self, ms: u64) {
        self.wait_us(ms * 1000);
    }

    pub fn lookup(&mut self, hop: NextHop<u128>) -> Option<MacAddress> {
        self.with(|context, neighbours| neighbours.link_address(context, hop))
    }

    pub fn enqueue(&mut self, hop: NextHop<u128>, packet: &[u8]) -> Verdict {
        self.with(|context, neighbours| {
            neighbours.enqueue(context, hop, packet, ChecksumState::Complete, Segmentation::None, None)
        })
    }

    pub fn row(&self, hop: NextHop<u128>) -> Option<NeighbourRow> {
        self.neighbours.rows().find(|row| row.device == hop.device && row.address == hop.address)
    }

    pub fn suppressed(&self, what: Suppressed) -> u64 {
        self.counters.suppressed(what)
    }

    /// A frame through ARP; the octets as they are afterwards.
    pub fn arp(&mut self, device: DeviceIndex, octets: &[u8]) -> (Verdict, Vec<u8>) {
        self.frame(device, octets, ChecksumState::Complete, |context, neighbours, _, frame| {
            arp::handle(context, neighbours, frame)
        })
    }

    /// A frame through neighbour discovery.
    pub fn nd(&mut self, device: DeviceIndex, octets: &[u8]) -> (Verdict, Vec<u8>) {
        self.nd_with(device, octets, ChecksumState::Complete)
    }

    pub fn nd_with(&mut self, device: DeviceIndex, octets: &[u8], checksum: ChecksumState) -> (Verdict, Vec<u8>) {
        self.frame(device, octets, checksum, |context, neighbours, duties, frame| {
            neighbour_discovery::handle(context, neighbours, duties, frame, 14, 54)
        })
    }

    fn frame(
        &mut self,
        device: DeviceIndex,
        octets: &[u8],
        checksum: ChecksumState,
        handle: impl FnOnce(&mut Context<'_>, &mut Neighbours, &mut LinkDuties, &mut Frame<'_>) -> Verdict,
    ) -> (Verdict, Vec<u8>) {
        let mut buffer = vec![0; HEADROOM];
        buffer.extend_from_slice(octets);
        let mut frame = Frame::new(&mut buffer, HEADROOM, octets.len(), device);
        frame.checksum = checksum;
        frame.egress = DeviceIndex(999);
        let verdict = self.with_duties(|context, neighbours, duties| handle(context, neighbours, duties, &mut frame));
        if verdict == Verdict::Reply {
            assert_eq!((frame.egress, frame.checksum), (device, ChecksumState::Complete));
        }
        (verdict, frame.octets().to_vec())
    }

    /// Makes a neighbour known by its answer to a request of ours.
    pub fn resolve4(&mut self, device: DeviceIndex, own_mac: [u8; 6], own: &str, address: &str, mac: [u8; 6]) {
        let _ = self.enqueue(hop4(device, address), &[0x45]);
        let reply = arp_frame(own_mac, ArpOperation::REPLY, mac, address, own_mac, own);
        assert_eq!(self.arp(device, &reply).0, Verdict::Consumed);
        self.sent();
    }
}

// ---- Frames ----

pub fn arp_frame(
    to: [u8; 6],
    operation: ArpOperation,
    sender_mac: [u8; 6],
    sender: &str,
    target_mac: [u8; 6],
    target: &str,
) -> Vec<u8> {
    let packet = ArpEthIpv4Packet {
        operation,
        sender_mac,
        sender_ipv4: v4(sender).to_be_bytes(),
        target_mac,
        target_ipv4: v4(target).to_be_bytes(),
    };
    let mut octets = Vec::new();
    PacketBuilder::ethernet2(sender_mac, to).arp(ArpPacket::from(packet)).write(&mut octets).unwrap();
    octets
}

/// Reads an ARP frame: link source and destination, and the packet.
pub fn read_arp(octets: &[u8]) -> ([u8; 6], [u8; 6], ArpEthIpv4Packet) {
    let sliced = SlicedPacket::from_ethernet(octets).unwrap();
    let (from, to) = link_of(&sliced);
    let Some(NetSlice::Arp(arp)) = sliced.net else { panic!("no ARP: {octets:02x?}") };
    (from, to, arp.to_packet().try_eth_ipv4().unwrap())
}

fn link_of(sliced: &SlicedPacket<'_>) -> ([u8; 6], [u8; 6]) {
    let Some(LinkSlice::Ethernet2(link)) = &sliced.link else { panic!("no Ethernet") };
    (link.source(), link.destination())
}

/// A neighbour discovery message of any type; its checksum is right.
#[derive(Clone)]
pub struct Nd {
    pub mac: [u8; 6],
    pub to_mac: [u8; 6],
    pub source: u128,
    pub destination: u128,
    pub hop_limit: u8,
    pub kind: u8,
    pub code: u8,
    pub flags: u8,
    /// What follows the first eight octets.
    pub rest: Vec<u8>,
}

impl Nd {
    /// A solicitation for `target` with the source link address option.
    pub fn solicitation(mac: [u8; 6], source: &str, target: &str) -> Self {
        let group = v6("ff02::1:ff00:0") | (v6(target) & 0xff_ffff);
        let [.., a, b, c, d] = group.to_be_bytes();
        let mut rest = v6(target).to_be_bytes().to_vec();
        if v6(source) != 0 {
            rest.extend(option(1, mac));
        }
        let to_mac = [0x33, 0x33, a, b, c, d];
        Self { mac, to_mac, source: v6(source), destination: group, hop_limit: 255, kind: 135, code: 0, flags: 0, rest }
    }

    /// An advertisement about `target` to us.
    pub fn advertisement(mac: [u8; 6], to_mac: [u8; 6], target: &str, destination: &str, flags: u8) -> Self {
        let mut rest = v6(target).to_be_bytes().to_vec();
        rest.extend(option(2, mac));
        let (source, destination) = (v6(target), v6(destination));
        Self { mac, to_mac, source, destination, hop_limit: 255, kind: 136, code: 0, flags, rest }
    }

    pub fn frame(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        PacketBuilder::ethernet2(self.mac, self.to_mac)
            .ipv6(self.source.to_be_bytes(), self.destination.to_be_bytes(), self.hop_limit)
            .icmpv6_raw(self.kind, self.code, [self.flags, 0, 0, 0])
            .write(&mut octets, &self.rest)
            .unwrap();
        octets
    }
}

pub fn option(kind: u8, mac: [u8; 6]) -> Vec<u8> {
    [&[kind, 1], mac.as_slice()].concat()
}

/// What a solicitation or advertisement of ours says; its checksum and hop limit have been checked.
#[derive(Debug, PartialEq)]
pub struct ReadNd {
    pub mac: [u8; 6],
    pub to_mac: [u8; 6],
    pub source: u128,
    pub destination: u128,
    /// Router, solicited, override; none in a solicitation.
    pub flags: Option<(bool, bool, bool)>,
    pub target: u128,
    pub source_option: Option<Vec<u8>>,
    pub target_option: Option<Vec<u8>>,
}

pub fn read_nd(octets: &[u8]) -> ReadNd {
    let sliced = SlicedPacket::from_ethernet(octets).unwrap();
    let (mac, to_mac) = link_of(&sliced);
    let (Some(NetSlice::Ipv6(ip)), Some(TransportSlice::Icmpv6(icmp))) = (&sliced.net, &sliced.transport) else {
        panic!("no ICMPv6: {octets:02x?}")
    };
    let header = ip.header();
    assert_eq!(header.hop_limit(), 255);
    assert_eq!(usize::from(header.payload_length()) + 54, octets.len());
    assert!(icmp.is_checksum_valid(header.source(), header.destination()));
    let (flags, target, options) = read_payload(icmp);
    let mut read = ReadNd {
        mac,
        to_mac,
        source: u128::from_be_bytes(header.source()),
        destination: u128::from_be_bytes(header.destination()),
        flags,
        target: target.into(),
        source_option: None,
        target_option: None,
    };
    for option in options {
        match option {
            NdpOptionSlice::SourceLinkLayerAddress(option) => {
                read.source_option = Some(option.link_layer_address().to_vec());
            }
            NdpOptionSlice::TargetLinkLayerAddress(option) => {
                read.target_option = Some(option.link_layer_address().to_vec());
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    read
}

type NdPayload<'a> = (Option<(bool, bool, bool)>, Ipv6Addr, Vec<NdpOptionSlice<'a>>);

fn read_payload<'a>(icmp: &Icmpv6Slice<'a>) -> NdPayload<'a> {
    match icmp.payload_slice().unwrap() {
        Icmpv6PayloadSlice::NeighborSolicitation(message) => {
            (None, message.target_address(), message.options_iterator().map(Result::unwrap).collect())
        }
        Icmpv6PayloadSlice::NeighborAdvertisement(message) => {
            let etherparse::Icmpv6Type::NeighborAdvertisement(flags) = icmp.icmp_type() else { panic!("type") };
            let flags = (flags.router, flags.solicited, flags.r#override);
            (Some(flags), message.target_address(), message.options_iterator().map(Result::unwrap).collect())
        }
        other => panic!("unexpected {other:?}"),
    }
}

// ---- The whole engine ----

/// An engine with the plan of [`spec`].
pub fn engine() -> Engine {
    let config = EngineConfig {
        mappings_max: 16,
        sessions_max: 16,
        filter_sessions_max: 16,
        hosts_max: 16,
        neighbours_max: 16,
        secret: [3; 16],
        hash_key: [7; 16],
    };
    let mut engine = Engine::new(config, Arc::new(Counters::new()));
    engine.adopt(Arc::new(Plan::new(spec()).unwrap()));
    engine
}

/// One frame through it.
pub fn through(engine: &mut Engine, device: DeviceIndex, octets: &[u8]) -> Verdict {
    let mut buffer = vec![0; HEADROOM];
    buffer.extend_from_slice(octets);
    let mut frames = [Frame::new(&mut buffer, HEADROOM, octets.len(), device)];
    engine.process(&mut frames, Instant::from_micros(5_000_000), &mut OutputPool::new());
    frames[0].verdict
}
