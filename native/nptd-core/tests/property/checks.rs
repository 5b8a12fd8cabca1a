//! What must hold of every frame after the engine has seen it. Outputs are read by `etherparse`, which shares no code
//! with the engine.

use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice, NetSlice, SlicedPacket, TransportSlice};
use nptd_core::frame::DeviceIndex;
use nptd_core::plan::spec::*;
use nptd_core::verdict::{DropReason, OutputKind, Verdict};

use super::packets::{sum, transport_sum};
use super::site::{Seen, packet_of};

pub fn check(spec: &PlanSpec, seen: &Seen) {
    assert_ne!(seen.verdict, Verdict::Drop(DropReason::NotProcessed));
    match seen.verdict {
        Verdict::Forward => check_forwarded(spec, seen),
        Verdict::Reply => check_link(spec, seen.egress, &seen.after),
        Verdict::Drop(_) => check_silence(seen),
        Verdict::Pass => assert_eq!(seen.after, seen.before[..seen.after.len()], "passed on as it came"),
        Verdict::HandedOver(_) => panic!("there is no other worker"),
        Verdict::Consumed | Verdict::Queued => {}
    }
    for (device, kind, octets) in &seen.outputs {
        check_link(spec, *device, octets);
        check_output(spec, *device, *kind, octets);
    }
}

fn check_forwarded(spec: &PlanSpec, seen: &Seen) {
    check_link(spec, seen.egress, &seen.after);
    let (before, after) = (packet_of(spec, seen.ingress, &seen.before), packet_of(spec, seen.egress, &seen.after));
    check_length(spec, seen.egress, after);
    check_source(spec, seen.egress, after);
    if after[0] >> 4 == 4 {
        assert_eq!(after[8], before[8] - 1, "one hop less");
        check_checksum_is_as_wrong_as_before(before, after);
    } else {
        assert_eq!(after[7], before[7] - 1, "one hop less");
        assert_eq!(sum(&[&before[8..40]]) % 0xffff, sum(&[&after[8..40]]) % 0xffff, "checksum-neutral");
    }
}

/// 3022-4.2: an error of the sender's is not made good, and none is made.
fn check_checksum_is_as_wrong_as_before(before: &[u8], after: &[u8]) {
    let total = usize::from(u16::from_be_bytes([before[2], before[3]]));
    let (before, is_whole) = (&before[..total], total == after.len());
    let is_fragment = u16::from_be_bytes([before[6], before[7]]) & 0x3fff != 0;
    let header_len = usize::from(before[0] & 15) * 4;
    let is_without = before[9] == 17 && !is_fragment && before[header_len + 6..header_len + 8] == [0, 0];
    if is_without {
        assert_eq!(after[header_len + 6..header_len + 8], [0, 0], "a UDP checksum of zero stays zero");
    } else if is_whole && !is_fragment && matches!(before[9], 1 | 6 | 17) {
        assert_eq!(transport_sum(before) % 0xffff, transport_sum(after) % 0xffff, "transport checksum");
    }
}

/// A dropped packet sends nothing but an answer to its sender, and what finds the way of that answer.
fn check_silence(seen: &Seen) {
    let answers =
        seen.outputs.iter().filter(|(_, kind, _)| matches!(kind, OutputKind::IcmpError | OutputKind::TcpReset));
    assert!(answers.count() <= 1, "one answer at most");
    for (_, kind, _) in &seen.outputs {
        let is_answer = matches!(kind, OutputKind::IcmpError | OutputKind::TcpReset | OutputKind::NeighbourRequest);
        assert!(is_answer, "{kind:?} after {:?}", seen.verdict);
    }
}

/// Link header and IP header agree with the device and the octets there are.
fn check_link(spec: &PlanSpec, device: DeviceIndex, frame: &[u8]) {
    let packet = packet_of(spec, device, frame);
    if let LinkSpec::Ethernet(own) = spec.devices[usize::from(device.0)].link {
        assert_eq!(frame[6..12], own);
        if frame[12..14] == [8, 6] {
            assert!(packet.len() >= 28, "a whole ARP packet");
            return;
        }
        let ether_type = if packet[0] >> 4 == 4 { [8, 0] } else { [0x86, 0xdd] };
        assert_eq!(frame[12..14], ether_type);
    }
    if packet[0] >> 4 == 4 {
        let header = Ipv4HeaderSlice::from_slice(packet).expect("an IPv4 header").to_header();
        assert_eq!(usize::from(header.total_len), packet.len(), "total length");
        // Not etherparse's own sum, which leaves out the reserved flag.
        assert_eq!(sum(&[&packet[..header.header_len()]]), 0xffff, "header checksum");
    } else {
        let header = Ipv6HeaderSlice::from_slice(packet).expect("an IPv6 header").to_header();
        assert_eq!(usize::from(header.payload_length) + 40, packet.len(), "payload length");
    }
}

fn check_output(spec: &PlanSpec, device: DeviceIndex, kind: OutputKind, frame: &[u8]) {
    let packet = packet_of(spec, device, frame);
    match kind {
        OutputKind::NeighbourRequest => {}
        OutputKind::IcmpError | OutputKind::TcpReset => {
            check_length(spec, device, packet);
            assert_right_checksum(packet);
        }
        OutputKind::Fragment | OutputKind::ReleasedFragment | OutputKind::Released => {
            check_length(spec, device, packet);
            check_source(spec, device, packet);
        }
        OutputKind::Advertisement | OutputKind::Segment | OutputKind::Probe | OutputKind::Injected => {
            panic!("{kind:?} out of a packet")
        }
    }
}

fn assert_right_checksum(packet: &[u8]) {
    let sliced = SlicedPacket::from_ip(packet).expect("a valid packet");
    let is_right = match (sliced.net.expect("an IP header"), sliced.transport.expect("a transport header")) {
        (NetSlice::Ipv4(_), TransportSlice::Icmpv4(_) | TransportSlice::Tcp(_)) => transport_sum(packet) == 0xffff,
        (NetSlice::Ipv6(ip), TransportSlice::Icmpv6(icmp)) => {
            icmp.is_checksum_valid(ip.header().source(), ip.header().destination())
        }
        other => panic!("neither an error nor a reset: {other:?}"),
    };
    assert!(is_right, "checksum of an own packet");
}

fn check_length(spec: &PlanSpec, device: DeviceIndex, packet: &[u8]) {
    let mtu = usize::from(spec.devices[usize::from(device.0)].mtu);
    assert!(packet.len() <= mtu, "{} octets on a link of {mtu}", packet.len());
}

/// 2827-1: nothing of the site's own addresses leaves by an uplink that translates.
fn check_source(spec: &PlanSpec, device: DeviceIndex, packet: &[u8]) {
    let RoleSpec::Uplink(slot) = spec.devices[usize::from(device.0)].role else { return };
    let uplink = spec.uplinks.iter().find(|uplink| uplink.slot == slot).expect("an uplink");
    if packet[0] >> 4 == 4 {
        let source = u32::from_be_bytes(packet[12..16].try_into().unwrap());
        let ipv4 = uplink.ipv4.as_ref().expect("IPv4 on this uplink");
        assert!(!ipv4.nat44 || ipv4.pool.contains(&source), "source {}", super::site::text4(source));
    } else {
        let source = u128::from_be_bytes(packet[8..24].try_into().unwrap());
        let ipv6 = uplink.ipv6.as_ref().expect("IPv6 on this uplink");
        let is_external = |pair: &PrefixPairSpec| source >> 80 == pair.external.0 >> 80;
        assert!(ipv6.pairs.iter().any(is_external), "source {source:032x}");
    }
}
