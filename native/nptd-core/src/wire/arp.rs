//! ARP for IPv4 over Ethernet (RFC 826).

use super::ethernet::MacAddress;
use super::octets::{array_at, set_array, set_u16, set_u32, u8_at, u16_at, u32_at};

/// Octets of an ARP packet for IPv4 over Ethernet.
pub const LEN: usize = 28;

/// What an ARP packet asks or says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Who has the target address?
    Request,
    /// The sender has the sender address.
    Reply,
}

/// An ARP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// What it asks or says.
    pub operation: Operation,
    /// Link address of the sender.
    pub sender_mac: MacAddress,
    /// IPv4 address of the sender; zero in a probe (RFC 5227).
    pub sender: u32,
    /// Link address of the target; zero in a request.
    pub target_mac: MacAddress,
    /// IPv4 address of the target.
    pub target: u32,
}

impl Arp {
    /// Reads the payload of an ARP frame; none if it is malformed or about other kinds of addresses.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let fixed = (u16_at(payload, 0), u16_at(payload, 2), u8_at(payload, 4), u8_at(payload, 5));
        if payload.len() < LEN || fixed != (1, 0x0800, 6, 4) {
            return None;
        }
        let operation = match u16_at(payload, 6) {
            1 => Operation::Request,
            2 => Operation::Reply,
            _ => return None,
        };
        Some(Self {
            operation,
            sender_mac: MacAddress(array_at(payload, 8)),
            sender: u32_at(payload, 14),
            target_mac: MacAddress(array_at(payload, 18)),
            target: u32_at(payload, 24),
        })
    }

    /// Writes the payload of an ARP frame.
    pub fn emit(&self, payload: &mut [u8]) {
        set_u16(payload, 0, 1);
        set_u16(payload, 2, 0x0800);
        set_array(payload, 4, [6, 4]);
        set_u16(
            payload,
            6,
            match self.operation {
                Operation::Request => 1,
                Operation::Reply => 2,
            },
        );
        set_array(payload, 8, self.sender_mac.0);
        set_u32(payload, 14, self.sender);
        set_array(payload, 18, self.target_mac.0);
        set_u32(payload, 24, self.target);
    }
}
