//! Trains of datagrams: what is cut of a super-packet is what it was made of, and what could not come out again is not taken.

use etherparse::PacketBuilder;
use nptd_core::frame::{ChecksumState, DeviceIndex, Frame, HEADROOM, Segmentation};
use nptd_core::super_packet::SuperPacket;
use nptd_core::train::{DATAGRAMS_MAX, Datagram, HEADERS_MAX, TRAINS_MAX, Train, Trains, may_overtake};
use nptd_core::wire::ipv4;
use proptest::prelude::*;

const LINK: usize = 14;

/// A finished datagram in an Ethernet frame; of IPv4 with that number.
fn datagram(is_ipv6: bool, number: u16, payload: &[u8]) -> Vec<u8> {
    let link = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let mut frame = Vec::new();
    if is_ipv6 {
        let builder = link.ipv6([0xfd; 16], [0x20; 16], 64).udp(4_000, 53);
        assert!(builder.write(&mut frame, payload).is_ok());
    } else {
        let builder = link.ipv4([192, 0, 2, 1], [198, 51, 100, 1], 64).udp(4_000, 53);
        assert!(builder.write(&mut frame, payload).is_ok());
        number_it(&mut frame, number, false);
    }
    frame
}

fn number_it(frame: &mut [u8], number: u16, dont_fragment: bool) {
    frame[LINK + 6] = if dont_fragment { 0x40 } else { 0 };
    ipv4::set_identification(&mut frame[LINK..], number);
    ipv4::fill_checksum(&mut frame[LINK..]);
}

/// Has a burst of finished frames leave; how many datagrams each train had.
fn lengths(frames: &[Vec<u8>]) -> Vec<usize> {
    let mut lengths = Vec::new();
    join(frames, ChecksumState::Complete, |train| lengths.push(train.datagrams().len()));
    lengths
}

fn join<'f>(frames: &'f [Vec<u8>], checksum: ChecksumState, mut leave: impl FnMut(&Train<'f>)) {
    let mut trains = Trains::default();
    for octets in frames {
        let Some(datagram) = Datagram::of(octets, checksum, LINK) else { panic!("not for a train: {octets:?}") };
        trains.take(datagram, &mut leave);
    }
    trains.depart(&mut leave);
}

/// The packets, from the IP header on, that a kernel would cut of a train.
fn cut(train: &Train<'_>) -> Vec<Vec<u8>> {
    let mut memory = [0; HEADERS_MAX];
    let Some((headers, checksum, segmentation)) = train.headers(&mut memory) else { return Vec::new() };
    let payloads: Vec<u8> = train.datagrams().iter().flat_map(|datagram| datagram.payload()).copied().collect();
    let mut buffer = [&[0; HEADROOM], headers, &payloads].concat();
    let length = headers.len() + payloads.len();
    let mut frame = Frame::new(&mut buffer, HEADROOM, length, DeviceIndex(0));
    (frame.checksum, frame.segmentation) = (checksum, segmentation);
    frame.strip_front(LINK);
    let Some(parts) = SuperPacket::of(&frame) else { return Vec::new() };
    let headers = parts.headers(&frame);
    let write = |index| {
        let mut packet = vec![0; 2_000];
        let length = parts.write(index, &headers, &payloads, &mut packet);
        packet.truncate(length);
        packet
    };
    (0..parts.count()).map(write).collect()
}

fn payload_lengths() -> impl Strategy<Value = (usize, usize, usize)> {
    (1_usize..1_472).prop_flat_map(|size| (Just(size), 1..=size, 2..DATAGRAMS_MAX))
}

