//! ARP: what is answered, what is learned from whom, and what is malformed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod host;

use etherparse::ArpOperation;
use host::*;
use nptd_core::frame::DeviceIndex;
use nptd_core::host::neighbours::NeighbourState;
use nptd_core::plan::NextHop;
use nptd_core::verdict::{DropReason, Verdict};
use nptd_core::wire::ethernet::MacAddress;

const HOST: &str = "192.168.1.10";

fn host() -> NextHop<u128> {
    hop4(INTERNAL, HOST)
}

fn known_host() -> Gateway {
    let mut gateway = Gateway::new();
    gateway.resolve4(INTERNAL, INTERNAL_MAC, "192.168.1.1", HOST, HOST_MAC);
    gateway
}

#[test]
fn a_request_for_us_is_answered_in_place_and_the_asker_learned_as_unconfirmed() {
    let mut gateway = Gateway::new();
    let mut request = arp_frame(BROADCAST, ArpOperation::REQUEST, HOST_MAC, HOST, [0; 6], "192.168.1.1");
    request.resize(60, 0xee);
    let (verdict, reply) = gateway.arp(INTERNAL, &request);
    assert_eq!((verdict, reply.len()), (Verdict::Reply, 60));
    let (from, to, arp) = read_arp(&reply);
    assert_eq!((from, to, arp.operation), (INTERNAL_MAC, HOST_MAC, ArpOperation::REPLY));
    assert_eq!((arp.sender_mac, arp.sender_ipv4), (INTERNAL_MAC, [192, 168, 1, 1]));
    assert_eq!((arp.target_mac, arp.target_ipv4), (HOST_MAC, [192, 168, 1, 10]));
    assert_eq!(gateway.row(host()).unwrap().state, NeighbourState::Stale);
    assert_eq!(gateway.lookup(host()), Some(MacAddress(HOST_MAC)));
    assert_eq!(gateway.sent().len(), 1, "confirmed at its first use");
}

#[test]
fn pool_addresses_are_answered_on_their_uplink_only_3022_6_2() {
    let ask = |device: DeviceIndex, target: &str| {
        let request = arp_frame(BROADCAST, ArpOperation::REQUEST, HOST_MAC, "203.0.113.1", [0; 6], target);
        let (verdict, reply) = Gateway::new().arp(device, &request);
        (verdict, (verdict == Verdict::Reply).then(|| read_arp(&reply).2.sender_mac))
    };
    assert_eq!(ask(UPLINK, "203.0.113.2"), (Verdict::Reply, Some(UPLINK_MAC)));
    assert_eq!(ask(UPLINK, "203.0.113.9"), (Verdict::Reply, Some(UPLINK_MAC)));
    assert_eq!(ask(INTERNAL, "203.0.113.9"), (Verdict::Consumed, None));
    assert_eq!(ask(UPLINK, "198.51.100.9"), (Verdict::Consumed, None), "another uplink's");
    assert_eq!(ask(UPLINK, "192.168.1.1"), (Verdict::Consumed, None), "another device's");
    assert_eq!(ask(UPLINK, "203.0.113.1"), (Verdict::Consumed, None), "the gateway's");
}

#[test]
fn a_probe_for_our_address_is_defended_and_teaches_nothing() {
    let mut gateway = Gateway::new();
    let probe = arp_frame(BROADCAST, ArpOperation::REQUEST, HOST_MAC, "0.0.0.0", [0; 6], "192.168.1.1");
    let (verdict, reply) = gateway.arp(INTERNAL, &probe);
    assert_eq!(verdict, Verdict::Reply);
    assert_eq!(read_arp(&reply).2.sender_ipv4, [192, 168, 1, 1]);
    assert_eq!(gateway.neighbours.rows().count(), 0);
}

