//! The address mapping of RFC 6296 section 3: overwrite the prefix, and make up for it in one 16-bit word so that
//! the one's complement sum of the address stays what it was.

use crate::plan::prefix::Prefix6;
use crate::plan::spec::Nptv6Spec;
use crate::verdict::DropReason;

/// The one's complement "minus zero", which no adjusted word may hold (6296-3.2b).
const ALL_ONES: u16 = 0xffff;

/// Longest prefix for which the subnet is adjusted instead of the interface identifier (6296-3.4a).
const SUBNET_PREFIX_LEN_MAX: u8 = 48;

/// Which part of an address makes up for the change of its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AdjustedPart {
    /// Nothing changes: both prefixes are the same, and hosts have addresses of this ISP.
    Nothing,
    /// Bits 48 to 63 (6296-3.4a, 6296-3.4b).
    Subnet,
    /// The first 16 bits of the interface identifier that are not all ones (6296-3.5a, 6296-3.5b).
    InterfaceId,
}

/// One direction of a prefix pair, ready to be applied to addresses. Its two prefixes are all that it depends on, so
/// equal ones translate alike (6296-2.3).
///
/// Prefixes are at most 64 bits, so they are kept and compared as the upper half of an address.
#[derive(Clone, Copy, Debug)]
pub struct AddressMap {
    /// The bits of the longer of the two prefixes (6296-2.1b).
    mask: u64,
    /// The prefix to match, extended with zeros to `mask`.
    from: u64,
    /// The prefix that replaces it, extended with zeros to `mask`.
    to: u64,
    /// The prefix to match, as configured.
    from_prefix: Prefix6,
    /// Sum of `from` less the sum of `to`, below 0xffff.
    adjustment: u16,
    part: AdjustedPart,
    /// Why an address outside `from_prefix` is refused.
    foreign: DropReason,
}

impl AddressMap {
    /// The map from one prefix (of at most 64 bits) to another; addresses outside the first are refused as `foreign`.
    pub fn new(from: Prefix6, to: Prefix6, foreign: DropReason) -> Self {
        // 6296-3.1c, 6296-2.1b: the shorter prefix is extended with zeros to the length of the longer one.
        let longer = if from.length() >= to.length() { from } else { to };
        let (from_sum, to_sum) = (sum(upper_half(from.address())), sum(upper_half(to.address())));
        let part = if from == to {
            AdjustedPart::Nothing
        } else if longer.length() <= SUBNET_PREFIX_LEN_MAX {
            AdjustedPart::Subnet
        } else {
            AdjustedPart::InterfaceId
        };
        Self {
            mask: upper_half(longer.mask()),
            from: upper_half(from.address()),
            to: upper_half(to.address()),
            from_prefix: from,
            adjustment: add(from_sum, negative(to_sum)),
            part,
            foreign,
        }
    }

    /// The word that is added, below 0xffff.
    pub fn adjustment(&self) -> u16 {
        self.adjustment
    }

    /// The address on the other side.
    ///
    /// # Errors
    /// The map's own reason for an address outside its prefix, `SubnetNotMapped`, `InterfaceIdAllOnes` or
    /// `InterfaceIdAllZeros`.
    #[inline(always)]
    pub fn apply(&self, address: u128, spec: Nptv6Spec) -> Result<u128, DropReason> {
        let (high, low) = (upper_half(address), address as u64);
        if high & self.mask != self.from {
            return Err(self.refusal(address));
        }
        let kept = high & !self.mask;
        let (high, low) = match self.part {
            AdjustedPart::Nothing => return Ok(address),
            AdjustedPart::Subnet => (self.to | self.adjust_subnet(kept)?, low),
            AdjustedPart::InterfaceId => (self.to | kept, self.adjust_interface_id(low, spec)?),
        };
        Ok(u128::from(high) << 64 | u128::from(low))
    }

    /// Why an address does not match: outside the prefix (6296-ROUT2), or in its zero extension, which has no
    /// counterpart (6296-3.7a; inbound the same, or two external addresses would lead to one internal host).
    #[cold]
    fn refusal(&self, address: u128) -> DropReason {
        if self.from_prefix.contains(address) { DropReason::SubnetNotMapped } else { self.foreign }
    }

    #[inline(always)]
    fn adjust_subnet(&self, upper: u64) -> Result<u64, DropReason> {
        let subnet = upper as u16;
        // 6296-3.2a. Also below 48 bits and inbound: 0xffff is another name of 0, and would not come back.
        if subnet == ALL_ONES {
            return Err(DropReason::SubnetNotMapped);
        }
        Ok((upper ^ u64::from(subnet)) | u64::from(add(subnet, self.adjustment)))
    }

    #[inline(always)]
    fn adjust_interface_id(&self, id: u64, spec: Nptv6Spec) -> Result<u64, DropReason> {
        if id == u64::MAX {
            return Err(DropReason::InterfaceIdAllOnes);
        }
        // 6296-3.7b, read to the letter; the option takes erratum 8757's side.
        if id == 0 && !spec.translate_zero_interface_id {
            return Err(DropReason::InterfaceIdAllZeros);
        }
        // 6296-3.5a: the first word with a zero bit is the first one that is not 0xffff.
        let shift = 48 - ((!id).leading_zeros() & !15);
        let word = (id >> shift) as u16;
        Ok(id ^ u64::from(word ^ add(word, self.adjustment)) << shift)
    }
}

/// The upper 64 bits of an address.
const fn upper_half(address: u128) -> u64 {
    (address >> 64) as u64
}

/// One's complement sum of the four 16-bit words (6296-3.1c).
const fn sum(words: u64) -> u16 {
    let high = add((words >> 48) as u16, (words >> 32) as u16);
    let low = add((words >> 16) as u16, words as u16);
    add(high, low)
}

/// One's complement addition, the carry added at the other end; a sum of 0xffff is stored as 0 (6296-3.2b, 6296-3.3).
#[inline]
const fn add(a: u16, b: u16) -> u16 {
    let (sum, carry) = a.overflowing_add(b);
    match sum.wrapping_add(carry as u16) {
        ALL_ONES => 0,
        sum => sum,
    }
}

/// One's complement negation, below 0xffff.
const fn negative(word: u16) -> u16 {
    add(!word, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_worked_example_6296_3_1c() {
        let (internal, external) = (sum(0xfd01_0203_0405_0000), sum(0x2001_0db8_0001_0000));
        assert_eq!((internal, external), (0x030a, 0x2dba));
        assert_eq!(add(internal, negative(external)), 0xd54f);
        assert_eq!(add(external, negative(internal)), 0x2ab0);
    }

    #[test]
    fn equal_prefixes_change_and_refuse_nothing() {
        for length in [1, 32, 48, 56, 64] {
            let prefix = Prefix6::covering(0x2001_0db8_0001 << 80, length);
            let map = AddressMap::new(prefix, prefix, DropReason::SourceNotInternal);
            for below in [0, 1, u128::from(u64::MAX), 0xffff << 64, !prefix.mask()] {
                let address = prefix.address() | below & !prefix.mask();
                assert_eq!(map.apply(address, Nptv6Spec::default()), Ok(address));
            }
            assert_eq!(map.apply(0xfd << 120, Nptv6Spec::default()), Err(DropReason::SourceNotInternal));
        }
    }

    #[test]
    fn minus_zero_is_stored_as_zero_6296_3_2b() {
        assert_eq!((add(0xffff, 0), add(0xfffe, 1), add(0xffff, 0xffff), negative(0)), (0, 0, 0, 0));
        assert_eq!(add(0xfffe, 0xfffe), 0xfffd);
    }
}