proptest! {
    #[test]
    fn what_is_cut_of_a_train_is_what_it_was_made_of(
        is_ipv6: bool, number: u16, (size, last, count) in payload_lengths(), seed: u8,
    ) {
        let payload = |at: usize| {
            let length = if at + 1 == count { last } else { size };
            (0..length).map(|octet| seed.wrapping_add((octet * 7 + at * 31) as u8)).collect::<Vec<u8>>()
        };
        let frames: Vec<_> =
            (0..count).map(|at| datagram(is_ipv6, number.wrapping_add(at as u16), &payload(at))).collect();
        let (mut packets, mut lengths) = (Vec::new(), Vec::new());
        join(&frames, ChecksumState::Complete, |train| {
            lengths.push(train.datagrams().len());
            packets.extend(if train.datagrams().len() == 1 { vec![train.datagrams()[0].octets[LINK..].to_vec()] } else { cut(train) });
        });
        let headers = if is_ipv6 { 48 } else { 28 };
        let most = ((65_535 - headers) / size).min(DATAGRAMS_MAX);
        prop_assert!(lengths.len() <= count.div_ceil(most), "{lengths:?} of {count}");
        prop_assert!(packets.iter().eq(frames.iter().map(|frame| &frame[LINK..])));
    }

    /// However flows lie among each other, each keeps its order, and nothing is lost.
    #[test]
    fn every_flow_stays_in_order(flows in prop::collection::vec(0..12_u16, 1..DATAGRAMS_MAX)) {
        let frames: Vec<_> = flows.iter().zip(0..).map(|(flow, number)| {
            let mut frame = datagram(true, 0, &[number]);
            frame[LINK + 41] = *flow as u8;
            frame
        }).collect();
        let mut left: Vec<Vec<u8>> = vec![Vec::new(); 12];
        let partial = ChecksumState::Partial { start: 54, offset: 6 };
        join(&frames, partial, |train| {
            for datagram in train.datagrams() {
                left[usize::from(datagram.octets[LINK + 41])].extend(datagram.payload());
            }
        });
        for (flow, left) in left.iter().enumerate() {
            let numbers = flows.iter().zip(0_u8..).filter(|(of, _)| usize::from(**of) == flow).map(|(_, number)| number);
            prop_assert!(left.iter().copied().eq(numbers), "flow {flow}: {left:?}");
        }
    }
}

#[test]
fn no_train_is_longer_than_any_kernel_cuts() {
    let frames: Vec<_> = (0..=DATAGRAMS_MAX as u16).map(|number| datagram(false, number, b"x")).collect();
    assert_eq!(lengths(&frames), [DATAGRAMS_MAX, 1]);
}

#[test]
fn nothing_goes_behind_a_shorter_one_and_nothing_longer_behind_any() {
    let frames = [b"four".as_slice(), b"longer", b"one", b"two"].map(|payload| datagram(true, 0, payload));
    assert_eq!(lengths(&frames), [1, 2, 1]);
    assert_eq!(lengths(&frames[1..3]), [2]);
}

#[test]
fn flows_that_lie_among_each_other_have_trains_of_their_own_up_to_a_number() {
    let flow = |port: usize| {
        let mut frame = datagram(true, 0, b"x");
        frame[LINK + 40..LINK + 42].copy_from_slice(&(port as u16).to_be_bytes());
        frame
    };
    let partial = ChecksumState::Partial { start: 54, offset: 6 };
    let trains = |flows: usize| {
        let frames: Vec<_> = (0..4 * flows).map(|number| flow(4_000 + number % flows)).collect();
        let mut lengths = Vec::new();
        join(&frames, partial, |train| lengths.push(train.datagrams().len()));
        lengths
    };
    assert_eq!(trains(TRAINS_MAX), [4; TRAINS_MAX]);
    assert_eq!(trains(TRAINS_MAX + 1), [1; 4 * (TRAINS_MAX + 1)]);
}

/// What is changed, and how.
type Change<'a> = (&'a str, &'a dyn Fn(&mut Vec<u8>));

/// Each change of a second datagram keeps it out of the train of the first.
#[test]
fn what_differs_from_the_first_travels_alone() {
    let at = |offset: usize| move |frame: &mut Vec<u8>| frame[LINK + offset] ^= 1;
    let link = |frame: &mut Vec<u8>| frame[5] ^= 1;
    let changes4: [Change; 7] = [
        ("link address", &link),
        ("ECN", &at(1)),
        ("TTL", &at(8)),
        ("source", &at(15)),
        ("destination", &at(19)),
        ("source port", &at(21)),
        ("destination port", &at(23)),
    ];
    let changes6: [Change; 7] = [
        ("link address", &link),
        ("traffic class", &at(1)),
        ("flow label", &at(3)),
        ("hop limit", &at(7)),
        ("source", &at(23)),
        ("destination", &at(39)),
        ("port", &at(41)),
    ];
    for (is_ipv6, changes) in [(false, changes4), (true, changes6)] {
        let partial = ChecksumState::Partial { start: if is_ipv6 { 54 } else { 34 }, offset: 6 };
        for (what, change) in changes {
            let mut frames = [1, 2].map(|number| datagram(is_ipv6, number, b"same"));
            let count = |frames: &[Vec<u8>]| {
                let mut count = 0;
                join(frames, partial, |_| count += 1);
                count
            };
            assert_eq!(count(&frames), 1, "unchanged");
            change(&mut frames[1]);
            assert_eq!(count(&frames), 2, "{what}");
        }
    }
}

