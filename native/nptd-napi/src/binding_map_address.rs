//! One address through one prefix pair, without a plan.

use napi::bindgen_prelude::{Either, Uint8Array};
use napi_derive::napi;
use nptd_core::nptv6::PrefixPair;
use nptd_core::plan::spec::Nptv6Spec;

use crate::binding_error::BindingError;
use crate::binding_plan::{BindingPlanPrefixPair, prefix_pair};
use crate::path::{Path, Refuse};

/// The other form of an address.
#[napi(object, object_from_js = false)]
pub struct BindingMappedAddress {
    /// 16 octets.
    pub address: Uint8Array,
}

/// An address that has no other form.
#[napi(object, object_from_js = false)]
pub struct BindingUnmappedAddress {
    /// Name of the drop reason.
    pub drop: &'static str,
}

type Mapped = Either<BindingMappedAddress, BindingUnmappedAddress>;

/// Maps an IPv6 address by RFC 6296.
#[napi(catch_unwind, ts_return_type = "BindingMappedAddress | BindingUnmappedAddress | BindingError")]
pub fn map_address6(
    pair: BindingPlanPrefixPair,
    #[napi(ts_arg_type = "'outbound' | 'inbound'")] direction: String,
    address: &[u8],
    translate_zero_interface_id: bool,
) -> Either<Mapped, BindingError> {
    match map(&pair, &direction, address, Nptv6Spec { translate_zero_interface_id, ..Nptv6Spec::default() }) {
        Ok(mapped) => Either::A(mapped),
        Err(error) => Either::B(error),
    }
}

fn map(pair: &BindingPlanPrefixPair, direction: &str, address: &[u8], spec: Nptv6Spec) -> Result<Mapped, BindingError> {
    const REFUSE: Refuse = |path, problem| BindingError::argument(path, problem);
    let root = Path::Root;
    let pair = prefix_pair(root.field("pair"), pair, REFUSE)?;
    let pair = PrefixPair::new(pair).map_err(|problem| REFUSE("pair".into(), problem))?;
    let address = root.field("address").address6(address, REFUSE)?;
    let mapped = match direction {
        "outbound" => pair.outbound(address, spec),
        "inbound" => pair.inbound(address, spec),
        _ => return Err(REFUSE("direction".into(), "is neither 'outbound' nor 'inbound'")),
    };
    Ok(match mapped {
        Ok(mapped) => Either::A(BindingMappedAddress { address: mapped.to_be_bytes().to_vec().into() }),
        Err(reason) => Either::B(BindingUnmappedAddress { drop: reason.name() }),
    })
}
