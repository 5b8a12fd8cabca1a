//! The neighbour table: resolution, waiting packets, limits, confirmation, own packets, new plans.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod host;

use etherparse::ArpOperation;
use host::*;
use nptd_core::frame::{ChecksumState, Segmentation};
use nptd_core::host::neighbours::{NeighbourState, QUEUED_MAX, QUEUED_PER_NEIGHBOUR_MAX, mapped4};
use nptd_core::plan::{NextHop, Plan};
use nptd_core::time::Duration;
use nptd_core::verdict::{DropReason, OutputKind, Suppressed, Verdict};
use nptd_core::wire::ethernet::MacAddress;
use proptest::prelude::*;

const HOST: &str = "192.168.1.10";

fn host() -> NextHop<u128> {
    hop4(INTERNAL, HOST)
}

/// The host's answer to our request.
fn answer(mac: [u8; 6]) -> Vec<u8> {
    arp_frame(INTERNAL_MAC, ArpOperation::REPLY, mac, HOST, INTERNAL_MAC, "192.168.1.1")
}

fn known_host() -> Gateway {
    let mut gateway = Gateway::new();
    gateway.resolve4(INTERNAL, INTERNAL_MAC, "192.168.1.1", HOST, HOST_MAC);
    assert_eq!(gateway.row(host()).unwrap().state, NeighbourState::Reachable);
    gateway
}

// ---- Resolution ----

#[test]
fn an_unknown_hop_is_asked_for_by_a_broadcast_that_another_parser_reads() {
    let mut gateway = Gateway::new();
    assert_eq!(gateway.lookup(host()), None);
    assert_eq!(gateway.enqueue(host(), &[0x45, 1]), Verdict::Queued);
    let sent = gateway.sent();
    assert_eq!((sent.len(), sent[0].egress, sent[0].kind), (1, INTERNAL, OutputKind::NeighbourRequest));
    let (from, to, arp) = read_arp(&sent[0].octets);
    assert_eq!((from, to, arp.operation), (INTERNAL_MAC, BROADCAST, ArpOperation::REQUEST));
    assert_eq!((arp.sender_mac, arp.sender_ipv4), (INTERNAL_MAC, [192, 168, 1, 1]));
    assert_eq!((arp.target_mac, arp.target_ipv4), ([0; 6], [192, 168, 1, 10]));
    assert_eq!(gateway.counters.output(OutputKind::NeighbourRequest), 1);
    assert_eq!(gateway.row(host()).unwrap().state, NeighbourState::Incomplete);
}

#[test]
fn a_request_names_the_own_address_on_the_neighbours_subnet() {
    let mut two_subnets = spec();
    two_subnets.devices[0].ipv4.push((v4("10.0.0.1"), 8));
    two_subnets.devices[0].ipv6.push((v6("fd01:203:405:2::1"), 64));
    let mut gateway = Gateway::new();
    gateway.plan = Plan::new(two_subnets).unwrap();
    assert_eq!(gateway.enqueue(hop4(INTERNAL, "10.9.9.9"), &[0x45]), Verdict::Queued);
    assert_eq!(gateway.enqueue(hop6(INTERNAL, "fd01:203:405:2::9"), &[0x60]), Verdict::Queued);
    let sent = gateway.sent();
    assert_eq!(read_arp(&sent[0].octets).2.sender_ipv4, [10, 0, 0, 1]);
    assert_eq!(read_nd(&sent[1].octets).source, v6("fd01:203:405:2::1"));
}

#[test]
fn waiting_packets_leave_in_order_behind_a_link_header_once_the_hop_answers() {
    let mut gateway = Gateway::new();
    for number in 0..5 {
        assert_eq!(gateway.enqueue(host(), &[0x45, number, 9]), Verdict::Queued);
    }
    assert_eq!(gateway.sent().len(), 1, "one request for all of them");
    assert_eq!(gateway.row(host()).unwrap().waiting, 5);
    assert_eq!(gateway.arp(INTERNAL, &answer(HOST_MAC)).0, Verdict::Consumed);
    let sent = gateway.sent();
    let expected: Vec<Vec<u8>> =
        (0..5).map(|number| [&HOST_MAC[..], &INTERNAL_MAC, &[0x08, 0x00], &[0x45, number, 9]].concat()).collect();
    assert_eq!(sent.iter().map(|sent| sent.octets.clone()).collect::<Vec<_>>(), expected);
    assert!(sent.iter().all(|sent| sent.kind == OutputKind::Released && sent.egress == INTERNAL));
    assert_eq!(gateway.counters.output(OutputKind::Released), 5);
    assert_eq!(gateway.row(host()).unwrap().waiting, 0);
    assert_eq!(gateway.lookup(host()), Some(MacAddress(HOST_MAC)));
    assert_eq!(gateway.neighbours.next_wakeup(), None);
}

