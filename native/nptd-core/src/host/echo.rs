//! Echo requests to the gateway's own addresses, answered in place (4443-ECHO; 1812-TTL3: whatever their TTL).
//!
//! The caller has found that the packet is for the gateway, is no fragment, ends where its header says, and is an
//! echo request from one host. Options and extension headers stay as they came.

use crate::verdict::DropReason;
use crate::wire::checksum::{add_octets, fold, internet_checksum, pseudo_header6};
use crate::wire::octets::{set_u8, set_u16, tail, tail_mut};
use crate::wire::{icmp, ipv4, ipv6, protocol};

/// Hop limit of an answer.
const HOP_LIMIT: u8 = 64;

/// Turns an IPv4 echo request, options and all, into its reply; `IcmpChecksumWrong` leaves it untouched.
pub fn reply4(packet: &mut [u8]) -> Result<(), DropReason> {
    let icmp_offset = ipv4::header_len(packet);
    if internet_checksum(tail(packet, icmp_offset)) != 0 {
        return Err(DropReason::IcmpChecksumWrong);
    }
    let (source, destination) = (ipv4::source(packet), ipv4::destination(packet));
    ipv4::replace_source(packet, destination);
    ipv4::replace_destination(packet, source);
    // Identification 0 with DF: an atomic datagram (RFC 6864).
    set_u16(packet, 4, 0);
    set_u16(packet, 6, 0x4000);
    set_u8(packet, 8, HOP_LIMIT);
    ipv4::fill_checksum(packet);
    let message = tail_mut(packet, icmp_offset);
    set_u8(message, 0, icmp::v4::ECHO_REPLY);
    icmp::set_checksum(message, 0);
    let sum = internet_checksum(message);
    icmp::set_checksum(message, sum);
    Ok(())
}

/// Turns an IPv6 echo request into its reply; `IcmpChecksumWrong` leaves it untouched. `icmp_offset` counts from the
/// first octet of the packet.
pub fn reply6(packet: &mut [u8], icmp_offset: usize) -> Result<(), DropReason> {
    if checksum_of(packet, icmp_offset) != 0 {
        return Err(DropReason::IcmpChecksumWrong);
    }
    let (source, destination) = (ipv6::source(packet), ipv6::destination(packet));
    ipv6::set_source(packet, destination);
    ipv6::set_destination(packet, source);
    set_u8(packet, 7, HOP_LIMIT);
    let message = tail_mut(packet, icmp_offset);
    set_u8(message, 0, icmp::v6::ECHO_REPLY);
    icmp::set_checksum(message, 0);
    let sum = checksum_of(packet, icmp_offset);
    icmp::set_checksum(tail_mut(packet, icmp_offset), sum);
    Ok(())
}

/// Checksum over the pseudo-header, which is the same in both directions, and the message.
fn checksum_of(packet: &[u8], icmp_offset: usize) -> u16 {
    let message = tail(packet, icmp_offset);
    let (source, destination) = (ipv6::source(packet), ipv6::destination(packet));
    let sum = pseudo_header6(source, destination, protocol::ICMPV6, message.len() as u32);
    !fold(add_octets(sum, message))
}
