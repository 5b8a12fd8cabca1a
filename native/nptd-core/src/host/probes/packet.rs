//! The octets of a probe: an IP packet of our own around what is asked.

use core::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};

use super::connect::Segment;
use super::dns::Query;
use crate::wire::checksum::{add_octets, fold, pseudo_header4, pseudo_header6};
use crate::wire::octets::{array_at, set_array, set_u8, set_u16, tail_mut};
use crate::wire::{icmp, ipv4, ipv6, protocol, tcp, udp};

/// Octets of the token.
const TOKEN_LEN: usize = 16;
/// Octets of an echo request with its token.
const ECHO_LEN: usize = icmp::HEADER_LEN + TOKEN_LEN;

/// Makes what an answer has to prove that it has seen.
pub struct Token(SipHasher24);

/// What tells the probes of one list of targets from those of another: slot and list.
pub type Name = [u8; 2];

/// The two ends of a probe that has ports.
#[derive(Clone, Copy)]
pub struct Ends {
    /// Address of the target.
    pub address: u128,
    /// Port of the target.
    pub port: u16,
    /// Our own port.
    pub own_port: u16,
}

impl Token {
    /// Tokens under a secret.
    pub fn new(secret: [u8; 16]) -> Self {
        Self(SipHasher24::new_with_key(&secret))
    }

    /// Of an echo request: `SipHash-2-4-128(secret, slot (1 octet) ‖ list (1) ‖ sequence (2) ‖ target (16))`, numbers big-endian.
    pub fn of(&self, name: Name, sequence: u16, target: u128) -> [u8; TOKEN_LEN] {
        let mut hasher = self.0;
        hasher.write(&name);
        hasher.write(&sequence.to_be_bytes());
        hasher.write(&target.to_be_bytes());
        hasher.finish128().as_bytes()
    }

    /// What the ids and sequence numbers between two ends count from: the first 4 octets of
    /// `SipHash-2-4-128(secret, slot (1 octet) ‖ list (1) ‖ own port (2) ‖ port (2) ‖ target (16))`.
    pub fn base(&self, name: Name, ends: Ends) -> u32 {
        let mut hasher = self.0;
        hasher.write(&name);
        hasher.write(&ends.own_port.to_be_bytes());
        hasher.write(&ends.port.to_be_bytes());
        hasher.write(&ends.address.to_be_bytes());
        u32::from_be_bytes(array_at(&hasher.finish128().as_bytes(), 0))
    }
}

/// Whether a message is an echo of exactly this token.
pub fn carries(message: &[u8], token: [u8; TOKEN_LEN]) -> bool {
    message.len() == ECHO_LEN && icmp::code(message) == 0 && array_at(message, icmp::HEADER_LEN) == token
}

/// What tells one echo request from another.
#[derive(Clone, Copy)]
pub struct Echo {
    /// Identifier.
    pub identifier: u16,
    /// Sequence number.
    pub sequence: u16,
    /// Token.
    pub token: [u8; TOKEN_LEN],
}

/// What a packet of the probes carries.
#[derive(Clone, Copy)]
pub enum Message<'a> {
    /// An echo request.
    Echo(Echo),
    /// A DNS query.
    Dns(Query<'a>),
    /// A TCP segment that opens a connection, or ends one.
    Tcp(Segment),
}

impl Message<'_> {
    /// Octets of an IPv4 packet with it.
    pub fn len4(&self) -> usize {
        ipv4::HEADER_LEN + self.len()
    }

    /// Octets of an IPv6 packet with it.
    pub fn len6(&self) -> usize {
        ipv6::HEADER_LEN + self.len()
    }

    /// Writes an IPv4 packet into [`Self::len4`] zeroed octets.
    pub fn write4(&self, packet: &mut [u8], source: u32, destination: u32) {
        let (protocol, length) = (self.protocol(protocol::ICMP), self.len() as u16);
        let total_len = self.len4() as u16;
        ipv4::write_own_header(packet, ipv4::OwnHeader { tos: 0, total_len, protocol, source, destination });
        let message = tail_mut(packet, ipv4::HEADER_LEN);
        self.write(message, icmp::v4::ECHO_REQUEST);
        let is_icmp = matches!(self, Self::Echo(_));
        let sum = if is_icmp { 0 } else { pseudo_header4(source, destination, protocol, length) };
        self.finish(message, sum);
    }

    /// Writes an IPv6 packet into [`Self::len6`] zeroed octets.
    pub fn write6(&self, packet: &mut [u8], source: u128, destination: u128) {
        let (next_header, payload_len) = (self.protocol(protocol::ICMPV6), self.len() as u16);
        let traffic_class = 0;
        let hop_limit = 64;
        let header = ipv6::OwnHeader { traffic_class, payload_len, next_header, hop_limit, source, destination };
        ipv6::write_own_header(packet, header);
        let message = tail_mut(packet, ipv6::HEADER_LEN);
        self.write(message, icmp::v6::ECHO_REQUEST);
        self.finish(message, pseudo_header6(source, destination, next_header, payload_len.into()));
    }

    fn len(&self) -> usize {
        match self {
            Self::Echo(_) => ECHO_LEN,
            Self::Dns(query) => query.len(),
            Self::Tcp(segment) => segment.len(),
        }
    }

    fn protocol(&self, icmp: u8) -> u8 {
        match self {
            Self::Echo(_) => icmp,
            Self::Dns(_) => protocol::UDP,
            Self::Tcp(_) => protocol::TCP,
        }
    }

    fn write(&self, message: &mut [u8], echo_request: u8) {
        match self {
            Self::Echo(echo) => {
                set_u8(message, 0, echo_request);
                icmp::set_identifier(message, echo.identifier);
                set_u16(message, 6, echo.sequence);
                set_array(message, icmp::HEADER_LEN, echo.token);
            }
            Self::Dns(query) => query.write(message),
            Self::Tcp(segment) => segment.write(message),
        }
    }

    /// Fills the checksum in; `sum` is that of the pseudo-header.
    fn finish(&self, message: &mut [u8], sum: u32) {
        let sum = !fold(add_octets(sum, message));
        match self {
            Self::Echo(_) => icmp::set_checksum(message, sum),
            // RFC 768: zero would say that there is none.
            Self::Dns(_) => set_u16(message, udp::CHECKSUM, if sum == 0 { u16::MAX } else { sum }),
            Self::Tcp(_) => set_u16(message, tcp::CHECKSUM, sum),
        }
    }
}
