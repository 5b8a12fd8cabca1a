//! The compiled plan: immutable policy that the pipeline reads, numbered by a generation.
//!
//! [`Plan::new`] checks what the translators rely on; a refusal names the place in the [`PlanSpec`].

mod advertise;
mod checks;
mod elsewhere;
mod exempt;
mod filter6;
mod policy;
pub mod prefix;
pub mod rendezvous;
mod routes;
pub mod spec;
mod static_mappings;
pub mod subject;

use alloc::string::String;
use alloc::vec::Vec;

use crate::frame::DeviceIndex;
use crate::nptv6::PrefixPair;
use crate::wire::ethernet::MacAddress;
use crate::wire::ipv4;
use crate::wire::ipv6::address;
use elsewhere::{Elsewhere4, Elsewhere6};
use exempt::Exemptions;
use policy::Leaving;
use prefix::{Prefix4, Prefix6};
use routes::{RouteTable4, RouteTable6};
use spec::{AdvertiseSpec, LinkSpec, Nat44Spec, Nptv6Spec, PlanSpec, PortsSpec, RateSpec, RoleSpec, Uplink6Spec};
use subject::{Family, Subject};

pub use exempt::Exemption;
pub use filter6::Filter6;
pub use policy::{Candidate, Policy};
pub use static_mappings::{StaticMappings, StaticMatch};

/// Most uplinks.
pub const SLOTS_MAX: usize = 16;

/// Numbers of policies.
pub const POLICIES_MAX: usize = 32;
/// Most devices.
pub const DEVICES_MAX: usize = 64;
/// Most external addresses of one uplink.
pub const POOL_ADDRESSES_MAX: usize = 64;

/// Why a plan was refused: our own compiler's fault, since configurations are checked before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError {
    /// Place in the plan, like `uplinks[1].ipv4.pool`.
    pub path: String,
    /// What is wrong there.
    pub problem: &'static str,
}

/// Which side a device is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Part of the site.
    Internal,
    /// Attached to the uplink in this slot.
    Uplink(u8),
}

/// One device, as the pipeline sees it.
#[derive(Clone, Debug)]
pub struct Device {
    /// The gateway's own link address; none where packets travel without a link header.
    pub mac: Option<MacAddress>,
    /// Which side it is on.
    pub role: Role,
    /// Longest IP packet the link takes.
    pub mtu: u16,
    /// Own IPv4 addresses and their on-link prefixes; the first is the source of own packets.
    pub ipv4: Vec<(u32, Prefix4)>,
    /// Own IPv6 addresses and their on-link prefixes, link-local last.
    pub ipv6: Vec<(u128, Prefix6)>,
    /// What router advertisements say here; none: there are none.
    pub advertise: Option<AdvertiseSpec>,
}

/// IPv4 of an uplink.
#[derive(Clone, Debug)]
pub struct Uplink4 {
    /// Whether new traffic may use it.
    pub usable: bool,
    /// Whether new traffic may use it when no uplink of the policy is usable.
    pub last_resort: bool,
    /// Next hop.
    pub gateway: Option<u32>,
    /// External addresses, at least one.
    pub pool: Vec<u32>,
    /// Lowest and highest external port.
    pub ports: (u16, u16),
    /// False: routed without translation.
    pub nat44: bool,
    /// Largest TCP maximum segment size; none leaves it alone.
    pub mss_clamp: Option<u16>,
    /// The gateway's own ports.
    pub reserved: Vec<PortsSpec>,
}

/// IPv6 of an uplink.
#[derive(Clone, Debug)]
pub struct Uplink6 {
    /// Whether new traffic may use it.
    pub usable: bool,
    /// Whether new traffic may use it when no uplink of the policy is usable.
    pub last_resort: bool,
    /// Next hop.
    pub gateway: Option<u128>,
    /// Translators of this uplink.
    pub pairs: Vec<PrefixPair>,
    /// Largest TCP maximum segment size; none leaves it alone.
    pub mss_clamp: Option<u16>,
    /// Whether neighbour solicitations for external addresses of the pairs are answered.
    pub proxy_neighbours: bool,
}

