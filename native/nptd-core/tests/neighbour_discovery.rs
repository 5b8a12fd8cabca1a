//! Neighbour discovery: what is answered and how, what is learned, and what RFC 4861 has refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod host;

use host::*;
use nptd_core::frame::ChecksumState;
use nptd_core::host::neighbours::NeighbourState;
use nptd_core::plan::NextHop;
use nptd_core::plan::spec::PrefixPairSpec;
use nptd_core::verdict::{DropReason, OutputKind, Verdict};
use nptd_core::wire::ethernet::MacAddress;

const OWN: &str = "fd01:203:405:1::1";
const OWN_LINK_LOCAL: &str = "fe80::ff:fe00:1";
const HOST: &str = "fd01:203:405:1::10";
const HOST_LINK_LOCAL: &str = "fe80::5054:ff:fe00:a";
const INVALID: Verdict = Verdict::Drop(DropReason::NeighbourDiscoveryInvalid);

const ROUTER: u8 = 0x80;
const SOLICITED: u8 = 0x40;
const OVERRIDE: u8 = 0x20;

/// What an internal address is on the uplink.
fn external_form(internal: &str) -> String {
    let gateway = Gateway::new();
    let pair = &gateway.plan.uplink(0).unwrap().ipv6.as_ref().unwrap().pairs[0];
    std::net::Ipv6Addr::from(pair.outbound(v6(internal), gateway.plan.nptv6).unwrap()).to_string()
}

fn host() -> NextHop<u128> {
    hop6(INTERNAL, HOST)
}

fn advertisement(mac: [u8; 6], flags: u8) -> Nd {
    Nd::advertisement(mac, INTERNAL_MAC, HOST, OWN, flags)
}

/// The host asked for and having answered with these flags.
fn known_host(flags: u8) -> Gateway {
    let mut gateway = Gateway::new();
    assert_eq!(gateway.enqueue(host(), &[0x60]), Verdict::Queued);
    assert_eq!(gateway.nd(INTERNAL, &advertisement(HOST_MAC, flags).frame()).0, Verdict::Consumed);
    gateway.sent();
    gateway
}

fn state(gateway: &Gateway) -> NeighbourState {
    gateway.row(host()).unwrap().state
}

// ---- Asking ----

#[test]
fn an_unknown_hop_is_asked_for_at_its_solicited_node_group() {
    let mut gateway = Gateway::new();
    assert_eq!(gateway.enqueue(host(), &[0x60, 1]), Verdict::Queued);
    assert_eq!(gateway.enqueue(hop6(INTERNAL, HOST_LINK_LOCAL), &[0x60, 1]), Verdict::Queued);
    let sent = gateway.sent();
    assert_eq!(sent[0].kind, OutputKind::NeighbourRequest);
    let expected = ReadNd {
        mac: INTERNAL_MAC,
        to_mac: [0x33, 0x33, 0xff, 0, 0, 0x10],
        source: v6(OWN),
        destination: v6("ff02::1:ff00:10"),
        flags: None,
        target: v6(HOST),
        source_option: Some(INTERNAL_MAC.to_vec()),
        target_option: None,
    };
    assert_eq!(read_nd(&sent[0].octets), expected);
    let link_local = read_nd(&sent[1].octets);
    assert_eq!((link_local.source, link_local.target), (v6(OWN_LINK_LOCAL), v6(HOST_LINK_LOCAL)));
}

#[test]
fn the_answer_releases_what_waited_and_confirms() {
    let mut gateway = Gateway::new();
    assert_eq!(gateway.enqueue(host(), &[0x60, 1]), Verdict::Queued);
    assert_eq!(gateway.enqueue(host(), &[0x60, 2]), Verdict::Queued);
    gateway.sent();
    let answer = advertisement(HOST_MAC, SOLICITED | OVERRIDE).frame();
    assert_eq!(gateway.nd(INTERNAL, &answer).0, Verdict::Consumed);
    let sent: Vec<_> = gateway.sent().into_iter().map(|sent| (sent.kind, sent.octets)).collect();
    let frame = |number| [&HOST_MAC[..], &INTERNAL_MAC, &[0x86, 0xdd, 0x60, number]].concat();
    assert_eq!(sent, [(OutputKind::Released, frame(1)), (OutputKind::Released, frame(2))]);
    assert_eq!(state(&gateway), NeighbourState::Reachable);
}

