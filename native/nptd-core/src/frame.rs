//! A frame: layer 2 octets in a caller-owned buffer, what the device said about them, and the outcome.

use crate::verdict::{DropReason, Verdict};
use crate::wire::checksum::internet_checksum;
use crate::wire::endpoint::Endpoint;
use crate::wire::octets::{set_u16, tail};

/// Octets kept free in front of every received frame, so that headers can grow in place.
pub const HEADROOM: usize = 64;

/// Longest frame accepted, headers included: one 64 KiB super-packet behind an Ethernet header.
pub const FRAME_LEN_MAX: usize = 65_536 + 14;

/// Most frames that one call of the pipeline takes.
pub const FRAME_BATCH_MAX: usize = 64;

/// Index of a device in the plan's device list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceIndex(pub u16);

/// State of the transport checksum of a frame, as a virtio-net header describes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChecksumState {
    /// The field on the wire is finished; whether it is right is not known.
    #[default]
    Complete,
    /// The field holds the folded, un-complemented pseudo-header sum; the receiver completes it.
    Partial {
        /// Where summing starts, counted from the first octet of the frame.
        start: u16,
        /// Where the checksum field lies, counted from `start`.
        offset: u16,
    },
    /// The sender vouches for it; the field may hold anything.
    Vouched,
}

/// How a super-packet is to be cut into segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Segmentation {
    /// An ordinary frame.
    #[default]
    None,
    /// TCP over IPv4, in segments of this many octets of payload; the last one may be shorter.
    Tcp4(u16),
    /// The same over IPv6.
    Tcp6(u16),
    /// UDP over either, in datagrams of this many octets of payload; the last one may be shorter.
    Udp(u16),
}

/// What a device takes although it is not finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offloads {
    /// Partial checksums.
    pub checksum: bool,
    /// Super-packets of TCP.
    pub tcp: bool,
    /// Super-packets of UDP.
    pub udp: bool,
}

impl Offloads {
    /// Whether the device takes a frame that is to be cut like this.
    pub const fn takes(self, segmentation: Segmentation) -> bool {
        match segmentation {
            Segmentation::None => true,
            Segmentation::Tcp4(_) | Segmentation::Tcp6(_) => self.tcp,
            Segmentation::Udp(_) => self.udp,
        }
    }
}

/// What a worker is to do with a frame that another one hands over, as received unless something else is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Errand {
    /// All of it, as if it had been received there.
    #[default]
    Received,
    /// It is for the gateway itself: no session says otherwise.
    ForGateway,
    /// The first fragment of a datagram whose other fragments have room at its home.
    FirstFragment,
    /// The second half of an IPv4 hairpin.
    Arrive4 {
        /// The uplink.
        slot: u8,
        /// External endpoint that the first half gave its sender.
        sender: Endpoint,
        /// External endpoint that it is for.
        target: Endpoint,
    },
    /// The second half of an ICMP error that the first half has rewritten.
    ArriveError4 {
        /// The uplink.
        slot: u8,
        /// Its destination as it was received.
        received: u32,
    },
    /// The second half of an IPv6 hairpin through the filter.
    Arrive6,
}

/// One frame on its way through the pipeline.
///
/// The octets live in `buffer[start..end]`; space before and after belongs to the frame as well.
pub struct Frame<'a> {
    buffer: &'a mut [u8],
    start: usize,
    end: usize,
    /// Device the frame came in by.
    pub ingress: DeviceIndex,
    /// Queue of that device.
    pub queue: u8,
    /// What is known of the transport checksum.
    pub checksum: ChecksumState,
    /// Whether this is a super-packet.
    pub segmentation: Segmentation,
    /// Device the frame leaves by when the verdict is `Forward` or `Reply`.
    pub egress: DeviceIndex,
    /// The outcome; written once by the pipeline.
    pub verdict: Verdict,
    /// What is left to do, if another worker has had it before.
    pub errand: Errand,
}

