//! Probes of the uplinks: ICMP echo, DNS queries and half-open TCP connections, sent, matched and judged here, so that a
//! busy event loop is no lost packet. Conversations are asked for in the same rounds, and judged by whoever holds them.
//!
//! Each (slot, family) has a list of targets of its own, and one for each policy that has targets of its own; each list is
//! probed at a steady interval, whatever the others are told. In single mode one probe goes to the next target in turn and
//! is a round of its own. A miss starts burst mode at once: all targets at each interval, one round number for all,
//! until [`Probes::set`] says that one of its rounds was answered well. With each burst the gateway of the uplink is
//! asked for its link address: where no target answers, that tells whether the first hop does.

mod connect;
pub mod conversations;
mod departure;
mod dns;
mod packet;
mod track;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::context::Context;
use super::neighbours::{Neighbours, mapped4};
use crate::time::{Duration, Instant};
use crate::wire::{icmp, protocol, udp};
use connect::{Kind, Reply, Segment};
use conversations::{Handover, ProbeConclusion, ProbeRequest};
pub use departure::own_address;
use packet::{Ends, Message, Token};
use track::Track;

/// Most finished samples that wait to be taken: ten a second and uplink for six seconds of all uplinks.
pub const SAMPLES_MAX: usize = 1024;

// 1,024 samples of at most 64 octets: 64 KiB.
const _: () = assert!(SAMPLES_MAX * size_of::<ProbeSample>() <= 64 << 10);

/// The list of targets that speak for an uplink itself.
pub const OWN_LIST: u8 = 0;

/// Address family of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What is asked of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// ICMP echo.
    Echo,
    /// A DNS query over UDP.
    Dns {
        /// Port of the server.
        port: u16,
        /// Name, type and class as on the wire.
        question: Box<[u8]>,
    },
    /// A TCP connection, which is ended before it is open.
    Tcp {
        /// Port.
        port: u16,
        /// Whether a refusal counts as an answer.
        refused_is_answer: bool,
    },
    /// A whole conversation over TCP, held by the control plane.
    Conversation {
        /// Port.
        port: u16,
    },
}

impl Method {
    fn endpoint(&self) -> Option<(u8, u16)> {
        match self {
            Self::Echo => None,
            Self::Dns { port, .. } => Some((protocol::UDP, *port)),
            Self::Tcp { port, .. } | Self::Conversation { port } => Some((protocol::TCP, *port)),
        }
    }

    fn is_conversation(&self) -> bool {
        matches!(self, Self::Conversation { .. })
    }
}

/// Whom a probe goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeTarget {
    /// Address; IPv4 as [`mapped4`].
    pub address: u128,
    /// What is asked.
    pub method: Method,
}

impl From<u128> for ProbeTarget {
    fn from(address: u128) -> Self {
        Self { address, method: Method::Echo }
    }
}

/// What one family of one uplink is probed with, for itself or for a policy.
#[derive(Clone, Debug)]
pub struct ProbeSpec {
    /// Slot of the uplink.
    pub slot: u8,
    /// Family.
    pub family: Family,
    /// Which list of targets of these: [`OWN_LIST`], or any other number for a policy.
    pub list: u8,
    /// Targets in turn.
    pub targets: Vec<ProbeTarget>,
    /// Time between two rounds; at least 1 ms.
    pub interval: Duration,
    /// Time after which a probe without an answer is missed.
    pub timeout: Duration,
    /// A burst mode that began in this round, or before, is over; 0: in none yet.
    pub calm_round: u32,
    /// Identifier of the echo requests.
    pub identifier: u16,
    /// Own ports of the other probes, both ends included; in IPv4 the plan keeps them from all mappings (3022-2.2).
    pub ports: (u16, u16),
    /// Own ports of conversations, in the same way.
    pub conversation_ports: (u16, u16),
}

/// A packet of UDP or TCP, no fragment, that came to an own address by an uplink.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Slot of the uplink.
    pub slot: u8,
    /// Family.
    pub family: Family,
    /// Protocol.
    pub protocol: u8,
    /// Source address; IPv4 as [`mapped4`].
    pub source: u128,
}

/// Whose a packet is that came to the gateway itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// None of the probes'.
    Nobody,
    /// It was about a probe, and is used up.
    Consumed,
    /// It is for a conversation: see [`Probes::hand_over`].
    Conversation,
}