#[test]
fn a_stale_neighbour_is_confirmed_by_unicast() {
    let mut gateway = known_host(SOLICITED);
    gateway.wait_ms(30_000);
    assert_eq!(gateway.lookup(host()), Some(MacAddress(HOST_MAC)));
    let asked = read_nd(&gateway.sent()[0].octets);
    assert_eq!((asked.to_mac, asked.destination, asked.target), (HOST_MAC, v6(HOST), v6(HOST)));
    assert_eq!(gateway.nd(INTERNAL, &advertisement(HOST_MAC, SOLICITED).frame()).0, Verdict::Consumed);
    assert_eq!(state(&gateway), NeighbourState::Reachable);
}

// ---- Answering ----

#[test]
fn a_solicitation_for_an_own_address_is_answered_in_place_and_the_asker_learned() {
    for target in [OWN, OWN_LINK_LOCAL] {
        let mut gateway = Gateway::new();
        let (verdict, reply) = gateway.nd(INTERNAL, &Nd::solicitation(HOST_MAC, HOST, target).frame());
        assert_eq!(verdict, Verdict::Reply);
        let expected = ReadNd {
            mac: INTERNAL_MAC,
            to_mac: HOST_MAC,
            source: v6(target),
            destination: v6(HOST),
            flags: Some((true, true, true)),
            target: v6(target),
            source_option: None,
            target_option: Some(INTERNAL_MAC.to_vec()),
        };
        assert_eq!(read_nd(&reply), expected);
        assert_eq!(state(&gateway), NeighbourState::Stale);
        assert_eq!(gateway.row(host()).unwrap().mac, Some(MacAddress(HOST_MAC)));
    }
}

#[test]
fn a_unicast_solicitation_without_option_is_answered_to_the_link_source() {
    let mut question = Nd::solicitation(HOST_MAC, HOST, OWN);
    (question.to_mac, question.destination) = (INTERNAL_MAC, v6(OWN));
    question.rest.truncate(16);
    let mut gateway = Gateway::new();
    let (verdict, reply) = gateway.nd(INTERNAL, &question.frame());
    assert_eq!(verdict, Verdict::Reply);
    let answer = read_nd(&reply);
    assert_eq!((answer.to_mac, answer.destination), (HOST_MAC, v6(HOST)));
    assert_eq!(answer.target_option, Some(INTERNAL_MAC.to_vec()));
    assert_eq!(gateway.neighbours.rows().count(), 0, "no option, nothing to learn");
}

#[test]
fn longer_and_padded_solicitations_get_an_answer_of_the_right_length() {
    let mut question = Nd::solicitation(HOST_MAC, HOST, OWN);
    question.rest.extend([14, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]); // a nonce (RFC 3971)
    let mut octets = question.frame();
    octets.extend([0xee; 7]);
    let (verdict, reply) = Gateway::new().nd(INTERNAL, &octets);
    assert_eq!(verdict, Verdict::Reply);
    assert_eq!(read_nd(&reply).to_mac, HOST_MAC);
}

#[test]
fn a_probe_for_a_duplicate_of_our_address_is_answered_to_all_nodes() {
    let mut gateway = Gateway::new();
    let (verdict, reply) = gateway.nd(INTERNAL, &Nd::solicitation(HOST_MAC, "::", OWN).frame());
    assert_eq!(verdict, Verdict::Reply);
    let answer = read_nd(&reply);
    assert_eq!((answer.to_mac, answer.destination), ([0x33, 0x33, 0, 0, 0, 1], v6("ff02::1")));
    assert_eq!((answer.flags, answer.target), (Some((true, false, true)), v6(OWN)));
    assert_eq!(gateway.neighbours.rows().count(), 0);
}

#[test]
fn solicitations_for_others_are_used_up_and_teach_nothing() {
    let mut gateway = Gateway::new();
    for target in ["fd01:203:405:1::99", "2001:db8:1::2", "2001:db8:1::1234"] {
        let question = Nd::solicitation(HOST_MAC, HOST, target).frame();
        assert_eq!(gateway.nd(INTERNAL, &question).0, Verdict::Consumed, "{target}");
    }
    let looped = Nd::solicitation(INTERNAL_MAC, "::", OWN).frame();
    assert_eq!(gateway.nd(INTERNAL, &looped).0, Verdict::Consumed);
    assert_eq!(gateway.neighbours.rows().count(), 0);
}

