//! External addresses that the gateway answers for on an uplink whose ISP puts their prefix on the link instead of routing
//! it (RFC 4389, RFC 4861 section 7.2.8).

use crate::plan::{Device, Plan, Role};

/// Whether solicitations for an address, probes for duplicates among them, are answered on this device: it is in the
/// external prefix of a pair, and stands for an internal host that a route leads to (6296-ROUT4).
///
/// Not so the uplink's own gateway, and what stands for an address of this gateway.
pub fn answers_for(plan: &Plan, device: &Device, target: u128) -> bool {
    let Role::Uplink(slot) = device.role else { return false };
    let Some(uplink) = plan.uplink(slot) else { return false };
    let Some(ipv6) = uplink.ipv6.as_ref().filter(|ipv6| ipv6.proxy_neighbours) else { return false };
    if ipv6.gateway == Some(target) || device.owns6(target) {
        return false;
    }
    let mut internal = ipv6.pairs.iter().filter_map(|pair| pair.inbound(target, plan.nptv6).ok());
    internal.any(|internal| plan.internal_owner6(internal).is_none() && plan.internal_route6(internal).is_some())
}