/// One uplink.
#[derive(Clone, Debug)]
pub struct Uplink {
    /// Its slot.
    pub slot: u8,
    /// Its epoch.
    pub epoch: u8,
    /// Its device.
    pub device: DeviceIndex,
    /// IPv4.
    pub ipv4: Option<Uplink4>,
    /// IPv6.
    pub ipv6: Option<Uplink6>,
}

/// Where a routed packet goes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextHop<A> {
    /// Device it leaves by.
    pub device: DeviceIndex,
    /// Address to resolve on that device.
    pub address: A,
}

/// Immutable policy of one generation.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its number.
    pub generation: u64,
    /// NAT44 behaviour.
    pub nat44: Nat44Spec,
    /// NPTv6 behaviour.
    pub nptv6: Nptv6Spec,
    /// Stateful filter of IPv6; none: everything passes (6092-R49).
    pub filter6: Option<Filter6>,
    /// Whether the prefixes kept for documentation are martians.
    pub drop_documentation: bool,
    /// Limit on own errors and resets.
    pub error_rate: RateSpec,
    devices: Vec<Device>,
    uplinks: [Option<Uplink>; SLOTS_MAX],
    policies: Vec<Policy>,
    /// The last policy, which is about everything.
    rest: Policy,
    /// Slots that flows are to leave by the number of their policy: of IPv4, then of IPv6.
    leaving: [[Leaving; POLICIES_MAX]; 2],
    /// Slots in the order of the last policy, then all others.
    prefer: Vec<u8>,
    internal4: RouteTable4,
    internal6: RouteTable6,
    /// Every external address with the slot that owns it, sorted.
    external4: Vec<(u32, u8)>,
    static_mappings: StaticMappings,
    exemptions: Exemptions,
    /// Whether unique local addresses may be met beyond the uplinks.
    has_external_ula: bool,
    elsewhere4: Elsewhere4,
    elsewhere6: Elsewhere6,
    only_uplink6: Option<u8>,
}

impl Plan {
    /// Compiles a specification, or says where it cannot be used.
    pub fn new(spec: PlanSpec) -> Result<Self, PlanError> {
        checks::check(&spec)?;
        let devices: Vec<Device> = spec.devices.iter().map(Device::new).collect();
        let mut uplinks = [const { None }; SLOTS_MAX];
        for uplink in &spec.uplinks {
            if let Some(place) = uplinks.get_mut(usize::from(uplink.slot)) {
                *place = Some(Uplink::new(uplink)?);
            }
        }
        let mut external4: Vec<_> = (0u8..)
            .zip(&uplinks)
            .filter_map(|(slot, uplink)| Some((slot, uplink.as_ref()?.ipv4.as_ref()?)))
            .filter(|(_, ipv4)| ipv4.nat44)
            .flat_map(|(slot, ipv4)| ipv4.pool.iter().map(move |address| (*address, slot)))
            .collect();
        let static_mappings = StaticMappings::new(&spec.nat44.static_mappings)?;
        let translates =
            |slot: u8| uplinks.get(usize::from(slot)).and_then(Option::as_ref).is_some_and(Uplink::translates4);
        external4.extend(static_mappings.external_addresses().filter(|(_, slot)| translates(*slot)));
        external4.sort_unstable();
        external4.dedup();
        let mut pairs = uplinks.iter().flatten().flat_map(|uplink| uplink.pairs6());
        let has_external_ula = pairs.any(|pair| is_unique_local(pair.external()));
        let policies: Vec<_> = spec.policies.iter().map(|policy| Policy::new(policy, &uplinks)).collect();
        let prefer = preference(&spec);
        let internal4 = RouteTable4::new(&devices, &spec.routes);
        let internal6 = RouteTable6::new(&devices, &spec.routes);
        let exemptions = Exemptions::new(&spec.nat44.exempt);
        let ours = internal4.prefixes().chain(exemptions.prefixes());
        let elsewhere4 = Elsewhere4::new(&devices, ours, &external4, spec.drop_documentation);
        let elsewhere6 = Elsewhere6::new(&devices, &internal6.prefixes(), &uplinks, spec.drop_documentation);
        let mut plan = Self {
            generation: spec.generation,
            has_external_ula,
            drop_documentation: spec.drop_documentation,
            filter6: spec.filter6.map(Filter6::new),
            elsewhere4,
            elsewhere6,
            only_uplink6: None,
            external4,
            static_mappings,
            exemptions,
            internal4,
            internal6,
            prefer,
            leaving: leaving(&policies),
            rest: policies.last().cloned().unwrap_or_default(),
            policies,
            nat44: spec.nat44,
            nptv6: spec.nptv6,
            error_rate: spec.error_rate,
            devices,
            uplinks,
        };
        plan.only_uplink6 = plan.find_only_uplink6();
        Ok(plan)
    }

