//! Neighbour discovery messages (RFC 4861 section 4): what is common to all of them, and those we send.

use crate::frame::ChecksumState;
use crate::wire::checksum::{add_octets, fold, pseudo_header6};
use crate::wire::ethernet::MacAddress;
use crate::wire::octets::{array_at, set_array, set_u8, set_u128, tail, tail_mut, u8_at, u128_at};
use crate::wire::{icmp, ipv6, protocol};

/// Octets of a solicitation or advertisement with one link address option.
const MESSAGE_LEN: usize = 32;
/// Octets of the IPv6 packet that carries it.
pub const PACKET_LEN: usize = ipv6::HEADER_LEN + MESSAGE_LEN;

/// Octets of the IPv6 packet of a probe for duplicates, which has no option.
pub const PROBE_LEN: usize = ipv6::HEADER_LEN + 24;

/// Option that carries the sender's link address (RFC 4861 section 4.6.1).
pub const SOURCE_LINK_ADDRESS: u8 = 1;
/// Option that carries the target's link address.
pub const TARGET_LINK_ADDRESS: u8 = 2;

/// Flag of an advertisement: the sender is a router.
pub const ROUTER: u8 = 0x80;
/// Flag of an advertisement: it answers a solicitation.
pub const SOLICITED: u8 = 0x40;
/// Flag of an advertisement: it may replace a known link address.
pub const OVERRIDE: u8 = 0x20;

/// Option length unit, in octets.
const OPTION_UNIT: usize = 8;

/// A received message that has passed the checks common to all types.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// ICMPv6 type.
    pub kind: u8,
    /// Source address of the packet.
    pub source: u128,
    /// Destination address of the packet.
    pub destination: u128,
    /// Flags, if it is an advertisement.
    pub flags: u8,
    /// Target address, if it is a solicitation or advertisement.
    pub target: u128,
    /// Link address of the sender.
    pub source_mac: Option<MacAddress>,
    /// Link address of the target.
    pub target_mac: Option<MacAddress>,
}

impl Received {
    /// Reads a packet with the message right behind its IPv6 header; none if it fails a check of RFC 4861 sections
    /// 6.1.1, 6.1.2, 7.1.1, 7.1.2 or 8.1.
    pub fn parse(packet: &[u8], checksum: ChecksumState) -> Option<Self> {
        let end = ipv6::HEADER_LEN + ipv6::payload_len(packet);
        let message = packet.get(ipv6::HEADER_LEN..end)?;
        let options_at = match icmp::kind(message) {
            icmp::v6::ROUTER_SOLICITATION => 8,
            icmp::v6::ROUTER_ADVERTISEMENT => 16,
            icmp::v6::NEIGHBOUR_SOLICITATION | icmp::v6::NEIGHBOUR_ADVERTISEMENT => 24,
            icmp::v6::REDIRECT => 40,
            _ => return None,
        };
        let options = message.get(options_at..)?;
        if ipv6::hop_limit(packet) != 255 || icmp::code(message) != 0 || !is_right(packet, message, checksum) {
            return None;
        }
        let mut received = Self {
            kind: icmp::kind(message),
            source: ipv6::source(packet),
            destination: ipv6::destination(packet),
            flags: u8_at(message, 4),
            target: u128_at(message, 8),
            source_mac: None,
            target_mac: None,
        };
        received.read_options(options)?;
        received.is_consistent().then_some(received)
    }

    fn read_options(&mut self, mut options: &[u8]) -> Option<()> {
        while !options.is_empty() {
            let length = usize::from(u8_at(options, 1)) * OPTION_UNIT;
            if length == 0 || length > options.len() {
                return None;
            }
            let mac = (length == OPTION_UNIT).then(|| MacAddress(array_at(options, 2)));
            match u8_at(options, 0) {
                SOURCE_LINK_ADDRESS => self.source_mac = mac,
                TARGET_LINK_ADDRESS => self.target_mac = mac,
                // Unknown options are skipped (section 4.6).
                _ => {}
            }
            options = tail(options, length);
        }
        Some(())
    }

