//! Policies: which flows take which uplinks, and which leave them (docs/decisions.md, "Policies").

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::checks::ensure;
use super::prefix::{Prefix4, Prefix6};
use super::rendezvous::{Key, Rendezvous, Score};
use super::spec::{FailureActionSpec, MatchSpec, OnFailureSpec, PersistenceSpec, PlanSpec, PolicySpec};
use super::subject::{Addresses, Family, Subject};
use super::{POLICIES_MAX, PlanError, SLOTS_MAX, Uplink};
use crate::wire::protocol::{TCP, UDP, UDP_LITE};

// A set of slots is kept in the bits of one word.
const _: () = assert!(SLOTS_MAX <= 16);

/// One policy, compiled for the uplinks of its plan.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    number: u8,
    matches: Option<Vec<Match>>,
    persistence: PersistenceSpec,
    on_failure: OnFailureSpec,
    v4: Choices,
    v6: Choices,
}

/// What a policy offers to flows of one family.
#[derive(Clone, Debug, Default)]
struct Choices {
    candidates: Vec<Candidate>,
    /// Whether one of them has a weight.
    is_weighted: bool,
    /// One that takes what no candidate does, unless that is refused.
    last_resort: Option<u8>,
    /// Whether an uplink carries the family at all.
    is_carried: bool,
    leaving: Leaving,
}

/// Slots that flows are to leave, one bit each.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Leaving {
    /// Of flows opened from inside.
    outbound: u16,
    /// Of flows opened from outside: those that do not work.
    inbound: u16,
}

impl Leaving {
    /// Whether flows are to leave a slot, those opened from inside or those opened from outside.
    pub(super) fn has(self, slot: u8, is_outbound: bool) -> bool {
        let set = if is_outbound { self.outbound } else { self.inbound };
        set.checked_shr(u32::from(slot)).unwrap_or(0) & 1 != 0
    }
}

/// An uplink that new flows may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its slot.
    pub slot: u8,
    /// Its share of new flows; 0 where the order decides.
    pub weight: u16,
    /// Whether flows leave it all the same, and nothing sticks to it.
    pub is_left: bool,
}

/// What a family is to an uplink: whether it carries it, is usable for it, and is a last resort.
#[derive(Clone, Copy, Default)]
struct Carriage {
    carries: bool,
    usable: bool,
    last_resort: bool,
}

impl Policy {
    /// Compiles a policy for uplinks in the order of their slots.
    pub(super) fn new(spec: &PolicySpec, uplinks: &[Option<Uplink>]) -> Self {
        let choices = |family, shun: &[u8], leave: &[u8]| {
            let carriage = |slot: u8| {
                uplinks.get(usize::from(slot)).and_then(Option::as_ref).map(|uplink| uplink.carriage(family))
            };
            Choices::new(spec, shun, leave, |slot| carriage(slot).unwrap_or_default())
        };
        Self {
            number: spec.number,
            matches: spec.matches.as_ref().map(|matches| matches.iter().map(Match::new).collect()),
            persistence: spec.persistence,
            on_failure: spec.on_failure,
            v4: choices(Family::V4, &spec.shun.0, &spec.leave.0),
            v6: choices(Family::V6, &spec.shun.1, &spec.leave.1),
        }
    }

    /// Its number, which sessions keep.
    pub const fn number(&self) -> u8 {
        self.number
    }

    /// Whether it is about a packet.
    pub fn is_met_by(&self, subject: &Subject) -> bool {
        self.matches.is_none() || self.matching(subject).is_some()
    }

    /// Position of the first match that a packet meets.
    pub fn matching(&self, subject: &Subject) -> Option<usize> {
        self.matches.iter().flatten().position(|one| one.is_met_by(subject))
    }

    /// Uplinks that new flows may take, in the order of preference.
    pub fn candidates(&self, family: Family) -> &[Candidate] {
        &self.choices(family).candidates
    }

    /// Those of them that an endpoint sticks to which uses one already.
    pub fn sticky(&self, family: Family) -> impl Iterator<Item = u8> {
        self.candidates(family).iter().filter(|candidate| !candidate.is_left).map(|candidate| candidate.slot)
    }

    /// The uplink of a new flow that sticks to none.
    #[inline]
    pub fn choose(&self, subject: &Subject, rendezvous: &Rendezvous) -> Option<u8> {
        let choices = self.choices(subject.family());
        if !choices.is_weighted {
            return choices.first();
        }
        let scored = self.scores(subject, rendezvous);
        let best = scored.reduce(|best, next| if next.1.beats(best.1) { next } else { best });
        best.map(|(slot, _)| slot).or(choices.first())
    }

    /// What [`Self::choose`] says of every flow of a family, if every packet meets the policy and no weight decides.
    pub fn only_choice(&self, family: Family) -> Option<u8> {
        let choices = self.choices(family);
        if self.matches.is_none() && !choices.is_weighted { choices.first() } else { None }
    }

