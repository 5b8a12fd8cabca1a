//! Fragments go the way of the first one of their datagram.

use nptd_core::verdict::{DropReason, OutputKind, Verdict};

use super::site::*;

fn datagram(source: &str, destination: &str) -> [Vec<u8>; 3] {
    let whole = packet(source, destination, UDP, &[&[0, 9, 0, 53, 0, 40, 0, 0][..], &[7; 32]].concat());
    [0, 16, 32].map(|offset| fragment(&whole, offset, 16))
}

#[test]
fn later_fragments_follow_the_first_in_either_direction() {
    let mut site = Site::new();
    let external = site.external(0, HOST);
    for fragment in datagram(HOST, REMOTE) {
        let seen = site.send(SITE, &fragment);
        assert_eq!((seen.verdict, seen.egress), (Verdict::Forward, FIRST));
        assert_eq!((source_of(&seen.after), seen.after[7]), (v6(&external), 63));
    }
    assert_eq!(site.rows().len(), 1);
}

#[test]
fn fragments_before_their_first_wait_for_it() {
    let mut site = Site::new();
    let [first, second, third] = datagram(HOST, REMOTE);
    assert_eq!(site.verdict(SITE, &third), Verdict::Queued);
    assert_eq!(site.verdict(SITE, &second), Verdict::Queued);
    let seen = site.send(SITE, &first);
    assert_eq!(seen.verdict, Verdict::Forward);
    let kinds: Vec<_> =
        seen.outputs.iter().map(|(device, kind, octets)| (*device, *kind, octets[42..44].to_vec())).collect();
    let released = |place: &[u8]| (FIRST, OutputKind::ReleasedFragment, place.to_vec());
    assert_eq!(kinds, [released(&[0, 32]), released(&[0, 17])]);
}

#[test]
fn the_rest_of_a_refused_datagram_is_refused() {
    let mut site = Site::new();
    let external = site.external(0, HOST);
    let [first, second, third] = datagram(REMOTE, &external);
    assert_eq!(site.verdict(FIRST, &third), Verdict::Queued);
    let seen = site.send(FIRST, &first);
    assert_eq!((seen.verdict, seen.outputs.len()), (dropped(DropReason::FilteredInbound), 0));
    assert_eq!(site.verdict(FIRST, &second), dropped(DropReason::FragmentRefused));
    site.now_ms += 5_000;
    assert_eq!(site.verdict(FIRST, &second), Verdict::Queued);
}

#[test]
fn a_packet_that_is_all_of_its_datagram_is_whole_but_a_fragment() {
    let mut site = Site::new();
    let external = site.external(0, HOST);
    let atomic = |whole: &[u8]| fragment(whole, 0, 4_000);
    assert_eq!(site.verdict(SITE, &atomic(&udp(HOST, 1, REMOTE, 9))), Verdict::Forward);
    assert_eq!(site.rows().len(), 1);
    // Echo requests come in unasked, and calls in fragments are not held.
    assert_eq!(site.verdict(FIRST, &atomic(&echo(REMOTE, &external, 128, 7))), Verdict::Forward);
    site.send(FIRST, &atomic(&tcp(REMOTE, 1, &external, 80, &segment(SYN))));
    site.now_ms += 6_000;
    assert!(site.tick().outputs.is_empty());
}

#[test]
fn an_error_in_fragments_is_refused() {
    let mut site = Site::new();
    let left = site.send(SITE, &udp(HOST, 1, REMOTE, 9)).after;
    let external = site.external(0, HOST);
    let error = error(REMOTE, &external, 1, &left);
    assert_eq!(site.verdict(FIRST, &fragment(&error, 0, 16)), dropped(DropReason::IcmpQuoteInvalid));
}

#[test]
fn the_stores_are_bounded() {
    let mut site = Site::new();
    let later = |identification: u16| {
        let mut later = datagram(HOST, REMOTE)[1].clone();
        later[46..48].copy_from_slice(&identification.to_be_bytes());
        later
    };
    let stored = (0..1_000).filter(|id| site.verdict(SITE, &later(*id)) == Verdict::Queued).count();
    assert_eq!(stored, 256);
    assert_eq!(site.verdict(SITE, &later(2_000)), dropped(DropReason::FragmentStoreFull));
    let first = |identification: u16| {
        let mut first = datagram(OTHER_HOST, REMOTE)[0].clone();
        first[46..48].copy_from_slice(&identification.to_be_bytes());
        first
    };
    let recorded = (0..5_000).filter(|id| site.verdict(SITE, &first(*id)) == Verdict::Forward).count();
    assert_eq!(recorded, 4_096);
    assert_eq!(site.verdict(SITE, &first(4_999)), dropped(DropReason::FragmentStoreFull));
    assert_eq!(site.verdict(SITE, &first(0)), Verdict::Forward, "one that has a record needs no room");
}

#[test]
fn hairpinned_fragments_take_both_translations() {
    let mut site = Site::new();
    let (host, other) = (site.external(0, HOST), site.external(0, OTHER_HOST));
    site.send(SITE, &udp(OTHER_HOST, 53, &host, 9));
    for fragment in datagram(HOST, &other) {
        let seen = site.send(SITE, &fragment);
        assert_eq!((seen.verdict, seen.egress, seen.after[7]), (Verdict::Forward, SITE, 63));
        assert_eq!((source_of(&seen.after), destination_of(&seen.after)), (v6(&host), v6(OTHER_HOST)));
    }
}
