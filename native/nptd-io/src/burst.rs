//! Memory for one burst of received frames.

use arrayvec::ArrayVec;
use nptd_core::frame::{ChecksumState, DeviceIndex, FRAME_BATCH_MAX, Frame, HEADROOM, Segmentation};

/// Octets of an Ethernet header with one VLAN tag: what a frame has beyond the MTU.
const LINK_HEADER_MAX: usize = 14 + 4;

/// Shortest room for a frame, so that small MTUs still leave space to grow in place.
const ROOM_MIN: usize = 2_048;

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

/// Buffers of one burst, filled by a device and lent to the pipeline as frames.
///
/// Each buffer has [`HEADROOM`] octets before the room that the device writes to. Buffers lie a stride apart that
/// is no power of two: otherwise the headers of all frames would fight for the same sets of the cache.
pub struct Burst {
    memory: Vec<u8>,
    stride: usize,
    room: usize,
    received: ArrayVec<Received, FRAME_BATCH_MAX>,
    oversized: u32,
}

impl Burst {
    /// Buffers for frames with packets of up to `mtu` octets.
    pub fn new(mtu: usize) -> Self {
        // One octet more than the longest frame: a device that fills it has delivered too much.
        let room = (mtu + LINK_HEADER_MAX + 1).max(ROOM_MIN);
        let lines = (HEADROOM + room).div_ceil(64);
        let stride = 64 * if lines.is_power_of_two() { lines + 1 } else { lines };
        Self { memory: vec![0; stride * FRAME_BATCH_MAX], stride, room, received: ArrayVec::new(), oversized: 0 }
    }

    /// Forgets the frames.
    pub fn clear(&mut self) {
        self.received.clear();
        self.oversized = 0;
    }

    /// Room for the next frame; none when the burst is full. Frames that were too long take a place as well, or a
    /// flood of them would never let the worker go on.
    pub fn space(&mut self) -> Option<&mut [u8]> {
        if self.received.len() + self.oversized as usize >= FRAME_BATCH_MAX {
            return None;
        }
        let start = self.received.len() * self.stride + HEADROOM;
        self.memory.get_mut(start..start + self.room)
    }

    /// Keeps the frame just written to [`Self::space`]; one that fills the room was cut and is only counted.
    pub fn keep(&mut self, received: Received) {
        if received.length >= self.room || self.received.try_push(received).is_err() {
            self.oversized += 1;
        }
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
    pub fn frames(&mut self, ingress: DeviceIndex) -> ArrayVec<Frame<'_>, FRAME_BATCH_MAX> {
        let buffers = self.memory.chunks_exact_mut(self.stride);
        buffers
            .zip(&self.received)
            .map(|(buffer, received)| {
                let mut frame = Frame::new(buffer, HEADROOM, received.length, ingress);
                frame.checksum = received.checksum;
                frame.segmentation = received.segmentation;
                frame
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use nptd_core::frame::{DeviceIndex, FRAME_BATCH_MAX, HEADROOM};

    use super::{Burst, Received};

    fn keep(burst: &mut Burst, length: usize, octet: u8) {
        if let Some(space) = burst.space() {
            space.iter_mut().take(length).for_each(|to| *to = octet);
        }
        burst.keep(Received { length, ..Received::default() });
    }

    #[test]
    fn frames_come_back_whole_and_with_headroom() {
        let mut burst = Burst::new(1_500);
        keep(&mut burst, 60, 1);
        keep(&mut burst, 1_518, 2);
        let frames = burst.frames(DeviceIndex(3));
        assert_eq!(frames.len(), 2);
        for (frame, (length, octet)) in frames.iter().zip([(60, 1), (1_518, 2)]) {
            assert_eq!(frame.octets(), vec![octet; length]);
            assert_eq!(frame.start(), HEADROOM);
            assert_eq!(frame.ingress, DeviceIndex(3));
        }
    }

    #[test]
    fn a_frame_that_fills_the_room_is_counted_as_too_long() {
        let mut burst = Burst::new(9_000);
        let room = burst.space().map_or(0, |space| space.len());
        assert!(room > 9_018, "the longest good frame must fit with an octet to spare");
        keep(&mut burst, room, 1);
        keep(&mut burst, room - 1, 2);
        assert_eq!((burst.len(), burst.oversized()), (1, 1));
        assert_eq!(burst.frames(DeviceIndex(0))[0].octets()[0], 2);
    }

    #[test]
    fn a_full_burst_has_no_space() {
        let mut burst = Burst::new(1_500);
        for _ in 0..FRAME_BATCH_MAX {
            assert!(burst.space().is_some());
            keep(&mut burst, 60, 0);
        }
        assert!(burst.space().is_none());
        burst.clear();
        assert!(burst.space().is_some());
    }

    #[test]
    fn frames_that_are_too_long_fill_a_burst_as_well() {
        let mut burst = Burst::new(1_500);
        let room = burst.space().map_or(0, |space| space.len());
        for _ in 0..FRAME_BATCH_MAX {
            assert!(burst.space().is_some());
            keep(&mut burst, room, 0);
        }
        assert!(burst.space().is_none());
        assert_eq!((burst.len(), burst.oversized()), (0, FRAME_BATCH_MAX as u32));
    }

    #[test]
    fn no_stride_is_a_power_of_two() {
        for mtu in 68..=10_000 {
            assert!(!Burst::new(mtu).stride.is_power_of_two());
        }
    }
}
