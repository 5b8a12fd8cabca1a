//! What NAT44 sees in an IPv4 packet: a packet of a flow, or an ICMP error about one.

use super::parse::Headers4;
use crate::nat44::quoted::Quote;
use crate::nat44::{Endpoint, Protocol, ProtocolKind};
use crate::session::segment::Segment;
use crate::verdict::DropReason;
use crate::wire::octets::tail;
use crate::wire::protocol::AUTHENTICATION;
use crate::wire::{icmp, ipv4};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EchoKind {
    /// From the site.
    Request,
    /// From outside.
    Reply,
    /// Either, where the session decides: hairpins, answers of a published host, calls of a published address.
    Either,
}

impl EchoKind {
    const fn admits(self, kind: u8) -> bool {
        match self {
            Self::Request => kind == icmp::v4::ECHO_REQUEST,
            Self::Reply => kind == icmp::v4::ECHO_REPLY,
            Self::Either => Self::Request.admits(kind) || Self::Reply.admits(kind),
        }
    }
}

/// What NAT44 sees in a packet that is no later fragment; `other_protocols` as the plan says.
pub fn classify(packet: &[u8], headers: &Headers4, echo: EchoKind, other_protocols: bool) -> Result<Query, DropReason> {
    let transport = tail(packet, headers.header_len);
    let protocol = Protocol::from_number(headers.protocol);
    let segment = match protocol.kind() {
        // Whatever rides on it (ESP-2, SCTP-2).
        ProtocolKind::Udp | ProtocolKind::UdpLite => Segment::PLAIN,
        ProtocolKind::Tcp => Segment::of_tcp(transport),
        ProtocolKind::Dccp => Segment::of_dccp(transport),
        ProtocolKind::Icmp if headers.icmp_kind.is_some_and(|kind| echo.admits(kind)) => {
            Segment { opens: headers.icmp_kind == Some(icmp::v4::ECHO_REQUEST), ..Segment::PLAIN }
        }
        // 4787-R12b, 5382-R9, 5508-S7.1.2.
        ProtocolKind::Icmp if headers.icmp_kind.is_some_and(icmp::v4::is_forwarded_error) => {
            if headers.is_fragment {
                return Err(DropReason::FragmentNotTracked);
            }
            return Quote::locate(packet, other_protocols).map(Query::Error);
        }
        // 5508-R10c, 5508-R11, 2663-3.3.
        ProtocolKind::Icmp => return Err(DropReason::IcmpTypeNotForwarded),
        // SCTP-1, ESP-1, GRE-1, OTHER-2: by addresses alone, so that nothing inside has to change.
        ProtocolKind::Portless if other_protocols && headers.protocol != AUTHENTICATION => Segment::PLAIN,
        // OTHER-1.
        ProtocolKind::Portless => return Err(DropReason::UnsupportedProtocol),
    };
    let (source_port, destination_port) = protocol.ports(transport);
    Ok(Query::Flow {
        protocol,
        source: Endpoint { address: ipv4::source(packet), port: source_port },
        destination: Endpoint { address: ipv4::destination(packet), port: destination_port },
        segment: segment.marked(ipv4::tos(packet) >> 2),
    })
}

/// Whether a packet is an echo request, and no fragment of one.
pub fn is_echo_request(headers: &Headers4) -> bool {
    headers.icmp_kind == Some(icmp::v4::ECHO_REQUEST) && !headers.is_fragment
}
