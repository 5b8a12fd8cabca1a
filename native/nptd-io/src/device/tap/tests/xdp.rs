//! AF_XDP sockets on veth pairs.

use nptd_core::frame::{ChecksumState, Segmentation};

use super::{Namespace, eventually, refusal, up};
use crate::burst::{Burst, frame_len};
use crate::device::{Device, DeviceKind, DeviceSpec, Outgoing};
use crate::error::Step;

/// Octets that no frame of the kernel's own has.
const MARK: [u8; 8] = *b"of nptd.";

fn spec(namespace: &Namespace, kind: DeviceKind, name: &str) -> DeviceSpec {
    DeviceSpec { kind, ..namespace.spec(name) }
}

/// A pair of interfaces with so many queues, each up.
fn connect(namespace: &Namespace, queues: u32) {
    let queues = queues.to_string();
    let count = ["numrxqueues", &queues, "numtxqueues", &queues];
    namespace.ip(&[&["link", "add", "v0"], &count[..], &["type", "veth", "peer", "name", "v1"], &count].concat());
    for name in ["v0", "v1"] {
        namespace.ip(&["link", "set", name, "up"]);
    }
}

/// Opens an interface; none, with the reason printed, where this process may not.
fn opened(namespace: &Namespace, kind: DeviceKind, name: &str) -> Option<Box<dyn Device>> {
    match spec(namespace, kind, name).open() {
        Ok(device) => Some(device),
        Err(error) if is_withheld(error.errno) => {
            println!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Whether an error says that this process may not have AF_XDP, or this kernel has none.
fn is_withheld(errno: i32) -> bool {
    matches!(errno, libc::EPERM | libc::ENOBUFS | libc::EAFNOSUPPORT)
}

fn outgoing(octets: &[u8]) -> Outgoing<'_> {
    Outgoing { octets, checksum: ChecksumState::Complete, segmentation: Segmentation::None }
}

/// A frame of so many octets with a number in it, of a protocol that nobody answers.
fn numbered(number: u32, length: usize) -> Vec<u8> {
    let mut frame = [&[2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8, 0x88, 0xb5], &MARK[..], &number.to_be_bytes()].concat();
    frame.resize(length, 7);
    frame
}

fn number_of(frame: &[u8]) -> Option<u32> {
    (frame.get(14..22) == Some(&MARK))
        .then(|| frame.get(22..26)?.first_chunk().map(|octets| u32::from_be_bytes(*octets)))?
}

/// Takes what a device hands over of the frames that a test has sent.
fn take(device: &mut dyn Device, heard: &mut Vec<Vec<u8>>) {
    let mut burst = Burst::new(frame_len(1_400));
    loop {
        burst.clear();
        assert!(device.receive(&mut burst).is_ok());
        let frames = burst.frames();
        if frames.is_empty() {
            return;
        }
        heard.extend(
            frames.iter().filter(|frame| number_of(frame.octets()).is_some()).map(|frame| frame.octets().to_vec()),
        );
    }
}

#[test]
fn frames_of_any_length_pass_both_ways_and_come_in_order() {
    let Some(namespace) = Namespace::new() else { return };
    connect(&namespace, 1);
    let Some(mut one) = opened(&namespace, DeviceKind::Xdp, "v0") else { return };
    let Some(mut other) = opened(&namespace, DeviceKind::Xdp, "v1") else { return };
    let frames: Vec<_> = (0..200).map(|number| numbered(number, [60, 64, 1_000, 1_414][number as usize % 4])).collect();
    for _ in 0..2 {
        assert_eq!(one.transmit(&mut frames.iter().map(|frame| outgoing(frame))).sent, 200);
        let mut heard = Vec::new();
        assert!(eventually(|| {
            take(&mut *other, &mut heard);
            heard.len() >= frames.len()
        }));
        assert_eq!(heard, frames);
        std::mem::swap(&mut one, &mut other);
    }
}

#[test]
fn places_come_back_however_many_frames_pass() {
    let Some(namespace) = Namespace::new() else { return };
    connect(&namespace, 1);
    let Some(mut one) = opened(&namespace, DeviceKind::Xdp, "v0") else { return };
    let Some(mut other) = opened(&namespace, DeviceKind::Xdp, "v1") else { return };
    let mut heard = Vec::new();
    for round in 0..100 {
        let frames: Vec<_> = (0..100).map(|number| numbered(round * 100 + number, 60)).collect();
        assert_eq!(one.transmit(&mut frames.iter().map(|frame| outgoing(frame))).sent, 100);
        assert!(eventually(|| {
            take(&mut *other, &mut heard);
            heard.len() as u32 == (round + 1) * 100
        }));
    }
    let numbers: Vec<_> = heard.iter().filter_map(|frame| number_of(frame)).collect();
    assert_eq!(numbers, (0..10_000).collect::<Vec<_>>());
}

#[test]
fn what_is_more_than_the_ring_holds_is_refused_or_sent_and_never_both() {
    let Some(namespace) = Namespace::new() else { return };
    connect(&namespace, 1);
    let Some(mut one) = opened(&namespace, DeviceKind::Xdp, "v0") else { return };
    let frames: Vec<_> = (0..5_000).map(|number| numbered(number, 60)).collect();
    let result = one.transmit(&mut frames.iter().map(|frame| outgoing(frame)));
    assert_eq!(result.sent + result.refused, 5_000);
    assert!(result.sent >= 2_048 && result.failure.is_none(), "{result:?}");
}

#[test]
fn every_queue_is_heard() {
    let Some(namespace) = Namespace::new() else { return };
    connect(&namespace, 3);
    let Some(mut one) = opened(&namespace, DeviceKind::Xdp, "v0") else { return };
    let Some(mut other) = opened(&namespace, DeviceKind::Packet, "v1") else { return };
    assert!(eventually(|| up(&*other) == Ok(true)));
    // The kernel chooses a queue by the flow, so there are many of them.
    let flow = |number: u32| {
        let mut frame = numbered(number, 64);
        frame[12..14].copy_from_slice(&[8, 0]);
        [&frame[..14], &[0x45, 0, 0, 50, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, number as u8], &frame[14..]]
            .concat()
    };
    let frames: Vec<_> = (0..100).map(flow).collect();
    assert_eq!(other.transmit(&mut frames.iter().map(|frame| outgoing(frame))).sent, 100);
    let mut waiting = crate::sys::poll::PollSet::new(one.descriptor().into_iter());
    let (mut heard, mut burst) = (0, Burst::new(frame_len(1_400)));
    assert!(eventually(|| {
        assert!(waiting.wait(Some(nptd_core::time::Duration::from_millis(10))).is_ok());
        burst.clear();
        assert!(!waiting.is_ready(0) || one.receive(&mut burst).is_ok());
        heard += burst.frames().iter().filter(|frame| frame.octets().get(34..42) == Some(&MARK)).count();
        heard == 100
    }));
}

#[test]
fn of_several_workers_one_receives_and_all_send() {
    let Some(namespace) = Namespace::new() else { return };
    connect(&namespace, 2);
    let Some(mut other) = opened(&namespace, DeviceKind::Xdp, "v1") else { return };
    let Ok(mut handles) = spec(&namespace, DeviceKind::Xdp, "v0").open_for(3) else { panic!("v0 was not opened") };
    let can_receive = handles.iter().map(|handle| (handle.descriptor().is_some(), handle.link_bell().is_some()));
    assert_eq!(can_receive.collect::<Vec<_>>(), [(true, true), (false, false), (false, false)]);
    let mut heard = Vec::new();
    for (handle, number) in handles.iter_mut().zip(0..) {
        assert_eq!(handle.transmit(&mut std::iter::once(outgoing(&numbered(number, 60)))).sent, 1);
        assert!(eventually(|| {
            take(&mut *other, &mut heard);
            heard.last().and_then(|frame| number_of(frame)) == Some(number)
        }));
    }
    assert_eq!(other.transmit(&mut std::iter::once(outgoing(&numbered(7, 60)))).sent, 1);
    heard.clear();
    take(&mut *handles[1], &mut heard);
    assert_eq!(heard.len(), 0);
    assert!(eventually(|| {
        take(&mut *handles[0], &mut heard);
        heard.len() == 1
    }));
}

#[test]
fn the_kernel_has_its_interface_back_when_the_device_is_closed() {
    let Some(namespace) = Namespace::new() else { return };
    connect(&namespace, 1);
    let shown = || namespace.ip(&["-d", "link", "show", "v0"]);
    let Some(one) = opened(&namespace, DeviceKind::Xdp, "v0") else { return };
    assert!(shown().contains("xdp") && shown().contains("promiscuity 1"), "{}", shown());
    let (step, errno, message) = refusal(&spec(&namespace, DeviceKind::Xdp, "v0"));
    assert_eq!((step, errno), (Step::BindQueue, libc::EBUSY));
    assert!(message.contains("another program has it"), "{message}");
    drop(one);
    assert!(!shown().contains("xdp") && shown().contains("promiscuity 0"), "{}", shown());
    assert!(opened(&namespace, DeviceKind::Xdp, "v0").is_some());
}

#[test]
fn it_fails_while_its_interface_is_down_and_is_gone_with_it() {
    let Some(namespace) = Namespace::new() else { return };
    connect(&namespace, 1);
    let Some(mut one) = opened(&namespace, DeviceKind::Xdp, "v0") else { return };
    let octets = numbered(1, 60);
    assert_eq!(up(&*one), Ok(true));
    namespace.ip(&["link", "set", "v0", "down"]);
    for (sent, refused) in [(1, 0), (0, 1)] {
        let result = one.transmit(&mut std::iter::once(outgoing(&octets)));
        assert_eq!((result.sent, result.refused), (sent, refused));
        assert_eq!(result.failure.and_then(|error| error.raw_os_error()), Some(libc::ENETDOWN));
    }
    assert_eq!(up(&*one), Ok(false));
    let mut burst = Burst::new(frame_len(1_400));
    assert!(one.receive(&mut burst).is_ok(), "an interface that is down may come back");
    namespace.ip(&["link", "set", "v0", "up"]);
    assert!(eventually(|| up(&*one) == Ok(true)));
    assert_eq!(one.transmit(&mut std::iter::once(outgoing(&octets))).sent, 1);
    namespace.ip(&["link", "del", "v0"]);
    // Another one of the same name is not ours.
    connect(&namespace, 1);
    assert_eq!(up(&*one), Err(Some(libc::ENODEV)));
    let result = one.transmit(&mut std::iter::once(outgoing(&octets)));
    assert_eq!(result.failure.and_then(|error| error.raw_os_error()), Some(libc::ENODEV));
}

#[test]
fn without_a_carrier_nothing_is_taken() {
    let Some(namespace) = Namespace::new() else { return };
    connect(&namespace, 1);
    let octets = numbered(1, 60);
    for kind in [DeviceKind::Packet, DeviceKind::Xdp] {
        let Some(mut one) = opened(&namespace, kind, "v0") else { return };
        namespace.ip(&["link", "set", "v1", "down"]);
        assert!(eventually(|| up(&*one) == Ok(false)));
        let result = one.transmit(&mut std::iter::once(outgoing(&octets)));
        assert_eq!((result.sent, result.refused), (0, 1));
        assert_eq!(result.failure.and_then(|error| error.raw_os_error()), Some(libc::ENETDOWN));
        namespace.ip(&["link", "set", "v1", "up"]);
        assert!(eventually(|| up(&*one) == Ok(true)));
        assert_eq!(one.transmit(&mut std::iter::once(outgoing(&octets))).sent, 1);
    }
}

#[test]
fn a_frame_that_still_needs_work_or_is_too_long_is_refused() {
    let Some(namespace) = Namespace::new() else { return };
    connect(&namespace, 1);
    let Some(mut one) = opened(&namespace, DeviceKind::Xdp, "v0") else { return };
    let (plain, long) = (numbered(1, 60), numbered(1, 1_419));
    let frames = [
        Outgoing { checksum: ChecksumState::Partial { start: 34, offset: 6 }, ..outgoing(&plain) },
        Outgoing { segmentation: Segmentation::Tcp4(1_000), ..outgoing(&plain) },
        outgoing(&long),
        outgoing(&plain),
    ];
    let result = one.transmit(&mut frames.into_iter());
    assert_eq!((result.sent, result.refused), (1, 3));
    assert!(result.failure.is_none(), "{:?}", result.failure);
}

#[test]
fn what_stands_in_the_way_is_named_with_what_to_do() {
    let Some(namespace) = Namespace::new() else { return };
    let xdp = spec(&namespace, DeviceKind::Xdp, "v0");
    let (step, errno, message) = refusal(&xdp);
    assert_eq!((step, errno), (Step::FindInterface, libc::ENODEV));
    assert!(message.contains("there is no interface of this name"), "{message}");
    connect(&namespace, 1);
    assert_eq!(refusal(&DeviceSpec { mtu: 3_000, ..xdp.clone() }).0, Step::CheckMtu);
    for name in ["v0", "v1"] {
        namespace.ip(&["link", "set", name, "mtu", "9000"]);
    }
    let (step, _, message) = refusal(&DeviceSpec { mtu: 3_823, ..xdp.clone() });
    assert_eq!(step, Step::FitPlaces);
    assert!(message.contains("at most 3822"), "{message}");
    let (step, errno, message) = refusal(&DeviceSpec { mtu: 3_822, ..xdp });
    if is_withheld(errno) {
        println!("skipped: {message}");
        return;
    }
    assert_eq!((step, errno), (Step::AttachProgram, libc::ERANGE));
    assert!(message.contains("a smaller MTU"), "{message}");
}
