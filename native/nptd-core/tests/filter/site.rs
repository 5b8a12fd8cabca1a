//! A site without link headers: hosts in fd00:1::/48, two uplinks with a pair each, and packets made by hand.

use std::net::Ipv6Addr;
use std::sync::Arc;

use nptd_core::counters::Counters;
use nptd_core::filter::FilterRow;
use nptd_core::frame::{DeviceIndex, Frame, HEADROOM};
use nptd_core::output::OutputPool;
use nptd_core::pipeline::{Engine, EngineConfig};
use nptd_core::plan::Plan;
use nptd_core::plan::spec::*;
use nptd_core::session::filtering::Filtering;
use nptd_core::time::Instant;
use nptd_core::verdict::{DropReason, OutputKind, Verdict};

pub const SITE: u16 = 0;
/// Device of uplink 0, preferred; that of uplink 1 is 2.
pub const FIRST: u16 = 1;
pub const SECOND: u16 = 2;

/// A host, and the same behind each uplink (checksum-neutral, computed apart from the engine).
pub const HOST: &str = "fd00:1::5";
pub const OTHER_HOST: &str = "fd00:1::6";
pub const REMOTE: &str = "2001:db8:ff::9";
pub const STRANGER: &str = "2001:db8:ff::66";

pub const UDP: u8 = 17;
pub const TCP: u8 = 6;
pub const SCTP: u8 = 132;
pub const DCCP: u8 = 33;
pub const ICMPV6: u8 = 58;

pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const ACK: u8 = 16;
pub const FIN: u8 = 1;

pub fn v6(text: &str) -> u128 {
    text.parse::<Ipv6Addr>().unwrap().into()
}

pub fn dropped(reason: DropReason) -> Verdict {
    Verdict::Drop(reason)
}

pub fn pair(internal: &str, external: &str, length: u8) -> PrefixPairSpec {
    PrefixPairSpec { internal: (v6(internal), length), external: (v6(external), length) }
}

pub fn filter() -> Filter6Spec {
    Filter6Spec {
        filtering_udp: Filtering::EndpointIndependent,
        filtering_tcp: Filtering::EndpointIndependent,
        filtering_other: Filtering::EndpointIndependent,
        ipsec: true,
        published: Vec::new(),
    }
}

pub fn spec() -> PlanSpec {
    let device = |role, mtu, address: &str| DeviceSpec {
        link: LinkSpec::Ip,
        role,
        mtu,
        ipv4: Vec::new(),
        ipv6: vec![(v6(address), 64)],
        advertise: None,
    };
    let uplink = |slot: u8, external: &str| UplinkSpec {
        slot,
        epoch: 0,
        device: u16::from(slot) + 1,
        ipv4: None,
        ipv6: Some(Uplink6Spec {
            usable: true,
            last_resort: true,
            gateway: None,
            pairs: vec![pair("fd00:1::", external, 48)],
            mss_clamp: None,
            proxy_neighbours: false,
        }),
    };
    PlanSpec {
        generation: 1,
        devices: vec![
            device(RoleSpec::Internal, 1500, "fd00:1::1"),
            device(RoleSpec::Uplink(0), 1500, "2001:db8:a::2"),
            device(RoleSpec::Uplink(1), 1400, "2001:db8:b::2"),
        ],
        uplinks: vec![uplink(0, "2001:db8:a100::"), uplink(1, "2001:db8:b100::")],
        policies: vec![PolicySpec { prefer: vec![0, 1], ..PolicySpec::default() }],
        filter6: Some(filter()),
        ..PlanSpec::default()
    }
}

/// One packet after the engine has seen it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub verdict: Verdict,
    pub egress: u16,
    pub after: Vec<u8>,
    pub outputs: Vec<(u16, OutputKind, Vec<u8>)>,
}

impl Seen {
    /// Type and code of the one ICMPv6 error that came of it.
    pub fn error(&self) -> Option<(u16, u8, u8)> {
        match &self.outputs[..] {
            [(device, OutputKind::IcmpError, octets)] => Some((*device, octets[40], octets[41])),
            _ => None,
        }
    }
}