    /// The plan before the first one: no devices, so that every frame is dropped.
    pub fn empty() -> Self {
        Self {
            generation: 0,
            internal4: RouteTable4::new(&[], &[]),
            internal6: RouteTable6::new(&[], &[]),
            prefer: Vec::new(),
            policies: Vec::new(),
            rest: Policy::default(),
            leaving: [[Leaving::default(); POLICIES_MAX]; 2],
            nat44: Nat44Spec::default(),
            nptv6: Nptv6Spec::default(),
            error_rate: RateSpec::default(),
            devices: Vec::new(),
            uplinks: [const { None }; SLOTS_MAX],
            external4: Vec::new(),
            static_mappings: StaticMappings::default(),
            exemptions: Exemptions::default(),
            filter6: None,
            drop_documentation: false,
            has_external_ula: false,
            elsewhere4: Elsewhere4::default(),
            elsewhere6: Elsewhere6::default(),
            only_uplink6: None,
        }
    }

    /// A device by its index.
    pub fn device(&self, index: DeviceIndex) -> Option<&Device> {
        self.devices.get(usize::from(index.0))
    }

    /// All devices in the order of their index.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// The uplink in a slot.
    pub fn uplink(&self, slot: u8) -> Option<&Uplink> {
        self.uplinks.get(usize::from(slot))?.as_ref()
    }

    /// All uplinks in the order of their slots.
    pub fn uplinks(&self) -> impl Iterator<Item = &Uplink> {
        self.uplinks.iter().flatten()
    }

    /// Slots in the order in which the last policy prefers them, then all others: where what an error is about is looked for.
    pub fn preference(&self) -> &[u8] {
        &self.prefer
    }

    /// The policies in the order in which packets meet them.
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// The first policy that a packet meets.
    pub fn policy_of(&self, subject: &Subject) -> &Policy {
        self.policies.iter().find(|policy| policy.is_met_by(subject)).unwrap_or(&self.rest)
    }

    /// The policy of all IPv4 packets, and the uplink of all their flows that stick to none, where neither depends on the packet.
    pub fn only_choice4(&self) -> Option<(&Policy, u8)> {
        let first = self.policies.first()?;
        Some((first, first.only_choice(Family::V4)?))
    }

    /// The policy of a session with this number: the last one, if it is gone.
    pub fn policy(&self, number: u8) -> &Policy {
        self.policies.iter().find(|policy| policy.number() == number).unwrap_or(&self.rest)
    }

    /// The first uplink that new flows of a policy may take with a pair that leaves an address as it is: no other ISP would
    /// take it (8028-3, 2827-1).
    pub fn identity_uplink6(&self, policy: &Policy, source: u128) -> Option<u8> {
        let mut slots = policy.candidates(Family::V6).iter().map(|candidate| candidate.slot);
        slots.find(|slot| {
            let mut pairs = self.uplink(*slot).into_iter().flat_map(Uplink::pairs6);
            pairs.any(|pair| pair.is_identity() && pair.internal().contains(source))
        })
    }

