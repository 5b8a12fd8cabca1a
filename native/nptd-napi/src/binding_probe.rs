//! Probes in the words of `src/native/data-plane.ts`.

use napi::bindgen_prelude::{Either, Either3, Uint8Array};
use napi_derive::napi;
use nptd_core::host::neighbours::mapped4;
use nptd_core::host::probes::{Family, Method, ProbeSample, ProbeSpec, ProbeTarget};
use nptd_core::plan::SLOTS_MAX;
use nptd_core::time::Duration;

use crate::binding_error::BindingError;
use crate::path::{Path, Refuse};

const REFUSE: Refuse = |path, problem| BindingError::argument(path, problem);

/// Longest question: a name of 255 octets, type and class (RFC 1035 section 3.1).
const QUESTION_MAX: usize = 259;

/// The service that is asked in a conversation.
const CONVERSATION: &str = "http";

/// `ServiceTarget`.
#[napi(object, object_to_js = false)]
pub struct BindingServiceTarget {
    /// An IPv4 address as a number, or an IPv6 address as 16 octets.
    #[napi(ts_type = "number | Uint8Array")]
    pub address: Either<f64, Uint8Array>,
    /// `dns`, `tcp`, or `http`: a conversation that is asked for.
    #[napi(ts_type = "'dns' | 'tcp' | 'http'")]
    pub service: String,
    /// Port.
    pub port: f64,
    /// Of `dns`: name, type and class as on the wire.
    pub question: Option<Uint8Array>,
    /// Of `tcp`: whether a refusal counts as an answer; absent: it does not.
    pub refused_is_answer: Option<bool>,
}

/// `PortRange`.
#[napi(object, object_to_js = false)]
pub struct BindingProbePorts {
    /// The first.
    pub low: f64,
    /// The last.
    pub high: f64,
}

/// `ProbeOptions`.
#[napi(object, object_to_js = false)]
pub struct BindingProbe {
    /// Slot of the uplink.
    pub slot: f64,
    /// 4 or 6.
    #[napi(ts_type = "4 | 6")]
    pub family: f64,
    /// Which list of targets.
    pub list: f64,
    /// IPv4 addresses as numbers, or IPv6 addresses as 16 octets, or services there.
    #[napi(ts_type = "readonly (number | Uint8Array | BindingServiceTarget)[]")]
    pub targets: Vec<Either3<f64, Uint8Array, BindingServiceTarget>>,
    /// Own ports for DNS and TCP.
    pub own_ports: Option<BindingProbePorts>,
    /// Own ports for conversations.
    pub conversation_ports: Option<BindingProbePorts>,
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
    /// List of targets.
    pub list: u8,
    /// Position of the target in it.
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
            list: sample.list,
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
    let slot = slot_of(path.field("slot"), probe.slot)?;
    let family = family_of(path.field("family"), probe.family)?;
    let asks = |conversation: bool| {
        probe.targets.iter().any(|target| match target {
            Either3::C(service) => (service.service == CONVERSATION) == conversation,
            Either3::A(_) | Either3::B(_) => false,
        })
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
        list: path.field("list").integer(probe.list, REFUSE)?,
        targets: path.field("targets").each(&probe.targets, |path, chosen| target(path, family, chosen))?,
        interval: span("intervalMs", probe.interval_ms)?,
        timeout: span("timeoutMs", probe.timeout_ms)?,
        calm_round: path.field("calmRound").integer(probe.calm_round, REFUSE)?,
        identifier: 0,
        ports: own_ports(path.field("ownPorts"), probe.own_ports.as_ref(), asks(false))?,
        conversation_ports: own_ports(path.field("conversationPorts"), probe.conversation_ports.as_ref(), asks(true))?,
    })
}

/// A slot of an uplink.
pub fn slot_of(path: Path<'_>, number: f64) -> Result<u8, BindingError> {
    let slot: u8 = path.integer(number, REFUSE)?;
    if usize::from(slot) < SLOTS_MAX { Ok(slot) } else { Err(REFUSE(path.to_string(), "is beyond the last slot")) }
}

/// A family by its number.
pub fn family_of(path: Path<'_>, number: f64) -> Result<Family, BindingError> {
    match number {
        4.0 => Ok(Family::V4),
        6.0 => Ok(Family::V6),
        _ => Err(REFUSE(path.to_string(), "is neither 4 nor 6")),
    }
}

/// An address of a family; IPv4 is mapped.
pub fn address_of(path: Path<'_>, family: Family, address: &Either<f64, Uint8Array>) -> Result<u128, BindingError> {
    match address {
        Either::A(number) => address4(path, family, *number),
        Either::B(octets) => address6(path, family, octets),
    }
}

/// Ports from low to high; where they are not needed, none need be given.
fn own_ports(path: Path<'_>, ports: Option<&BindingProbePorts>, are_needed: bool) -> Result<(u16, u16), BindingError> {
    let is_given = ports.is_some();
    let ports = match ports {
        Some(ports) => (path.field("low").integer(ports.low, REFUSE)?, path.field("high").integer(ports.high, REFUSE)?),
        None => (1, 0),
    };
    let (low, high) = ports;
    if low > high && (are_needed || is_given) {
        return Err(REFUSE(path.to_string(), "is no range of ports"));
    }
    Ok(ports)
}

fn target(
    path: Path<'_>,
    family: Family,
    target: &Either3<f64, Uint8Array, BindingServiceTarget>,
) -> Result<ProbeTarget, BindingError> {
    match target {
        Either3::A(number) => Ok(address4(path, family, *number)?.into()),
        Either3::B(octets) => Ok(address6(path, family, octets)?.into()),
        Either3::C(service) => {
            let address = address_of(path.field("address"), family, &service.address)?;
            Ok(ProbeTarget { address, method: method(path, service)? })
        }
    }
}

fn method(path: Path<'_>, service: &BindingServiceTarget) -> Result<Method, BindingError> {
    let port = path.field("port").integer(service.port, REFUSE)?;
    match (service.service.as_str(), &service.question) {
        ("dns", Some(question)) if question.len() <= QUESTION_MAX => {
            Ok(Method::Dns { port, question: question.to_vec().into_boxed_slice() })
        }
        ("dns", _) => Err(REFUSE(path.field("question").to_string(), "is no question")),
        ("tcp", _) => Ok(Method::Tcp { port, refused_is_answer: service.refused_is_answer.unwrap_or(false) }),
        (CONVERSATION, _) => Ok(Method::Conversation { port }),
        _ => Err(REFUSE(path.field("service").to_string(), "is none of dns, tcp and http")),
    }
}

fn address4(path: Path<'_>, family: Family, number: f64) -> Result<u128, BindingError> {
    if family == Family::V4 { Ok(mapped4(path.integer(number, REFUSE)?)) } else { Err(other_family(path)) }
}

fn address6(path: Path<'_>, family: Family, octets: &Uint8Array) -> Result<u128, BindingError> {
    if family == Family::V6 { path.address6(octets, REFUSE) } else { Err(other_family(path)) }
}

fn other_family(path: Path<'_>) -> BindingError {
    REFUSE(path.to_string(), "is not an address of the probe's family")
}
