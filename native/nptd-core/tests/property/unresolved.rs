//! Next hops that do not answer address resolution: the sender is told about the packet that he sent, whatever has been
//! done to it since.

use nptd_core::frame::DeviceIndex;
use nptd_core::plan::spec::*;
use nptd_core::verdict::{DropReason, OutputKind, Verdict};

use super::packets::{Packet4, icmp_error, sum, tcp, transport_sum, udp};
use super::site::{
    CABLE, HOST, HOST_MAC, HOSTS, ISP_MAC, REMOTE, Site, TUNNEL_ADDRESS, arp_request, framed, packet_of, spec, v4, v6,
};

const TUNNEL: DeviceIndex = DeviceIndex(3);
const SYN: u8 = 0x02;

/// The site with one preferred uplink; internal hosts are known, the gateways of uplinks are not.
fn site(prefer: u8, change: impl FnOnce(&mut PlanSpec)) -> Site {
    let mut spec = spec();
    spec.policies = vec![PolicySpec { prefer: vec![prefer], ..PolicySpec::default() }];
    change(&mut spec);
    let mut site = Site::new(spec, 64, 64);
    site.send(HOSTS, &arp_request(0, HOST_MAC, HOST, v4([10, 0, 0, 1])));
    site
}

/// The packets of the errors that leave while a neighbour is asked for in vain, with their devices.
fn errors_of(site: &mut Site) -> Vec<(DeviceIndex, Vec<u8>)> {
    let mut errors = Vec::new();
    for _ in 0..4 {
        site.advance(1_000);
        let outputs = site.tick_outputs();
        let wanted = outputs.into_iter().filter(|(_, kind, _)| *kind == OutputKind::IcmpError);
        errors.extend(wanted.map(|(device, _, frame)| (device, packet_of(&site.spec, device, &frame).to_vec())));
    }
    errors
}

/// An error 3/1 from `source` to the sender of what it quotes.
fn unreachable(source: u32, offender: &[u8]) -> Vec<u8> {
    let quote = &offender[..offender.len().min(548)];
    let to = u32::from_be_bytes(offender[12..16].try_into().unwrap());
    let mut packet = Packet4::new(source, to, 1, icmp_error(3, quote)).octets();
    packet[4..8].copy_from_slice(&[0, 0, 0x40, 0]);
    packet[10..12].fill(0);
    let header_sum = !sum(&[&packet[..20]]);
    packet[10..12].copy_from_slice(&header_sum.to_be_bytes());
    assert_eq!(transport_sum(&packet), 0xffff);
    packet
}

fn as_sent(protocol: u8, transport: Vec<u8>) -> Vec<u8> {
    Packet4::new(HOST, REMOTE, protocol, transport).octets()
}

#[test]
fn a_host_hears_of_a_dead_gateway_with_what_it_sent_1812_unreach() {
    // An odd MSS option at an odd offset, which the clamp lowers.
    let mut syn = tcp(2000, 443, SYN, &[1, 2, 4, 0x05, 0xb4, 0, 0, 0]);
    syn[12] = 0x70;
    let options = Packet4 { options: vec![1, 1, 1, 0], ..Packet4::new(HOST, REMOTE, 17, udp(1, 2, b"x")) };
    for packet in [as_sent(17, udp(2000, 53, b"question")), as_sent(6, syn), options.octets()] {
        let mut site = site(0, |spec| {
            if let Some(ipv4) = &mut spec.uplinks[0].ipv4 {
                ipv4.mss_clamp = Some(1_360);
            }
        });
        assert_eq!(site.send_packet(HOSTS, &packet).verdict, Verdict::Queued);
        let error = unreachable(v4([10, 0, 0, 1]), &packet);
        assert_eq!(errors_of(&mut site), [(HOSTS, error)]);
        assert_eq!(errors_of(&mut site), []);
    }
}

/// What becomes of a packet whose gateway has not answered a moment ago.
fn assert_told_at_once(mut site: Site, packet: &[u8]) {
    assert_eq!(site.send_packet(HOSTS, packet).verdict, Verdict::Queued);
    for _ in 0..3 {
        site.advance(1_000);
        site.tick();
    }
    let seen = site.send_packet(HOSTS, packet);
    assert_eq!(seen.verdict, Verdict::Drop(DropReason::NeighbourUnreachable));
    let error = framed(&site.spec, HOSTS, &unreachable(v4([10, 0, 0, 1]), packet));
    let swapped = [&error[6..12], &error[..6], &error[12..]].concat();
    assert_eq!(seen.outputs, [(HOSTS, OutputKind::IcmpError, swapped)]);
}

#[test]
fn while_a_gateway_is_known_to_be_dead_the_answer_comes_at_once_1812_unreach() {
    assert_told_at_once(site(0, |_| {}), &as_sent(17, udp(2000, 53, b"question")));
}

#[test]
fn also_about_a_packet_that_would_leave_in_pieces_1812_unreach() {
    let narrow = site(0, |spec| spec.devices[2].mtu = 1_280);
    assert_told_at_once(narrow, &as_sent(17, udp(2000, 53, &[9; 1_400])));
}