pub struct Site {
    pub engine: Engine,
    pub spec: PlanSpec,
    pub now_ms: u64,
    outputs: OutputPool,
}

impl Site {
    pub fn new() -> Self {
        Self::with(spec(), 1_024)
    }

    pub fn with(spec: PlanSpec, filter_sessions_max: u32) -> Self {
        let config = EngineConfig {
            mappings_max: 16,
            sessions_max: 16,
            filter_sessions_max,
            hosts_max: 16,
            neighbours_max: 16,
            secret: [3; 16],
            hash_key: [4; 16],
        };
        let mut site = Self {
            engine: Engine::new(config, Arc::new(Counters::new())),
            spec: spec.clone(),
            now_ms: 1_000_000,
            outputs: OutputPool::new(),
        };
        site.adopt(spec);
        site.tick();
        site
    }

    pub fn adopt(&mut self, spec: PlanSpec) {
        self.engine.adopt(Arc::new(Plan::new(spec.clone()).unwrap()));
        self.spec = spec;
    }

    pub fn change(&mut self, change: impl FnOnce(&mut PlanSpec)) {
        let mut spec = self.spec.clone();
        change(&mut spec);
        self.adopt(spec);
    }

    pub fn set_usable(&mut self, slot: usize, usable: bool) {
        self.change(|spec| spec.uplinks[slot].ipv6.as_mut().unwrap().usable = usable);
    }

    pub fn filter_by(&mut self, filtering: Filtering) {
        self.change(|spec| {
            let rules = spec.filter6.as_mut().unwrap();
            (rules.filtering_udp, rules.filtering_tcp, rules.filtering_other) = (filtering, filtering, filtering);
        });
    }

    fn now(&self) -> Instant {
        Instant::from_micros(self.now_ms * 1_000)
    }

    pub fn send(&mut self, device: u16, packet: &[u8]) -> Seen {
        self.outputs.clear();
        let mut buffer = vec![0; HEADROOM];
        buffer.extend_from_slice(packet);
        let mut frame = Frame::new(&mut buffer, HEADROOM, packet.len(), DeviceIndex(device));
        let now = self.now();
        self.engine.process(std::slice::from_mut(&mut frame), now, &mut self.outputs);
        let (verdict, egress, after) = (frame.verdict, frame.egress.0, frame.octets().to_vec());
        Seen { verdict, egress, after, outputs: self.taken() }
    }

    pub fn verdict(&mut self, device: u16, packet: &[u8]) -> Verdict {
        self.send(device, packet).verdict
    }

    /// What a tick of the engine sends.
    pub fn tick(&mut self) -> Seen {
        self.outputs.clear();
        let now = self.now();
        self.engine.tick(now, &mut self.outputs);
        Seen { verdict: Verdict::Consumed, egress: 0, after: Vec::new(), outputs: self.taken() }
    }

    fn taken(&self) -> Vec<(u16, OutputKind, Vec<u8>)> {
        self.outputs.iter().map(|(output, octets)| (output.egress.0, output.kind, octets.to_vec())).collect()
    }

    pub fn rows(&self) -> Vec<FilterRow> {
        let mut rows = Vec::new();
        assert_eq!(self.engine.filter_rows(0, u32::MAX, self.now(), &mut rows), None);
        rows
    }

    /// The address of a host behind an uplink, as the engine translates it.
    pub fn external(&self, slot: usize, internal: &str) -> String {
        let spec = self.spec.uplinks[slot].ipv6.as_ref().unwrap();
        let pairs = spec.pairs.iter().map(|pair| nptd_core::nptv6::PrefixPair::new(*pair).unwrap());
        let mut covering = pairs.filter(|pair| pair.internal().contains(v6(internal)));
        let external = covering.next().unwrap().outbound(v6(internal), self.spec.nptv6).unwrap();
        Ipv6Addr::from(external).to_string()
    }
}

// ---- Packets ----

