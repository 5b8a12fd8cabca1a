//! Whether a reset from outside belongs to its connection (7857-S2.2, 5382-sec2): it must name a sequence number
//! that the internal host still waits for. All arithmetic is modulo 2^32.

use crate::counters::Direction;
use crate::session::segment::{Event, Segment, TcpFields};
use crate::session::tcp_state::{Refresh, TcpState};
use crate::wire::tcp::flag::{ACK, RST};

/// Window before the internal host has said anything, as a power of two: the largest without a scale.
const FIRST_WINDOW: u8 = 16;

/// Octets that the payload of a SYN has at most; the peer need not take them.
const SYN_PAYLOAD_MAX: u32 = 1_460;

/// Larger scales count as this one (RFC 7323 section 2.3).
const SCALE_MAX: u8 = 14;

/// Window of a connection that was joined under way, as a power of two: the largest there is, and a mark that it stays until a
/// SYN is seen, since nobody has seen the scale (6092-R32).
const JOINED_WINDOW: u8 = 30 | WINDOW_STAYS;
const WINDOW_STAYS: u8 = 0x80;

/// No scale was offered.
const NO_SCALE: u8 = 0x0f;

/// What tells a reset from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResetNumbers {
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
    /// RST, and ACK where the acknowledgement number counts.
    pub flags: u8,
}

/// What is known of the sequence numbers of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpTracking {
    /// The octet that the internal host expects next; before it has acknowledged anything, what acknowledges its SYN.
    /// As octets, since these seven fill a gap of the session.
    expected: [u8; 4],
    /// Octets that the internal host takes from there on, as a power of two, perhaps with [`WINDOW_STAYS`].
    window: u8,
    /// Scale that each side has offered: internal in the upper half, external in the lower.
    scales: u8,
    /// Whether the internal host has sent an acknowledgement.
    is_acknowledged: bool,
}

const _: () = assert!(size_of::<TcpTracking>() == 7 && align_of::<TcpTracking>() == 1);

impl TcpTracking {
    /// For protocols that do without.
    pub const NONE: Self =
        Self { expected: [0; 4], window: FIRST_WINDOW, scales: NO_SCALE << 4 | NO_SCALE, is_acknowledged: false };

    /// After the SYN that opens a connection, or opens it anew.
    pub fn opened(by: Direction, segment: &Segment) -> Self {
        let Some(tcp) = segment.tcp else { return Self::NONE };
        let mut tracking =
            Self { expected: tcp.end.to_ne_bytes(), is_acknowledged: matches!(by, Direction::Inbound), ..Self::NONE };
        tracking.note_scale(by, &tcp);
        tracking
    }

    /// After a segment from the site that joins a connection under way.
    pub fn joined(segment: &Segment) -> Self {
        let acknowledgement = segment.tcp.filter(TcpFields::has_ack).map(|tcp| tcp.acknowledgement);
        Self {
            expected: acknowledgement.unwrap_or(0).to_ne_bytes(),
            window: JOINED_WINDOW,
            is_acknowledged: acknowledgement.is_some(),
            ..Self::NONE
        }
    }

    /// Takes the machine of a connection one packet further: its state then, and what becomes of its timer.
    pub fn advance(&mut self, state: TcpState, from: Direction, segment: &Segment) -> (TcpState, Refresh) {
        // 7857-S2.2, 5382-sec2: a forged reset is translated (6146-T6) and changes nothing.
        if !self.accepts(from, segment) {
            return (state, Refresh::None);
        }
        let (next, refresh) = state.observe(from, segment);
        if refresh == Refresh::Opening && state == TcpState::BothFin {
            *self = Self::opened(from, segment);
        } else {
            self.observe(from, segment);
        }
        (next, refresh)
    }

    /// Whether a segment may change the state: all but a reset from outside that does not belong.
    pub fn accepts(&self, from: Direction, segment: &Segment) -> bool {
        let Some(tcp) = segment.tcp else { return true };
        if segment.event != Event::Reset || from == Direction::Outbound {
            return true;
        }
        if self.is_acknowledged {
            return tcp.sequence.wrapping_sub(self.expected()) < 1 << (self.window & !WINDOW_STAYS);
        }
        tcp.has_ack() && self.expected().wrapping_sub(tcp.acknowledgement) <= SYN_PAYLOAD_MAX
    }