#[test]
fn a_waiting_super_packet_keeps_its_checksum_and_segmentation() {
    let mut gateway = Gateway::new();
    let packet: Vec<u8> = (0..65_535_u32).map(|number| number as u8).collect();
    let partial = ChecksumState::Partial { start: 20, offset: 16 };
    let verdict = gateway.with(|context, neighbours| {
        neighbours.enqueue(context, host(), &packet, partial, Segmentation::Tcp4(1448), None)
    });
    assert_eq!(verdict, Verdict::Queued);
    gateway.sent();
    let _ = gateway.arp(INTERNAL, &answer(HOST_MAC));
    let sent = gateway.sent();
    assert_eq!(sent[0].checksum, ChecksumState::Partial { start: 34, offset: 16 });
    assert_eq!(sent[0].segmentation, Segmentation::Tcp4(1448));
    assert!(sent[0].octets[14..] == packet[..]);
}

#[test]
fn three_requests_a_second_apart_then_the_hop_is_unreachable_for_a_second() {
    let mut gateway = Gateway::new();
    for _ in 0..3 {
        assert_eq!(gateway.enqueue(host(), &[0x45]), Verdict::Queued);
    }
    let start = gateway.now;
    for retry in 1..=2 {
        assert_eq!(gateway.neighbours.next_wakeup(), Some(start.after(Duration::from_secs(retry))));
        gateway.sent();
        gateway.wait_us(999_999);
        assert_eq!(gateway.sent().len(), 0, "too early");
        gateway.wait_us(1);
        assert_eq!(gateway.sent().len(), 1, "retry {retry}");
    }
    gateway.wait_us(999_999);
    assert_eq!(gateway.suppressed(Suppressed::ResolutionFailed), 0);
    gateway.wait_us(1);
    assert_eq!(gateway.suppressed(Suppressed::ResolutionFailed), 3);
    assert_eq!(gateway.row(host()).unwrap().state, NeighbourState::Failed);
    let refused = Verdict::Drop(DropReason::NeighbourUnreachable);
    assert_eq!(gateway.enqueue(host(), &[0x45]), refused);
    gateway.wait_us(999_999);
    assert_eq!(gateway.enqueue(host(), &[0x45]), refused);
    assert_eq!(gateway.sent(), []);
    gateway.wait_us(1);
    assert_eq!(gateway.enqueue(host(), &[0x45]), Verdict::Queued);
    assert_eq!(gateway.sent().len(), 1);
}

#[test]
fn a_late_answer_revives_a_failed_hop() {
    let mut gateway = Gateway::new();
    assert_eq!(gateway.enqueue(host(), &[0x45]), Verdict::Queued);
    (0..3).for_each(|_| gateway.wait_ms(1000));
    let _ = gateway.arp(INTERNAL, &answer(HOST_MAC));
    assert_eq!(gateway.lookup(host()), Some(MacAddress(HOST_MAC)));
    assert_eq!(gateway.neighbours.next_wakeup(), None);
}

// ---- Limits ----

