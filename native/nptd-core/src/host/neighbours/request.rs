//! ARP requests and neighbour solicitations.

use super::as_mapped4;
use crate::frame::DeviceIndex;
use crate::host::context::Context;
use crate::plan::{Device, Plan, Role};
use crate::verdict::{OutputKind, Suppressed};
use crate::wire::arp::{self, Arp, Operation};
use crate::wire::checksum::{add_octets, fold, pseudo_header6};
use crate::wire::ethernet::{self, MacAddress};
use crate::wire::octets::{set_array, set_u8, set_u128, tail, tail_mut};
use crate::wire::{icmp, ipv6, protocol};

/// Octets of a neighbour solicitation or advertisement with one link address option.
pub const SOLICITATION_LEN: usize = 32;

/// Asks for the link address of a neighbour: all stations, or only the one that is to be confirmed.
pub fn send(context: &mut Context<'_>, index: DeviceIndex, address: u128, known: Option<MacAddress>) {
    let plan = context.plan;
    let Some(device) = plan.device(index) else { return };
    let Some(own) = device.mac else { return };
    let length = match as_mapped4(address) {
        Some(_) => ethernet::HEADER_LEN + arp::LEN,
        None => ethernet::HEADER_LEN + ipv6::HEADER_LEN + SOLICITATION_LEN,
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

/// External IPv4 addresses of the uplink that a device belongs to.
pub fn pool<'a>(plan: &'a Plan, device: &Device) -> &'a [u32] {
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
    let message = Message { kind: icmp::v6::NEIGHBOUR_SOLICITATION, flags: 0, target, option: SOURCE_LINK_ADDRESS, mac: own };
    write_message(tail_mut(frame, ethernet::HEADER_LEN), source, to, message);
}

/// Option that carries the sender's link address (RFC 4861 section 4.6.1).
pub const SOURCE_LINK_ADDRESS: u8 = 1;
/// Option that carries the target's link address.
pub const TARGET_LINK_ADDRESS: u8 = 2;

/// A neighbour solicitation or advertisement with one link address option.
#[derive(Clone, Copy)]
pub struct Message {
    /// ICMPv6 type.
    pub kind: u8,
    /// Flags of an advertisement, zero in a solicitation.
    pub flags: u8,
    /// Address it is about.
    pub target: u128,
    /// Type of the option.
    pub option: u8,
    /// Link address in the option.
    pub mac: MacAddress,
}

/// Writes a whole IPv6 packet into zeroed octets, [`SOLICITATION_LEN`] behind the IPv6 header.
pub fn write_message(packet: &mut [u8], source: u128, destination: u128, message: Message) {
    let length = SOLICITATION_LEN as u16;
    ipv6::write_own_header(packet, ipv6::OwnHeader {
        traffic_class: 0,
        payload_len: length,
        next_header: protocol::ICMPV6,
        hop_limit: 255,
        source,
        destination,
    });
    let octets = tail_mut(packet, ipv6::HEADER_LEN);
    set_u8(octets, 0, message.kind);
    set_u8(octets, 4, message.flags);
    set_u128(octets, 8, message.target);
    set_array(octets, 24, [message.option, 1]);
    set_array(octets, 26, message.mac.0);
    let sum = pseudo_header6(source, destination, protocol::ICMPV6, u32::from(length));
    let sum = !fold(add_octets(sum, tail(octets, 0)));
    icmp::set_checksum(octets, sum);
}