    /// Whether an IPv4 session of a policy, opened from inside or from outside, is to leave its uplink: asked of every packet.
    pub fn leaves4(&self, policy: u8, slot: u8, is_outbound: bool) -> bool {
        is_in(&self.leaving[0], policy, slot, is_outbound)
    }

    /// The same for IPv6.
    pub fn leaves6(&self, policy: u8, slot: u8, is_outbound: bool) -> bool {
        is_in(&self.leaving[1], policy, slot, is_outbound)
    }

    /// Whether connections of TCP may have to be reset, since their uplink is to be left.
    pub fn resets(&self) -> bool {
        self.policies.iter().any(Policy::resets)
    }

    /// Whether an uplink may carry new IPv4 traffic now.
    pub fn usable4(&self, slot: u8) -> bool {
        self.uplink(slot).and_then(|uplink| uplink.ipv4.as_ref()).is_some_and(|ipv4| ipv4.usable)
    }

    /// Whether an uplink carries IPv4 without translation.
    pub fn is_routed4(&self, slot: u8) -> bool {
        self.uplink(slot).and_then(|uplink| uplink.ipv4.as_ref()).is_some_and(|ipv4| !ipv4.nat44)
    }

    /// Whether a remote endpoint is exempt from translation (6888-R6); the port is not known in a later fragment.
    pub fn exemption4(&self, address: u32, protocol: u8, port: Option<u16>) -> Exemption {
        self.exemptions.of(address, protocol, port)
    }

    /// Static mappings; those of an uplink without NAT44 mean nothing.
    pub fn static_mappings(&self) -> &StaticMappings {
        &self.static_mappings
    }

    /// Whether an uplink translates to an external address, which is in its pool or published (3022-6.2).
    pub fn is_external4(&self, slot: u8, address: u32) -> bool {
        self.external4.binary_search(&(address, slot)).is_ok()
    }

    /// What an internal host sees in place of a client's address: the gateway's own on the device that leads to it.
    pub fn gateway_address4(&self, internal: u32) -> Option<u32> {
        let hop = self.internal_route4(internal)?;
        self.device(hop.device)?.ipv4.first().map(|(address, _)| *address)
    }

    /// Next hop towards an internal IPv4 destination.
    pub fn internal_route4(&self, destination: u32) -> Option<NextHop<u32>> {
        self.internal4.lookup(destination)
    }

    /// Next hop towards an internal IPv6 destination.
    pub fn internal_route6(&self, destination: u128) -> Option<NextHop<u128>> {
        self.internal6.lookup(destination)
    }

    /// The internal device that owns an IPv4 address.
    pub fn internal_owner4(&self, address: u32) -> Option<DeviceIndex> {
        self.position(|device| device.role == Role::Internal && device.ipv4.iter().any(|(own, _)| *own == address))
    }

    /// The internal device that owns a (not link-local) IPv6 address.
    pub fn internal_owner6(&self, address: u128) -> Option<DeviceIndex> {
        self.position(|device| device.role == Role::Internal && device.ipv6.iter().any(|(own, _)| *own == address))
    }

    /// The uplink that owns an external IPv4 address: a usable one first, so that of two uplinks with the
    /// same address the one that works is met.
    pub fn external_owner4(&self, address: u32) -> Option<&Uplink> {
        let start = self.external4.partition_point(|(external, _)| *external < address);
        let owners = self.external4.get(start..)?.iter().take_while(|(external, _)| *external == address);
        let mut owners = owners.filter_map(|(_, slot)| self.uplink(*slot)).peekable();
        let first = owners.peek().copied();
        owners.find(|uplink| self.usable4(uplink.slot)).or(first)
    }

    /// The first uplink with a pair whose external prefix covers an IPv6 address.
    pub fn external_owner6(&self, address: u128) -> Option<&Uplink> {
        self.uplinks().find(|uplink| uplink.pairs6().iter().any(|pair| pair.external().contains(address)))
    }

