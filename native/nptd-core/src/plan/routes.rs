//! Longest-prefix match over the internal subnets: on-link prefixes and static routes.
//!
//! A site has a handful of them, so a list sorted by falling length beats a trie.

use alloc::vec::Vec;

use super::prefix::{Prefix4, Prefix6};
use super::spec::RouteSpec;
use super::{Device, NextHop, Role};
use crate::frame::DeviceIndex;

/// Internal IPv4 routes.
#[derive(Clone, Debug)]
pub struct RouteTable4(Vec<(Prefix4, DeviceIndex, Option<u32>)>);

/// Internal IPv6 routes.
#[derive(Clone, Debug)]
pub struct RouteTable6(Vec<(Prefix6, DeviceIndex, Option<u128>)>);

impl RouteTable4 {
    /// On-link prefixes of internal devices, and static routes.
    pub fn new(devices: &[Device], routes: &[RouteSpec]) -> Self {
        let on_link = internal(devices)
            .flat_map(|(index, device)| device.ipv4.iter().map(move |(_, prefix)| (*prefix, index, None)));
        let fixed = routes.iter().filter_map(|route| match *route {
            RouteSpec::V4(prefix, length, device, router) => {
                Some((Prefix4::covering(prefix, length), DeviceIndex(device), Some(router)))
            }
            RouteSpec::V6(..) => None,
        });
        let mut table: Vec<_> = on_link.chain(fixed).collect();
        table.sort_by_key(|(prefix, _, _)| core::cmp::Reverse(prefix.length()));
        Self(table)
    }

    /// The prefixes of all routes.
    pub fn prefixes(&self) -> impl Iterator<Item = Prefix4> {
        self.0.iter().map(|(prefix, _, _)| *prefix)
    }

    /// Next hop towards an address.
    pub fn lookup(&self, destination: u32) -> Option<NextHop<u32>> {
        let (_, device, router) = self.0.iter().find(|(prefix, _, _)| prefix.contains(destination))?;
        Some(NextHop { device: *device, address: router.unwrap_or(destination) })
    }
}

impl RouteTable6 {
    /// On-link prefixes of internal devices (not the link-local one), and static routes.
    pub fn new(devices: &[Device], routes: &[RouteSpec]) -> Self {
        let on_link = internal(devices)
            .flat_map(|(index, device)| device.ipv6.iter().map(move |(_, prefix)| (*prefix, index, None)))
            .filter(|(prefix, _, _)| !Prefix6::covering(0xfe80 << 112, 10).contains(prefix.address()));
        let fixed = routes.iter().filter_map(|route| match *route {
            RouteSpec::V6(prefix, length, device, router) => {
                Some((Prefix6::covering(prefix, length), DeviceIndex(device), Some(router)))
            }
            RouteSpec::V4(..) => None,
        });
        let mut table: Vec<_> = on_link.chain(fixed).collect();
        table.sort_by_key(|(prefix, _, _)| core::cmp::Reverse(prefix.length()));
        Self(table)
    }

    /// The prefixes of all routes.
    pub fn prefixes(&self) -> Vec<Prefix6> {
        self.0.iter().map(|(prefix, _, _)| *prefix).collect()
    }

    /// Next hop towards an address.
    pub fn lookup(&self, destination: u128) -> Option<NextHop<u128>> {
        let (_, device, router) = self.0.iter().find(|(prefix, _, _)| prefix.contains(destination))?;
        Some(NextHop { device: *device, address: router.unwrap_or(destination) })
    }
}

fn internal(devices: &[Device]) -> impl Iterator<Item = (DeviceIndex, &Device)> {
    let numbered = devices.iter().enumerate();
    numbered
        .filter(|(_, device)| device.role == Role::Internal)
        .filter_map(|(index, device)| Some((DeviceIndex(u16::try_from(index).ok()?), device)))
}
