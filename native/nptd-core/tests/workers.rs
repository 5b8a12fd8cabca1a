//! Several engines that share a gateway's packets out, frame by frame: whom each kind of packet belongs to, whoever receives it, and
//! what workers tell each other. What becomes of the packets is compared with the reference, workers or not.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "workers/group.rs"]
mod group;

use etherparse::PacketBuilder;
use group::{
    Group, INTERNAL, MAC, PUBLISHED, UPLINK, answer, answer_mac, arp_reply, arp_request, fragments, quoting, spec,
};
use nptd_core::frame::Frame;
use nptd_core::plan::spec::*;
use nptd_core::plan::subject::{Addresses, Subject};
use nptd_core::share::Share;
use nptd_core::time::{Duration, Instant};
use nptd_core::verdict::{DropReason, OutputKind, Verdict};

const REMOTE: [u8; 4] = [198, 51, 100, 7];
const EXTERNAL: [u8; 4] = [203, 0, 113, 2];

fn udp(source: [u8; 4], from: u16, destination: [u8; 4], to: u16, payload: usize) -> Vec<u8> {
    let mut packet = Vec::new();
    PacketBuilder::ipv4(source, destination, 64).udp(from, to).write(&mut packet, &vec![7; payload]).unwrap();
    packet
}

/// Numbers without an order, the same each time.
fn numbers() -> impl FnMut(u32) -> u32 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % u64::from(below)) as u32
    }
}

/// A packet of a flow from the site, of any protocol.
fn any_packet(next: &mut impl FnMut(u32) -> u32) -> Vec<u8> {
    let source = [10, 0, 0, 2 + next(60) as u8];
    let remote = [198, 51, 100, 1 + next(250) as u8];
    let (from, to) = (1_024 + next(60_000) as u16, next(65_536) as u16);
    let mut packet = Vec::new();
    let builder = PacketBuilder::ipv4(source, remote, 64);
    match next(4) {
        0 => builder.udp(from, to).write(&mut packet, &[1, 2, 3]).unwrap(),
        1 => builder.tcp(from, to, 7, 512).syn().write(&mut packet, &[]).unwrap(),
        2 => builder.icmpv4_echo_request(from, 1).write(&mut packet, &[1]).unwrap(),
        _ => {
            let source = [10, 0, 0, 2 + source[3] % 8];
            let header = etherparse::Ipv4Header::new(4, 64, etherparse::IpNumber(47), source, remote).unwrap();
            packet.extend(header.to_bytes());
            packet.extend([0, 0, 8, 0]);
            let sum = header.calc_header_checksum();
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
        }
    }
    packet
}

#[test]
fn both_directions_of_a_flow_and_errors_about_it_have_one_owner() {
    for workers in [1, 2, 3, 5] {
        let mut group = Group::new(workers, spec());
        let mut next = numbers();
        let mut owned = vec![0; usize::from(workers)];
        for _ in 0..600 {
            let sent = any_packet(&mut next);
            let out = group.send(next(u32::from(workers)) as u8, INTERNAL, &sent);
            // Another host speaks to the remote address without ports already.
            if out.verdict == Verdict::Drop(DropReason::RemoteInUse) {
                continue;
            }
            assert_eq!(out.verdict, Verdict::Forward, "{sent:02x?}");
            assert!(out.trail.len() <= 2);
            owned[usize::from(out.owner())] += 1;
            for receiver in 0..workers {
                let again = group.send(receiver, INTERNAL, &sent);
                assert_eq!((again.verdict, again.owner()), (Verdict::Forward, out.owner()));
                let back = group.send(receiver, UPLINK, &answer(&out.octets));
                assert_eq!((back.verdict, back.owner()), (Verdict::Forward, out.owner()), "{sent:02x?}");
                let error = group.send(receiver, UPLINK, &quoting(&out.octets));
                assert_eq!((error.verdict, error.owner()), (Verdict::Forward, out.owner()));
            }
        }
        assert!(owned.iter().all(|count| *count > 600 / (2 * u32::from(workers))), "{owned:?}");
    }
}

