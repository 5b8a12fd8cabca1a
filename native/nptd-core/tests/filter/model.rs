//! Long sequences against a list of sessions that is walked from end to end.

use nptd_core::session::filtering::Filtering;
use nptd_core::verdict::{DropReason, Verdict};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::site::*;

const HOSTS: [&str; 2] = [HOST, OTHER_HOST];
const REMOTES: [&str; 3] = [REMOTE, STRANGER, "2001:db8:ff::77"];
const LIFETIME_MS: u64 = 300_000;

/// A host and a remote address by number, each with a port.
type Flow = (usize, u16, usize, u16);

#[derive(Clone, Debug)]
enum Step {
    Out(Flow),
    In(usize, Flow),
    Pass(u64),
    Usable(usize, bool),
    Renumber(usize),
    Filtering(Filtering),
}

#[derive(Clone, Debug)]
struct Known {
    flow: Flow,
    slot: usize,
    epoch: u8,
    is_called: bool,
    ends_ms: u64,
}

#[derive(Default)]
struct Model {
    sessions: Vec<Known>,
    usable: [bool; 2],
    epochs: [u8; 2],
    filtering: Filtering,
}

impl Model {
    fn live(&mut self, now_ms: u64) {
        let epochs = self.epochs;
        self.sessions.retain(|known| known.ends_ms > now_ms && known.epoch == epochs[known.slot]);
    }

    fn open(&mut self, flow: Flow, slot: usize, is_called: bool, now_ms: u64) {
        let (epoch, ends_ms) = (self.epochs[slot], now_ms + LIFETIME_MS);
        self.sessions.push(Known { flow, slot, epoch, is_called, ends_ms });
    }

    /// The uplink that a packet of the site leaves by.
    fn outbound(&mut self, flow: Flow, now_ms: u64) -> Result<usize, DropReason> {
        let is_of_endpoint = |known: &Known| (known.flow.0, known.flow.1) == (flow.0, flow.1);
        if let Some(at) = self.sessions.iter().position(|known| known.flow == flow) {
            let slot = self.sessions[at].slot;
            if self.usable[slot] || !self.usable[1 - slot] {
                self.sessions[at].ends_ms = now_ms + LIFETIME_MS;
                return Ok(slot);
            }
            if self.sessions[at].is_called {
                self.sessions.remove(at);
                return Err(DropReason::UplinkDown);
            }
            self.sessions.retain(|known| known.slot != slot || !is_of_endpoint(known));
        }
        let uses = |slot| self.sessions.iter().any(|known| known.slot == slot && is_of_endpoint(known));
        let usable = || (0..2).filter(|slot| self.usable[*slot]);
        let slot = usable().find(|slot| uses(*slot)).or_else(|| usable().next()).unwrap_or(0);
        self.open(flow, slot, false, now_ms);
        Ok(slot)
    }

    fn inbound(&mut self, slot: usize, flow: Flow, now_ms: u64) -> bool {
        if self.sessions.iter().any(|known| known.slot == slot && known.flow == flow) {
            return true;
        }
        let filtering = self.filtering;
        let is_asked_for = self.sessions.iter().any(|known| {
            let is_of_endpoint = known.slot == slot && (known.flow.0, known.flow.1) == (flow.0, flow.1);
            is_of_endpoint
                && match filtering {
                    Filtering::EndpointIndependent => true,
                    Filtering::AddressDependent => known.flow.2 == flow.2,
                    Filtering::AddressAndPortDependent => false,
                }
        });
        if is_asked_for && !self.sessions.iter().any(|known| known.flow == flow) {
            self.open(flow, slot, true, now_ms);
        }
        is_asked_for
    }
}

fn flow() -> impl Strategy<Value = Flow> {
    (0..2_usize, 1..3_u16, 0..3_usize, 1..3_u16)
}

fn step() -> impl Strategy<Value = Step> {
    use Filtering::{AddressAndPortDependent, AddressDependent, EndpointIndependent};
    let filtering = prop_oneof![Just(EndpointIndependent), Just(AddressDependent), Just(AddressAndPortDependent)];
    prop_oneof![
        10 => flow().prop_map(Step::Out),
        10 => (0..2_usize, flow()).prop_map(|(slot, flow)| Step::In(slot, flow)),
        3 => (0..1_600_u64).prop_map(|tenths| Step::Pass(tenths * 100)),
        2 => (0..2_usize, any::<bool>()).prop_map(|(slot, usable)| Step::Usable(slot, usable)),
        1 => (0..2_usize).prop_map(Step::Renumber),
        1 => filtering.prop_map(Step::Filtering),
    ]
}

