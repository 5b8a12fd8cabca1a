//! Probes in the words of `src/native/data-plane.ts`.

use napi::bindgen_prelude::{Either, Uint8Array};
use napi_derive::napi;
use nptd_core::host::neighbours::mapped4;
use nptd_core::host::probes::{Family, ProbeSample, ProbeSpec};
use nptd_core::plan::SLOTS_MAX;
use nptd_core::time::Duration;

use crate::binding_error::BindingError;
use crate::path::{Path, Refuse};

const REFUSE: Refuse = |path, problem| BindingError::argument(path, problem);

/// `ProbeOptions`.
#[napi(object, object_to_js = false)]
pub struct BindingProbe {
    /// Slot of the uplink.
    pub slot: f64,
    /// 4 or 6.
    #[napi(ts_type = "4 | 6")]
    pub family: f64,
    /// IPv4 addresses as numbers, or IPv6 addresses as 16 octets.
    #[napi(ts_type = "readonly (number | Uint8Array)[]")]
    pub targets: Vec<Either<f64, Uint8Array>>,
    /// Time between rounds, milliseconds.
    pub interval_ms: f64,
    /// An answer later than this is a miss, milliseconds.
    pub timeout_ms: f64,
    /// Bursts that began in this round, or before, are over.
    pub calm_round: f64,
}

/// `ProbeSample`.
#[napi(object, object_from_js = false)]
pub struct BindingProbeSample {
    /// Slot of the uplink.
    pub slot: u8,
    /// 4 or 6.
    #[napi(ts_type = "4 | 6")]
    pub family: u8,
    /// Position of the target.
    pub target: u16,
    /// Number of the round.
    pub round: u32,
    /// Whether the round was a burst.
    pub burst: bool,
    /// Microseconds on the data plane's clock.
    pub sent_at_us: f64,
    /// Round-trip time in microseconds; absent: missed.
    pub rtt_us: Option<f64>,
    /// Of a miss in a burst: the gateway has answered since it was sent.
    pub gateway_answered: bool,
}

impl From<ProbeSample> for BindingProbeSample {
    fn from(sample: ProbeSample) -> Self {
        Self {
            slot: sample.slot,
            family: match sample.family {
                Family::V4 => 4,
                Family::V6 => 6,
            },
            target: sample.target,
            round: sample.round,
            burst: sample.burst,
            sent_at_us: sample.sent_at.as_micros() as f64,
            rtt_us: sample.rtt.map(|rtt| rtt.as_micros() as f64),
            gateway_answered: sample.gateway_answered,
        }
    }
}

/// What the engine is to probe.
pub fn probe_specs(probes: &[BindingProbe]) -> Result<Vec<ProbeSpec>, BindingError> {
    Path::Field(&Path::Root, "probes").each(probes, probe)
}

fn probe(path: Path<'_>, probe: &BindingProbe) -> Result<ProbeSpec, BindingError> {
    let slot: u8 = path.field("slot").integer(probe.slot, REFUSE)?;
    if usize::from(slot) >= SLOTS_MAX {
        return Err(REFUSE(path.field("slot").to_string(), "is beyond the last slot"));
    }
    let family = match probe.family {
        4.0 => Family::V4,
        6.0 => Family::V6,
        _ => return Err(REFUSE(path.field("family").to_string(), "is neither 4 nor 6")),
    };
    let span = |name, ms| -> Result<Duration, BindingError> {
        let ms: u32 = path.field(name).integer(ms, REFUSE)?;
        if ms == 0 {
            Err(REFUSE(path.field(name).to_string(), "is zero"))
        } else {
            Ok(Duration::from_millis(ms.into()))
        }
    };
    Ok(ProbeSpec {
        slot,
        family,
        targets: path.field("targets").each(&probe.targets, |path, address| target(path, family, address))?,
        interval: span("intervalMs", probe.interval_ms)?,
        timeout: span("timeoutMs", probe.timeout_ms)?,
        calm_round: path.field("calmRound").integer(probe.calm_round, REFUSE)?,
        identifier: 0,
    })
}

fn target(path: Path<'_>, family: Family, target: &Either<f64, Uint8Array>) -> Result<u128, BindingError> {
    match (family, target) {
        (Family::V4, Either::A(address)) => Ok(mapped4(path.integer(*address, REFUSE)?)),
        (Family::V6, Either::B(octets)) => path.address6(octets, REFUSE),
        (Family::V4, Either::B(_)) | (Family::V6, Either::A(_)) => {
            Err(REFUSE(path.to_string(), "is not an address of the probe's family"))
        }
    }
}
