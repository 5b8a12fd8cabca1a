//! Ethernet II header.

use super::octets::{array_at, set_array, set_u16, u16_at};

/// Octets of the header.
pub const HEADER_LEN: usize = 14;

/// Offset of the EtherType.
pub const TYPE: usize = 12;

/// EtherType of IPv4.
pub const TYPE_IPV4: u16 = 0x0800;
/// EtherType of ARP.
pub const TYPE_ARP: u16 = 0x0806;
/// EtherType of IPv6.
pub const TYPE_IPV6: u16 = 0x86dd;
/// EtherType of an 802.1Q tag.
pub const TYPE_VLAN: u16 = 0x8100;
/// EtherType of an 802.1ad tag.
pub const TYPE_SERVICE_VLAN: u16 = 0x88a8;

/// A link address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// The address of all stations.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Whether it names a group of stations (multicast or broadcast).
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// The link-local IPv6 address made from it by modified EUI-64 (RFC 4291 appendix A).
    pub const fn link_local_address(self) -> u128 {
        let [a, b, c, d, e, f] = self.0;
        let identifier = u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
        (0xfe80 << 112) | identifier as u128
    }

    /// The group address that carries IPv6 multicast to `destination` (RFC 2464 section 7).
    pub const fn of_multicast6(destination: u128) -> Self {
        let [a, b, c, d] = (destination as u32).to_be_bytes();
        Self([0x33, 0x33, a, b, c, d])
    }
}

/// Destination of a frame.
pub fn destination(frame: &[u8]) -> MacAddress {
    MacAddress(array_at(frame, 0))
}

/// Source of a frame.
pub fn source(frame: &[u8]) -> MacAddress {
    MacAddress(array_at(frame, 6))
}

/// EtherType of a frame.
pub fn ether_type(frame: &[u8]) -> u16 {
    u16_at(frame, TYPE)
}

/// Writes a whole header.
pub fn write_header(frame: &mut [u8], destination: MacAddress, source: MacAddress, ether_type: u16) {
    set_array(frame, 0, destination.0);
    set_array(frame, 6, source.0);
    set_u16(frame, 12, ether_type);
}
