//! What goes the short way through a batch comes out as if it had gone the long way, and leaves the same behind.

use std::cell::Cell;

use nptd_core::frame::DeviceIndex;
use nptd_core::plan::spec::*;
use nptd_core::session::filtering::Filtering;
use nptd_core::verdict::Verdict;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::packets::{Packet4, tcp, udp};
use super::site::{
    CABLE, CABLE_POOL, HOST_MAC, HOSTS, REMOTE, Site, TUNNEL, arp_request, framed, runner, spec, v4, v6,
};

/// A packet of one of a few flows, so that most have a session.
#[derive(Clone, Debug)]
struct Passing {
    host: u8,
    port: u16,
    is_tcp: bool,
    flags: u8,
    numbers: (u32, u16),
    fragment: u16,
    ttl: u8,
    is_inbound: bool,
    is_ipv6: bool,
    payload: Vec<u8>,
}

fn passing(ipv6: f64) -> impl Strategy<Value = Passing> {
    let flags = select(vec![0x02, 0x12, 0x10, 0x10, 0x10, 0x10, 0x18, 0x00, 0x11, 0x04]);
    let fragment = select(vec![0x4000, 0x4000, 0x4000, 0, 0xc000, 0x2000]);
    let ttl = select(vec![64, 64, 64, 2, 1]);
    let flow = (4_u8..8, 2_000_u16..2_003, any::<bool>(), flags, any::<(u32, u16)>());
    let rest = (fragment, ttl, any::<bool>(), proptest::bool::weighted(ipv6), vec(any::<u8>(), 0..40));
    (flow, rest).prop_map(|((host, port, is_tcp, flags, numbers), (fragment, ttl, is_inbound, is_ipv6, payload))| {
        Passing { host, port, is_tcp, flags, numbers, fragment, ttl, is_inbound, is_ipv6, payload }
    })
}

impl Passing {
    /// The frame, and the device that it comes by.
    fn frame(&self, uplink: DeviceIndex, spec: &PlanSpec) -> (DeviceIndex, Vec<u8>) {
        let ports = if self.is_inbound { (443, self.port) } else { (self.port, 443) };
        let mut transport = match self.is_tcp {
            true => tcp(ports.0, ports.1, self.flags, &self.payload),
            false => udp(ports.0, ports.1, &self.payload),
        };
        if self.is_tcp {
            transport[8..12].copy_from_slice(&self.numbers.0.to_be_bytes());
            transport[14..16].copy_from_slice(&self.numbers.1.to_be_bytes());
        }
        let ingress = if self.is_inbound { uplink } else { HOSTS };
        let packet = if self.is_ipv6 { self.ipv6(uplink, &transport) } else { self.ipv4(uplink, transport) };
        (ingress, framed(spec, ingress, &packet))
    }

    fn ipv4(&self, uplink: DeviceIndex, transport: Vec<u8>) -> Vec<u8> {
        let host = v4([10, 0, 0, self.host]);
        let external = if uplink == CABLE { CABLE_POOL[usize::from(self.host % 2)] } else { v4([203, 0, 113, 2]) };
        let (source, destination) = if self.is_inbound { (REMOTE, external) } else { (host, REMOTE) };
        let protocol = if self.is_tcp { 6 } else { 17 };
        let packet = Packet4::new(source, destination, protocol, transport);
        Packet4 { fragment: self.fragment, ttl: self.ttl, ..packet }.octets()
    }

    fn ipv6(&self, uplink: DeviceIndex, transport: &[u8]) -> Vec<u8> {
        let external = if uplink == CABLE { "2001:db8:a100::" } else { "2001:db8:b100::" };
        let (host, server) = (u128::from(self.host), v6("2001:db8:ffff::9"));
        let (source, destination) =
            if self.is_inbound { (server, v6(external) + host) } else { (v6("fd00:1::") + host, server) };
        let length = (transport.len() as u16).to_be_bytes();
        let next_header = if self.is_tcp { 6 } else { 17 };
        let fixed = [0x60, 0, 0, 0, length[0], length[1], next_header, self.ttl];
        [&fixed[..], &source.to_be_bytes(), &destination.to_be_bytes(), transport].concat()
    }
}