#[test]
fn both_directions_through_the_ipv6_filter_have_one_owner() {
    let mut group = Group::new(3, spec());
    let mut owners = [0; 3];
    for host in 1..60_u8 {
        let source = u128::to_be_bytes(0xfd00 << 112 | u128::from(host));
        let remote = u128::to_be_bytes(0x2001_0db8_ffff << 80 | 5);
        let mut sent = Vec::new();
        PacketBuilder::ipv6(source, remote, 64).udp(5_000, 53).write(&mut sent, &[1]).unwrap();
        let out = group.send(host % 3, INTERNAL, &sent);
        assert_eq!(out.verdict, Verdict::Forward);
        owners[usize::from(out.owner())] += 1;
        for receiver in 0..3 {
            let back = group.send(receiver, UPLINK, &answer(&out.octets));
            assert_eq!((back.verdict, back.owner()), (Verdict::Forward, out.owner()));
        }
    }
    assert!(owners.iter().all(|count| *count > 8), "{owners:?}");
}

#[test]
fn fragments_meet_at_their_home_and_the_owner_of_the_flow_says_how_they_are_translated_4787_r14() {
    let mut group = Group::new(4, spec());
    let mut apart = 0;
    for port in 2_000..2_040 {
        let [first, second] = fragments(&udp([10, 0, 0, 9], port, REMOTE, 53, 40), port);
        let early = group.send((port % 4) as u8, INTERNAL, &second);
        assert_eq!(early.verdict, Verdict::Queued);
        let late = group.send((port / 4 % 4) as u8, INTERNAL, &first);
        assert_eq!((late.verdict, late.outputs.len()), (Verdict::Forward, 1), "the other one follows");
        assert_eq!(late.outputs[0].0, OutputKind::ReleasedFragment);
        assert_eq!(late.outputs[0].1[4..6], late.octets[4..6], "with the same identification");
        assert_eq!(late.outputs[0].1[12..16], EXTERNAL);
        let again = group.send((port % 3) as u8, INTERNAL, &second);
        assert_eq!((again.verdict, again.owner()), (Verdict::Forward, early.owner()));
        let whole = group.send(0, INTERNAL, &udp([10, 0, 0, 9], port, REMOTE, 53, 40));
        assert_eq!(late.owner(), whole.owner());
        apart += u32::from(late.owner() != early.owner());
    }
    assert!(apart > 20, "{apart} of 40 datagrams have their home elsewhere");
}

#[test]
fn the_second_half_of_a_hairpin_belongs_to_the_owner_of_its_target_4787_r9() {
    let share = Share::new(0, 2).unwrap();
    let mut group = Group::new(2, spec());
    let mut handed = 0;
    for port in 3_000..3_040 {
        let opened = group.send(0, INTERNAL, &udp([10, 0, 0, 8], port, REMOTE, 53, 1));
        assert_eq!((opened.verdict, opened.owner()), (Verdict::Forward, share.of_port(port)));
        let sent = udp([10, 0, 0, 7], 9_000 + port, EXTERNAL, port, 1);
        let turned = group.send((port % 2) as u8, INTERNAL, &sent);
        assert_eq!((turned.verdict, turned.owner()), (Verdict::Forward, share.of_port(port)));
        assert_eq!((&turned.octets[12..16], &turned.octets[16..20]), (&EXTERNAL[..], &[10, 0, 0, 8][..]));
        handed += u32::from(share.of_port(9_000 + port) != share.of_port(port));
    }
    assert!(handed > 5, "{handed}");
}

