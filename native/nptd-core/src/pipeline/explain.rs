//! Why a flow takes the uplink that it takes: a question to the plan and the tables that changes neither.

use alloc::vec::Vec;

use super::Engine;
use crate::filter::{self, FilterRow};
use crate::nat44::{self, SessionRow};
use crate::plan::rendezvous::Score;
use crate::plan::subject::{Addresses, Subject};
use crate::plan::{Candidate, Plan, Policy};
use crate::time::Instant;
use crate::wire::icmp::v6::ECHO_REQUEST;

/// What would become of a packet from the site that could begin a flow.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    /// Generation of the plan.
    pub generation: u64,
    /// Number of the policy that the packet meets.
    pub policy: u8,
    /// Position of the match that it meets there; none: the policy is about everything.
    pub matching: Option<usize>,
    /// Uplinks that new flows of the policy may take, each with its score if it has a weight.
    pub candidates: Vec<(Candidate, Option<Score>)>,
    /// The live session of the flow.
    pub session: Option<LiveSession>,
    /// Whether the session stays on its uplink.
    pub stays: bool,
    /// The uplink that a packet takes now, or that a new flow would take in place of a session that does not stay.
    pub slot: Option<u8>,
    /// Why that one.
    pub by: ChosenBy,
}

/// A session of either family.
#[derive(Clone, Debug)]
pub enum LiveSession {
    /// Of NAT44.
    Nat44(SessionRow),
    /// Of the IPv6 filter.
    Filter(FilterRow),
}

/// Why a flow takes an uplink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChosenBy {
    /// It has a session there.
    Session,
    /// The source is of that ISP.
    Identity,
    /// Its endpoint uses it already.
    Sticks,
    /// It has the best score.
    Weight,
    /// It is the first one that may be taken.
    Order,
    /// None may be taken, and this one takes what is left.
    LastResort,
    /// There is none.
    #[default]
    Nothing,
}

/// What the tables know of a flow.
#[derive(Default)]
struct Known {
    session: Option<(LiveSession, u8, bool)>,
    sticks: Option<u8>,
}

impl Engine {
    /// Explains what becomes of a flow; of `asked` the ports count as far as its protocol has them.
    pub fn explain(&mut self, asked: &Subject, now: Instant) -> Explanation {
        let plan = alloc::sync::Arc::clone(&self.plan);
        let (subject, known) = self.look_up(asked, &plan, now);
        let policy = plan.policy_of(&subject);
        let family = subject.family();
        let scores: Vec<_> = policy.scores(&subject, self.nat44.rendezvous()).collect();
        let score_of = |slot| scores.iter().find(|(scored, _)| *scored == slot).map(|(_, score)| *score);
        let candidates = policy.candidates(family).iter().map(|candidate| (*candidate, score_of(candidate.slot)));
        let stays = known.session.as_ref().is_some_and(|(_, _, stays)| *stays);
        let (slot, by) = self.choose(&subject, policy, &plan, &known);
        Explanation {
            generation: plan.generation,
            policy: policy.number(),
            matching: policy.matching(&subject),
            candidates: candidates.collect(),
            session: known.session.map(|(row, _, _)| row),
            stays,
            slot,
            by,
        }
    }

    fn look_up(&mut self, asked: &Subject, plan: &Plan, now: Instant) -> (Subject, Known) {
        let (internal_port, remote_port) = asked.ports;
        match asked.addresses {
            Addresses::V4 { source, destination } => {
                let protocol = nat44::Protocol::from_number(asked.protocol);
                let has_ports = !protocol.is_portless();
                let port = |port| if has_ports { port } else { 0 };
                let internal = nat44::Endpoint { address: source, port: port(internal_port) };
                let remote = protocol.remote(nat44::Endpoint { address: destination, port: port(remote_port) });
                let flow = nat44::Flow { protocol, internal, remote };
                let subject = flow.subject(asked.dscp);
                let session = self.nat44.explain_session(&flow, plan, now);
                let session = session.map(|(row, stays)| (LiveSession::Nat44(row), row.slot, stays));
                let sticks = self.nat44.sticking(&flow, plan.policy_of(&subject), plan, now.tick());
                (subject, Known { session, sticks })
            }
            Addresses::V6 { source, destination } => {
                let Some(filter) = &mut self.filter else {
                    return (Subject { ports: (0, 0), has_ports: false, ..*asked }, Known::default());
                };
                let protocol = filter::Protocol::new(asked.protocol, Some(ECHO_REQUEST));
                let port = |port| if protocol.ports_len() > 0 { port } else { 0 };
                let internal = filter::Endpoint { address: source, port: port(internal_port) };
                let flow = protocol.flow(internal, filter::Endpoint { address: destination, port: port(remote_port) });
                let subject = flow.subject(asked.dscp);
                let session = filter.explain_session(&flow, plan, now);
                let session = session.map(|(row, stays)| (LiveSession::Filter(row), row.slot, stays));
                let sticks = filter.sticking(&flow, plan.policy_of(&subject), plan, now.tick());
                (subject, Known { session, sticks })
            }
        }
    }

    fn choose(&self, subject: &Subject, policy: &Policy, plan: &Plan, known: &Known) -> (Option<u8>, ChosenBy) {
        if let Some((_, slot, true)) = known.session {
            return (Some(slot), ChosenBy::Session);
        }
        if let Addresses::V6 { source, .. } = subject.addresses
            && let Some(slot) = plan.identity_uplink6(policy, source)
        {
            return (Some(slot), ChosenBy::Identity);
        }
        if known.sticks.is_some() {
            return (known.sticks, ChosenBy::Sticks);
        }
        let slot = policy.choose(subject, self.nat44.rendezvous());
        let candidates = policy.candidates(subject.family());
        let by = match slot {
            None => ChosenBy::Nothing,
            Some(_) if candidates.is_empty() => ChosenBy::LastResort,
            Some(_) if candidates.iter().any(|candidate| candidate.weight > 0) => ChosenBy::Weight,
            Some(_) => ChosenBy::Order,
        };
        (slot, by)
    }
}
