//! What must hold of a specification before anything is compiled from it.

use alloc::format;
use alloc::string::String;

use super::spec::{DeviceSpec, PlanSpec, RoleSpec, RouteSpec, UplinkSpec};
use super::{DEVICES_MAX, POOL_ADDRESSES_MAX, PlanError, SLOTS_MAX, advertise, policy, static_mappings};
use crate::session::protocol::Protocol;

/// Refuses a specification that the pipeline could not rely on.
pub fn check(spec: &PlanSpec) -> Result<(), PlanError> {
    ensure(spec.devices.len() <= DEVICES_MAX, || "devices".into(), "more devices than supported")?;
    for (index, device) in spec.devices.iter().enumerate() {
        check_device(index, device, spec)?;
    }
    for (index, route) in spec.routes.iter().enumerate() {
        check_route(index, route, spec)?;
    }
    let mut seen = [false; SLOTS_MAX];
    for (index, uplink) in spec.uplinks.iter().enumerate() {
        check_uplink(index, uplink, spec)?;
        if let Some(seen) = seen.get_mut(usize::from(uplink.slot)) {
            ensure(!*seen, || format!("uplinks[{index}].slot"), "slot used twice")?;
            *seen = true;
        }
    }
    for (index, exempt) in spec.nat44.exempt.iter().enumerate() {
        let place = |field: &str| format!("nat44.exempt[{index}].{field}");
        ensure(exempt.prefix.1 <= 32, || place("prefixLength"), "prefix too long")?;
        let fits = exempt.ports.is_none_or(|ports| exempt.protocol.is_some_and(|protocol| are_ports(protocol, ports)));
        ensure(fits, || place("portLow"), "no ports of a protocol that has them")?;
    }
    for (index, mapping) in spec.nat44.static_mappings.iter().enumerate() {
        static_mappings::check(index, mapping, spec)?;
    }
    for (index, published) in spec.filter6.iter().flat_map(|filter| &filter.published).enumerate() {
        let fits = published.ports.is_none_or(|(low, high)| published.protocol.is_some() && low <= high);
        ensure(fits, || format!("filter6.published[{index}].portLow"), "no ports of a protocol that has them")?;
    }
    policy::check(spec)
}

fn check_device(index: usize, device: &DeviceSpec, spec: &PlanSpec) -> Result<(), PlanError> {
    let place = |field: &str| format!("devices[{index}].{field}");
    // RFC 791 asks every link for 68 octets; RFC 8200 asks 1280 of links that carry IPv6.
    ensure(device.mtu >= 68, || place("mtu"), "below 68 octets")?;
    let carries6 = !device.ipv6.is_empty();
    ensure(!carries6 || device.mtu >= 1280, || place("mtu"), "below 1280 octets with IPv6")?;
    ensure(device.ipv4.iter().all(|(_, length)| *length <= 32), || place("ipv4"), "prefix too long")?;
    ensure(device.ipv6.iter().all(|(_, length)| *length <= 128), || place("ipv6"), "prefix too long")?;
    if let Some(says) = &device.advertise {
        advertise::check(index, device, says)?;
    }
    if let RoleSpec::Uplink(slot) = device.role {
        let found = spec.uplinks.iter().any(|uplink| uplink.slot == slot && usize::from(uplink.device) == index);
        ensure(found, || place("role"), "its uplink does not name this device")?;
    }
    Ok(())
}

fn check_route(index: usize, route: &RouteSpec, spec: &PlanSpec) -> Result<(), PlanError> {
    let (RouteSpec::V4(_, _, device, _) | RouteSpec::V6(_, _, device, _)) = route;
    let device = spec.devices.get(usize::from(*device));
    let internal = device.is_some_and(|device| device.role == RoleSpec::Internal);
    ensure(internal, || format!("routes[{index}]"), "not through an internal device")
}

fn check_uplink(index: usize, uplink: &UplinkSpec, spec: &PlanSpec) -> Result<(), PlanError> {
    let place = |field: &str| format!("uplinks[{index}].{field}");
    ensure(usize::from(uplink.slot) < SLOTS_MAX, || place("slot"), "beyond the last slot")?;
    let device = spec.devices.get(usize::from(uplink.device));
    let attached = device.is_some_and(|device| device.role == RoleSpec::Uplink(uplink.slot));
    ensure(attached, || place("device"), "is not the device of this uplink")?;
    if let Some(ipv4) = &uplink.ipv4 {
        let count = ipv4.pool.len();
        ensure((1..=POOL_ADDRESSES_MAX).contains(&count), || place("ipv4.pool"), "wrong number of addresses")?;
        let (low, high) = ipv4.ports;
        ensure(1 <= low && low <= high, || place("ipv4.ports"), "not a range of ports")?;
        let reserved = ipv4.reserved.iter().all(|reserved| are_ports(reserved.protocol, reserved.ports));
        ensure(reserved, || place("ipv4.reserved"), "no ports of a protocol that has them")?;
    }
    Ok(())
}

fn are_ports(protocol: u8, (low, high): (u16, u16)) -> bool {
    Protocol::from_number(protocol).has_port_ranges() && low <= high
}

pub fn ensure(holds: bool, path: impl FnOnce() -> String, problem: &'static str) -> Result<(), PlanError> {
    if holds { Ok(()) } else { Err(PlanError { path: path(), problem }) }
}