#[test]
fn a_published_port_belongs_to_the_owner_of_the_port_behind_it() {
    let share = Share::new(0, 2).unwrap();
    assert_ne!(share.of_port(PUBLISHED.0), share.of_port(PUBLISHED.1), "the case is about two owners");
    let mut group = Group::new(2, spec());
    for receiver in [0, 1] {
        let call = group.send(receiver, UPLINK, &udp(REMOTE, 4_000, EXTERNAL, PUBLISHED.0, 1));
        assert_eq!((call.verdict, call.owner()), (Verdict::Forward, share.of_port(PUBLISHED.1)));
        let answered = group.send(receiver, INTERNAL, &answer(&call.octets));
        assert_eq!((answered.verdict, answered.owner()), (Verdict::Forward, call.owner()));
        assert_eq!(answered.octets[20..22], PUBLISHED.0.to_be_bytes());
    }
    assert_eq!(group.sessions(), 1);
    // What another worker would get under the next plan ends at once.
    let without = PlanSpec { nat44: Nat44Spec { static_mappings: Vec::new(), ..spec().nat44 }, ..spec() };
    group.adopt(without);
    assert_eq!((group.sessions(), group.mappings()), (0, 0));
}

#[test]
fn the_gateway_itself_is_with_the_first_worker_and_other_packets_with_whoever_receives_them() {
    let mut group = Group::new(3, spec());
    let mut echo = Vec::new();
    PacketBuilder::ipv4([10, 0, 0, 9], [10, 0, 0, 1], 64).icmpv4_echo_request(1, 1).write(&mut echo, &[1]).unwrap();
    for receiver in 0..3 {
        let replied = group.send(receiver, INTERNAL, &echo);
        assert_eq!((replied.verdict, replied.owner()), (Verdict::Reply, 0));
        let passed =
            group.send(receiver, INTERNAL, &udp([10, 0, 0, 9], 7_000 + u16::from(receiver), [10, 0, 0, 1], 53, 1));
        assert_eq!((passed.verdict, passed.owner()), (Verdict::Pass, 0));
        let neighbour = group.send(receiver, INTERNAL, &udp([10, 0, 0, 9], 5, [10, 0, 0, 10], 53, 1));
        assert_eq!((neighbour.verdict, neighbour.trail), (Verdict::Forward, vec![receiver]));
        let spoofed = group.send(receiver, INTERNAL, &udp([192, 0, 2, 1], 5, REMOTE, 53, 1));
        assert_eq!(spoofed.trail, vec![receiver]);
    }
}

#[test]
fn a_limit_of_a_host_is_counted_over_all_workers_6888_r4() {
    let host_limits = HostLimitsSpec { mappings_per_protocol: 10, ..HostLimitsSpec::default() };
    let limited = PlanSpec { nat44: Nat44Spec { host_limits, ..spec().nat44 }, ..spec() };
    let mut group = Group::new(4, limited);
    let verdicts =
        (0..40).map(|port| group.send(0, INTERNAL, &udp([10, 0, 0, 9], 6_000 + port, REMOTE, 53, 1)).verdict);
    let verdicts: Vec<Verdict> = verdicts.collect();
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Forward).count(), 10);
    assert!(verdicts[10..].iter().all(|verdict| *verdict == Verdict::Drop(DropReason::HostMappingLimit)));
}

#[test]
fn a_port_that_is_taken_is_replaced_by_one_of_the_same_owner() {
    let share = Share::new(0, 3).unwrap();
    let mut group = Group::new(3, spec());
    for host in 2..40 {
        let out = group.send(host % 3, INTERNAL, &udp([10, 0, 0, host], 5_060, REMOTE, 53, 1));
        let external = u16::from_be_bytes([out.octets[20], out.octets[21]]);
        assert_eq!((out.verdict, share.of_port(external)), (Verdict::Forward, share.of_port(5_060)));
    }
}

