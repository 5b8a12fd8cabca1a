//! Router advertisements: what they say, when they are sent, and to whom.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on has failed"
)]

mod host;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use host::*;
use nptd_core::output::OutputPool;
use nptd_core::plan::Plan;
use nptd_core::plan::spec::*;
use nptd_core::time::{Duration, Instant};
use nptd_core::verdict::{DropReason, OutputKind, Verdict};

const OWN_LINK_LOCAL: &str = "fe80::ff:fe00:1";
const HOST_LINK_LOCAL: &str = "fe80::5054:ff:fe00:a";
const OTHER_LINK_LOCAL: &str = "fe80::5054:ff:fe00:b";
const ALL_NODES: &str = "ff02::1";
const INTERVAL_MS: u64 = 600_000;

fn prefix(text: &str, valid: u32, preferred: u32) -> AdvertisedPrefixSpec {
    AdvertisedPrefixSpec { prefix: (v6(text), 64), on_link: true, autonomous: true, valid, preferred }
}

fn advertise() -> AdvertiseSpec {
    AdvertiseSpec {
        router_lifetime: 1800,
        preference: PreferenceSpec::High,
        interval: Duration::from_millis(INTERVAL_MS),
        link_mtu: Some(1492),
        prefixes: vec![prefix("fd01:203:405:1::", 86_400, 14_400)],
        routes: vec![AdvertisedRouteSpec {
            prefix: (v6("fd01:203:405::"), 48),
            preference: PreferenceSpec::Low,
            lifetime: 1800,
        }],
        resolvers: vec![(v6("fd01:203:405:1::53"), 1800)],
    }
}

fn with(change: impl FnOnce(&mut AdvertiseSpec)) -> impl FnOnce(&mut PlanSpec) {
    move |spec| {
        let mut says = advertise();
        change(&mut says);
        spec.devices[0].advertise = Some(says);
    }
}

/// One advertisement, its checksum and header checked.
#[derive(Debug, PartialEq)]
struct Read {
    to_mac: [u8; 6],
    destination: u128,
    preference: u8,
    lifetime: u16,
    /// Type and octets, length octet included.
    options: Vec<(u8, Vec<u8>)>,
}

fn read(sent: &Sent) -> Read {
    assert_eq!((sent.kind, sent.egress), (OutputKind::Advertisement, INTERNAL));
    let sliced = SlicedPacket::from_ethernet(&sent.octets).unwrap();
    let (Some(NetSlice::Ipv6(ip)), Some(TransportSlice::Icmpv6(icmp))) = (&sliced.net, &sliced.transport) else {
        panic!("no ICMPv6")
    };
    let header = ip.header();
    assert_eq!(u128::from_be_bytes(header.source()), v6(OWN_LINK_LOCAL));
    assert_eq!((header.hop_limit(), usize::from(header.payload_length()) + 54), (255, sent.octets.len()));
    assert!(icmp.is_checksum_valid(header.source(), header.destination()));
    let message = icmp.slice();
    assert_eq!((message[0], message[1], message[4]), (134, 0, 64));
    assert_eq!(message[8..16], [0; 8], "reachable time and retransmission timer");
    let mut options = Vec::new();
    let mut rest = &message[16..];
    while !rest.is_empty() {
        let (option, next) = rest.split_at(usize::from(rest[1]) * 8);
        options.push((option[0], option[1..].to_vec()));
        rest = next;
    }
    Read {
        to_mac: sent.octets[..6].try_into().unwrap(),
        destination: u128::from_be_bytes(header.destination()),
        preference: message[5],
        lifetime: u16::from_be_bytes([message[6], message[7]]),
        options,
    }
}

fn advertised(gateway: &mut Gateway) -> Vec<Read> {
    let sent = gateway.sent();
    sent.iter().filter(|sent| sent.kind == OutputKind::Advertisement).map(read).collect()
}

/// Prefixes with their valid and preferred lifetimes.
fn prefixes(read: &Read) -> Vec<(u128, u32, u32)> {
    let number = |octets: &[u8]| u32::from_be_bytes(octets.try_into().unwrap());
    let found = read.options.iter().filter(|(kind, _)| *kind == 3);
    found
        .map(|(_, octets)| {
            let address = u128::from_be_bytes(octets[15..31].try_into().unwrap());
            (address, number(&octets[3..7]), number(&octets[7..11]))
        })
        .collect()
}

fn gateway() -> Gateway {
    let mut gateway = Gateway::new();
    gateway.adopt(with(|_| {}));
    gateway
}

