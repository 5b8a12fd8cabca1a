//! Devices of several workers: each with a queue, or one handle to send by.

use std::net::UdpSocket;

use nptd_core::frame::FRAME_LEN_MAX;

use super::*;
use crate::sys::netns;

fn open_for(spec: &DeviceSpec, workers: usize) -> Vec<Box<dyn Device>> {
    match spec.open_for(workers) {
        Ok(handles) => handles,
        Err(error) => panic!("{error}"),
    }
}

/// Sends a datagram from each of these ports of the namespace to somebody behind the TAP.
fn send_from(namespace: &Namespace, ports: &[u16]) -> io::Result<()> {
    let sent = thread::scope(|scope| {
        let send = || {
            netns::enter(&namespace.0)?;
            for port in ports {
                UdpSocket::bind(("192.0.2.1", *port))?.send_to(b"x", "192.0.2.2:9")?;
            }
            Ok::<_, io::Error>(())
        };
        scope.spawn(send).join()
    });
    sent.unwrap_or_else(|_| Err(io::Error::other("the sender panicked")))
}

/// Source ports of the datagrams that wait at each handle, in order.
fn arrived(handles: &mut [Box<dyn Device>]) -> Vec<Vec<u16>> {
    let mut burst = Burst::new(frame_len(1_400));
    let ports = |handle: &mut Box<dyn Device>| {
        burst.clear();
        assert!(handle.receive(&mut burst).is_ok());
        let frames = burst.frames();
        let datagrams = frames.iter().map(|frame| frame.octets()).filter(|octets| octets.len() == 43);
        datagrams.map(|octets| u16::from_be_bytes([octets[34], octets[35]])).collect()
    };
    handles.iter_mut().map(ports).collect()
}

fn set_up(namespace: &Namespace) -> Vec<Box<dyn Device>> {
    let handles = open_for(&namespace.spec("t0"), 2);
    namespace.ip(&["addr", "add", "192.0.2.1/24", "dev", "t0"]);
    namespace.ip(&["neigh", "replace", "192.0.2.2", "lladdr", "02:00:00:00:00:02", "dev", "t0"]);
    handles
}

#[test]
fn a_tap_of_several_workers_is_there_until_the_last_queue_is_closed() {
    let Some(namespace) = Namespace::new() else { return };
    let mut handles = open_for(&namespace.spec("t0"), 3);
    assert_eq!(handles.len(), 3);
    let shown = namespace.ip(&["-d", "link", "show", "t0"]);
    assert!(shown.contains("numqueues 3"), "{shown}");
    let with_bell = handles.iter().map(|handle| handle.link_bell().is_some());
    assert_eq!(with_bell.collect::<Vec<_>>(), [true, false, false]);
    for left in [2, 1] {
        handles.pop();
        assert!(namespace.ip(&["link", "show", "t0"]).contains("t0"), "{left} queues are left");
    }
    handles.clear();
    assert_eq!(namespace.ip(&["link", "show", "t0"]), "");
    drop(open(&namespace.spec("t0")));
}

#[test]
fn flows_are_spread_over_queues_and_follow_the_one_that_answers() -> io::Result<()> {
    let Some(namespace) = Namespace::new() else { return Ok(()) };
    let mut handles = set_up(&namespace);
    let ports: Vec<u16> = (40_000..40_024).collect();
    send_from(&namespace, &ports)?;
    let by_queue = arrived(&mut handles);
    assert!(by_queue.iter().all(|queue| !queue.is_empty()), "{by_queue:?}");
    let mut all = by_queue.concat();
    all.sort_unstable();
    assert_eq!(all, ports);
    // The other side answers by the second queue.
    for port in &ports {
        let answer = answer_to(*port);
        let frame = Outgoing { octets: &answer, checksum: ChecksumState::Complete, segmentation: Segmentation::None };
        assert_eq!(handles[1].transmit(&mut std::iter::once(frame)).sent, 1);
    }
    send_from(&namespace, &ports)?;
    assert_eq!(arrived(&mut handles), [vec![], ports]);
    Ok(())
}

/// A datagram from port 9 of 192.0.2.2; nobody looks at its checksum or the address that it is for on the link.
fn answer_to(port: u16) -> [u8; 42] {
    let mut frame = [0; 42];
    let header: [u8; 20] = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0xf6, 0xcd, 192, 0, 2, 2, 192, 0, 2, 1];
    frame[12..14].copy_from_slice(&[0x08, 0x00]);
    frame[14..34].copy_from_slice(&header);
    frame[34..36].copy_from_slice(&9_u16.to_be_bytes());
    frame[36..38].copy_from_slice(&port.to_be_bytes());
    frame[38..40].copy_from_slice(&8_u16.to_be_bytes());
    frame
}

#[test]
fn a_packet_socket_is_read_by_one_worker_and_written_by_all() -> io::Result<()> {
    let Some(namespace) = Namespace::new() else { return Ok(()) };
    namespace.ip(&["link", "add", "p0", "type", "veth", "peer", "name", "p1"]);
    namespace.ip(&["link", "set", "p0", "up"]);
    namespace.ip(&["link", "set", "p1", "up"]);
    let socket = |name: &str| DeviceSpec { kind: DeviceKind::Packet, ..namespace.spec(name) };
    let mut handles = open_for(&socket("p0"), 2);
    let mut peer = open(&socket("p1"));
    assert_eq!(handles.iter().map(|handle| handle.descriptor().is_some()).collect::<Vec<_>>(), [true, false]);
    let mut burst = Burst::new(FRAME_LEN_MAX);
    for (number, handle) in handles.iter_mut().enumerate() {
        let octets = [number as u8; 60];
        let frame = Outgoing { octets: &octets, checksum: ChecksumState::Complete, segmentation: Segmentation::None };
        // The kernel drops what is sent before it has noticed that the new link is up.
        assert!(eventually(|| {
            assert_eq!(handle.transmit(&mut std::iter::once(frame)).sent, 1);
            burst.clear();
            peer.receive(&mut burst).is_ok() && burst.frames().iter().any(|frame| frame.octets() == octets)
        }));
    }
    Ok(())
}