pub fn packet(source: &str, destination: &str, next_header: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).to_be_bytes();
    let fixed = [0x60, 0, 0, 0, length[0], length[1], next_header, 64];
    [&fixed[..], &v6(source).to_be_bytes(), &v6(destination).to_be_bytes(), payload].concat()
}

fn ports(source: u16, destination: u16) -> Vec<u8> {
    [source.to_be_bytes(), destination.to_be_bytes()].concat()
}

pub fn udp(source: &str, from: u16, destination: &str, to: u16) -> Vec<u8> {
    packet(source, destination, UDP, &[&ports(from, to)[..], &[0, 8, 0, 0]].concat())
}

pub struct Segment {
    pub flags: u8,
    pub sequence: u32,
    pub acknowledgement: u32,
    pub options: &'static [u8],
}

pub fn segment(flags: u8) -> Segment {
    Segment { flags, sequence: 1_000, acknowledgement: 2_000, options: &[] }
}

pub fn tcp(source: &str, from: u16, destination: &str, to: u16, segment: &Segment) -> Vec<u8> {
    let Segment { flags, sequence, acknowledgement, options } = segment;
    let offset = (5 + options.len() as u8 / 4) << 4;
    let rest = [offset, *flags, 0x10, 0, 0, 0, 0, 0];
    let numbers = [sequence.to_be_bytes(), acknowledgement.to_be_bytes()].concat();
    packet(source, destination, TCP, &[&ports(from, to)[..], &numbers, &rest, options].concat())
}

/// SCTP with one chunk, or DCCP of a type.
pub fn sctp(source: &str, from: u16, destination: &str, to: u16, chunk: u8) -> Vec<u8> {
    packet(source, destination, SCTP, &[&ports(from, to)[..], &[0; 8], &[chunk, 0, 0, 4]].concat())
}

pub fn dccp(source: &str, from: u16, destination: &str, to: u16, kind: u8) -> Vec<u8> {
    packet(source, destination, DCCP, &[&ports(from, to)[..], &[3, 0, 0, 0, kind << 1, 0, 0, 0]].concat())
}

/// An ICMPv6 message with its right checksum.
pub fn icmp(source: &str, destination: &str, kind: u8, code: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0];
    message.extend_from_slice(body);
    let mut summed = [v6(source).to_be_bytes(), v6(destination).to_be_bytes()].concat();
    summed.extend_from_slice(&(message.len() as u32).to_be_bytes());
    summed.extend_from_slice(&[0, 0, 0, ICMPV6]);
    summed.extend_from_slice(&message);
    let words = summed.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let sum = !(((folded & 0xffff) + (folded >> 16)) as u16);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    packet(source, destination, ICMPV6, &message)
}

pub fn echo(source: &str, destination: &str, kind: u8, identifier: u16) -> Vec<u8> {
    icmp(source, destination, kind, 0, &[&identifier.to_be_bytes()[..], &[0, 1]].concat())
}

/// An error that quotes a packet.
pub fn error(source: &str, destination: &str, kind: u8, quoted: &[u8]) -> Vec<u8> {
    icmp(source, destination, kind, 0, &[&[0; 4][..], quoted].concat())
}

/// A fragment: what the packet carries from `offset` on, `length` octets of it.
pub fn fragment(whole: &[u8], offset: usize, length: usize) -> Vec<u8> {
    let end = (40 + offset + length).min(whole.len());
    let more = u16::from(end < whole.len());
    let place = (offset as u16 | more).to_be_bytes();
    let header = [whole[6], 0, place[0], place[1], 0, 0, 0, 77];
    let payload = [&header[..], &whole[40 + offset..end]].concat();
    let mut fragment = [&whole[..40], &payload].concat();
    fragment[4..6].copy_from_slice(&(payload.len() as u16).to_be_bytes());
    fragment[6] = 44;
    fragment
}

pub fn source_of(packet: &[u8]) -> u128 {
    u128::from_be_bytes(packet[8..24].try_into().unwrap())
}

pub fn destination_of(packet: &[u8]) -> u128 {
    u128::from_be_bytes(packet[24..40].try_into().unwrap())
}
