//! Datagrams of one flow enter the kernel as one super-packet, and its programs get each of them.

use std::net::UdpSocket;

use nptd_core::wire::checksum::{add_octets, fold, pseudo_header4};
use nptd_core::wire::{ethernet, ipv4};

use super::*;
use crate::sys::netns;

const SOURCE: [u8; 4] = [192, 0, 2, 2];
const DESTINATION: [u8; 4] = [192, 0, 2, 1];

/// A finished datagram to port 9 of the namespace, number `number` of its flow.
fn datagram(has_link_header: bool, source_port: u16, number: u8, payload: &[u8]) -> Vec<u8> {
    let length = 8 + payload.len() as u16;
    let mut packet = vec![0x45, 0, 0, 0, 0, number, 0, 0, 64, 17, 0, 0];
    packet.extend([SOURCE, DESTINATION].as_flattened());
    packet.extend([source_port.to_be_bytes(), 9_u16.to_be_bytes(), length.to_be_bytes(), [0; 2]].as_flattened());
    packet.extend(payload);
    let total = packet.len();
    ipv4::set_total_len(&mut packet, total);
    ipv4::fill_checksum(&mut packet);
    let pseudo = pseudo_header4(u32::from_be_bytes(SOURCE), u32::from_be_bytes(DESTINATION), 17, length);
    let sum = !fold(add_octets(pseudo, &packet[20..]));
    packet[26..28].copy_from_slice(&sum.to_be_bytes());
    let mut header = [0; ethernet::HEADER_LEN];
    header[..6].copy_from_slice(&[0xff; 6]);
    header[12] = 8;
    if has_link_header { [&header[..], &packet].concat() } else { packet }
}

/// Sends datagrams to a namespace; what its program gets by source port, and how many packets its kernel has seen.
/// They come in by the interface `receiver`.
fn sent_to(
    namespace: &Namespace,
    spec: &DeviceSpec,
    receiver: &str,
    datagrams: &[Vec<u8>],
) -> (Vec<(u16, Vec<u8>)>, u64) {
    let mut device = open(spec);
    assert!(eventually(|| up(&*device) == Ok(true)));
    namespace.ip(&["-6", "addr", "flush", "dev", receiver]);
    namespace.ip(&["addr", "add", "192.0.2.1/24", "dev", receiver]);
    let bind = || {
        netns::enter(&namespace.0)?;
        let socket = UdpSocket::bind(("192.0.2.1", 9))?;
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        Ok::<_, io::Error>(socket)
    };
    let socket = thread::scope(|scope| scope.spawn(bind).join());
    let Ok(Ok(socket)) = socket else { panic!("no socket: {socket:?}") };
    let plain = |octets: &'_ Vec<u8>| Outgoing {
        octets: octets.clone().leak(),
        checksum: ChecksumState::Complete,
        segmentation: Segmentation::None,
    };
    let result = device.transmit(&mut datagrams.iter().map(plain));
    assert_eq!((result.sent, result.refused), (datagrams.len() as u64, 0), "{:?}", result.failure);
    let mut memory = [0; 2_048];
    let received = datagrams.iter().filter_map(|_| {
        let (length, from) = socket.recv_from(&mut memory).ok()?;
        Some((from.port(), memory[..length].to_vec()))
    });
    let received = received.collect();
    namespace.ip(&["addr", "flush", "dev", receiver]);
    (received, packets_seen(namespace, receiver))
}

/// Packets that came in by a device.
fn packets_seen(namespace: &Namespace, device: &str) -> u64 {
    let text = namespace.ip(&["-s", "link", "show", device]);
    let numbers = text.lines().skip_while(|line| !line.trim_start().starts_with("RX:")).nth(1);
    numbers.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or_default()
}

#[test]
fn datagrams_of_a_flow_cross_together_and_arrive_each_alone() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.ip(&["link", "add", "p0", "type", "veth", "peer", "name", "p1"]);
    for end in ["p0", "p1"] {
        // The kernel would introduce itself by IPv6 and be counted.
        namespace.ip(&["link", "set", end, "addrgenmode", "none"]);
        namespace.ip(&["link", "set", end, "up", "mtu", "1400"]);
    }
    for (name, receiver, kind, offload, crossings) in [
        ("t0", "t0", DeviceKind::Tap, true, 3),
        ("t1", "t1", DeviceKind::Tun, true, 3),
        ("t2", "t2", DeviceKind::Tap, false, 8),
        ("p0", "p1", DeviceKind::Packet, true, 3),
    ] {
        let spec = DeviceSpec { kind, offload, ..namespace.spec(name) };
        let of = |source_port, number, payload: &[u8]| datagram(kind != DeviceKind::Tun, source_port, number, payload);
        let mut datagrams: Vec<_> = (0..5).map(|number| of(4_000, number, &[number; 1_000])).collect();
        datagrams.push(of(4_000, 5, b"the last is shorter"));
        datagrams.push(of(4_001, 0, b"somebody else"));
        datagrams.push(of(4_000, 6, b"again"));
        let (received, seen) = sent_to(&namespace, &spec, receiver, &datagrams);
        assert_eq!(seen, crossings, "{name}");
        let by = |port| received.iter().filter(move |(from, _)| *from == port).map(|(_, payload)| payload.as_slice());
        let payloads: Vec<_> = (0..5).map(|number| [number; 1_000]).collect();
        let first = payloads.iter().map(|payload| &payload[..]).chain([&b"the last is shorter"[..], b"again"]);
        assert!(by(4_000).eq(first), "{name}: {received:?}");
        assert!(by(4_001).eq([b"somebody else"]), "{name}: {received:?}");
    }
}
