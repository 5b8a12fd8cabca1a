//! Anything on any device.

use nptd_core::frame::DeviceIndex;
use nptd_core::plan::spec::{Filter6Spec, PlanSpec};
use nptd_core::session::filtering::Filtering;
use nptd_core::verdict::Verdict;
use proptest::collection::vec;
use proptest::prelude::*;

use super::checks::check;
use super::packets::{damage, packet4, packet6};
use super::site::{CABLE_POOL, HOSTS, Site, TUNNEL_ADDRESS, framed, packet_of, runner};

fn device() -> impl Strategy<Value = DeviceIndex> {
    (0_u16..5).prop_map(DeviceIndex)
}

/// Sends frames in turn and checks each.
fn play(site: &mut Site, frames: &[(DeviceIndex, Vec<u8>)]) {
    for (ingress, octets) in frames {
        site.settle();
        let state = state_of(site);
        let seen = site.send(*ingress, octets);
        check(&site.spec, &seen);
        if matches!(seen.verdict, Verdict::Drop(_)) && !is_hairpinned(site, &seen.ingress, octets) {
            assert_eq!(state_of(site), state, "a dropped packet leaves nothing: {:?}", seen.verdict);
        }
        site.advance(7);
    }
    site.tick();
}

fn state_of(site: &Site) -> [u32; 3] {
    [site.engine.session_count(), site.engine.mapping_count(), site.engine.filter_session_count()]
}

/// The site with the filter of IPv6, or without it.
fn introduced(with_filter: bool) -> Site {
    let mut site = Site::introduced();
    let filtering = Filtering::EndpointIndependent;
    let rules = Filter6Spec {
        filtering_udp: filtering,
        filtering_tcp: filtering,
        filtering_other: filtering,
        ipsec: true,
        published: Vec::new(),
    };
    let filter6 = with_filter.then_some(rules);
    site.adopt(PlanSpec { filter6, ..site.spec.clone() });
    site
}

fn is_hairpinned(site: &Site, ingress: &DeviceIndex, octets: &[u8]) -> bool {
    let packet = packet_of(&site.spec, *ingress, octets);
    let pool = [CABLE_POOL[0], CABLE_POOL[1], TUNNEL_ADDRESS].map(u32::to_be_bytes);
    let external6 = [0xa1, 0xb1].map(|octet| [0x20, 0x01, 0x0d, 0xb8, octet, 0]);
    let is_to_pool = packet.len() >= 20 && pool.iter().any(|address| packet[16..20] == *address);
    let is_to_prefix = packet.len() >= 40 && external6.iter().any(|prefix| packet[24..30] == *prefix);
    ingress.0 < 2 && (is_to_pool || is_to_prefix)
}

#[test]
fn any_octets_get_a_verdict_and_outputs_are_well_formed() {
    let octets = prop_oneof![vec(any::<u8>(), 0..200), vec(any::<u8>(), 0..20)];
    let frames = vec((device(), octets, any::<Option<bool>>()), 1..40);
    runner(400)
        .run(&frames, |frames| {
            let mut site = Site::introduced();
            let frames: Vec<_> = frames
                .into_iter()
                .filter(|(ingress, octets, _)| ingress.0 != 0 && ingress.0 != 2 || octets.len() >= 14)
                .map(|(ingress, octets, header)| (ingress, with_link_header(&site, ingress, octets, header)))
                .collect();
            play(&mut site, &frames);
            Ok(())
        })
        .unwrap();
}

/// Without help, random octets would hardly ever get beyond the link header.
fn with_link_header(site: &Site, ingress: DeviceIndex, octets: Vec<u8>, header: Option<bool>) -> Vec<u8> {
    match header {
        None => octets,
        Some(is_arp) => {
            let mut frame = framed(&site.spec, ingress, &octets);
            if is_arp && frame.len() > octets.len() {
                frame[12..14].copy_from_slice(&[8, 6]);
            }
            frame
        }
    }
}

#[test]
fn octets_shorter_than_a_link_header_are_dropped() {
    let mut site = Site::introduced();
    for length in 0..14 {
        assert!(matches!(site.send(HOSTS, &vec![0xff; length]).verdict, Verdict::Drop(_)));
    }
}

#[test]
fn valid_packets_are_treated_well_wherever_they_come_from() {
    let packet = prop_oneof![3 => packet4(), 1 => packet6()];
    runner(1_200)
        .run(&(vec((device(), packet), 1..40), any::<bool>()), |(packets, with_filter)| {
            let mut site = introduced(with_filter);
            let frames: Vec<_> =
                packets.into_iter().map(|(ingress, packet)| (ingress, framed(&site.spec, ingress, &packet))).collect();
            play(&mut site, &frames);
            Ok(())
        })
        .unwrap();
}

#[test]
fn damaged_packets_get_a_verdict_and_outputs_are_well_formed() {
    let packet = prop_oneof![3 => packet4(), 2 => packet6()];
    runner(1_200)
        .run(&(vec((device(), packet, damage()), 1..40), any::<bool>()), |(packets, with_filter)| {
            let mut site = introduced(with_filter);
            let frames: Vec<_> = packets
                .into_iter()
                .map(|(ingress, packet, damage)| (ingress, framed(&site.spec, ingress, &damage.apply(packet))))
                .collect();
            play(&mut site, &frames);
            Ok(())
        })
        .unwrap();
}
