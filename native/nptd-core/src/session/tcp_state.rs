//! The TCP session machine of RFC 6146 section 3.5.2 and RFC 7857 section 2, with both sides alike
//! (6146-T1, 7857-S2). Flags alone decide, so that every valid sequence passes (5382-R2).

use crate::counters::Direction;
use crate::session::segment::{Event, Segment};
use crate::time::Duration;

/// How long a connection that the gateway has reset is answered with resets.
pub const RESET_LIFETIME: Duration = Duration::from_secs(240);

/// State of a TCP session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TcpState {
    /// A SYN was seen from the site (RFC 6146: V6 INIT).
    InitOutbound,
    /// A SYN was seen from outside (V4 INIT).
    InitInbound,
    /// SYNs were seen from both sides.
    Established,
    /// The internal side has sent its FIN.
    InternalFin,
    /// The external side has sent its FIN.
    ExternalFin,
    /// Both sides have sent a FIN.
    BothFin,
    /// A RST was seen.
    Transitory,
    /// The gateway has reset it, since its uplink is to be left: nothing passes any more.
    Reset,
}

/// What a segment does to the lifetime of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// Starts the long timer anew.
    Established,
    /// Starts the timer of connections that open anew (7857-S2.1).
    Opening,
    /// Starts the timer of connections that close anew.
    Closing,
    /// Leaves the timer alone.
    None,
}

impl TcpState {
    /// The state that a first SYN opens.
    pub const fn opened(by: Direction) -> Self {
        match by {
            Direction::Outbound => Self::InitOutbound,
            Direction::Inbound => Self::InitInbound,
        }
    }

