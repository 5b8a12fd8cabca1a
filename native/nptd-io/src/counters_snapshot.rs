//! Reading what workers count, without stopping them.

use std::sync::atomic::{AtomicU64, Ordering};

use nptd_core::counters::{Counters, Direction};
use nptd_core::plan::{POLICIES_MAX, SLOTS_MAX};
use nptd_core::verdict::{OutputKind, Suppressed, VERDICT_COUNT, Verdict};

/// Numbers beside the counters of the core. Only the worker writes them.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Live sessions.
    pub sessions: AtomicU64,
    /// Live mappings.
    pub mappings: AtomicU64,
    /// Frames that devices delivered.
    pub received: AtomicU64,
    /// Frames that devices took.
    pub transmitted: AtomicU64,
}

/// One non-zero verdict counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerdictCount {
    /// Uplink the packets met; none: none.
    pub slot: Option<u8>,
    /// Side they came from.
    pub direction: Direction,
    /// Index of the verdict.
    pub verdict: usize,
    /// How many.
    pub count: u64,
}

/// Sessions that have begun under one policy on one uplink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowCount {
    /// Number of the policy.
    pub policy: u8,
    /// Slot of the uplink.
    pub slot: u8,
    /// How many.
    pub count: u64,
}

/// IP packets that were forwarded by way of one uplink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrafficCount {
    /// Slot of the uplink.
    pub slot: u8,
    /// Side they came from.
    pub direction: Direction,
    /// How many.
    pub packets: u64,
    /// Their octets, as received.
    pub octets: u64,
}

/// All workers' numbers, added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountersSnapshot {
    /// Verdicts that occurred.
    pub verdicts: Vec<VerdictCount>,
    /// Sessions that have begun.
    pub flows: Vec<FlowCount>,
    /// Packets that were forwarded by way of uplinks.
    pub traffic: Vec<TrafficCount>,
    /// Extra outputs that were made.
    pub outputs: Vec<(OutputKind, u64)>,
    /// Extra outputs that were not.
    pub suppressed: Vec<(Suppressed, u64)>,
    /// Live sessions.
    pub sessions: u64,
    /// Live mappings.
    pub mappings: u64,
    /// Frames that devices delivered.
    pub received_frames: u64,
    /// Frames that devices took.
    pub transmitted_frames: u64,
}

impl CountersSnapshot {
    /// Adds up the numbers of these workers.
    pub fn sum<'a>(workers: impl Iterator<Item = (&'a Counters, &'a Gauges)> + Clone) -> Self {
        let counter = |read: &dyn Fn(&Counters) -> u64| workers.clone().map(|(counters, _)| read(counters)).sum();
        let gauge = |read: fn(&Gauges) -> &AtomicU64| {
            workers.clone().map(|(_, gauges)| read(gauges).load(Ordering::Relaxed)).sum()
        };
        let outputs = OutputKind::ALL.iter().map(|kind| (*kind, counter(&|from| from.output(*kind))));
        let suppressed = Suppressed::ALL.iter().map(|what| (*what, counter(&|from| from.suppressed(*what))));
        let verdicts = verdict_cells().map(|(slot, direction, verdict)| VerdictCount {
            slot,
            direction,
            verdict,
            count: counter(&|from| from.verdict(slot, direction, verdict)),
        });
        let flows = flow_cells().map(|(policy, slot)| FlowCount {
            policy,
            slot,
            count: counter(&|from| from.flows(policy, slot)),
        });
        let forwarded = Verdict::Forward.index();
        let traffic = traffic_cells().map(|(slot, direction)| TrafficCount {
            slot,
            direction,
            packets: counter(&|from| from.verdict(Some(slot), direction, forwarded)),
            octets: counter(&|from| from.octets(slot, direction)),
        });
        Self {
            flows: flows.filter(|row| row.count > 0).collect(),
            traffic: traffic.filter(|row| row.packets > 0).collect(),
            verdicts: verdicts.filter(|row| row.count > 0).collect(),
            outputs: outputs.filter(|(_, count)| *count > 0).collect(),
            suppressed: suppressed.filter(|(_, count)| *count > 0).collect(),
            sessions: gauge(|gauges| &gauges.sessions),
            mappings: gauge(|gauges| &gauges.mappings),
            received_frames: gauge(|gauges| &gauges.received),
            transmitted_frames: gauge(|gauges| &gauges.transmitted),
        }
    }
}

/// Every cell of [`Counters::flows`].
fn flow_cells() -> impl Iterator<Item = (u8, u8)> {
    (0..POLICIES_MAX as u8).flat_map(|policy| (0..SLOTS_MAX as u8).map(move |slot| (policy, slot)))
}

/// Every cell of [`Counters::octets`].
fn traffic_cells() -> impl Iterator<Item = (u8, Direction)> {
    (0..SLOTS_MAX as u8).flat_map(|slot| [(slot, Direction::Outbound), (slot, Direction::Inbound)])
}

/// Every cell of [`Counters::verdict`].
fn verdict_cells() -> impl Iterator<Item = (Option<u8>, Direction, usize)> {
    let slots = std::iter::once(None).chain((0..SLOTS_MAX as u8).map(Some));
    slots.flat_map(|slot| {
        let directions = [Direction::Outbound, Direction::Inbound].into_iter();
        directions.flat_map(move |direction| (0..VERDICT_COUNT).map(move |verdict| (slot, direction, verdict)))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use nptd_core::counters::{Counters, Direction};
    use nptd_core::verdict::{OutputKind, Suppressed, Verdict};

    use super::{CountersSnapshot, FlowCount, Gauges, TrafficCount, VerdictCount};

    #[test]
    fn workers_are_added_up_and_zeros_left_out() {
        let (one, two) = (Counters::new(), Counters::new());
        let (here, there) = (Gauges::default(), Gauges::default());
        one.record(Some(3), Direction::Inbound, Verdict::Forward);
        one.record_octets(3, Direction::Inbound, 1_500);
        two.record_octets(3, Direction::Inbound, 40);
        one.record_flow(31, 15);
        two.record_flow(31, 15);
        two.record_flow(0, 2);
        two.record(Some(3), Direction::Inbound, Verdict::Forward);
        two.record(None, Direction::Outbound, Verdict::Pass);
        one.record_output(OutputKind::Probe);
        two.record_suppressed(Suppressed::ResolutionFailed);
        here.sessions.store(5, Ordering::Relaxed);
        there.sessions.store(6, Ordering::Relaxed);
        there.transmitted.store(9, Ordering::Relaxed);
        let row = |slot, direction, verdict: Verdict, count| VerdictCount {
            slot,
            direction,
            verdict: verdict.index(),
            count,
        };
        let expected = CountersSnapshot {
            verdicts: vec![
                row(None, Direction::Outbound, Verdict::Pass, 1),
                row(Some(3), Direction::Inbound, Verdict::Forward, 2),
            ],
            flows: vec![FlowCount { policy: 0, slot: 2, count: 1 }, FlowCount { policy: 31, slot: 15, count: 2 }],
            traffic: vec![TrafficCount { slot: 3, direction: Direction::Inbound, packets: 2, octets: 1_540 }],
            outputs: vec![(OutputKind::Probe, 1)],
            suppressed: vec![(Suppressed::ResolutionFailed, 1)],
            sessions: 11,
            transmitted_frames: 9,
            ..CountersSnapshot::default()
        };
        assert_eq!(CountersSnapshot::sum([(&one, &here), (&two, &there)].into_iter()), expected);
    }
}
