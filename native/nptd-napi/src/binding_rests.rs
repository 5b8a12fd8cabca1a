//! Port rests on their way over a restart.

use napi_derive::napi;
use nptd_core::nat44::{Endpoint, PortRest, Protocol};
use nptd_core::time::Duration;

use crate::binding_error::BindingError;
use crate::path::{Path, Refuse};

const REFUSE: Refuse = |path, problem| BindingError::argument(path, problem);

/// `PortRest`.
#[napi(object)]
pub struct BindingPortRest {
    /// Slot of the uplink.
    pub slot: f64,
    /// IP protocol.
    pub protocol: f64,
    /// Internal endpoint.
    pub internal_address: f64,
    /// Port, or identifier.
    pub internal_port: f64,
    /// External endpoint.
    pub external_address: f64,
    /// Port, or identifier.
    pub external_port: f64,
    /// How long it still rests, milliseconds.
    pub rest_ms: f64,
}

impl From<PortRest> for BindingPortRest {
    fn from(rest: PortRest) -> Self {
        let (internal, external) = (rest.internal, rest.external);
        Self {
            slot: rest.slot.into(),
            protocol: rest.protocol.number().into(),
            internal_address: internal.address.into(),
            internal_port: internal.port.into(),
            external_address: external.address.into(),
            external_port: external.port.into(),
            rest_ms: (rest.rest.as_micros() / 1_000) as f64,
        }
    }
}

/// Converts what a former process held.
pub fn port_rests(rests: &[BindingPortRest]) -> Result<Vec<PortRest>, BindingError> {
    Path::Root.field("rests").each(rests, |path, rest| {
        let endpoint = |address: (&'static str, f64), port: (&'static str, f64)| -> Result<Endpoint, BindingError> {
            let address = path.field(address.0).integer(address.1, REFUSE)?;
            Ok(Endpoint { address, port: path.field(port.0).integer(port.1, REFUSE)? })
        };
        Ok(PortRest {
            slot: path.field("slot").integer(rest.slot, REFUSE)?,
            protocol: Protocol::from_number(path.field("protocol").integer(rest.protocol, REFUSE)?),
            internal: endpoint(("internalAddress", rest.internal_address), ("internalPort", rest.internal_port))?,
            external: endpoint(("externalAddress", rest.external_address), ("externalPort", rest.external_port))?,
            rest: Duration::from_millis(path.field("restMs").integer(rest.rest_ms, REFUSE)?),
        })
    })
}