    /// The name operators see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InitOutbound | Self::InitInbound => "INIT",
            Self::Established => "ESTABLISHED",
            Self::InternalFin => "INTERNAL-FIN",
            Self::ExternalFin => "EXTERNAL-FIN",
            Self::BothFin => "BOTH-FIN",
            Self::Transitory => "TRANS",
            Self::Reset => "RESET",
        }
    }

    /// The state after a segment from one side, and what it does to the timer.
    #[must_use]
    pub const fn observe(self, from: Direction, segment: &Segment) -> (Self, Refresh) {
        let rst = matches!(segment.event, Event::Reset);
        let syn = matches!(segment.event, Event::Open);
        let fin = matches!(segment.event, Event::Finish);
        match self {
            Self::Reset => (self, Refresh::None),
            // 6146-T7: anything but another RST shows that the connection lives on.
            Self::Transitory if rst => (self, Refresh::None),
            Self::Transitory => (Self::Established, Refresh::Established),
            // 6146-T5: both FINs seen; the timer runs out unless the connection is opened again.
            Self::BothFin if syn && segment.opens => (Self::opened(from), Refresh::Opening),
            Self::BothFin => (self, Refresh::None),
            // 6146-T6, 7857-S2.2: the session is kept for the closing timer, not deleted (2663-2.6).
            // 7857-S7.1: with a RST the site refuses whoever called; that must not keep the session alive.
            Self::InitInbound if rst && matches!(from, Direction::Outbound) => (Self::Transitory, Refresh::None),
            _ if rst => (Self::Transitory, Refresh::Closing),
            Self::InitOutbound | Self::InitInbound => self.observe_opening(from, syn),
            Self::Established if fin => (Self::after_first_fin(from), Refresh::Established),
            // 6146-T4: half-closed connections carry data, so the long timer stays.
            Self::InternalFin if fin && matches!(from, Direction::Inbound) => (Self::BothFin, Refresh::Closing),
            Self::ExternalFin if fin && matches!(from, Direction::Outbound) => (Self::BothFin, Refresh::Closing),
            Self::Established | Self::InternalFin | Self::ExternalFin => (self, Refresh::Established),
        }
    }

    const fn observe_opening(self, from: Direction, syn: bool) -> (Self, Refresh) {
        let same_side =
            matches!((self, from), (Self::InitOutbound, Direction::Outbound) | (Self::InitInbound, Direction::Inbound));
        match (syn, same_side) {
            // 6146-T2.
            (true, true) => (self, Refresh::Opening),
            // 6146-T3, with or without ACK: a simultaneous open too (5382-R2a).
            (true, false) => (Self::Established, Refresh::Established),
            (false, _) => (self, Refresh::None),
        }
    }

    const fn after_first_fin(from: Direction) -> Self {
        match from {
            Direction::Outbound => Self::InternalFin,
            Direction::Inbound => Self::ExternalFin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tcp::flag::{ACK, FIN, RST, SYN};
    use Direction::{Inbound, Outbound};

    fn segment(flags: u8) -> Segment {
        let mut octets = [0; 20];
        (octets[12], octets[13]) = (0x50, flags);
        Segment::of_tcp(&octets)
    }

    fn run(segments: &[(Direction, u8)]) -> (TcpState, Refresh) {
        let start = TcpState::opened(segments[0].0);
        segments[1..]
            .iter()
            .fold((start, Refresh::Opening), |(state, _), (from, flags)| state.observe(*from, &segment(*flags)))
    }

    #[test]
    fn handshake_establishes_6146_t3() {
        assert_eq!(run(&[(Outbound, SYN), (Inbound, SYN | ACK)]), (TcpState::Established, Refresh::Established));
    }

    #[test]
    fn simultaneous_open_establishes_5382_r2a() {
        assert_eq!(run(&[(Outbound, SYN), (Inbound, SYN)]), (TcpState::Established, Refresh::Established));
    }

    #[test]
    fn repeated_syn_restarts_the_opening_timer_6146_t2() {
        assert_eq!(run(&[(Outbound, SYN), (Outbound, SYN)]), (TcpState::InitOutbound, Refresh::Opening));
    }

    #[test]
    fn one_fin_keeps_the_long_timer_6146_t4() {
        let open = [(Outbound, SYN), (Inbound, SYN | ACK), (Outbound, FIN | ACK), (Inbound, ACK)];
        assert_eq!(run(&open), (TcpState::InternalFin, Refresh::Established));
    }

    #[test]
    fn both_fins_start_the_closing_timer_in_either_order_6146_t5() {
        for (first, second) in [(Outbound, Inbound), (Inbound, Outbound)] {
            let segments = [(Outbound, SYN), (Inbound, SYN | ACK), (first, FIN), (second, FIN)];
            assert_eq!(run(&segments), (TcpState::BothFin, Refresh::Closing));
        }
    }

    #[test]
    fn reset_is_kept_and_undone_by_data_6146_t6_t7() {
        let reset = [(Outbound, SYN), (Inbound, SYN | ACK), (Inbound, RST)];
        assert_eq!(run(&reset), (TcpState::Transitory, Refresh::Closing));
        let data = [(Outbound, SYN), (Inbound, SYN | ACK), (Inbound, RST), (Outbound, ACK)];
        assert_eq!(run(&data), (TcpState::Established, Refresh::Established));
    }

    #[test]
    fn a_syn_reopens_a_closed_connection() {
        let segments = [(Outbound, SYN), (Inbound, SYN | ACK), (Outbound, FIN), (Inbound, FIN), (Inbound, SYN)];
        assert_eq!(run(&segments), (TcpState::InitInbound, Refresh::Opening));
    }

    #[test]
    fn a_reset_from_inside_that_refuses_a_caller_refreshes_nothing_7857_s7_1() {
        assert_eq!(run(&[(Inbound, SYN), (Outbound, RST | ACK)]), (TcpState::Transitory, Refresh::None));
        assert_eq!(run(&[(Inbound, SYN), (Inbound, RST)]), (TcpState::Transitory, Refresh::Closing));
        assert_eq!(run(&[(Outbound, SYN), (Outbound, RST)]), (TcpState::Transitory, Refresh::Closing));
    }
}