#[test]
fn nobody_becomes_a_neighbour_by_announcing_itself_by_asking_for_others_or_from_off_the_link() {
    let mut gateway = Gateway::new();
    let frames = [
        arp_frame(BROADCAST, ArpOperation::REQUEST, HOST_MAC, HOST, [0; 6], HOST),
        arp_frame(BROADCAST, ArpOperation::REPLY, HOST_MAC, HOST, BROADCAST, HOST),
        arp_frame(BROADCAST, ArpOperation::REQUEST, HOST_MAC, HOST, [0; 6], "192.168.1.77"),
        arp_frame(INTERNAL_MAC, ArpOperation::REPLY, HOST_MAC, HOST, INTERNAL_MAC, "192.168.1.1"),
    ];
    for frame in &frames {
        assert_eq!(gateway.arp(INTERNAL, frame).0, Verdict::Consumed);
    }
    let off_link = arp_frame(BROADCAST, ArpOperation::REQUEST, HOST_MAC, "10.9.9.9", [0; 6], "192.168.1.1");
    assert_eq!(gateway.arp(INTERNAL, &off_link).0, Verdict::Reply);
    let as_us = arp_frame(BROADCAST, ArpOperation::REQUEST, HOST_MAC, "192.168.1.1", [0; 6], "192.168.1.1");
    assert_eq!(gateway.arp(INTERNAL, &as_us).0, Verdict::Reply);
    assert_eq!(gateway.neighbours.rows().count(), 0);
}

#[test]
fn a_gratuitous_announcement_moves_a_known_neighbour_and_leaves_it_unconfirmed() {
    let mut gateway = known_host();
    let same = arp_frame(BROADCAST, ArpOperation::REQUEST, HOST_MAC, HOST, [0; 6], HOST);
    assert_eq!(gateway.arp(INTERNAL, &same).0, Verdict::Consumed);
    assert_eq!(gateway.row(host()).unwrap().state, NeighbourState::Reachable);
    let moved = arp_frame(BROADCAST, ArpOperation::REQUEST, OTHER_MAC, HOST, [0; 6], HOST);
    assert_eq!(gateway.arp(INTERNAL, &moved).0, Verdict::Consumed);
    assert_eq!(gateway.row(host()).unwrap().state, NeighbourState::Stale);
    assert_eq!(gateway.lookup(host()), Some(MacAddress(OTHER_MAC)));
    assert_eq!(read_arp(&gateway.sent()[0].octets).1, OTHER_MAC);
}

#[test]
fn a_broadcast_reply_does_not_confirm() {
    let mut gateway = Gateway::new();
    assert_eq!(gateway.enqueue(host(), &[0x45]), Verdict::Queued);
    let reply = arp_frame(BROADCAST, ArpOperation::REPLY, HOST_MAC, HOST, INTERNAL_MAC, "192.168.1.1");
    assert_eq!(gateway.arp(INTERNAL, &reply).0, Verdict::Consumed);
    assert_eq!(gateway.row(host()).unwrap().state, NeighbourState::Stale);
}

#[test]
fn the_same_address_on_two_devices_is_two_neighbours_4787_r7() {
    let mut gateway = known_host();
    assert_eq!(gateway.lookup(hop4(UPLINK, HOST)), None);
    let reply = arp_frame(UPLINK_MAC, ArpOperation::REPLY, OTHER_MAC, HOST, UPLINK_MAC, "203.0.113.2");
    assert_eq!(gateway.enqueue(hop4(UPLINK, HOST), &[0x45]), Verdict::Queued);
    let _ = gateway.arp(UPLINK, &reply);
    assert_eq!(gateway.lookup(hop4(UPLINK, HOST)), Some(MacAddress(OTHER_MAC)));
    assert_eq!(gateway.lookup(host()), Some(MacAddress(HOST_MAC)));
}

#[test]
fn malformed_arp_is_dropped_by_name_and_our_own_frames_looped_back_are_ignored() {
    let good = arp_frame(BROADCAST, ArpOperation::REQUEST, HOST_MAC, HOST, [0; 6], "192.168.1.1");
    let malformed = Verdict::Drop(DropReason::ArpMalformed);
    for length in 14..42 {
        assert_eq!(Gateway::new().arp(INTERNAL, &good[..length]).0, malformed, "cut to {length}");
    }
    // Hardware type, protocol type, both lengths, operation; a group and zero as the sender's link address.
    for (at, value) in [(15, 6), (16, 0x86), (18, 8), (19, 16), (21, 3), (22, 1)] {
        let mut bad = good.clone();
        bad[at] = value;
        assert_eq!(Gateway::new().arp(INTERNAL, &bad).0, malformed, "octet {at}");
    }
    let nobody = arp_frame(BROADCAST, ArpOperation::REQUEST, [0; 6], HOST, [0; 6], "192.168.1.1");
    assert_eq!(Gateway::new().arp(INTERNAL, &nobody).0, malformed);
    let ours = arp_frame(BROADCAST, ArpOperation::REQUEST, INTERNAL_MAC, "192.168.1.1", [0; 6], "192.168.1.1");
    assert_eq!(Gateway::new().arp(INTERNAL, &ours).0, Verdict::Consumed);
}
