//! Octets and fields. Knows formats, not policy.
//!
//! The contract: `pipeline::parse` checks lengths once and keeps offsets; after that the accessors here are used
//! freely. An accessor never panics: beyond the end it reads zero and writes nothing, which a test would show as
//! a wrong packet and an attacker as nothing at all.

pub mod arp;
pub mod checksum;
pub mod dccp;
pub mod endpoint;
pub mod ethernet;
pub mod icmp;
pub mod ipv4;
pub mod ipv6;
pub mod octets;
pub mod sctp;
pub mod tcp;
pub mod udp;

/// IP protocol and next-header numbers.
pub mod protocol {
    /// Hop-by-hop options (IPv6).
    pub const HOP_BY_HOP: u8 = 0;
    /// ICMP for IPv4.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// DCCP.
    pub const DCCP: u8 = 33;
    /// Routing header (IPv6).
    pub const ROUTING: u8 = 43;
    /// Fragment header (IPv6).
    pub const FRAGMENT: u8 = 44;
    /// Encapsulating security payload.
    pub const ESP: u8 = 50;
    /// Authentication header, which covers the addresses: no translation can be right (OTHER-2).
    pub const AUTHENTICATION: u8 = 51;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;
    /// Nothing follows (IPv6).
    pub const NO_NEXT: u8 = 59;
    /// Destination options (IPv6).
    pub const DESTINATION_OPTIONS: u8 = 60;
    /// SCTP.
    pub const SCTP: u8 = 132;
    /// Mobility header (IPv6).
    pub const MOBILITY: u8 = 135;
    /// UDP-Lite.
    pub const UDP_LITE: u8 = 136;
    /// Host identity protocol.
    pub const HIP: u8 = 139;
    /// Shim6.
    pub const SHIM6: u8 = 140;
}
