//! The probes of one family of one uplink: when the next is due, and which are under way.

use alloc::collections::VecDeque;

use super::connect::{Kind, Segment, initial_sequence};
use super::dns::Query;
use super::packet::{Echo, Ends, Message, Token};
use super::{Family, Method, ProbeSample, ProbeSpec, Samples};
use crate::host::context::Context;
use crate::host::neighbours::{Neighbours, as_mapped4, mapped4};
use crate::plan::NextHop;
use crate::time::{Duration, Instant};
use crate::verdict::OutputKind;

/// Most probes under way of one (slot, family): bursts to 256 targets, those of policies among them, each 500 ms, judged
/// after 800 ms, need 1,024.
const OUTSTANDING_MAX: usize = 4096;

// 4,096 probes of at most 112 octets for each of 32 (slot, family): 14 MiB, if somebody configures that.
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

/// State of one (slot, family).
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
        }
    }

    /// The same track under a new specification.
    pub fn respecified(mut self, spec: ProbeSpec, now: Instant) -> Self {
        if spec.targets != self.spec.targets {
            // Their samples would name targets of a list that is gone.
            self.outstanding.clear();
            self.next_target = 0;
        }
        if self.bursting_since.is_some_and(|since| since <= spec.calm_round) {
            self.bursting_since = None;
        }
        self.due = self.due.min(now.after(spec.interval));
        self.outstanding.reserve(outstanding_max(&spec).saturating_sub(self.outstanding.len()));
        self.spec = spec;
        self
    }

    /// The family and slot that it probes, if it sends bursts.
    pub fn burst(&self) -> Option<(Family, u8)> {
        self.bursting_since.map(|_| (self.spec.family, self.spec.slot))
    }

    /// Whether it probes this family of this uplink.
    pub fn is_for(&self, slot: u8, family: Family) -> bool {
        self.spec.slot == slot && self.spec.family == family
    }

    /// Identifier of its echo requests.
    pub fn identifier(&self) -> u16 {
        self.spec.identifier
    }

    /// When it has something to do next.
    pub fn next_wakeup(&self) -> Option<Instant> {
        let missed = self.outstanding.front().map(|probe| probe.sample.sent_at.after(self.spec.timeout));
        let due = (!self.spec.targets.is_empty()).then_some(self.due);
        missed.into_iter().chain(due).min()
    }

    /// Judges probes whose time is over. The first miss in single mode starts a burst at once: waiting for the next
    /// interval would add up to one to the time until a dead uplink is known.
    pub fn judge(&mut self, context: &Context<'_>, neighbours: &Neighbours, samples: &mut Samples) {
        let now = context.now;
        while let Some(probe) = self.outstanding.front() {
            if now.since(probe.sample.sent_at) < self.spec.timeout {
                break;
            }
            if !probe.sample.burst && self.bursting_since.is_none() {
                self.bursting_since = Some(self.round.wrapping_add(1));
                self.due = now;
            }
            let gateway_answered = probe.sample.burst
                && gateway(context, &self.spec).is_some_and(|hop| neighbours.has_answered(hop, probe.sample.sent_at));
            samples.push(ProbeSample { gateway_answered, ..probe.sample });
            self.outstanding.pop_front();
        }
    }

    /// Sends what is due: one probe, or one to each target. An interval that was slept through is not made up for.
    pub fn send_due(
        &mut self,
        context: &mut Context<'_>,
        neighbours: &mut Neighbours,
        token: &Token,
        samples: &mut Samples,
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
            if let Some(hop) = gateway(context, &self.spec) {
                neighbours.ask(context, hop);
            }
            for target in 0..count {
                self.send(context, neighbours, token, target, samples);
            }
        } else {
            let target = self.next_target % count;
            self.next_target = target + 1;
            self.send(context, neighbours, token, target, samples);
        }
    }

    /// Whether one of its targets is asked by this protocol at this end, from this port.
    pub fn asks(&self, protocol: u8, ends: Ends) -> bool {
        let (low, high) = self.spec.ports;
        (low..=high).contains(&ends.own_port)
            && self
                .spec
                .targets
                .iter()
                .any(|target| target.address == ends.address && target.method.endpoint() == Some((protocol, ends.port)))
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
        match self.spec.family {
            Family::V4 => send4(context, neighbours, self.spec.slot, address, message),
            Family::V6 => send6(context, neighbours, self.spec.slot, address, message),
        };
    }

    /// The own port of a probe that has one: of those there are, one after the other.
    fn own_port(&self, sequence: u16) -> u16 {
        let (low, high) = self.spec.ports;
        let count = high.saturating_sub(low).saturating_add(1);
        low.saturating_add(sequence % count)
    }

    fn send(
        &mut self,
        context: &mut Context<'_>,
        neighbours: &mut Neighbours,
        token: &Token,
        index: usize,
        samples: &mut Samples,
    ) {
        self.sequence = self.sequence.wrapping_add(1);
        let (slot, sequence) = (self.spec.slot, self.sequence);
        let Some(target) = self.spec.targets.get(index) else { return };
        let address = target.address;
        let ends = |port| Ends { address, port, own_port: self.own_port(sequence) };
        let message = match &target.method {
            Method::Echo => {
                let token = token.of(slot, sequence, address);
                Message::Echo(Echo { identifier: self.spec.identifier, sequence, token })
            }
            Method::Dns { port, question } => {
                let ends = ends(*port);
                let id = (token.base(slot, ends) as u16).wrapping_add(sequence);
                Message::Dns(Query { ends, id, question })
            }
            Method::Tcp { port, .. } => {
                let ends = ends(*port);
                let sequence = initial_sequence(token.base(slot, ends), sequence);
                Message::Tcp(Segment { ends, sequence, kind: Kind::Syn })
            }
        };
        self.transmit(context, neighbours, address, &message);
        if self.outstanding.len() >= outstanding_max(&self.spec)
            && let Some(oldest) = self.outstanding.pop_front()
        {
            samples.push(oldest.sample);
        }
        let sample = ProbeSample {
            slot,
            family: self.spec.family,
            target: index as u16,
            round: self.round,
            burst: self.bursting_since.is_some(),
            sent_at: context.now,
            rtt: None,
            gateway_answered: false,
        };
        self.outstanding.push_back(Outstanding { sequence, address, sample });
    }
}

