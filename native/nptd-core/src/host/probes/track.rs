//! The probes of one list of targets, in one family by one uplink: when the next is due, and which are under way.

use alloc::collections::VecDeque;

use super::connect::{Kind, Reply, Segment, initial_sequence};
use super::conversations::{Conversations, Handover, ProbeRequest};
use super::departure;
use super::dns::Query;
use super::packet::{Echo, Ends, Message, Name, Token};
use super::{Family, Method, OWN_LIST, ProbeSample, ProbeSpec, Samples};
use crate::host::context::Context;
use crate::host::neighbours::Neighbours;
use crate::time::{Duration, Instant};

/// Most probes under way of one list: bursts to 64 targets each 100 ms, judged after 5 s, need 3,328.
const OUTSTANDING_MAX: usize = 4096;

// 4,096 probes of at most 112 octets: 448 KiB for a list that needs as many.
const _: () = assert!(OUTSTANDING_MAX * size_of::<Outstanding>() <= 448 << 10);

/// Shortest interval that is kept to.
const INTERVAL_MIN: Duration = Duration::from_millis(1);

/// One probe under way.
#[derive(Clone, Copy)]
struct Outstanding {
    sequence: u16,
    address: u128,
    /// All of it but the round-trip time.
    sample: ProbeSample,
}

/// State of one list.
pub struct Track {
    spec: ProbeSpec,
    /// Round in which burst mode began.
    bursting_since: Option<u32>,
    due: Instant,
    next_target: usize,
    round: u32,
    sequence: u16,
    /// In the order of sending, so that the first is the first to be missed.
    outstanding: VecDeque<Outstanding>,
    conversations: Conversations,
}

impl Track {
    /// Starts at `now`.
    pub fn new(spec: ProbeSpec, now: Instant) -> Self {
        Self {
            bursting_since: None,
            outstanding: VecDeque::with_capacity(outstanding_max(&spec)),
            spec,
            due: now,
            next_target: 0,
            round: 0,
            sequence: 0,
            conversations: Conversations::default(),
        }
    }

    /// The same track under a new specification.
    pub fn respecified(mut self, spec: ProbeSpec, now: Instant) -> Self {
        if spec.targets != self.spec.targets {
            // Their samples would name targets of a list that is gone.
            self.outstanding.clear();
            self.conversations.clear();
            self.next_target = 0;
        }
        if self.bursting_since.is_some_and(|since| since <= spec.calm_round) {
            self.bursting_since = None;
        }
        // A shorter interval counts from the last round on: what was probed seldom may be due at once.
        let sooner = self.spec.interval.as_micros().saturating_sub(spec.interval.as_micros());
        let wait = self.due.since(now).as_micros().saturating_sub(sooner);
        self.due = self.due.min(now.after(Duration::from_micros(wait)));
        self.outstanding.reserve(outstanding_max(&spec).saturating_sub(self.outstanding.len()));
        self.spec = spec;
        self
    }

    /// The family and slot that it probes, if it sends bursts for the uplink itself.
    pub fn burst(&self) -> Option<(Family, u8)> {
        let is_own = self.spec.list == OWN_LIST;
        self.bursting_since.filter(|_| is_own).map(|_| (self.spec.family, self.spec.slot))
    }

    /// Whether it probes this family of this uplink.
    pub fn is_for(&self, slot: u8, family: Family) -> bool {
        self.spec.slot == slot && self.spec.family == family
    }

    /// Its list of targets.
    pub fn list(&self) -> u8 {
        self.spec.list
    }

    /// What its probes prove to be of.
    pub fn name(&self) -> Name {
        [self.spec.slot, self.spec.list]
    }

    /// Identifier of its echo requests.
    pub fn identifier(&self) -> u16 {
        self.spec.identifier
    }

    /// When it has something to do next.
    pub fn next_wakeup(&self) -> Option<Instant> {
        if self.conversations.has_concluded() {
            return Some(Instant::default());
        }
        let missed = self.outstanding.front().map(|probe| probe.sample.sent_at.after(self.spec.timeout));
        let due = (!self.spec.targets.is_empty()).then_some(self.due);
        missed.into_iter().chain(due).min()
    }

    /// Judges conversations that are over, and probes whose time is.
    pub fn judge(&mut self, context: &Context<'_>, neighbours: &Neighbours, samples: &mut Samples) {
        let now = context.now;
        while let Some(sample) = self.conversations.take_concluded() {
            match sample.rtt {
                Some(_) => samples.push(sample),
                None => self.miss(sample, context, neighbours, samples),
            }
        }
        while let Some(probe) = self.outstanding.front().copied() {
            if now.since(probe.sample.sent_at) < self.spec.timeout {
                break;
            }
            self.outstanding.pop_front();
            self.miss(probe.sample, context, neighbours, samples);
        }
    }