    /// Whether any pair translates this internal IPv6 address.
    pub fn is_translated6(&self, address: u128) -> bool {
        self.uplinks().any(|uplink| {
            let mut pairs = uplink.pairs6().iter();
            pairs.any(|pair| pair.internal().contains(address))
        })
    }

    /// Whether an address is not to be met beyond the uplinks: site-local, an ORCHID (6092-R3), or unique local where the site is
    /// no part of a larger network of such addresses (4193-4.3, 6092-R7).
    pub fn is_barred_at_border(&self, address: u128) -> bool {
        address::is_site_local(address)
            || address::is_orchid(address)
            || address::is_unique_local(address) && !self.has_external_ula
    }

    fn position(&self, wanted: impl Fn(&Device) -> bool) -> Option<DeviceIndex> {
        let index = self.devices.iter().position(wanted)?;
        u16::try_from(index).ok().map(DeviceIndex)
    }
}

fn is_in(leaving: &[Leaving; POLICIES_MAX], policy: u8, slot: u8, is_outbound: bool) -> bool {
    leaving.get(usize::from(policy)).is_some_and(|leaving| leaving.has(slot, is_outbound))
}

/// By number; what belongs to none that is there belongs to the last one.
fn leaving(policies: &[Policy]) -> [[Leaving; POLICIES_MAX]; 2] {
    [Family::V4, Family::V6].map(|family| {
        let rest = policies.last().map(|last| last.leaving(family)).unwrap_or_default();
        let mut sets = [rest; POLICIES_MAX];
        for policy in policies {
            if let Some(set) = sets.get_mut(usize::from(policy.number())) {
                *set = policy.leaving(family);
            }
        }
        sets
    })
}

fn preference(spec: &PlanSpec) -> Vec<u8> {
    let mut prefer = spec.policies.last().map(|policy| policy.prefer.clone()).unwrap_or_default();
    let mut others: Vec<u8> = spec.uplinks.iter().map(|uplink| uplink.slot).collect();
    others.sort_unstable();
    others.retain(|slot| !prefer.contains(slot));
    prefer.extend(others);
    prefer
}

/// Whether all of a prefix is in fc00::/7.
fn is_unique_local(prefix: Prefix6) -> bool {
    prefix.length() >= 7 && address::is_unique_local(prefix.address())
}

impl Device {
    fn new(spec: &spec::DeviceSpec) -> Self {
        let mac = match spec.link {
            LinkSpec::Ethernet(octets) => Some(MacAddress(octets)),
            LinkSpec::Ip => None,
        };
        let mut ipv6: Vec<_> =
            spec.ipv6.iter().map(|(address, length)| (*address, Prefix6::covering(*address, *length))).collect();
        if let Some(mac) = mac {
            let link_local = mac.link_local_address();
            ipv6.push((link_local, Prefix6::covering(link_local, 64)));
        }
        Self {
            mac,
            role: match spec.role {
                RoleSpec::Internal => Role::Internal,
                RoleSpec::Uplink(slot) => Role::Uplink(slot),
            },
            mtu: spec.mtu,
            ipv4: spec.ipv4.iter().map(|(address, length)| (*address, Prefix4::covering(*address, *length))).collect(),
            ipv6,
            advertise: spec.advertise.clone(),
        }
    }

    /// Whether the gateway owns this IPv4 address here.
    pub fn owns4(&self, address: u32) -> bool {
        self.ipv4.iter().any(|(own, _)| *own == address)
    }

    /// Whether a packet that came in here may be from an address: it is no martian (1812-MARTIAN), and neither ours nor everybody's.
    pub fn is_plain_source4(&self, address: u32, drop_documentation: bool) -> bool {
        let is_own = |(own, prefix): &(u32, Prefix4)| *own == address || prefix.broadcast() == Some(address);
        let is_example = drop_documentation && ipv4::address::is_documentation(address);
        !is_example && !ipv4::address::is_martian_source(address) && !self.ipv4.iter().any(is_own)
    }

    /// Whether the gateway owns this IPv6 address here.
    pub fn owns6(&self, address: u128) -> bool {
        self.ipv6.iter().any(|(own, _)| *own == address)
    }

