//! What must be true of mappings, told from the rows alone: which endpoints hold which ports, and until when.

use nptd_core::nat44::{Endpoint, MappingRow, Protocol, SessionRow};
use nptd_core::plan::spec::*;
use nptd_core::session::filtering::Filtering;
use nptd_core::time::Instant;
use nptd_core::verdict::{DropReason, Verdict};

use super::sequences::{Step, host};
use super::site::{REMOTE, Site, text4};

/// A mapping, live or resting.
#[derive(Clone, Debug)]
pub struct Held {
    pub slot: u8,
    pub protocol: Protocol,
    pub internal: Endpoint,
    pub external: Endpoint,
    /// When the last of its sessions ends, if nothing refreshes it; in ticks.
    ends: u64,
    /// Until when it rests, if it does.
    rests_until: Option<u64>,
}

/// All mappings that an observer of the rows knows to exist.
#[derive(Default)]
pub struct Model {
    pub held: Vec<Held>,
}

/// A lifetime from an instant on, as docs/decisions.md defines it.
fn tick_after(now: Instant, us: u64) -> u64 {
    (now.as_micros() + us).div_ceil(100_000)
}

fn end_of(session: &SessionRow, now: Instant) -> u64 {
    (session.expires_in_ms * 1_000 + now.as_micros()) / 100_000
}

fn belongs(session: &SessionRow, mapping: &MappingRow) -> bool {
    (session.slot, session.protocol, session.internal) == (mapping.slot, mapping.protocol, mapping.internal)
}

impl Held {
    fn is(&self, row: &MappingRow) -> bool {
        (self.slot, self.protocol, self.internal) == (row.slot, row.protocol, row.internal)
    }

    fn holds(&self, slot: u8, protocol: Protocol, external: Endpoint) -> bool {
        (self.slot, self.protocol, self.external) == (slot, protocol, external)
    }
}

impl Model {
    /// Time has passed: sessions end, ports rest and come back.
    pub fn pass_time(&mut self, spec: &PlanSpec, now: Instant) {
        let (tick, rest) = (now.as_micros() / 100_000, spec.nat44.port_rest.as_micros().div_ceil(100_000));
        for held in self.held.iter_mut().filter(|held| held.rests_until.is_none() && held.ends <= tick) {
            held.rests_until = Some(held.ends + rest);
        }
        self.held.retain(|held| held.rests_until.is_none_or(|until| until > tick));
    }

    /// A plan has come: what belonged to an uplink that is not the same any more is gone, and its port with it.
    pub fn follow(&mut self, before: &PlanSpec, after: &PlanSpec) {
        let epoch =
            |spec: &PlanSpec, slot| spec.uplinks.iter().find(|uplink| uplink.slot == slot).map(|uplink| uplink.epoch);
        self.held.retain(|held| epoch(before, held.slot) == epoch(after, held.slot));
    }

    /// A packet has been processed: what is in the rows must follow from what was known.
    pub fn observe(&mut self, site: &Site, step: &Step) {
        let (sessions, mappings) = (site.sessions(), site.mappings());
        check_rows(site, &sessions, &mappings);
        self.end_missing(&site.spec, site.now, &mappings, step);
        for row in &mappings {
            let last = sessions.iter().filter(|session| belongs(session, row)).map(|session| end_of(session, site.now));
            let ends = last.max().expect("a mapping has a session");
            match self.held.iter().position(|held| held.is(row)) {
                Some(at) => {
                    assert_eq!(self.held[at].external, row.external, "a mapping keeps its external endpoint");
                    (self.held[at].ends, self.held[at].rests_until) = (ends, None);
                }
                None => self.begin(&site.spec, row, ends),
            }
        }
    }

    /// A mapping that was live and is not listed any more has been ended by the packet: one of its own endpoint.
    fn end_missing(&mut self, spec: &PlanSpec, now: Instant, rows: &[MappingRow], step: &Step) {
        let until = tick_after(now, spec.nat44.port_rest.as_micros());
        for held in self.held.iter_mut().filter(|held| held.rests_until.is_none()) {
            if !rows.iter().any(|row| held.is(row)) {
                let Step::Outbound(protocol, from, port, ..) = *step else { panic!("{step:?} ended {held:?}") };
                let sender = Endpoint { address: host(from), port: 2000 + port };
                assert_eq!((held.protocol, held.internal), (protocol, sender), "a mapping of somebody else");
                held.rests_until = Some(until);
            }
        }
        self.held.retain(|held| held.rests_until.is_none_or(|until| until > now.as_micros() / 100_000));
    }