/// The outcome of one probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeSample {
    /// Slot of the uplink.
    pub slot: u8,
    /// Family.
    pub family: Family,
    /// List of targets of its [`ProbeSpec`].
    pub list: u8,
    /// Index of the target in that list.
    pub target: u16,
    /// Number of the round; counts up from 1, a burst is one round.
    pub round: u32,
    /// Whether it was part of a burst.
    pub burst: bool,
    /// When it was sent, or would have been: a probe without a way out is missed all the same.
    pub sent_at: Instant,
    /// Time to the answer; none if it was missed.
    pub rtt: Option<Duration>,
    /// Of a miss in a burst: whether the gateway has answered ARP or neighbour discovery since it was sent.
    pub gateway_answered: bool,
}

/// All probes of all uplinks.
pub struct Probes {
    token: Token,
    tracks: Vec<Track>,
    samples: Samples,
    handover: Handover,
}

impl Probes {
    /// No probes; `secret` keys the tokens that make answers unforgeable.
    pub fn new(secret: [u8; 16]) -> Self {
        Self { token: Token::new(secret), tracks: Vec::new(), samples: Samples::new(), handover: Handover::default() }
    }

    /// Replaces what is probed. A (slot, family, list) that stays keeps its round numbers and, if its targets stay, the
    /// probes under way; a new one starts with the next poll. Allocates: not for the packet path.
    pub fn set(&mut self, specs: Vec<ProbeSpec>, now: Instant) {
        let mut old = core::mem::take(&mut self.tracks);
        for spec in specs {
            if spec.targets.iter().any(|target| target.method.is_conversation()) {
                self.handover.prepare();
            }
            let place = old.iter().position(|track| track.is_for(spec.slot, spec.family) && track.list() == spec.list);
            let track = match place {
                Some(place) => old.swap_remove(place).respecified(spec, now),
                None => Track::new(spec, now),
            };
            self.tracks.push(track);
        }
    }

    /// Judges what was missed and sends what is due, by the gateway of each uplink.
    pub fn poll(&mut self, context: &mut Context<'_>, neighbours: &mut Neighbours) {
        for track in &mut self.tracks {
            track.judge(context, neighbours, &mut self.samples);
            track.send_due(context, neighbours, &self.token, &mut self.samples, &mut self.handover);
        }
    }

    /// Takes an ICMP echo reply (from its ICMP header on) that came by an uplink. True if it answers a probe of ours,
    /// late or twice included: nobody else has a use for it. The token stands in for the checksum.
    pub fn handle_reply4(&mut self, slot: u8, message: &[u8], source: u32, now: Instant) -> bool {
        icmp::kind(message) == icmp::v4::ECHO_REPLY
            && self.handle_reply(slot, Family::V4, message, mapped4(source), now)
    }

    /// Takes an ICMPv6 echo reply; see [`Self::handle_reply4`].
    pub fn handle_reply6(&mut self, slot: u8, message: &[u8], source: u128, now: Instant) -> bool {
        icmp::kind(message) == icmp::v6::ECHO_REPLY && self.handle_reply(slot, Family::V6, message, source, now)
    }

    /// Takes a UDP datagram or TCP segment (from its header on) that comes from a target that is asked by this
    /// protocol to a port of the probes, late or twice included. The number that it has to echo stands in for the
    /// checksum. A connection that it takes for begun is ended.
    pub fn handle_service(
        &mut self,
        context: &mut Context<'_>,
        neighbours: &mut Neighbours,
        arrival: Arrival,
        message: &[u8],
    ) -> Claim {
        let Arrival { slot, family, protocol, source: address } = arrival;
        let (port, own_port) = (udp::source_port(message), udp::destination_port(message));
        let ends = Ends { address, port, own_port };
        if self.tracks.iter().any(|track| track.is_for(slot, family) && track.converses(protocol, ends)) {
            return Claim::Conversation;
        }
        let mut claim = Claim::Nobody;
        for track in &mut self.tracks {
            if !track.is_for(slot, family) || !track.asks(protocol, ends) {
                continue;
            }
            claim = Claim::Consumed;
            let base = self.token.base(track.name(), ends);
            if protocol == protocol::UDP {
                let sequence = dns::id(message).wrapping_sub(base as u16);
                let says =
                    |method: &Method| matches!(method, Method::Dns { question, .. } if dns::answers(message, question));
                track.take_service_answer(sequence, ends, says, context.now, &mut self.samples);
            } else if let Some((sequence, reply)) = connect::read(message, base) {
                track.take_connection(sequence, reply, ends, context.now, &mut self.samples);
                if reply != Reply::Refused {
                    // RFC 9293 section 3.10.7.1: to one that knows of a connection, from one that does not.
                    let sequence = connect::initial_sequence(base, sequence).wrapping_add(1);
                    let reset = Message::Tcp(Segment { ends, sequence, kind: Kind::Rst });
                    track.transmit(context, neighbours, address, &reset);
                }
            }
        }
        claim
    }

