//! ICMP errors and TCP resets of the gateway: their octets, read by `etherparse`, which shares no code with this
//! crate; when there are none; and their limits. Test names end with requirement ids.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod own_errors {
    pub mod packets;
}

use etherparse::{ArpPacketSlice, IpNumber, Ipv6FlowLabel, TcpHeader};
use nptd_core::counters::Counters;
use nptd_core::frame::DeviceIndex;
use nptd_core::host::context::Context;
use nptd_core::host::neighbours::Neighbours;
use nptd_core::news::Outbox;
use nptd_core::output::OutputPool;
use nptd_core::pipeline::own_errors::{IcmpError, OwnErrors};
use nptd_core::plan::Plan;
use nptd_core::plan::spec::*;
use nptd_core::share::Share;
use nptd_core::time::{Duration, Instant};
use nptd_core::verdict::{OutputKind, Suppressed};
use own_errors::packets::*;

const HOSTS: DeviceIndex = DeviceIndex(0);
const SERVERS: DeviceIndex = DeviceIndex(1);
const UPLINK: DeviceIndex = DeviceIndex(2);
/// An uplink without an address of its own.
const UNNUMBERED: DeviceIndex = DeviceIndex(3);
/// An uplink with link headers.
const ETHERNET: DeviceIndex = DeviceIndex(4);

const HOST: &str = "10.0.0.5";
const HOST6: &str = "fd00:1::5";
const REMOTE: &str = "203.0.113.9";
const REMOTE6: &str = "2001:db8:ffff::9";

// ---- The message ----

#[test]
fn time_exceeded_tells_the_site_what_its_host_sent_1812_ttl2_1812_src_1812_quote() {
    let offender = udp4(HOST, REMOTE, 30);
    let (egress, packet) = Site::new().error4(&offender, HOSTS, IcmpError::time_exceeded4()).unwrap();
    let (header, message) = read4(&packet);
    assert_eq!(egress, HOSTS);
    assert_eq!((header.source, header.destination), (octets4("10.0.0.1"), octets4(HOST)));
    assert_eq!((header.protocol, header.time_to_live), (IpNumber::ICMP, 64));
    assert_eq!((header.identification, header.dont_fragment, header.options.len()), (0, true, 0));
    assert_eq!((message.type_u8(), message.code_u8(), message.bytes5to8()), (11, 0, [0; 4]));
    assert_eq!(message.payload(), offender);
}

#[test]
fn fragmentation_needed_holds_the_mtu_in_its_low_half_1191_4() {
    let (_, packet) = Site::new().error4(&udp4(HOST, REMOTE, 8), HOSTS, IcmpError::fragmentation_needed(1400)).unwrap();
    let (_, message) = read4(&packet);
    assert_eq!((message.type_u8(), message.code_u8(), message.bytes5to8()), (3, 4, [0, 0, 0x05, 0x78]));
}

#[test]
fn unreachable_carries_its_code_1812_unreach_4443_du() {
    let mut site = Site::new();
    for code in [0, 1, 13] {
        let (_, packet) = site.error4(&udp4(HOST, REMOTE, 8), HOSTS, IcmpError::unreachable4(code)).unwrap();
        let (_, message) = read4(&packet);
        assert_eq!((message.type_u8(), message.code_u8(), message.bytes5to8()), (3, code, [0; 4]));
    }
    for code in [0, 5] {
        let (_, packet) = site.error6(&udp6(HOST6, REMOTE6, 8), HOSTS, IcmpError::unreachable6(code)).unwrap();
        let (_, message) = read6(&packet);
        assert_eq!((message.type_u8(), message.code_u8(), message.bytes5to8()), (1, code, [0; 4]));
    }
}

