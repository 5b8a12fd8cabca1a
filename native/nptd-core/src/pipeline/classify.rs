//! What NAT44 sees in an IPv4 packet: a packet of a flow, or an ICMP error about one.

use super::parse::Headers4;
use crate::nat44::quoted::Quote;
use crate::nat44::{Endpoint, Protocol};
use crate::session::segment::Segment;
use crate::verdict::DropReason;
use crate::wire::octets::tail;
use crate::wire::{icmp, ipv4, protocol, udp};

/// What NAT44 sees in a packet.
pub enum Query {
    /// A packet of a flow.
    Flow {
        /// Its protocol.
        protocol: Protocol,
        /// Where it comes from.
        source: Endpoint,
        /// Where it goes.
        destination: Endpoint,
        /// What it is to its connection.
        segment: Segment,
    },
    /// An ICMP error.
    Error(Quote),
}

/// Which side of an echo is a query that may open or use a mapping (5508-R1).
#[derive(Clone, Copy)]
pub enum EchoKind {
    /// From the site.
    Request = icmp::v4::ECHO_REQUEST as isize,
    /// From outside.
    Reply = icmp::v4::ECHO_REPLY as isize,
}

/// What NAT44 sees in a packet that is no later fragment.
pub fn classify(packet: &[u8], headers: &Headers4, query: EchoKind) -> Result<Query, DropReason> {
    let transport = tail(packet, headers.header_len);
    let flow = |protocol, source_port, destination_port, segment| {
        let source = Endpoint { address: ipv4::source(packet), port: source_port };
        let destination = Endpoint { address: ipv4::destination(packet), port: destination_port };
        Ok(Query::Flow { protocol, source, destination, segment })
    };
    let ports = (udp::source_port(transport), udp::destination_port(transport));
    match (headers.protocol, headers.icmp_kind) {
        // Whatever rides on it (ESP-2, SCTP-2).
        (protocol::UDP, _) => flow(Protocol::UDP, ports.0, ports.1, Segment::PLAIN),
        (protocol::TCP, _) => flow(Protocol::TCP, ports.0, ports.1, Segment::of_tcp(transport)),
        (protocol::ICMP, Some(kind)) if kind == query as u8 => {
            let identifier = icmp::identifier(transport);
            flow(Protocol::ICMP, identifier, identifier, Segment::PLAIN)
        }
        // 4787-R12b, 5382-R9, 5508-S7.1.2.
        (protocol::ICMP, Some(kind)) if icmp::v4::is_forwarded_error(kind) => {
            if headers.is_fragment {
                return Err(DropReason::FragmentNotTracked);
            }
            Quote::locate(packet).map(Query::Error)
        }
        // 5508-R10c, 5508-R11, 2663-3.3.
        (protocol::ICMP, _) => Err(DropReason::IcmpTypeNotForwarded),
        // OTHER-1.
        _ => Err(DropReason::UnsupportedProtocol),
    }
}

/// Whether a packet is an echo request, and no fragment of one.
pub fn is_echo_request(headers: &Headers4) -> bool {
    headers.icmp_kind == Some(icmp::v4::ECHO_REQUEST) && !headers.is_fragment
}
