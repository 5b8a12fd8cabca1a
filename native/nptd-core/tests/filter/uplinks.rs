//! Which uplink: steering, dead uplinks, epochs.

use nptd_core::session::filtering::Filtering;
use nptd_core::verdict::{DropReason, OutputKind, Verdict};

use super::site::*;

fn egress(site: &mut Site, packet: &[u8]) -> u16 {
    let seen = site.send(SITE, packet);
    assert_eq!(seen.verdict, Verdict::Forward);
    seen.egress
}

#[test]
fn a_session_stays_on_its_uplink_and_its_endpoint_with_it() {
    let mut site = Site::new();
    site.set_usable(0, false);
    assert_eq!(egress(&mut site, &udp(HOST, 1, REMOTE, 9)), SECOND);
    assert_eq!(egress(&mut site, &tcp(HOST, 1, REMOTE, 9, &segment(SYN))), SECOND);
    site.set_usable(0, true);
    assert_eq!(egress(&mut site, &udp(HOST, 1, REMOTE, 9)), SECOND);
    assert_eq!(egress(&mut site, &udp(HOST, 1, STRANGER, 9)), SECOND, "one view of the world");
    assert_eq!(egress(&mut site, &udp(HOST, 2, REMOTE, 9)), FIRST);
    assert_eq!(egress(&mut site, &tcp(HOST, 1, STRANGER, 9, &segment(SYN))), FIRST, "connections are free to choose");
}

#[test]
fn what_came_in_by_an_uplink_is_answered_by_it() {
    let mut site = Site::new();
    let external = site.external(1, HOST);
    assert_eq!(site.verdict(SECOND, &echo(REMOTE, &external, 128, 1)), Verdict::Forward);
    assert_eq!(egress(&mut site, &echo(HOST, REMOTE, 129, 1)), SECOND);
    // The uplink dies: an answer goes nowhere else, and the session ends.
    site.set_usable(1, false);
    assert_eq!(site.verdict(SITE, &echo(HOST, REMOTE, 129, 1)), dropped(DropReason::UplinkDown));
    assert_eq!(site.verdict(SITE, &echo(HOST, REMOTE, 129, 1)), dropped(DropReason::IcmpTypeNotForwarded));
}

#[test]
fn flows_move_from_a_dead_uplink_with_all_of_their_endpoint() {
    let mut site = Site::new();
    for remote in [REMOTE, STRANGER] {
        assert_eq!(egress(&mut site, &udp(HOST, 1, remote, 9)), FIRST);
    }
    site.set_usable(0, false);
    assert_eq!(egress(&mut site, &udp(HOST, 1, REMOTE, 9)), SECOND);
    let slots: Vec<u8> = site.rows().iter().map(|row| row.slot).collect();
    assert_eq!(slots, [1]);
}

#[test]
fn however_many_sessions_an_endpoint_has_they_move_at_once_and_are_removed_by_and_by() {
    let mut site = Site::with(spec(), 4_000);
    let remote = |number: u16| format!("2001:db8:77::{number:x}");
    for number in 1..=3_500 {
        assert_eq!(egress(&mut site, &udp(HOST, 1, &remote(number), 9)), FIRST);
    }
    let external = site.external(0, HOST);
    site.filter_by(Filtering::AddressDependent);
    site.set_usable(0, false);
    assert_eq!(egress(&mut site, &udp(HOST, 1, &remote(1), 9)), SECOND);
    assert_eq!((site.rows().len(), site.engine.filter_session_count()), (1, 1));
    let refused = dropped(DropReason::FilteredInbound);
    assert_eq!(site.verdict(FIRST, &udp(&remote(7), 9, &external, 1)), refused);
    // There is room for as many again, whoever has not been removed yet.
    for number in 1..=4_000 {
        assert_eq!(egress(&mut site, &udp(HOST, 1, &remote(number), 9)), SECOND);
    }
    assert_eq!(site.verdict(SITE, &udp(HOST, 1, STRANGER, 9)), dropped(DropReason::SessionTableFull));
    for _ in 0..4 {
        site.tick();
        assert_eq!(site.engine.filter_session_count(), 4_000);
    }
    assert_eq!(site.rows().len(), 4_000);
    site.set_usable(0, true);
    site.set_usable(1, false);
    assert_eq!(egress(&mut site, &udp(HOST, 1, &remote(7), 9)), FIRST);
    assert_eq!((site.rows().len(), site.engine.filter_session_count()), (1, 1));
}