#[test]
fn time_exceeded_of_ipv6_comes_from_the_device_it_leaves_by_4443_te_4443_2_2() {
    let offender = udp6(HOST6, REMOTE6, 31);
    let (egress, packet) = Site::new().error6(&offender, HOSTS, IcmpError::time_exceeded6()).unwrap();
    let (header, message) = read6(&packet);
    assert_eq!(egress, HOSTS);
    assert_eq!((header.source, header.destination), (octets6("fd00:1::1"), octets6(HOST6)));
    assert_eq!((header.hop_limit, header.flow_label), (64, Ipv6FlowLabel::ZERO));
    assert_eq!((message.type_u8(), message.code_u8(), message.bytes5to8()), (3, 0, [0; 4]));
    assert_eq!(message.payload(), offender);
}

#[test]
fn packet_too_big_and_parameter_problem_fill_the_word_4443_ptb_4443_pp() {
    let mut site = Site::new();
    let offender = udp6(HOST6, REMOTE6, 8);
    for (error, kind, word) in [
        (IcmpError::packet_too_big(1400), 2, 1400_u32),
        (IcmpError::parameter_problem6(8), 4, 8),
        (IcmpError::parameter_problem6(24), 4, 24),
    ] {
        let (_, packet) = site.error6(&offender, HOSTS, error).unwrap();
        let (_, message) = read6(&packet);
        assert_eq!((message.type_u8(), message.code_u8(), message.bytes5to8()), (kind, 0, word.to_be_bytes()));
    }
}

#[test]
fn as_much_is_quoted_as_fits_1812_len_4443_2_4c() {
    let mut site = Site::new();
    for (payload, total) in [(1, 57), (519, 575), (520, 576), (521, 576), (1472, 576)] {
        let offender = udp4(HOST, REMOTE, payload);
        let (_, packet) = site.error4(&offender, HOSTS, IcmpError::time_exceeded4()).unwrap();
        let (_, message) = read4(&packet);
        assert_eq!((packet.len(), message.payload()), (total, &offender[..total - 28]));
    }
    for (payload, total) in [(1, 97), (1183, 1279), (1184, 1280), (1185, 1280), (1452, 1280)] {
        let offender = udp6(HOST6, REMOTE6, payload);
        let (_, packet) = site.error6(&offender, HOSTS, IcmpError::packet_too_big(1400)).unwrap();
        let (_, message) = read6(&packet);
        assert_eq!((packet.len(), message.payload()), (total, &offender[..total - 48]));
    }
}

#[test]
fn dscp_is_copied_and_ecn_is_not_1812_tos_5508_r10d() {
    let mut site = Site::new();
    let mut offender = udp4(HOST, REMOTE, 8);
    offender[1] = 0xbb;
    let (_, packet) = site.error4(&with_checksum4(offender), HOSTS, IcmpError::time_exceeded4()).unwrap();
    assert_eq!(packet[1], 0xb8);
    let mut offender = udp6(HOST6, REMOTE6, 8);
    offender[..4].copy_from_slice(&[0x6b, 0xb1, 0x23, 0x45]);
    let (_, packet) = site.error6(&offender, HOSTS, IcmpError::time_exceeded6()).unwrap();
    assert_eq!(packet[..4], [0x6b, 0x80, 0, 0]);
}

#[test]
fn options_and_extension_headers_are_quoted_too_1812_quote() {
    let mut offender = udp4(HOST, REMOTE, 8);
    offender[0] = 0x46;
    offender.splice(20..20, [1, 1, 1, 0]);
    offender[3] += 4;
    let offender = with_checksum4(offender);
    let mut site = Site::new();
    let (_, packet) = site.error4(&offender, HOSTS, IcmpError::time_exceeded4()).unwrap();
    assert_eq!(read4(&packet).1.payload(), offender);
    let offender = ipv6(HOST6, REMOTE6, 0, &[17, 0, 1, 4, 0, 0, 0, 0, 0, 9, 0, 53, 0, 8, 0, 0]);
    let (_, packet) = site.error6(&offender, HOSTS, IcmpError::time_exceeded6()).unwrap();
    assert_eq!(read6(&packet).1.payload(), offender);
}

// ---- The way back ----

