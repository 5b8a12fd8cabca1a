//! Memory for one burst of received frames.

use arrayvec::ArrayVec;
use nptd_core::frame::{ChecksumState, DeviceIndex, Errand, FRAME_BATCH_MAX, Frame, HEADROOM, Segmentation};

/// Octets of an Ethernet header with one VLAN tag: what a frame has beyond the MTU.
const LINK_HEADER_MAX: usize = 14 + 4;

/// Shortest room for a frame, so that small MTUs still leave space to grow in place.
const ROOM_MIN: usize = 2_048;

/// Octets after which a burst is full enough: they shall still be in the cache when the last frame of it leaves.
const BURST_OCTETS: usize = 256 * 1_024;

/// Octets of the longest frame of a device without offloads.
pub const fn frame_len(mtu: u16) -> usize {
    mtu as usize + LINK_HEADER_MAX
}

/// What a device says about one frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct Received {
    /// Octets received.
    pub length: usize,
    /// What is known of the transport checksum.
    pub checksum: ChecksumState,
    /// Whether it is a super-packet.
    pub segmentation: Segmentation,
}

/// Where a frame comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Device that it came in by.
    pub ingress: DeviceIndex,
    /// Queue of that device.
    pub queue: u8,
    /// What another worker has left to do with it.
    pub errand: Errand,
}

/// Buffers of one burst, filled by a device or by other workers and lent to the pipeline as frames.
///
/// Frames lie one behind the other, a whole number of cache lines apart and with [`HEADROOM`] octets before it, so that
/// small ones are near each other and a super-packet has room. What a burst of them takes is bounded: [`BURST_OCTETS`] and one
/// frame more, which with offloads are 320 KiB.
pub struct Burst {
    memory: Vec<u8>,
    /// Octets that a device may write for one frame.
    room: usize,
    received: ArrayVec<Place, FRAME_BATCH_MAX>,
    /// Of the frames that are kept next.
    origin: Origin,
    /// Where the octets of the next frame begin.
    next: usize,
    oversized: u32,
}

/// Where a frame lies, and what is known of it.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    origin: Origin,
    received: Received,
}

impl Burst {
    /// Buffers for frames of up to `frame_len_max` octets.
    pub fn new(frame_len_max: usize) -> Self {
        // One octet more than the longest frame: a device that fills it has delivered too much.
        let room = (frame_len_max + 1).max(ROOM_MIN);
        let place = in_lines(HEADROOM + room);
        let memory = vec![0; (place * FRAME_BATCH_MAX).min(BURST_OCTETS + place)];
        let (received, origin) = (ArrayVec::new(), Origin::default());
        Self { memory, room, received, origin, next: HEADROOM, oversized: 0 }
    }

    /// Forgets the frames.
    pub fn clear(&mut self) {
        self.received.clear();
        self.next = HEADROOM;
        self.oversized = 0;
    }

    /// Says where the frames that are kept from now on come from; by the first queue of the first device, unless said.
    pub fn set_origin(&mut self, origin: Origin) {
        self.origin = origin;
    }

    /// Room for the next frame, with so many octets of the headroom before it (at most [`HEADROOM`]); none when the burst is
    /// full. Frames that were too long take a place as well, or a flood of them would never let the worker go on.
    pub fn space(&mut self, before: usize) -> Option<&mut [u8]> {
        if self.received.len() + self.oversized as usize >= FRAME_BATCH_MAX {
            return None;
        }
        self.memory.get_mut(self.next.checked_sub(before)?..self.next + self.room)
    }

    /// Keeps the frame just written to [`Self::space`]; one that fills the room was cut and is only counted.
    pub fn keep(&mut self, received: Received) {
        let place = Place { start: self.next, origin: self.origin, received };
        if received.length >= self.room || self.received.try_push(place).is_err() {
            self.refuse();
        } else {
            self.next += in_lines(received.length) + HEADROOM;
        }
    }

    /// Does not keep it: it is none that was to come.
    pub fn refuse(&mut self) {
        self.oversized += 1;
    }

    /// Number of frames kept.
    pub fn len(&self) -> usize {
        self.received.len()
    }

    /// Whether no frame was kept.
    pub fn is_empty(&self) -> bool {
        self.received.is_empty()
    }

    /// Number of frames that were too long.
    pub fn oversized(&self) -> u32 {
        self.oversized
    }

