//! One engine of several: what it hands over to the others, what it tells them, and what it hears (docs/decisions.md, "Workers").

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::own_errors::OwnErrors;
use super::transit::Transit;
use super::{Engine, EngineConfig};
use crate::counters::{Counters, Direction};
use crate::frame::{Errand, Frame};
use crate::host::probes::Family as ProbeFamily;
use crate::nat44::{Endpoint, Flow, HostCounts, Protocol};
use crate::news::News;
use crate::output::OutputPool;
use crate::plan::Role;
use crate::plan::subject::{Addresses, Subject};
use crate::share::{HOST, Share};
use crate::time::Instant;
use crate::verdict::{DropReason, Verdict};

/// What the engines of a gateway have in common.
pub struct Common {
    /// What internal hosts hold; none where one engine knows it all.
    pub hosts: Option<Arc<HostCounts>>,
    /// Limits of own errors.
    pub errors: OwnErrors,
}

impl Common {
    /// Of an engine that is alone.
    pub fn alone() -> Self {
        Self { hosts: None, errors: OwnErrors::new() }
    }
}

impl Engine {
    /// The engines of a gateway with as many workers as there are counters, in the order of their numbers; at most
    /// [`crate::share::WORKERS_MAX`]. What the configuration allows is shared out among them, but for hosts and neighbours, of which
    /// each may see all.
    pub fn group(config: &EngineConfig, counters: &[Arc<Counters>]) -> Vec<Self> {
        let workers = u8::try_from(counters.len()).unwrap_or(u8::MAX);
        let hosts = (workers > 1).then(|| Arc::new(HostCounts::new(config.hosts_max, &config.hash_key)));
        let common = Common { hosts, errors: OwnErrors::new() };
        let shares = (0..workers).filter_map(|worker| Share::new(worker, workers));
        shares.zip(counters).map(|(share, own)| Self::of_group(config, share, &common, Arc::clone(own))).collect()
    }

    /// Which worker this is, of how many.
    pub fn share(&self) -> Share {
        self.owners.share()
    }

    /// Ends the way of a frame that was handed over where the way to the other worker has no room.
    pub fn refuse_handed_over(&self, frame: &mut Frame<'_>) {
        frame.verdict = Verdict::Drop(DropReason::WorkerRingFull);
        let (slot, direction) = match self.plan.device(frame.ingress).map(|device| device.role) {
            Some(Role::Uplink(slot)) => (Some(slot), Direction::Inbound),
            Some(Role::Internal) | None => (None, Direction::Outbound),
        };
        self.counters.record(slot, direction, frame.verdict);
    }

    /// The next message for another worker, and its number. To be asked for after each call that may have made some.
    pub fn take_news(&mut self) -> Option<(u8, News)> {
        self.outbox.take()
    }

    /// Takes in what another worker says.
    pub fn learn(&mut self, news: News, now: Instant, outputs: &mut OutputPool) {
        if let News::Doubted { v4, v6 } = news {
            self.doubted = (v4, v6);
            self.watch_doubted();
            return;
        }
        let plan = Arc::clone(&self.plan);
        let counters = Arc::clone(&self.counters);
        self.transit(&plan, &counters, now, outputs).learn(news);
    }

    /// The worker that knows of a flow from the site.
    pub fn owner_of(&self, asked: &Subject) -> u8 {
        match asked.addresses {
            Addresses::V4 { source, destination } => {
                let internal = Endpoint { address: source, port: asked.ports.0 };
                let remote = Endpoint { address: destination, port: asked.ports.1 };
                self.owners.of_flow4(&Flow { protocol: Protocol::from_number(asked.protocol), internal, remote })
            }
            Addresses::V6 { source, .. } => self.owners.of_address6(source),
        }
    }

    /// Whether it has the host role.
    pub(super) fn has_host_role(&self) -> bool {
        self.owners.share().worker() == HOST
    }

    /// Watches the uplinks that probes doubt; the host role tells the others when these change.
    pub(super) fn watch_doubted(&mut self) {
        if self.has_host_role() {
            let doubted = (self.probes.doubted(ProbeFamily::V4), self.probes.doubted(ProbeFamily::V6));
            if core::mem::replace(&mut self.doubted, doubted) != doubted {
                self.outbox.tell_all(News::Doubted { v4: doubted.0, v6: doubted.1 }, &self.counters);
            }
        }
        self.nat44.round_trips.watch(self.doubted.0);
        if let Some(filter) = &mut self.filter {
            filter.round_trips.watch(self.doubted.1);
        }
    }
}

impl Transit<'_> {
    /// Hands a frame over with an errand, if it belongs to another worker.
    pub fn hand_over(&self, frame: &mut Frame<'_>, owner: u8, errand: Errand) -> Option<Verdict> {
        let owner = self.owners.elsewhere(owner)?;
        frame.errand = errand;
        Some(Verdict::HandedOver(owner))
    }

    /// Hands a frame for the gateway itself over to the host role, if that is another worker's.
    pub fn hand_to_host(&self, frame: &mut Frame<'_>) -> Option<Verdict> {
        self.hand_over(frame, HOST, Errand::ForGateway)
    }

    fn learn(&mut self, news: News) {
        match news {
            News::Wanted { worker, hop } => {
                if let Some(known) = self.neighbours.answer(&mut self.context, hop) {
                    self.context.news.tell(worker, News::Station(known), self.context.counters);
                }
            }
            News::Station(claim) => self.neighbours.hear(&mut self.context, claim),
            News::Fate4(datagram, fate) => self.note_fate4(datagram, fate),
            News::Fate6(datagram, fate) => self.note_fate6(datagram, fate),
            News::Doubted { .. } => {}
        }
    }
}