#[test]
fn the_site_is_told_by_the_route_of_the_source_1812_src() {
    let mut site = Site::new();
    for (source, ingress, egress, from) in [
        (HOST, HOSTS, HOSTS, "10.0.0.1"),
        ("10.9.1.1", HOSTS, SERVERS, "10.1.0.1"), // its route leads elsewhere than it came from
        ("10.77.0.1", SERVERS, SERVERS, "10.1.0.1"), // no route at all
        (REMOTE, UPLINK, UPLINK, "192.0.2.1"),
        ("10.0.0.5", UPLINK, UPLINK, "192.0.2.1"), // a spoofed source does not lead into the site
    ] {
        let (device, packet) = site.error4(&udp4(source, REMOTE, 8), ingress, IcmpError::unreachable4(0)).unwrap();
        assert_eq!((device, read4(&packet).0.source), (egress, octets4(from)), "{source} from {ingress:?}");
    }
    for (source, ingress, egress, from) in [
        (HOST6, HOSTS, HOSTS, "fd00:1::1"),
        ("fd00:9::1", HOSTS, SERVERS, "fd00:2::1"),
        ("fd00:77::1", SERVERS, SERVERS, "fd00:2::1"),
        (REMOTE6, UPLINK, UPLINK, "2001:db8:a::1"),
    ] {
        let (device, packet) = site.error6(&udp6(source, REMOTE6, 8), ingress, IcmpError::unreachable6(0)).unwrap();
        assert_eq!((device, read6(&packet).0.source), (egress, octets6(from)), "{source} from {ingress:?}");
    }
}

#[test]
fn an_uplink_is_answered_through_its_own_gateway_2827_1() {
    for (source, asked) in [(REMOTE, "198.51.100.254"), ("198.51.100.7", "198.51.100.7")] {
        let mut site = Site::new();
        let (device, request) = site.error4(&udp4(source, HOST, 8), ETHERNET, IcmpError::time_exceeded4()).unwrap();
        let arp = ArpPacketSlice::from_slice(&request[14..]).unwrap();
        assert_eq!((device, arp.target_protocol_addr()), (ETHERNET, &octets4(asked)[..]));
        assert_eq!(site.counters.output(OutputKind::NeighbourRequest), 1);
        assert_eq!(site.counters.output(OutputKind::IcmpError), 0, "it waits for the answer");
    }
}

#[test]
fn a_device_without_an_address_of_the_family_sends_none_1812_src() {
    let mut site = Site::new();
    assert_eq!(site.error4(&udp4(REMOTE, HOST, 8), UNNUMBERED, IcmpError::unreachable4(0)), None);
    assert_eq!(site.error6(&udp6(REMOTE6, HOST6, 8), UNNUMBERED, IcmpError::unreachable6(0)), None);
    assert!(site.nothing_counted());
}

// ---- When there is none ----

#[test]
fn no_error_is_sent_about_these_1812_when() {
    let icmp = |kind: u8| ipv4(HOST, REMOTE, 1, &[kind, 0, 0, 0, 0, 0, 0, 0]);
    let fragment = |offset: u16| {
        let mut packet = udp4(HOST, REMOTE, 8);
        packet[6..8].copy_from_slice(&(offset | 0x2000).to_be_bytes());
        with_checksum4(packet)
    };
    for (name, offender, told) in [
        ("echo request", icmp(8), true),
        ("echo reply", icmp(0), true),
        ("destination unreachable", icmp(3), false),
        ("source quench", icmp(4), false),
        ("redirect", icmp(5), false),
        ("router advertisement", icmp(9), false),
        ("time exceeded", icmp(11), false),
        ("parameter problem", icmp(12), false),
        ("timestamp", icmp(13), false),
        ("unassigned type", icmp(200), false),
        ("first fragment", fragment(0), true),
        ("later fragment", fragment(1), false),
        ("to all stations", udp4(HOST, "255.255.255.255", 8), false),
        ("to the directed broadcast", udp4(HOST, "10.0.0.255", 8), false),
        ("to the directed broadcast of the second prefix", udp4(HOST, "10.0.2.127", 8), false),
        ("to the broadcast of another link", udp4(HOST, "10.1.0.255", 8), true),
        ("to a group", udp4(HOST, "239.1.2.3", 8), false),
        ("from the directed broadcast", udp4("10.0.0.255", REMOTE, 8), false),
        ("from all stations", udp4("255.255.255.255", REMOTE, 8), false),
        ("from this network", udp4("0.0.0.0", REMOTE, 8), false),
        ("from a loopback address", udp4("127.0.0.1", REMOTE, 8), false),
        ("from a group", udp4("224.0.0.1", REMOTE, 8), false),
        ("from class E", udp4("240.0.0.1", REMOTE, 8), false),
    ] {
        let mut site = Site::new();
        let error = site.error4(&offender, HOSTS, IcmpError::time_exceeded4());
        assert_eq!(error.is_some(), told, "{name}");
        assert_eq!(site.nothing_counted(), !told, "{name}");
    }
}