    /// A segment passes that has not opened the connection anew.
    pub fn observe(&mut self, from: Direction, segment: &Segment) {
        let Some(tcp) = segment.tcp else { return };
        if from == Direction::Outbound && segment.opens && segment.event == Event::Open && !self.is_acknowledged {
            (self.expected, self.window) = (tcp.end.to_ne_bytes(), FIRST_WINDOW);
        }
        if segment.event == Event::Open {
            self.note_scale(from, &tcp);
        }
        if from == Direction::Outbound && tcp.has_ack() && segment.event != Event::Reset {
            self.note_acknowledgement(tcp.acknowledgement, tcp.window, segment.event == Event::Open);
        }
    }

    /// A segment passes from the site with an acknowledgement, and without SYN, FIN or RST.
    #[inline]
    pub fn acknowledge(&mut self, acknowledgement: u32, window: u16) {
        self.note_acknowledgement(acknowledgement, window, false);
    }

    #[inline]
    fn note_acknowledgement(&mut self, acknowledgement: u32, window: u16, is_syn: bool) {
        let is_ahead = acknowledgement.wrapping_sub(self.expected()) < 1 << 31;
        if self.is_acknowledged && !is_ahead {
            return;
        }
        self.expected = acknowledgement.to_ne_bytes();
        self.is_acknowledged = true;
        if self.window & WINDOW_STAYS != 0 {
            return;
        }
        let (internal, external) = (self.scales >> 4, self.scales & 0x0f);
        // RFC 7323 section 2.2: the window of a SYN is never scaled, and scales count if both sides offer one.
        let is_scaled = !is_syn && internal != NO_SCALE && external != NO_SCALE;
        let window = u32::from(window) << if is_scaled { internal } else { 0 };
        // At most 30: 16 bits of window and 14 of scale.
        self.window = (u32::BITS - window.leading_zeros()) as u8;
    }

    fn note_scale(&mut self, from: Direction, tcp: &TcpFields) {
        self.window &= !WINDOW_STAYS;
        let scale = tcp.scale.map_or(NO_SCALE, |scale| scale.min(SCALE_MAX));
        self.scales = match from {
            Direction::Outbound => scale << 4 | self.scales & 0x0f,
            Direction::Inbound => self.scales & 0xf0 | scale,
        };
    }

    /// The reset that the internal host believes: its sequence and acknowledgement numbers and its flags.
    pub fn reset(&self) -> ResetNumbers {
        match self.is_acknowledged {
            true => ResetNumbers { sequence: self.expected(), acknowledgement: 0, flags: RST },
            false => ResetNumbers { sequence: 0, acknowledgement: self.expected(), flags: RST | ACK },
        }
    }

