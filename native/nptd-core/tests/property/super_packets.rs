//! A super-packet fares as its packets would one by one (docs/decisions.md, "Offloads"): two engines, one gets the whole, the
//! other one its packets, cut here by code that the engine does not use.

use nptd_core::frame::{ChecksumState, DeviceIndex, Offloads, Segmentation};
use nptd_core::plan::spec::*;
use nptd_core::session::filtering::Filtering;
use nptd_core::verdict::{OutputKind, Verdict};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::packets::{Packet4, sum, tcp, udp};
use super::site::{
    CABLE, HOST, HOSTS, Leaving, REMOTE, Site, TUNNEL, arp_request, framed, packet_of, runner, spec, v6,
};

const HOST_PORT: u16 = 4_000;
const REMOTE_PORT: u16 = 443;
const HOST6: &str = "fd00:1::5";
const REMOTE6: &str = "2001:db8:ffff::9";

/// One super-packet.
#[derive(Clone, Debug)]
struct Step {
    is_ipv6: bool,
    is_tcp: bool,
    from: From,
    flags: u8,
    /// DF and the like.
    fragment: u16,
    hop_limit: u8,
    size: u16,
    payload: usize,
    /// Whether time passes before it, so that sessions may end.
    pause_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum From {
    Site,
    Uplink,
    /// From the site, to the external endpoint of the same host.
    Hairpin,
    /// From a port that has no session yet.
    NewPort,
}

fn step() -> impl Strategy<Value = Step> {
    let flags = prop_oneof![
        6 => select(vec![0x10_u8, 0x18, 0x50]),
        2 => select(vec![0x11_u8, 0x19, 0x90, 0x98]),
        1 => select(vec![0x14_u8, 0x04, 0x02, 0x12, 0xff, 0]),
    ];
    let from = select(vec![From::Site, From::Site, From::Uplink, From::Uplink, From::Hairpin, From::NewPort]);
    let fragment = prop_oneof![3 => Just(0x4000_u16), 1 => Just(0)];
    let hop_limit = prop_oneof![8 => Just(64_u8), 1 => 0_u8..3];
    let size =
        prop_oneof![3 => select(vec![1_u16, 100, 536, 1_200, 1_320, 1_340, 1_360, 1_448, 9_000]), 1 => 1_u16..3_000];
    let payload = prop_oneof![4 => 1_usize..6_000, 1 => 6_000_usize..20_000];
    let pause_ms = prop_oneof![8 => Just(0_u64), 1 => Just(400_000)];
    (any::<(bool, bool)>(), from, flags, fragment, hop_limit, size, payload, pause_ms).prop_map(
        |((is_ipv6, is_tcp), from, flags, fragment, hop_limit, size, payload, pause_ms)| {
            // Many tiny packets would fill the pool of outputs.
            let payload = payload.min(usize::from(size) * 40);
            Step { is_ipv6, is_tcp, from, flags, fragment, hop_limit, size, payload, pause_ms }
        },
    )
}

/// What both engines are like.
#[derive(Clone, Copy, Debug)]
struct Setting {
    takes: Offloads,
    by_cable: bool,
    has_filter: bool,
}

fn setting() -> impl Strategy<Value = Setting> {
    let all = Offloads { checksum: true, tcp: true, udp: true };
    let takes = select(vec![
        all,
        all,
        Offloads { udp: false, ..all },
        Offloads { checksum: true, ..Offloads::default() },
        Offloads::default(),
    ]);
    (takes, any::<bool>(), any::<bool>()).prop_map(|(takes, by_cable, has_filter)| Setting {
        takes,
        by_cable,
        has_filter,
    })
}

impl Setting {
    fn spec(self) -> PlanSpec {
        let mut spec = spec();
        spec.policies =
            vec![PolicySpec { prefer: if self.by_cable { vec![0, 1] } else { vec![1, 0] }, ..PolicySpec::default() }];
        spec.nat44.filtering_udp = Filtering::EndpointIndependent;
        spec.filter6 = self.has_filter.then(|| Filter6Spec {
            filtering_udp: Filtering::EndpointIndependent,
            filtering_tcp: Filtering::EndpointIndependent,
            filtering_other: Filtering::EndpointIndependent,
            ipsec: true,
            published: Vec::new(),
        });
        spec
    }

    fn uplink(self) -> DeviceIndex {
        if self.by_cable { CABLE } else { TUNNEL }
    }