    /// The first miss in single mode starts a burst at once: waiting for the next interval would add up to one to the time
    /// until a dead uplink is known.
    fn miss(&mut self, sample: ProbeSample, context: &Context<'_>, neighbours: &Neighbours, samples: &mut Samples) {
        if !sample.burst && self.bursting_since.is_none() {
            self.bursting_since = Some(self.round.wrapping_add(1));
            self.due = context.now;
        }
        let gateway_answered = sample.burst
            && departure::gateway(context.plan, self.spec.slot, self.spec.family)
                .is_some_and(|hop| neighbours.has_answered(hop, sample.sent_at));
        samples.push(ProbeSample { gateway_answered, ..sample });
    }

    /// Takes in how a conversation has ended.
    pub fn conclude(&mut self, sequence: u16, rtt: Option<Duration>) {
        self.conversations.conclude(sequence, rtt);
    }

    /// Sends what is due: one probe, or one to each target. An interval that was slept through is not made up for.
    pub fn send_due(
        &mut self,
        context: &mut Context<'_>,
        neighbours: &mut Neighbours,
        token: &Token,
        samples: &mut Samples,
        handover: &mut Handover,
    ) {
        let now = context.now;
        let count = self.spec.targets.len();
        if now < self.due || count == 0 {
            return;
        }
        let interval = self.spec.interval.max(INTERVAL_MIN);
        let next = self.due.after(interval);
        self.due = if next > now { next } else { now.after(interval) };
        self.round = self.round.wrapping_add(1);
        if self.bursting_since.is_some() {
            if let Some(hop) = departure::gateway(context.plan, self.spec.slot, self.spec.family) {
                neighbours.ask(context, hop);
            }
            for target in 0..count {
                self.begin(context, neighbours, token, target, samples, handover);
            }
        } else {
            let target = self.next_target % count;
            self.next_target = target + 1;
            self.begin(context, neighbours, token, target, samples, handover);
        }
    }

    /// Whether one of its targets is asked by this protocol at this end, from this port, by a packet of the engine's own.
    pub fn asks(&self, protocol: u8, ends: Ends) -> bool {
        is_within(self.spec.ports, ends.own_port) && self.has_target(protocol, ends, false)
    }

    /// Whether a conversation with one of its targets may be under way by this protocol between these ends.
    pub fn converses(&self, protocol: u8, ends: Ends) -> bool {
        is_within(self.spec.conversation_ports, ends.own_port) && self.has_target(protocol, ends, true)
    }

    fn has_target(&self, protocol: u8, ends: Ends, is_conversation: bool) -> bool {
        self.spec.targets.iter().any(|target| {
            target.address == ends.address
                && target.method.endpoint() == Some((protocol, ends.port))
                && target.method.is_conversation() == is_conversation
        })
    }

    /// Takes what came from a target's port, if the probe of this sequence number went there from that own port; see
    /// [`Self::take_answer`].
    pub fn take_service_answer(
        &mut self,
        sequence: u16,
        ends: Ends,
        says: impl Fn(&Method) -> bool,
        now: Instant,
        samples: &mut Samples,
    ) {
        if self.own_port(sequence) == ends.own_port {
            let is_it = |method: &Method| method.endpoint().is_some_and(|(_, port)| port == ends.port) && says(method);
            self.take_answer(sequence, ends.address, is_it, now, samples);
        }
    }

    /// Takes what a segment says to the SYN of this sequence number; see [`Self::take_service_answer`].
    pub fn take_connection(&mut self, sequence: u16, reply: Reply, ends: Ends, now: Instant, samples: &mut Samples) {
        let says = |method: &Method| match method {
            Method::Tcp { refused_is_answer, .. } => {
                reply == Reply::Accepted || (reply == Reply::Refused && *refused_is_answer)
            }
            Method::Echo | Method::Dns { .. } | Method::Conversation { .. } => false,
        };
        self.take_service_answer(sequence, ends, says, now, samples);
    }

