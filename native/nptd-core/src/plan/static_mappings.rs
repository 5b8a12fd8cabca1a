//! Static mappings (docs/decisions.md, "Published servers"), compiled so that either side finds the other.
//!
//! On one uplink no two of them share an endpoint, so that sorted lists and one binary search are enough.

use alloc::format;
use alloc::vec::Vec;

use super::PlanError;
use super::spec::{PlanSpec, StaticMappingSpec};
use crate::session::endpoint::Endpoint;
use crate::session::protocol::Protocol;

/// Stands for every protocol in the key of a wholly published address. It is hop-by-hop options, which no range names.
const ANY_PROTOCOL: u8 = 0;

/// The other endpoint of a static mapping, and what kind of mapping it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticMatch {
    /// The endpoint on the other side.
    pub endpoint: Endpoint,
    /// Whether the whole address is published: every protocol and port.
    pub is_whole: bool,
    /// Whether the host sees clients as the gateway's internal address.
    pub gateway_source: bool,
}

/// All static mappings of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StaticMappings {
    by_external: Vec<Side>,
    by_internal: Vec<Side>,
    /// (slot, internal address, external address) of the first mapping of each host in plan order, sorted.
    hosts: Vec<(u8, u32, u32)>,
}

/// A static mapping seen from one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Side {
    slot: u8,
    address: u32,
    protocol: u8,
    low: u16,
    high: u16,
    /// The endpoint on the other side that belongs to `low`.
    other: Endpoint,
    gateway_source: bool,
    /// Position in the plan.
    index: usize,
}

impl Side {
    fn key(&self) -> (u8, u32, u8, u16) {
        (self.slot, self.address, self.protocol, self.low)
    }

    /// The mapping as its external side and its internal one have it.
    fn both(index: usize, mapping: &StaticMappingSpec) -> (Self, Self) {
        let side = |address, low, other_address, other_low| {
            let last = mapping.ports.map_or(u32::from(u16::MAX), |ports| u32::from(low) + ports.count - 1);
            Self {
                slot: mapping.slot,
                address,
                protocol: mapping.ports.map_or(ANY_PROTOCOL, |ports| ports.protocol),
                low,
                high: last as u16,
                other: Endpoint { address: other_address, port: other_low },
                gateway_source: mapping.ports.is_some_and(|ports| ports.gateway_source),
                index,
            }
        };
        let (external, internal) = mapping.ports.map_or((0, 0), |ports| (ports.external, ports.internal));
        (
            side(mapping.external, external, mapping.internal, internal),
            side(mapping.internal, internal, mapping.external, external),
        )
    }

    fn overlaps(&self, next: &Self) -> bool {
        (self.slot, self.address) == (next.slot, next.address)
            && (self.protocol == ANY_PROTOCOL || (self.protocol == next.protocol && next.low <= self.high))
    }
}

impl StaticMappings {
    /// Compiles what [`check`] has found usable; refuses mappings that share an endpoint.
    pub fn new(mappings: &[StaticMappingSpec]) -> Result<Self, PlanError> {
        let both = mappings.iter().enumerate().map(|(index, mapping)| Side::both(index, mapping));
        let (mut by_external, mut by_internal): (Vec<_>, Vec<_>) = both.unzip();
        by_external.sort_unstable_by_key(Side::key);
        by_internal.sort_unstable_by_key(Side::key);
        ensure_disjoint(&by_external, "shares an external endpoint with another one")?;
        ensure_disjoint(&by_internal, "shares an internal endpoint with another one")?;
        let mut hosts: Vec<_> =
            mappings.iter().map(|mapping| (mapping.slot, mapping.internal, mapping.external)).collect();
        // Stable, so that the first in plan order comes first and is the one that stays.
        hosts.sort_by_key(|(slot, internal, _)| (*slot, *internal));
        hosts.dedup_by_key(|(slot, internal, _)| (*slot, *internal));
        Ok(Self { by_external, by_internal, hosts })
    }