#[test]
fn no_icmpv6_error_is_sent_about_these_4443_2_4e() {
    let icmp = |kind: u8| ipv6(HOST6, REMOTE6, 58, &[kind, 0, 0, 0, 0, 0, 0, 0]);
    let hidden = |kind: u8| ipv6(HOST6, REMOTE6, 60, &[58, 0, 1, 4, 0, 0, 0, 0, kind, 0, 0, 0, 0, 0, 0, 0]);
    let fragment = |next: u8, word: u16| {
        let [high, low] = word.to_be_bytes();
        ipv6(HOST6, REMOTE6, 44, &[next, 0, high, low, 0, 0, 0, 7, 1, 0, 0, 0, 0, 0, 0, 0])
    };
    for (name, offender, told) in [
        ("echo request", icmp(128), true),
        ("echo reply", icmp(129), true),
        ("node information", icmp(139), true),
        ("destination unreachable", icmp(1), false),
        ("packet too big", icmp(2), false),
        ("unassigned error", icmp(127), false),
        ("router solicitation", icmp(133), false),
        ("neighbour solicitation", icmp(135), false),
        ("redirect", icmp(137), false),
        ("error behind an extension header", hidden(3), false),
        ("echo behind an extension header", hidden(128), true),
        ("first fragment of a datagram", fragment(17, 1), true),
        ("first fragment of an error", fragment(58, 1), false),
        ("later fragment", fragment(17, 9), false),
        ("later fragment of a message", fragment(58, 9), false),
        ("to a group", udp6(HOST6, "ff0e::1", 8), false),
        ("from a group", udp6("ff02::1", REMOTE6, 8), false),
        ("from the unspecified address", udp6("::", REMOTE6, 8), false),
        ("from the loopback address", udp6("::1", REMOTE6, 8), false),
        ("from an IPv4-mapped address", udp6("::ffff:10.0.0.5", REMOTE6, 8), false),
    ] {
        let mut site = Site::new();
        let error = site.error6(&offender, HOSTS, IcmpError::time_exceeded6());
        assert_eq!(error.is_some(), told, "{name}");
        assert_eq!(site.nothing_counted(), !told, "{name}");
    }
}

// ---- Limits ----

#[test]
fn errors_of_both_families_share_one_bucket_and_resets_have_their_own_1812_rate_4443_2_4f() {
    let mut site = Site::with_rate(RateSpec { per_second: 10, burst: 3 });
    let (offender4, offender6) = (udp4(HOST, REMOTE, 8), udp6(HOST6, REMOTE6, 8));
    let told = |site: &mut Site, at_ms: u64| {
        site.now = Instant::from_micros(0).after(Duration::from_millis(at_ms));
        let first = site.error4(&offender4, HOSTS, IcmpError::time_exceeded4()).is_some();
        let second = site.error6(&offender6, HOSTS, IcmpError::time_exceeded6()).is_some();
        (first, second)
    };
    assert_eq!(told(&mut site, 1000), (true, true));
    assert_eq!(told(&mut site, 1000), (true, false));
    assert_eq!(told(&mut site, 1099), (false, false));
    assert_eq!(told(&mut site, 1100), (true, false));
    assert_eq!(site.counters.suppressed(Suppressed::IcmpErrorRateLimited), 4);
    assert_eq!(site.counters.output(OutputKind::IcmpError), 4);
    let segment = tcp4(|segment| segment.syn = true, &[]);
    let resets: Vec<bool> = (0..4).map(|_| site.reset4(&segment, HOSTS).is_some()).collect();
    assert_eq!(resets, [true, true, true, false]);
    assert_eq!(site.counters.suppressed(Suppressed::TcpResetRateLimited), 1);
}

