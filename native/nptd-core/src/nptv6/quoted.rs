//! Packets quoted in ICMPv6 errors: which of their addresses is translated, and when an error is refused.
//!
//! RFC 6296 is silent about them; the rules are those of draft-bctb-6man-rfc6296-bis and RFC 4890.

use crate::verdict::DropReason;
use crate::wire::{checksum, icmp, ipv6, octets, protocol};

/// What the parser found behind the IPv6 and extension headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upper {
    /// Offset of the upper layer header in the packet.
    pub offset: usize,
    /// Its protocol; that of the last header walked ([`protocol::FRAGMENT`]) where the packet has none because its
    /// fragment offset is above 0.
    pub protocol: u8,
    /// Whether the packet has a fragment header.
    pub is_fragment: bool,
}

impl Upper {
    /// Whether an ICMPv6 error starts here.
    #[inline]
    pub(super) fn is_error(self, packet: &[u8]) -> bool {
        self.protocol == protocol::ICMPV6 && icmp::v6::is_error(octets::u8_at(packet, self.offset))
    }
}

/// Offset in the packet of the quote of an ICMPv6 error that may be translated.
///
/// # Errors
/// `IcmpQuoteInvalid`, `IcmpChecksumWrong` or `IcmpQuoteUnknown`; the first that applies in this order.
pub fn quote_offset(packet: &[u8], upper: Upper) -> Result<usize, DropReason> {
    let message = octets::tail(packet, upper.offset);
    let quote = octets::tail(message, icmp::HEADER_LEN);
    // 6296b-ICMP4; a fragment may hold less of the quote than was sent, and its checksum cannot be verified.
    if upper.is_fragment || quote.len() < ipv6::HEADER_LEN || ipv6::version(quote) != 6 {
        return Err(DropReason::IcmpQuoteInvalid);
    }
    // 6296b-ICMP5.
    if !checksum_is_right(packet, message) {
        return Err(DropReason::IcmpChecksumWrong);
    }
    // 4890-4.1: an error goes back to the sender of what it quotes. Compared before translation, both addresses are
    // of the same side.
    if ipv6::source(quote) != ipv6::destination(packet) {
        return Err(DropReason::IcmpQuoteUnknown);
    }
    Ok(upper.offset + icmp::HEADER_LEN)
}

fn checksum_is_right(packet: &[u8], message: &[u8]) -> bool {
    let (source, destination) = (ipv6::source(packet), ipv6::destination(packet));
    let pseudo = checksum::pseudo_header6(source, destination, protocol::ICMPV6, message.len() as u32);
    checksum::fold(checksum::add_octets(pseudo, message)) == 0xffff
}
