//! Packets: valid ones of every kind that the engine knows, and damage done to them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::site::v4;

/// A packet described by what tests vary; written by [`Packet4::octets`].
#[derive(Clone, Debug)]
pub struct Packet4 {
    pub source: u32,
    pub destination: u32,
    pub ttl: u8,
    /// Flags and fragment offset.
    pub fragment: u16,
    pub options: Vec<u8>,
    pub protocol: u8,
    pub transport: Vec<u8>,
}

impl Packet4 {
    pub fn new(source: u32, destination: u32, protocol: u8, transport: Vec<u8>) -> Self {
        Self { source, destination, ttl: 64, fragment: 0, options: Vec::new(), protocol, transport }
    }

    /// The packet with its checksums.
    pub fn octets(&self) -> Vec<u8> {
        let header_len = 20 + self.options.len();
        let mut packet = vec![0x40 | (header_len / 4) as u8, 0];
        packet.extend(((header_len + self.transport.len()) as u16).to_be_bytes());
        packet.extend([0x12, 0x34]);
        packet.extend(self.fragment.to_be_bytes());
        packet.extend([self.ttl, self.protocol, 0, 0]);
        packet.extend(self.source.to_be_bytes());
        packet.extend(self.destination.to_be_bytes());
        packet.extend(&self.options);
        packet.extend(&self.transport);
        repair_header(&mut packet);
        repair_transport(&mut packet);
        packet
    }
}

pub fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len()) as u16;
    let words = [source, destination, length, 0].map(u16::to_be_bytes);
    [words.as_flattened(), payload].concat()
}

pub fn tcp(source: u16, destination: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    let ports = [source, destination].map(u16::to_be_bytes);
    let rest = [0, 0, 0, 1, 0, 0, 0, 2, 0x50, flags, 1, 0, 0, 0, 0, 0];
    [ports.as_flattened(), &rest, payload].concat()
}

pub fn echo(kind: u8, identifier: u16, payload: &[u8]) -> Vec<u8> {
    let [high, low] = identifier.to_be_bytes();
    [&[kind, 0, 0, 0, high, low, 0, 1], payload].concat()
}

pub fn icmp_error(kind: u8, quote: &[u8]) -> Vec<u8> {
    [&[kind, 1, 0, 0, 0, 0, 0, 0], quote].concat()
}

/// One's complement sum of octets, folded.
pub fn sum(parts: &[&[u8]]) -> u16 {
    let mut total: u64 = 0;
    for part in parts {
        for pair in part.chunks(2) {
            total += u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        }
    }
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}

/// Sum of all that the transport checksum of an IPv4 packet covers: 0xffff where it is right.
pub fn transport_sum(packet: &[u8]) -> u16 {
    let header_len = usize::from(packet[0] & 15) * 4;
    let mut transport = &packet[header_len..];
    if packet[9] == 17 {
        transport = &transport[..usize::from(u16::from_be_bytes([transport[4], transport[5]]))];
    }
    if packet[9] == 1 {
        return sum(&[transport]);
    }
    let length = (transport.len() as u16).to_be_bytes();
    sum(&[&packet[12..20], &[0, packet[9]], &length, transport])
}

pub fn repair_header(packet: &mut [u8]) {
    let header_len = usize::from(packet[0] & 15) * 4;
    if header_len < 20 || header_len > packet.len() {
        return;
    }
    packet[10..12].fill(0);
    let value = !sum(&[&packet[..header_len]]);
    packet[10..12].copy_from_slice(&value.to_be_bytes());
}

/// Writes a right transport checksum, if the packet has a whole header of a known transport.
fn repair_transport(packet: &mut [u8]) {
    let header_len = usize::from(packet[0] & 15) * 4;
    let (place, least) = match packet[9] {
        1 => (2, 8),
        6 => (16, 20),
        17 => (6, 8),
        _ => return,
    };
    let place = header_len + place;
    if packet.len() < header_len + least || packet[9] == 17 && has_wrong_udp_length(&packet[header_len..]) {
        return;
    }
    packet[place..place + 2].fill(0);
    let value = match !transport_sum(packet) {
        0 if packet[9] == 17 => 0xffff,
        value => value,
    };
    packet[place..place + 2].copy_from_slice(&value.to_be_bytes());
}

fn has_wrong_udp_length(datagram: &[u8]) -> bool {
    usize::from(u16::from_be_bytes([datagram[4], datagram[5]])) > datagram.len()
}

pub fn address4() -> impl Strategy<Value = u32> + Clone {
    prop_oneof![
        6 => select(vec![
            v4([10, 0, 0, 5]), v4([10, 0, 0, 6]), v4([10, 0, 1, 7]), v4([10, 1, 2, 3]), v4([10, 0, 0, 77]),
            v4([198, 51, 100, 2]), v4([198, 51, 100, 3]), v4([203, 0, 113, 2]), v4([192, 0, 2, 9]), v4([192, 0, 2, 10]),
        ]),
        1 => select(vec![
            v4([10, 0, 0, 1]), v4([10, 0, 0, 255]), v4([198, 51, 100, 1]), v4([203, 0, 113, 255]), v4([192, 168, 9, 2]),
            v4([127, 0, 0, 1]), v4([0, 0, 0, 0]), v4([224, 0, 0, 5]), v4([239, 1, 1, 1]), u32::MAX, v4([240, 0, 0, 1]),
        ]),
        1 => any::<u32>(),
    ]
}

