//! The policies of a plan.

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use nptd_core::plan::spec::{FailureActionSpec, MatchSpec, OnFailureSpec, PersistenceSpec, PolicySpec};

use super::convert::{Converted, REFUSE, integer, integers, port_range};
use crate::path::Path;

/// `PlanPolicy`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanPolicy {
    /// Slots in order of preference.
    #[napi(ts_type = "readonly number[]")]
    pub prefer: Vec<f64>,
    /// Stable by name; absent: its position.
    pub number: Option<f64>,
    /// What it is about; absent: everything.
    #[napi(ts_type = "readonly BindingPlanMatch[]")]
    pub matches: Option<Vec<BindingPlanMatch>>,
    /// In the order of `prefer`.
    #[napi(ts_type = "readonly number[]")]
    pub weights: Option<Vec<f64>>,
    /// What keeps taking the same uplink.
    #[napi(ts_type = "'source' | 'source-destination' | 'flow'")]
    pub persistence: Option<String>,
    /// Slots that new IPv4 flows do not take.
    #[napi(ts_type = "readonly number[]")]
    pub shun4: Option<Vec<f64>>,
    /// Slots that new IPv6 flows do not take.
    #[napi(ts_type = "readonly number[]")]
    pub shun6: Option<Vec<f64>>,
    /// Slots that IPv4 flows leave.
    #[napi(ts_type = "readonly number[]")]
    pub leave4: Option<Vec<f64>>,
    /// Slots that IPv6 flows leave.
    #[napi(ts_type = "readonly number[]")]
    pub leave6: Option<Vec<f64>>,
    /// Whether new flows are refused, rather than sent by a last resort.
    pub refuse: Option<bool>,
    /// What becomes of flows whose uplink is to be left.
    pub on_failure: Option<BindingPlanOnFailure>,
}

/// `PlanMatch`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanMatch {
    /// Prefix of the internal address.
    pub source4: Option<BindingPlanPrefix4>,
    /// Prefix of the internal address.
    pub source6: Option<BindingPlanPrefix6>,
    /// Prefix of the remote address.
    pub destination4: Option<BindingPlanPrefix4>,
    /// Prefix of the remote address.
    pub destination6: Option<BindingPlanPrefix6>,
    /// IP protocol.
    pub protocol: Option<f64>,
    /// Lowest destination port.
    pub port_low: Option<f64>,
    /// Highest destination port.
    pub port_high: Option<f64>,
    /// Lowest source port.
    pub source_port_low: Option<f64>,
    /// Highest source port.
    pub source_port_high: Option<f64>,
    /// 0 to 63.
    pub dscp: Option<f64>,
}

/// `PlanPrefix4`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanPrefix4 {
    /// Prefix below 2^32.
    pub prefix: f64,
    /// Its length.
    pub prefix_length: f64,
}

/// `PlanPrefix6`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanPrefix6 {
    /// Prefix, 16 octets.
    pub prefix: Uint8Array,
    /// Its length.
    pub prefix_length: f64,
}

/// `PlanOnFailure`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanOnFailure {
    /// TCP.
    #[napi(ts_type = "'reset' | 'keep'")]
    pub tcp: String,
    /// UDP and UDP-Lite.
    #[napi(ts_type = "'move' | 'reset' | 'keep'")]
    pub udp: String,
    /// All else.
    #[napi(ts_type = "'move' | 'reset' | 'keep'")]
    pub other: String,
}

pub fn policies(path: Path<'_>, policies: &[BindingPlanPolicy]) -> Converted<Vec<PolicySpec>> {
    let numbered = policies.iter().enumerate();
    numbered.map(|(index, one)| policy(path.element(index), one, u8::try_from(index).unwrap_or(u8::MAX))).collect()
}