    /// Keeps a copy of an IP packet, with a complete checksum, for whoever holds the conversations; false if there is no room.
    pub fn hand_over(&mut self, slot: u8, packet: &[u8]) -> bool {
        self.handover.push(slot, packet)
    }

    /// Lends the packets that wait for the conversations, and forgets them.
    pub fn take_handed(&mut self, take: &mut dyn FnMut(u8, &[u8])) {
        self.handover.take_packets(take);
    }

    /// The oldest conversation that is due.
    pub fn take_request(&mut self) -> Option<ProbeRequest> {
        self.handover.take_request()
    }

    /// Takes in how a conversation has ended; it is judged with the next poll, and nothing if nobody asked for it.
    pub fn conclude(&mut self, ProbeConclusion { request, rtt }: ProbeConclusion) {
        let ProbeRequest { slot, family, list, .. } = request;
        let track = self.tracks.iter_mut().find(|track| track.is_for(slot, family) && track.list() == list);
        track.into_iter().for_each(|track| track.conclude(request.sequence, rtt));
    }

    /// Sends an IP packet of a conversation, from the own address of an uplink, by its gateway; false if that is not its source
    /// address, or there is no room.
    pub fn send_conversation(context: &mut Context<'_>, neighbours: &mut Neighbours, slot: u8, packet: &[u8]) -> bool {
        departure::send_packet(context, neighbours, slot, packet).unwrap_or(false)
    }

    /// Whether the IPv4 probes of an uplink use an identifier: no mapping may take it.
    pub fn owns_identifier4(&self, slot: u8, identifier: u16) -> bool {
        self.tracks.iter().any(|track| track.is_for(slot, Family::V4) && track.identifier() == identifier)
    }

    /// The oldest finished sample.
    pub fn take_sample(&mut self) -> Option<ProbeSample> {
        self.samples.ring.pop_front()
    }

    /// Samples that were dropped because nobody took them.
    pub fn samples_lost(&self) -> u64 {
        self.samples.lost
    }

    /// The uplinks that a family of which is probed in bursts for itself, one bit a slot.
    pub fn doubted(&self, family: Family) -> u16 {
        let bursts = self.tracks.iter().filter_map(Track::burst).filter(|(probed, _)| *probed == family);
        bursts.fold(0, |set, (_, slot)| set | 1_u16.checked_shl(u32::from(slot)).unwrap_or(0))
    }

    /// When [`Self::poll`] has something to do next.
    pub fn next_wakeup(&self) -> Option<Instant> {
        self.tracks.iter().filter_map(Track::next_wakeup).min()
    }

    fn handle_reply(&mut self, slot: u8, family: Family, message: &[u8], source: u128, now: Instant) -> bool {
        let sequence = icmp::sequence(message);
        let asked = self.tracks.iter_mut().find(|track| {
            track.is_for(slot, family)
                && icmp::identifier(message) == track.identifier()
                && packet::carries(message, self.token.of(track.name(), sequence, source))
        });
        let Some(track) = asked else { return false };
        track.take_answer(sequence, source, |method| *method == Method::Echo, now, &mut self.samples);
        true
    }
}

/// Finished samples, bounded: the oldest is dropped for the newest.
struct Samples {
    ring: VecDeque<ProbeSample>,
    lost: u64,
}

impl Samples {
    fn new() -> Self {
        Self { ring: VecDeque::with_capacity(SAMPLES_MAX), lost: 0 }
    }

    fn push(&mut self, sample: ProbeSample) {
        if self.ring.len() >= SAMPLES_MAX {
            self.ring.pop_front();
            self.lost += 1;
        }
        self.ring.push_back(sample);
    }
}