#[test]
fn whoever_provokes_errors_on_one_side_takes_none_from_the_other_1812_rate() {
    let mut site = Site::with_rate(RateSpec { per_second: 1, burst: 1 });
    let (from_site, from_uplink) = (udp4(HOST, REMOTE, 8), udp4(REMOTE, "192.0.2.1", 8));
    for told in [true, false] {
        let to_uplink = site.error4(&from_uplink, UPLINK, IcmpError::unreachable4(3));
        assert_eq!(to_uplink.is_some(), told);
    }
    for told in [true, false] {
        assert_eq!(site.error4(&from_site, HOSTS, IcmpError::time_exceeded4()).is_some(), told);
    }
}

#[test]
fn an_error_fits_the_device_it_leaves_by_1812_len() {
    let mut plan = spec();
    plan.devices[0].mtu = 300;
    plan.devices[0].ipv6.clear();
    let mut site = Site { plan: Plan::new(plan).unwrap(), ..Site::new() };
    let offender = udp4(HOST, REMOTE, 1_000);
    let (_, packet) = site.error4(&offender, HOSTS, IcmpError::time_exceeded4()).unwrap();
    let (_, message) = read4(&packet);
    assert_eq!((packet.len(), message.payload()), (300, &offender[..272]));
}

#[test]
fn what_may_not_be_answered_costs_nothing_1812_rate() {
    let mut site = Site::with_rate(RateSpec { per_second: 1, burst: 1 });
    for _ in 0..10 {
        assert_eq!(site.error4(&udp4("0.0.0.0", REMOTE, 8), HOSTS, IcmpError::time_exceeded4()), None);
        assert_eq!(site.error4(&udp4(REMOTE, HOST, 8), UNNUMBERED, IcmpError::time_exceeded4()), None);
    }
    assert!(site.error4(&udp4(HOST, REMOTE, 8), HOSTS, IcmpError::time_exceeded4()).is_some());
}

#[test]
fn a_rate_or_burst_of_zero_allows_none_1812_rate() {
    for rate in [RateSpec { per_second: 0, burst: 5 }, RateSpec { per_second: 5, burst: 0 }] {
        let mut site = Site::with_rate(rate);
        assert_eq!(site.error4(&udp4(HOST, REMOTE, 8), HOSTS, IcmpError::time_exceeded4()), None);
        assert_eq!(site.reset4(&tcp4(|segment| segment.syn = true, &[]), HOSTS), None);
    }
}

#[test]
fn a_full_pool_is_counted_and_nothing_breaks_1812_rate() {
    let mut site = Site::with_rate(RateSpec { per_second: 1_000_000, burst: 1_000_000 });
    while site.outputs.allocate(1, HOSTS, OutputKind::Injected).is_some() {}
    site.keep_outputs = true;
    assert_eq!(site.error4(&udp4(HOST, REMOTE, 8), HOSTS, IcmpError::time_exceeded4()), None);
    assert_eq!(site.counters.suppressed(Suppressed::OutputPoolFull), 1);
}

// ---- Resets ----

#[test]
fn a_segment_with_ack_is_reset_at_its_acknowledgement_number_mwan_2() {
    let segment = tcp4(|segment| (segment.ack, segment.psh) = (true, true), b"payload");
    let (egress, packet) = Site::new().reset4(&segment, HOSTS).unwrap();
    let (header, reset) = read_tcp(&packet);
    assert_eq!(egress, HOSTS);
    assert_eq!((header.source, header.destination), (octets4(REMOTE), octets4(HOST)));
    assert_eq!((header.time_to_live, header.identification, header.dont_fragment), (64, 0, true));
    assert_eq!((header.dscp.value(), header.ecn.value(), packet.len()), (0, 0, 40));
    assert_eq!((reset.source_port, reset.destination_port), (443, 40_000));
    assert_eq!((reset.sequence_number, reset.acknowledgment_number, reset.window_size), (2_000, 0, 0));
    assert_eq!((reset.rst, reset.ack, reset.syn, reset.fin, reset.psh), (true, false, false, false, false));
}

