//! The MSS clamp: a SYN that promises more than the uplink takes is made to promise less (RFC 9293 section 3.7.1).

use crate::frame::ChecksumState;
use crate::wire::checksum::ChecksumUpdate;
use crate::wire::octets::{set_u16, u16_at};
use crate::wire::tcp;

/// Lowers the MSS option of a TCP segment (from its TCP header on) to `limit`, and keeps its checksum right.
pub fn clamp(segment: &mut [u8], limit: u16, state: ChecksumState) {
    let Some(at) = find_value(segment).filter(|at| u16_at(segment, *at) > limit) else { return };
    // The option may lie at an odd offset: the checksum sees the aligned words that it touches.
    let first = at & !1;
    let words = |segment: &[u8]| (u16_at(segment, first), u16_at(segment, first + 2));
    let before = words(segment);
    set_u16(segment, at, limit);
    let after = words(segment);
    if let ChecksumState::Partial { .. } = state {
        return;
    }
    let update = ChecksumUpdate::new().word(before.0, after.0).word(before.1, after.1);
    let sum = u16_at(segment, tcp::CHECKSUM);
    set_u16(segment, tcp::CHECKSUM, update.apply(sum));
}

/// Offset of the value of the first MSS option.
fn find_value(segment: &[u8]) -> Option<usize> {
    tcp::find_option(segment, tcp::option::MAXIMUM_SEGMENT_SIZE, 4).map(|at| at + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::checksum::internet_checksum;
    use alloc::vec::Vec;

    fn segment(options: &[u8]) -> Vec<u8> {
        let mut segment = alloc::vec![0; tcp::HEADER_LEN];
        segment.extend_from_slice(options);
        segment[12] = ((segment.len() / 4) << 4) as u8;
        let sum = internet_checksum(&segment);
        set_u16(&mut segment, tcp::CHECKSUM, sum);
        segment
    }

    #[test]
    fn a_larger_option_is_lowered_at_even_and_odd_offsets_with_the_checksum_right() {
        for options in [&[2, 4, 0x05, 0xb4][..], &[1, 2, 4, 0x05, 0xb4, 0, 0, 0]] {
            let mut segment = segment(options);
            clamp(&mut segment, 1_360, ChecksumState::Complete);
            let at = find_value(&segment).unwrap_or(0);
            assert_eq!((u16_at(&segment, at), internet_checksum(&segment)), (1_360, 0));
        }
    }

    #[test]
    fn a_smaller_option_a_missing_one_and_a_malformed_one_are_left_alone() {
        for options in
            [&[2, 4, 0x02, 0x18][..], &[1, 1, 1, 0], &[2, 0, 0x05, 0xb4], &[2, 60, 0x05, 0xb4], &[8, 1, 2, 4]]
        {
            let before = segment(options);
            let mut after = before.clone();
            clamp(&mut after, 1_000, ChecksumState::Complete);
            assert_eq!(after, before);
        }
    }
}
