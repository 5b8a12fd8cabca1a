//! TCP, SCTP and DCCP: how connections begin, last and end, and what is held.

use nptd_core::verdict::{DropReason, OutputKind, Verdict};

use super::site::*;

fn state(site: &Site) -> (&'static str, u64) {
    let row = site.rows()[0];
    (row.tcp_state.map_or("", |state| state.name()), row.expires_in_ms)
}

fn out(site: &mut Site, flags: u8) -> Verdict {
    site.verdict(SITE, &tcp(HOST, 1000, REMOTE, 443, &segment(flags)))
}

fn back(site: &mut Site, flags: u8) -> Verdict {
    let external = site.external(0, HOST);
    site.verdict(FIRST, &tcp(REMOTE, 443, &external, 1000, &segment(flags)))
}

#[test]
fn a_handshake_and_its_end_6092_r31_r35() {
    let mut site = Site::new();
    let _ = out(&mut site, SYN);
    assert_eq!(state(&site), ("INIT", 240_000));
    let _ = back(&mut site, SYN | ACK);
    assert_eq!(state(&site), ("ESTABLISHED", 7_440_000));
    let _ = out(&mut site, FIN | ACK);
    assert_eq!(state(&site), ("INTERNAL-FIN", 7_440_000));
    let _ = back(&mut site, FIN | ACK);
    assert_eq!(state(&site), ("BOTH-FIN", 240_000));
}

#[test]
fn a_simultaneous_open_establishes_6092_r31() {
    let mut site = Site::new();
    let _ = out(&mut site, SYN);
    assert_eq!(back(&mut site, SYN), Verdict::Forward);
    assert_eq!(state(&site), ("ESTABLISHED", 7_440_000));
}

#[test]
fn a_connection_under_way_is_joined_6092_r32() {
    let mut site = Site::new();
    let reset_far_ahead = |sequence| Segment { flags: RST, sequence, ..segment(0) };
    let external = site.external(0, HOST);
    assert_eq!(out(&mut site, ACK), Verdict::Forward);
    assert_eq!(state(&site), ("ESTABLISHED", 7_440_000));
    // The host expects 2,000; nobody knows the scale of its window.
    let send =
        |site: &mut Site, sequence| site.verdict(FIRST, &tcp(REMOTE, 443, &external, 1000, &reset_far_ahead(sequence)));
    assert_eq!(send(&mut site, 1_999), Verdict::Forward);
    assert_eq!(state(&site).0, "ESTABLISHED");
    assert_eq!(send(&mut site, 2_000 + (1 << 30) - 1), Verdict::Forward);
    assert_eq!(state(&site), ("TRANS", 240_000));
}

#[test]
fn a_connection_answered_before_it_was_seen_begins_as_one_that_opens() {
    let mut site = Site::new();
    assert_eq!(out(&mut site, SYN | ACK), Verdict::Forward);
    assert_eq!(state(&site), ("INIT", 240_000));
    // Its acknowledgement counts: a reset has to lie in its window.
    let external = site.external(0, HOST);
    let reset = |sequence| Segment { flags: RST, sequence, ..segment(0) };
    site.send(FIRST, &tcp(REMOTE, 443, &external, 1000, &reset(1_999)));
    assert_eq!(state(&site).0, "INIT");
    site.send(FIRST, &tcp(REMOTE, 443, &external, 1000, &reset(2_000)));
    assert_eq!(state(&site).0, "TRANS");
}

#[test]
fn a_reset_of_nothing_goes_nowhere_and_nobody_is_told() {
    let mut site = Site::new();
    let seen = site.send(SITE, &tcp(HOST, 1000, REMOTE, 443, &segment(RST | ACK)));
    assert_eq!((seen.verdict, seen.outputs.len()), (dropped(DropReason::TcpWithoutSession), 0));
}

#[test]
fn filtering_lets_in_a_connection_that_begins_and_no_other_segment_6092_r33() {
    let mut site = Site::new();
    let _ = out(&mut site, SYN);
    let external = site.external(0, HOST);
    let from = |flags| tcp(STRANGER, 443, &external, 1000, &segment(flags));
    assert_eq!(site.verdict(FIRST, &from(ACK)), dropped(DropReason::TcpWithoutSession));
    assert_eq!(site.verdict(FIRST, &from(SYN)), Verdict::Forward);
    assert_eq!(site.verdict(FIRST, &from(ACK)), Verdict::Forward);
    assert_eq!(site.rows().len(), 2);
}

