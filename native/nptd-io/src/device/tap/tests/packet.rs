//! TUN devices and packet sockets.

use nptd_core::frame::{ChecksumState, FRAME_LEN_MAX, Segmentation};

use super::{Namespace, eventually, open, refusal, up};
use crate::burst::Burst;
use crate::device::{Device, DeviceKind, DeviceSpec, Outgoing};
use crate::error::Step;

fn spec(namespace: &Namespace, kind: DeviceKind, name: &str) -> DeviceSpec {
    DeviceSpec { kind, offload: true, ..namespace.spec(name) }
}

/// Both ends of a veth pair as devices.
fn ends(namespace: &Namespace) -> [Box<dyn Device>; 2] {
    namespace.ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
    let ends = ["v0", "v1"].map(|name| {
        namespace.ip(&["link", "set", name, "up"]);
        open(&spec(namespace, DeviceKind::Packet, name))
    });
    // The kernel drops what is sent before it has noticed that the new link is up.
    assert!(eventually(|| ends.iter().all(|end| up(&**end) == Ok(true))));
    ends
}

fn frame(octets: &[u8]) -> Outgoing<'_> {
    Outgoing { octets, checksum: ChecksumState::Complete, segmentation: Segmentation::None }
}

#[test]
fn a_packet_socket_hears_its_peer_and_not_itself_nor_vlans() {
    let Some(namespace) = Namespace::new() else { return };
    let [mut one, mut other] = ends(&namespace);
    let plain = [&[2, 0, 0, 0, 0, 9][..], &[2, 0, 0, 0, 0, 8], &[0x88, 0xb5], &[7; 60]].concat();
    let tagged = [&plain[..12], &[0x81, 0, 0, 5], &plain[12..]].concat();
    let is_ours = |octets: &[u8]| octets.ends_with(&[7; 60]);
    let mut heard = Vec::new();
    // The kernel drops what is sent before it has noticed that the new link is up.
    assert!(eventually(|| {
        assert_eq!(one.transmit(&mut [frame(&tagged), frame(&plain)].into_iter()).sent, 2);
        heard.extend(taken(&mut *other, is_ours));
        !heard.is_empty()
    }));
    assert!(heard.iter().all(|frame| *frame == plain), "the tagged ones come first and are nobody's");
    assert_eq!(taken(&mut *one, is_ours), [[0_u8; 0]; 0]);
}

/// The frames that a device hands over, those that a test has sent.
fn taken(device: &mut dyn Device, is_ours: impl Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
    let mut burst = Burst::new(FRAME_LEN_MAX);
    assert!(device.receive(&mut burst).is_ok());
    let frames = burst.frames();
    frames.iter().filter(|frame| is_ours(frame.octets())).map(|frame| frame.octets().to_vec()).collect()
}

#[test]
fn a_packet_socket_fails_while_its_interface_is_down_and_is_gone_with_it() {
    let Some(namespace) = Namespace::new() else { return };
    let [mut one, _other] = ends(&namespace);
    let octets = [2; 60];
    assert_eq!(up(&*one), Ok(true));
    namespace.ip(&["link", "set", "v0", "down"]);
    let mut burst = Burst::new(FRAME_LEN_MAX);
    assert!(one.receive(&mut burst).is_ok(), "an interface that is down may come back");
    let failure = one.transmit(&mut std::iter::once(frame(&octets))).failure;
    assert_eq!((failure.and_then(|error| error.raw_os_error()), up(&*one)), (Some(libc::ENETDOWN), Ok(false)));
    namespace.ip(&["link", "set", "v0", "up"]);
    assert!(eventually(|| up(&*one) == Ok(true)));
    assert_eq!(one.transmit(&mut std::iter::once(frame(&octets))).sent, 1);
    namespace.ip(&["link", "del", "v0"]);
    // What has come before is handed over first.
    assert!(eventually(|| {
        burst.clear();
        one.receive(&mut burst).err().and_then(|error| error.raw_os_error()) == Some(libc::ENODEV)
    }));
}

