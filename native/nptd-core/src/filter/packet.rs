//! Packets as the filter sees them: protocols, endpoints, flows.

use crate::plan::subject::{Addresses, Subject};
use crate::session::segment::Segment;
use crate::wire::{icmp, protocol, udp};

/// A protocol, as flows are told apart by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol {
    number: u8,
    kind: ProtocolKind,
}

/// How flows of a protocol are told apart and how long they last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ProtocolKind {
    /// UDP, and UDP-Lite as a protocol of its own with the same rules (6092-R20).
    Datagram,
    /// TCP.
    Tcp,
    /// DCCP.
    Dccp,
    /// SCTP.
    Sctp,
    /// ICMPv6 echo; its port is the identifier.
    Echo,
    /// Any other, ESP (never by its SPI), AH and other ICMPv6 among them: all ports are 0.
    Portless,
}

impl Protocol {
    /// The protocol of a packet; of ICMPv6 with the type of the message.
    pub const fn new(number: u8, icmp_kind: Option<u8>) -> Self {
        let kind = match (number, icmp_kind) {
            (protocol::UDP | protocol::UDP_LITE, _) => ProtocolKind::Datagram,
            (protocol::TCP, _) => ProtocolKind::Tcp,
            (protocol::DCCP, _) => ProtocolKind::Dccp,
            (protocol::SCTP, _) => ProtocolKind::Sctp,
            (protocol::ICMPV6, Some(icmp::v6::ECHO_REQUEST | icmp::v6::ECHO_REPLY)) => ProtocolKind::Echo,
            _ => ProtocolKind::Portless,
        };
        Self { number, kind }
    }

    /// Its IP protocol number.
    pub const fn number(self) -> u8 {
        self.number
    }

    /// How its flows are told apart.
    pub const fn kind(self) -> ProtocolKind {
        self.kind
    }

    /// Whether it has connections: TCP, DCCP and SCTP.
    pub const fn has_connections(self) -> bool {
        matches!(self.kind, ProtocolKind::Tcp | ProtocolKind::Dccp | ProtocolKind::Sctp)
    }

    /// Whether it has ports, of which there are ranges; the identifiers of echoes are none.
    pub const fn has_port_ranges(self) -> bool {
        !matches!(self.kind, ProtocolKind::Echo | ProtocolKind::Portless)
    }

    /// Octets of the upper layer that the ports lie in.
    pub const fn ports_len(self) -> usize {
        match self.kind {
            ProtocolKind::Datagram | ProtocolKind::Tcp | ProtocolKind::Dccp | ProtocolKind::Sctp => 4,
            ProtocolKind::Echo => icmp::IDENTIFIER + 2,
            ProtocolKind::Portless => 0,
        }
    }

    /// Source and destination port, from the upper-layer header on.
    pub fn ports(self, upper: &[u8]) -> (u16, u16) {
        match self.kind {
            ProtocolKind::Echo => (icmp::identifier(upper), icmp::identifier(upper)),
            ProtocolKind::Datagram | ProtocolKind::Tcp | ProtocolKind::Dccp | ProtocolKind::Sctp => {
                (udp::source_port(upper), udp::destination_port(upper))
            }
            ProtocolKind::Portless => (0, 0),
        }
    }

    /// The flow between two ends of a packet.
    pub fn flow(self, internal: Endpoint, remote: Endpoint) -> Flow {
        // An echo has one identifier, and that is the internal host's.
        let port = if self.kind == ProtocolKind::Echo { 0 } else { remote.port };
        Flow { protocol: self, internal, remote: Endpoint { port, ..remote } }
    }
}

/// An address and a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// IPv6 address.
    pub address: u128,
    /// Port, or identifier of an ICMPv6 echo.
    pub port: u16,
}

/// What a session is about: both ends, seen from the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Protocol.
    pub protocol: Protocol,
    /// Endpoint inside the site, by its address there.
    pub internal: Endpoint,
    /// The other one; of an echo with port 0.
    pub remote: Endpoint,
}

impl Flow {
    /// What policies see of a packet of it with a DSCP.
    pub const fn subject(&self, dscp: u8) -> Subject {
        Subject {
            addresses: Addresses::V6 { source: self.internal.address, destination: self.remote.address },
            protocol: self.protocol.number,
            ports: (self.internal.port, self.remote.port),
            has_ports: self.protocol.has_port_ranges(),
            dscp,
        }
    }
}

/// A packet of a flow.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// Protocol.
    pub protocol: Protocol,
    /// Where it comes from, as received.
    pub source: Endpoint,
    /// Where it goes, as received.
    pub destination: Endpoint,
    /// What it is to its connection.
    pub segment: Segment,
    /// Whether it has no fragment header.
    pub is_whole: bool,
    /// Whether it is of the host identity protocol.
    pub is_hip: bool,
}

impl Packet {
    /// Its flow if it comes from the site.
    pub fn outbound(&self) -> Flow {
        self.protocol.flow(self.source, self.destination)
    }

    /// Its flow if it comes from an uplink, with the addresses as the site has them.
    pub fn inbound(&self, internal: u128, remote: u128) -> Flow {
        let (internal, remote) =
            (Endpoint { address: internal, ..self.destination }, Endpoint { address: remote, ..self.source });
        self.protocol.flow(internal, remote)
    }

    /// Whether it is an echo request, or the first fragment of one.
    pub fn is_echo_request(&self) -> bool {
        self.protocol.kind == ProtocolKind::Echo && self.segment.opens
    }

    /// Whether it is an echo reply, which opens nothing.
    pub fn is_echo_reply(&self) -> bool {
        self.protocol.kind == ProtocolKind::Echo && !self.segment.opens
    }
}