    fn site(self) -> Site {
        let mut site = Site::new(self.spec(), 1_024, 1_024);
        for octet in [5, 6, 254] {
            site.send(
                HOSTS,
                &arp_request(
                    0,
                    super::site::HOST_MAC,
                    super::site::v4([10, 0, 0, octet]),
                    super::site::v4([10, 0, 0, 1]),
                ),
            );
        }
        site.introduce_gateways();
        site
    }
}

/// Where flows of a family and protocol leave: external address and port.
type External = (u128, u16);

fn is_tcp(packet: &[u8]) -> bool {
    protocol(packet) == 6
}

fn protocol(packet: &[u8]) -> u8 {
    if packet[0] >> 4 == 4 { packet[9] } else { packet[6] }
}

fn transport_at(packet: &[u8]) -> usize {
    if packet[0] >> 4 == 4 { usize::from(packet[0] & 15) * 4 } else { 40 }
}

fn field_at(packet: &[u8]) -> usize {
    transport_at(packet) + if is_tcp(packet) { 16 } else { 6 }
}

/// Folded sum of the pseudo-header of a packet.
fn pseudo(packet: &[u8]) -> u16 {
    let addresses = if packet[0] >> 4 == 4 { &packet[12..20] } else { &packet[8..40] };
    let length = ((packet.len() - transport_at(packet)) as u32).to_be_bytes();
    sum(&[addresses, &length, &[0, protocol(packet)]])
}

/// The packets of a super-packet, all sums computed anew.
fn cut(whole: &[u8], size: usize) -> Vec<Vec<u8>> {
    let transport = transport_at(whole);
    let headers = transport + if is_tcp(whole) { usize::from(whole[transport + 12] >> 4) * 4 } else { 8 };
    let pieces: Vec<&[u8]> = whole[headers..].chunks(size).collect();
    let count = pieces.len();
    let made = pieces.into_iter().enumerate().map(|(index, piece)| {
        let mut packet = [&whole[..headers], piece].concat();
        let length = packet.len() as u16;
        if packet[0] >> 4 == 4 {
            let id = u16::from_be_bytes([packet[4], packet[5]]).wrapping_add(index as u16);
            packet[2..4].copy_from_slice(&length.to_be_bytes());
            packet[4..6].copy_from_slice(&id.to_be_bytes());
            super::packets::repair_header(&mut packet);
        } else {
            packet[4..6].copy_from_slice(&(length - 40).to_be_bytes());
        }
        if is_tcp(&packet) {
            let sequence = u32::from_be_bytes(packet[transport + 4..transport + 8].try_into().unwrap());
            let sequence = sequence.wrapping_add((index * size) as u32);
            packet[transport + 4..transport + 8].copy_from_slice(&sequence.to_be_bytes());
            packet[transport + 13] &= if index + 1 < count { !0x09 } else { 0xff };
            packet[transport + 13] &= if index > 0 { !0x80 } else { 0xff };
        } else {
            let length = (packet.len() - transport) as u16;
            packet[transport + 4..transport + 6].copy_from_slice(&length.to_be_bytes());
        }
        finish(&mut packet);
        packet
    });
    made.collect()
}

fn finish(packet: &mut [u8]) {
    let field = field_at(packet);
    packet[field..field + 2].fill(0);
    let value = match !sum(&[&pseudo(packet).to_be_bytes(), &packet[transport_at(packet)..]]) {
        0 => 0xffff,
        value => value,
    };
    packet[field..field + 2].copy_from_slice(&value.to_be_bytes());
}

fn leave_unfinished(packet: &mut [u8]) {
    let (field, value) = (field_at(packet), pseudo(packet));
    packet[field..field + 2].copy_from_slice(&value.to_be_bytes());
}

fn build(is_ipv6: bool, ends: [(u128, u16); 2], step: &Step, flags: u8, payload: &[u8]) -> Vec<u8> {
    let [(source, source_port), (destination, destination_port)] = ends;
    let number = if step.is_tcp { 6 } else { 17 };
    let transport = if step.is_tcp {
        tcp(source_port, destination_port, flags, payload)
    } else {
        udp(source_port, destination_port, payload)
    };
    if !is_ipv6 {
        let packet = Packet4::new(source as u32, destination as u32, number, transport);
        return Packet4 { ttl: step.hop_limit, fragment: step.fragment, ..packet }.octets();
    }
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((transport.len() as u16).to_be_bytes());
    packet.extend([number, step.hop_limit]);
    packet.extend(source.to_be_bytes());
    packet.extend(destination.to_be_bytes());
    packet.extend(transport);
    finish(&mut packet);
    packet
}

/// A packet, of which a failure shows the headers only.
#[derive(PartialEq)]
struct Packet(Vec<u8>);

impl std::fmt::Debug for Packet {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{}: {:02x?}", self.0.len(), &self.0[..self.0.len().min(64)])
    }
}