fn play(site: &mut Site, model: &mut Model, step: &Step) {
    model.live(site.now_ms);
    match *step {
        Step::Out(flow) => {
            let (host, port, remote, to) = flow;
            let seen = site.send(SITE, &udp(HOSTS[host], port, REMOTES[remote], to));
            match model.outbound(flow, site.now_ms) {
                Ok(slot) => assert_eq!((seen.verdict, usize::from(seen.egress)), (Verdict::Forward, slot + 1)),
                Err(reason) => assert_eq!(seen.verdict, dropped(reason)),
            }
        }
        Step::In(slot, flow) => {
            let (host, port, remote, from) = flow;
            let external = site.external(slot, HOSTS[host]);
            let verdict = site.verdict(slot as u16 + 1, &udp(REMOTES[remote], from, &external, port));
            let expected = match model.inbound(slot, flow, site.now_ms) {
                true => Verdict::Forward,
                false => dropped(DropReason::FilteredInbound),
            };
            assert_eq!(verdict, expected);
        }
        Step::Pass(ms) => site.now_ms += ms,
        Step::Usable(slot, usable) => {
            model.usable[slot] = usable;
            site.set_usable(slot, usable);
        }
        Step::Renumber(slot) => {
            model.epochs[slot] += 1;
            site.change(|spec| spec.uplinks[slot].epoch += 1);
        }
        Step::Filtering(filtering) => {
            model.filtering = filtering;
            site.filter_by(filtering);
        }
    }
}

/// What the engine lists, in an order of its own: flow, slot, time left.
fn listed(site: &Site) -> Vec<(Flow, usize, u64)> {
    let number = |all: &[&str], address: u128| all.iter().position(|text| v6(text) == address).unwrap();
    let mut rows: Vec<_> = site
        .rows()
        .iter()
        .map(|row| {
            let (host, remote) = (number(&HOSTS, row.internal.address), number(&REMOTES, row.remote.address));
            ((host, row.internal.port, remote, row.remote.port), usize::from(row.slot), row.expires_in_ms)
        })
        .collect();
    rows.sort_unstable();
    rows
}

#[test]
fn sequences_of_flows_timers_and_plans_do_what_a_plain_list_says() {
    let config = Config { cases: 150, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    runner
        .run(&(vec(step(), 1..150), any::<bool>()), |(steps, is_swept)| {
            let (mut site, mut model) = (Site::new(), Model { usable: [true; 2], ..Model::default() });
            site.filter_by(model.filtering);
            for step in &steps {
                play(&mut site, &mut model, step);
                if is_swept {
                    site.tick();
                }
                model.live(site.now_ms);
                let mut expected: Vec<_> =
                    model.sessions.iter().map(|known| (known.flow, known.slot, known.ends_ms - site.now_ms)).collect();
                expected.sort_unstable();
                assert_eq!(listed(&site), expected);
            }
            Ok(())
        })
        .unwrap();
}

/// Many sessions with few addresses: groups are found, replaced and left without walking the others.
#[test]
fn an_endpoint_with_many_sessions_finds_an_address_whichever_of_them_have_ended() {
    let mut site = Site::with(spec(), 4_096);
    site.filter_by(Filtering::AddressDependent);
    let external = site.external(0, HOST);
    let remote = |number: u16| format!("2001:db8:ff::{number:x}");
    for number in 0..1_000 {
        site.send(SITE, &udp(HOST, 1, &remote(number % 100 + 1), 1_000 + number));
        site.now_ms += 100;
    }
    // Those of the first half of the addresses are refreshed once more.
    site.now_ms += LIFETIME_MS - 100_000;
    for number in (0..1_000).filter(|number| number % 100 < 50) {
        site.send(SITE, &udp(HOST, 1, &remote(number % 100 + 1), 1_000 + number));
    }
    site.now_ms += 100_000;
    for number in 0..100 {
        let verdict = site.verdict(FIRST, &udp(&remote(number + 1), 7, &external, 1));
        let expected = if number < 50 { Verdict::Forward } else { dropped(DropReason::FilteredInbound) };
        assert_eq!(verdict, expected, "{number}");
    }
}
