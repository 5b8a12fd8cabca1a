//! ARP (RFC 826): requests answered, replies learned.

use super::context::Context;
use super::neighbours::request::is_ours4;
use super::neighbours::{Claim, Neighbours, mapped4};
use crate::frame::{ChecksumState, Frame};
use crate::verdict::{DropReason, Verdict};
use crate::wire::arp::{Arp, Operation};
use crate::wire::ethernet::{self, MacAddress};
use crate::wire::octets::{tail, tail_mut};

/// Handles a whole Ethernet frame with an ARP packet.
///
/// `Reply` in place to a request for an own address of the device, external addresses included (3022-6.2), also to
/// a probe whose sender has no address yet (RFC 5227). `Consumed` otherwise; `Drop(ArpMalformed)` if it is not
/// about IPv4 over Ethernet, or its sender's link address is not that of one station.
///
/// What the sender says of itself updates an entry that exists. Only a station of the link that asks for us becomes a new
/// one: announcements cannot fill the table.
pub fn handle(context: &mut Context<'_>, neighbours: &mut Neighbours, frame: &mut Frame<'_>) -> Verdict {
    let plan = context.plan;
    let Some(device) = plan.device(frame.ingress) else { return Verdict::Drop(DropReason::UnknownDevice) };
    let arp = match Arp::parse(tail(frame.octets(), ethernet::HEADER_LEN)) {
        Some(arp) if is_station(arp.sender_mac) => arp,
        Some(_) | None => return Verdict::Drop(DropReason::ArpMalformed),
    };
    let Some(own) = device.mac.filter(|own| *own != arp.sender_mac) else { return Verdict::Consumed };
    let for_us = is_ours4(plan, device, arp.target);
    // An answer to us alone shows that the sender hears us; what everybody gets shows only that it is there.
    let solicited = arp.operation == Operation::Reply && for_us && ethernet::destination(frame.octets()) == own;
    if arp.sender != 0 {
        neighbours.hear(
            context,
            Claim {
                device: frame.ingress,
                address: mapped4(arp.sender),
                mac: Some(arp.sender_mac),
                solicited,
                overrides: true,
                router: None,
                creates: arp.operation == Operation::Request && for_us,
            },
        );
    }
    match arp.operation {
        Operation::Request if for_us => answer(frame, own, &arp),
        Operation::Request | Operation::Reply => Verdict::Consumed,
    }
}

fn is_station(mac: MacAddress) -> bool {
    !mac.is_group() && mac != MacAddress::default()
}

fn answer(frame: &mut Frame<'_>, own: MacAddress, request: &Arp) -> Verdict {
    let reply = Arp {
        operation: Operation::Reply,
        sender_mac: own,
        sender: request.target,
        target_mac: request.sender_mac,
        target: request.sender,
    };
    let octets = frame.octets_mut();
    ethernet::write_header(octets, request.sender_mac, own, ethernet::TYPE_ARP);
    reply.emit(tail_mut(octets, ethernet::HEADER_LEN));
    frame.egress = frame.ingress;
    frame.checksum = ChecksumState::Complete;
    Verdict::Reply
}