/// What has left, as links would carry it.
#[derive(Debug, Default, PartialEq)]
struct Left {
    packets: Vec<(DeviceIndex, Packet)>,
    answers: Vec<(DeviceIndex, Packet)>,
}

impl Left {
    fn take(&mut self, spec: &PlanSpec, takes: Offloads, leaving: Vec<Leaving>) {
        for Leaving { device, kind, octets, checksum, segmentation } in leaving {
            let packet = packet_of(spec, device, &octets);
            match kind {
                Some(OutputKind::IcmpError | OutputKind::TcpReset) => {
                    self.answers.push((device, Packet(packet.to_vec())));
                    continue;
                }
                Some(OutputKind::NeighbourRequest) => continue,
                _ => {}
            }
            assert!(takes.takes(segmentation) && (takes.checksum || checksum == ChecksumState::Complete));
            if let ChecksumState::Partial { start, offset } = checksum {
                let field = usize::from(start) + usize::from(offset);
                assert_eq!(field + packet.len() - octets.len(), field_at(packet));
                let found = u16::from_be_bytes([octets[field], octets[field + 1]]);
                assert_eq!(found % 0xffff, pseudo(packet) % 0xffff, "an unfinished sum is that of the pseudo-header");
                let size = match segmentation {
                    Segmentation::None => usize::from(u16::MAX),
                    Segmentation::Tcp4(size) | Segmentation::Tcp6(size) | Segmentation::Udp(size) => usize::from(size),
                };
                self.packets.extend(cut(packet, size).into_iter().map(|packet| (device, Packet(packet))));
            } else {
                assert_eq!(segmentation, Segmentation::None);
                self.packets.push((device, Packet(packet.to_vec())));
            }
        }
    }
}

/// Two engines that shall stay alike.
struct Pair {
    setting: Setting,
    whole: Site,
    single: Site,
    /// By family and protocol.
    external: [[External; 2]; 2],
}

impl Pair {
    fn new(setting: Setting) -> Self {
        let (mut whole, single) = (setting.site(), setting.site());
        (0..5).for_each(|device| whole.engine.set_offloads(DeviceIndex(device), setting.takes));
        let mut pair = Self { setting, whole, single, external: [[(0, 0); 2]; 2] };
        for (is_ipv6, is_tcp) in [(false, false), (false, true), (true, false), (true, true)] {
            pair.open(is_ipv6, is_tcp);
        }
        pair
    }

    fn open(&mut self, is_ipv6: bool, is_tcp: bool) {
        let from = From::Site;
        let step =
            Step { is_ipv6, is_tcp, from, flags: 2, fragment: 0, hop_limit: 64, size: 1, payload: 0, pause_ms: 0 };
        let packet = build(is_ipv6, self.ends(&step), &step, 0x02, b"");
        let [first, second] = [&mut self.whole, &mut self.single].map(|site| site.send_packet(HOSTS, &packet));
        assert_eq!(first.after, second.after);
        let left = packet_of(&self.whole.spec, first.egress, &first.after);
        let at = transport_at(left);
        let address = if is_ipv6 {
            u128::from_be_bytes(left[8..24].try_into().unwrap())
        } else {
            u128::from(u32::from_be_bytes(left[12..16].try_into().unwrap()))
        };
        let port = u16::from_be_bytes([left[at], left[at + 1]]);
        self.external[usize::from(is_ipv6)][usize::from(is_tcp)] = (address, port);
        let answer = Step { from: From::Uplink, ..step };
        let packet = build(is_ipv6, self.ends(&answer), &answer, 0x12, b"");
        let uplink = self.setting.uplink();
        for site in [&mut self.whole, &mut self.single] {
            assert_eq!(site.send_packet(uplink, &packet).verdict, Verdict::Forward);
        }
    }

    fn ends(&self, step: &Step) -> [(u128, u16); 2] {
        let (host, remote) =
            if step.is_ipv6 { (v6(HOST6), v6(REMOTE6)) } else { (u128::from(HOST), u128::from(REMOTE)) };
        let external = self.external[usize::from(step.is_ipv6)][usize::from(step.is_tcp)];
        let (host, remote) = ((host, HOST_PORT), (remote, REMOTE_PORT));
        match step.from {
            From::Site => [host, remote],
            From::NewPort => [(host.0, HOST_PORT + 1), remote],
            From::Uplink => [remote, external],
            From::Hairpin => [host, external],
        }
    }