#[test]
fn an_association_of_sctp_6092_r38_r40() {
    let mut site = Site::new();
    let external = site.external(0, HOST);
    let steps = [
        (SITE, 1, ("INIT", 240_000)),
        (FIRST, 2, ("ESTABLISHED", 7_440_000)),
        (SITE, 10, ("ESTABLISHED", 7_440_000)),
        (SITE, 7, ("INTERNAL-FIN", 7_440_000)),
        (FIRST, 8, ("BOTH-FIN", 240_000)),
        (SITE, 14, ("BOTH-FIN", 240_000)),
        (SITE, 1, ("INIT", 240_000)),
        (FIRST, 6, ("TRANS", 240_000)),
    ];
    for (device, chunk, expected) in steps {
        let packet = match device {
            SITE => sctp(HOST, 1000, REMOTE, 443, chunk),
            _ => sctp(REMOTE, 443, &external, 1000, chunk),
        };
        assert_eq!(site.verdict(device, &packet), Verdict::Forward, "{chunk}");
        assert_eq!(state(&site), expected, "{chunk}");
    }
}

#[test]
fn a_connection_of_dccp_6092_r43_r44() {
    let mut site = Site::new();
    let external = site.external(0, HOST);
    for (device, kind, expected) in
        [(SITE, 0, ("INIT", 480_000)), (FIRST, 1, ("ESTABLISHED", 7_440_000)), (FIRST, 7, ("TRANS", 480_000))]
    {
        let packet = match device {
            SITE => dccp(HOST, 1000, REMOTE, 443, kind),
            _ => dccp(REMOTE, 443, &external, 1000, kind),
        };
        assert_eq!(site.verdict(device, &packet), Verdict::Forward, "{kind}");
        assert_eq!(state(&site), expected, "{kind}");
    }
}

#[test]
fn calls_that_nobody_asked_for_are_answered_late_6092_r34_r39() {
    let mut site = Site::new();
    let external = site.external(0, HOST);
    let calls = [
        tcp(REMOTE, 1, &external, 80, &segment(SYN)),
        sctp(REMOTE, 2, &external, 80, 1),
        dccp(REMOTE, 3, &external, 80, 0),
        dccp(REMOTE, 4, &external, 80, 8),
    ];
    site.change(|spec| spec.nat44.refuse_filtered = true);
    for call in &calls {
        let seen = site.send(FIRST, call);
        assert_eq!((seen.verdict, seen.outputs.len()), (dropped(DropReason::FilteredInbound), 0));
    }
    // Not held: it is no call, or a forged one.
    for other in [tcp(REMOTE, 5, &external, 80, &segment(SYN | RST)), tcp(REMOTE, 5, &external, 80, &segment(ACK))] {
        assert_eq!(site.send(FIRST, &other).error(), Some((FIRST, 1, 1)));
    }
    site.now_ms += 5_900;
    assert!(site.tick().outputs.is_empty());
    site.now_ms += 100;
    let told = site.tick().outputs;
    assert_eq!(told.len(), 4);
    for ((device, kind, octets), call) in told.iter().zip(&calls) {
        assert_eq!((*device, *kind, octets[40], octets[41]), (FIRST, OutputKind::IcmpError, 1, 1));
        assert_eq!(&octets[48..], &call[..]);
    }
}

#[test]
fn a_long_call_is_answered_with_what_was_kept_of_it() {
    let mut site = Site::new();
    let external = site.external(0, HOST);
    let init = packet(REMOTE, &external, SCTP, &[&[0, 2, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 700]].concat());
    site.send(FIRST, &init);
    site.now_ms += 6_000;
    let told = site.tick().outputs;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].2[48..], init[..548]);
}

#[test]
fn a_call_that_was_wanted_after_all_is_not_answered_6092_r34() {
    let mut site = Site::new();
    let external = site.external(0, HOST);
    site.send(FIRST, &tcp(REMOTE, 443, &external, 1000, &segment(SYN)));
    let _ = out(&mut site, SYN);
    site.now_ms += 6_000;
    assert!(site.tick().outputs.is_empty());
    assert_eq!(back(&mut site, SYN), Verdict::Forward);
}

#[test]
fn a_held_call_dies_with_the_filter_and_with_its_uplink() {
    for change in
        [(|spec| spec.filter6 = None) as fn(&mut nptd_core::plan::spec::PlanSpec), |spec| spec.uplinks[0].epoch = 1]
    {
        let mut site = Site::new();
        let external = site.external(0, HOST);
        site.send(FIRST, &tcp(REMOTE, 443, &external, 1000, &segment(SYN)));
        site.change(change);
        site.now_ms += 6_000;
        assert!(site.tick().outputs.is_empty());
    }
}