/// One that has sent its first three, an hour ago.
fn settled() -> Gateway {
    let mut gateway = gateway();
    for _ in 0..8 {
        gateway.wait_for_duties(INTERVAL_MS);
    }
    gateway.wait_for_duties(INTERVAL_MS / 3 - 10_000);
    gateway.sent();
    gateway
}

fn solicitation(mac: [u8; 6], source: &str) -> Nd {
    let rest = if source == "::" { Vec::new() } else { option(1, mac) };
    let [source, destination] = [source, "ff02::2"].map(v6);
    let to_mac = [0x33, 0x33, 0, 0, 0, 2];
    Nd { mac, to_mac, source, destination, hop_limit: 255, kind: 133, code: 0, flags: 0, rest }
}

// ---- What they say ----

#[test]
fn all_options_octet_by_octet_7084_l3() {
    let sent = advertised(&mut gateway());
    let address = |text: &str| v6(text).to_be_bytes();
    let options = vec![
        (1, [&[1][..], &INTERNAL_MAC].concat()),
        (5, vec![1, 0, 0, 0, 0, 0x05, 0xd4]),
        (
            3,
            [&[4, 64, 0xc0, 0, 1, 0x51, 0x80, 0, 0, 0x38, 0x40, 0, 0, 0, 0][..], &address("fd01:203:405:1::")].concat(),
        ),
        (24, [&[2, 48, 0x18, 0, 0, 0x07, 0x08][..], &address("fd01:203:405::")[..8]].concat()),
        (25, [&[3, 0, 0, 0, 0, 0x07, 0x08][..], &address("fd01:203:405:1::53")].concat()),
    ];
    let to_mac = [0x33, 0x33, 0, 0, 0, 1];
    assert_eq!(sent, [Read { to_mac, destination: v6(ALL_NODES), preference: 0x08, lifetime: 1800, options }]);
}

#[test]
fn a_router_without_a_way_out_has_no_preference_7084_g4() {
    let mut gateway = Gateway::new();
    gateway.adopt(with(|says| says.router_lifetime = 0));
    let sent = advertised(&mut gateway);
    assert_eq!((sent[0].lifetime, sent[0].preference), (0, 0));
}