    /// Sends one super-packet; false where the two engines have to part: a short last packet may fit where the others,
    /// and so the whole, did not.
    fn send(&mut self, step: &Step) -> bool {
        let payload: Vec<u8> = (0..step.payload).map(|place| (place * 7 / 3) as u8).collect();
        let mut packet = build(step.is_ipv6, self.ends(step), step, step.flags, &payload);
        let singles = cut(&packet, usize::from(step.size));
        leave_unfinished(&mut packet);
        let ingress = if step.from == From::Uplink { self.setting.uplink() } else { HOSTS };
        for site in [&mut self.whole, &mut self.single] {
            site.advance(step.pause_ms);
            site.settle();
        }
        let spec = self.whole.spec.clone();
        let segmentation = match (step.is_tcp, step.is_ipv6) {
            (true, false) => Segmentation::Tcp4(step.size),
            (true, true) => Segmentation::Tcp6(step.size),
            (false, _) => Segmentation::Udp(step.size),
        };
        let octets = framed(&spec, ingress, &packet);
        let start = (octets.len() - packet.len() + transport_at(&packet)) as u16;
        let checksum = ChecksumState::Partial { start, offset: (field_at(&packet) - transport_at(&packet)) as u16 };
        let (verdict, leaving) = self.whole.send_frame(ingress, &octets, checksum, segmentation);
        let (mut whole, mut single) = (Left::default(), Left::default());
        whole.take(&spec, self.setting.takes, leaving);
        for packet in &singles {
            let (_, leaving) = self.single.send_frame(
                ingress,
                &framed(&spec, ingress, packet),
                ChecksumState::Complete,
                Segmentation::None,
            );
            single.take(&spec, Offloads::default(), leaving);
        }
        if matches!(verdict, Verdict::Drop(_)) {
            single.answers.truncate(1);
            assert_eq!(whole.answers, single.answers, "{step:?}");
            assert!(whole.packets.is_empty());
            if single.packets.is_empty() {
                return true;
            }
            let last = singles.last().map(Vec::len);
            assert!(single.packets.len() == 1 && last < singles.first().map(Vec::len), "{step:?} {verdict:?}");
            return false;
        }
        assert_eq!(whole, single, "{step:?}");
        true
    }

    fn check(&mut self) {
        let sites = [&self.whole, &self.single];
        let [whole, single] =
            sites.map(|site| format!("{:?}{:?}{:?}", site.sessions(), site.mappings(), site.filter_rows()));
        assert_eq!(whole, single);
    }
}

#[test]
fn a_super_packet_fares_as_its_packets_one_by_one() {
    let strategy = (setting(), vec(step(), 1..12));
    runner(400)
        .run(&strategy, |(setting, steps)| {
            let mut pair = Pair::new(setting);
            for step in &steps {
                if !pair.send(step) {
                    return Ok(());
                }
                pair.check();
            }
            Ok(())
        })
        .unwrap();
}

/// Everything that an engine gives in answer to a frame and to the time after it, octet by octet, once it is finished.
fn all_of(site: &mut Site, ingress: DeviceIndex, octets: &[u8], checksum: ChecksumState) -> Vec<(DeviceIndex, String)> {
    let spec = site.spec.clone();
    let mut all = Vec::new();
    let mut keep = |device: DeviceIndex, octets: &[u8], checksum: ChecksumState| {
        let mut octets = octets.to_vec();
        if let ChecksumState::Partial { start, .. } = checksum {
            let packet = octets.len() - packet_of(&spec, device, &octets).len();
            assert_eq!(usize::from(start), packet + transport_at(&octets[packet..]));
            finish(&mut octets[packet..]);
        }
        all.push((device, format!("{octets:02x?}")));
    };
    let seen = site.send_as(ingress, octets, checksum);
    match seen.verdict {
        Verdict::Forward | Verdict::Reply => keep(seen.egress, &seen.after, seen.checksum),
        Verdict::Pass => {
            assert_eq!(seen.checksum, ChecksumState::Complete, "the control plane gets finished packets");
            keep(ingress, &seen.after, seen.checksum);
        }
        Verdict::Consumed | Verdict::Queued | Verdict::HandedOver(_) | Verdict::Drop(_) => {}
    }
    for (device, kind, octets) in seen.outputs {
        assert_ne!(kind, OutputKind::Released);
        keep(device, &octets, ChecksumState::Complete);
    }
    // Held packets are answered after 6 s, unresolved hops are given up after 3 s.
    for _ in 0..8 {
        site.advance(1_000);
        let waited = site.introduce_host();
        for (device, _, octets) in waited.into_iter().chain(site.tick_outputs()) {
            keep(device, &octets, ChecksumState::Complete);
        }
    }
    all
}