    fn is_consistent(&self) -> bool {
        let target_is_one = !ipv6::address::is_multicast(self.target) && self.target != 0;
        let anonymous = self.source == ipv6::address::UNSPECIFIED;
        match self.kind {
            icmp::v6::NEIGHBOUR_SOLICITATION => {
                // A probe for duplicates goes to the group and names no sender.
                let probe_is_right = is_solicited_node(self.destination) && self.source_mac.is_none();
                target_is_one && (!anonymous || probe_is_right)
            }
            icmp::v6::NEIGHBOUR_ADVERTISEMENT => {
                let to_group = ipv6::address::is_multicast(self.destination);
                target_is_one && !(to_group && self.flags & SOLICITED != 0)
            }
            icmp::v6::ROUTER_SOLICITATION => !(anonymous && self.source_mac.is_some()),
            // Advertisements of routers and redirects come from link-local addresses.
            _ => ipv6::address::is_link_local(self.source),
        }
    }
}

/// Whether an address is a solicited-node group (ff02::1:ff00:0/104).
fn is_solicited_node(address: u128) -> bool {
    address == ipv6::address::solicited_node(address)
}

/// Whether the checksum is right, as far as the field is finished: a device may hand over a frame of the same
/// machine before the checksum is filled in.
fn is_right(packet: &[u8], message: &[u8], checksum: ChecksumState) -> bool {
    match checksum {
        ChecksumState::Complete => checksum_of(packet, message) == 0,
        ChecksumState::Partial { .. } | ChecksumState::Vouched => true,
    }
}

/// Checksum over pseudo-header and message.
fn checksum_of(packet: &[u8], message: &[u8]) -> u16 {
    let (source, destination) = (ipv6::source(packet), ipv6::destination(packet));
    let sum = pseudo_header6(source, destination, protocol::ICMPV6, message.len() as u32);
    !fold(add_octets(sum, message))
}

/// A solicitation or advertisement of our own, with one link address option.
#[derive(Clone, Copy, Debug)]
pub struct NdMessage {
    /// ICMPv6 type.
    pub kind: u8,
    /// Flags of an advertisement, zero in a solicitation.
    pub flags: u8,
    /// Address it is about.
    pub target: u128,
    /// Type of the option.
    pub option: u8,
    /// Link address in the option.
    pub mac: MacAddress,
}

impl NdMessage {
    /// Writes the whole IPv6 packet into [`PACKET_LEN`] zeroed octets.
    pub fn write(&self, packet: &mut [u8], source: u128, destination: u128) {
        write_header(packet, source, destination);
        let message = tail_mut(packet, ipv6::HEADER_LEN);
        set_u8(message, 0, self.kind);
        set_u8(message, 4, self.flags);
        set_u128(message, 8, self.target);
        set_array(message, 24, [self.option, 1]);
        set_array(message, 26, self.mac.0);
        fill_checksum(packet);
    }
}

/// Writes a probe for duplicates of an address (RFC 4862 section 5.4.2) into [`PROBE_LEN`] zeroed octets.
pub fn write_probe(packet: &mut [u8], target: u128, group: u128) {
    write_header(packet, ipv6::address::UNSPECIFIED, group);
    let message = tail_mut(packet, ipv6::HEADER_LEN);
    set_u8(message, 0, icmp::v6::NEIGHBOUR_SOLICITATION);
    set_u128(message, 8, target);
    fill_checksum(packet);
}

/// Writes the IPv6 header of a message that fills the packet.
pub fn write_header(packet: &mut [u8], source: u128, destination: u128) {
    let payload_len = packet.len().saturating_sub(ipv6::HEADER_LEN) as u16;
    let (next_header, hop_limit) = (protocol::ICMPV6, 255);
    let header = ipv6::OwnHeader { traffic_class: 0, payload_len, next_header, hop_limit, source, destination };
    ipv6::write_own_header(packet, header);
}

/// Writes the checksum of a message that is complete but for it.
pub fn fill_checksum(packet: &mut [u8]) {
    let sum = checksum_of(packet, tail(packet, ipv6::HEADER_LEN));
    icmp::set_checksum(tail_mut(packet, ipv6::HEADER_LEN), sum);
}
