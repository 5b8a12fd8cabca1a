//! Why a flow takes its uplink, in the words of `src/native/data-plane.ts`.

use napi::bindgen_prelude::{Either, Uint8Array};
use napi_derive::napi;
use nptd_core::pipeline::explain::{ChosenBy, Explanation, LiveSession};
use nptd_core::plan::subject::{Addresses, Subject};

use crate::binding_error::BindingError;
use crate::binding_rows::BindingSessionRow;
use crate::path::{Path, Refuse};

const REFUSE: Refuse = |path, problem| BindingError::argument(path, problem);

/// Fractional bits of the distance of a score.
const DISTANCE_UNIT: f64 = 16_777_216.0;

/// `FlowQuestion`.
#[napi(object, object_to_js = false)]
pub struct BindingFlowQuestion {
    /// IP protocol.
    pub protocol: f64,
    /// Internal address: an IPv4 address as a number, or an IPv6 address as 16 octets.
    #[napi(ts_type = "number | Uint8Array")]
    pub internal: Either<f64, Uint8Array>,
    /// Internal port, or the identifier of an echo.
    pub internal_port: f64,
    /// Remote address, of the same family.
    #[napi(ts_type = "number | Uint8Array")]
    pub remote: Either<f64, Uint8Array>,
    /// Remote port.
    pub remote_port: f64,
    /// 0 to 63.
    pub dscp: f64,
}

/// `FlowCandidate`.
#[napi(object, object_from_js = false)]
pub struct BindingFlowCandidate {
    /// Slot of the uplink.
    pub slot: u8,
    /// Its share of new flows.
    pub weight: u16,
    /// The smallest is the best; absent without a weight.
    pub score: Option<f64>,
    /// Whether flows leave it all the same.
    pub is_left: bool,
}

/// `FlowExplanation`.
#[napi(object, object_from_js = false)]
pub struct BindingFlowExplanation {
    /// Generation of the plan.
    pub generation: f64,
    /// Number of the policy.
    pub policy: u8,
    /// Position of the match in the policy.
    pub matching: Option<u32>,
    /// In the order of preference.
    pub candidates: Vec<BindingFlowCandidate>,
    /// The live session.
    pub session: Option<BindingSessionRow>,
    /// Whether the session stays on its uplink.
    pub stays: bool,
    /// Slot of the uplink.
    pub slot: Option<u8>,
    /// Why that one.
    #[napi(ts_type = "'session' | 'identity' | 'sticks' | 'weight' | 'order' | 'last-resort' | 'nothing'")]
    pub by: &'static str,
}

/// What the engine is asked.
pub fn flow_question(question: &BindingFlowQuestion) -> Result<Subject, BindingError> {
    let root = Path::Root;
    let path = root.field("flow");
    let addresses = match (&question.internal, &question.remote) {
        (Either::A(internal), Either::A(remote)) => Addresses::V4 {
            source: path.field("internal").integer(*internal, REFUSE)?,
            destination: path.field("remote").integer(*remote, REFUSE)?,
        },
        (Either::B(internal), Either::B(remote)) => Addresses::V6 {
            source: path.field("internal").address6(internal, REFUSE)?,
            destination: path.field("remote").address6(remote, REFUSE)?,
        },
        (Either::A(_), Either::B(_)) | (Either::B(_), Either::A(_)) => {
            return Err(REFUSE(path.field("remote").to_string(), "is not of the family of the internal address"));
        }
    };
    let dscp: u8 = path.field("dscp").integer(question.dscp, REFUSE)?;
    if dscp > 63 {
        return Err(REFUSE(path.field("dscp").to_string(), "is beyond the last code point"));
    }
    let ports = (
        path.field("internalPort").integer(question.internal_port, REFUSE)?,
        path.field("remotePort").integer(question.remote_port, REFUSE)?,
    );
    let protocol = path.field("protocol").integer(question.protocol, REFUSE)?;
    Ok(Subject { addresses, protocol, ports, has_ports: true, dscp })
}

impl From<Explanation> for BindingFlowExplanation {
    fn from(from: Explanation) -> Self {
        let candidates = from.candidates.into_iter().map(|(candidate, score)| BindingFlowCandidate {
            slot: candidate.slot,
            weight: candidate.weight,
            score: score.map(|score| f64::from(score.distance) / DISTANCE_UNIT / f64::from(score.weight)),
            is_left: candidate.is_left,
        });
        Self {
            generation: from.generation as f64,
            policy: from.policy,
            matching: from.matching.map(|position| position as u32),
            candidates: candidates.collect(),
            session: from.session.map(|session| match session {
                LiveSession::Nat44(row) => row.into(),
                LiveSession::Filter(row) => row.into(),
            }),
            stays: from.stays,
            slot: from.slot,
            by: match from.by {
                ChosenBy::Session => "session",
                ChosenBy::Identity => "identity",
                ChosenBy::Sticks => "sticks",
                ChosenBy::Weight => "weight",
                ChosenBy::Order => "order",
                ChosenBy::LastResort => "last-resort",
                ChosenBy::Nothing => "nothing",
            },
        }
    }
}