/// Ends of single packets: to the gateway itself, to hops that do not answer, to ports that nobody listens on, and those of
/// flows.
fn single_ends(pair: &Pair, step: &Step, case: u8) -> [(u128, u16); 2] {
    let ends = pair.ends(step);
    let place = |text4: [u8; 4], text6: &str| if step.is_ipv6 { v6(text6) } else { u128::from(super::site::v4(text4)) };
    match (case, step.from) {
        (0, From::Uplink) => [ends[0], (ends[1].0, 9_999)],
        (0, _) => [ends[0], (place([10, 0, 0, 1], "fd00:1::1"), 53)],
        (1, From::Site | From::NewPort) => [ends[0], (place([10, 0, 0, 77], "fd00:1::77"), 53)],
        _ => ends,
    }
}

#[test]
fn a_packet_fares_alike_whoever_finishes_its_checksum() {
    let strategy = (setting(), step(), 0_u8..4, any::<bool>());
    runner(600)
        .run(&strategy, |(setting, step, case, is_opening)| {
            let mut pair = Pair::new(setting);
            let step =
                Step { flags: if is_opening { 0x02 } else { step.flags }, payload: step.payload % 1_400, ..step };
            let payload: Vec<u8> = (0..step.payload).map(|place| place as u8).collect();
            let mut packet = build(step.is_ipv6, single_ends(&pair, &step, case), &step, step.flags, &payload);
            let ingress = if step.from == From::Uplink { setting.uplink() } else { HOSTS };
            let spec = pair.whole.spec.clone();
            let finished = all_of(&mut pair.single, ingress, &framed(&spec, ingress, &packet), ChecksumState::Complete);
            leave_unfinished(&mut packet);
            let octets = framed(&spec, ingress, &packet);
            let start = (octets.len() - packet.len() + transport_at(&packet)) as u16;
            let offset = (field_at(&packet) - transport_at(&packet)) as u16;
            let unfinished = all_of(&mut pair.whole, ingress, &octets, ChecksumState::Partial { start, offset });
            assert_eq!(unfinished, finished, "{step:?} {case}");
            pair.check();
            Ok(())
        })
        .unwrap();
}

/// What waits for its next hop in one piece is told of by its first packet, as its sender would have sent that.
#[test]
fn a_super_packet_that_cannot_be_delivered_is_quoted_by_its_first_packet() {
    let all = Offloads { checksum: true, tcp: true, udp: true };
    for is_ipv6 in [false, true] {
        let mut pair = Pair::new(Setting { takes: all, by_cable: true, has_filter: true });
        let step = Step {
            is_ipv6,
            is_tcp: false,
            from: From::Site,
            flags: 0,
            fragment: 0x4000,
            hop_limit: 64,
            size: 300,
            payload: 5_000,
            pause_ms: 0,
        };
        let ends = single_ends(&pair, &step, 1);
        let mut packet = build(is_ipv6, ends, &step, 0, &[0x5a; 5_000]);
        let first = cut(&packet, 300).swap_remove(0);
        leave_unfinished(&mut packet);
        let octets = framed(&pair.whole.spec, HOSTS, &packet);
        let checksum = ChecksumState::Partial { start: 14 + transport_at(&packet) as u16, offset: 6 };
        let (verdict, _) = pair.whole.send_frame(HOSTS, &octets, checksum, Segmentation::Udp(300));
        assert_eq!(verdict, Verdict::Queued);
        let mut errors = Vec::new();
        for _ in 0..8 {
            pair.whole.advance(1_000);
            let mut outputs = pair.whole.introduce_host();
            outputs.extend(pair.whole.tick_outputs());
            errors.extend(outputs.into_iter().filter(|(_, kind, _)| *kind == OutputKind::IcmpError));
        }
        assert_eq!(errors.len(), 1);
        let quote = &errors[0].2[14 + if is_ipv6 { 48 } else { 28 }..];
        assert_eq!(quote, &first[..quote.len()]);
        assert_eq!(quote.len(), first.len());
    }
}
