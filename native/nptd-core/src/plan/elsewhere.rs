//! Compiled answers for packets between the site and the rest of the Internet, which are nearly all.

use alloc::vec::Vec;

use super::prefix::{Prefix4, Prefix6};
use super::spec::Nptv6Spec;
use super::subject::Family;
use super::{Device, Plan, Uplink, Uplink6};
use crate::nptv6::PrefixPair;

/// IPv4 addresses that a packet from the site to the Internet does not go to, or that the plan says something about: ranges by their
/// first and last address, rising and apart.
#[derive(Clone, Debug, Default)]
pub struct Elsewhere4(Vec<(u32, u32)>);

/// 0/8 and 127/8 (1812-MARTIAN), groups and all beyond them.
const NOT_UNICAST: [(u32, u32); 3] = [(0, 0x00ff_ffff), (0x7f00_0000, 0x7fff_ffff), (0xe000_0000, u32::MAX)];

/// RFC 5737.
const EXAMPLES: [u32; 3] = [0xc000_0200, 0xc633_6400, 0xcb00_7100];

impl Elsewhere4 {
    /// Own addresses, `ours` (routes into the site and exempt destinations) and external addresses.
    pub fn new(
        devices: &[Device],
        ours: impl Iterator<Item = Prefix4>,
        external: &[(u32, u8)],
        drop_documentation: bool,
    ) -> Self {
        let own = devices.iter().flat_map(|device| device.ipv4.iter().map(|(address, _)| *address));
        let single = own.chain(external.iter().map(|(address, _)| *address)).map(|address| (address, address));
        let examples = EXAMPLES.into_iter().filter(|_| drop_documentation).map(|first| (first, first + 255));
        let ours = ours.map(|prefix| (prefix.address(), prefix.last()));
        let mut ranges: Vec<(u32, u32)> = NOT_UNICAST.into_iter().chain(single).chain(examples).chain(ours).collect();
        ranges.sort_unstable();
        ranges.dedup_by(|next, before| {
            let joins = next.0 <= before.1.saturating_add(1);
            before.1 = if joins { before.1.max(next.1) } else { before.1 };
            joins
        });
        Self(ranges)
    }

    #[inline]
    fn covers(&self, address: u32) -> bool {
        let next = self.0.partition_point(|(_, last)| *last < address);
        self.0.get(next).is_none_or(|(first, _)| address < *first)
    }
}

/// Global unicast (RFC 4291 section 2.4): what a packet on the Internet comes from and goes to.
const GLOBAL: Prefix6 = Prefix6::covering(0x2000 << 112, 3);

/// Global prefixes that mean something to this plan, by the upper half of an address.
#[derive(Clone, Debug, Default)]
pub struct Elsewhere6 {
    /// Mask, and what is left of an address under it.
    ours: Vec<(u64, u64)>,
    /// Whether an address that a prefix pair covers can be a martian.
    has_martian_pairs: bool,
}

/// Global addresses that are not met beyond the uplinks (RFC 4843), and those of examples (RFC 3849).
const ORCHID: Prefix6 = Prefix6::covering(0x2001_0010 << 96, 28);
const DOCUMENTATION: Prefix6 = Prefix6::covering(0x2001_0db8 << 96, 32);

impl Elsewhere6 {
    /// Own addresses and links, routes into the site, and both sides of all prefix pairs, each rounded to 64 bits at most.
    pub fn new(devices: &[Device], routes: &[Prefix6], uplinks: &[Option<Uplink>], drop_documentation: bool) -> Self {
        let own = devices.iter().flat_map(|device| {
            device.ipv6.iter().flat_map(|(address, prefix)| [Prefix6::covering(*address, 64), *prefix])
        });
        let pairs = uplinks.iter().flatten().flat_map(Uplink::pairs6);
        let pairs = pairs.flat_map(|pair| [pair.internal(), pair.external()]);
        let has_martian_pairs = drop_documentation && pairs.clone().any(|prefix| prefix.overlaps(DOCUMENTATION));
        let nowhere = drop_documentation.then_some(DOCUMENTATION).into_iter().chain([ORCHID]);
        let prefixes =
            own.chain(routes.iter().copied()).chain(pairs).chain(nowhere).filter(|prefix| prefix.overlaps(GLOBAL));
        let mut ours: Vec<(u64, u64)> =
            prefixes.map(|prefix| (upper_half(prefix.mask()), upper_half(prefix.address()))).collect();
        ours.sort_unstable();
        ours.dedup();
        Self { ours, has_martian_pairs }
    }

    #[inline]
    fn covers(&self, address: u128) -> bool {
        let upper = upper_half(address);
        // 2000::/3.
        upper >> 61 == 1 && self.ours.iter().all(|(mask, prefix)| upper & mask != *prefix)
    }
}

impl Uplink6 {
    /// The source that an outbound IPv6 packet gets, where its translator does not refuse it.
    #[inline(always)]
    pub fn express_outbound(&self, source: u128, spec: Nptv6Spec) -> Option<u128> {
        match self.pairs.as_slice() {
            // A translator refuses what its prefix does not cover.
            [pair] => pair.outbound(source, spec).ok(),
            pairs => outbound_by_first(pairs, source, spec),
        }
    }

