//! Address prefixes.

/// An IPv4 prefix; bits beyond its length are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix4 {
    address: u32,
    mask: u32,
    length: u8,
}

/// An IPv6 prefix; bits beyond its length are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix6 {
    address: u128,
    mask: u128,
    length: u8,
}

impl Prefix4 {
    /// The prefix of `length` bits (at most 32) that covers an address.
    pub const fn covering(address: u32, length: u8) -> Self {
        let length = if length > 32 { 32 } else { length };
        let mask = Self::mask_of(length);
        Self { address: address & mask, mask, length }
    }

    /// Whether an address lies in it.
    pub const fn contains(self, address: u32) -> bool {
        address & self.mask == self.address
    }

    /// Its length in bits.
    pub const fn length(self) -> u8 {
        self.length
    }

    /// Its first address.
    pub const fn address(self) -> u32 {
        self.address
    }

    /// Its last address.
    pub const fn last(self) -> u32 {
        self.address | !self.mask
    }

    /// The directed broadcast address; none for /31 and /32.
    pub const fn broadcast(self) -> Option<u32> {
        if self.length >= 31 {
            return None;
        }
        Some(self.address | !self.mask)
    }

    const fn mask_of(length: u8) -> u32 {
        if length == 0 { 0 } else { u32::MAX << (32 - length) }
    }
}

impl Prefix6 {
    /// The prefix of `length` bits (at most 128) that covers an address.
    pub const fn covering(address: u128, length: u8) -> Self {
        let length = if length > 128 { 128 } else { length };
        let mask = Self::mask_of(length);
        Self { address: address & mask, mask, length }
    }

    /// Whether an address lies in it.
    #[inline]
    pub const fn contains(&self, address: u128) -> bool {
        address & self.mask == self.address
    }

    /// Whether the two share an address.
    pub const fn overlaps(self, other: Self) -> bool {
        self.contains(other.address) || other.contains(self.address)
    }

    /// Its length in bits.
    pub const fn length(self) -> u8 {
        self.length
    }

    /// Its first address.
    pub const fn address(self) -> u128 {
        self.address
    }

    /// The bits that belong to the prefix.
    pub const fn mask(self) -> u128 {
        self.mask
    }

    const fn mask_of(length: u8) -> u128 {
        if length == 0 { 0 } else { u128::MAX << (128 - length) }
    }
}
