//! Neighbour discovery for IPv6 (RFC 4861): solicitations answered, advertisements learned.

use super::context::Context;
use super::link_duties::LinkDuties;
use super::nd_message::{NdMessage, OVERRIDE, PACKET_LEN, ROUTER, Received, SOLICITED, TARGET_LINK_ADDRESS};
use super::neighbour_proxy;
use super::neighbours::{Claim, Neighbours};
use crate::frame::{ChecksumState, DeviceIndex, Frame, Segmentation};
use crate::plan::Role;
use crate::verdict::{DropReason, Verdict};
use crate::wire::ethernet::{self, MacAddress};
use crate::wire::ipv6::address::ALL_NODES;
use crate::wire::octets::{tail, tail_mut};
use crate::wire::{icmp, ipv6};

/// Handles an ICMPv6 message of type 133 to 137. The frame is a whole Ethernet frame, both offsets count from its
/// first octet.
///
/// - Neighbour solicitation: `Reply` for own addresses, and for those that are [proxied](neighbour_proxy); `Consumed` for
///   others.
/// - Neighbour advertisement: `Consumed`; packets that waited for it leave as outputs.
/// - Router solicitation: `Consumed` where the gateway advertises itself, elsewhere `Pass`. Router advertisement: `Pass` on uplinks, elsewhere `Consumed`: the site's router
///   is this one.
/// - Redirect: `Consumed` unused, since a router must not follow it (RFC 4861 section 8.2).
/// - What fails a check of RFC 4861 is `Drop(NeighbourDiscoveryInvalid)`, and so is a message behind extension
///   headers: a fragment header is forbidden (RFC 6980), and others have served only to evade filters (RFC 7113).
pub fn handle(
    context: &mut Context<'_>,
    neighbours: &mut Neighbours,
    duties: &mut LinkDuties,
    frame: &mut Frame<'_>,
    l3_offset: usize,
    icmp_offset: usize,
) -> Verdict {
    let invalid = Verdict::Drop(DropReason::NeighbourDiscoveryInvalid);
    if icmp_offset != l3_offset + ipv6::HEADER_LEN {
        return invalid;
    }
    let Some(received) = Received::parse(tail(frame.octets(), l3_offset), frame.checksum) else {
        return invalid;
    };
    note_conflict(context, duties, frame, &received);
    match received.kind {
        icmp::v6::NEIGHBOUR_SOLICITATION => answer(context, neighbours, frame, &received),
        icmp::v6::NEIGHBOUR_ADVERTISEMENT => {
            neighbours.hear(
                context,
                Claim {
                    device: frame.ingress,
                    address: received.target,
                    mac: received.target_mac,
                    solicited: received.flags & SOLICITED != 0,
                    overrides: received.flags & OVERRIDE != 0,
                    router: Some(received.flags & ROUTER != 0),
                    creates: false,
                },
            );
            Verdict::Consumed
        }
        icmp::v6::ROUTER_SOLICITATION => {
            if !duties.advertisements.solicited(frame.ingress, received.source, context.now) {
                return Verdict::Pass;
            }
            learn(context, neighbours, frame.ingress, &received);
            Verdict::Consumed
        }
        icmp::v6::REDIRECT => Verdict::Consumed,
        _ => match context.plan.device(frame.ingress).map(|device| device.role) {
            Some(Role::Uplink(_)) => Verdict::Pass,
            Some(Role::Internal) | None => Verdict::Consumed,
        },
    }
}

/// Whose address was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ownership {
    /// The gateway's own.
    Own,
    /// An external address that stands for an internal host.
    Proxied,
}

fn answer(
    context: &mut Context<'_>,
    neighbours: &mut Neighbours,
    frame: &mut Frame<'_>,
    received: &Received,
) -> Verdict {
    let plan = context.plan;
    let Some(device) = plan.device(frame.ingress) else { return Verdict::Drop(DropReason::UnknownDevice) };
    let ownership = if device.owns6(received.target) {
        Some(Ownership::Own)
    } else {
        neighbour_proxy::answers_for(plan, device, received.target).then_some(Ownership::Proxied)
    };
    let (Some(own), Some(ownership)) = (device.mac, ownership) else { return Verdict::Consumed };
    if ownership == Ownership::Proxied && neighbours.is_known(frame.ingress, received.target) {
        return Verdict::Consumed;
    }
    // Our own solicitation, looped back by the link, must not be taken for another station's.
    let sender = ethernet::source(frame.octets());
    if sender == own {
        return Verdict::Consumed;
    }
    learn(context, neighbours, frame.ingress, received);
    write_answer(frame, own, received.source_mac.unwrap_or(sender), received, ownership)
}

/// RFC 4862 sections 5.4.3 and 5.4.4: a station says that it has an address, or probes whether it may.
fn note_conflict(context: &Context<'_>, duties: &mut LinkDuties, frame: &Frame<'_>, received: &Received) {
    let claims = match received.kind {
        icmp::v6::NEIGHBOUR_SOLICITATION => received.source == ipv6::address::UNSPECIFIED,
        kind => kind == icmp::v6::NEIGHBOUR_ADVERTISEMENT,
    };
    let sender = ethernet::source(frame.octets());
    // Two uplinks may share a link, and even their address there.
    let is_own = || context.plan.devices().iter().any(|device| device.mac == Some(sender));
    if claims && !is_own() {
        duties.duplicates.hear(frame.ingress, received.target, sender, context.now);
    }
}

/// A station that asked for us will be spoken to (RFC 4861 section 7.2.3).
fn learn(context: &mut Context<'_>, neighbours: &mut Neighbours, device: DeviceIndex, received: &Received) {
    let one_station = !ipv6::address::is_multicast(received.source);
    if received.source_mac.is_some() && one_station {
        neighbours.hear(
            context,
            Claim {
                device,
                address: received.source,
                mac: received.source_mac,
                solicited: false,
                overrides: true,
                router: None,
                creates: true,
            },
        );
    }
}

/// Turns the frame into the advertisement (RFC 4861 section 7.2.4). A proxy does not override, so that the owner of
/// the address, if there is one, is believed (section 7.2.8).
fn write_answer(
    frame: &mut Frame<'_>,
    own: MacAddress,
    asker: MacAddress,
    received: &Received,
    ownership: Ownership,
) -> Verdict {
    let length = ethernet::HEADER_LEN + PACKET_LEN;
    frame.truncate(length);
    // A solicitation without an option is eight octets shorter than its answer.
    if !frame.grow_front(length - frame.len()) {
        return Verdict::Drop(DropReason::OutputPoolFull);
    }
    let (solicited, destination, to) = if received.source == ipv6::address::UNSPECIFIED {
        (0, ALL_NODES, MacAddress::of_multicast6(ALL_NODES))
    } else {
        (SOLICITED, received.source, asker)
    };
    let flags = solicited
        | match ownership {
            Ownership::Own => ROUTER | OVERRIDE,
            Ownership::Proxied => 0,
        };
    let octets = frame.octets_mut();
    octets.fill(0);
    ethernet::write_header(octets, to, own, ethernet::TYPE_IPV6);
    let kind = icmp::v6::NEIGHBOUR_ADVERTISEMENT;
    let message = NdMessage { kind, flags, target: received.target, option: TARGET_LINK_ADDRESS, mac: own };
    message.write(tail_mut(octets, ethernet::HEADER_LEN), received.target, destination);
    frame.egress = frame.ingress;
    frame.checksum = ChecksumState::Complete;
    frame.segmentation = Segmentation::None;
    Verdict::Reply
}
