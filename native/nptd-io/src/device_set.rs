//! A set of devices, in the bits of one word.

use nptd_core::frame::DeviceIndex;
use nptd_core::plan::DEVICES_MAX;

const _: () = assert!(DEVICES_MAX <= 64);

/// Devices by their index, from the smallest on as an iterator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeviceSet(u64);

impl DeviceSet {
    /// Adds a device; one beyond those that a plan can name is left out.
    pub(crate) fn insert(&mut self, device: DeviceIndex) {
        self.0 |= 1_u64.checked_shl(u32::from(device.0)).unwrap_or(0);
    }

    /// Whether there is none.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<DeviceIndex> for DeviceSet {
    fn from_iter<Devices: IntoIterator<Item = DeviceIndex>>(devices: Devices) -> Self {
        let mut set = Self::default();
        devices.into_iter().for_each(|device| set.insert(device));
        set
    }
}

impl Iterator for DeviceSet {
    type Item = DeviceIndex;

    fn next(&mut self) -> Option<DeviceIndex> {
        let device = (self.0 != 0).then_some(DeviceIndex(self.0.trailing_zeros() as u16));
        self.0 &= self.0.wrapping_sub(1);
        device
    }
}

#[cfg(test)]
mod tests {
    use nptd_core::frame::DeviceIndex;

    use super::DeviceSet;

    #[test]
    fn each_device_is_given_once_and_in_order() {
        let devices = [63, 0, 5, 63, 64, 5, u16::MAX].map(DeviceIndex);
        let set: DeviceSet = devices.into_iter().collect();
        assert!(set.eq([0, 5, 63].map(DeviceIndex)));
        assert!(!set.is_empty() && DeviceSet::default().is_empty());
    }
}
