//! A validated pair of prefixes: an internal and an external one that translate into each other.

use super::adjustment::AddressMap;
use crate::plan::prefix::Prefix6;
use crate::plan::spec::{Nptv6Spec, PrefixPairSpec};
use crate::verdict::DropReason;

/// Longest prefix: RFC 6296 defines the mapping of interface identifiers, not of what would be left of them.
const LENGTH_MAX: u8 = 64;

/// Ranges that are no unicast addresses a router may forward, and what they are called.
const NOT_FORWARDABLE: [(Prefix6, &str); 4] = [
    (Prefix6::covering(0xff00 << 112, 8), "a prefix overlaps the multicast range ff00::/8"),
    (Prefix6::covering(0xfe80 << 112, 10), "a prefix overlaps the link-local range fe80::/10"),
    (Prefix6::covering(0, 127), "a prefix overlaps the unspecified and loopback addresses"),
    (Prefix6::covering(0xffff << 32, 96), "a prefix overlaps the IPv4-mapped range ::ffff:0:0/96"),
];

/// A validated pair of prefixes. Each is a translator of its own (6296-3.1b) and keeps no state (6296-2.5).
#[derive(Clone, Copy, Debug)]
pub struct PrefixPair {
    internal: Prefix6,
    external: Prefix6,
    /// Applied to internal addresses.
    pub(super) to_external: AddressMap,
    /// Applied to external addresses.
    pub(super) to_internal: AddressMap,
}

impl PrefixPair {
    /// Checks a pair and precomputes both directions.
    ///
    /// # Errors
    /// A sentence that says why the pair cannot be translated. Beyond being forwardable unicast prefixes of 1 to 64
    /// bits nothing is asked (6296-4.1b): lengths may differ, and either side may be of any scope (6296-2.2).
    pub fn new(spec: PrefixPairSpec) -> Result<Self, &'static str> {
        let internal = checked(spec.internal)?;
        let external = checked(spec.external)?;
        Ok(Self {
            internal,
            external,
            to_external: AddressMap::new(internal, external, DropReason::SourceNotInternal),
            to_internal: AddressMap::new(external, internal, DropReason::NotForThisUplink),
        })
    }

    /// Whether its two prefixes are equal: hosts have addresses of this ISP, and nothing is translated.
    pub fn is_identity(&self) -> bool {
        self.internal == self.external
    }

    /// The internal prefix, as configured.
    #[inline]
    pub fn internal(&self) -> Prefix6 {
        self.internal
    }

    /// The external prefix, as configured.
    #[inline]
    pub fn external(&self) -> Prefix6 {
        self.external
    }

    /// What is added to the adjusted word of an internal address, below 0xffff (6296-3.1c).
    pub fn adjustment(&self) -> u16 {
        self.to_external.adjustment()
    }

    /// The external form of an internal address (6296-3.2b; worked example 6296-3.6).
    ///
    /// # Errors
    /// `SourceNotInternal` outside the internal prefix, `SubnetNotMapped`, `InterfaceIdAllOnes` or
    /// `InterfaceIdAllZeros`.
    #[inline(always)]
    pub fn outbound(&self, internal: u128, spec: Nptv6Spec) -> Result<u128, DropReason> {
        self.to_external.apply(internal, spec)
    }

    /// The internal form of an external address (6296-3.3).
    ///
    /// # Errors
    /// `NotForThisUplink` outside the external prefix, `SubnetNotMapped`, `InterfaceIdAllOnes` or
    /// `InterfaceIdAllZeros`.
    #[inline(always)]
    pub fn inbound(&self, external: u128, spec: Nptv6Spec) -> Result<u128, DropReason> {
        self.to_internal.apply(external, spec)
    }
}

fn checked((address, length): (u128, u8)) -> Result<Prefix6, &'static str> {
    if !(1..=LENGTH_MAX).contains(&length) {
        return Err("a prefix is not 1 to 64 bits long");
    }
    let prefix = Prefix6::covering(address, length);
    if prefix.address() != address {
        return Err("a prefix has bits set beyond its length");
    }
    match NOT_FORWARDABLE.iter().find(|(range, _)| range.overlaps(prefix)) {
        Some((_, problem)) => Err(problem),
        None => Ok(prefix),
    }
}
