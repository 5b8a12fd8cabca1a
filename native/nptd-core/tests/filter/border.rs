//! What is decided without state: identity pairs, unique local addresses, ICMPv6 types, the MSS clamp.

use nptd_core::plan::spec::PlanSpec;
use nptd_core::verdict::{DropReason, Verdict};

use super::site::*;

const NATIVE: &str = "2001:db8:b100:1::5";

fn unfiltered() -> PlanSpec {
    PlanSpec { filter6: None, ..spec() }
}

/// The second uplink's prefix is on the site as well.
fn native() -> PlanSpec {
    let mut spec = unfiltered();
    spec.devices[0].ipv6.push((v6("2001:db8:b100:1::1"), 64));
    spec.uplinks[1].ipv6.as_mut().unwrap().pairs.push(pair("2001:db8:b100::", "2001:db8:b100::", 48));
    spec
}

#[test]
fn a_source_of_an_isp_leaves_by_that_isp_unchanged_8028_3() {
    for filter6 in [None, Some(filter())] {
        let mut site = Site::with(PlanSpec { filter6, ..native() }, 16);
        let seen = site.send(SITE, &udp(NATIVE, 1, REMOTE, 9));
        assert_eq!((seen.verdict, seen.egress, source_of(&seen.after)), (Verdict::Forward, SECOND, v6(NATIVE)));
        let translated = site.send(SITE, &udp(HOST, 1, REMOTE, 9));
        assert_eq!((translated.verdict, translated.egress), (Verdict::Forward, FIRST));
        // Its uplink being down, no other translates it.
        site.set_usable(1, false);
        let refused = site.send(SITE, &tcp(NATIVE, 1, REMOTE, 9, &segment(SYN)));
        assert_eq!((refused.verdict, refused.error()), (dropped(DropReason::SourceNotInternal), Some((SITE, 1, 5))));
    }
}

#[test]
fn an_identity_pair_refuses_no_address_of_its_prefix() {
    let mut site = Site::with(native(), 16);
    for host in ["2001:db8:b100:1::", "2001:db8:b100:1:ffff:ffff:ffff:ffff", "2001:db8:b100:ffff::1"] {
        let seen = site.send(SITE, &udp(host, 1, REMOTE, 9));
        assert_eq!((seen.verdict, source_of(&seen.after)), (Verdict::Forward, v6(host)));
    }
}

#[test]
fn of_several_pairs_the_one_that_leads_home_translates_inbound() {
    let mut site = Site::with(native(), 16);
    let translated = site.external(1, HOST);
    for (destination, internal) in [(NATIVE, NATIVE), (&translated, HOST)] {
        let seen = site.send(SECOND, &udp(REMOTE, 9, destination, 1));
        assert_eq!((seen.verdict, destination_of(&seen.after)), (Verdict::Forward, v6(internal)));
    }
}

#[test]
fn a_hairpin_takes_the_pair_that_leads_home() {
    let mut site = Site::with(native(), 16);
    let (from, to) = (site.external(1, HOST), site.external(1, OTHER_HOST));
    let seen = site.send(SITE, &udp(HOST, 1, &to, 9));
    assert_eq!((source_of(&seen.after), destination_of(&seen.after)), (v6(&from), v6(OTHER_HOST)));
    // The pair that changes nothing covers it too, and comes first.
    site.change(|spec| spec.uplinks[1].ipv6.as_mut().unwrap().pairs.rotate_left(1));
    let seen = site.send(SITE, &udp(HOST, 1, &to, 9));
    assert_eq!((seen.verdict, destination_of(&seen.after)), (Verdict::Forward, v6(OTHER_HOST)));
}

#[test]
fn unique_local_addresses_stay_in_the_site_4193_4_3_6092_r7_7084_ula4_6296_rout3() {
    let mut site = Site::with(unfiltered(), 16);
    let external = site.external(0, HOST);
    let refused = site.send(SITE, &udp(HOST, 1, "fd99::1", 9));
    assert_eq!((refused.verdict, refused.error()), (dropped(DropReason::NoRoute), Some((SITE, 1, 0))));
    assert_eq!(site.verdict(FIRST, &udp("fd99::1", 9, &external, 1)), dropped(DropReason::MartianSource));
    assert_eq!(site.verdict(FIRST, &udp("fd00:1::77", 9, &external, 1)), dropped(DropReason::SpoofedSource));
    // What is on the wire decides: a unique local source that is translated may leave.
    assert_eq!(site.verdict(SITE, &udp(HOST, 1, REMOTE, 9)), Verdict::Forward);
    // A part of a larger network of such addresses.
    site.change(|spec| spec.uplinks[1].ipv6.as_mut().unwrap().pairs.push(pair("fd00:1::", "fd42::", 48)));
    assert_eq!(site.verdict(SITE, &udp(HOST, 1, "fd99::1", 9)), Verdict::Forward);
    assert_eq!(site.verdict(FIRST, &udp("fd99::1", 9, &external, 1)), Verdict::Forward);
}

#[test]
fn icmp_types_in_transit_4890_t2_t4_t5() {
    let mut site = Site::with(unfiltered(), 16);
    let refused = dropped(DropReason::IcmpTypeNotForwarded);
    let sent = |site: &mut Site, kind| site.verdict(SITE, &icmp(HOST, REMOTE, kind, 0, &[0; 4]));
    for (kind, verdict) in
        [(144, Verdict::Forward), (147, Verdict::Forward), (138, refused), (100, refused), (150, refused)]
    {
        assert_eq!(sent(&mut site, kind), verdict, "{kind}");
    }
    site.change(|spec| spec.nptv6.forward_unassigned_icmp = true);
    for (kind, verdict) in [(150, Verdict::Forward), (254, Verdict::Forward), (255, refused), (140, refused)] {
        assert_eq!(sent(&mut site, kind), verdict, "{kind}");
    }
}

#[test]
fn a_syn_promises_no_more_than_the_uplink_takes() {
    for filter6 in [None, Some(filter())] {
        let mut site = Site::with(PlanSpec { filter6, ..spec() }, 16);
        site.change(|spec| spec.uplinks[0].ipv6.as_mut().unwrap().mss_clamp = Some(1_220));
        let external = site.external(0, HOST);
        let syn = |flags| Segment { flags, options: &[2, 4, 0x05, 0xa0], ..segment(0) };
        let out = tcp(HOST, 1, REMOTE, 9, &syn(SYN));
        let mss = |packet: &[u8]| u16::from_be_bytes([packet[packet.len() - 2], packet[packet.len() - 1]]);
        assert_eq!(mss(&site.send(SITE, &out).after), 1_220);
        assert_eq!(mss(&site.send(FIRST, &tcp(REMOTE, 9, &external, 1, &syn(SYN | ACK))).after), 1_220);
        assert_eq!(mss(&site.send(SITE, &tcp(HOST, 1, REMOTE, 9, &syn(ACK))).after), 0x05a0);
        assert_eq!(mss(&site.send(SITE, &fragment(&out, 0, 4_000)).after), 0x05a0, "no fragment");
    }
}
