//! The way of what probes send: from the own address of the uplink, by its gateway, out of its device.

use super::Family;
use super::packet::Message;
use crate::host::context::Context;
use crate::host::neighbours::{Neighbours, as_mapped4, mapped4};
use crate::plan::{NextHop, Plan};
use crate::verdict::OutputKind;
use crate::wire::octets::copy_to;
use crate::wire::{ipv4, ipv6};

/// The address that probes of an uplink come from; IPv4 as [`mapped4`]. None where the uplink has not that family.
pub fn own_address(plan: &Plan, slot: u8, family: Family) -> Option<u128> {
    let uplink = plan.uplink(slot)?;
    let device = plan.device(uplink.device)?;
    match family {
        Family::V4 => uplink.ipv4.as_ref().and(device.ipv4.first()).map(|(address, _)| mapped4(*address)),
        Family::V6 => uplink.ipv6.as_ref().and(device.ipv6.first()).map(|(address, _)| *address),
    }
}

/// The gateway of an uplink, where it has one.
pub fn gateway(plan: &Plan, slot: u8, family: Family) -> Option<NextHop<u128>> {
    let uplink = plan.uplink(slot)?;
    let address = match family {
        Family::V4 => mapped4(uplink.ipv4.as_ref()?.gateway?),
        Family::V6 => uplink.ipv6.as_ref()?.gateway?,
    };
    Some(NextHop { device: uplink.device, address })
}

/// Sends a message to a target; false if neither the pool of outputs nor the queue of the gateway has room, none without a way out.
pub fn send(
    context: &mut Context<'_>,
    neighbours: &mut Neighbours,
    slot: u8,
    (family, target): (Family, u128),
    message: &Message<'_>,
) -> Option<bool> {
    let (source, hop) = way(context.plan, slot, family, target)?;
    let length = match family {
        Family::V4 => message.len4(),
        Family::V6 => message.len6(),
    };
    let addresses = (as_mapped4(source), as_mapped4(target));
    Some(neighbours.send_packet(context, hop, OutputKind::Probe, length, |octets| match addresses {
        (Some(source), Some(target)) => message.write4(octets, source, target),
        _ => message.write6(octets, source, target),
    }))
}

/// Sends a complete IP packet from the uplink's own address; none if its source is another one, or without a way out.
pub fn send_packet(context: &mut Context<'_>, neighbours: &mut Neighbours, slot: u8, packet: &[u8]) -> Option<bool> {
    let is_ipv4 = packet.len() >= ipv4::HEADER_LEN && ipv4::version(packet) == 4;
    let (family, from, target) = if is_ipv4 {
        (Family::V4, mapped4(ipv4::source(packet)), mapped4(ipv4::destination(packet)))
    } else if packet.len() >= ipv6::HEADER_LEN {
        (Family::V6, ipv6::source(packet), ipv6::destination(packet))
    } else {
        return None;
    };
    let (source, hop) = way(context.plan, slot, family, target)?;
    if source != from {
        return None;
    }
    Some(neighbours.send_packet(context, hop, OutputKind::Probe, packet.len(), |octets| copy_to(octets, 0, packet)))
}

/// Where from, and where to next.
fn way(plan: &Plan, slot: u8, family: Family, target: u128) -> Option<(u128, NextHop<u128>)> {
    let device = plan.uplink(slot)?.device;
    let source = own_address(plan, slot, family)?;
    Some((source, gateway(plan, slot, family).unwrap_or(NextHop { device, address: target })))
}
