//! The Internet checksum: whole sums (RFC 1071) and incremental changes (RFC 1624).

/// Adds octets to a running one's complement sum, as 16-bit big-endian words; an odd last octet is padded with zero.
pub fn add_octets(sum: u32, octets: &[u8]) -> u32 {
    let mut wide = u64::from(sum);
    let mut words = octets.chunks_exact(2);
    for word in &mut words {
        if let &[high, low] = word {
            wide += u64::from(u16::from_be_bytes([high, low]));
        }
    }
    if let &[last] = words.remainder() {
        wide += u64::from(u16::from_be_bytes([last, 0]));
    }
    // 65,536 octets add at most 2^31: two folds bring any such sum below 2^32.
    let folded = (wide & 0xffff_ffff) + (wide >> 32);
    ((folded & 0xffff) + (folded >> 16)) as u32
}

/// Folds a sum to 16 bits.
#[inline]
pub const fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// Folds a sum to 16 bits, without a branch; only zero comes out as zero.
#[inline]
pub const fn fold_wide(sum: u64) -> u16 {
    let (sum, carry) = (sum as u32).overflowing_add((sum >> 32) as u32);
    let sum = sum + carry as u32;
    // The upper half is then the sum of both with the carry of the lower one, which is what a turn over the end would add.
    (sum.wrapping_add(sum.rotate_left(16)) >> 16) as u16
}

/// The checksum of octets whose checksum field is zero; over octets with a right checksum it is zero.
pub fn internet_checksum(octets: &[u8]) -> u16 {
    !fold(add_octets(0, octets))
}

/// Running sum of the IPv4 pseudo-header.
pub fn pseudo_header4(source: u32, destination: u32, protocol: u8, length: u16) -> u32 {
    let words = (source >> 16) + (source & 0xffff) + (destination >> 16) + (destination & 0xffff);
    words + u32::from(protocol) + u32::from(length)
}

/// Running sum of the IPv6 pseudo-header.
pub fn pseudo_header6(source: u128, destination: u128, protocol: u8, length: u32) -> u32 {
    let sum = add_octets(0, &source.to_be_bytes());
    let sum = add_octets(sum, &destination.to_be_bytes());
    add_octets(sum, &length.to_be_bytes()) + u32::from(protocol)
}

/// A collected change of checksummed words, applied to any number of checksum fields.
///
/// RFC 1624 equation 3: `HC' = ~(~HC + ~m + m')`. A field that was wrong stays wrong by the same amount (3022-4.2).
#[derive(Clone, Copy, Debug, Default)]
pub struct ChecksumUpdate(u64);

impl ChecksumUpdate {
    /// No change.
    pub const fn new() -> Self {
        Self(0)
    }

    /// A 16-bit word changes.
    #[inline]
    #[must_use]
    pub const fn word(self, old: u16, new: u16) -> Self {
        Self(self.0 + (!old as u64) + new as u64)
    }

    /// A 16-bit word, its lower octet first, becomes one less; it is not 0.
    #[inline]
    #[must_use]
    pub const fn decrement(self) -> Self {
        // Whatever it is: its complement and what is one less make 0xffff - 1.
        Self(self.0 + 0xfffe)
    }

    /// A 32-bit word at an even offset changes.
    #[inline]
    #[must_use]
    pub const fn double_word(self, old: u32, new: u32) -> Self {
        // 2^16 is 1 to a one's complement sum of 16 bits. Each step adds below 2^33; a header has far fewer than 2^15 words.
        Self(self.0 + (!old as u64) + new as u64)
    }

    /// Both changes together.
    #[inline]
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    /// A finished checksum field after the change.
    #[inline]
    pub const fn apply(self, field: u16) -> u16 {
        !fold_wide((!field) as u64 + self.0)
    }

    /// A finished UDP checksum field after the change: "none" stays "none" (3022-4.1b), and a sum that comes out
    /// as zero is sent as 0xffff (3022-4.1c, RFC 768).
    #[inline]
    pub const fn apply_udp(self, field: u16) -> u16 {
        if field == 0 { 0 } else { self.apply_udp_lite(field) }
    }

    /// A finished UDP-Lite checksum field after the change: as of UDP, but there is no "none" (UDPL-1).
    #[inline]
    pub const fn apply_udp_lite(self, field: u16) -> u16 {
        match self.apply(field) {
            0 => 0xffff,
            sum => sum,
        }
    }

    /// An unfinished field (folded, un-complemented pseudo-header sum) after a change of pseudo-header words.
    #[inline]
    pub const fn apply_partial(self, field: u16) -> u16 {
        fold_wide(field as u64 + self.0)
    }
}