#[test]
fn a_segment_without_ack_is_reset_behind_all_that_it_holds_mwan_2() {
    type Edit = fn(&mut TcpHeader);
    let cases: [(&str, Edit, &[u8], u32); 6] = [
        ("SYN", |segment| segment.syn = true, b"", 1_001),
        ("FIN", |segment| segment.fin = true, b"", 1_001),
        ("SYN and FIN", |segment| (segment.syn, segment.fin) = (true, true), b"", 1_002),
        ("nothing but data", |_| {}, b"12345", 1_005),
        ("FIN and data", |segment| segment.fin = true, b"12345", 1_006),
        ("the end of the sequence space", |segment| segment.sequence_number = u32::MAX, b"12", 1),
    ];
    for (name, edit, payload, acknowledgement) in cases {
        let (_, packet) = Site::new().reset4(&tcp4(edit, payload), HOSTS).unwrap();
        let (_, reset) = read_tcp(&packet);
        assert_eq!((reset.sequence_number, reset.acknowledgment_number), (0, acknowledgement), "{name}");
        assert_eq!((reset.rst, reset.ack, reset.syn, reset.fin), (true, true, false, false), "{name}");
    }
}

#[test]
fn options_of_a_segment_are_no_payload_mwan_2() {
    let with_options = |segment: &mut TcpHeader| {
        segment.syn = true;
        segment.set_options_raw(&[2, 4, 5, 0xb4, 1, 1, 4, 2]).unwrap();
    };
    let (_, packet) = Site::new().reset4(&tcp4(with_options, &[]), HOSTS).unwrap();
    assert_eq!(read_tcp(&packet).1.acknowledgment_number, 1_001);
}

#[test]
fn a_reset_is_never_answered_mwan_2() {
    let mut site = Site::new();
    assert_eq!(site.reset4(&tcp4(|segment| (segment.rst, segment.ack) = (true, true), &[]), HOSTS), None);
    assert!(site.nothing_counted());
}

#[test]
fn a_reset_leaves_by_the_device_its_offender_came_in_by_mwan_2() {
    let mut segment = tcp4(|segment| segment.syn = true, &[]);
    segment[12..16].copy_from_slice(&octets4("10.9.1.1"));
    let segment = with_checksum4(segment);
    // The route of 10.9.0.0/16 leads to the servers' device.
    let (egress, packet) = Site::new().reset4(&segment, HOSTS).unwrap();
    assert_eq!((egress, read_tcp(&packet).0.destination), (HOSTS, octets4("10.9.1.1")));
}

// ---- A site ----

/// Everything an own error may touch; each call returns the output that it made.
struct Site {
    plan: Plan,
    counters: Counters,
    neighbours: Neighbours,
    outputs: OutputPool,
    news: Outbox,
    keep_outputs: bool,
    errors: OwnErrors,
    now: Instant,
}

impl Site {
    fn new() -> Self {
        Self::with_rate(RateSpec { per_second: 100, burst: 100 })
    }

    fn with_rate(error_rate: RateSpec) -> Self {
        Self {
            plan: Plan::new(PlanSpec { error_rate, ..spec() }).unwrap(),
            counters: Counters::new(),
            neighbours: Neighbours::new(16, [7; 16]),
            outputs: OutputPool::new(),
            news: Outbox::new(Share::ALONE),
            keep_outputs: false,
            errors: OwnErrors::new(),
            now: Instant::from_micros(1),
        }
    }

    fn error4(&mut self, offender: &[u8], ingress: DeviceIndex, error: IcmpError) -> Option<(DeviceIndex, Vec<u8>)> {
        self.run(|errors, context, neighbours| errors.error4(context, neighbours, offender, ingress, error))
    }