#[test]
fn a_caller_hears_of_a_dead_host_with_what_it_sent_1812_unreach() {
    let mut site = site(1, |_| {});
    let silent = v4([10, 0, 0, 99]);
    let question = Packet4::new(silent, REMOTE, 17, udp(2000, 53, b"question")).octets();
    assert_eq!(site.send_packet(HOSTS, &question).verdict, Verdict::Forward);
    let answer = Packet4::new(REMOTE, TUNNEL_ADDRESS, 17, udp(53, 2000, &[7; 900])).octets();
    assert_eq!(site.send_packet(TUNNEL, &answer).verdict, Verdict::Queued);
    assert_eq!(errors_of(&mut site), [(TUNNEL, unreachable(TUNNEL_ADDRESS, &answer))]);
}

#[test]
fn a_host_hears_of_a_missing_neighbour_on_another_link_of_the_site_1812_unreach() {
    let mut site = site(0, |spec| spec.devices[1].link = LinkSpec::Ethernet([2, 0, 0, 0, 0, 9]));
    let packet = Packet4::new(HOST, v4([10, 0, 1, 99]), 17, udp(1, 2, b"x")).octets();
    assert_eq!(site.send_packet(HOSTS, &packet).verdict, Verdict::Queued);
    assert_eq!(errors_of(&mut site), [(HOSTS, unreachable(v4([10, 0, 0, 1]), &packet))]);
}

#[test]
fn one_error_stands_for_a_packet_that_waited_in_pieces() {
    let mut site = site(0, |spec| spec.devices[2].mtu = 1_280);
    let packet = as_sent(17, udp(2000, 53, &[9; 1_400]));
    assert_eq!(site.send_packet(HOSTS, &packet).verdict, Verdict::Queued);
    assert_eq!(errors_of(&mut site), [(HOSTS, unreachable(v4([10, 0, 0, 1]), &packet))]);
}

#[test]
fn nobody_hears_of_an_error_that_could_not_be_delivered_1812_when() {
    let mut site = site(1, |_| {});
    let silent = v4([10, 0, 0, 99]);
    let question = Packet4::new(silent, REMOTE, 17, udp(2000, 53, b"question")).octets();
    assert_eq!(site.send_packet(HOSTS, &question).verdict, Verdict::Forward);
    let quote = Packet4::new(TUNNEL_ADDRESS, REMOTE, 17, udp(2000, 53, b"question")).octets();
    let error = Packet4::new(REMOTE, TUNNEL_ADDRESS, 1, icmp_error(3, &quote)).octets();
    assert_eq!(site.send_packet(TUNNEL, &error).verdict, Verdict::Queued);
    assert_eq!(errors_of(&mut site), []);
}

#[test]
fn an_ipv6_host_hears_of_a_dead_gateway_with_what_it_sent_4443_du() {
    let mut site = site(0, |_| {});
    let host = v6("fd00:1::5");
    let packet = [
        &[0x60, 0, 0, 0, 0, 9, 17, 64][..],
        &host.to_be_bytes(),
        &v6("2001:db8:ffff::9").to_be_bytes(),
        &udp(2000, 53, b"x"),
    ]
    .concat();
    assert_eq!(site.send_packet(HOSTS, &packet).verdict, Verdict::Queued);
    // The host asks for the gateway, and so is known.
    site.send_packet(HOSTS, &solicitation(host, v6("fd00:1::1")));
    let errors = errors_of(&mut site);
    let [(HOSTS, error)] = &errors[..] else { panic!("{errors:02x?}") };
    assert_eq!((error[6], &error[8..24]), (58, &v6("fd00:1::1").to_be_bytes()[..]));
    assert_eq!((&error[24..40], &error[40..42]), (&host.to_be_bytes()[..], &[1, 3][..]));
    assert_eq!(&error[48..], packet);
}

/// A neighbour solicitation with the source link address option.
fn solicitation(source: u128, target: u128) -> Vec<u8> {
    let mut message = [&[135, 0, 0, 0, 0, 0, 0, 0][..], &target.to_be_bytes(), &[1, 1], &HOST_MAC].concat();
    let addresses = [source.to_be_bytes(), target.to_be_bytes()].concat();
    let value = !sum(&[&addresses, &[0, 0, 0, 32, 0, 0, 0, 58], &message]);
    message[2..4].copy_from_slice(&value.to_be_bytes());
    [&[0x60, 0, 0, 0, 0, 32, 58, 255][..], &addresses, &message].concat()
}

#[test]
fn a_gateway_that_answers_in_time_gets_what_waited_and_nobody_hears_an_error() {
    let mut site = site(0, |_| {});
    let packet = as_sent(17, udp(2000, 53, b"question"));
    assert_eq!(site.send_packet(HOSTS, &packet).verdict, Verdict::Queued);
    site.advance(1_500);
    site.tick();
    let seen = site.send(CABLE, &arp_request(1, ISP_MAC, v4([198, 51, 100, 1]), v4([198, 51, 100, 2])));
    assert!(seen.outputs.iter().any(|(_, kind, _)| *kind == OutputKind::Released));
    assert_eq!(errors_of(&mut site), []);
}