#[test]
fn an_interface_that_is_not_there_or_too_small_is_named_as_the_cause() {
    let Some(namespace) = Namespace::new() else { return };
    let (step, errno, message) = refusal(&spec(&namespace, DeviceKind::Packet, "v0"));
    assert_eq!((step, errno), (Step::FindInterface, libc::ENODEV));
    assert!(message.contains("v0") && message.contains("there is no interface of this name"), "{message}");
    drop(ends(&namespace));
    let (step, _, message) = refusal(&DeviceSpec { mtu: 9_000, ..spec(&namespace, DeviceKind::Packet, "v0") });
    assert_eq!(step, Step::CheckMtu);
    assert!(message.contains("its own MTU is smaller"), "{message}");
}

#[test]
fn a_tun_device_carries_packets_without_link_headers() {
    let Some(namespace) = Namespace::new() else { return };
    let mut tun = open(&spec(&namespace, DeviceKind::Tun, "t0"));
    assert!(!tun.has_link_header());
    assert!(namespace.ip(&["link", "show", "t0"]).contains("link/none"));
    namespace.ip(&["addr", "add", "192.0.2.1/32", "peer", "192.0.2.2", "dev", "t0"]);
    let ping = std::process::Command::new("ip")
        .args(["netns", "exec", &namespace.0, "ping", "-c", "1", "-W", "1", "192.0.2.2"])
        .stdout(std::process::Stdio::null())
        .spawn();
    let Ok(mut ping) = ping else { panic!("ping does not run") };
    let mut burst = Burst::new(FRAME_LEN_MAX);
    assert!(eventually(|| {
        burst.clear();
        assert!(tun.receive(&mut burst).is_ok());
        burst.frames().iter().any(|frame| frame.octets()[0] == 0x45 && frame.octets()[9] == 1)
    }));
    let _ = ping.wait();
}

#[test]
fn frames_of_any_length_come_in_order_through_the_ring_and_past_it() {
    let Some(namespace) = Namespace::new() else { return };
    let [mut one, mut other] = ends(&namespace);
    let lengths = [60, 1_514, 64];
    // Longer than a place of the ring: a super-packet, which the kernel takes as it is said to be.
    let super_packet = |number: u8| {
        let header = [&[2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8, 8, 0][..], &ipv4_tcp_header(20_000, number)].concat();
        [header, vec![7; 20_000]].concat()
    };
    let mut sent = Vec::new();
    for number in 0..40 {
        let octets = super_packet(number);
        let checksum = ChecksumState::Partial { start: 34, offset: 16 };
        let outgoing = Outgoing { octets: &octets, checksum, segmentation: Segmentation::Tcp4(1_400) };
        assert_eq!(one.transmit(&mut std::iter::once(outgoing)).sent, 1);
        sent.push(octets);
        for length in lengths {
            let octets =
                [&[2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8, 0x88, 0xb5, number][..], &vec![7; length - 15]].concat();
            assert_eq!(one.transmit(&mut std::iter::once(frame(&octets))).sent, 1);
            sent.push(octets);
        }
    }
    let mut heard = Vec::new();
    assert!(eventually(|| {
        heard.extend(taken(&mut *other, |octets| octets.ends_with(&[7; 20])));
        heard.len() >= sent.len()
    }));
    let summary =
        |frames: &[Vec<u8>]| frames.iter().map(|frame| (frame.len(), frame.get(14).copied())).collect::<Vec<_>>();
    assert_eq!(summary(&heard), summary(&sent));
    assert_eq!(heard, sent);
}

/// Headers of a segment with so many octets of payload.
fn ipv4_tcp_header(payload: usize, number: u8) -> Vec<u8> {
    let [high, low] = u16::try_from(40 + payload).unwrap_or(0).to_be_bytes();
    let ipv4 = [0x45, 0, high, low, 0, number, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
    let tcp = [0, 9, 0, 9, 0, 0, 0, number, 0, 0, 0, 0, 0x50, 0x10, 1, 0, 0, 0, 0, 0];
    [ipv4, tcp].concat()
}
