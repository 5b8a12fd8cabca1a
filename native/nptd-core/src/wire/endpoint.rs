//! One end of an IPv4 packet.

/// An address and a port. Packed, since sessions hold four of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(Rust, packed(2))]
pub struct Endpoint {
    /// IPv4 address.
    pub address: u32,
    /// Port, or identifier of an ICMP query.
    pub port: u16,
}