pub fn port() -> impl Strategy<Value = u16> + Clone {
    prop_oneof![4 => select(vec![0, 1, 53, 1023, 1024, 5000, 5001, u16::MAX]), 1 => any::<u16>()]
}

pub fn payload() -> impl Strategy<Value = Vec<u8>> + Clone {
    prop_oneof![
        6 => vec(any::<u8>(), 0..40),
        1 => (500_usize..1600, any::<u8>()).prop_map(|(length, octet)| vec![octet; length]),
        1 => (4_000_usize..65_000, any::<u8>()).prop_map(|(length, octet)| vec![octet; length]),
    ]
}

pub fn tcp_flags() -> impl Strategy<Value = u8> + Clone {
    prop_oneof![3 => select(vec![0x02, 0x12, 0x10, 0x11, 0x04, 0x14]), 1 => any::<u8>()]
}

fn query() -> impl Strategy<Value = (u8, Vec<u8>)> + Clone {
    prop_oneof![
        (port(), port(), payload()).prop_map(|(source, destination, payload)| (17, udp(source, destination, &payload))),
        (port(), port(), tcp_flags(), payload())
            .prop_map(|(source, destination, flags, payload)| (6, tcp(source, destination, flags, &payload))),
        (select(vec![0, 8, 13]), port(), payload()).prop_map(|(kind, id, payload)| (1, echo(kind, id, &payload))),
        (any::<u8>(), payload()),
    ]
}

fn options() -> impl Strategy<Value = Vec<u8>> + Clone {
    prop_oneof![
        8 => Just(Vec::new()),
        1 => vec(any::<u8>(), 1..40).prop_map(|mut options| { options.resize(options.len() / 4 * 4, 0); options }),
        1 => Just(vec![7, 7, 4, 0, 0, 0, 0, 0]),
    ]
}

fn fragment() -> impl Strategy<Value = u16> + Clone {
    prop_oneof![10 => select(vec![0, 0x4000]), 1 => any::<u16>(), 1 => select(vec![0x2000, 0x00b9, 0x3fff, 0x1fff])]
}

fn ttl() -> impl Strategy<Value = u8> + Clone {
    prop_oneof![8 => Just(64), 1 => 0_u8..3, 1 => any::<u8>()]
}

fn plain4() -> impl Strategy<Value = Packet4> + Clone {
    (address4(), address4(), ttl(), fragment(), options(), query()).prop_map(
        |(source, destination, ttl, fragment, options, (protocol, mut transport))| {
            transport.truncate(65_000);
            Packet4 { source, destination, ttl, fragment, options, protocol, transport }
        },
    )
}

/// IPv4 packets with right checksums, ICMP errors about such packets included.
pub fn packet4() -> impl Strategy<Value = Vec<u8>> {
    let error = (plain4(), address4(), select(vec![3, 11, 12, 4, 5]), 8_usize..200, any::<bool>(), any::<bool>());
    prop_oneof![
        3 => plain4().prop_map(|packet| packet.octets()),
        2 => error.prop_map(|(quoted, reporter, kind, length, is_returned, has_length)| {
            let mut quote = quoted.octets();
            quote.truncate(length);
            let destination = if is_returned { quoted.source } else { quoted.destination };
            let mut message = icmp_error(kind, &quote);
            message[5] = if has_length { (quote.len() / 4) as u8 } else { 0 };
            Packet4::new(reporter, destination, 1, message).octets()
        }),
    ]
}

pub fn address6() -> impl Strategy<Value = u128> + Clone {
    let known = [
        "fd00:1::5",
        "fd00:1::6",
        "fd00:1:0:1::7",
        "fd00:1::1",
        "fd00:1:ffff::1",
        "fd00:1::",
        "fd00:1:9::5",
        "2001:db8:a100::5",
        "2001:db8:a100:1::7",
        "2001:db8:b100::5",
        "2001:db8:a::2",
        "2001:db8:a::1",
        "2001:db8:b::2",
        "2001:db8:ffff::9",
        "fe80::5",
        "fe80::ff:fe00:1",
        "::",
        "::1",
        "ff02::1",
        "ff02::1:ff00:1",
        "ff0e::1",
        "::ffff:10.0.0.5",
        "2001:db8:a100:0:ffff:ffff:ffff:ffff",
        "fd00:1::ffff:ffff:ffff:ffff",
    ];
    let known: Vec<u128> = known.iter().map(|text| super::site::v6(text)).collect();
    prop_oneof![9 => select(known), 1 => any::<u128>()]
}

fn extension() -> impl Strategy<Value = (u8, Vec<u8>)> + Clone {
    prop_oneof![
        select(vec![0, 43, 60, 135, 139, 140])
            .prop_flat_map(|kind| { vec(any::<u8>(), 6).prop_map(move |rest| (kind, [&[0, 0], &rest[..]].concat())) }),
        prop_oneof![4 => Just(0), 1 => any::<u16>()]
            .prop_map(|offset| (44, [&[0, 0][..], &offset.to_be_bytes(), &[0, 0, 0, 7]].concat())),
    ]
}