    /// Scores of the candidates that have a weight.
    pub fn scores(&self, subject: &Subject, rendezvous: &Rendezvous) -> impl Iterator<Item = (u8, Score)> {
        let key = Key::new(subject, self.persistence);
        let weighted = self.choices(subject.family()).candidates.iter().filter(|candidate| candidate.weight > 0);
        let rendezvous = *rendezvous;
        weighted.map(move |candidate| (candidate.slot, rendezvous.score(&key, candidate.slot, candidate.weight)))
    }

    /// Whether one of its uplinks carries a family, usable or not.
    pub fn is_carried(&self, family: Family) -> bool {
        self.choices(family).is_carried
    }

    /// The slots that flows are to leave: they are not usable, or are to be left, and there is another one.
    pub(super) fn leaving(&self, family: Family) -> Leaving {
        self.choices(family).leaving
    }

    /// Whether connections of TCP are reset in some slot.
    pub(super) fn resets(&self) -> bool {
        // What is left by flows opened from outside is by all others too.
        self.action(TCP) != FailureActionSpec::Keep && self.v4.leaving.outbound | self.v6.leaving.outbound != 0
    }

    /// What becomes of a flow of an IP protocol whose uplink is to be left. A connection of TCP cannot move: its peer knows it by
    /// an address of the uplink (MWAN-2).
    pub const fn action(&self, protocol: u8) -> FailureActionSpec {
        match protocol {
            TCP if matches!(self.on_failure.tcp, FailureActionSpec::Move) => FailureActionSpec::Reset,
            TCP => self.on_failure.tcp,
            UDP | UDP_LITE => self.on_failure.udp,
            _ => self.on_failure.other,
        }
    }

    const fn choices(&self, family: Family) -> &Choices {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }
}

impl Choices {
    fn new(spec: &PolicySpec, shun: &[u8], leave: &[u8], carriage: impl Fn(u8) -> Carriage) -> Self {
        let weights = spec.weights.iter().copied().chain(core::iter::repeat(0));
        let offered = spec.prefer.iter().zip(weights).filter(|(slot, _)| {
            let offered = carriage(**slot);
            offered.carries && offered.usable && !shun.contains(slot)
        });
        let candidates: Vec<_> =
            offered.map(|(slot, weight)| Candidate { slot: *slot, weight, is_left: leave.contains(slot) }).collect();
        // MWAN-6: nothing has to go without somewhere else to go.
        let has_other = |slot: u8| candidates.iter().any(|other| other.slot != slot && !other.is_left);
        let carrying = (0..SLOTS_MAX as u8).filter(|slot| carriage(*slot).carries && has_other(*slot));
        let is_dead = |slot: &u8| !carriage(*slot).usable;
        // MWAN-4: what came in by an uplink that works is answered by it.
        let leaving = Leaving {
            outbound: set_of(carrying.clone().filter(|slot| is_dead(slot) || leave.contains(slot))),
            inbound: set_of(carrying.filter(is_dead)),
        };
        let last_resort = spec.prefer.iter().copied().find(|slot| carriage(*slot).last_resort);
        Self {
            last_resort: last_resort.filter(|_| !spec.refuse),
            is_carried: spec.prefer.iter().any(|slot| carriage(*slot).carries),
            leaving,
            is_weighted: candidates.iter().any(|candidate| candidate.weight > 0),
            candidates,
        }
    }

    /// The uplink that comes first.
    fn first(&self) -> Option<u8> {
        self.candidates.first().map(|first| first.slot).or(self.last_resort)
    }
}

/// A set of slots, one bit each.
fn set_of(slots: impl Iterator<Item = u8>) -> u16 {
    slots.fold(0, |set, slot| set | 1 << slot)
}

impl Uplink {
    fn carriage(&self, family: Family) -> Carriage {
        let found = match family {
            Family::V4 => self.ipv4.as_ref().map(|ipv4| (ipv4.usable, ipv4.last_resort)),
            Family::V6 => self.ipv6.as_ref().map(|ipv6| (ipv6.usable, ipv6.last_resort)),
        };
        found.map_or(Carriage::default(), |(usable, last_resort)| Carriage { carries: true, usable, last_resort })
    }
}

/// A conjunction.
#[derive(Clone, Copy, Debug)]
struct Match {
    source4: Option<Prefix4>,
    source6: Option<Prefix6>,
    destination4: Option<Prefix4>,
    destination6: Option<Prefix6>,
    protocol: Option<u8>,
    ports: Option<(u16, u16)>,
    source_ports: Option<(u16, u16)>,
    dscp: Option<u8>,
}

