//! What attacks have found, each as small as it can be shown.

use nptd_core::host::neighbours::mapped4;
use nptd_core::host::probes::{Family, ProbeSpec};
use nptd_core::nat44::Protocol;
use nptd_core::plan::spec::*;
use nptd_core::session::filtering::Filtering;
use nptd_core::time::{Duration, Instant, TICK_US};
use nptd_core::verdict::Verdict;

use super::packets::{Packet4, echo, tcp, udp};
use super::sequences::{BOTH, Link, small_spec};
use super::site::{CABLE, CABLE_POOL, HOST, HOSTS, ISP_MAC, REMOTE, Site, arp_request, spec, v4};

const SYN: u8 = 0x02;
const SYN_ACK: u8 = 0x12;
const ONLY_TUNNEL: [Link; 2] = [Link { is_usable: false, ..BOTH[0] }, BOTH[1]];
const GONE: Link = Link { is_there: false, ..BOTH[0] };

/// A site with both uplinks, room for that much, and a rest for ports.
fn site(mappings_max: u32, rest_ms: u64) -> Site {
    Site::new(plan(BOTH, rest_ms), mappings_max, 64)
}

fn plan(links: [Link; 2], rest_ms: u64) -> PlanSpec {
    small_spec(links, rest_ms, Filtering::EndpointIndependent)
}

/// A datagram or segment from an internal host, by its last octet, to a remote one.
fn send(site: &mut Site, host: u32, protocol: Protocol, remote: u32, flags: u8) -> Verdict {
    site.settle();
    let (number, transport) = match protocol {
        Protocol::UDP => (17, udp(2000, 443, b"")),
        Protocol::TCP => (6, tcp(2000, 443, flags, b"")),
        _ => (1, echo(8, 2000, b"")),
    };
    let packet = Packet4::new(HOST + host, REMOTE + remote, number, transport);
    site.send_packet(HOSTS, &packet.octets()).verdict
}

fn answer(site: &mut Site, by: nptd_core::frame::DeviceIndex, remote: u32, flags: u8) -> Verdict {
    let slot = by.0 as u8 - 2;
    let row = site.mappings().into_iter().find(|row| row.slot == slot).unwrap();
    let transport = tcp(443, row.external.port, flags, b"");
    site.send_packet(by, &Packet4::new(REMOTE + remote, row.external.address, 6, transport).octets()).verdict
}

/// Ports of a dead epoch do not rest, and count towards no capacity.
#[test]
fn a_renumbered_uplink_leaves_no_resting_mappings_behind() {
    let mut site = site(1, 120_000);
    assert_eq!(send(&mut site, 0, Protocol::UDP, 0, 0), Verdict::Forward);
    assert_eq!(send(&mut site, 0, Protocol::UDP, 1, 0), Verdict::Forward);
    site.adopt(plan([Link { epoch: 1, ..BOTH[0] }, BOTH[1]], 120_000));
    assert_eq!(send(&mut site, 1, Protocol::UDP, 0, 0), Verdict::Forward);
}

/// The rest begins when the last session died, not when one that was ended early would have.
#[test]
fn a_session_ended_by_a_new_syn_does_not_prolong_the_rest_6888_r8() {
    let mut site = site(8, 120_000);
    assert_eq!(send(&mut site, 0, Protocol::TCP, 0, SYN), Verdict::Forward);
    assert_eq!(answer(&mut site, CABLE, 0, SYN_ACK), Verdict::Forward);
    assert_eq!(send(&mut site, 0, Protocol::TCP, 1, SYN), Verdict::Forward);
    site.adopt(plan(ONLY_TUNNEL, 120_000));
    assert_eq!(send(&mut site, 0, Protocol::TCP, 0, SYN), Verdict::Forward);
    site.adopt(plan(BOTH, 120_000));
    site.advance(240_000 + 120_000);
    assert_eq!(send(&mut site, 1, Protocol::TCP, 0, SYN), Verdict::Forward);
    let external = site.mappings().into_iter().find(|row| row.slot == 0).unwrap().external;
    assert_eq!(external.port, 2000, "the port is free again");
}