#[test]
fn an_asker_from_off_the_link_is_answered_but_does_not_become_a_neighbour() {
    let mut gateway = Gateway::new();
    let question = Nd::solicitation(HOST_MAC, "2001:db8:77::1", OWN).frame();
    assert_eq!(gateway.nd(INTERNAL, &question).0, Verdict::Reply);
    assert_eq!(gateway.neighbours.rows().count(), 0);
}

// ---- External prefixes on the link ----

#[test]
fn any_external_address_of_an_internal_one_is_answered_without_override_6296_rout4() {
    let question = Nd::solicitation(OTHER_MAC, "2001:db8:1::1", "2001:db8:1:0:abcd::1234").frame();
    let (verdict, reply) = Gateway::new().nd(UPLINK, &question);
    assert_eq!(verdict, Verdict::Reply);
    let answer = read_nd(&reply);
    assert_eq!((answer.source, answer.target), (v6("2001:db8:1:0:abcd::1234"), v6("2001:db8:1:0:abcd::1234")));
    assert_eq!((answer.destination, answer.to_mac), (v6("2001:db8:1::1"), OTHER_MAC));
    assert_eq!(answer.flags, Some((false, true, false)));
    assert_eq!(answer.target_option, Some(UPLINK_MAC.to_vec()));
}

#[test]
fn the_uplinks_gateway_and_known_neighbours_are_left_alone_6296_rout4() {
    let mut gateway = Gateway::new();
    let asked = |gateway: &mut Gateway, source: &str, target: &str| {
        gateway.nd(UPLINK, &Nd::solicitation(OTHER_MAC, source, target).frame()).0
    };
    assert_eq!(asked(&mut gateway, "2001:db8:1::50", "2001:db8:1::1"), Verdict::Consumed);
    // The station at ::50 asks for the gateway's own address and so becomes known.
    assert_eq!(asked(&mut gateway, "2001:db8:1::50", "2001:db8:1::2"), Verdict::Reply);
    assert_eq!(asked(&mut gateway, "2001:db8:1::1", "2001:db8:1::50"), Verdict::Consumed);
    assert_eq!(asked(&mut gateway, "2001:db8:1::1", "2001:db8:1::51"), Verdict::Reply);
}

#[test]
fn a_probe_for_a_duplicate_of_an_external_address_is_answered_to_all_nodes_6296_rout4() {
    let question = Nd::solicitation(OTHER_MAC, "::", "2001:db8:1::60").frame();
    let (verdict, reply) = Gateway::new().nd(UPLINK, &question);
    assert_eq!(verdict, Verdict::Reply);
    let answer = read_nd(&reply);
    assert_eq!((answer.destination, answer.flags), (v6("ff02::1"), Some((false, false, false))));
}

#[test]
fn nothing_is_answered_for_that_leads_nowhere_or_to_the_gateway_itself_6296_rout4() {
    let mut gateway = Gateway::new();
    let answers = |gateway: &mut Gateway, device, target: &str| {
        let question = Nd::solicitation(OTHER_MAC, "2001:db8:1::1", target).frame();
        gateway.nd(device, &question).0 == Verdict::Reply
    };
    let own = external_form(OWN);
    assert!(!answers(&mut gateway, UPLINK, &own));
    assert!(answers(&mut gateway, UPLINK, &external_form(HOST)));
    assert!(!answers(&mut gateway, INTERNAL, &external_form(HOST)));
    assert!(!answers(&mut gateway, UPLINK, "2001:db8:1:1::1234"), "beyond the prefix");
    // The pair is wider than what the site has routes to.
    gateway.adopt(|spec| {
        let pairs = &mut spec.uplinks[0].ipv6.as_mut().unwrap().pairs;
        pairs[0] = PrefixPairSpec { internal: (v6("fd01:203:405::"), 56), external: (v6("2001:db8:1::"), 56) };
    });
    let [in_use, unused] = ["fd01:203:405:1::10", "fd01:203:405:2::10"].map(|internal| {
        let pair = &gateway.plan.uplink(0).unwrap().ipv6.as_ref().unwrap().pairs[0];
        let external = pair.outbound(v6(internal), gateway.plan.nptv6).unwrap();
        std::net::Ipv6Addr::from(external).to_string()
    });
    assert!(answers(&mut gateway, UPLINK, &in_use));
    assert!(!answers(&mut gateway, UPLINK, &unused));
}

