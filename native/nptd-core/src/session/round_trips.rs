//! Proof of life: round trips of the site's own traffic by an uplink that probes doubt.
//!
//! While an uplink is watched, a new session that gets its first answer proves a round trip, and so does an acknowledgement of
//! data that was sent since. Inbound packets alone prove nothing: an uplink may have lost its way out only. The watch begins
//! when a probe is judged as missed, which takes longer than what was on its way before needs to come back.

use alloc::vec::Vec;

use crate::counters::Direction;
use crate::plan::SLOTS_MAX;
use crate::session::segment::{Event, Segment};
use crate::time::{Duration, Instant};

/// Flows of one uplink that are waited for at once.
const FLOWS_MAX: usize = 8;

/// A flow without an answer for so long makes room for another.
const PATIENCE: Duration = Duration::from_secs(2);

/// Round trips of one uplink are not told more often.
const TELL_INTERVAL: Duration = Duration::from_millis(250);

/// A proven round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundTrip {
    /// Slot of the uplink.
    pub slot: u8,
    /// When what was answered left.
    pub started_at: Instant,
    /// When the answer came.
    pub at: Instant,
}

/// The watch over all uplinks in one family; flows are named by the position of their session.
pub struct RoundTrips {
    watched: u16,
    uplinks: Vec<Watch>,
}

#[derive(Clone, Copy, Default)]
struct Watch {
    flows: [Option<Sent>; FLOWS_MAX],
    told: Option<Instant>,
    proven: Option<RoundTrip>,
}

/// What waits for an answer.
#[derive(Clone, Copy)]
struct Sent {
    position: u32,
    at: Instant,
    awaits: Awaits,
}

#[derive(Clone, Copy)]
enum Awaits {
    /// Any packet of a new session.
    Anything,
    /// The acknowledgement of this sequence number.
    Acknowledgement(u32),
}

/// Uplinks that are watched, one bit a slot.
#[derive(Clone, Copy, Debug)]
pub struct Watched(u16);

impl Watched {
    /// Whether one of them is.
    #[inline(always)]
    pub fn has(self, slot: u8) -> bool {
        self.0 != 0 && self.0.checked_shr(u32::from(slot)).unwrap_or(0) & 1 != 0
    }
}

impl Default for RoundTrips {
    fn default() -> Self {
        Self { watched: 0, uplinks: alloc::vec![Watch::default(); SLOTS_MAX] }
    }
}

impl RoundTrips {
    /// Says which uplinks are watched from now on, one bit a slot.
    pub fn watch(&mut self, slots: u16) {
        let begun = slots & !self.watched;
        for (slot, watch) in (0_u32..).zip(&mut self.uplinks) {
            if begun >> slot & 1 != 0 {
                watch.flows = [None; FLOWS_MAX];
            }
        }
        self.watched = slots;
    }

    /// Whether an uplink is watched: all that most packets are asked.
    #[inline]
    pub fn watches(&self, slot: u8) -> bool {
        self.watched().has(slot)
    }

    /// Which uplinks are watched.
    #[inline]
    pub fn watched(&self) -> Watched {
        Watched(self.watched)
    }

    /// A session has begun on a watched uplink; one from inside waits for its first answer.
    pub fn opened(&mut self, slot: u8, position: u32, by: Direction, now: Instant) {
        let Some(watch) = self.uplinks.get_mut(usize::from(slot)) else { return };
        // The place may have been that of another session.
        watch.forget(position);
        if by == Direction::Outbound {
            watch.expect(Sent { position, at: now, awaits: Awaits::Anything }, now);
        }
    }

    /// A packet of a session on a watched uplink passes.
    pub fn observe(&mut self, slot: u8, position: u32, from: Direction, segment: &Segment, now: Instant) {
        let Some(watch) = self.uplinks.get_mut(usize::from(slot)) else { return };
        match from {
            Direction::Outbound => watch.send(position, segment, now),
            Direction::Inbound => watch.receive(slot, position, segment, now),
        }
    }

    /// The next proven round trip that is to be told.
    pub fn take(&mut self) -> Option<RoundTrip> {
        self.uplinks.iter_mut().find_map(|watch| watch.proven.take())
    }
}

impl Watch {
    fn send(&mut self, position: u32, segment: &Segment, now: Instant) {
        let Some(tcp) = segment.tcp.filter(|tcp| tcp.end != tcp.sequence && segment.event != Event::Reset) else {
            return;
        };
        if self.flows.iter().flatten().all(|sent| sent.position != position) {
            self.expect(Sent { position, at: now, awaits: Awaits::Acknowledgement(tcp.end) }, now);
        }
    }

    fn receive(&mut self, slot: u8, position: u32, segment: &Segment, now: Instant) {
        let answers = |sent: &Sent| match (sent.awaits, segment.tcp) {
            (Awaits::Anything, _) => true,
            (Awaits::Acknowledgement(end), Some(tcp)) => {
                tcp.has_ack() && tcp.acknowledgement.wrapping_sub(end) < 1 << 31
            }
            (Awaits::Acknowledgement(_), None) => false,
        };
        let place = self.flows.iter_mut().find(|place| place.is_some_and(|sent| sent.position == position));
        let Some(sent) = place.and_then(|place| if place.as_ref().is_some_and(answers) { place.take() } else { None })
        else {
            return;
        };
        if self.told.is_none_or(|told| now.since(told) >= TELL_INTERVAL) {
            self.told = Some(now);
            self.proven = Some(RoundTrip { slot, started_at: sent.at, at: now });
        }
    }

