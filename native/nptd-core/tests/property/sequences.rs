//! Long sequences of packets, time and plans in tiny tables, held against a model that knows only the rows.

use nptd_core::frame::DeviceIndex;
use nptd_core::nat44::{Endpoint, Protocol};
use nptd_core::plan::spec::*;
use nptd_core::session::filtering::Filtering;
use nptd_core::time::Duration;
use nptd_core::verdict::{DropReason, Verdict};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::model::Model;
use super::packets::{Packet4, echo, tcp, tcp_flags, udp};
use super::site::{HOSTS, REMOTE, Seen, Site, runner, spec, v4};

/// What happens next.
#[derive(Clone, Debug)]
pub enum Step {
    /// A packet from a host: host, port (from 2000 on), remote host.
    Outbound(Protocol, u8, u16, u8, u8),
    /// A packet to the n-th mapping: remote host, TCP flags.
    Inbound(usize, u8, u8),
    /// A packet from a host to the n-th mapping: host, port, TCP flags.
    Hairpin(usize, u8, u16, u8),
    /// Milliseconds pass.
    Wait(u64),
    /// A plan in which each of two uplinks is there, usable and of an epoch.
    Plan([Link; 2]),
}

#[derive(Clone, Copy, Debug)]
pub struct Link {
    pub is_there: bool,
    pub is_usable: bool,
    pub epoch: u8,
}

pub const PORTS: (u16, u16) = (2000, 2002);

pub fn step() -> impl Strategy<Value = Step> {
    let protocol = select(vec![Protocol::UDP, Protocol::TCP, Protocol::TCP, Protocol::ICMP]);
    let flags = prop_oneof![2 => Just(0x02), 1 => tcp_flags()];
    let times = select(vec![0, 1, 50, 100, 150, 200, 300, 400, 500, 2_000]);
    let link = (proptest::bool::weighted(0.95), any::<bool>(), prop_oneof![6 => Just(0), 1 => Just(1)])
        .prop_map(|(is_there, is_usable, epoch)| Link { is_there, is_usable, epoch });
    prop_oneof![
        6 => (protocol, 0_u8..2, 0_u16..3, 0_u8..3, flags.clone())
            .prop_map(|(protocol, host, port, remote, flags)| Step::Outbound(protocol, host, port, remote, flags)),
        3 => (0_usize..8, 0_u8..3, flags.clone()).prop_map(|(at, remote, flags)| Step::Inbound(at, remote, flags)),
        1 => (0_usize..8, 0_u8..2, 0_u16..3, flags).prop_map(|(at, host, port, flags)| Step::Hairpin(at, host, port, flags)),
        3 => times.prop_map(Step::Wait),
        2 => [link.clone(), link].prop_map(Step::Plan),
    ]
}

/// The site with the two translating uplinks, both without link headers, one address and few ports each.
pub fn small_spec(links: [Link; 2], rest_ms: u64, filtering: Filtering) -> PlanSpec {
    let mut spec = spec();
    (spec.devices[0].link, spec.devices[2].link) = (LinkSpec::Ip, LinkSpec::Ip);
    spec.devices.truncate(4);
    spec.uplinks.truncate(2);
    for (uplink, link) in spec.uplinks.iter_mut().zip(links) {
        uplink.epoch = link.epoch;
        let ipv4 = uplink.ipv4.as_mut().unwrap();
        (ipv4.usable, ipv4.ports) = (link.is_usable, PORTS);
        ipv4.pool.truncate(1);
    }
    if !links[1].is_there {
        spec.uplinks.truncate(1);
        spec.devices.truncate(3);
    }
    if !links[0].is_there {
        // Its device stays in its place, so that the others keep their index.
        spec.uplinks.remove(0);
        spec.devices[2].role = RoleSpec::Internal;
        spec.devices[2].ipv4.clear();
        spec.devices[2].ipv6.clear();
    }
    spec.policies =
        vec![PolicySpec { prefer: spec.uplinks.iter().map(|uplink| uplink.slot).collect(), ..PolicySpec::default() }];
    spec.nat44.port_rest = Duration::from_millis(rest_ms);
    if rest_ms < 1_000 {
        // All in proportion, so that sequences meet the ends of lifetimes.
        (spec.nat44.udp, spec.nat44.icmp) = (Duration::from_millis(400), Duration::from_millis(150));
        spec.nat44.tcp_opening = Duration::from_millis(300);
        spec.nat44.tcp_closing = Duration::from_millis(300);
        spec.nat44.tcp_established = Duration::from_secs(2);
    }
    (spec.nat44.filtering_udp, spec.nat44.filtering_tcp, spec.nat44.filtering_icmp) = (filtering, filtering, filtering);
    spec
}

pub const BOTH: [Link; 2] = [Link { is_there: true, is_usable: true, epoch: 0 }; 2];