#[test]
fn routes_carry_as_much_of_their_prefix_as_they_need() {
    let lengths = [0, 1, 64, 65, 128];
    let mut gateway = Gateway::new();
    gateway.adopt(with(|says| {
        let preference = PreferenceSpec::Medium;
        let all = v6("fd01:203:405:1:ffff:ffff:ffff:ffff");
        says.routes =
            lengths.map(|length| AdvertisedRouteSpec { prefix: (all, length), preference, lifetime: 9 }).to_vec();
    }));
    let read = &advertised(&mut gateway)[0];
    let routes: Vec<_> = read.options.iter().filter(|(kind, _)| *kind == 24).map(|(_, octets)| octets).collect();
    assert_eq!(routes.iter().map(|octets| octets[0]).collect::<Vec<_>>(), [1, 2, 2, 3, 3]);
    assert_eq!(routes[1][7..], [0x80, 0, 0, 0, 0, 0, 0, 0], "bits beyond the prefix are zero");
    assert_eq!(routes[3][15..], [0x80, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn options_that_do_not_fit_one_packet_go_into_several() {
    let mut gateway = Gateway::new();
    gateway.adopt(|spec| {
        with(|says| says.prefixes = (0..100).map(|_| prefix("fd01:203:405:1::", 9, 9)).collect())(spec);
        (spec.devices[0].mtu, spec.devices[0].advertise.as_mut().unwrap().link_mtu) = (1280, None);
    });
    let sent = gateway.sent();
    let long: Vec<_> = sent.iter().filter(|sent| sent.kind == OutputKind::Advertisement).collect();
    // Of 1,280 octets 1,224 are left: 38 prefixes, and the link address in the first.
    assert_eq!(long.iter().map(|sent| sent.octets.len() - 14).collect::<Vec<_>>(), [1280, 1272, 56 + 24 * 32 + 40]);
    let sent: Vec<_> = long.into_iter().map(read).collect();
    assert_eq!(sent.iter().map(|read| prefixes(read).len()).sum::<usize>(), 100);
    assert!(sent.iter().all(|read| read.lifetime == 1800));
}

// ---- When ----

#[test]
fn three_initial_ones_at_short_distances_then_between_a_third_of_the_interval_and_all_of_it() {
    let mut gateway = gateway();
    let mut at = vec![];
    let start = gateway.now;
    for _ in 0..20 {
        assert!(advertised(&mut gateway).len() == 1, "{at:?}");
        at.push(gateway.now.since(start).as_micros());
        let next = gateway.duties.advertisements.next_wakeup().unwrap();
        let early = next.since(gateway.now).as_micros() / 1000;
        gateway.wait_for_duties(early - 1);
        assert_eq!(gateway.sent(), [], "not before its time");
        gateway.now = next;
        gateway.wait_for_duties(0);
    }
    let pauses: Vec<_> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses[0] == 3_000_000 && (3_000_000..=16_000_000).contains(&pauses[1]), "{pauses:?}");
    assert!(pauses[2..].iter().all(|pause| (200_000_000..=600_000_000).contains(pause)), "{pauses:?}");
    let spread = pauses[2..].iter().max().unwrap() - pauses[2..].iter().min().unwrap();
    assert!(spread > 50_000_000, "not all alike: {pauses:?}");
}

#[test]
fn no_two_are_closer_than_three_seconds_however_short_the_interval() {
    let mut gateway = Gateway::new();
    gateway.adopt(with(|says| says.interval = Duration::from_millis(4_000)));
    for _ in 0..30 {
        assert_eq!(advertised(&mut gateway).len(), 1);
        let next = gateway.duties.advertisements.next_wakeup().unwrap();
        let pause = next.since(gateway.now).as_micros();
        assert!((3_000_000..=4_000_000).contains(&pause), "{pause}");
        gateway.now = next;
        gateway.wait_for_duties(0);
    }
}

#[test]
fn a_change_is_sent_at_once_however_short_ago_the_last_was_7084_g5_8475_1() {
    let mut gateway = gateway();
    gateway.wait_for_duties(1);
    assert_eq!(advertised(&mut gateway).len(), 1);
    gateway.adopt(with(|says| says.prefixes[0].preferred = 0));
    assert_eq!(prefixes(&advertised(&mut gateway)[0]), [(v6("fd01:203:405:1::"), 86_400, 0)]);
    gateway.wait_for_duties(1);
    gateway.adopt(with(|says| says.router_lifetime = 0));
    assert_eq!(advertised(&mut gateway)[0].lifetime, 0);
    // 8475-1: it sticks, in solicited ones as well.
    let _ = gateway.nd(INTERNAL, &solicitation(HOST_MAC, HOST_LINK_LOCAL).frame());
    gateway.wait_for_duties(500);
    assert_eq!(advertised(&mut gateway)[0].lifetime, 0);
}

#[test]
fn a_plan_that_changes_something_else_sends_none_7084_l13() {
    let mut gateway = settled();
    gateway.adopt(|spec| {
        with(|_| {})(spec);
        spec.uplinks[0].epoch = 1;
    });
    assert_eq!(advertised(&mut gateway), []);
}

#[test]
fn a_device_that_stops_says_so_once() {
    let mut gateway = settled();
    gateway.adopt(|_| {});
    let sent = advertised(&mut gateway);
    assert_eq!((sent.len(), sent[0].lifetime, sent[0].preference), (1, 0, 0));
    assert_eq!(prefixes(&sent[0]), [], "the prefix is still on the link");
    let lifetime = |kind| sent[0].options.iter().find(|option| option.0 == kind).unwrap().1[3..7].to_vec();
    assert_eq!((lifetime(24), lifetime(25)), (vec![0; 4], vec![0; 4]), "routes and resolvers end");
    assert_eq!(gateway.duties.advertisements.next_wakeup(), None);
    gateway.wait_for_duties(10 * INTERVAL_MS);
    assert_eq!(advertised(&mut gateway), []);
    assert_eq!(gateway.nd(INTERNAL, &solicitation(HOST_MAC, HOST_LINK_LOCAL).frame()).0, Verdict::Pass);
}

#[test]
fn a_gateway_that_stops_says_so_on_its_links_whatever_was_said_a_moment_ago() {
    let mut gateway = gateway();
    assert_eq!(advertised(&mut gateway).len(), 1);
    let farewell = |gateway: &mut Gateway| {
        gateway.with_duties(|context, neighbours, duties| duties.advertisements.farewell(context, neighbours));
        advertised(gateway)
    };
    let sent = farewell(&mut gateway);
    assert_eq!((sent.len(), sent[0].lifetime, sent[0].preference, sent[0].destination), (1, 0, 0, v6(ALL_NODES)));
    assert_eq!(prefixes(&sent[0]), [], "addresses outlive a restart");
    assert_eq!(gateway.duties.advertisements.next_wakeup(), None);
    assert_eq!(farewell(&mut gateway), [], "nothing is left to say");
}

#[test]
fn a_prefix_that_is_gone_stays_deprecated_for_two_hours_at_most_7084_l13_9096_l13_9096_l15() {
    let mut gateway = Gateway::new();
    let old = [prefix("2001:db8:8::", 86_400, 14_400), prefix("2001:db8:9::", 3600, 1800)];
    gateway.adopt(with(|says| says.prefixes.extend(old)));
    gateway.sent();
    gateway.adopt(with(|_| {}));
    let own = (v6("fd01:203:405:1::"), 86_400, 14_400);
    let gone = |valid: [u32; 2]| [own, (v6("2001:db8:8::"), valid[0], 0), (v6("2001:db8:9::"), valid[1], 0)];
    assert_eq!(prefixes(&advertised(&mut gateway)[0]), gone([7200, 3600]));
    let ask = |gateway: &mut Gateway, after_s: u64| {
        gateway.wait_for_duties(after_s * 1000 - 500);
        gateway.sent();
        let _ = gateway.nd(INTERNAL, &solicitation(HOST_MAC, HOST_LINK_LOCAL).frame());
        gateway.wait_for_duties(500);
        prefixes(&advertised(gateway)[0])
    };
    assert_eq!(ask(&mut gateway, 600), gone([6600, 3000]), "what remains");
    gateway.adopt(with(|says| says.router_lifetime = 0));
    assert_eq!(prefixes(&advertised(&mut gateway)[0]), gone([6600, 3000]), "whatever else changes");
    gateway.adopt(with(|_| {}));
    assert_eq!(ask(&mut gateway, 3000), gone([3600, 0])[..2]);
    gateway.adopt(with(|says| says.prefixes.push(old[0])));
    let back = prefixes(&advertised(&mut gateway)[0]);
    assert_eq!(back, [own, (v6("2001:db8:8::"), 86_400, 14_400)], "back with its own lifetimes");
}

// ---- Answers ----

#[test]
fn a_question_is_answered_to_its_sender_within_half_a_second() {
    let mut gateway = settled();
    assert_eq!(gateway.nd(INTERNAL, &solicitation(HOST_MAC, HOST_LINK_LOCAL).frame()).0, Verdict::Consumed);
    assert_eq!(gateway.nd(INTERNAL, &solicitation(HOST_MAC, HOST_LINK_LOCAL).frame()).0, Verdict::Consumed);
    assert_eq!(advertised(&mut gateway), [], "not at once");
    gateway.wait_for_duties(500);
    let sent = advertised(&mut gateway);
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].to_mac, sent[0].destination), (HOST_MAC, v6(HOST_LINK_LOCAL)));
    gateway.wait_for_duties(3000);
    assert_eq!(advertised(&mut gateway), []);
}