#[test]
fn a_routed_external_prefix_is_not_answered_for_6296_rout4() {
    let mut gateway = Gateway::new();
    gateway.adopt(|spec| spec.uplinks[0].ipv6.as_mut().unwrap().proxy_neighbours = false);
    let question = Nd::solicitation(OTHER_MAC, "2001:db8:1::1", "2001:db8:1::1234").frame();
    assert_eq!(gateway.nd(UPLINK, &question).0, Verdict::Consumed);
}

#[test]
fn a_unicast_question_about_a_proxied_address_reaches_neighbour_discovery_6296_rout4() {
    let mut engine = engine();
    let target = external_form(HOST);
    let mut question = Nd::solicitation(OTHER_MAC, "2001:db8:1::1", &target);
    (question.to_mac, question.destination) = (UPLINK_MAC, v6(&target));
    assert_eq!(through(&mut engine, UPLINK, &question.frame()), Verdict::Reply);
    question.kind = 136;
    question.flags = SOLICITED;
    let verdict = through(&mut engine, UPLINK, &question.frame());
    assert_eq!(verdict, Verdict::Drop(DropReason::IcmpTypeNotForwarded));
}

// ---- Advertisements (RFC 4861 section 7.2.5) ----

#[test]
fn an_unsolicited_advertisement_resolves_without_confirming_and_creates_nothing() {
    let gateway = known_host(OVERRIDE);
    assert_eq!(state(&gateway), NeighbourState::Stale);
    let mut stranger = Gateway::new();
    assert_eq!(stranger.nd(INTERNAL, &advertisement(HOST_MAC, OVERRIDE).frame()).0, Verdict::Consumed);
    assert_eq!(stranger.neighbours.rows().count(), 0);
}

#[test]
fn only_an_overriding_advertisement_replaces_the_link_address() {
    let mut gateway = known_host(SOLICITED);
    let doubted = advertisement(OTHER_MAC, SOLICITED).frame();
    assert_eq!(gateway.nd(INTERNAL, &doubted).0, Verdict::Consumed);
    let row = gateway.row(host()).unwrap();
    assert_eq!((row.mac, row.state), (Some(MacAddress(HOST_MAC)), NeighbourState::Stale));
    let moved = advertisement(OTHER_MAC, OVERRIDE).frame();
    assert_eq!(gateway.nd(INTERNAL, &moved).0, Verdict::Consumed);
    let row = gateway.row(host()).unwrap();
    assert_eq!((row.mac, row.state), (Some(MacAddress(OTHER_MAC)), NeighbourState::Stale));
}

#[test]
fn the_router_flag_is_kept_and_follows() {
    let mut gateway = known_host(SOLICITED | ROUTER);
    assert!(gateway.row(host()).unwrap().is_router);
    assert_eq!(gateway.nd(INTERNAL, &advertisement(HOST_MAC, SOLICITED).frame()).0, Verdict::Consumed);
    assert!(!gateway.row(host()).unwrap().is_router);
}

#[test]
fn an_advertisement_without_option_confirms_a_known_neighbour_but_resolves_none() {
    let mut bare = advertisement(HOST_MAC, SOLICITED);
    bare.rest.truncate(16);
    let mut gateway = Gateway::new();
    assert_eq!(gateway.enqueue(host(), &[0x60]), Verdict::Queued);
    assert_eq!(gateway.nd(INTERNAL, &bare.frame()).0, Verdict::Consumed);
    assert_eq!(state(&gateway), NeighbourState::Incomplete);

    let mut gateway = known_host(OVERRIDE);
    assert_eq!(gateway.nd(INTERNAL, &bare.frame()).0, Verdict::Consumed);
    assert_eq!(state(&gateway), NeighbourState::Reachable);
}

