//! What goes out comes back as if nothing had happened, whatever the state of its checksum.

use nptd_core::frame::{ChecksumState, DeviceIndex};
use nptd_core::nat44::Protocol;
use nptd_core::session::filtering::Filtering;
use nptd_core::verdict::{OutputKind, Verdict};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::packets::{Packet4, echo, icmp_error, repair_header, sum, tcp, transport_sum, udp};
use super::sequences::{BOTH, small_spec};
use super::site::{HOSTS, REMOTE, Seen, Site, runner, v4};

/// Slot 0 without a link header, as `small_spec` has it.
const UPLINK: DeviceIndex = DeviceIndex(2);
const CHECKSUM_AT: [(u8, usize); 3] = [(1, 2), (6, 16), (17, 6)];

fn site() -> Site {
    let mut spec = small_spec(BOTH, 120_000, Filtering::AddressAndPortDependent);
    spec.uplinks.iter_mut().for_each(|uplink| uplink.ipv4.as_mut().unwrap().ports = (1024, 1030));
    Site::new(spec, 4_096, 4_096)
}

#[derive(Clone, Debug)]
struct Query {
    protocol: Protocol,
    host: u32,
    ports: (u16, u16),
    payload: Vec<u8>,
}

fn query() -> impl Strategy<Value = Query> {
    let protocol = select(vec![Protocol::UDP, Protocol::TCP, Protocol::ICMP]);
    (protocol, 2_u32..250, any::<(u16, u16)>(), vec(any::<u8>(), 0..60))
        .prop_map(|(protocol, host, ports, payload)| Query { protocol, host: v4([10, 0, 0, 0]) + host, ports, payload })
}

impl Query {
    fn outbound(&self) -> Vec<u8> {
        let (number, transport) = self.transport(8, self.ports.0, self.ports.1, 0x02);
        atomic(self.host, REMOTE, number, transport)
    }

    /// The answer to an external endpoint; of an ICMP query the port is the identifier.
    fn inbound(&self, address: u32, port: u16) -> Vec<u8> {
        let (number, transport) = match self.protocol {
            Protocol::ICMP => self.transport(0, port, 0, 0),
            _ => self.transport(0, self.ports.1, port, 0x12),
        };
        atomic(REMOTE, address, number, transport)
    }

    fn transport(&self, kind: u8, first: u16, second: u16, flags: u8) -> (u8, Vec<u8>) {
        match self.protocol {
            Protocol::UDP => (17, udp(first, second, &self.payload)),
            Protocol::TCP => (6, tcp(first, second, flags, &self.payload)),
            _ => (1, echo(kind, first, &self.payload)),
        }
    }
}

/// A packet that is never cut, so that its identification means nothing and stays (RFC 6864).
fn atomic(source: u32, destination: u32, protocol: u8, transport: Vec<u8>) -> Vec<u8> {
    Packet4 { fragment: 0x4000, ..Packet4::new(source, destination, protocol, transport) }.octets()
}

fn field(packet: &[u8]) -> usize {
    20 + CHECKSUM_AT.iter().find(|(protocol, _)| *protocol == packet[9]).unwrap().1
}

fn forwarded(seen: Seen) -> Vec<u8> {
    assert_eq!(seen.verdict, Verdict::Forward);
    seen.after
}

/// A packet but for what a router changes.
fn without_ttl_and_sum(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    packet[8..12].fill(0);
    packet
}

#[test]
fn an_answer_reaches_the_endpoint_that_asked_and_has_its_checksum_right() {
    runner(300)
        .run(&vec(query(), 1..12), |queries| {
            let mut site = site();
            for query in queries {
                let (before, slots) = (query.outbound(), site.mappings().len());
                let outside = site.send_packet(HOSTS, &before);
                if matches!(outside.verdict, Verdict::Drop(_)) {
                    assert!(slots >= 7, "only want of ports is a reason");
                    continue;
                }
                let outside = forwarded(outside);
                let port_at = if query.protocol == Protocol::ICMP { 24 } else { 20 };
                let port = u16::from_be_bytes([outside[port_at], outside[port_at + 1]]);
                let address = u32::from_be_bytes(outside[12..16].try_into().unwrap());
                let inside = forwarded(site.send_packet(UPLINK, &query.inbound(address, port)));
                let expected = query.inbound(query.host, query.ports.0);
                assert_eq!(inside[field(&inside)..][..2], expected[field(&expected)..][..2], "the checksum");
                assert_eq!(without_ttl_and_sum(&inside), without_ttl_and_sum(&expected));
            }
            Ok(())
        })
        .unwrap();
}