#[test]
fn a_question_from_nobody_and_two_at_a_time_are_answered_to_all() {
    for sources in [&["::"][..], &[HOST_LINK_LOCAL, OTHER_LINK_LOCAL], &[HOST_LINK_LOCAL, "::"]] {
        let mut gateway = settled();
        for (source, mac) in sources.iter().zip([HOST_MAC, OTHER_MAC]) {
            assert_eq!(gateway.nd(INTERNAL, &solicitation(mac, source).frame()).0, Verdict::Consumed);
        }
        gateway.wait_for_duties(500);
        let sent = advertised(&mut gateway);
        assert_eq!((sent.len(), sent[0].destination), (1, v6(ALL_NODES)), "{sources:?}");
        // MIN_DELAY_BETWEEN_RAS.
        let _ = gateway.nd(INTERNAL, &solicitation(HOST_MAC, "::").frame());
        gateway.wait_for_duties(2999);
        assert_eq!(advertised(&mut gateway), []);
        gateway.wait_for_duties(501);
        assert_eq!(advertised(&mut gateway).len(), 1);
    }
}

#[test]
fn what_is_sent_to_all_answers_whatever_waits() {
    let mut gateway = settled();
    let next = gateway.duties.advertisements.next_wakeup().unwrap();
    gateway.wait_for_duties(next.since(gateway.now).as_micros() / 1000 - 100);
    assert_eq!(advertised(&mut gateway), []);
    let _ = gateway.nd(INTERNAL, &solicitation(HOST_MAC, HOST_LINK_LOCAL).frame());
    gateway.wait_for_duties(700);
    let sent = advertised(&mut gateway);
    assert_eq!((sent.len(), sent[0].destination), (1, v6(ALL_NODES)));
    gateway.wait_for_duties(3000);
    assert_eq!(advertised(&mut gateway), []);
}

