//! Static mappings, host limits and gateway-sourced sessions in long sequences, with plans that come and go: no endpoint is
//! shared, no limit is passed, and who calls is answered by the uplink of the call.

use std::collections::{HashMap, HashSet};

use nptd_core::frame::DeviceIndex;
use nptd_core::nat44::{Endpoint, MappingRow, Protocol, SessionRow};
use nptd_core::plan::spec::*;
use nptd_core::session::filtering::Filtering;
use nptd_core::verdict::Verdict;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::model::check_unique;
use super::packets::{Packet4, echo, tcp, udp};
use super::sequences::{BOTH, check_everything_comes_back, host, small_spec};
use super::site::{HOSTS, REMOTE, Site, packet_of, runner, v4};

const GATEWAY: u32 = v4([10, 0, 0, 1]);
const ADDRESSES: [u32; 2] = [v4([198, 51, 100, 2]), v4([203, 0, 113, 2])];
const WHOLE: u32 = v4([203, 0, 113, 77]);

/// Slot, protocol and both endpoints of a mapping.
type Key = (u8, u8, u32, u16, u32, u16);

#[derive(Clone, Debug)]
enum Step {
    /// Protocol, host, port, remote host.
    Outbound(u8, u8, u16, u8),
    /// Slot, protocol, whether to the whole address, port, remote host.
    Inbound(u8, u8, bool, u16, u8),
    /// Host, port, slot, port.
    Hairpin(u8, u16, u8, u16),
    /// The n-th session is answered by its host.
    Answer(usize),
    Wait(u64),
    Plan(Vec<usize>),
}

fn step() -> impl Strategy<Value = Step> {
    let protocol = || select(vec![17, 17, 6, 1]);
    prop_oneof![
        5 => (protocol(), 0_u8..2, 0_u16..3, 0_u8..2).prop_map(|(p, h, port, r)| Step::Outbound(p, h, port, r)),
        5 => (0_u8..2, protocol(), any::<bool>(), 0_u16..3, 0_u8..2).prop_map(|(s, p, w, port, r)| Step::Inbound(s, p, w, port, r)),
        2 => (0_u8..2, 0_u16..3, 0_u8..2, 0_u16..3).prop_map(|(h, port, s, to)| Step::Hairpin(h, port, s, to)),
        3 => any::<usize>().prop_map(Step::Answer),
        2 => select(vec![0, 50, 100, 200, 400, 2_000]).prop_map(Step::Wait),
        1 => vec(0_usize..7, 0..5).prop_map(Step::Plan),
    ]
}

/// Mappings to choose from, some of which share an endpoint.
fn menu(index: usize) -> StaticMappingSpec {
    let ports = |slot: u8, protocol, external, internal, count, to, gateway_source| StaticMappingSpec {
        slot,
        external: ADDRESSES[usize::from(slot)],
        internal: host(to),
        ports: Some(StaticPortsSpec { protocol, external, internal, count, gateway_source }),
    };
    match index {
        0 => ports(0, 17, 2000, 2000, 1, 0, false),
        1 => ports(0, 17, 2001, 2000, 2, 1, false),
        2 => ports(1, 17, 2000, 2001, 2, 0, true),
        3 => ports(0, 6, 2000, 2001, 1, 0, true),
        4 => ports(1, 6, 2000, 2001, 1, 0, false),
        5 => StaticMappingSpec { slot: 1, external: WHOLE, internal: host(1), ports: None },
        _ => ports(1, 17, 2002, 2000, 1, 0, false),
    }
}

fn spec(chosen: &[usize]) -> PlanSpec {
    let mut spec = small_spec(BOTH, 300, Filtering::AddressDependent);
    for index in chosen {
        spec.nat44.static_mappings.push(menu(*index));
        if nptd_core::plan::Plan::new(spec.clone()).is_err() {
            spec.nat44.static_mappings.pop();
        }
    }
    spec.nat44.resting_ports_max = 2;
    spec.nat44.host_limits =
        HostLimitsSpec { mappings_per_protocol: 3, sessions: 7, sessions_per_mapping: 3, ..HostLimitsSpec::default() };
    let ipv4 = spec.uplinks[0].ipv4.as_mut().unwrap();
    ipv4.reserved = vec![PortsSpec { protocol: 17, ports: (2002, 2002) }];
    spec
}

