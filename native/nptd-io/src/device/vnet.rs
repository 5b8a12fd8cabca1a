//! The virtio-net header in front of each frame: what the kernel has left for somebody else to finish, and what we leave to
//! it. Ten octets in the byte order of the machine; nothing else of the frame is looked at.

use nptd_core::frame::{ChecksumState, Segmentation};

/// Octets of the header.
pub const HEADER_LEN: usize = 10;

/// `VIRTIO_NET_HDR_F_NEEDS_CSUM` and `VIRTIO_NET_HDR_F_DATA_VALID`.
const NEEDS_CHECKSUM: u8 = 1;
const IS_VALID: u8 = 2;

/// `VIRTIO_NET_HDR_GSO_…`.
const NO_SEGMENTS: u8 = 0;
const TCP4: u8 = 1;
const TCP6: u8 = 4;
const UDP: u8 = 5;
/// TCP with CWR, which belongs to the first segment. Whoever cuts it sees that in its header too.
const WITH_CWR: u8 = 0x80;

/// Octets of the longest transport header.
const TRANSPORT_LEN_MAX: u16 = 60;

/// What the header of a received frame says; none where it speaks of what was not asked for.
pub fn read(header: [u8; HEADER_LEN]) -> Option<(ChecksumState, Segmentation)> {
    let [flags, kind, _, _, size0, size1, start0, start1, offset0, offset1] = header;
    let checksum = match flags & (NEEDS_CHECKSUM | IS_VALID) {
        0 => ChecksumState::Complete,
        IS_VALID => ChecksumState::Vouched,
        _ => ChecksumState::Partial {
            start: u16::from_ne_bytes([start0, start1]),
            offset: u16::from_ne_bytes([offset0, offset1]),
        },
    };
    let size = u16::from_ne_bytes([size0, size1]);
    let segmentation = match kind & !WITH_CWR {
        NO_SEGMENTS => Segmentation::None,
        TCP4 => Segmentation::Tcp4(size),
        TCP6 => Segmentation::Tcp6(size),
        UDP => Segmentation::Udp(size),
        _ => return None,
    };
    Some((checksum, segmentation))
}

/// The header of a frame of that many octets to be sent.
pub fn write(checksum: ChecksumState, segmentation: Segmentation, length: usize) -> [u8; HEADER_LEN] {
    let (flags, start, offset) = match checksum {
        ChecksumState::Complete => (0, 0, 0),
        ChecksumState::Vouched => (IS_VALID, 0, 0),
        ChecksumState::Partial { start, offset } => (NEEDS_CHECKSUM, start, offset),
    };
    let (kind, size) = match segmentation {
        Segmentation::None => (NO_SEGMENTS, 0),
        Segmentation::Tcp4(size) => (TCP4, size),
        Segmentation::Tcp6(size) => (TCP6, size),
        Segmentation::Udp(size) => (UDP, size),
    };
    // A hint how much the kernel shall keep in one piece: a super-packet's headers, so that it need not move them.
    let headers = match segmentation {
        Segmentation::None => 0,
        Segmentation::Tcp4(_) | Segmentation::Tcp6(_) | Segmentation::Udp(_) => {
            start.saturating_add(TRANSPORT_LEN_MAX).min(u16::try_from(length).unwrap_or(u16::MAX))
        }
    };
    let [headers, size, start, offset] = [headers, size, start, offset].map(u16::to_ne_bytes);
    let [[h0, h1], [s0, s1], [c0, c1], [o0, o1]] = [headers, size, start, offset];
    [flags, kind, h0, h1, s0, s1, c0, c1, o0, o1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let partial = ChecksumState::Partial { start: 34, offset: 16 };
        for (checksum, segmentation) in [
            (ChecksumState::Complete, Segmentation::None),
            (ChecksumState::Vouched, Segmentation::None),
            (partial, Segmentation::None),
            (partial, Segmentation::Tcp4(1_448)),
            (partial, Segmentation::Tcp6(1_428)),
            (partial, Segmentation::Udp(1_200)),
        ] {
            assert_eq!(read(write(checksum, segmentation, 40_000)), Some((checksum, segmentation)));
        }
    }

    #[test]
    fn the_octets_are_those_of_the_kernel_header() {
        let header = write(ChecksumState::Partial { start: 34, offset: 6 }, Segmentation::Udp(1_000), 9_000);
        let words = [94_u16, 1_000, 34, 6].map(u16::to_ne_bytes);
        assert_eq!(header, [&[1, 5], words.as_flattened()].concat()[..]);
    }

    #[test]
    fn cwr_is_no_kind_of_its_own_and_unknown_kinds_are_refused() {
        let with_cwr = |kind: u8| [1, kind | WITH_CWR, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(read(with_cwr(TCP4)).map(|(_, segmentation)| segmentation), Some(Segmentation::Tcp4(0)));
        assert_eq!(read(with_cwr(3)), None);
    }
}