#[test]
fn questions_that_fail_a_check_of_section_6_1_1_are_dropped() {
    let changed = |change: &dyn Fn(&mut Nd)| {
        let mut question = solicitation(HOST_MAC, HOST_LINK_LOCAL);
        change(&mut question);
        question.frame()
    };
    let mut corrupt = changed(&|_| {});
    corrupt[57] ^= 1;
    let from_nobody = changed(&|nd| nd.source = 0);
    let cases = [
        ("hop limit", changed(&|nd| nd.hop_limit = 254)),
        ("code", changed(&|nd| nd.code = 1)),
        ("option of length zero", changed(&|nd| nd.rest[1] = 0)),
        ("nobody with a link address", from_nobody),
        ("checksum", corrupt),
    ];
    for (what, frame) in cases {
        let mut gateway = settled();
        let verdict = gateway.nd(INTERNAL, &frame).0;
        assert_eq!(verdict, Verdict::Drop(DropReason::NeighbourDiscoveryInvalid), "{what}");
        gateway.wait_for_duties(500);
        assert_eq!(advertised(&mut gateway), [], "{what}");
    }
    // Nothing is asked of the source but that it is one.
    let mut gateway = settled();
    assert_eq!(gateway.nd(INTERNAL, &changed(&|nd| nd.source = v6("fd01:203:405:1::10"))).0, Verdict::Consumed);
}

// ---- In the engine ----

#[test]
fn the_engine_sends_what_a_new_plan_says_with_its_next_tick() {
    let mut engine = engine();
    let mut changed = spec();
    with(|_| {})(&mut changed);
    let mut outputs = OutputPool::new();
    let now = Instant::from_micros(7_000_000);
    engine.tick(now, &mut outputs);
    engine.adopt(std::sync::Arc::new(Plan::new(changed).unwrap()));
    assert_eq!(engine.next_wakeup(), Some(Instant::default()));
    outputs.clear();
    engine.tick(now, &mut outputs);
    let kinds: Vec<_> = outputs.iter().map(|(output, _)| output.kind).collect();
    assert_eq!(kinds, [OutputKind::Advertisement]);
    assert_eq!(engine.counters().output(OutputKind::Advertisement), 1);
}

#[test]
fn the_engine_says_nothing_at_its_end_where_it_never_said_anything() {
    let mut outputs = OutputPool::new();
    let mut engine = engine();
    engine.farewell(Instant::from_micros(7_000_000), &mut outputs);
    assert_eq!(outputs.iter().count(), 0);
    let mut changed = spec();
    with(|_| {})(&mut changed);
    engine.adopt(std::sync::Arc::new(Plan::new(changed).unwrap()));
    engine.farewell(Instant::from_micros(7_000_000), &mut outputs);
    assert_eq!(engine.counters().output(OutputKind::Advertisement), 1);
}

// ---- Plans ----

#[test]
fn what_no_host_would_believe_is_refused() {
    let path = |change: &dyn Fn(&mut PlanSpec)| {
        let mut changed = spec();
        with(|_| {})(&mut changed);
        change(&mut changed);
        Plan::new(changed).map(|_| ()).map_err(|error| error.path)
    };
    fn says(spec: &mut PlanSpec) -> &mut AdvertiseSpec {
        spec.devices[0].advertise.as_mut().unwrap()
    }
    let refused = |field: &str| Err(format!("devices[0].advertise{field}"));
    assert_eq!(path(&|_| {}), Ok(()));
    assert_eq!(path(&|spec| says(spec).interval = Duration::from_millis(3999)), refused(".intervalMs"));
    assert_eq!(path(&|spec| says(spec).interval = Duration::from_millis(1_800_001)), refused(".intervalMs"));
    assert_eq!(path(&|spec| says(spec).link_mtu = Some(1501)), refused(".linkMtu"));
    assert_eq!(path(&|spec| says(spec).link_mtu = Some(1279)), refused(".linkMtu"));
    assert_eq!(path(&|spec| says(spec).prefixes[0].valid = 1), refused(".prefixes[0].preferredS"));
    assert_eq!(path(&|spec| says(spec).prefixes[0].prefix.1 = 129), refused(".prefixes[0].prefixLength"));
    assert_eq!(path(&|spec| says(spec).routes[0].prefix.1 = 129), refused(".routes[0].prefixLength"));
    assert_eq!(path(&|spec| says(spec).resolvers = vec![(1, 1); 257]), refused(".prefixes"));
    assert_eq!(path(&|spec| spec.devices[0].ipv6.clear()), refused(""));
    assert_eq!(path(&|spec| spec.devices[0].link = LinkSpec::Ip), refused(""));
    let uplink = path(&|spec| spec.devices[1].advertise = spec.devices[0].advertise.take());
    assert_eq!(uplink, Err("devices[1].advertise".into()));
}