    /// Whether an IPv4 address is on this link.
    pub fn on_link4(&self, address: u32) -> bool {
        self.ipv4.iter().any(|(_, prefix)| prefix.contains(address))
    }

    /// Whether an IPv6 address is on this link.
    pub fn on_link6(&self, address: u128) -> bool {
        self.ipv6.iter().any(|(_, prefix)| prefix.contains(address))
    }
}

impl Uplink {
    fn new(spec: &spec::UplinkSpec) -> Result<Self, PlanError> {
        let ipv6 = match &spec.ipv6 {
            None => None,
            Some(ipv6) => {
                let pairs: Result<Vec<_>, _> = ipv6.pairs.iter().map(|pair| PrefixPair::new(*pair)).collect();
                let pairs = pairs.map_err(|problem| PlanError {
                    path: alloc::format!("uplinks[slot {}].ipv6.pairs", spec.slot),
                    problem,
                })?;
                let Uplink6Spec { usable, last_resort, gateway, mss_clamp, proxy_neighbours, .. } = *ipv6;
                Some(Uplink6 { usable, last_resort, gateway, pairs, mss_clamp, proxy_neighbours })
            }
        };
        Ok(Self {
            slot: spec.slot,
            epoch: spec.epoch,
            device: DeviceIndex(spec.device),
            ipv4: spec.ipv4.as_ref().map(|ipv4| Uplink4 {
                usable: ipv4.usable,
                last_resort: ipv4.last_resort,
                gateway: ipv4.gateway,
                pool: ipv4.pool.clone(),
                ports: ipv4.ports,
                nat44: ipv4.nat44,
                mss_clamp: ipv4.mss_clamp,
                reserved: ipv4.reserved.clone(),
            }),
            ipv6,
        })
    }

    /// Whether a port of an IP protocol is the gateway's own (3022-2.2, 6056-4).
    pub fn reserves4(&self, protocol: u8, port: u16) -> bool {
        let reserved = self.ipv4.iter().flat_map(|ipv4| &ipv4.reserved);
        reserved.into_iter().any(|ports| ports.protocol == protocol && (ports.ports.0..=ports.ports.1).contains(&port))
    }

    /// Its translators of IPv6, none where it does not carry that.
    pub fn pairs6(&self) -> &[PrefixPair] {
        self.ipv6.as_ref().map_or(&[], |ipv6| &ipv6.pairs)
    }

    /// Its translator of an internal source: the first that covers it. Each uplink has pairs of its own (6296-2.4, MWAN-8).
    pub fn pair_of_source6(&self, source: u128) -> Option<&PrefixPair> {
        self.pairs6().iter().find(|pair| pair.internal().contains(source))
    }

    /// Whether it may carry new IPv6 traffic now.
    pub fn is_usable6(&self) -> bool {
        self.ipv6.as_ref().is_some_and(|ipv6| ipv6.usable)
    }

    /// Whether it carries IPv4 with translation.
    pub fn translates4(&self) -> bool {
        self.ipv4.as_ref().is_some_and(|ipv4| ipv4.nat44)
    }

    /// Next hop of an outbound IPv4 packet on this uplink.
    pub fn next_hop4(&self, device: &Device, destination: u32) -> NextHop<u32> {
        let gateway = self.ipv4.as_ref().and_then(|ipv4| ipv4.gateway);
        let address = match gateway {
            Some(gateway) if !device.on_link4(destination) => gateway,
            Some(_) | None => destination,
        };
        NextHop { device: self.device, address }
    }

    /// Next hop of an outbound IPv6 packet on this uplink.
    pub fn next_hop6(&self, device: &Device, destination: u128) -> NextHop<u128> {
        let gateway = self.ipv6.as_ref().and_then(|ipv6| ipv6.gateway);
        let address = match gateway {
            Some(gateway) if !device.on_link6(destination) => gateway,
            Some(_) | None => destination,
        };
        NextHop { device: self.device, address }
    }
}