    /// A new mapping: its port is nobody else's, and its internal port if that was free.
    fn begin(&mut self, spec: &PlanSpec, row: &MappingRow, ends: u64) {
        let MappingRow { slot, protocol, internal, external, .. } = *row;
        let is_held = |endpoint| self.held.iter().any(|held| held.holds(slot, protocol, endpoint));
        assert!(!is_held(external), "{}:{} is taken or resting", text4(external.address), external.port);
        let preserved = Endpoint { port: internal.port, ..external };
        let (low, high) = ports(spec, slot);
        if (protocol == Protocol::ICMP || (low..=high).contains(&internal.port)) && !is_held(preserved) {
            assert_eq!(external, preserved, "a free port is preserved");
        }
        self.held.push(Held { slot, protocol, internal, external, ends, rests_until: None });
    }

    /// Whether filtering has to admit an inbound packet; none where there is no such question.
    pub fn filtering(&self, site: &Site, step: &Step) -> Option<bool> {
        let Step::Inbound(at, from, _) = *step else { return None };
        let mapping = *site.mappings().get(at)?;
        let port = if mapping.protocol == Protocol::ICMP { 0 } else { 443 };
        let remote = Endpoint { address: REMOTE + u32::from(from), port };
        let sessions = site.sessions();
        let mut own = sessions.iter().filter(|session| belongs(session, &mapping));
        if own.clone().any(|session| session.remote == remote) {
            return Some(true);
        }
        let is_admitted = match site.spec.nat44.filtering_udp {
            Filtering::EndpointIndependent => true,
            Filtering::AddressDependent => own.any(|session| session.remote.address == remote.address),
            Filtering::AddressAndPortDependent => false,
        };
        // Whether another uplink has this connection is asked last.
        (mapping.protocol != Protocol::TCP || !is_admitted).then_some(is_admitted)
    }

    /// A refusal for want of room must be true.
    pub fn check_refusal(&self, site: &Site, verdict: Verdict, mappings_max: usize, sessions_max: usize) {
        let Verdict::Drop(reason) = verdict else { return };
        if reason == DropReason::SessionTableFull {
            assert_eq!(site.sessions().len(), sessions_max);
        } else if reason == DropReason::MappingTableFull {
            assert_eq!(self.held.len(), mappings_max);
        } else if reason == DropReason::PortPoolExhausted {
            assert!(self.is_some_pool_exhausted(&site.spec));
        }
    }

    fn is_some_pool_exhausted(&self, spec: &PlanSpec) -> bool {
        let is_full = |held: &Held| {
            let (low, high) = ports(spec, held.slot);
            let external = |port| Endpoint { port, ..held.external };
            (low..=high).all(|port| self.held.iter().any(|other| other.holds(held.slot, held.protocol, external(port))))
        };
        self.held.iter().any(is_full)
    }
}

fn ports(spec: &PlanSpec, slot: u8) -> (u16, u16) {
    let uplink = spec.uplinks.iter().find(|uplink| uplink.slot == slot).expect("an uplink");
    uplink.ipv4.as_ref().expect("IPv4").ports
}

/// Counts, sessions and mappings agree with each other.
fn check_rows(site: &Site, sessions: &[SessionRow], mappings: &[MappingRow]) {
    assert_eq!(site.engine.session_count() as usize, sessions.len(), "sessions counted and listed");
    assert_eq!(site.engine.mapping_count() as usize, mappings.len(), "mappings counted and listed");
    for row in mappings {
        let own = sessions.iter().filter(|session| belongs(session, row));
        assert_eq!(own.clone().count(), row.sessions as usize, "sessions of a mapping");
        assert!(own.clone().all(|session| session.external == row.external));
    }
    let owned: u32 = mappings.iter().map(|row| row.sessions).sum();
    assert_eq!(owned as usize, sessions.len(), "each session has its mapping");
    check_unique(mappings);
    for (at, row) in sessions.iter().enumerate() {
        let flow = |row: &SessionRow| (row.protocol, row.internal, row.remote);
        assert!(!sessions[at + 1..].iter().any(|other| flow(other) == flow(row)), "a flow on two uplinks: {row:?}");
    }
}

pub fn check_unique(mappings: &[MappingRow]) {
    for (at, row) in mappings.iter().enumerate() {
        for other in &mappings[at + 1..] {
            let is_same = (row.slot, row.protocol) == (other.slot, other.protocol)
                && (row.external == other.external || row.internal == other.internal);
            assert!(!is_same, "two mappings share an endpoint: {row:?} {other:?}");
        }
    }
}