    /// Takes an answer that has proved itself, if it is one by the method of its probe; a late or second one changes
    /// nothing. What is still under way has not been judged since its time was over: an answer that is found then
    /// may have waited here, for a processor that was busy elsewhere, and counts.
    pub fn take_answer(
        &mut self,
        sequence: u16,
        source: u128,
        is_answer: impl Fn(&Method) -> bool,
        now: Instant,
        samples: &mut Samples,
    ) {
        let same = |probe: &Outstanding| probe.sequence == sequence && probe.address == source;
        let Some(place) = self.outstanding.iter().position(same) else { return };
        let Some(probe) = self.outstanding.get(place).copied() else { return };
        let rtt = now.since(probe.sample.sent_at);
        let target = self.spec.targets.get(usize::from(probe.sample.target));
        if target.is_some_and(|target| is_answer(&target.method)) {
            self.outstanding.remove(place);
            samples.push(ProbeSample { rtt: Some(rtt), ..probe.sample });
        }
    }

    /// Sends a packet of the probes by the gateway of the uplink. Whether it could be sent makes no difference: an uplink
    /// without a way out is as dead as any.
    pub fn transmit(
        &self,
        context: &mut Context<'_>,
        neighbours: &mut Neighbours,
        address: u128,
        message: &Message<'_>,
    ) {
        departure::send(context, neighbours, self.spec.slot, (self.spec.family, address), message);
    }

    /// The own port of a probe that has one: of those there are, one after the other.
    fn own_port(&self, sequence: u16) -> u16 {
        let (low, high) = self.spec.ports;
        let count = high.saturating_sub(low).saturating_add(1);
        low.saturating_add(sequence % count)
    }

    /// Asks one target: by a packet, or by asking for a conversation.
    fn begin(
        &mut self,
        context: &mut Context<'_>,
        neighbours: &mut Neighbours,
        token: &Token,
        index: usize,
        samples: &mut Samples,
        handover: &mut Handover,
    ) {
        self.sequence = self.sequence.wrapping_add(1);
        let (slot, family, list, sequence) = (self.spec.slot, self.spec.family, self.spec.list, self.sequence);
        let target = index as u16;
        let sample = ProbeSample {
            slot,
            family,
            list,
            target,
            round: self.round,
            burst: self.bursting_since.is_some(),
            sent_at: context.now,
            rtt: None,
            gateway_answered: false,
        };
        match self.spec.targets.get(index).map(|target| &target.method) {
            Some(Method::Conversation { .. }) => {
                let request = ProbeRequest { slot, family, list, target, sequence };
                if self.conversations.begin(sequence, sample) && !handover.ask(request) {
                    // Nobody will ever hear of it.
                    self.conversations.forget(sequence);
                }
            }
            Some(Method::Echo | Method::Dns { .. } | Method::Tcp { .. }) => {
                self.send(context, neighbours, token, sample, samples);
            }
            None => {}
        }
    }

    fn send(
        &mut self,
        context: &mut Context<'_>,
        neighbours: &mut Neighbours,
        token: &Token,
        sample: ProbeSample,
        samples: &mut Samples,
    ) {
        let (name, sequence) = (self.name(), self.sequence);
        let Some(target) = self.spec.targets.get(usize::from(sample.target)) else { return };
        let address = target.address;
        let ends = |port| Ends { address, port, own_port: self.own_port(sequence) };
        let message = match &target.method {
            Method::Echo => {
                let token = token.of(name, sequence, address);
                Message::Echo(Echo { identifier: self.spec.identifier, sequence, token })
            }
            Method::Dns { port, question } => {
                let ends = ends(*port);
                let id = (token.base(name, ends) as u16).wrapping_add(sequence);
                Message::Dns(Query { ends, id, question })
            }
            Method::Tcp { port, .. } => {
                let ends = ends(*port);
                let sequence = initial_sequence(token.base(name, ends), sequence);
                Message::Tcp(Segment { ends, sequence, kind: Kind::Syn })
            }
            Method::Conversation { .. } => return,
        };
        self.transmit(context, neighbours, address, &message);
        if self.outstanding.len() >= outstanding_max(&self.spec)
            && let Some(oldest) = self.outstanding.pop_front()
        {
            samples.push(oldest.sample);
        }
        self.outstanding.push_back(Outstanding { sequence, address, sample });
    }
}

fn is_within((low, high): (u16, u16), port: u16) -> bool {
    (low..=high).contains(&port)
}

/// Room for all probes that can be under way: those of each interval within a timeout, and some more.
fn outstanding_max(spec: &ProbeSpec) -> usize {
    let rounds = spec.timeout.as_micros() / spec.interval.max(INTERVAL_MIN).as_micros() + 2;
    let rounds = usize::try_from(rounds).unwrap_or(OUTSTANDING_MAX);
    spec.targets.len().saturating_mul(rounds).min(OUTSTANDING_MAX)
}