fn upper6() -> impl Strategy<Value = (u8, Vec<u8>)> + Clone {
    let discovery = (133_u8..=137, any::<u8>(), address6(), vec((0_u8..5, 0_u8..3), 0..3)).prop_map(
        |(kind, flags, target, options)| {
            let mut message = [&[kind, 0, 0, 0, flags, 0, 0, 0][..], &target.to_be_bytes()].concat();
            for (kind, units) in options {
                message.extend([kind, units]);
                message.extend(HOST_OCTETS.iter().cycle().take((usize::from(units) * 8).saturating_sub(2)));
            }
            (58, message)
        },
    );
    prop_oneof![
        2 => query(),
        2 => (prop_oneof![select(vec![128_u8, 129, 1, 2, 3, 4]), any::<u8>()], port(), payload())
            .prop_map(|(kind, id, payload)| (58, echo(kind, id, &payload))),
        2 => discovery,
    ]
}

const HOST_OCTETS: [u8; 6] = super::site::HOST_MAC;

fn build6(
    source: u128,
    destination: u128,
    hop_limit: u8,
    extensions: &[(u8, Vec<u8>)],
    upper: (u8, Vec<u8>),
) -> Vec<u8> {
    let (protocol, mut message) = upper;
    message.truncate(64_000);
    if protocol == 58 && message.len() >= 4 {
        let length = (message.len() as u32).to_be_bytes();
        let value = !sum(&[&source.to_be_bytes(), &destination.to_be_bytes(), &length, &[0, 58], &message]);
        message[2..4].copy_from_slice(&value.to_be_bytes());
    }
    let kinds = extensions.iter().map(|(kind, _)| *kind).chain([protocol]);
    let mut kinds = kinds.collect::<Vec<u8>>().into_iter();
    let first = kinds.next().unwrap_or(protocol);
    let length = message.len() + extensions.iter().map(|(_, octets)| octets.len()).sum::<usize>();
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((length as u16).to_be_bytes());
    packet.extend([first, hop_limit]);
    packet.extend(source.to_be_bytes());
    packet.extend(destination.to_be_bytes());
    for ((_, octets), next) in extensions.iter().zip(kinds) {
        packet.push(next);
        packet.extend(&octets[1..]);
    }
    packet.extend(message);
    packet
}

/// IPv6 packets with right ICMPv6 checksums, errors about such packets included.
pub fn packet6() -> impl Strategy<Value = Vec<u8>> {
    let hop_limit = prop_oneof![4 => Just(64_u8), 3 => Just(255), 1 => 0_u8..3];
    let extensions = prop_oneof![3 => Just(Vec::new()), 1 => vec(extension(), 1..10)];
    let plain = (address6(), address6(), hop_limit, extensions, upper6());
    let plain = plain.prop_map(|(source, destination, hop_limit, extensions, upper)| {
        (source, destination, build6(source, destination, hop_limit, &extensions, upper))
    });
    let error = (plain.clone(), address6(), 1_u8..5, 20_usize..300, any::<bool>());
    prop_oneof![
        3 => plain.prop_map(|(_, _, packet)| packet),
        2 => error.prop_map(|((source, destination, mut quote), reporter, kind, length, is_returned)| {
            quote.truncate(length);
            let to = if is_returned { source } else { destination };
            build6(reporter, to, 64, &[], (58, icmp_error(kind, &quote)))
        }),
    ]
}

/// What is done to a packet on its way.
#[derive(Clone, Debug)]
pub struct Damage {
    /// Place (modulo the length; mostly in the headers) and new octet.
    overwritten: Vec<(u16, u8)>,
    cut: Option<u16>,
    padded: u8,
    /// Whether the header checksum is made right again, so that later checks are reached.
    repaired: bool,
}

pub fn damage() -> impl Strategy<Value = Damage> {
    let place = prop_oneof![6 => 0_u16..60, 1 => any::<u16>()];
    let octet = prop_oneof![1 => select(vec![0, 1, 0x7f, 0x80, 0xff]), 1 => any::<u8>()];
    (vec((place, octet), 0..4), proptest::option::weighted(0.2, any::<u16>()), 0_u8..20, any::<bool>())
        .prop_map(|(overwritten, cut, padded, repaired)| Damage { overwritten, cut, padded, repaired })
}

impl Damage {
    pub fn apply(&self, mut packet: Vec<u8>) -> Vec<u8> {
        for (place, octet) in &self.overwritten {
            let place = usize::from(*place) % packet.len();
            packet[place] = *octet;
        }
        if let Some(cut) = self.cut {
            packet.truncate(usize::from(cut) % packet.len());
        }
        packet.resize(packet.len() + usize::from(self.padded), 0xa5);
        if self.repaired && packet.len() >= 20 && packet[0] >> 4 == 4 {
            repair_header(&mut packet);
        }
        packet
    }
}