#[test]
fn eight_packets_wait_for_one_neighbour_and_sixty_four_for_all() {
    let mut gateway = Gateway::new();
    let per_neighbour = usize::from(QUEUED_PER_NEIGHBOUR_MAX);
    let neighbours = QUEUED_MAX / per_neighbour;
    let hop = |number: usize| hop4(INTERNAL, &format!("192.168.1.{}", 10 + number));
    let full = Verdict::Drop(DropReason::ResolutionQueueFull);
    for number in 0..neighbours {
        for _ in 0..per_neighbour {
            assert_eq!(gateway.enqueue(hop(number), &[0x45]), Verdict::Queued);
        }
        assert_eq!(gateway.enqueue(hop(number), &[0x45]), full);
    }
    gateway.sent();
    assert_eq!(gateway.enqueue(hop(neighbours), &[0x45]), full);
    assert_eq!(gateway.sent().len(), 1, "a hop is asked for even if its packet cannot wait");
    (0..3).for_each(|_| gateway.wait_ms(1000));
    assert_eq!(gateway.suppressed(Suppressed::ResolutionFailed), QUEUED_MAX as u64);
    gateway.wait_ms(1000);
    for _ in 0..per_neighbour {
        assert_eq!(gateway.enqueue(hop(0), &[0x45]), Verdict::Queued, "slots come back");
    }
}

#[test]
fn a_scan_of_the_subnet_fills_half_the_table_and_leaves_known_hosts_alone() {
    let mut gateway = Gateway::with_capacity(16);
    gateway.resolve4(INTERNAL, INTERNAL_MAC, "192.168.1.1", HOST, HOST_MAC);
    let verdicts: Vec<_> =
        (100..120).map(|last| gateway.enqueue(hop4(INTERNAL, &format!("192.168.1.{last}")), &[0x45])).collect();
    assert!(verdicts[..8].iter().all(|verdict| *verdict == Verdict::Queued));
    assert!(verdicts[8..].iter().all(|verdict| *verdict == Verdict::Drop(DropReason::NeighbourTableFull)));
    assert_eq!(gateway.lookup(host()), Some(MacAddress(HOST_MAC)));
    (0..4).for_each(|_| gateway.wait_ms(1000));
    assert_eq!(gateway.enqueue(hop4(INTERNAL, "192.168.1.120"), &[0x45]), Verdict::Queued);
}

#[test]
fn a_full_table_gives_up_idle_neighbours_but_none_in_use() {
    let mut gateway = Gateway::with_capacity(4);
    let ask = |gateway: &mut Gateway, last: u8| {
        let sender = format!("192.168.1.{last}");
        let frame = arp_frame(BROADCAST, ArpOperation::REQUEST, [2, 9, 9, 9, 9, last], &sender, [0; 6], "192.168.1.1");
        assert_eq!(gateway.arp(INTERNAL, &frame).0, Verdict::Reply);
        gateway.row(hop4(INTERNAL, &sender)).is_some()
    };
    assert!((10..14).all(|last| ask(&mut gateway, last)));
    assert!(!ask(&mut gateway, 14), "all are young");
    gateway.now = gateway.now.after(Duration::from_secs(60));
    assert!(gateway.lookup(host()).is_some());
    assert!((20..23).all(|last| ask(&mut gateway, last)), "three are idle");
    assert!(gateway.row(host()).is_some(), "one is in use");
    assert_eq!(gateway.neighbours.rows().count(), 4);
}

#[test]
fn a_neighbour_unused_for_ten_minutes_is_forgotten() {
    let mut gateway = known_host();
    gateway.wait_ms(599_999);
    assert!(gateway.row(host()).is_some());
    gateway.wait_ms(1);
    assert_eq!(gateway.row(host()), None);
}

#[test]
fn a_full_pool_of_outputs_is_counted_and_stops_nothing() {
    let mut gateway = Gateway::new();
    let sent = gateway.with(|context, neighbours| {
        while context.outputs.allocate(0, INTERNAL, OutputKind::Injected).is_some() {}
        let _ = neighbours.enqueue(context, host(), &[0x45], ChecksumState::Complete, Segmentation::None, None);
        neighbours.send_packet(context, hop4(BARE, "198.51.100.1"), OutputKind::Probe, 20, |_| {})
    });
    assert!(!sent);
    assert_eq!(gateway.suppressed(Suppressed::OutputPoolFull), 2);
    gateway.sent();
    gateway.wait_ms(1000);
    assert_eq!(gateway.sent().len(), 1, "the request follows at the next try");
}

// ---- Confirmation ----