impl<'a> Frame<'a> {
    /// A received frame whose octets are `buffer[start..start + length]`.
    ///
    /// Lengths beyond the buffer are cut to it, so that a wrong caller gets a truncated packet, not a panic.
    pub fn new(buffer: &'a mut [u8], start: usize, length: usize, ingress: DeviceIndex) -> Self {
        let start = start.min(buffer.len());
        let end = start.saturating_add(length).min(buffer.len());
        Self {
            buffer,
            start,
            end,
            ingress,
            queue: 0,
            checksum: ChecksumState::Complete,
            segmentation: Segmentation::None,
            egress: ingress,
            verdict: Verdict::Drop(DropReason::NotProcessed),
            errand: Errand::Received,
        }
    }

    /// The octets of the frame.
    pub fn octets(&self) -> &[u8] {
        self.some_octets().unwrap_or(&[])
    }

    /// The octets of the frame, to be changed in place.
    pub fn octets_mut(&mut self) -> &mut [u8] {
        self.some_octets_mut().unwrap_or(&mut [])
    }

    /// The same for whoever does nothing where there are none: fewer instructions.
    #[inline(always)]
    pub(crate) fn some_octets(&self) -> Option<&[u8]> {
        self.buffer.get(self.start..self.end)
    }

    #[inline(always)]
    pub(crate) fn some_octets_mut(&mut self) -> Option<&mut [u8]> {
        self.buffer.get_mut(self.start..self.end)
    }

    /// Where the octets start in the caller's buffer.
    pub fn start(&self) -> usize {
        self.start
    }

    /// Number of octets.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether the frame has no octets.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// State of the checksum of the transport header at an offset. A partial one that starts elsewhere is that of a
    /// packet inside, and no change of these headers concerns it.
    pub fn checksum_at(&self, transport: usize) -> ChecksumState {
        match self.checksum {
            ChecksumState::Partial { start, .. } if usize::from(start) != transport => ChecksumState::Complete,
            state @ (ChecksumState::Complete | ChecksumState::Partial { .. } | ChecksumState::Vouched) => state,
        }
    }

    /// Whether it is a super-packet.
    pub fn is_super(&self) -> bool {
        self.segmentation != Segmentation::None
    }

    /// The caller's buffer, in which [`Self::start`] counts.
    pub fn buffer(&self) -> &[u8] {
        self.buffer
    }

    /// Removes octets at the front (at most all of them); where a partial checksum starts moves along.
    pub fn strip_front(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if let ChecksumState::Partial { start, .. } = &mut self.checksum {
            *start = start.saturating_sub(count as u16);
        }
    }

    /// Makes room for `count` octets at the front; false, and unchanged, when the headroom is used up.
    #[must_use]
    pub fn grow_front(&mut self, count: usize) -> bool {
        let Some(start) = self.start.checked_sub(count) else {
            return false;
        };
        self.start = start;
        if let ChecksumState::Partial { start, .. } = &mut self.checksum {
            *start = start.saturating_add(count as u16);
        }
        true
    }

    /// Finishes a partial checksum in place, where that cannot be left to the receiver.
    pub fn finish_checksum(&mut self) {
        let ChecksumState::Partial { start, offset } = self.checksum else { return };
        let (start, field) = (usize::from(start), usize::from(start) + usize::from(offset));
        let sum = internet_checksum(tail(self.octets(), start));
        // Zero would mean "none" to UDP (RFC 768); elsewhere both stand for the same sum.
        set_u16(self.octets_mut(), field, if sum == 0 { 0xffff } else { sum });
        self.checksum = ChecksumState::Complete;
    }

    /// Cuts the frame to `length` octets if it is longer (Ethernet padding, for one).
    #[inline(always)]
    pub fn truncate(&mut self, length: usize) {
        if length < self.len() {
            self.end = self.start.wrapping_add(length);
        }
    }
}
