//! The octets of a probe: an echo request whose data proves that an answer has seen it.

use core::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};

use crate::wire::checksum::{add_octets, fold, internet_checksum, pseudo_header6};
use crate::wire::octets::{array_at, set_array, set_u8, set_u16, tail, tail_mut};
use crate::wire::{icmp, ipv4, ipv6, protocol};

/// Octets of the token.
const TOKEN_LEN: usize = 16;
/// Octets of an echo request with its token.
const MESSAGE_LEN: usize = icmp::HEADER_LEN + TOKEN_LEN;
/// Octets of an IPv4 probe.
pub const LEN_4: usize = ipv4::HEADER_LEN + MESSAGE_LEN;
/// Octets of an IPv6 probe.
pub const LEN_6: usize = ipv6::HEADER_LEN + MESSAGE_LEN;

/// Makes tokens.
pub struct Token(SipHasher24);

impl Token {
    /// Tokens under a secret.
    pub fn new(secret: [u8; 16]) -> Self {
        Self(SipHasher24::new_with_key(&secret))
    }

    /// `SipHash-2-4-128(secret, slot (1 octet) ‖ sequence (2) ‖ target (16))`, numbers big-endian.
    pub fn of(&self, slot: u8, sequence: u16, target: u128) -> [u8; TOKEN_LEN] {
        let mut hasher = self.0;
        hasher.write(&[slot]);
        hasher.write(&sequence.to_be_bytes());
        hasher.write(&target.to_be_bytes());
        hasher.finish128().as_bytes()
    }
}

/// Whether a message is an echo of exactly this token.
pub fn carries(message: &[u8], token: [u8; TOKEN_LEN]) -> bool {
    message.len() == MESSAGE_LEN && icmp::code(message) == 0 && array_at(message, icmp::HEADER_LEN) == token
}

/// What tells one probe from another.
#[derive(Clone, Copy)]
pub struct Echo {
    /// Identifier.
    pub identifier: u16,
    /// Sequence number.
    pub sequence: u16,
    /// Token.
    pub token: [u8; TOKEN_LEN],
}

impl Echo {
    /// Writes an IPv4 packet into [`LEN_4`] zeroed octets.
    pub fn write4(&self, packet: &mut [u8], source: u32, destination: u32) {
        let total_len = LEN_4 as u16;
        let header = ipv4::OwnHeader { tos: 0, total_len, protocol: protocol::ICMP, source, destination };
        ipv4::write_own_header(packet, header);
        let message = tail_mut(packet, ipv4::HEADER_LEN);
        self.write_message(message, icmp::v4::ECHO_REQUEST);
        let sum = internet_checksum(message);
        icmp::set_checksum(message, sum);
    }

    /// Writes an IPv6 packet into [`LEN_6`] zeroed octets.
    pub fn write6(&self, packet: &mut [u8], source: u128, destination: u128) {
        ipv6::write_own_header(
            packet,
            ipv6::OwnHeader {
                traffic_class: 0,
                payload_len: MESSAGE_LEN as u16,
                next_header: protocol::ICMPV6,
                hop_limit: 64,
                source,
                destination,
            },
        );
        self.write_message(tail_mut(packet, ipv6::HEADER_LEN), icmp::v6::ECHO_REQUEST);
        let sum = pseudo_header6(source, destination, protocol::ICMPV6, MESSAGE_LEN as u32);
        let sum = !fold(add_octets(sum, tail(packet, ipv6::HEADER_LEN)));
        icmp::set_checksum(tail_mut(packet, ipv6::HEADER_LEN), sum);
    }

    fn write_message(&self, message: &mut [u8], kind: u8) {
        set_u8(message, 0, kind);
        icmp::set_identifier(message, self.identifier);
        set_u16(message, 6, self.sequence);
        set_array(message, icmp::HEADER_LEN, self.token);
    }
}