fn policy(path: Path<'_>, policy: &BindingPlanPolicy, position: u8) -> Converted<PolicySpec> {
    let number = policy.number.map(|number| integer(path.field("number"), number)).transpose()?;
    let on_failure =
        policy.on_failure.as_ref().map(|action| on_failure(path.field("onFailure"), action)).transpose()?;
    Ok(PolicySpec {
        prefer: integers(path.field("prefer"), &policy.prefer)?,
        number: number.unwrap_or(position),
        matches: policy.matches.as_deref().map(|all| path.field("matches").each(all, condition)).transpose()?,
        weights: integers(path.field("weights"), policy.weights.as_deref().unwrap_or_default())?,
        persistence: match policy.persistence.as_deref() {
            None | Some("source") => PersistenceSpec::Source,
            Some("source-destination") => PersistenceSpec::SourceDestination,
            Some("flow") => PersistenceSpec::Flow,
            Some(_) => return Err(REFUSE(path.field("persistence").to_string(), "is not a persistence")),
        },
        shun: (slots(path.field("shun4"), &policy.shun4)?, slots(path.field("shun6"), &policy.shun6)?),
        leave: (slots(path.field("leave4"), &policy.leave4)?, slots(path.field("leave6"), &policy.leave6)?),
        refuse: policy.refuse.unwrap_or_default(),
        on_failure: on_failure.unwrap_or_default(),
    })
}

fn slots(path: Path<'_>, slots: &Option<Vec<f64>>) -> Converted<Vec<u8>> {
    integers(path, slots.as_deref().unwrap_or_default())
}

fn condition(path: Path<'_>, condition: &BindingPlanMatch) -> Converted<MatchSpec> {
    let source4 = condition.source4.as_ref().map(|prefix| prefix4(path.field("source4"), prefix));
    let source6 = condition.source6.as_ref().map(|prefix| prefix6(path.field("source6"), prefix));
    let destination4 = condition.destination4.as_ref().map(|prefix| prefix4(path.field("destination4"), prefix));
    let destination6 = condition.destination6.as_ref().map(|prefix| prefix6(path.field("destination6"), prefix));
    Ok(MatchSpec {
        source4: source4.transpose()?,
        source6: source6.transpose()?,
        destination4: destination4.transpose()?,
        destination6: destination6.transpose()?,
        protocol: condition.protocol.map(|protocol| integer(path.field("protocol"), protocol)).transpose()?,
        ports: port_range(path, condition.port_low, condition.port_high)?,
        source_ports: port_range(path, condition.source_port_low, condition.source_port_high)?,
        dscp: condition.dscp.map(|dscp| integer(path.field("dscp"), dscp)).transpose()?,
    })
}

fn prefix4(path: Path<'_>, prefix: &BindingPlanPrefix4) -> Converted<(u32, u8)> {
    let address = integer(path.field("prefix"), prefix.prefix)?;
    Ok((address, integer(path.field("prefixLength"), prefix.prefix_length)?))
}

fn prefix6(path: Path<'_>, prefix: &BindingPlanPrefix6) -> Converted<(u128, u8)> {
    let address = path.field("prefix").address6(&prefix.prefix, REFUSE)?;
    Ok((address, integer(path.field("prefixLength"), prefix.prefix_length)?))
}

fn on_failure(path: Path<'_>, action: &BindingPlanOnFailure) -> Converted<OnFailureSpec> {
    Ok(OnFailureSpec {
        tcp: failure_action(path.field("tcp"), &action.tcp)?,
        udp: failure_action(path.field("udp"), &action.udp)?,
        other: failure_action(path.field("other"), &action.other)?,
    })
}

fn failure_action(path: Path<'_>, name: &str) -> Converted<FailureActionSpec> {
    match name {
        "move" => Ok(FailureActionSpec::Move),
        "reset" => Ok(FailureActionSpec::Reset),
        "keep" => Ok(FailureActionSpec::Keep),
        _ => Err(REFUSE(path.to_string(), "is not an action")),
    }
}
