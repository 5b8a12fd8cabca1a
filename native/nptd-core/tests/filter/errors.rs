//! ICMPv6 errors belong to a flow by what they quote.

use nptd_core::verdict::{DropReason, Verdict};

use super::site::*;

const ROUTER: &str = "2001:db8:ff::1";

#[test]
fn errors_about_flows_come_in_and_others_do_not_6092_r10_r18_r36_r41_r45() {
    let mut site = Site::new();
    let external = site.external(0, HOST);
    let sent = [
        udp(HOST, 1, REMOTE, 9),
        tcp(HOST, 1, REMOTE, 9, &segment(SYN)),
        sctp(HOST, 1, REMOTE, 9, 1),
        dccp(HOST, 1, REMOTE, 9, 0),
        packet(HOST, REMOTE, 50, &[7; 12]),
        echo(HOST, REMOTE, 128, 3),
    ];
    for packet in &sent {
        let left = site.send(SITE, packet);
        for kind in [1, 2, 3, 4] {
            let seen = site.send(FIRST, &error(ROUTER, &external, kind, &left.after));
            assert_eq!((seen.verdict, destination_of(&seen.after)), (Verdict::Forward, v6(HOST)));
            assert_eq!(&seen.after[48..], &left_as_sent(&left.after, HOST)[..]);
        }
    }
    for unknown in [
        udp(&external, 2, REMOTE, 9),
        udp(&external, 1, REMOTE, 8),
        udp(&external, 1, STRANGER, 9),
        packet(&external, REMOTE, 47, &[0; 8]),
    ] {
        assert_eq!(site.verdict(FIRST, &error(ROUTER, &external, 1, &unknown)), dropped(DropReason::IcmpQuoteUnknown));
    }
}

/// A packet that left, with the source that it had before; its hop limit stays lower.
fn left_as_sent(left: &[u8], source: &str) -> Vec<u8> {
    [&left[..8], &v6(source).to_be_bytes(), &left[24..]].concat()
}

#[test]
fn an_error_neither_ends_nor_refreshes_a_session_6092_r19_r37_r42_r46() {
    let mut site = Site::new();
    let external = site.external(0, HOST);
    let left = site.send(SITE, &udp(HOST, 1, REMOTE, 9)).after;
    site.now_ms += 1_000;
    site.send(FIRST, &error(ROUTER, &external, 1, &left));
    assert_eq!(site.rows()[0].expires_in_ms, 299_000);
}

#[test]
fn an_error_from_the_site_leaves_by_the_uplink_of_what_it_quotes() {
    let mut site = Site::new();
    let external = site.external(1, HOST);
    let quoted_at_host = |port| udp(REMOTE, port, HOST, 1);
    assert_eq!(site.verdict(SITE, &error(HOST, REMOTE, 1, &quoted_at_host(9))), dropped(DropReason::IcmpQuoteUnknown));
    site.set_usable(0, false);
    site.send(SITE, &udp(HOST, 1, REMOTE, 9));
    site.set_usable(0, true);
    // Port 8 comes in by endpoint-independent filtering, without a session of its own if there is one elsewhere.
    for port in [9, 8] {
        let seen = site.send(SITE, &error(HOST, REMOTE, 1, &quoted_at_host(port)));
        assert_eq!((seen.verdict, seen.egress), (Verdict::Forward, SECOND));
        assert_eq!((source_of(&seen.after), destination_of(&seen.after[48..])), (v6(&external), v6(&external)));
    }
}

#[test]
fn quotes_that_tell_no_flow_match_nothing_6092_r10() {
    let mut site = Site::new();
    let external = site.external(0, HOST);
    let left = site.send(SITE, &udp(HOST, 1, REMOTE, 9)).after;
    let enough = error(ROUTER, &external, 1, &left[..44]);
    assert_eq!(site.verdict(FIRST, &enough), Verdict::Forward);
    for quoted in [
        left[..43].to_vec(),
        // A later fragment, headers cut short, an error, echo without its identifier.
        packet(&external, REMOTE, 44, &[17, 0, 0, 8, 0, 0, 0, 1, 0, 1, 0, 9]),
        packet(&external, REMOTE, 0, &[17]),
        error(&external, REMOTE, 1, &left),
        packet(&external, REMOTE, ICMPV6, &[128, 0, 0, 0, 0]),
        packet(&external, REMOTE, ICMPV6, &[]),
    ] {
        assert_eq!(site.verdict(FIRST, &error(ROUTER, &external, 1, &quoted)), dropped(DropReason::IcmpQuoteUnknown));
    }
}

#[test]
fn hairpinned_errors_belong_to_hairpinned_flows() {
    let mut site = Site::new();
    let (host, other) = (site.external(0, HOST), site.external(0, OTHER_HOST));
    site.send(SITE, &udp(HOST, 1, &other, 2));
    site.send(SITE, &udp(OTHER_HOST, 2, &host, 1));
    // OTHER_HOST complains of what came from HOST.
    let complaint = error(OTHER_HOST, &host, 1, &udp(&host, 1, OTHER_HOST, 2));
    let seen = site.send(SITE, &complaint);
    assert_eq!((seen.verdict, destination_of(&seen.after)), (Verdict::Forward, v6(HOST)));
    assert_eq!((source_of(&seen.after[48..]), destination_of(&seen.after[48..])), (v6(HOST), v6(&other)));
    let unknown = error(OTHER_HOST, &host, 1, &udp(&host, 3, OTHER_HOST, 4));
    assert_eq!(site.verdict(SITE, &unknown), dropped(DropReason::IcmpQuoteUnknown));
}
