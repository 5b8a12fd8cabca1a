//! What policies see of a packet or flow.

/// Address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// Both addresses of a packet from the site, as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// IPv4.
    V4 {
        /// Internal address.
        source: u32,
        /// Remote address.
        destination: u32,
    },
    /// IPv6.
    V6 {
        /// Internal address.
        source: u128,
        /// Remote address.
        destination: u128,
    },
}

/// A packet from the site, or an answer to one from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Both addresses.
    pub addresses: Addresses,
    /// IP protocol.
    pub protocol: u8,
    /// Source and destination port; an echo's identifier and 0; 0 where they are not known.
    pub ports: (u16, u16),
    /// Whether these are ports that a match may be about.
    pub has_ports: bool,
    /// Differentiated services code point.
    pub dscp: u8,
}

impl Subject {
    /// Its address family.
    pub const fn family(&self) -> Family {
        match self.addresses {
            Addresses::V4 { .. } => Family::V4,
            Addresses::V6 { .. } => Family::V6,
        }
    }
}