#[test]
fn a_mapping_that_is_moved_without_a_rest_is_gone_at_once() {
    let mut site = site(1, 0);
    assert_eq!(send(&mut site, 0, Protocol::UDP, 0, 0), Verdict::Forward);
    site.adopt(plan(ONLY_TUNNEL, 0));
    assert_eq!(send(&mut site, 0, Protocol::UDP, 0, 0), Verdict::Forward);
}

/// However fast plans follow each other, what was dead stays dead.
#[test]
fn sessions_of_an_uplink_that_was_away_do_not_come_back_with_it() {
    let mut site = site(8, 120_000);
    assert_eq!(send(&mut site, 0, Protocol::UDP, 0, 0), Verdict::Forward);
    site.adopt(plan([GONE, BOTH[1]], 120_000));
    site.adopt(plan(BOTH, 120_000));
    assert_eq!((site.sessions().len(), site.mappings().len()), (0, 0));
}

/// Each plan used to take another identifier from the hosts, for good.
#[test]
fn probes_keep_their_identifier_from_plan_to_plan_3022_2_2() {
    let mut site = site(8, 120_000);
    let probe = ProbeSpec {
        slot: 0,
        family: Family::V4,
        list: 0,
        targets: vec![mapped4(REMOTE).into()],
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        calm_round: 0,
        identifier: 1_999,
        ports: (61_440, 61_503),
        conversation_ports: (61_504, 61_567),
    };
    site.engine.set_probes(vec![probe], site.now);
    for _ in 0..3 {
        site.adopt(plan(BOTH, 120_000));
    }
    assert_eq!(send(&mut site, 0, Protocol::ICMP, 0, 0), Verdict::Forward);
    assert_eq!(site.mappings()[0].external.port, 2000, "preserved, since it is free");
}

/// A caller may count microseconds from 1970; ticks of 32 bits do not reach that far.
#[test]
fn the_rest_of_a_lifetime_does_not_depend_on_the_origin_of_time() {
    for origin in [0, 1_763_700_000_000_000, 0x1_0000_0000 * TICK_US] {
        let mut site = site(8, 120_000);
        site.now = Instant::from_micros(origin + 12_345_000);
        assert_eq!(send(&mut site, 0, Protocol::UDP, 0, 0), Verdict::Forward);
        assert_eq!(site.sessions()[0].expires_in_ms, 300_055);
    }
}

#[test]
fn the_last_tick_there_is_ends_like_any_other() {
    for now in [u64::from(u32::MAX) * TICK_US, u64::MAX] {
        let mut site = site(8, 120_000);
        site.now = Instant::from_micros(now);
        let _ = send(&mut site, 0, Protocol::UDP, 0, 0);
        let _ = send(&mut site, 0, Protocol::TCP, 0, SYN_ACK);
        site.tick();
        site.settle();
    }
}

/// A host used to fill the table with stations that it made up, and no next hop was resolved any more.
#[test]
fn made_up_stations_do_not_keep_a_next_hop_from_being_resolved_rfc6583() {
    let mut site = Site::new(
        PlanSpec { policies: vec![PolicySpec { prefer: vec![0], ..PolicySpec::default() }], ..spec() },
        64,
        64,
    );
    for number in 0..200_u8 {
        let (mac, address) = ([2, 9, 0, 0, 0, number], v4([10, 0, 0, 30]) + u32::from(number));
        assert_eq!(site.send(HOSTS, &arp_request(0, mac, address, v4([10, 0, 0, 1]))).verdict, Verdict::Reply);
    }
    let packet = Packet4::new(HOST, REMOTE, 17, udp(2000, 443, b""));
    assert_eq!(site.send_packet(HOSTS, &packet.octets()).verdict, Verdict::Queued);
    assert_eq!(site.send(CABLE, &arp_request(1, ISP_MAC, v4([198, 51, 100, 1]), CABLE_POOL[0])).outputs.len(), 1);
    for number in 0..200_u8 {
        let (mac, address) = ([2, 8, 0, 0, 0, number], v4([10, 0, 0, 30]) + u32::from(number));
        let _ = site.send(HOSTS, &arp_request(0, mac, address, v4([10, 0, 0, 1])));
    }
    assert_eq!(site.send_packet(HOSTS, &packet.octets()).verdict, Verdict::Forward, "who is spoken to stays");
}