#[test]
fn a_neighbour_in_use_is_confirmed_by_a_unicast_request_every_thirty_seconds() {
    let mut gateway = known_host();
    gateway.wait_us(29_999_999);
    assert_eq!(gateway.lookup(host()), Some(MacAddress(HOST_MAC)));
    assert_eq!(gateway.sent(), []);
    gateway.wait_us(1);
    assert_eq!(gateway.lookup(host()), Some(MacAddress(HOST_MAC)), "usable meanwhile");
    assert_eq!(gateway.lookup(host()), Some(MacAddress(HOST_MAC)));
    let sent = gateway.sent();
    assert_eq!(sent.len(), 1, "one request, however often it is used");
    let (_, to, arp) = read_arp(&sent[0].octets);
    assert_eq!((to, arp.target_mac, arp.target_ipv4), (HOST_MAC, HOST_MAC, [192, 168, 1, 10]));
    assert_eq!(gateway.row(host()).unwrap().state, NeighbourState::Probing);
    let _ = gateway.arp(INTERNAL, &answer(HOST_MAC));
    assert_eq!(gateway.row(host()).unwrap().state, NeighbourState::Reachable);
    assert_eq!(gateway.neighbours.next_wakeup(), None);
}

#[test]
fn an_unused_neighbour_causes_no_requests() {
    let mut gateway = known_host();
    (0..60).for_each(|_| gateway.wait_ms(1000));
    assert_eq!(gateway.sent(), []);
}

#[test]
fn a_neighbour_that_does_not_confirm_is_forgotten_and_then_asked_for_by_broadcast() {
    let mut gateway = known_host();
    gateway.wait_ms(30_000);
    gateway.lookup(host());
    for _ in 0..2 {
        gateway.wait_ms(1000);
        assert_eq!(gateway.lookup(host()), Some(MacAddress(HOST_MAC)));
    }
    let requests = gateway.sent();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|sent| read_arp(&sent.octets).1 == HOST_MAC));
    gateway.wait_ms(1000);
    assert_eq!((gateway.row(host()), gateway.lookup(host())), (None, None));
    assert_eq!(gateway.enqueue(host(), &[0x45]), Verdict::Queued);
    assert_eq!(read_arp(&gateway.sent()[0].octets).1, BROADCAST);
}

// ---- Own packets ----

#[test]
fn own_packets_leave_at_once_or_wait_or_are_refused_and_counted() {
    let mut gateway = known_host();
    let send = |gateway: &mut Gateway, hop| {
        gateway.with(|context, neighbours| {
            neighbours.send_packet(context, hop, OutputKind::IcmpError, 6, |octets| {
                assert_eq!(octets, [0; 6]);
                octets[0] = 0x45;
            })
        })
    };
    assert!(send(&mut gateway, host()));
    assert!(send(&mut gateway, hop4(BARE, "198.51.100.77")));
    let sent = gateway.sent();
    let packet = [0x45, 0, 0, 0, 0, 0];
    assert_eq!(sent[0].octets, [&HOST_MAC[..], &INTERNAL_MAC, &[8, 0], &packet].concat());
    assert_eq!((sent[1].egress, sent[1].octets.as_slice()), (BARE, packet.as_slice()));
    assert!(sent.iter().all(|sent| sent.kind == OutputKind::IcmpError));

    let other = hop4(INTERNAL, "192.168.1.11");
    assert!((0..8).all(|_| send(&mut gateway, other)));
    assert!(!send(&mut gateway, other));
    assert_eq!(gateway.suppressed(Suppressed::NeighbourUnresolved), 1);
    gateway.sent();
    let reply = arp_frame(INTERNAL_MAC, ArpOperation::REPLY, OTHER_MAC, "192.168.1.11", INTERNAL_MAC, "192.168.1.1");
    let _ = gateway.arp(INTERNAL, &reply);
    assert_eq!(gateway.sent().iter().filter(|sent| sent.kind == OutputKind::IcmpError).count(), 8);
    assert_eq!(gateway.counters.output(OutputKind::IcmpError), 10);
    assert_eq!(gateway.counters.output(OutputKind::Released), 1, "that of the set-up");
}