fn transport(protocol: u8, source: u16, destination: u16) -> Vec<u8> {
    match protocol {
        17 => udp(source, destination, b"x"),
        6 => tcp(source, destination, 2, b""),
        _ => echo(8, source, b"x"),
    }
}

fn play(site: &mut Site, step: &Step, known: &mut HashSet<Key>) {
    let (device, packet) = match step {
        Step::Wait(ms) => return site.advance(*ms),
        Step::Plan(chosen) => return site.adopt(spec(chosen)),
        Step::Outbound(protocol, from, port, to) => {
            let transport = transport(*protocol, 2000 + port, 443);
            (HOSTS, Packet4::new(host(*from), REMOTE + u32::from(*to), *protocol, transport))
        }
        Step::Inbound(slot, protocol, is_whole, port, from) => {
            let to = if *is_whole { WHOLE } else { ADDRESSES[usize::from(*slot)] };
            let identifier_or_source = if *protocol == 1 { 2000 + port } else { 443 };
            let transport = transport(*protocol, identifier_or_source, 2000 + port);
            (DeviceIndex(u16::from(*slot) + 2), Packet4::new(REMOTE + u32::from(*from), to, *protocol, transport))
        }
        Step::Hairpin(from, port, slot, to) => {
            let transport = transport(17, 2000 + port, 2000 + to);
            (HOSTS, Packet4::new(host(*from), ADDRESSES[usize::from(*slot)], 17, transport))
        }
        Step::Answer(at) => {
            let rows = site.sessions();
            if let Some(row) = rows.get(at % rows.len().max(1)) {
                answer(site, row);
            }
            return;
        }
    };
    let sessions = site.sessions();
    let seen = site.send_packet(device, &packet.octets());
    check_new_mappings(&site.spec, known, &site.mappings());
    let opened: Vec<SessionRow> =
        site.sessions().into_iter().filter(|row| !sessions.iter().any(|old| same(old, row))).collect();
    if let (Step::Inbound(slot, ..), Verdict::Forward) = (step, seen.verdict) {
        // MWAN-4: what comes in by an uplink has its session there.
        assert!(opened.iter().all(|row| row.slot == *slot), "{step:?} opened {opened:?}");
    }
}

fn same(one: &SessionRow, other: &SessionRow) -> bool {
    let key = |row: &SessionRow| (row.slot, row.protocol, row.internal, row.remote);
    key(one) == key(other)
}

/// What the host sends to the endpoint that it sees comes to the remote one, from the external one.
fn answer(site: &mut Site, row: &SessionRow) {
    let to = row.apparent.unwrap_or(row.remote);
    assert!(row.apparent.is_none_or(|apparent| apparent.address == GATEWAY));
    let is_internal = [ADDRESSES[0], ADDRESSES[1], WHOLE].contains(&{ row.remote.address });
    if row.protocol != Protocol::UDP || is_internal {
        return;
    }
    let packet = Packet4::new(row.internal.address, to.address, 17, udp(row.internal.port, to.port, b"y"));
    let seen = site.send_packet(HOSTS, &packet.octets());
    assert_eq!((seen.verdict, seen.egress), (Verdict::Forward, DeviceIndex(u16::from(row.slot) + 2)));
    let sent = packet_of(&site.spec, seen.egress, &seen.after);
    let word = |at: usize| u32::from_be_bytes([sent[at], sent[at + 1], sent[at + 2], sent[at + 3]]);
    let ports = u32::from(row.external.port) << 16 | u32::from(row.remote.port);
    assert_eq!((word(12), word(16), word(20)), (row.external.address, row.remote.address, ports));
}

