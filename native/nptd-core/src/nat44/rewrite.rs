//! Changing an endpoint of a packet in place, with every checksum that covers it (3022-4.1a). Payload is never read:
//! there are no application-level gateways (4787-R10, 5382-R6).

use super::{Endpoint, Protocol};
use crate::frame::ChecksumState;
use crate::wire::checksum::ChecksumUpdate;
use crate::wire::octets::{set_u16, tail_mut, u16_at};
use crate::wire::{icmp, ipv4, tcp, udp};

/// Which end of a packet is rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Source address and port.
    Source,
    /// Destination address and port.
    Destination,
}

/// Replaces one end of a packet (which starts at its IP header and has no fragment offset).
///
/// Only fields inside the packet are touched, so that a quoted packet cut short is served as far as it goes.
pub fn replace_endpoint(packet: &mut [u8], protocol: Protocol, end: End, new: Endpoint, state: ChecksumState) {
    let header_len = ipv4::header_len(packet);
    let addresses = match end {
        End::Source => ipv4::replace_source(packet, new.address),
        End::Destination => ipv4::replace_destination(packet, new.address),
    };
    let transport = tail_mut(packet, header_len);
    let ports = replace_port(transport, protocol, end, new.port);
    let field = match protocol {
        // The checksum of ICMP has no pseudo-header, so an unfinished one covers nothing yet.
        Protocol::Icmp if matches!(state, ChecksumState::Partial { .. }) => return,
        Protocol::Icmp => return update(transport, 2, |sum| ports.apply(sum)),
        Protocol::Tcp => tcp::CHECKSUM,
        Protocol::Udp => udp::CHECKSUM,
    };
    match state {
        // An unfinished field covers the addresses only; whoever finishes it sums the ports.
        ChecksumState::Partial { .. } => update(transport, field, |sum| addresses.apply_partial(sum)),
        ChecksumState::Complete | ChecksumState::Vouched => {
            let both = addresses.and(ports);
            match protocol {
                Protocol::Udp => update(transport, field, |sum| both.apply_udp(sum)),
                Protocol::Tcp | Protocol::Icmp => update(transport, field, |sum| both.apply(sum)),
            }
        }
    }
}

fn replace_port(transport: &mut [u8], protocol: Protocol, end: End, new: u16) -> ChecksumUpdate {
    let old = match (protocol, end) {
        (Protocol::Icmp, _) => icmp::identifier(transport),
        (Protocol::Tcp | Protocol::Udp, End::Source) => udp::source_port(transport),
        (Protocol::Tcp | Protocol::Udp, End::Destination) => udp::destination_port(transport),
    };
    match (protocol, end) {
        (Protocol::Icmp, _) => icmp::set_identifier(transport, new),
        (Protocol::Tcp | Protocol::Udp, End::Source) => udp::set_source_port(transport, new),
        (Protocol::Tcp | Protocol::Udp, End::Destination) => udp::set_destination_port(transport, new),
    }
    ChecksumUpdate::new().word(old, new)
}

fn update(transport: &mut [u8], at: usize, change: impl Fn(u16) -> u16) {
    if transport.len() >= at + 2 {
        let sum = u16_at(transport, at);
        set_u16(transport, at, change(sum));
    }
}
