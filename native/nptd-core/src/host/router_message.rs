//! The octets of router advertisements (RFC 4861 section 4.2; options of RFC 4191 and RFC 8106).

use super::context::Context;
use super::nd_message::{self, SOURCE_LINK_ADDRESS};
use super::neighbours::Neighbours;
use crate::frame::DeviceIndex;
use crate::plan::NextHop;
use crate::plan::prefix::Prefix6;
use crate::plan::spec::{AdvertiseSpec, AdvertisedPrefixSpec, AdvertisedRouteSpec, PreferenceSpec};
use crate::verdict::OutputKind;
use crate::wire::ethernet::MacAddress;
use crate::wire::octets::{copy_to, set_array, set_u8, set_u16, set_u32, tail_mut};
use crate::wire::{icmp, ipv6};

/// Octets before the options, those of the IPv6 header included.
const HEAD_LEN: usize = ipv6::HEADER_LEN + 16;

/// What hosts put into the hop limit of their packets (AdvCurHopLimit).
const HOP_LIMIT_OF_HOSTS: u8 = 64;

/// Option types.
const PREFIX_INFORMATION: u8 = 3;
const MTU: u8 = 5;
const ROUTE_INFORMATION: u8 = 24;
const RECURSIVE_DNS_SERVER: u8 = 25;

/// Flags of prefix information.
const ON_LINK: u8 = 0x80;
const AUTONOMOUS: u8 = 0x40;

/// What a device says of itself now.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// Its link address.
    pub own: MacAddress,
    /// What the plan lets it say.
    pub says: &'a AdvertiseSpec,
    /// Prefixes that the plan no longer has.
    pub withdrawn: &'a [AdvertisedPrefixSpec],
}

/// One option.
#[derive(Clone, Copy)]
enum Information {
    LinkAddress(MacAddress),
    Mtu(u32),
    Prefix(AdvertisedPrefixSpec),
    Route(AdvertisedRouteSpec),
    Resolver(u128, u32),
}

impl Message<'_> {
    /// Sends it from the device's link-local address, in as many packets as its options need (section 6.2.3).
    pub fn send(&self, context: &mut Context<'_>, neighbours: &mut Neighbours, device: DeviceIndex, to: u128) {
        let Some(mtu) = context.plan.device(device).map(|device| usize::from(device.mtu)) else { return };
        let hop = NextHop { device, address: to };
        let mut rest = self.information();
        loop {
            let fitting = count_fitting(rest.clone(), mtu.saturating_sub(HEAD_LEN));
            let part = rest.clone().take(fitting);
            let length = HEAD_LEN + part.clone().map(Information::length).sum::<usize>();
            neighbours.send_packet(context, hop, OutputKind::Advertisement, length, |packet| {
                self.write(packet, to, part);
            });
            let is_last = rest.clone().nth(fitting).is_none();
            if fitting == 0 || is_last {
                return;
            }
            let _ = rest.nth(fitting - 1);
        }
    }

    fn information(&self) -> impl Iterator<Item = Information> + Clone {
        let Self { own, says, withdrawn } = *self;
        let prefixes = says.prefixes.iter().chain(withdrawn).copied();
        core::iter::once(Information::LinkAddress(own))
            .chain(says.link_mtu.map(Information::Mtu))
            .chain(prefixes.map(Information::Prefix))
            .chain(says.routes.iter().copied().map(Information::Route))
            .chain(says.resolvers.iter().map(|(address, lifetime)| Information::Resolver(*address, *lifetime)))
    }

    fn write(&self, packet: &mut [u8], destination: u128, part: impl Iterator<Item = Information>) {
        nd_message::write_header(packet, self.own.link_local_address(), destination);
        let message = tail_mut(packet, ipv6::HEADER_LEN);
        set_u8(message, 0, icmp::v6::ROUTER_ADVERTISEMENT);
        set_u8(message, 4, HOP_LIMIT_OF_HOSTS);
        // RFC 4191 section 2.2: without a lifetime there is nothing to prefer.
        let preference = if self.says.router_lifetime == 0 { PreferenceSpec::Medium } else { self.says.preference };
        set_u8(message, 5, preference_bits(preference));
        set_u16(message, 6, self.says.router_lifetime);
        let mut at = HEAD_LEN;
        for option in part {
            option.write(tail_mut(packet, at));
            at += option.length();
        }
        nd_message::fill_checksum(packet);
    }
}

impl Information {
    fn length(self) -> usize {
        match self {
            Self::LinkAddress(_) | Self::Mtu(_) => 8,
            Self::Prefix(_) => 32,
            Self::Route(route) => 8 + octets_of_route(route.prefix.1),
            Self::Resolver(..) => 24,
        }
    }

    /// Writes it into octets that are zero.
    fn write(self, option: &mut [u8]) {
        set_u8(option, 1, (self.length() / 8) as u8);
        match self {
            Self::LinkAddress(mac) => {
                set_u8(option, 0, SOURCE_LINK_ADDRESS);
                set_array(option, 2, mac.0);
            }
            Self::Mtu(mtu) => {
                set_u8(option, 0, MTU);
                set_u32(option, 4, mtu);
            }
            Self::Prefix(AdvertisedPrefixSpec { prefix: (address, length), on_link, autonomous, valid, preferred }) => {
                let flags = if on_link { ON_LINK } else { 0 } | if autonomous { AUTONOMOUS } else { 0 };
                set_array(option, 0, [PREFIX_INFORMATION, 4, length, flags]);
                set_u32(option, 4, valid);
                set_u32(option, 8, preferred);
                set_array(option, 16, Prefix6::covering(address, length).address().to_be_bytes());
            }
            // 7084-L3.
            Self::Route(AdvertisedRouteSpec { prefix: (address, length), preference, lifetime }) => {
                set_u8(option, 0, ROUTE_INFORMATION);
                set_array(option, 2, [length, preference_bits(preference)]);
                set_u32(option, 4, lifetime);
                let octets = Prefix6::covering(address, length).address().to_be_bytes();
                copy_to(option, 8, octets.get(..octets_of_route(length)).unwrap_or(&[]));
            }
            Self::Resolver(address, lifetime) => {
                set_u8(option, 0, RECURSIVE_DNS_SERVER);
                set_u32(option, 4, lifetime);
                set_array(option, 8, address.to_be_bytes());
            }
        }
    }
}

/// How many options fit into so many octets.
fn count_fitting(options: impl Iterator<Item = Information>, room: usize) -> usize {
    let ends = options.scan(0, |end, option| {
        *end += option.length();
        Some(*end)
    });
    ends.take_while(|end| *end <= room).count()
}

/// RFC 4191 section 2.3: as much of the prefix as its length needs.
const fn octets_of_route(length: u8) -> usize {
    match length {
        0 => 0,
        1..=64 => 8,
        65.. => 16,
    }
}

/// RFC 4191 section 2.1, where the two bits stand in flags and in route information alike.
const fn preference_bits(preference: PreferenceSpec) -> u8 {
    match preference {
        PreferenceSpec::High => 0x08,
        PreferenceSpec::Medium => 0,
        PreferenceSpec::Low => 0x18,
    }
}