/// Room for all probes that can be under way: those of each interval within a timeout, and some more.
fn outstanding_max(spec: &ProbeSpec) -> usize {
    let rounds = spec.timeout.as_micros() / spec.interval.max(INTERVAL_MIN).as_micros() + 2;
    let rounds = usize::try_from(rounds).unwrap_or(OUTSTANDING_MAX);
    spec.targets.len().saturating_mul(rounds).min(OUTSTANDING_MAX)
}

/// The next hop of the uplink that a track is about, where it has one.
fn gateway(context: &Context<'_>, spec: &ProbeSpec) -> Option<NextHop<u128>> {
    let uplink = context.plan.uplink(spec.slot)?;
    let address = match spec.family {
        Family::V4 => mapped4(uplink.ipv4.as_ref()?.gateway?),
        Family::V6 => uplink.ipv6.as_ref()?.gateway?,
    };
    Some(NextHop { device: uplink.device, address })
}

fn send4(
    context: &mut Context<'_>,
    neighbours: &mut Neighbours,
    slot: u8,
    target: u128,
    message: &Message<'_>,
) -> Option<bool> {
    let uplink = context.plan.uplink(slot)?;
    let source = context.plan.device(uplink.device)?.ipv4.first()?.0;
    let target = as_mapped4(target)?;
    let address = mapped4(uplink.ipv4.as_ref()?.gateway.unwrap_or(target));
    let hop = NextHop { device: uplink.device, address };
    Some(neighbours.send_packet(context, hop, OutputKind::Probe, message.len4(), |octets| {
        message.write4(octets, source, target);
    }))
}

fn send6(
    context: &mut Context<'_>,
    neighbours: &mut Neighbours,
    slot: u8,
    target: u128,
    message: &Message<'_>,
) -> Option<bool> {
    let uplink = context.plan.uplink(slot)?;
    let source = context.plan.device(uplink.device)?.ipv6.first()?.0;
    let address = uplink.ipv6.as_ref()?.gateway.unwrap_or(target);
    let hop = NextHop { device: uplink.device, address };
    Some(neighbours.send_packet(context, hop, OutputKind::Probe, message.len6(), |octets| {
        message.write6(octets, source, target);
    }))
}
