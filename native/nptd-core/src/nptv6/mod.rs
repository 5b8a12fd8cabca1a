//! Stateless, checksum-neutral IPv6 prefix translation (RFC 6296).
//!
//! ```text
//! outbound   internal ─▶ external    source        and, quoted in an ICMPv6 error, the destination
//! inbound    external ─▶ internal    destination   and, quoted in an ICMPv6 error, the source
//! ```
//!
//! No octet behind the addresses changes, neither ports (6296-6) nor addresses in payload (6296b-ALG): every mapping
//! keeps the sum of the address, so transport checksums
//! (6296-2.6) and the checksum of an ICMPv6 error around its quote (6296b-ICMP6) stay right by themselves.

mod adjustment;
mod prefix_pair;
mod quoted;

pub use prefix_pair::PrefixPair;
pub use quoted::{Upper, quote_offset};

use crate::plan::spec::Nptv6Spec;
use crate::verdict::DropReason;
use crate::wire::{ipv6, octets};
use adjustment::AddressMap;

/// Translates a whole packet in place on its way to the uplink.
///
/// # Errors
/// A reason to drop it; the packet is then as it was.
#[inline]
pub fn outbound(pair: &PrefixPair, packet: &mut [u8], upper: Upper, spec: Nptv6Spec) -> Result<(), DropReason> {
    decide_outbound(pair, packet, upper, spec).map(|change| change.apply(packet))
}

/// Translates a whole packet in place on its way to the site.
///
/// # Errors
/// A reason to drop it; the packet is then as it was.
#[inline]
pub fn inbound(pair: &PrefixPair, packet: &mut [u8], upper: Upper, spec: Nptv6Spec) -> Result<(), DropReason> {
    decide_inbound(pair, packet, upper, spec).map(|change| change.apply(packet))
}

/// What [`outbound`] would change (6296-2.1a: the source, never the remote address).
///
/// # Errors
/// A reason to drop the packet.
#[inline]
pub fn decide_outbound(pair: &PrefixPair, packet: &[u8], upper: Upper, spec: Nptv6Spec) -> Result<Change, DropReason> {
    // 6296b-ICMP2: the quoted packet came inbound, so what was its destination is ours.
    let fields = Fields { outer: ipv6::SOURCE, quoted: ipv6::DESTINATION };
    decide(&pair.to_external, fields, packet, upper, spec)
}

/// What [`inbound`] would change (6296-2.1a: the destination, never the remote address).
///
/// # Errors
/// A reason to drop the packet.
#[inline]
pub fn decide_inbound(pair: &PrefixPair, packet: &[u8], upper: Upper, spec: Nptv6Spec) -> Result<Change, DropReason> {
    // 6296b-ICMP1: the quoted packet went outbound, so what was its source is ours.
    let fields = Fields { outer: ipv6::DESTINATION, quoted: ipv6::SOURCE };
    decide(&pair.to_internal, fields, packet, upper, spec)
}

/// A translation that was found possible and is not made yet, so that routes and lengths can be looked at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Change {
    outer: (usize, u128),
    quoted: Option<(usize, u128)>,
}

impl Change {
    /// The translated address of the packet itself: its new source outbound, its new destination inbound.
    pub fn address(&self) -> u128 {
        self.outer.1
    }

    /// The translated address of the packet that an ICMPv6 error quotes.
    pub fn quoted_address(&self) -> Option<u128> {
        self.quoted.map(|(_, address)| address)
    }

    /// Makes the change in the packet it was decided for.
    #[inline]
    pub fn apply(self, packet: &mut [u8]) {
        let (offset, address) = self.outer;
        octets::set_u128(packet, offset, address);
        if let Some((offset, address)) = self.quoted {
            octets::set_u128(packet, offset, address);
        }
    }
}

/// Offsets in an IPv6 header of the addresses that one direction translates.
#[derive(Clone, Copy)]
struct Fields {
    outer: usize,
    quoted: usize,
}

#[inline]
fn decide(
    map: &AddressMap,
    fields: Fields,
    packet: &[u8],
    upper: Upper,
    spec: Nptv6Spec,
) -> Result<Change, DropReason> {
    let translated = |offset| map.apply(octets::u128_at(packet, offset), spec);
    // Errors of every type, packet too big (4443-PTB2) among them.
    if !upper.is_error(packet) {
        return Ok(Change { outer: (fields.outer, translated(fields.outer)?), quoted: None });
    }
    let quoted = quoted::quote_offset(packet, upper)? + fields.quoted;
    let outer = translated(fields.outer)?;
    // 6296b-ICMP3: a quote that this pair could not have carried belongs to nobody here.
    let inner = translated(quoted).map_err(|_| DropReason::IcmpQuoteUnknown)?;
    Ok(Change { outer: (fields.outer, outer), quoted: Some((quoted, inner)) })
}
