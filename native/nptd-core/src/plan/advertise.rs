//! What must hold of router advertisements before they are sent (RFC 4861 section 6.2.1).

use alloc::format;
use alloc::string::String;

use super::PlanError;
use super::checks::ensure;
use super::spec::{AdvertiseSpec, DeviceSpec, LinkSpec, RoleSpec};
use crate::time::Duration;

/// Most prefixes, routes and resolvers of one device: at 32 octets at most, seven packets of 1,280 octets.
pub const ADVERTISED_MAX: usize = 256;

/// MaxRtrAdvInterval.
const INTERVAL_MIN: Duration = Duration::from_secs(4);
const INTERVAL_MAX: Duration = Duration::from_secs(1800);

/// Refuses what hosts would have to ignore, and what the device cannot send.
pub fn check(index: usize, device: &DeviceSpec, says: &AdvertiseSpec) -> Result<(), PlanError> {
    let place = |field: &str| -> String { format!("devices[{index}].advertise.{field}") };
    let is_sender = device.role == RoleSpec::Internal && device.link != LinkSpec::Ip && !device.ipv6.is_empty();
    ensure(is_sender, || format!("devices[{index}].advertise"), "not an internal Ethernet device with IPv6")?;
    let interval = (INTERVAL_MIN..=INTERVAL_MAX).contains(&says.interval);
    ensure(interval, || place("intervalMs"), "not between 4 and 1800 seconds")?;
    let mtu = says.link_mtu.is_none_or(|mtu| (1280..=u32::from(device.mtu)).contains(&mtu));
    ensure(mtu, || place("linkMtu"), "below 1280 octets, or more than the device takes")?;
    let count = says.prefixes.len() + says.routes.len() + says.resolvers.len();
    ensure(count <= ADVERTISED_MAX, || place("prefixes"), "more prefixes, routes and resolvers than supported")?;
    for (index, prefix) in says.prefixes.iter().enumerate() {
        let place = |field: &str| place(&format!("prefixes[{index}].{field}"));
        ensure(prefix.prefix.1 <= 128, || place("prefixLength"), "prefix too long")?;
        ensure(prefix.preferred <= prefix.valid, || place("preferredS"), "longer than the valid lifetime")?;
    }
    for (index, route) in says.routes.iter().enumerate() {
        ensure(route.prefix.1 <= 128, || place(&format!("routes[{index}].prefixLength")), "prefix too long")?;
    }
    Ok(())
}