#[test]
fn a_wrong_checksum_stays_alone_and_none_stays_none() {
    let [first, mut wrong, third] = [0, 1, 2].map(|number| datagram(false, number, b"octets"));
    wrong[LINK + 28] ^= 1;
    assert_eq!(lengths(&[first.clone(), wrong.clone(), third.clone()]), [1, 1, 1]);
    assert_eq!(lengths(&[wrong, third]), [1, 1]);
    let mut without = first;
    without[LINK + 26..LINK + 28].fill(0);
    assert!(Datagram::of(&without, ChecksumState::Complete, LINK).is_none());
}

#[test]
fn numbers_count_on_or_mean_nothing() {
    let numbered = |numbers: [u16; 2], dont_fragment: bool| {
        let frames = numbers.map(|number| {
            let mut frame = datagram(false, 0, b"x");
            number_it(&mut frame, number, dont_fragment);
            frame
        });
        lengths(&frames)
    };
    assert_eq!(numbered([0xffff, 0], false), [2]);
    assert_eq!(numbered([7, 7], false), [1, 1]);
    // 6864-4.1: nobody may look at it.
    assert_eq!(numbered([7, 7], true), [2]);
}

#[test]
fn only_whole_datagrams_with_a_payload_and_nothing_else_are_taken() {
    let good = datagram(false, 1, b"octets");
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut frame = good.clone();
        change(&mut frame);
        Datagram::of(frame.leak(), ChecksumState::Complete, LINK).is_some()
    };
    assert!(changed(&|_| {}));
    let changes: [Change; 11] = [
        ("padding", &|frame| frame.push(0)),
        ("cut", &|frame| frame.truncate(frame.len() - 1)),
        ("more fragments", &|frame| frame[LINK + 6] = 0x20),
        ("a later fragment", &|frame| frame[LINK + 7] = 1),
        ("the reserved flag", &|frame| frame[LINK + 6] = 0x80),
        ("options", &|frame| frame[LINK] = 0x46),
        ("TCP", &|frame| frame[LINK + 9] = 6),
        ("octets behind the datagram", &|frame| frame[LINK + 25] -= 1),
        ("another version", &|frame| frame[LINK] = 0x55),
        ("nothing", &|frame| frame.truncate(LINK)),
        ("less than that", &|frame| frame.truncate(3)),
    ];
    for (what, change) in changes {
        assert!(!changed(change), "{what}");
    }
    let empty = datagram(true, 0, b"");
    assert!(Datagram::of(&empty, ChecksumState::Complete, LINK).is_none());
    let elsewhere = ChecksumState::Partial { start: 34, offset: 16 };
    assert!(Datagram::of(&good, elsewhere, LINK).is_none());
}

#[test]
fn a_train_says_how_it_is_to_be_cut() {
    let frames = [datagram(true, 0, b"first"), datagram(true, 0, b"more")];
    let mut told = None;
    join(&frames, ChecksumState::Complete, |train| {
        let mut memory = [0; HEADERS_MAX];
        let headers = train.headers(&mut memory);
        told = headers.map(|(headers, checksum, segmentation)| (headers.len(), checksum, segmentation));
    });
    let partial = ChecksumState::Partial { start: 54, offset: 6 };
    assert_eq!(told, Some((62, partial, Segmentation::Udp(5))));
}

#[test]
fn only_tcp_overtakes() {
    let frame = |protocol: u8| {
        let mut frame = datagram(false, 0, b"octets");
        frame[LINK + 9] = protocol;
        frame
    };
    assert!(may_overtake(&frame(6), LINK));
    assert!(!may_overtake(&frame(17), LINK));
    let mut fragment = datagram(true, 0, b"octets");
    fragment[LINK + 6] = 44;
    assert!(!may_overtake(&fragment, LINK));
    fragment[LINK + 6] = 6;
    assert!(may_overtake(&fragment, LINK));
    assert!(!may_overtake(&fragment[..3], LINK));
}