fn transport(protocol: Protocol, is_query: bool, source: u16, destination: u16, flags: u8) -> (u8, Vec<u8>) {
    match protocol {
        Protocol::UDP => (17, udp(source, destination, b"x")),
        Protocol::TCP => (6, tcp(source, destination, flags, b"")),
        _ => (1, echo(if is_query { 8 } else { 0 }, if is_query { source } else { destination }, b"x")),
    }
}

pub fn host(number: u8) -> u32 {
    v4([10, 0, 0, 5 + number])
}

/// Sends the packet of a step; none where there is nothing to send it to.
pub fn send(site: &mut Site, step: &Step) -> Option<Seen> {
    let (ingress, packet) = match *step {
        Step::Outbound(protocol, from, port, to, flags) => {
            let (number, transport) = transport(protocol, true, 2000 + port, 443, flags);
            (HOSTS, Packet4::new(host(from), REMOTE + u32::from(to), number, transport))
        }
        Step::Inbound(at, from, flags) => {
            let row = *site.mappings().get(at)?;
            let (number, transport) = transport(row.protocol, false, 443, row.external.port, flags);
            let ingress = DeviceIndex(u16::from(row.slot) + 2);
            (ingress, Packet4::new(REMOTE + u32::from(from), row.external.address, number, transport))
        }
        Step::Hairpin(at, from, port, flags) => {
            let row = *site.mappings().get(at)?;
            let (number, transport) = transport(row.protocol, true, 2000 + port, row.external.port, flags);
            (HOSTS, Packet4::new(host(from), row.external.address, number, transport))
        }
        Step::Wait(_) | Step::Plan(_) => return None,
    };
    Some(site.send_packet(ingress, &packet.octets()))
}

#[derive(Clone, Copy, Debug)]
struct Size {
    mappings: u32,
    sessions: u32,
    rest_ms: u64,
    filtering: Filtering,
}

fn size() -> impl Strategy<Value = Size> {
    let filtering =
        select(vec![Filtering::EndpointIndependent, Filtering::AddressDependent, Filtering::AddressAndPortDependent]);
    (1_u32..=8, prop_oneof![1_u32..=8, Just(64)], select(vec![0, 50, 100, 300, 300]), filtering)
        .prop_map(|(mappings, sessions, rest_ms, filtering)| Size { mappings, sessions, rest_ms, filtering })
}

fn play(size: Size, steps: &[Step]) {
    let mut site = Site::new(small_spec(BOTH, size.rest_ms, size.filtering), size.mappings, size.sessions);
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Wait(ms) => site.advance(*ms),
            Step::Plan(links) => {
                let after = small_spec(*links, size.rest_ms, size.filtering);
                model.follow(&site.spec, &after);
                site.adopt(after);
            }
            Step::Outbound(..) | Step::Inbound(..) | Step::Hairpin(..) => {}
        }
        site.settle();
        model.pass_time(&site.spec, site.now);
        let expected = model.filtering(&site, step);
        let seen = send(&mut site, step);
        model.observe(&site, step);
        if let (Some(seen), Some(is_admitted)) = (&seen, expected) {
            assert_eq!(seen.verdict != Verdict::Drop(DropReason::FilteredInbound), is_admitted, "filtering");
        }
        assert!(site.engine.session_count() <= size.sessions && model.held.len() <= size.mappings as usize);
        if let Some(seen) = seen {
            model.check_refusal(&site, seen.verdict, size.mappings as usize, size.sessions as usize);
        }
    }
    check_everything_comes_back(&mut site, size.mappings.min(size.sessions));
}

/// After long silence nothing is left, and every port can be handed out again.
pub fn check_everything_comes_back(site: &mut Site, room: u32) {
    site.adopt(small_spec(BOTH, 120_000, Filtering::default()));
    site.advance(30 * 86_400_000);
    site.settle();
    // Held packets are answered 16 at a time, of 256 at most.
    (0..16).for_each(|_| site.tick());
    assert_eq!((site.engine.session_count(), site.engine.mapping_count()), (0, 0));
    assert_eq!((site.engine.next_wakeup(), site.sessions().len(), site.mappings().len()), (None, 0, 0));
    let count = room.min(u32::from(PORTS.1 - PORTS.0) + 1);
    for number in 0..count {
        let packet = Packet4::new(v4([10, 1, 0, 0]) + number, REMOTE, 17, udp(2001, 53, b""));
        assert_eq!(site.send_packet(HOSTS, &packet.octets()).verdict, Verdict::Forward);
    }
    let mut ports: Vec<Endpoint> = site.mappings().into_iter().map(|row| row.external).collect();
    ports.sort_by_key(|external| external.port);
    ports.dedup();
    assert_eq!(ports.len() as u32, count, "each port once");
}

#[test]
fn rows_counts_ports_and_refusals_agree_over_long_sequences() {
    runner(2_500)
        .run(&(size(), vec(step(), 1..80)), |(size, steps)| {
            play(size, &steps);
            Ok(())
        })
        .unwrap();
}