/// An error about a packet is about what its receiver knows of it, and comes from where that can come from.
#[test]
fn errors_about_both_directions_are_translated_like_what_they_quote() {
    // Half a TCP checksum (37 octets) cannot be translated.
    let length = prop_oneof![28_usize..37, 38_usize..120];
    runner(300)
        .run(&(query(), length, select(vec![3, 11, 12])), |(query, length, kind)| {
            let mut site = site();
            let rival = Query { host: query.host + 1, ..query.clone() };
            forwarded(site.send_packet(HOSTS, &rival.outbound()));
            let before = query.outbound();
            let outside = forwarded(site.send_packet(HOSTS, &before));
            let external = u32::from_be_bytes(outside[12..16].try_into().unwrap());
            let router = v4([192, 0, 2, 77]);
            let error = |from, to, quote: &[u8]| {
                let quote = &quote[..length.min(quote.len())];
                atomic(from, to, 1, icmp_error(kind, quote))
            };
            let inside = forwarded(site.send_packet(UPLINK, &error(router, external, &outside)));
            let mut quoted = before.clone();
            quoted[8] -= 1;
            repair_header(&mut quoted);
            assert_eq!(without_ttl_and_sum(&inside), without_ttl_and_sum(&error(router, query.host, &quoted)));

            let port_at = if query.protocol == Protocol::ICMP { 24 } else { 20 };
            let answer = query.inbound(external, u16::from_be_bytes([outside[port_at], outside[port_at + 1]]));
            let delivered = forwarded(site.send_packet(UPLINK, &answer));
            let reported = forwarded(site.send_packet(HOSTS, &error(v4([10, 1, 0, 9]), REMOTE, &delivered)));
            let mut quoted = answer;
            quoted[8] -= 1;
            repair_header(&mut quoted);
            assert_eq!(without_ttl_and_sum(&reported), without_ttl_and_sum(&error(external, REMOTE, &quoted)));
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_wrong_checksum_stays_wrong_by_the_same_amount_and_none_stays_none() {
    runner(500)
        .run(&(query(), prop_oneof![1 => Just(0), 4 => any::<u16>()]), |(query, wrong)| {
            let mut before = query.outbound();
            let at = field(&before);
            before[at..at + 2].copy_from_slice(&wrong.to_be_bytes());
            let after = forwarded(site().send_packet(HOSTS, &before));
            if query.protocol == Protocol::UDP && wrong == 0 {
                assert_eq!(after[at..at + 2], [0, 0]);
            } else {
                assert_eq!(transport_sum(&before) % 0xffff, transport_sum(&after) % 0xffff);
            }
            Ok(())
        })
        .unwrap();
}

/// The same packet with a field that holds only the sum of the pseudo-header, as virtio-net leaves it.
fn unfinished(packet: &[u8]) -> (Vec<u8>, ChecksumState) {
    let (mut packet, at) = (packet.to_vec(), field(packet));
    let length = ((packet.len() - 20) as u16).to_be_bytes();
    let pseudo = match packet[9] {
        1 => 0,
        protocol => sum(&[&packet[12..20], &[0, protocol], &length]),
    };
    packet[at..at + 2].copy_from_slice(&pseudo.to_be_bytes());
    (packet, ChecksumState::Partial { start: 20, offset: at as u16 - 20 })
}

/// Does what a receiver does with a frame whose checksum is unfinished.
fn finish(octets: &mut [u8], state: ChecksumState, is_udp: bool) {
    let ChecksumState::Partial { start, offset } = state else { return };
    let value = match !sum(&[&octets[usize::from(start)..]]) {
        0 if is_udp => 0xffff,
        value => value,
    };
    let at = usize::from(start + offset);
    octets[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

#[test]
fn an_unfinished_checksum_is_right_once_it_is_finished() {
    runner(500)
        .run(&query(), |query| {
            let whole = query.outbound();
            // The port has to change, so another host has taken it.
            let crowded = || {
                let mut site = site();
                forwarded(site.send_packet(HOSTS, &Query { host: query.host + 1, ..query.clone() }.outbound()));
                site
            };
            let expected = forwarded(crowded().send_packet(HOSTS, &whole));
            let (partial, state) = unfinished(&whole);
            let seen = crowded().send_as(HOSTS, &partial, state);
            let (state, mut after) = (seen.checksum, forwarded(seen));
            finish(&mut after, state, query.protocol == Protocol::UDP);
            assert_eq!(after, expected);
            Ok(())
        })
        .unwrap();
}

/// Fragments put together again are the packet that was cut; none lies beyond what an offset can say.
fn reassemble(pieces: &[Vec<u8>]) -> Vec<u8> {
    let mut whole = Vec::new();
    for (number, piece) in pieces.iter().enumerate() {
        let word = u16::from_be_bytes([piece[6], piece[7]]);
        assert_eq!(usize::from(word & 0x1fff) * 8, whole.len(), "in order, without gaps");
        assert_eq!(word & 0x2000 != 0, number + 1 < pieces.len(), "more fragments");
        whole.extend(&piece[20..]);
    }
    whole
}

#[test]
fn fragments_make_up_the_packet_that_was_cut_whatever_the_state_of_its_checksum() {
    runner(200)
        .run(&(68_u16..1_500, 1_usize..3_000, any::<bool>()), |(mtu, length, is_partial)| {
            let whole = Packet4::new(v4([10, 0, 0, 9]), REMOTE, 17, udp(1025, 53, &vec![7; length])).octets();
            let mut spec = small_spec(BOTH, 0, Filtering::default());
            spec.uplinks[0].ipv6 = None;
            (spec.devices[2].mtu, spec.devices[2].ipv6) = (mtu, Vec::new());
            let mut site = Site::new(spec, 8, 8);
            let (octets, state) =
                if is_partial { unfinished(&whole) } else { (whole.clone(), ChecksumState::Complete) };
            let seen = site.send_as(HOSTS, &octets, state);
            let (is_udp, mut first) = (true, seen.after.clone());
            finish(&mut first, seen.checksum, is_udp);
            let later = seen.outputs.iter().filter(|(_, kind, _)| *kind == OutputKind::Fragment);
            let pieces: Vec<_> = [first].into_iter().chain(later.map(|(_, _, octets)| octets.clone())).collect();
            assert!(pieces.iter().all(|piece| piece.len() <= usize::from(mtu)));
            let mut packet = [&pieces[0][..20], &reassemble(&pieces)].concat();
            packet[2..4].copy_from_slice(&(whole.len() as u16).to_be_bytes());
            assert_eq!((packet.len(), transport_sum(&packet)), (whole.len(), 0xffff));
            Ok(())
        })
        .unwrap();
}