/// The site on one uplink.
fn site(uplink: DeviceIndex) -> PlanSpec {
    let mut spec = spec();
    let slot = if uplink == CABLE { 0 } else { 1 };
    spec.policies = vec![PolicySpec { prefer: vec![slot], ..PolicySpec::default() }];
    spec
}

/// The same in other words, with which nothing can go the short way of IPv6 and no flow of IPv4 that of new ones: a policy that no
/// packet meets, each prefix pair twice, and a remote host that is exempt for a protocol that nobody speaks.
fn reworded(mut spec: PlanSpec) -> PlanSpec {
    let never = MatchSpec { dscp: Some(63), ..MatchSpec::default() };
    let mut first = spec.policies[0].clone();
    (first.number, first.matches) = (9, Some(vec![never]));
    spec.policies.insert(0, first);
    spec.nat44.exempt.push(ExemptSpec { prefix: (REMOTE, 32), protocol: Some(253), ports: None });
    for pairs in spec.uplinks.iter_mut().filter_map(|uplink| uplink.ipv6.as_mut()).map(|ipv6| &mut ipv6.pairs) {
        pairs.push(pairs[0]);
    }
    spec
}

fn introduced(spec: &PlanSpec) -> Site {
    let mut site = Site::new(spec.clone(), 64, 64);
    site.introduce_gateways();
    for octet in 4..8 {
        site.send(HOSTS, &arp_request(0, HOST_MAC, v4([10, 0, 0, octet]), v4([10, 0, 0, 1])));
    }
    site
}

/// The site on one uplink, with the filter of IPv6.
fn filtered(uplink: DeviceIndex) -> PlanSpec {
    let rules = Filter6Spec {
        filtering_udp: Filtering::AddressAndPortDependent,
        filtering_tcp: Filtering::AddressAndPortDependent,
        filtering_other: Filtering::AddressAndPortDependent,
        ipsec: true,
        published: Vec::new(),
    };
    PlanSpec { filter6: Some(rules), ..site(uplink) }
}

#[test]
fn the_short_way_leads_where_the_long_one_does() {
    compare(site, 0.2, 96);
}

#[test]
fn the_short_way_through_the_filter_leads_where_the_long_one_does() {
    compare(filtered, 0.9, 64);
}

/// Sends the same packets both ways, a share of them of IPv6.
fn compare(site: fn(DeviceIndex) -> PlanSpec, ipv6: f64, cases: u32) {
    let forwarded = Cell::new(0);
    for uplink in [CABLE, TUNNEL] {
        let (short_spec, long_spec) = (site(uplink), reworded(site(uplink)));
        let batches = vec(vec(passing(ipv6), 1..90), 1..4);
        runner(cases)
            .run(&batches, |batches| {
                let (mut short, mut long) = (introduced(&short_spec), introduced(&long_spec));
                for batch in batches {
                    let frames: Vec<_> = batch.iter().map(|one| one.frame(uplink, &short_spec)).collect();
                    let quick = short.send_batch(&frames);
                    let slow: Vec<_> = frames
                        .iter()
                        .flat_map(|frame| {
                            // No session is settled in a plan that has just come.
                            long.adopt(long_spec.clone());
                            long.send_batch(std::slice::from_ref(frame))
                        })
                        .collect();
                    prop_assert_eq!(&quick, &slow);
                    let count = quick.iter().filter(|(verdict, _, _)| *verdict == Verdict::Forward).count();
                    forwarded.set(forwarded.get() + count);
                    let rows = |site: &Site| format!("{:?} {:?}", site.sessions(), site.filter_rows());
                    prop_assert_eq!(rows(&short), rows(&long));
                    for site in [&mut short, &mut long] {
                        site.advance(150);
                    }
                }
                Ok(())
            })
            .unwrap();
    }
    assert!(forwarded.get() > 1_000, "{} were forwarded", forwarded.get());
}