    /// The internal endpoint that an external one of an uplink leads to.
    pub fn by_external(&self, slot: u8, protocol: Protocol, external: Endpoint) -> Option<StaticMatch> {
        find(&self.by_external, slot, protocol, external)
    }

    /// The external endpoint that an internal one has on an uplink.
    pub fn by_internal(&self, slot: u8, protocol: Protocol, internal: Endpoint) -> Option<StaticMatch> {
        find(&self.by_internal, slot, protocol, internal)
    }

    /// The external address of the first mapping, in plan order, that publishes a host on an uplink.
    pub fn address_of_host(&self, slot: u8, internal: u32) -> Option<u32> {
        let at = self.hosts.binary_search_by_key(&(slot, internal), |(slot, host, _)| (*slot, *host)).ok()?;
        self.hosts.get(at).map(|(_, _, external)| *external)
    }

    /// Whether an external address of an uplink is wholly published.
    pub fn is_whole(&self, slot: u8, external: u32) -> bool {
        let key = (slot, external, ANY_PROTOCOL, 0);
        self.by_external.binary_search_by_key(&key, Side::key).is_ok()
    }

    /// External addresses with the slot of their uplink; some of them several times.
    pub fn external_addresses(&self) -> impl Iterator<Item = (u32, u8)> {
        self.by_external.iter().map(|side| (side.address, side.slot))
    }

    /// External ports of an address, lowest and highest, that are covered; none of a wholly published one.
    pub fn external_ranges(&self, slot: u8, external: u32) -> impl Iterator<Item = (Protocol, (u16, u16))> {
        let of_address = move |side: &&Side| (side.slot, side.address) == (slot, external);
        let ranges = self.by_external.iter().filter(of_address).filter(|side| side.protocol != ANY_PROTOCOL);
        ranges.map(|side| (Protocol::from_number(side.protocol), (side.low, side.high)))
    }
}

fn find(sides: &[Side], slot: u8, protocol: Protocol, endpoint: Endpoint) -> Option<StaticMatch> {
    let key = (slot, endpoint.address, protocol.number(), endpoint.port);
    let after = sides.partition_point(|side| side.key() <= key);
    let side = sides.get(after.checked_sub(1)?)?;
    if (side.slot, side.address) != (slot, endpoint.address) {
        return None;
    }
    let is_whole = side.protocol == ANY_PROTOCOL;
    if !is_whole && (side.protocol != protocol.number() || endpoint.port > side.high) {
        return None;
    }
    let port = side.other.port + (endpoint.port - side.low);
    let endpoint = Endpoint { address: side.other.address, port };
    Some(StaticMatch { endpoint, is_whole, gateway_source: side.gateway_source })
}

fn ensure_disjoint(sorted: &[Side], problem: &'static str) -> Result<(), PlanError> {
    let overlap = sorted.iter().zip(sorted.iter().skip(1)).find(|(side, next)| side.overlaps(next));
    match overlap {
        Some((_, next)) => Err(PlanError { path: format!("nat44.staticMappings[{}]", next.index), problem }),
        None => Ok(()),
    }
}