    fn expected(&self) -> u32 {
        u32::from_ne_bytes(self.expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tcp::flag::SYN;
    use Direction::{Inbound, Outbound};
    use alloc::vec::Vec;

    fn segment(flags: u8, sequence: u32, acknowledgement: u32, window: u16, options: &[u8]) -> Segment {
        let mut octets: Vec<u8> = alloc::vec![0; 20];
        octets[4..8].copy_from_slice(&sequence.to_be_bytes());
        octets[8..12].copy_from_slice(&acknowledgement.to_be_bytes());
        (octets[12], octets[13]) = ((5 + options.len() as u8 / 4) << 4, flags);
        octets[14..16].copy_from_slice(&window.to_be_bytes());
        octets.extend_from_slice(options);
        Segment::of_tcp(&octets)
    }

    fn belongs(tracking: &TcpTracking, flags: u8, sequence: u32, acknowledgement: u32) -> bool {
        tracking.accepts(Inbound, &segment(flags, sequence, acknowledgement, 0, &[]))
    }

    #[test]
    fn a_reset_that_answers_a_syn_must_acknowledge_it_7857_s2_2() {
        let tracking = TcpTracking::opened(Outbound, &segment(SYN, u32::MAX, 0, 1_000, &[]));
        assert!(belongs(&tracking, RST | ACK, 0, 0));
        assert!(belongs(&tracking, RST | ACK, 0, 0_u32.wrapping_sub(1_460)));
        assert!(!belongs(&tracking, RST | ACK, 0, 1));
        assert!(!belongs(&tracking, RST | ACK, 0, 0_u32.wrapping_sub(1_461)));
        assert!(!belongs(&tracking, RST, 0, 0));
    }

    #[test]
    fn a_reset_must_lie_in_the_window_of_the_internal_host_5382_sec2() {
        let mut tracking = TcpTracking::opened(Outbound, &segment(SYN, 10, 0, 1_000, &[]));
        tracking.observe(Inbound, &segment(SYN | ACK, 500, 11, 9, &[]));
        tracking.observe(Outbound, &segment(ACK, 11, 501, 1_000, &[]));
        for (sequence, expected) in [(501, true), (500, false), (501 + 1_023, true), (501 + 1_024, false)] {
            assert_eq!(belongs(&tracking, RST, sequence, 0), expected, "{sequence}");
        }
        // What the internal host had acknowledged before does not move the window back.
        tracking.observe(Outbound, &segment(ACK, 11, 400, 9, &[]));
        assert!(belongs(&tracking, RST, 501 + 1_023, 0));
        assert!(tracking.accepts(Outbound, &segment(RST, 0xdead_beef, 0, 0, &[])));
    }

    #[test]
    fn the_window_is_scaled_where_both_sides_offer_it() {
        let scale = [3, 3, 20, 0];
        let mut tracking = TcpTracking::opened(Outbound, &segment(SYN, 10, 0, 1_000, &scale));
        let mut unscaled = tracking;
        tracking.observe(Inbound, &segment(SYN | ACK, 0, 11, 9, &[1, 3, 3, 2]));
        unscaled.observe(Inbound, &segment(SYN | ACK, 0, 11, 9, &[]));
        for (tracking, window) in [(&mut tracking, 1_u32 << 30), (&mut unscaled, 1 << 16)] {
            tracking.observe(Outbound, &segment(ACK, 11, 1, u16::MAX, &[]));
            assert!(belongs(tracking, RST, window, 0) && !belongs(tracking, RST, window + 1, 0));
        }
    }

    #[test]
    fn a_connection_joined_under_way_has_the_largest_window_until_a_syn_is_seen_6092_r32() {
        let mut tracking = TcpTracking::joined(&segment(ACK, 900, 100, 10, &[]));
        for (expected, acknowledgement) in [(100, 100), (200, 200)] {
            tracking.observe(Outbound, &segment(ACK, 900, acknowledgement, 10, &[]));
            assert!(belongs(&tracking, RST, expected + (1 << 30) - 1, 0));
            assert!(!belongs(&tracking, RST, expected + (1 << 30), 0) && !belongs(&tracking, RST, expected - 1, 0));
        }
        tracking.observe(Inbound, &segment(SYN | ACK, 0, 0, 10, &[]));
        assert!(belongs(&tracking, RST, 200 + (1 << 30) - 1, 0));
        tracking.observe(Outbound, &segment(ACK, 900, 200, 10, &[]));
        assert!(belongs(&tracking, RST, 215, 0) && !belongs(&tracking, RST, 216, 0));
        let silent = TcpTracking::joined(&segment(0, 900, 100, 10, &[]));
        assert!(
            belongs(&silent, RST | ACK, 0, 0) && !belongs(&silent, RST, 0, 0) && !belongs(&silent, RST | ACK, 0, 1)
        );
    }

    #[test]
    fn a_connection_opened_from_outside_is_checked_from_its_first_syn_on() {
        let tracking = TcpTracking::opened(Inbound, &segment(SYN, 70, 0, 0, &[]));
        assert!(belongs(&tracking, RST, 71, 0) && belongs(&tracking, RST, 71 + 65_535, 0));
        assert!(!belongs(&tracking, RST, 70, 0) && !belongs(&tracking, RST, 71 + 65_536, 0));
    }
}
