//! Streams, and the probes that are made by them, in the words of `src/native/data-plane.ts`.

use napi::bindgen_prelude::{Either, Uint8Array};
use napi_derive::napi;
use nptd_core::host::probes::Family;
use nptd_core::host::probes::conversations::{ProbeConclusion, ProbeRequest};
use nptd_core::time::Duration;
use nptd_io::{StreamNews, StreamTarget};

use crate::binding_error::BindingError;
use crate::binding_probe::{BindingProbePorts, address_of, family_of, slot_of};
use crate::path::{Path, Refuse};

const REFUSE: Refuse = |path, problem| BindingError::argument(path, problem);

/// `StreamTarget`.
#[napi(object, object_to_js = false)]
pub struct BindingStreamTarget {
    /// Slot of the uplink that it takes.
    pub slot: f64,
    /// 4 or 6.
    #[napi(ts_type = "4 | 6")]
    pub family: f64,
    /// An IPv4 address as a number, or an IPv6 address as 16 octets.
    #[napi(ts_type = "number | Uint8Array")]
    pub address: Either<f64, Uint8Array>,
    /// Port.
    pub port: f64,
    /// Own ports to take one of.
    pub own_ports: BindingProbePorts,
}

/// What has happened to a stream.
#[napi(object, object_from_js = false)]
pub struct BindingStreamNews {
    /// Which one.
    pub id: u32,
    /// It is open, after so many microseconds.
    pub connected_us: Option<f64>,
    /// What has come.
    pub octets: Option<Uint8Array>,
    /// No more will come.
    pub ended: bool,
    /// There is room to write again.
    pub writable: bool,
    /// Why it is over before its time; there is no more news of it.
    pub failed: Option<String>,
}

/// `ProbeRequest`.
#[napi(object)]
pub struct BindingProbeRequest {
    /// Slot of the uplink.
    pub slot: f64,
    /// 4 or 6.
    #[napi(ts_type = "4 | 6")]
    pub family: f64,
    /// List of targets.
    pub list: f64,
    /// Position of the target in it.
    pub target: f64,
    /// Tells it from others of the same list.
    pub sequence: f64,
}

impl From<ProbeRequest> for BindingProbeRequest {
    fn from(request: ProbeRequest) -> Self {
        Self {
            slot: request.slot.into(),
            family: match request.family {
                Family::V4 => 4.0,
                Family::V6 => 6.0,
            },
            list: request.list.into(),
            target: request.target.into(),
            sequence: request.sequence.into(),
        }
    }
}

impl From<StreamNews> for BindingStreamNews {
    fn from(news: StreamNews) -> Self {
        Self {
            id: news.id,
            connected_us: news.connected.map(|after| after.as_micros() as f64),
            octets: (!news.octets.is_empty()).then(|| news.octets.into()),
            ended: news.ended,
            writable: news.writable,
            failed: news.failed.map(|failure| failure.to_string()),
        }
    }
}

/// Where a stream is to go.
pub fn stream_target(target: &BindingStreamTarget) -> Result<StreamTarget, BindingError> {
    let root = Path::Root;
    let family = family_of(root.field("family"), target.family)?;
    let ports = root.field("ownPorts");
    Ok(StreamTarget {
        slot: slot_of(root.field("slot"), target.slot)?,
        family,
        address: address_of(root.field("address"), family, &target.address)?,
        port: root.field("port").integer(target.port, REFUSE)?,
        own_ports: (
            ports.field("low").integer(target.own_ports.low, REFUSE)?,
            ports.field("high").integer(target.own_ports.high, REFUSE)?,
        ),
    })
}

/// How a probe has ended; `rtt_us` is absent if it is to count as missed.
pub fn probe_conclusion(request: &BindingProbeRequest, rtt_us: Option<f64>) -> Result<ProbeConclusion, BindingError> {
    let root = Path::Root;
    let rtt = rtt_us.map(|us| root.field("rttUs").integer::<u32>(us, REFUSE)).transpose()?;
    Ok(ProbeConclusion {
        request: ProbeRequest {
            slot: slot_of(root.field("slot"), request.slot)?,
            family: family_of(root.field("family"), request.family)?,
            list: root.field("list").integer(request.list, REFUSE)?,
            target: root.field("target").integer(request.target, REFUSE)?,
            sequence: root.field("sequence").integer(request.sequence, REFUSE)?,
        },
        rtt: rtt.map(|us| Duration::from_micros(us.into())),
    })
}