/// What is new is as the plan has it, or takes nothing that the plan keeps for others. (What is known may come back from rest.)
fn check_new_mappings(spec: &PlanSpec, known: &mut HashSet<Key>, after: &[MappingRow]) {
    for row in after {
        let number = row.protocol.number();
        let (internal, external) = (row.internal, row.external);
        if !known.insert((row.slot, number, internal.address, internal.port, external.address, external.port)) {
            continue;
        }
        let fixed = |endpoint: Endpoint, is_external: bool| {
            spec.nat44.static_mappings.iter().any(|mapping| {
                let (address, low) = match (is_external, mapping.ports) {
                    (true, ports) => (mapping.external, ports.map(|ports| ports.external)),
                    (false, ports) => (mapping.internal, ports.map(|ports| ports.internal)),
                };
                let covers = mapping.ports.zip(low).is_none_or(|(ports, low)| {
                    let range = u32::from(low)..u32::from(low) + ports.count;
                    ports.protocol == row.protocol.number() && range.contains(&u32::from(endpoint.port))
                });
                mapping.slot == row.slot && address == endpoint.address && covers
            })
        };
        let is_reserved = row.slot == 0 && row.protocol == Protocol::UDP && row.external.port == 2002;
        assert_eq!(fixed(row.internal, false), fixed(row.external, true), "{row:?}");
        assert!(!is_reserved || fixed(row.external, true), "a reserved port: {row:?}");
    }
}

/// 6888-R4, 6888-R5.
fn check_limits(site: &Site) {
    let mut mappings: HashMap<(u32, u8), usize> = HashMap::new();
    for row in site.mappings() {
        *mappings.entry((row.internal.address, row.protocol.number())).or_default() += 1;
        assert!(row.sessions <= 3, "sessions of a mapping");
    }
    let mut sessions: HashMap<u32, usize> = HashMap::new();
    for row in site.sessions() {
        *sessions.entry(row.internal.address).or_default() += 1;
    }
    assert!(mappings.values().all(|count| *count <= 3) && sessions.values().all(|count| *count <= 7));
}

#[test]
fn published_endpoints_and_limits_hold_over_long_sequences_6888_r4_6888_r5_mwan_4() {
    runner(700)
        .run(&(vec(0_usize..7, 0..5), vec((step(), proptest::bool::weighted(0.8)), 1..60)), |(chosen, steps)| {
            let mut site = Site::with_hosts(spec(&chosen), 64, 64, 3);
            let mut known = HashSet::new();
            for (step, is_settled) in &steps {
                if *is_settled {
                    site.settle();
                }
                play(&mut site, step, &mut known);
                check_unique(&site.mappings());
                check_limits(&site);
            }
            check_everything_comes_back(&mut site, 3);
            Ok(())
        })
        .unwrap();
}

#[test]
fn rests_survive_a_restart_6888_r8() {
    runner(300)
        .run(&vec(step(), 1..40), |steps| {
            let mut site = Site::with_hosts(spec(&[]), 64, 64, 8);
            for step in steps.iter().filter(|step| !matches!(step, Step::Plan(_))) {
                play(&mut site, step, &mut HashSet::new());
                site.settle();
            }
            let mut rests = Vec::new();
            site.engine.port_rests(0, u32::MAX, site.now, &mut rests);
            let mut next = Site::with_hosts(spec(&[]), 64, 64, 8);
            next.now = site.now;
            let restored = next.engine.restore_port_rests(&rests, next.now);
            // No more than two rest in one pool, whatever lived.
            assert!(restored <= rests.len() && restored >= rests.len().min(2));
            let mut again = Vec::new();
            next.engine.port_rests(0, u32::MAX, next.now, &mut again);
            assert_eq!(again.len(), restored);
            for rest in &again {
                let same = |one: &&nptd_core::nat44::PortRest| {
                    (one.slot, one.protocol, one.internal) == (rest.slot, rest.protocol, rest.internal)
                };
                let original = rests.iter().find(same).expect("one that was restored");
                assert_eq!(original.external, rest.external);
            }
            assert_eq!(next.engine.restore_port_rests(&rests, next.now), 0, "each once");
            Ok(())
        })
        .unwrap();
}