/// Refuses a static mapping that could not be compiled, or that others rely not to be there.
pub fn check(index: usize, mapping: &StaticMappingSpec, spec: &PlanSpec) -> Result<(), PlanError> {
    let refuse =
        |field: &str, problem| Err(PlanError { path: format!("nat44.staticMappings[{index}].{field}"), problem });
    let Some(uplink) = spec.uplinks.iter().find(|uplink| uplink.slot == mapping.slot) else {
        return refuse("slot", "names an uplink that is not there");
    };
    let Some(ports) = mapping.ports else {
        let in_pool = uplink.ipv4.as_ref().is_some_and(|ipv4| ipv4.pool.contains(&mapping.external));
        let device = spec.devices.get(usize::from(uplink.device));
        let is_own = device.is_some_and(|device| device.ipv4.iter().any(|(own, _)| *own == mapping.external));
        return if in_pool || is_own { refuse("externalAddress", "is not free to be published whole") } else { Ok(()) };
    };
    if !Protocol::from_number(ports.protocol).has_port_ranges() {
        return refuse("ports.protocol", "has no ports");
    }
    let fits = |first: u16| first >= 1 && u32::from(first) + (ports.count - 1) <= u32::from(u16::MAX);
    if ports.count == 0 || ports.count > u32::from(u16::MAX) || !fits(ports.external) || !fits(ports.internal) {
        return refuse("ports.count", "is no range of ports");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::spec::StaticPortsSpec;

    fn mapping(slot: u8, external: (u32, u16), internal: (u32, u16), count: u32) -> StaticMappingSpec {
        let ports =
            StaticPortsSpec { protocol: 17, external: external.1, internal: internal.1, count, gateway_source: false };
        StaticMappingSpec { slot, external: external.0, internal: internal.0, ports: (count > 0).then_some(ports) }
    }

    fn at(address: u32, port: u16) -> Endpoint {
        Endpoint { address, port }
    }

    #[test]
    fn both_sides_find_each_other_number_by_number() {
        let list = [
            mapping(0, (1, 100), (9, 5), 10),
            mapping(0, (1, 65_535), (9, 1), 1),
            mapping(0, (2, 0), (8, 0), 0),
            mapping(1, (1, 100), (7, 100), 1),
        ];
        let compiled = StaticMappings::new(&list).unwrap_or_default();
        let out = |slot, protocol, endpoint| compiled.by_external(slot, protocol, endpoint).map(|found| found.endpoint);
        for (external, internal) in
            [(100, Some(5)), (109, Some(14)), (110, None), (99, None), (65_535, Some(1)), (0, None)]
        {
            assert_eq!(out(0, Protocol::UDP, at(1, external)), internal.map(|port| at(9, port)), "{external}");
        }
        assert_eq!(compiled.by_internal(0, Protocol::UDP, at(9, 14)).map(|found| found.endpoint), Some(at(1, 109)));
        assert_eq!(out(0, Protocol::TCP, at(1, 100)), None);
        assert_eq!(out(1, Protocol::UDP, at(1, 100)), Some(at(7, 100)));
        for (protocol, port) in [(0, 0), (1, 77), (6, 65_535), (47, 0), (255, 0)] {
            assert_eq!(out(0, Protocol::from_number(protocol), at(2, port)), Some(at(8, port)), "{protocol}");
        }
        assert!(compiled.is_whole(0, 2) && !compiled.is_whole(0, 1) && !compiled.is_whole(1, 2));
        assert_eq!((compiled.address_of_host(0, 9), compiled.address_of_host(1, 9)), (Some(1), None));
    }

    #[test]
    fn mappings_that_share_an_endpoint_are_refused_on_either_side() {
        let path = |list: &[StaticMappingSpec]| StaticMappings::new(list).err().map(|error| error.path);
        let second = Some("nat44.staticMappings[1]".into());
        let one = mapping(0, (1, 100), (9, 5), 10);
        assert_eq!(path(&[one, mapping(0, (1, 109), (9, 500), 1)]), second);
        assert_eq!(path(&[one, mapping(0, (1, 500), (9, 14), 1)]), second);
        assert_eq!(path(&[mapping(0, (1, 0), (9, 0), 0), mapping(0, (1, 7), (8, 7), 1)]), second);
        assert_eq!(path(&[mapping(0, (1, 0), (9, 0), 0), mapping(0, (2, 7), (9, 7), 1)]), second);
        assert_eq!(path(&[one, mapping(0, (1, 110), (9, 15), 1), mapping(1, (1, 100), (9, 5), 10)]), None);
    }

    #[test]
    fn of_several_mappings_of_a_host_the_first_in_plan_order_names_its_address() {
        let list = [mapping(0, (5, 1), (9, 1), 1), mapping(0, (3, 1), (9, 2), 1), mapping(0, (4, 1), (8, 2), 1)];
        let compiled = StaticMappings::new(&list).unwrap_or_default();
        assert_eq!((compiled.address_of_host(0, 9), compiled.address_of_host(0, 8)), (Some(5), Some(4)));
    }
}
