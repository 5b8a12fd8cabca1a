//! What the filter sees in an IPv6 packet: a packet of a flow, or an ICMPv6 error about one.

use super::parse::{Headers6, has_whole_tcp_header, locate_upper6};
use crate::filter::{Endpoint, Packet, Protocol, ProtocolKind, Quote};
use crate::nptv6::{self, Upper};
use crate::session::segment::Segment;
use crate::verdict::DropReason;
use crate::wire::octets::tail;
use crate::wire::{dccp, icmp, ipv6, protocol, sctp, udp};

/// What the filter sees in a packet.
pub enum Query6 {
    /// A packet of a flow.
    Flow(Packet),
    /// An ICMPv6 error.
    Error,
}

/// What the filter sees in a packet that is no later fragment.
pub fn query6(packet: &[u8], headers: &Headers6) -> Result<Query6, DropReason> {
    if headers.icmp_kind.is_some_and(icmp::v6::is_error) {
        return Ok(Query6::Error);
    }
    let upper = tail(packet, headers.upper_offset);
    if !has_header(headers.protocol, upper) {
        return Err(DropReason::TransportInvalid);
    }
    let protocol = Protocol::new(headers.protocol, headers.icmp_kind);
    let (source_port, destination_port) = protocol.ports(upper);
    Ok(Query6::Flow(Packet {
        protocol,
        source: Endpoint { address: ipv6::source(packet), port: source_port },
        destination: Endpoint { address: ipv6::destination(packet), port: destination_port },
        segment: segment(protocol, headers, upper).marked(ipv6::traffic_class(packet) >> 2),
        is_whole: !headers.is_fragment,
        is_hip: headers.is_hip,
    }))
}

/// The packet that an ICMPv6 error quotes.
///
/// # Errors
/// Those of [`nptv6::quote_offset`]; `IcmpQuoteUnknown` where its ports cannot be known, or where it is an error itself.
pub fn quote6(packet: &[u8], upper: Upper) -> Result<Quote, DropReason> {
    let quoted = tail(packet, nptv6::quote_offset(packet, upper)?);
    let headers = locate_upper6(quoted).map_err(|_| DropReason::IcmpQuoteUnknown)?;
    let upper = tail(quoted, headers.upper_offset);
    let protocol = Protocol::new(headers.protocol, headers.icmp_kind);
    let is_hidden = headers.protocol == protocol::FRAGMENT || headers.protocol == protocol::ICMPV6 && upper.is_empty();
    let is_error = headers.icmp_kind.is_some_and(icmp::v6::is_error);
    if is_hidden || is_error || upper.len() < protocol.ports_len() {
        return Err(DropReason::IcmpQuoteUnknown);
    }
    let (source_port, destination_port) = protocol.ports(upper);
    Ok(Quote {
        protocol,
        source: Endpoint { address: ipv6::source(quoted), port: source_port },
        destination: Endpoint { address: ipv6::destination(quoted), port: destination_port },
    })
}

fn segment(protocol: Protocol, headers: &Headers6, upper: &[u8]) -> Segment {
    match protocol.kind() {
        ProtocolKind::Tcp => Segment::of_tcp(upper),
        ProtocolKind::Dccp => Segment::of_dccp(upper),
        ProtocolKind::Sctp => Segment::of_sctp(upper),
        ProtocolKind::Echo => Segment { opens: headers.icmp_kind == Some(icmp::v6::ECHO_REQUEST), ..Segment::PLAIN },
        ProtocolKind::Datagram | ProtocolKind::Portless => Segment::PLAIN,
    }
}

/// Whether the header of a protocol is there: no state is made of less.
fn has_header(number: u8, upper: &[u8]) -> bool {
    match number {
        protocol::UDP | protocol::UDP_LITE => upper.len() >= udp::HEADER_LEN,
        protocol::TCP => has_whole_tcp_header(upper),
        protocol::SCTP => upper.len() >= sctp::HEADER_LEN,
        protocol::DCCP => upper.len() >= dccp::generic_header_len(upper),
        _ => true,
    }
}