#[test]
fn groups_need_no_resolution() {
    let mut gateway = Gateway::new();
    let cases = [
        (hop4(INTERNAL, "255.255.255.255"), Some(BROADCAST)),
        (hop4(INTERNAL, "224.129.2.3"), Some([1, 0, 0x5e, 1, 2, 3])),
        (hop6(INTERNAL, "ff02::1:ff00:1"), Some([0x33, 0x33, 0xff, 0, 0, 1])),
        (hop4(BARE, "224.0.0.1"), None),
    ];
    for (hop, expected) in cases {
        assert_eq!(gateway.lookup(hop), expected.map(MacAddress));
    }
    assert_eq!(gateway.sent(), []);
}

// ---- Plans ----

#[test]
fn a_new_plan_forgets_neighbours_off_its_links_and_counts_what_waited() {
    let mut gateway = known_host();
    gateway.resolve4(UPLINK, UPLINK_MAC, "203.0.113.2", "203.0.113.1", OTHER_MAC);
    assert_eq!(gateway.enqueue(hop4(INTERNAL, "192.168.1.11"), &[0x45]), Verdict::Queued);
    let mut renumbered = spec();
    renumbered.devices[0].ipv4 = vec![(v4("192.168.2.1"), 24)];
    gateway.plan = Plan::new(renumbered).unwrap();
    gateway.neighbours.adopt(&gateway.plan);
    let left: Vec<_> = gateway.neighbours.rows().map(|row| row.address).collect();
    assert_eq!(left, [mapped4(v4("203.0.113.1"))]);
    gateway.wait_ms(0);
    assert_eq!(gateway.suppressed(Suppressed::ResolutionFailed), 1);
    assert_eq!(gateway.neighbours.next_wakeup(), None);
}

// ---- Garbage ----

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_of_uses_answers_and_time_keeps_the_table_in_bounds(
        steps in prop::collection::vec((0_u8..6, 10_u8..30, 0_u64..2_000), 1..200),
    ) {
        let mut gateway = Gateway::with_capacity(8);
        let mut queued = 0_u64;
        for (action, last, ms) in steps {
            let address = format!("192.168.1.{last}");
            let hop = hop4(INTERNAL, &address);
            match action {
                0 | 1 => queued += u64::from(gateway.enqueue(hop, &[0x45, last]) == Verdict::Queued),
                2 => {
                    let reply = arp_frame(
                        INTERNAL_MAC, ArpOperation::REPLY, [2, 0, 0, 0, 1, last], &address, INTERNAL_MAC, "192.168.1.1");
                    let _ = gateway.arp(INTERNAL, &reply);
                }
                3 => {
                    let request = arp_frame(
                        BROADCAST, ArpOperation::REQUEST, [2, 0, 0, 0, 1, last], &address, [0; 6], "192.168.1.1");
                    prop_assert_eq!(gateway.arp(INTERNAL, &request).0, Verdict::Reply);
                }
                4 => {
                    if let Some(mac) = gateway.lookup(hop) {
                        prop_assert_eq!(mac, MacAddress([2, 0, 0, 0, 1, last]));
                    }
                }
                _ => gateway.wait_ms(ms),
            }
            prop_assert!(gateway.neighbours.rows().count() <= 8);
            for sent in gateway.sent() {
                if sent.kind == OutputKind::Released {
                    prop_assert_eq!(&sent.octets[..6], &[2, 0, 0, 0, 1, sent.octets[15]]);
                }
            }
        }
        // Every packet that was taken in either left, was given up, or still waits.
        gateway.wait_ms(0);
        let waiting: u64 = gateway.neighbours.rows().map(|row| u64::from(row.waiting)).sum();
        let left = gateway.counters.output(OutputKind::Released);
        prop_assert_eq!(queued, left + gateway.suppressed(Suppressed::ResolutionFailed) + waiting);
    }

    #[test]
    fn garbage_never_panics_and_never_becomes_a_neighbour(octets in prop::collection::vec(any::<u8>(), 0..120)) {
        let mut gateway = Gateway::new();
        let _ = gateway.arp(INTERNAL, &octets);
        let _ = gateway.nd(UPLINK, &octets);
        prop_assert_eq!(gateway.neighbours.rows().count(), 0);
    }
}