#[test]
fn nobody_takes_our_own_address_from_us() {
    let mut gateway = Gateway::new();
    let theft = Nd::advertisement(HOST_MAC, INTERNAL_MAC, OWN, "ff02::1", OVERRIDE).frame();
    assert_eq!(gateway.nd(INTERNAL, &theft).0, Verdict::Consumed);
    assert_eq!(gateway.neighbours.rows().count(), 0);
}

// ---- Others ----

#[test]
fn router_messages_go_to_the_control_plane_and_redirects_are_not_followed() {
    let message = |kind, rest: usize| {
        let mut message = Nd::advertisement(OTHER_MAC, UPLINK_MAC, "fe80::1", "ff02::1", 0);
        message.kind = kind;
        message.rest = vec![0; rest];
        message.frame()
    };
    let mut gateway = Gateway::new();
    assert_eq!(gateway.nd(INTERNAL, &message(133, 0)).0, Verdict::Pass);
    assert_eq!(gateway.nd(UPLINK, &message(134, 8)).0, Verdict::Pass);
    assert_eq!(gateway.nd(INTERNAL, &message(134, 8)).0, Verdict::Consumed);
    assert_eq!(gateway.nd(UPLINK, &message(137, 32)).0, Verdict::Consumed);
    for (kind, rest) in [(134, 7), (137, 31)] {
        assert_eq!(gateway.nd(UPLINK, &message(kind, rest)).0, INVALID, "type {kind} too short");
    }
}

#[test]
fn what_fails_a_check_of_rfc_4861_is_dropped_and_changes_nothing() {
    let question = || Nd::solicitation(HOST_MAC, HOST, OWN);
    let changed = |change: &dyn Fn(&mut Nd)| {
        let mut message = question();
        change(&mut message);
        message
    };
    let cases: Vec<(&str, Nd)> = vec![
        ("hop limit 254", changed(&|nd| nd.hop_limit = 254)),
        ("code", changed(&|nd| nd.code = 1)),
        ("target multicast", Nd::solicitation(HOST_MAC, HOST, "ff02::1")),
        ("target unspecified", Nd::solicitation(HOST_MAC, HOST, "::")),
        ("too short", changed(&|nd| nd.rest.truncate(15))),
        ("option of length zero", changed(&|nd| nd.rest[17] = 0)),
        ("option beyond the end", changed(&|nd| nd.rest[17] = 2)),
        ("half an option", changed(&|nd| nd.rest.truncate(20))),
        ("probe with a link address", {
            let mut nd = Nd::solicitation(HOST_MAC, "::", OWN);
            nd.rest.extend(option(1, HOST_MAC));
            nd
        }),
        ("probe not to the group", {
            let mut nd = Nd::solicitation(HOST_MAC, "::", OWN);
            nd.destination = v6(OWN);
            nd
        }),
        ("solicited to a group", Nd::advertisement(HOST_MAC, INTERNAL_MAC, HOST, "ff02::1", SOLICITED)),
        ("advertised group", Nd::advertisement(HOST_MAC, INTERNAL_MAC, "ff02::1", OWN, 0)),
        ("router advertisement not link-local", {
            let mut nd = Nd::advertisement(HOST_MAC, INTERNAL_MAC, HOST, "ff02::1", 0);
            (nd.kind, nd.rest) = (134, vec![0; 8]);
            nd
        }),
    ];
    assert_eq!(Gateway::new().nd(INTERNAL, &question().frame()).0, Verdict::Reply, "the model is right");
    for (what, message) in cases {
        let mut gateway = Gateway::new();
        assert_eq!(gateway.nd(INTERNAL, &message.frame()).0, INVALID, "{what}");
        assert_eq!(gateway.neighbours.rows().count(), 0, "{what}");
    }
    let mut wrong = question().frame();
    wrong[56] ^= 1;
    assert_eq!(Gateway::new().nd(INTERNAL, &wrong).0, INVALID, "checksum");
    assert_eq!(Gateway::new().nd_with(INTERNAL, &wrong, ChecksumState::Vouched).0, Verdict::Reply);
    let cut = question().frame();
    for length in 0..cut.len() {
        assert_eq!(Gateway::new().nd(INTERNAL, &cut[..length]).0, INVALID, "cut to {length}");
    }
}
