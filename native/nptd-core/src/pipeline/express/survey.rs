//! The first stage: is a frame an ordinary packet for the gateway to forward? Whatever is not takes the long way, which says
//! why.

use super::{Found, Looks};
use crate::counters::Direction;
use crate::frame::{FRAME_LEN_MAX, Frame, Segmentation};
use crate::nat44::{Endpoint, ExternalFlow, Flow, Nat44, Protocol};
use crate::plan::{Device, Plan, Role};
use crate::wire::octets::{u8_at, u16_at, u32_at};
use crate::wire::{ethernet, ipv4, protocol, tcp, udp};

/// Octets of the link header of a device that has one.
pub const LINK: usize = ethernet::HEADER_LEN;

/// Flags of TCP segments that may change the state of a connection.
const EVENTS: u8 = tcp::flag::SYN | tcp::flag::FIN | tcp::flag::RST;

/// What a frame looks like, and the key of its flow.
#[inline]
pub fn look(frame: &Frame<'_>, plan: &Plan) -> (Found, u128) {
    let unusual = (Found::NOTHING, 0);
    let Some(device) = plan.device(frame.ingress) else { return unusual };
    let from = match device.role {
        Role::Internal => Direction::Outbound,
        Role::Uplink(_) => Direction::Inbound,
    };
    let octets = frame.octets();
    if frame.segmentation != Segmentation::None || octets.len() > FRAME_LEN_MAX {
        return (Found { from, ..unusual.0 }, 0);
    }
    let has_link = device.mac.is_some();
    let seen = if has_link { look_behind_link(octets, device, plan) } else { look_bare(octets, device, plan) };
    let (looks, key) = seen.unwrap_or((Looks::Unusual, 0));
    (Found { looks, has_link, from }, key)
}

#[inline]
fn look_behind_link(octets: &[u8], device: &Device, plan: &Plan) -> Option<(Looks, u128)> {
    let (header, packet) = octets.split_first_chunk::<LINK>()?;
    // To the gateway alone.
    if device.mac.is_none_or(|own| own != ethernet::destination(header)) {
        return None;
    }
    match ethernet::ether_type(header) {
        ethernet::TYPE_IPV4 => look4(packet, device, plan),
        ethernet::TYPE_IPV6 => Some((Looks::Plain6, 0)),
        _ => None,
    }
}

#[inline]
fn look_bare(packet: &[u8], device: &Device, plan: &Plan) -> Option<(Looks, u128)> {
    match u8_at(packet, 0) >> 4 {
        4 => look4(packet, device, plan),
        6 => Some((Looks::Plain6, 0)),
        _ => None,
    }
}

#[inline]
fn look4(packet: &[u8], device: &Device, plan: &Plan) -> Option<(Looks, u128)> {
    let (header, behind) = packet.split_first_chunk::<{ ipv4::HEADER_LEN }>()?;
    let payload_len = ipv4::total_len(header).checked_sub(ipv4::HEADER_LEN)?;
    let is_plain = header[0] == 0x45
        && payload_len <= behind.len()
        && !ipv4::is_fragment(header)
        && ipv4::ttl(header) > 1
        && ipv4::plain_checksum_is_right(header);
    if !is_plain {
        return None;
    }
    let protocol = ipv4::protocol(header);
    let is_whole = match protocol {
        protocol::UDP => is_whole_datagram(behind, payload_len),
        protocol::TCP => is_mid_connection(behind, payload_len),
        _ => false,
    };
    if !is_whole {
        return None;
    }
    let protocol = Protocol::from_number(protocol);
    let (source, destination) = endpoints(header, behind)?;
    let key = match device.role {
        Role::Internal => Nat44::express_key_outbound(&Flow { protocol, internal: source, remote: destination }),
        Role::Uplink(slot) => {
            let flow = ExternalFlow { slot, protocol, external: destination, remote: source };
            Nat44::express_key_inbound(&flow, plan.uplink(slot)?.epoch)
        }
    };
    Some((Looks::Flow4, key))
}

/// Source and destination of a packet that has ports.
#[inline]
pub fn endpoints(header: &[u8; ipv4::HEADER_LEN], transport: &[u8]) -> Option<(Endpoint, Endpoint)> {
    let ports = u32::from_be_bytes(*transport.first_chunk()?);
    Some((
        Endpoint { address: u32_at(header, ipv4::SOURCE), port: (ports >> 16) as u16 },
        Endpoint { address: u32_at(header, ipv4::DESTINATION), port: ports as u16 },
    ))
}

/// Whether a UDP datagram is whole in a payload of `payload_len` octets.
#[inline]
fn is_whole_datagram(datagram: &[u8], payload_len: usize) -> bool {
    let Some(header) = datagram.first_chunk::<{ udp::HEADER_LEN }>() else { return false };
    let length = usize::from(u16_at(header, udp::LENGTH));
    udp::HEADER_LEN <= length && length <= payload_len
}

/// Whether a TCP header is whole in a payload of `payload_len` octets, and has none of the flags of [`EVENTS`].
#[inline]
fn is_mid_connection(segment: &[u8], payload_len: usize) -> bool {
    let Some(header) = segment.first_chunk::<{ tcp::HEADER_LEN }>() else { return false };
    let header_len = tcp::header_len(header);
    tcp::HEADER_LEN <= header_len && header_len <= payload_len && tcp::flags(header) & EVENTS == 0
}