    /// Lends the frames kept.
    pub fn frames(&mut self) -> ArrayVec<Frame<'_>, FRAME_BATCH_MAX> {
        let (mut memory, mut taken) = (self.memory.as_mut_slice(), 0);
        let lend = |Place { start, origin, received }: &Place| {
            let (buffer, rest) = core::mem::take(&mut memory).split_at_mut_checked(start + received.length - taken)?;
            memory = rest;
            let mut frame = Frame::new(buffer, start - taken, received.length, origin.ingress);
            frame.queue = origin.queue;
            frame.errand = origin.errand;
            taken = start + received.length;
            frame.checksum = received.checksum;
            frame.segmentation = received.segmentation;
            Some(frame)
        };
        self.received.iter().filter_map(lend).collect()
    }
}

/// Octets rounded up to whole cache lines.
const fn in_lines(octets: usize) -> usize {
    octets.div_ceil(64) * 64
}

#[cfg(test)]
mod tests {
    use nptd_core::frame::{DeviceIndex, Errand, FRAME_BATCH_MAX, FRAME_LEN_MAX, HEADROOM};

    use super::{Burst, Origin, Received, frame_len};

    fn keep(burst: &mut Burst, length: usize, octet: u8) {
        if let Some(space) = burst.space(0) {
            space.iter_mut().take(length).for_each(|to| *to = octet);
        }
        burst.keep(Received { length, ..Received::default() });
    }

    #[test]
    fn frames_come_back_whole_and_with_headroom() {
        let mut burst = Burst::new(frame_len(1_500));
        burst.set_origin(Origin { ingress: DeviceIndex(3), queue: 1, ..Origin::default() });
        keep(&mut burst, 60, 1);
        burst.set_origin(Origin { ingress: DeviceIndex(4), errand: Errand::ForGateway, ..Origin::default() });
        keep(&mut burst, 1_518, 2);
        let frames = burst.frames();
        assert_eq!(frames.len(), 2);
        for (frame, (length, octet)) in frames.iter().zip([(60, 1), (1_518, 2)]) {
            assert_eq!(frame.octets(), vec![octet; length]);
            assert!(frame.start() >= HEADROOM);
        }
        let origins = frames.iter().map(|frame| (frame.ingress, frame.queue, frame.errand));
        let expected = [(DeviceIndex(3), 1, Errand::Received), (DeviceIndex(4), 0, Errand::ForGateway)];
        assert!(origins.eq(expected));
    }

    #[test]
    fn a_frame_that_fills_the_room_is_counted_as_too_long() {
        let mut burst = Burst::new(frame_len(9_000));
        let room = burst.space(0).map_or(0, |space| space.len());
        assert!(room > 9_018, "the longest good frame must fit with an octet to spare");
        keep(&mut burst, room, 1);
        keep(&mut burst, room - 1, 2);
        assert_eq!((burst.len(), burst.oversized()), (1, 1));
        assert_eq!(burst.frames()[0].octets()[0], 2);
    }

    #[test]
    fn a_full_burst_has_no_space() {
        let mut burst = Burst::new(frame_len(1_500));
        for _ in 0..FRAME_BATCH_MAX {
            assert!(burst.space(0).is_some());
            keep(&mut burst, 60, 0);
        }
        assert!(burst.space(0).is_none());
        burst.clear();
        assert!(burst.space(0).is_some());
    }

    #[test]
    fn frames_that_are_too_long_fill_a_burst_as_well() {
        let mut burst = Burst::new(frame_len(1_500));
        let room = burst.space(0).map_or(0, |space| space.len());
        for _ in 0..FRAME_BATCH_MAX {
            assert!(burst.space(0).is_some());
            keep(&mut burst, room, 0);
        }
        assert!(burst.space(0).is_none());
        assert_eq!((burst.len(), burst.oversized()), (0, FRAME_BATCH_MAX as u32));
    }

    #[test]
    fn super_packets_fill_a_burst_early_and_small_frames_do_not() {
        let mut burst = Burst::new(FRAME_LEN_MAX);
        let mut count = 0;
        while burst.space(10).is_some() {
            burst.keep(Received { length: 65_000, ..Received::default() });
            count += 1;
        }
        assert_eq!((count, burst.frames().len()), (5, 5));
        burst.clear();
        while burst.space(10).is_some() {
            burst.keep(Received { length: 60, ..Received::default() });
        }
        assert_eq!(burst.len(), FRAME_BATCH_MAX);
    }

    #[test]
    fn a_header_of_the_device_lies_before_the_frame() {
        let mut burst = Burst::new(frame_len(1_500));
        for octet in 1..=3 {
            if let Some(space) = burst.space(10) {
                space.iter_mut().take(10 + 100).for_each(|to| *to = octet);
            }
            burst.keep(Received { length: 100, ..Received::default() });
        }
        let frames = burst.frames();
        for (frame, octet) in frames.iter().zip(1..) {
            assert_eq!(frame.octets(), [octet; 100]);
            assert!(frame.start() >= HEADROOM);
        }
    }
}
