//! What the fragments of an IPv6 datagram have in common.

use crate::arch::KeyedHash;
use crate::frame::DeviceIndex;
use crate::session::fragments::DatagramKey;

/// What tells the fragments of one datagram from all others, as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Device they come in by.
    pub ingress: DeviceIndex,
    /// Source address.
    pub source: u128,
    /// Destination address.
    pub destination: u128,
    /// Identification.
    pub identification: u32,
}

/// What became of a first fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation {
    /// New source address.
    pub source: u128,
    /// New destination address.
    pub destination: u128,
    /// Next hop on the device they leave by.
    pub next_hop: u128,
    /// That device.
    pub egress: DeviceIndex,
    /// The uplink they meet.
    pub slot: u8,
}

impl DatagramKey for Datagram {
    fn hash(&self, hash: &KeyedHash) -> u64 {
        let rest = u128::from(self.ingress.0) << 32 | u128::from(self.identification);
        hash.hash_words([self.source, self.destination, rest])
    }
}