#[test]
fn only_the_first_worker_asks_for_neighbours_and_tells_those_that_wait() {
    let mut ethernet = spec();
    ethernet.devices[1].link = LinkSpec::Ethernet(MAC);
    let mut group = Group::new(2, ethernet);
    let share = Share::new(0, 2).unwrap();
    let port = (5_000..).find(|port| share.of_port(*port) == 1).unwrap();
    let sent = group.send(0, INTERNAL, &udp([10, 0, 0, 9], port, REMOTE, 53, 1));
    assert_eq!((sent.verdict, sent.owner()), (Verdict::Queued, 1));
    assert_eq!(sent.outputs.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [OutputKind::NeighbourRequest]);
    let heard = group.send(1, UPLINK, &arp_reply(&sent.outputs[0].1));
    assert_eq!((heard.verdict, heard.owner()), (Verdict::Consumed, 0));
    assert_eq!(heard.outputs.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [OutputKind::Released]);
    assert_eq!(heard.outputs[0].1[..6], answer_mac());
    let next = group.send(0, INTERNAL, &udp([10, 0, 0, 9], port, REMOTE, 54, 1));
    assert_eq!((next.verdict, next.owner()), (Verdict::Forward, 1));
    // Old knowledge is confirmed by the first worker too.
    group.now = Instant::default().after(Duration::from_secs(31));
    let later = group.send(0, INTERNAL, &udp([10, 0, 0, 9], port, REMOTE, 54, 1));
    assert_eq!(later.verdict, Verdict::Forward);
    assert_eq!(later.outputs.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [OutputKind::NeighbourRequest]);
}

#[test]
fn a_station_that_the_first_worker_hears_of_is_known_to_all() {
    let mut ethernet = spec();
    ethernet.devices[1].link = LinkSpec::Ethernet(MAC);
    let mut group = Group::new(3, ethernet);
    group.send(1, UPLINK, &arp_request([203, 0, 113, 1], [203, 0, 113, 2]));
    let share = Share::new(0, 3).unwrap();
    for owner in 0..3 {
        let port = (5_000..).find(|port| share.of_port(*port) == owner).unwrap();
        let sent = group.send(0, INTERNAL, &udp([10, 0, 0, 9], port, REMOTE, 53, 1));
        assert_eq!((sent.verdict, sent.owner()), (Verdict::Forward, owner));
        assert_eq!(sent.octets[..6], answer_mac());
    }
}

#[test]
fn a_frame_for_which_the_way_has_no_room_is_dropped_and_counted() {
    let mut group = Group::new(2, spec());
    let share = Share::new(0, 2).unwrap();
    let port = (5_000..).find(|port| share.of_port(*port) == 1).unwrap();
    let packet = udp([10, 0, 0, 9], port, REMOTE, 53, 1);
    let mut memory = vec![0; 2_048];
    memory[64..64 + packet.len()].copy_from_slice(&packet);
    let mut frame = Frame::new(&mut memory, 64, packet.len(), INTERNAL);
    group.engines[0].process(core::slice::from_mut(&mut frame), group.now, &mut group.outputs);
    assert_eq!((frame.verdict, frame.octets()), (Verdict::HandedOver(1), &packet[..]));
    group.engines[0].refuse_handed_over(&mut frame);
    assert_eq!(frame.verdict, Verdict::Drop(DropReason::WorkerRingFull));
    assert_eq!((group.count(0, Verdict::HandedOver(1)), group.count(0, frame.verdict)), (1, 1));
}

#[test]
fn questions_about_a_flow_go_to_its_owner() {
    let group = Group::new(2, spec());
    let share = Share::new(0, 2).unwrap();
    for port in [1_000, 1_002, 40_000, 40_002] {
        let addresses = Addresses::V4 { source: 0x0a00_0009, destination: u32::from_be_bytes(REMOTE) };
        let subject = Subject { addresses, protocol: 17, ports: (port, 53), has_ports: true, dscp: 0 };
        assert_eq!(group.engines[1].owner_of(&subject), share.of_port(port));
    }
}
