//! Trains of datagrams: what is cut of a super-packet is what it was made of, and what could not come out again is not taken.

use etherparse::PacketBuilder;
use nptd_core::frame::{ChecksumState, DeviceIndex, Frame, HEADROOM, Segmentation};
use nptd_core::super_packet::SuperPacket;
use nptd_core::train::{DATAGRAMS_MAX, Datagram, HEADERS_MAX, Train};
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

fn taken(train: &mut Train<'_>, frames: &[Vec<u8>]) -> Vec<bool> {
    // The frames of a test live as long as it.
    frames.iter().map(|octets| take(train, octets.clone().leak(), ChecksumState::Complete)).collect()
}

fn take(train: &mut Train<'_>, octets: &'static [u8], checksum: ChecksumState) -> bool {
    Datagram::of(octets, checksum, LINK).is_some_and(|datagram| train.take(datagram))
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
        let mut train = Train::default();
        let joined = frames.iter().take_while(|octets| taken(&mut train, core::slice::from_ref(octets)) == [true]).count();
        let headers = if is_ipv6 { 48 } else { 28 };
        prop_assert!(joined == count || headers + (joined + 1) * size > 65_535);
        let expected: Vec<_> = frames[..joined].iter().map(|frame| frame[LINK..].to_vec()).collect();
        prop_assert!(cut(&train) == expected);
    }
}

#[test]
fn no_train_is_longer_than_any_kernel_cuts() {
    let frames: Vec<_> = (0..=DATAGRAMS_MAX as u16).map(|number| datagram(false, number, b"x")).collect();
    let mut train = Train::default();
    let expected: Vec<_> = (0..=DATAGRAMS_MAX).map(|at| at < DATAGRAMS_MAX).collect();
    assert_eq!(taken(&mut train, &frames), expected);
}

#[test]
fn nothing_goes_behind_a_shorter_one_and_nothing_longer_behind_any() {
    let mut train = Train::default();
    let frames = [b"four".as_slice(), b"longer", b"one", b"two"].map(|payload| datagram(true, 0, payload));
    assert_eq!(taken(&mut train, &frames), [true, false, true, false]);
    train.clear();
    assert_eq!(taken(&mut train, &frames[1..]), [true, true, false]);
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
            let (first, mut second) = (datagram(is_ipv6, 1, b"same"), datagram(is_ipv6, 2, b"same"));
            let mut train = Train::default();
            assert!(take(&mut train, first.leak(), partial));
            assert!(take(&mut train, second.clone().leak(), partial), "unchanged");
            train.clear();
            assert!(take(&mut train, datagram(is_ipv6, 1, b"same").leak(), partial));
            change(&mut second);
            assert!(!take(&mut train, second.leak(), partial), "{what}");
        }
    }
}

#[test]
fn a_wrong_checksum_stays_alone_and_none_stays_none() {
    let frames: Vec<_> = (0..3).map(|number| datagram(false, number, b"octets")).collect();
    let mut wrong = frames[1].clone();
    wrong[LINK + 28] ^= 1;
    let mut train = Train::default();
    assert_eq!(taken(&mut train, &[frames[0].clone(), wrong.clone()]), [true, false]);
    train.clear();
    let mut after_wrong = frames[2].clone();
    number_it(&mut after_wrong, 2, false);
    assert_eq!(taken(&mut train, &[wrong, after_wrong]), [true, false]);
    let mut without = frames[0].clone();
    without[LINK + 26..LINK + 28].fill(0);
    assert!(Datagram::of(&without, ChecksumState::Complete, LINK).is_none());
}

#[test]
fn numbers_count_on_or_mean_nothing() {
    let numbered = |numbers: [u16; 2], dont_fragment: bool| {
        let mut train = Train::default();
        numbers.map(|number| {
            let mut frame = datagram(false, 0, b"x");
            number_it(&mut frame, number, dont_fragment);
            take(&mut train, frame.leak(), ChecksumState::Complete)
        })
    };
    assert_eq!(numbered([0xffff, 0], false), [true, true]);
    assert_eq!(numbered([7, 7], false), [true, false]);
    // 6864-4.1: nobody may look at it.
    assert_eq!(numbered([7, 7], true), [true, true]);
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
    let mut train = Train::default();
    let mut memory = [0; HEADERS_MAX];
    assert!(train.headers(&mut memory).is_none());
    assert_eq!(taken(&mut train, &[datagram(true, 0, b"first"), datagram(true, 0, b"more")]), [true, true]);
    let told =
        train.headers(&mut memory).map(|(headers, checksum, segmentation)| (headers.len(), checksum, segmentation));
    let partial = ChecksumState::Partial { start: 54, offset: 6 };
    assert_eq!(told, Some((62, partial, Segmentation::Udp(5))));
}
