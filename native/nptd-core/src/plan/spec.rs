//! What the control plane hands over: plain data, not yet checked.
//!
//! IPv4 addresses are `u32` and IPv6 addresses `u128`, both in host order (`1.2.3.4` is `0x01020304`).

use alloc::vec::Vec;

use crate::session::filtering::Filtering;
use crate::time::Duration;

/// A whole plan.
#[derive(Clone, Debug, Default)]
pub struct PlanSpec {
    /// Number of this plan; the control plane counts up.
    pub generation: u64,
    /// Devices; their position is their [`crate::frame::DeviceIndex`] and must not change from plan to plan.
    pub devices: Vec<DeviceSpec>,
    /// Static routes to internal subnets behind inner routers.
    pub routes: Vec<RouteSpec>,
    /// Uplinks, each in a stable slot.
    pub uplinks: Vec<UplinkSpec>,
    /// Steering policies in order of match; the last one matches everything.
    pub policies: Vec<PolicySpec>,
    /// NAT44 behaviour.
    pub nat44: Nat44Spec,
    /// NPTv6 behaviour.
    pub nptv6: Nptv6Spec,
    /// Own ICMP errors (both families together) and TCP resets, each limited by a bucket of this shape.
    pub error_rate: RateSpec,
}

/// How a device frames packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkSpec {
    /// Ethernet frames; the octets are the gateway's own address on this link.
    Ethernet([u8; 6]),
    /// Bare IP packets: no link header, no address resolution.
    Ip,
}

/// Which side a device is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleSpec {
    /// Part of the site.
    Internal,
    /// Attached to the uplink in this slot.
    Uplink(u8),
}

/// One device.
#[derive(Clone, Debug)]
pub struct DeviceSpec {
    /// How it frames packets.
    pub link: LinkSpec,
    /// Which side it is on.
    pub role: RoleSpec,
    /// Longest IP packet the link takes, in octets.
    pub mtu: u16,
    /// The gateway's own IPv4 addresses here, with the length of their on-link prefix.
    pub ipv4: Vec<(u32, u8)>,
    /// The gateway's own IPv6 addresses here, with the length of their on-link prefix; on Ethernet the
    /// link-local address made from the MAC is added by the engine.
    pub ipv6: Vec<(u128, u8)>,
}

/// A route to an internal subnet behind an inner router.
#[derive(Clone, Copy, Debug)]
pub enum RouteSpec {
    /// IPv4 prefix, its length, the internal device, the router's address.
    V4(u32, u8, u16, u32),
    /// IPv6 prefix, its length, the internal device, the router's address.
    V6(u128, u8, u16, u128),
}

/// One uplink.
#[derive(Clone, Debug)]
pub struct UplinkSpec {
    /// Stable slot, below [`super::SLOTS_MAX`].
    pub slot: u8,
    /// Raised when an address or prefix of the uplink changes: older sessions are dead at once.
    pub epoch: u8,
    /// Its device.
    pub device: u16,
    /// IPv4, if it carries it.
    pub ipv4: Option<Uplink4Spec>,
    /// IPv6, if it carries it.
    pub ipv6: Option<Uplink6Spec>,
}

/// IPv4 of an uplink.
#[derive(Clone, Debug)]
pub struct Uplink4Spec {
    /// Whether new traffic may use it (health decides).
    pub usable: bool,
    /// Next hop; none on a point-to-point link.
    pub gateway: Option<u32>,
    /// External addresses that mappings are made on; the first is the uplink's own.
    pub pool: Vec<u32>,
    /// Lowest and highest external port of dynamic mappings (ICMP ids are not limited by it).
    pub ports: (u16, u16),
    /// False: routed without translation.
    pub nat44: bool,
    /// Largest TCP maximum segment size; none leaves it alone.
    pub mss_clamp: Option<u16>,
}

/// IPv6 of an uplink.
#[derive(Clone, Debug)]
pub struct Uplink6Spec {
    /// Whether new traffic may use it (health decides).
    pub usable: bool,
    /// Next hop; none on a point-to-point link.
    pub gateway: Option<u128>,
    /// Prefix pairs, each its own translator (6296-3.1b).
    pub pairs: Vec<PrefixPairSpec>,
}

/// An internal and an external prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixPairSpec {
    /// Internal prefix and its length.
    pub internal: (u128, u8),
    /// External prefix and its length.
    pub external: (u128, u8),
}

/// Which uplinks may carry what a policy matches.
#[derive(Clone, Debug)]
pub struct PolicySpec {
    /// Slots in order of preference.
    pub prefer: Vec<u8>,
}

/// NAT44 behaviour.
#[derive(Clone, Debug)]
pub struct Nat44Spec {
    /// Idle time of UDP sessions.
    pub udp: Duration,
    /// Idle time of ICMP query sessions.
    pub icmp: Duration,
    /// Idle time of TCP connections that are opening, closing or reset.
    pub tcp_transitory: Duration,
    /// Idle time of established TCP connections.
    pub tcp_established: Duration,
    /// How long a freed external port rests before another endpoint gets it.
    pub port_rest: Duration,
    /// Filtering of UDP.
    pub filtering_udp: Filtering,
    /// Filtering of TCP.
    pub filtering_tcp: Filtering,
    /// Filtering of ICMP queries.
    pub filtering_icmp: Filtering,
    /// How long fragments wait for the first one of their datagram, and are translated after it.
    pub fragment: Duration,
    /// Destination prefixes that are not translated (6888-R6).
    pub exempt: Vec<(u32, u8)>,
}

impl Default for Nat44Spec {
    fn default() -> Self {
        Self {
            udp: Duration::from_secs(300),              // 4787-R5c
            icmp: Duration::from_secs(60),              // 5508-R2
            tcp_transitory: Duration::from_secs(240),   // 5382-R5
            tcp_established: Duration::from_secs(7440), // 5382-R5
            port_rest: Duration::from_secs(120),        // 6888-R8
            filtering_udp: Filtering::AddressDependent,
            filtering_tcp: Filtering::AddressDependent,
            filtering_icmp: Filtering::AddressDependent,
            fragment: Duration::from_secs(5), // 6146-F1: at least 2 s
            exempt: Vec::new(),
        }
    }
}

/// NPTv6 behaviour.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nptv6Spec {
    /// Translate an all-zeros interface identifier instead of dropping it (RFC 6296 section 3.7, ambiguity A1).
    pub translate_zero_interface_id: bool,
}

/// A bucket: a burst, refilled at a steady rate.
#[derive(Clone, Copy, Debug)]
pub struct RateSpec {
    /// Events per second; 0 allows none.
    pub per_second: u32,
    /// Events at once.
    pub burst: u32,
}

impl Default for RateSpec {
    fn default() -> Self {
        // A 30-hop traceroute with three probes a hop, in parallel, is still answered (1812-RATE).
        Self { per_second: 100, burst: 100 }
    }
}
