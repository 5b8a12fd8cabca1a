//! Probes that are whole conversations over TCP (HTTP): the control plane holds them over a stack of its own and says how
//! they end. The engine says when one is due, hands over what comes for them, and sends what they send.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::{Family, ProbeSample};
use crate::time::Duration;

/// Most conversations with one target at once. A target that has so many is not asked again before one is over: whoever holds
/// them is late, which is nothing against the uplink.
const PER_TARGET_MAX: usize = 8;

/// A conversation of which nothing was heard for so long was forgotten by whoever holds it; far longer than any may take.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// Most requests that wait to be taken.
const REQUESTS_MAX: usize = 256;

/// Most packets that wait to be taken: what one batch brings.
pub const HANDED_PACKETS_MAX: usize = 64;
/// Octets that they share; with the windows of the stack no packet has more than 9,000.
pub const HANDED_OCTETS_MAX: usize = 128 << 10;

/// Asks for a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeRequest {
    /// Slot of the uplink.
    pub slot: u8,
    /// Family.
    pub family: Family,
    /// List of targets of its [`super::ProbeSpec`].
    pub list: u8,
    /// Index of the target in that list.
    pub target: u16,
    /// Tells it from others of the same list.
    pub sequence: u16,
}

/// How a probe that was asked for has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeConclusion {
    /// Which one.
    pub request: ProbeRequest,
    /// Round-trip time; none if it is to count as missed.
    pub rtt: Option<Duration>,
}

struct Conversation {
    sequence: u16,
    sample: ProbeSample,
    is_over: bool,
}

/// The conversations under way with one list of targets.
#[derive(Default)]
pub struct Conversations(Vec<Conversation>);

impl Conversations {
    /// Notes one that begins; false if its target has too many.
    pub fn begin(&mut self, sequence: u16, sample: ProbeSample) -> bool {
        self.0.retain(|one| one.is_over || sample.sent_at.since(one.sample.sent_at) < FORGOTTEN_AFTER);
        let has_room = self.0.iter().filter(|one| one.sample.target == sample.target).count() < PER_TARGET_MAX;
        if has_room {
            self.0.push(Conversation { sequence, sample, is_over: false });
        }
        has_room
    }

    /// Notes how one has ended; nothing if it is not known.
    pub fn conclude(&mut self, sequence: u16, rtt: Option<Duration>) {
        if let Some(one) = self.0.iter_mut().find(|one| one.sequence == sequence && !one.is_over) {
            (one.sample.rtt, one.is_over) = (rtt, true);
        }
    }

    /// Takes the sample of one that is over.
    pub fn take_concluded(&mut self) -> Option<ProbeSample> {
        let place = self.0.iter().position(|one| one.is_over)?;
        Some(self.0.remove(place).sample)
    }

    /// Forgets one.
    pub fn forget(&mut self, sequence: u16) {
        self.0.retain(|one| one.sequence != sequence);
    }

    /// Whether one is over.
    pub fn has_concluded(&self) -> bool {
        self.0.iter().any(|one| one.is_over)
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// What waits for whoever holds the conversations; both are bounded, and what is lost is asked again, or sent again.
#[derive(Default)]
pub struct Handover {
    requests: VecDeque<ProbeRequest>,
    octets: Vec<u8>,
    packets: Vec<(u8, usize)>,
}

impl Handover {
    /// Makes room for packets, once.
    pub fn prepare(&mut self) {
        self.octets.reserve_exact(HANDED_OCTETS_MAX.saturating_sub(self.octets.len()));
        self.packets.reserve_exact(HANDED_PACKETS_MAX.saturating_sub(self.packets.len()));
        self.requests.reserve_exact(REQUESTS_MAX.saturating_sub(self.requests.len()));
    }

    /// Adds a request; false if too many wait.
    pub fn ask(&mut self, request: ProbeRequest) -> bool {
        let has_room = self.requests.len() < REQUESTS_MAX;
        if has_room {
            self.requests.push_back(request);
        }
        has_room
    }

    /// Takes the oldest request.
    pub fn take_request(&mut self) -> Option<ProbeRequest> {
        self.requests.pop_front()
    }

    /// Adds a copy of an IP packet that came by an uplink; false if there is no room.
    pub fn push(&mut self, slot: u8, packet: &[u8]) -> bool {
        let has_room = self.packets.len() < HANDED_PACKETS_MAX && self.octets.len() + packet.len() <= HANDED_OCTETS_MAX;
        if has_room {
            self.octets.extend_from_slice(packet);
            self.packets.push((slot, packet.len()));
        }
        has_room
    }

    /// Lends all packets, each with the slot of its uplink, and forgets them.
    pub fn take_packets(&mut self, take: &mut dyn FnMut(u8, &[u8])) {
        let mut rest = self.octets.as_slice();
        for (slot, length) in self.packets.drain(..) {
            let Some((packet, behind)) = rest.split_at_checked(length) else { break };
            take(slot, packet);
            rest = behind;
        }
        self.octets.clear();
    }
}
