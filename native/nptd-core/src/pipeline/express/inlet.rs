//! What all frames of one device have in common, reckoned once for a run of them.

use crate::counters::Direction;
use crate::frame::DeviceIndex;
use crate::nat44::Nat44;
use crate::plan::{Plan, Role};
use crate::wire::ethernet::MacAddress;
use crate::wire::octets::array_at;

/// The device that a run of frames came in by.
#[derive(Clone, Copy, Debug)]
pub struct Inlet {
    /// The device.
    pub device: DeviceIndex,
    /// Whether the plan knows it.
    pub is_known: bool,
    /// Whether its frames have a link header.
    pub has_link: bool,
    /// The side that it is on.
    pub from: Direction,
    /// Its uplink; 0 on the side of the site.
    pub slot: u8,
    /// Own link address, in the upper octets.
    own: u64,
    /// What tells the keys of its flows from those of other uplinks.
    tag: u128,
}

impl Inlet {
    /// Of no frame.
    pub const NONE: Self = Self {
        device: DeviceIndex(u16::MAX),
        is_known: false,
        has_link: false,
        from: Direction::Outbound,
        slot: 0,
        own: 0,
        tag: 0,
    };

    /// Of frames of a device.
    pub fn of(index: DeviceIndex, plan: &Plan) -> Self {
        let Some(device) = plan.device(index) else { return Self { device: index, ..Self::NONE } };
        let (from, slot, tag) = match device.role {
            Role::Internal => (Direction::Outbound, 0, 0),
            Role::Uplink(slot) => {
                let epoch = plan.uplink(slot).map_or(0, |uplink| uplink.epoch);
                (Direction::Inbound, slot, Nat44::express_tag(slot, epoch))
            }
        };
        let own = device.mac.map_or(0, |mac| little_endian(mac) << 16);
        Self { device: index, is_known: true, has_link: device.mac.is_some(), from, slot, own, tag }
    }

    /// Whether a frame with this link header is for the gateway, and for nobody else.
    #[inline(always)]
    pub fn is_meant<const N: usize>(&self, link: &[u8; N]) -> bool {
        u64::from_le_bytes(array_at(link, 0)) << 16 == self.own
    }

    /// The key of a flow from addresses and ports as they lie in a packet, source first; ours come first in a key.
    #[inline(always)]
    pub fn key<const IS_OUTBOUND: bool>(&self, addresses: u64, ports: u32, protocol: u8) -> u128 {
        if IS_OUTBOUND {
            return Nat44::express_key(addresses, ports, protocol);
        }
        Nat44::express_key(addresses.rotate_left(32), ports.rotate_left(16), protocol) | self.tag
    }
}

/// A link address as a number whose lowest octet goes first.
pub fn little_endian(address: MacAddress) -> u64 {
    let [a, b, c, d, e, f] = address.0;
    u64::from_le_bytes([a, b, c, d, e, f, 0, 0])
}
