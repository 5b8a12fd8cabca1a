//! Counters in the words of `src/native/data-plane.ts`.

use std::collections::HashMap;

use napi_derive::napi;
use nptd_core::counters::Direction;
use nptd_core::verdict::Verdict;
use nptd_io::{CountersSnapshot, FlowCount, TrafficCount, VerdictCount};

/// `VerdictCount`.
#[napi(object, object_from_js = false)]
pub struct BindingVerdictCount {
    /// Slot of the uplink; absent: none.
    pub slot: Option<u8>,
    /// Side the packets came from.
    #[napi(ts_type = "'outbound' | 'inbound'")]
    pub direction: &'static str,
    /// Name of the verdict.
    pub verdict: &'static str,
    /// How many.
    pub count: f64,
}

/// `FlowCount`.
#[napi(object, object_from_js = false)]
pub struct BindingFlowCount {
    /// Number of the policy.
    pub policy: u8,
    /// Slot of the uplink.
    pub slot: u8,
    /// How many.
    pub count: f64,
}

/// `TrafficCount`.
#[napi(object, object_from_js = false)]
pub struct BindingTrafficCount {
    /// Slot of the uplink.
    pub slot: u8,
    /// Side the packets came from.
    #[napi(ts_type = "'outbound' | 'inbound'")]
    pub direction: &'static str,
    /// How many.
    pub packets: f64,
    /// Their octets, as received.
    pub octets: f64,
}

/// `CountersSnapshot`.
#[napi(object, object_from_js = false)]
pub struct BindingCounters {
    /// Non-zero verdict counters.
    pub verdicts: Vec<BindingVerdictCount>,
    /// Sessions that have begun, by policy and uplink.
    pub flows: Vec<BindingFlowCount>,
    /// IP packets forwarded by way of uplinks.
    pub traffic: Vec<BindingTrafficCount>,
    /// By output kind.
    pub outputs: HashMap<String, f64>,
    /// By suppressed output.
    pub suppressed: HashMap<String, f64>,
    /// Live sessions.
    pub sessions: f64,
    /// Live mappings.
    pub mappings: f64,
    /// Frames that devices delivered.
    pub received_frames: f64,
    /// Frames that devices took.
    pub transmitted_frames: f64,
}

impl From<CountersSnapshot> for BindingCounters {
    fn from(from: CountersSnapshot) -> Self {
        let named = |(name, count): (&str, u64)| (name.to_owned(), count as f64);
        Self {
            verdicts: from.verdicts.into_iter().map(BindingVerdictCount::from).collect(),
            flows: from.flows.into_iter().map(BindingFlowCount::from).collect(),
            traffic: from.traffic.into_iter().map(BindingTrafficCount::from).collect(),
            outputs: from.outputs.iter().map(|(kind, count)| named((kind.name(), *count))).collect(),
            suppressed: from.suppressed.iter().map(|(what, count)| named((what.name(), *count))).collect(),
            sessions: from.sessions as f64,
            mappings: from.mappings as f64,
            received_frames: from.received_frames as f64,
            transmitted_frames: from.transmitted_frames as f64,
        }
    }
}

impl From<VerdictCount> for BindingVerdictCount {
    fn from(from: VerdictCount) -> Self {
        Self {
            slot: from.slot,
            direction: direction(from.direction),
            verdict: Verdict::describe(from.verdict).map_or("", |(name, _)| name),
            count: from.count as f64,
        }
    }
}

impl From<FlowCount> for BindingFlowCount {
    fn from(from: FlowCount) -> Self {
        Self { policy: from.policy, slot: from.slot, count: from.count as f64 }
    }
}

impl From<TrafficCount> for BindingTrafficCount {
    fn from(from: TrafficCount) -> Self {
        let (slot, direction) = (from.slot, direction(from.direction));
        Self { slot, direction, packets: from.packets as f64, octets: from.octets as f64 }
    }
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Outbound => "outbound",
        Direction::Inbound => "inbound",
    }
}