#[test]
fn a_connection_on_a_dead_uplink_is_reset_and_may_begin_anew() {
    let mut site = Site::new();
    assert_eq!(egress(&mut site, &tcp(HOST, 1, REMOTE, 9, &segment(SYN))), FIRST);
    site.set_usable(0, false);
    let seen = site.send(SITE, &tcp(HOST, 1, REMOTE, 9, &segment(ACK)));
    assert_eq!(seen.verdict, dropped(DropReason::UplinkDown));
    let [(SITE, OutputKind::TcpReset, reset)] = &seen.outputs[..] else { panic!("{:?}", seen.outputs) };
    assert_eq!((source_of(reset), destination_of(reset), reset.len()), (v6(REMOTE), v6(HOST), 60));
    // Version and class, length, TCP, hop limit; ports exchanged, the acknowledged number, RST; the checksum is right.
    assert_eq!(reset[..8], [0x60, 0, 0, 0, 0, 20, 6, 64]);
    assert_eq!(reset[40..56], [0, 9, 0, 1, 0, 0, 7, 208, 0, 0, 0, 0, 0x50, 4, 0, 0]);
    assert_eq!(sum_of(reset), 0xffff);
    assert_eq!(site.send(SITE, &tcp(HOST, 1, REMOTE, 9, &segment(RST))).outputs.len(), 0);
    assert_eq!(egress(&mut site, &tcp(HOST, 1, REMOTE, 9, &segment(SYN))), SECOND);
    assert_eq!(site.rows().len(), 1);
}

/// One's complement sum of a TCP packet with its pseudo-header.
fn sum_of(packet: &[u8]) -> u16 {
    let summed = [&packet[8..], &[0, 0, 0, packet[5], 0, 0, 0, 6]].concat();
    let sum: u32 = summed.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    ((sum & 0xffff) + (sum >> 16)) as u16
}

#[test]
fn sctp_moves_like_a_flow() {
    let mut site = Site::new();
    assert_eq!(egress(&mut site, &sctp(HOST, 1, REMOTE, 9, 1)), FIRST);
    site.set_usable(0, false);
    assert_eq!(egress(&mut site, &sctp(HOST, 1, REMOTE, 9, 0)), SECOND);
}

#[test]
fn nothing_moves_where_no_uplink_is_better() {
    let mut site = Site::new();
    egress(&mut site, &tcp(HOST, 1, REMOTE, 9, &segment(SYN)));
    site.set_usable(0, false);
    site.set_usable(1, false);
    assert_eq!(egress(&mut site, &tcp(HOST, 1, REMOTE, 9, &segment(ACK))), FIRST);
}

#[test]
fn nobody_steers_a_flow_to_another_uplink() {
    let mut site = Site::new();
    let by_second = site.external(1, HOST);
    egress(&mut site, &udp(HOST, 500, REMOTE, 9));
    egress(&mut site, &sctp(HOST, 1, REMOTE, 9, 1));
    site.change(|spec| {
        spec.filter6.as_mut().unwrap().published =
            vec![nptd_core::plan::spec::Published6Spec { internal: v6(HOST), protocol: None, ports: None }];
    });
    // By the other uplink: admitted without a session, or not at all.
    assert_eq!(site.verdict(SECOND, &udp(REMOTE, 9, &by_second, 500)), Verdict::Forward);
    let seen = site.send(SECOND, &sctp(REMOTE, 9, &by_second, 1, 1));
    assert_eq!((seen.verdict, seen.outputs.len()), (dropped(DropReason::FilteredInbound), 0));
    assert!(site.rows().iter().all(|row| row.slot == 0));
    site.now_ms += 6_000;
    assert!(site.tick().outputs.is_empty(), "it was not held");
}

#[test]
fn sessions_die_with_the_epoch_of_their_uplink_and_do_not_come_back() {
    let mut site = Site::new();
    let external = site.external(0, HOST);
    egress(&mut site, &udp(HOST, 1, REMOTE, 9));
    site.change(|spec| spec.uplinks[0].epoch = 1);
    assert_eq!(site.verdict(FIRST, &udp(REMOTE, 9, &external, 1)), dropped(DropReason::FilteredInbound));
    site.change(|spec| spec.uplinks[0].epoch = 0);
    assert_eq!(site.verdict(FIRST, &udp(REMOTE, 9, &external, 1)), dropped(DropReason::FilteredInbound));
    assert_eq!(site.rows().len(), 0);
}

#[test]
fn what_dies_on_the_way_leaves_no_state() {
    let mut site = Site::new();
    let mut late = udp(HOST, 1, REMOTE, 9);
    late[7] = 1;
    assert_eq!(site.verdict(SITE, &late), dropped(DropReason::HopLimitExceeded));
    let long = packet(HOST, REMOTE, UDP, &[0; 1_461]);
    assert_eq!(site.send(SITE, &long).error(), Some((SITE, 2, 0)));
    assert_eq!(site.rows().len(), 0);
}
