//! Transport protocols as NAT44 sees them: by number, in six kinds.

use super::endpoint::Endpoint;
use crate::verdict::DropReason;
use crate::wire::{icmp, protocol, udp};

/// An IP protocol that NAT44 translates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol(u8);

/// How a protocol is translated; those with ports of their own come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolKind {
    /// ICMP echo; its port is the identifier.
    Icmp,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// UDP-Lite (RFC 3828).
    UdpLite,
    /// DCCP (RFC 4340).
    Dccp,
    /// Any other: by addresses alone, all ports 0 (OTHER-2).
    Portless,
}

/// By number: a new flow asks a dozen times.
static KINDS: [ProtocolKind; 256] = {
    let mut kinds = [ProtocolKind::Portless; 256];
    kinds[protocol::ICMP as usize] = ProtocolKind::Icmp;
    kinds[protocol::TCP as usize] = ProtocolKind::Tcp;
    kinds[protocol::UDP as usize] = ProtocolKind::Udp;
    kinds[protocol::UDP_LITE as usize] = ProtocolKind::UdpLite;
    kinds[protocol::DCCP as usize] = ProtocolKind::Dccp;
    kinds
};

impl Protocol {
    /// ICMP.
    pub const ICMP: Self = Self(protocol::ICMP);
    /// TCP.
    pub const TCP: Self = Self(protocol::TCP);
    /// UDP.
    pub const UDP: Self = Self(protocol::UDP);
    /// DCCP.
    pub const DCCP: Self = Self(protocol::DCCP);
    /// UDP-Lite.
    pub const UDP_LITE: Self = Self(protocol::UDP_LITE);

    /// The protocol with an IP protocol number.
    pub const fn from_number(number: u8) -> Self {
        Self(number)
    }

    /// Its IP protocol number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// How it is translated.
    #[inline(always)]
    pub const fn kind(self) -> ProtocolKind {
        KINDS[self.0 as usize]
    }

    /// Whether it has connections, which begin with a packet that opens and cannot move: TCP and DCCP.
    pub const fn has_connections(self) -> bool {
        matches!(self.kind(), ProtocolKind::Tcp | ProtocolKind::Dccp)
    }

    /// Why a packet that does not open a connection is refused where there is none.
    pub const fn without_session(self) -> DropReason {
        match self {
            Self::DCCP => DropReason::DccpWithoutSession,
            Self::ICMP => DropReason::IcmpTypeNotForwarded,
            _ => DropReason::TcpWithoutSession,
        }
    }

    /// Whether it has ports, of which there are ranges; the identifiers of ICMP are none.
    pub const fn has_port_ranges(self) -> bool {
        !matches!(self.kind(), ProtocolKind::Icmp | ProtocolKind::Portless)
    }

    /// Whether it has no ports (nor identifiers).
    pub const fn is_portless(self) -> bool {
        matches!(self.kind(), ProtocolKind::Portless)
    }

    /// Source and destination port of a packet, from its transport header on: of an ICMP echo both are the identifier,
    /// and both are 0 where there are no ports.
    pub fn ports(self, transport: &[u8]) -> (u16, u16) {
        match self.kind() {
            ProtocolKind::Icmp => (icmp::identifier(transport), icmp::identifier(transport)),
            ProtocolKind::Tcp | ProtocolKind::Udp | ProtocolKind::UdpLite | ProtocolKind::Dccp => {
                (udp::source_port(transport), udp::destination_port(transport))
            }
            ProtocolKind::Portless => (0, 0),
        }
    }

    /// The remote endpoint of a session with one end of a packet: an ICMP query has no remote port (5508-R1a).
    pub const fn remote(self, endpoint: Endpoint) -> Endpoint {
        match self.kind() {
            ProtocolKind::Icmp => Endpoint { address: endpoint.address, port: 0 },
            ProtocolKind::Tcp
            | ProtocolKind::Udp
            | ProtocolKind::UdpLite
            | ProtocolKind::Dccp
            | ProtocolKind::Portless => endpoint,
        }
    }
}