    /// The destination that an inbound IPv6 packet gets, where one translator covers it and does not refuse it.
    #[inline(always)]
    pub fn express_inbound(&self, destination: u128, spec: Nptv6Spec) -> Option<u128> {
        match self.pairs.as_slice() {
            [pair] => pair.inbound(destination, spec).ok(),
            pairs => inbound_by_only(pairs, destination, spec),
        }
    }
}

#[inline(never)]
fn outbound_by_first(pairs: &[PrefixPair], source: u128, spec: Nptv6Spec) -> Option<u128> {
    pairs.iter().find(|pair| pair.internal().contains(source))?.outbound(source, spec).ok()
}

#[inline(never)]
fn inbound_by_only(pairs: &[PrefixPair], destination: u128, spec: Nptv6Spec) -> Option<u128> {
    let mut covering = pairs.iter().filter(|pair| pair.external().contains(destination));
    let (Some(pair), None) = (covering.next(), covering.next()) else { return None };
    pair.inbound(destination, spec).ok()
}

impl Plan {
    /// Whether an IPv4 address is plainly that of somebody beyond the uplinks, and is translated to: nothing else in this plan is
    /// about it, and no martian.
    #[inline]
    pub fn is_elsewhere4(&self, address: u32) -> bool {
        self.elsewhere4.covers(address)
    }

    /// Whether an IPv6 address is plainly that of somebody on the Internet: nothing that this plan, a martian or a scope is about.
    #[inline]
    pub fn is_elsewhere6(&self, address: u128) -> bool {
        self.elsewhere6.covers(address)
    }

    /// The uplink of everything that leaves the site over IPv6, where neither the packet nor any state decides that.
    #[inline]
    pub fn only_uplink6(&self) -> Option<&Uplink> {
        self.only_uplink6.and_then(|slot| self.uplink(slot))
    }

    /// Whether an address that a prefix pair covers is never a martian.
    #[inline]
    pub fn has_plain_pairs6(&self) -> bool {
        !self.elsewhere6.has_martian_pairs
    }

    /// Whether nothing but the prefix pairs decides what becomes of a packet between elsewhere and an address that one covers.
    #[inline]
    pub fn is_stateless6(&self) -> bool {
        self.filter6.is_none() && !self.elsewhere6.has_martian_pairs
    }

    /// Finds [`Self::only_uplink6`].
    pub(super) fn find_only_uplink6(&self) -> Option<u8> {
        let [policy] = self.policies.as_slice() else { return None };
        let candidates = policy.candidates(Family::V6);
        let is_by_packet = candidates.iter().any(|candidate| candidate.weight > 0)
            || self.uplinks().flat_map(Uplink::pairs6).any(|pair| pair.is_identity());
        let first = candidates.first().filter(|_| self.is_stateless6() && !is_by_packet);
        first.map(|candidate| candidate.slot)
    }
}

fn upper_half(address: u128) -> u64 {
    (address >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elsewhere_is_what_is_neither_ours_nor_a_martian() {
        let site = [Prefix4::covering(0x0a00_0000, 8), Prefix4::covering(0x0a01_0000, 16)];
        let external = [(0xcb00_7108, 0), (0xcb00_7109, 0), (0xcb00_7109, 1)];
        let [all, known] = [true, false].map(|drop| Elsewhere4::new(&[], site.into_iter(), &external, drop));
        for (address, expected) in [
            (0, false),
            (0x0100_0000, true),
            (0x09ff_ffff, true),
            (0x0a00_0000, false),
            (0x0aff_ffff, false),
            (0x0b00_0000, true),
            (0x7eff_ffff, true),
            (0x7f00_0001, false),
            (0x8000_0000, true),
            (0xcb00_7108, false),
            (0xcb00_7109, false),
            (0xdfff_ffff, true),
            (0xe000_0001, false),
            (0xf000_0000, false),
            (u32::MAX, false),
        ] {
            assert_eq!((known.covers(address), all.covers(address)), (expected, expected), "{address:x}");
        }
        for example in EXAMPLES {
            assert_eq!((known.covers(example + 1), all.covers(example + 1)), (true, false), "{example:x}");
        }
    }

    #[test]
    fn elsewhere_is_what_is_global_and_not_ours() {
        let site = Prefix6::covering(0x2001_0db8_0001 << 80, 48);
        let ours = Elsewhere6::new(&[], &[site, Prefix6::covering(0xfd << 120, 48)], &[], false);
        for (address, expected) in [
            (0x2001_0db8_0001_0002_u128 << 64 | 7, false),
            (0x2001_0db8_0002_0002 << 64 | 7, true),
            (0x3fff << 112, true),
            (0x2001_0010 << 96, false),
            (0x4000 << 112, false),
            (0xfd << 120, false),
            (0xff02 << 112 | 1, false),
            (0xfe80 << 112 | 1, false),
            (0, false),
            (1, false),
            (0xffff << 32 | 9, false),
        ] {
            assert_eq!(ours.covers(address), expected, "{address:x}");
        }
    }
}