    fn expect(&mut self, sent: Sent, now: Instant) {
        let has_room = |place: &&mut Option<Sent>| place.is_none_or(|sent| now.since(sent.at) >= PATIENCE);
        if let Some(place) = self.flows.iter_mut().find(has_room) {
            *place = Some(sent);
        }
    }

    fn forget(&mut self, position: u32) {
        for place in &mut self.flows {
            place.take_if(|sent| sent.position == position);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tcp::flag::{ACK, RST, SYN};
    use Direction::{Inbound, Outbound};

    const SLOT: u8 = 3;

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1_000)
    }

    fn watching() -> RoundTrips {
        let mut trips = RoundTrips::default();
        trips.watch(1 << SLOT);
        trips
    }

    /// A segment of so many octets.
    fn segment(flags: u8, sequence: u32, acknowledgement: u32, octets: usize) -> Segment {
        let mut whole = alloc::vec![0; 20 + octets];
        whole[4..8].copy_from_slice(&sequence.to_be_bytes());
        whole[8..12].copy_from_slice(&acknowledgement.to_be_bytes());
        (whole[12], whole[13]) = (5 << 4, flags);
        Segment::of_tcp(&whole)
    }

    fn proven(started: u64, came: u64) -> Option<RoundTrip> {
        Some(RoundTrip { slot: SLOT, started_at: at(started), at: at(came) })
    }

    #[test]
    fn the_first_answer_to_a_session_from_inside_proves_a_round_trip_and_no_other_packet_does() {
        let mut trips = watching();
        trips.opened(SLOT, 7, Outbound, at(10));
        trips.opened(SLOT, 8, Inbound, at(10));
        for position in [8, 9] {
            trips.observe(SLOT, position, Inbound, &Segment::PLAIN, at(20));
            assert_eq!(trips.take(), None);
        }
        trips.observe(SLOT, 7, Outbound, &Segment::PLAIN, at(25));
        trips.observe(SLOT, 7, Inbound, &Segment::PLAIN, at(30));
        assert_eq!(trips.take(), proven(10, 30));
        trips.observe(SLOT, 7, Inbound, &Segment::PLAIN, at(1_000));
        assert_eq!(trips.take(), None);
    }

    #[test]
    fn an_acknowledgement_of_what_was_sent_since_the_watch_began_proves_one() {
        let mut trips = watching();
        let send = |trips: &mut RoundTrips, ms, segment: &Segment| trips.observe(SLOT, 5, Outbound, segment, at(ms));
        let receive = |trips: &mut RoundTrips, ms, acknowledgement| {
            trips.observe(SLOT, 5, Inbound, &segment(ACK, 0, acknowledgement, 400), at(ms));
            trips.take()
        };
        send(&mut trips, 0, &segment(ACK, 100, 0, 0));
        send(&mut trips, 0, &segment(RST | ACK, 100, 0, 3));
        assert_eq!(receive(&mut trips, 1, 500), None);
        send(&mut trips, 10, &segment(ACK, u32::MAX - 9, 0, 20));
        send(&mut trips, 12, &segment(ACK, 10, 0, 20));
        assert_eq!(receive(&mut trips, 20, u32::MAX), None);
        assert_eq!(receive(&mut trips, 21, 9), None);
        trips.observe(SLOT, 5, Inbound, &segment(SYN, 0, 10, 0), at(22));
        assert_eq!(trips.take(), None);
        assert_eq!(receive(&mut trips, 40, 10), proven(10, 40));
    }

    #[test]
    fn one_is_told_in_250_ms_for_each_uplink() {
        let mut trips = watching();
        trips.watch(0xffff);
        let mut told = 0;
        for ms in 0..1_000 {
            for slot in [SLOT, 4] {
                trips.opened(slot, 1, Outbound, at(ms));
                trips.observe(slot, 1, Inbound, &Segment::PLAIN, at(ms));
            }
            while trips.take().is_some() {
                told += 1;
            }
        }
        assert_eq!(told, 8);
    }

    #[test]
    fn flows_without_an_answer_make_room_after_a_while_and_a_new_watch_forgets_all() {
        let mut trips = watching();
        for position in 0..20 {
            trips.opened(SLOT, position, Outbound, at(0));
        }
        trips.observe(SLOT, 19, Inbound, &Segment::PLAIN, at(5));
        assert_eq!(trips.take(), None);
        trips.opened(SLOT, 20, Outbound, at(2_000));
        trips.observe(SLOT, 20, Inbound, &Segment::PLAIN, at(2_001));
        assert_eq!(trips.take(), proven(2_000, 2_001));
        trips.watch(0);
        assert!(!trips.watches(SLOT));
        trips.watch(1 << SLOT);
        assert!(trips.watches(SLOT) && !trips.watches(2) && !trips.watches(200));
        trips.observe(SLOT, 1, Inbound, &Segment::PLAIN, at(9_000));
        assert_eq!(trips.take(), None);
    }
}
