//! ARP requests and neighbour solicitations.

use super::as_mapped4;
use crate::frame::DeviceIndex;
use crate::host::context::Context;
use crate::host::nd_message::{self, NdMessage};
use crate::plan::{Device, Plan, Role};
use crate::verdict::{OutputKind, Suppressed};
use crate::wire::arp::{self, Arp, Operation};
use crate::wire::ethernet::{self, MacAddress};
use crate::wire::octets::tail_mut;
use crate::wire::{icmp, ipv6};

/// Asks for the link address of a neighbour: all stations, or only the one that is to be confirmed.
pub fn send(context: &mut Context<'_>, index: DeviceIndex, address: u128, known: Option<MacAddress>) {
    let plan = context.plan;
    let Some(device) = plan.device(index) else { return };
    let Some(own) = device.mac else { return };
    let length = match as_mapped4(address) {
        Some(_) => ethernet::HEADER_LEN + arp::LEN,
        None => ethernet::HEADER_LEN + nd_message::PACKET_LEN,
    };
    let Some(frame) = context.outputs.allocate(length, index, OutputKind::NeighbourRequest) else {
        context.counters.record_suppressed(Suppressed::OutputPoolFull);
        return;
    };
    match as_mapped4(address) {
        Some(target) => write_arp(frame, own, source4(plan, device, target), target, known),
        None => write_solicitation(frame, own, source6(device, own, address), address, known),
    }
    context.counters.record_output(OutputKind::NeighbourRequest);
}

/// Own address that the neighbour will find on its link; zero, as in an ARP probe, where there is none at all.
fn source4(plan: &Plan, device: &Device, target: u32) -> u32 {
    let near = device.ipv4.iter().find(|(_, prefix)| prefix.contains(target));
    let own = near.or(device.ipv4.first()).map(|(address, _)| *address);
    own.or_else(|| pool(plan, device).first().copied()).unwrap_or(0)
}

/// Whether an IPv4 address is one that the gateway answers for on a device: its own, or an external one of the uplink (3022-6.2).
pub fn is_ours4(plan: &Plan, device: &Device, address: u32) -> bool {
    let is_published = match device.role {
        Role::Internal => false,
        Role::Uplink(slot) => plan.is_external4(slot, address),
    };
    device.owns4(address) || is_published || pool(plan, device).contains(&address)
}

/// External IPv4 addresses of the uplink that a device belongs to.
fn pool<'a>(plan: &'a Plan, device: &Device) -> &'a [u32] {
    match device.role {
        Role::Internal => &[],
        Role::Uplink(slot) => {
            let ipv4 = plan.uplink(slot).and_then(|uplink| uplink.ipv4.as_ref());
            ipv4.map_or(&[], |ipv4| &ipv4.pool)
        }
    }
}

/// Own address that the neighbour will find on its link; the link-local one always will be (RFC 4861 section 7.2.2).
fn source6(device: &Device, own: MacAddress, target: u128) -> u128 {
    let near = device.ipv6.iter().find(|(_, prefix)| prefix.contains(target));
    near.map_or(own.link_local_address(), |(address, _)| *address)
}

fn write_arp(frame: &mut [u8], own: MacAddress, sender: u32, target: u32, known: Option<MacAddress>) {
    ethernet::write_header(frame, known.unwrap_or(MacAddress::BROADCAST), own, ethernet::TYPE_ARP);
    let target_mac = known.unwrap_or_default();
    let request = Arp { operation: Operation::Request, sender_mac: own, sender, target_mac, target };
    request.emit(tail_mut(frame, ethernet::HEADER_LEN));
}

fn write_solicitation(frame: &mut [u8], own: MacAddress, source: u128, target: u128, known: Option<MacAddress>) {
    let (to, to_mac) = match known {
        Some(mac) => (target, mac),
        None => {
            let group = ipv6::address::solicited_node(target);
            (group, MacAddress::of_multicast6(group))
        }
    };
    ethernet::write_header(frame, to_mac, own, ethernet::TYPE_IPV6);
    let message = NdMessage {
        kind: icmp::v6::NEIGHBOUR_SOLICITATION,
        flags: 0,
        target,
        option: nd_message::SOURCE_LINK_ADDRESS,
        mac: own,
    };
    message.write(tail_mut(frame, ethernet::HEADER_LEN), source, to);
}