    fn error6(&mut self, offender: &[u8], ingress: DeviceIndex, error: IcmpError) -> Option<(DeviceIndex, Vec<u8>)> {
        self.run(|errors, context, neighbours| errors.error6(context, neighbours, offender, ingress, error))
    }

    fn reset4(&mut self, offender: &[u8], ingress: DeviceIndex) -> Option<(DeviceIndex, Vec<u8>)> {
        self.run(|errors, context, neighbours| errors.reset4(context, neighbours, offender, ingress))
    }

    fn run(
        &mut self,
        act: impl FnOnce(&mut OwnErrors, &mut Context<'_>, &mut Neighbours),
    ) -> Option<(DeviceIndex, Vec<u8>)> {
        if !self.keep_outputs {
            self.outputs.clear();
        }
        let before = self.outputs.len();
        let (outputs, news) = (&mut self.outputs, &mut self.news);
        let mut context = Context { plan: &self.plan, now: self.now, outputs, counters: &self.counters, news };
        act(&mut self.errors, &mut context, &mut self.neighbours);
        assert!(self.outputs.len() <= before + 1, "one offender, at most one answer");
        let made = self.outputs.iter().nth(before);
        made.map(|(output, octets)| (output.egress, octets.to_vec()))
    }

    /// Whether no output was made, and none was suppressed.
    fn nothing_counted(&self) -> bool {
        OutputKind::ALL.iter().all(|kind| self.counters.output(*kind) == 0)
            && Suppressed::ALL.iter().all(|what| self.counters.suppressed(*what) == 0)
    }
}

fn spec() -> PlanSpec {
    let device = |link, role, ipv4: &[(&str, u8)], ipv6: &[(&str, u8)]| DeviceSpec {
        link,
        role,
        mtu: 1500,
        ipv4: ipv4.iter().map(|(text, length)| (address4(text), *length)).collect(),
        ipv6: ipv6.iter().map(|(text, length)| (address6(text), *length)).collect(),
        advertise: None,
    };
    let uplink = |slot: u8, gateway: &str, external: &str| UplinkSpec {
        slot,
        epoch: 0,
        device: u16::from(slot) + 2,
        ipv4: Some(Uplink4Spec {
            usable: true,
            last_resort: true,
            gateway: Some(address4(gateway)),
            pool: vec![address4(external)],
            ports: (1024, 65_535),
            nat44: true,
            mss_clamp: None,
            reserved: Vec::new(),
        }),
        ipv6: Some(Uplink6Spec {
            usable: true,
            last_resort: true,
            gateway: None,
            pairs: vec![],
            mss_clamp: None,
            proxy_neighbours: false,
        }),
    };
    let ethernet = LinkSpec::Ethernet([2, 0, 0, 0, 0, 4]);
    PlanSpec {
        generation: 1,
        devices: vec![
            device(LinkSpec::Ip, RoleSpec::Internal, &[("10.0.0.1", 24), ("10.0.2.1", 25)], &[("fd00:1::1", 64)]),
            device(LinkSpec::Ip, RoleSpec::Internal, &[("10.1.0.1", 24)], &[("fd00:2::1", 64)]),
            device(LinkSpec::Ip, RoleSpec::Uplink(0), &[("192.0.2.1", 24)], &[("2001:db8:a::1", 64)]),
            device(LinkSpec::Ip, RoleSpec::Uplink(1), &[], &[]),
            device(ethernet, RoleSpec::Uplink(2), &[("198.51.100.1", 24)], &[]),
        ],
        routes: vec![
            RouteSpec::V4(address4("10.9.0.0"), 16, 1, address4("10.1.0.2")),
            RouteSpec::V6(address6("fd00:9::"), 32, 1, address6("fd00:2::2")),
        ],
        uplinks: vec![
            uplink(0, "192.0.2.254", "192.0.2.1"),
            uplink(1, "192.0.2.254", "192.0.2.2"),
            uplink(2, "198.51.100.254", "198.51.100.1"),
        ],
        policies: vec![PolicySpec { prefer: vec![0, 1, 2], ..PolicySpec::default() }],
        ..PlanSpec::default()
    }
}