impl Match {
    fn new(spec: &MatchSpec) -> Self {
        let prefix4 = |prefix: Option<(u32, u8)>| prefix.map(|(address, length)| Prefix4::covering(address, length));
        let prefix6 = |prefix: Option<(u128, u8)>| prefix.map(|(address, length)| Prefix6::covering(address, length));
        Self {
            source4: prefix4(spec.source4),
            source6: prefix6(spec.source6),
            destination4: prefix4(spec.destination4),
            destination6: prefix6(spec.destination6),
            protocol: spec.protocol,
            ports: spec.ports,
            source_ports: spec.source_ports,
            dscp: spec.dscp,
        }
    }

    fn is_met_by(&self, subject: &Subject) -> bool {
        let covers = |ports: Option<(u16, u16)>, port: u16| {
            ports.is_none_or(|(low, high)| subject.has_ports && (low..=high).contains(&port))
        };
        self.protocol.is_none_or(|wanted| wanted == subject.protocol)
            && self.dscp.is_none_or(|wanted| wanted == subject.dscp)
            && covers(self.source_ports, subject.ports.0)
            && covers(self.ports, subject.ports.1)
            && self.covers_addresses(subject.addresses)
    }

    /// A prefix of one family is met by packets of that family only.
    fn covers_addresses(&self, addresses: Addresses) -> bool {
        match addresses {
            Addresses::V4 { source, destination } => {
                let covers = |prefix: Option<Prefix4>, address| prefix.is_none_or(|prefix| prefix.contains(address));
                let is_of_other = self.source6.is_some() || self.destination6.is_some();
                !is_of_other && covers(self.source4, source) && covers(self.destination4, destination)
            }
            Addresses::V6 { source, destination } => {
                let covers = |prefix: Option<Prefix6>, address| prefix.is_none_or(|prefix| prefix.contains(address));
                let is_of_other = self.source4.is_some() || self.destination4.is_some();
                !is_of_other && covers(self.source6, source) && covers(self.destination6, destination)
            }
        }
    }
}

/// Refuses policies that the engine could not rely on.
pub(super) fn check(spec: &PlanSpec) -> Result<(), PlanError> {
    ensure(!spec.policies.is_empty(), || "policies".into(), "no policy")?;
    ensure(spec.policies.len() <= POLICIES_MAX, || "policies".into(), "more policies than supported")?;
    let mut seen = [false; POLICIES_MAX];
    for (index, policy) in spec.policies.iter().enumerate() {
        check_policy(index, policy, spec)?;
        if let Some(seen) = seen.get_mut(usize::from(policy.number)) {
            ensure(!*seen, || format!("policies[{index}].number"), "number used twice")?;
            *seen = true;
        }
    }
    let last = spec.policies.len().saturating_sub(1);
    let is_open = spec.policies.last().is_some_and(|policy| policy.matches.is_none());
    ensure(is_open, || format!("policies[{last}].matches"), "the last policy is not about everything")
}

fn check_policy(index: usize, policy: &PolicySpec, spec: &PlanSpec) -> Result<(), PlanError> {
    let place = |field: &str| format!("policies[{index}].{field}");
    let known = |slot: &u8| spec.uplinks.iter().any(|uplink| uplink.slot == *slot);
    let lists = [
        ("prefer", &policy.prefer),
        ("shun4", &policy.shun.0),
        ("shun6", &policy.shun.1),
        ("leave4", &policy.leave.0),
        ("leave6", &policy.leave.1),
    ];
    for (field, slots) in lists {
        ensure(slots.iter().all(known), || place(field), "names an uplink that is not there")?;
    }
    ensure(usize::from(policy.number) < POLICIES_MAX, || place("number"), "beyond the last number")?;
    let count = policy.weights.len();
    ensure(count == 0 || count == policy.prefer.len(), || place("weights"), "not one weight for each uplink")?;
    for (at, one) in policy.matches.iter().flatten().enumerate() {
        check_match(&|field| format!("policies[{index}].matches[{at}].{field}"), one)?;
    }
    Ok(())
}

fn check_match(place: &impl Fn(&str) -> String, one: &MatchSpec) -> Result<(), PlanError> {
    let fits4 = |prefix: Option<(u32, u8)>| prefix.is_none_or(|(_, length)| length <= 32);
    let fits6 = |prefix: Option<(u128, u8)>| prefix.is_none_or(|(_, length)| length <= 128);
    let in_order = |ports: Option<(u16, u16)>| ports.is_none_or(|(low, high)| low <= high);
    ensure(fits4(one.source4), || place("source4"), "prefix too long")?;
    ensure(fits6(one.source6), || place("source6"), "prefix too long")?;
    ensure(fits4(one.destination4), || place("destination4"), "prefix too long")?;
    ensure(fits6(one.destination6), || place("destination6"), "prefix too long")?;
    ensure(in_order(one.ports), || place("portLow"), "above the highest port")?;
    ensure(in_order(one.source_ports), || place("sourcePortLow"), "above the highest port")?;
    ensure(one.dscp.is_none_or(|dscp| dscp < 64), || place("dscp"), "beyond the last code point")
}
