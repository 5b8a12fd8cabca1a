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
    /// Stateful filter of IPv6 (RFC 6092); none: everything passes and no state is kept.
    pub filter6: Option<Filter6Spec>,
    /// Whether the prefixes kept for documentation are martians (RFC 3849, RFC 5737).
    pub drop_documentation: bool,
    /// Own ICMP errors towards the site, those towards uplinks (both families together), and TCP resets, each limited
    /// by a bucket of this shape.
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
    /// Router advertisements on this (internal) device.
    pub advertise: Option<AdvertiseSpec>,
}

/// Preference of a router or route (RFC 4191 section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreferenceSpec {
    /// High.
    High,
    /// Medium.
    Medium,
    /// Low.
    Low,
}

/// What router advertisements say (RFC 4861 section 4.2). A change is sent at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdvertiseSpec {
    /// Seconds; 0: not a default router.
    pub router_lifetime: u16,
    /// Preference of the default route.
    pub preference: PreferenceSpec,
    /// Longest time between two unsolicited ones.
    pub interval: Duration,
    /// Octets; none: not said.
    pub link_mtu: Option<u32>,
    /// Prefix information.
    pub prefixes: Vec<AdvertisedPrefixSpec>,
    /// Route information.
    pub routes: Vec<AdvertisedRouteSpec>,
    /// Recursive DNS servers, each with its lifetime in seconds.
    pub resolvers: Vec<(u128, u32)>,
}

/// A prefix information option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdvertisedPrefixSpec {
    /// Prefix and its length.
    pub prefix: (u128, u8),
    /// It is on this link.
    pub on_link: bool,
    /// Hosts make themselves addresses of it.
    pub autonomous: bool,
    /// Seconds.
    pub valid: u32,
    /// Seconds; 0: deprecated.
    pub preferred: u32,
}

/// A route information option (RFC 4191 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdvertisedRouteSpec {
    /// Prefix and its length.
    pub prefix: (u128, u8),
    /// Preference.
    pub preference: PreferenceSpec,
    /// Seconds.
    pub lifetime: u32,
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
    /// Whether new traffic may use it when no uplink of the policy is usable.
    pub last_resort: bool,
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
    /// The gateway's own ports: never handed out.
    pub reserved: Vec<PortsSpec>,
}

/// Ports of one IP protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortsSpec {
    /// IP protocol.
    pub protocol: u8,
    /// Lowest and highest port.
    pub ports: (u16, u16),
}

/// IPv6 of an uplink.
#[derive(Clone, Debug)]
pub struct Uplink6Spec {
    /// Whether new traffic may use it (health decides).
    pub usable: bool,
    /// Whether new traffic may use it when no uplink of the policy is usable.
    pub last_resort: bool,
    /// Next hop; none on a point-to-point link.
    pub gateway: Option<u128>,
    /// Prefix pairs, each its own translator (6296-3.1b).
    pub pairs: Vec<PrefixPairSpec>,
    /// Largest TCP maximum segment size; none leaves it alone.
    pub mss_clamp: Option<u16>,
    /// Whether neighbour solicitations for external addresses of the pairs are answered.
    pub proxy_neighbours: bool,
}

/// An internal and an external prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixPairSpec {
    /// Internal prefix and its length.
    pub internal: (u128, u8),
    /// External prefix and its length.
    pub external: (u128, u8),
}

/// Which flows a policy is about, and which uplinks they take.
#[derive(Clone, Debug, Default)]
pub struct PolicySpec {
    /// Slots in order of preference.
    pub prefer: Vec<u8>,
    /// Stable by name, below [`super::POLICIES_MAX`]; sessions keep it.
    pub number: u8,
    /// It is about what meets one of them; none, as in the last policy: about everything.
    pub matches: Option<Vec<MatchSpec>>,
    /// In the order of `prefer`: shares of new flows of those uplinks that may take them. Empty: all 0, the first takes all.
    pub weights: Vec<u16>,
    /// What keeps taking the same uplink of several with weights.
    pub persistence: PersistenceSpec,
    /// Slots that new IPv4 and IPv6 flows do not take, though usable.
    pub shun: (Vec<u8>, Vec<u8>),
    /// Slots that IPv4 and IPv6 flows of the policy leave, though usable, while it has another one for them.
    pub leave: (Vec<u8>, Vec<u8>),
    /// Whether new flows are refused, rather than sent by a last resort.
    pub refuse: bool,
    /// What becomes of flows whose uplink is to be left.
    pub on_failure: OnFailureSpec,
}

/// A conjunction; what is absent is met by everything. Address prefixes are met by packets of their family only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MatchSpec {
    /// IPv4 prefix of the internal address, and its length.
    pub source4: Option<(u32, u8)>,
    /// IPv6 prefix of the internal address, and its length.
    pub source6: Option<(u128, u8)>,
    /// IPv4 prefix of the remote address, and its length.
    pub destination4: Option<(u32, u8)>,
    /// IPv6 prefix of the remote address, and its length.
    pub destination6: Option<(u128, u8)>,
    /// IP protocol.
    pub protocol: Option<u8>,
    /// Lowest and highest destination port.
    pub ports: Option<(u16, u16)>,
    /// Lowest and highest source port.
    pub source_ports: Option<(u16, u16)>,
    /// 0 to 63.
    pub dscp: Option<u8>,
}

/// What keeps taking the same uplink of several with weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PersistenceSpec {
    /// The internal address.
    #[default]
    Source,
    /// Internal and remote address.
    SourceDestination,
    /// Protocol and both endpoints.
    Flow,
}

/// What becomes of flows whose uplink is to be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnFailureSpec {
    /// TCP; `Move` counts as `Reset`.
    pub tcp: FailureActionSpec,
    /// UDP and UDP-Lite.
    pub udp: FailureActionSpec,
    /// All else.
    pub other: FailureActionSpec,
}

impl Default for OnFailureSpec {
    fn default() -> Self {
        use FailureActionSpec::{Move, Reset};
        Self { tcp: Reset, udp: Move, other: Move }
    }
}

/// What becomes of a flow whose uplink is to be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureActionSpec {
    /// It goes on by another uplink.
    Move,
    /// TCP is reset, others are refused with an ICMP error.
    Reset,
    /// It stays.
    Keep,
}

/// NAT44 behaviour.
#[derive(Clone, Debug)]
pub struct Nat44Spec {
    /// Idle time of UDP and UDP-Lite sessions.
    pub udp: Duration,
    /// Idle time of ICMP query sessions.
    pub icmp: Duration,
    /// Idle time of sessions of protocols without ports.
    pub other: Duration,
    /// Idle time of TCP connections before both sides have sent a SYN.
    pub tcp_opening: Duration,
    /// Idle time of TCP connections after both FINs or a RST.
    pub tcp_closing: Duration,
    /// Idle time of established TCP connections.
    pub tcp_established: Duration,
    /// Idle time of DCCP connections that open or close.
    pub dccp_transitory: Duration,
    /// Idle time of established DCCP connections.
    pub dccp_established: Duration,
    /// How long a freed external port rests before another endpoint gets it.
    pub port_rest: Duration,
    /// Ports that rest at most in one pool (uplink, external address, protocol).
    pub resting_ports_max: u32,
    /// Filtering of UDP and UDP-Lite.
    pub filtering_udp: Filtering,
    /// Filtering of TCP.
    pub filtering_tcp: Filtering,
    /// Filtering of ICMP queries.
    pub filtering_icmp: Filtering,
    /// Filtering of DCCP.
    pub filtering_dccp: Filtering,
    /// How long fragments wait for the first one of their datagram, and are translated after it.
    pub fragment: Duration,
    /// How long an unsolicited inbound SYN is held before an ICMP error answers it; zero: never answered.
    pub hold: Duration,
    /// Whether protocols without ports are translated by address alone.
    pub other_protocols: bool,
    /// Whether what filtering refuses is answered by an ICMP error.
    pub refuse_filtered: bool,
    /// Whether an external port is even where the internal one is.
    pub preserve_parity: bool,
    /// Destinations that are not translated (6888-R6).
    pub exempt: Vec<ExemptSpec>,
    /// Published endpoints; no two of one uplink share an external or an internal endpoint.
    pub static_mappings: Vec<StaticMappingSpec>,
    /// What one internal address may hold.
    pub host_limits: HostLimitsSpec,
}

/// Remote endpoints that see the site untranslated.
#[derive(Clone, Copy, Debug)]
pub struct ExemptSpec {
    /// Prefix and its length.
    pub prefix: (u32, u8),
    /// IP protocol; none: all.
    pub protocol: Option<u8>,
    /// Lowest and highest remote port of that protocol; none: all.
    pub ports: Option<(u16, u16)>,
}

/// External endpoints of an uplink that lead to an internal host, whoever calls.
#[derive(Clone, Copy, Debug)]
pub struct StaticMappingSpec {
    /// The uplink.
    pub slot: u8,
    /// External address.
    pub external: u32,
    /// Internal address.
    pub internal: u32,
    /// None: the whole address, every protocol and port.
    pub ports: Option<StaticPortsSpec>,
}

/// As many ports from each of the two on.
#[derive(Clone, Copy, Debug)]
pub struct StaticPortsSpec {
    /// IP protocol.
    pub protocol: u8,
    /// First external port.
    pub external: u16,
    /// First internal port.
    pub internal: u16,
    /// Number of ports, at least 1.
    pub count: u32,
    /// The host sees clients as the gateway's internal address.
    pub gateway_source: bool,
}

/// What one internal address may hold.
#[derive(Clone, Copy, Debug)]
pub struct HostLimitsSpec {
    /// Mappings of one protocol, live and resting; protocols without ports count as one.
    pub mappings_per_protocol: u32,
    /// Sessions.
    pub sessions: u32,
    /// Sessions of one mapping.
    pub sessions_per_mapping: u32,
    /// New flows from the site.
    pub flows: RateSpec,
}

impl Default for HostLimitsSpec {
    fn default() -> Self {
        Self {
            mappings_per_protocol: 32_768,
            sessions: 65_536,
            sessions_per_mapping: 65_536,
            flows: RateSpec { per_second: 2_000, burst: 10_000 }, // 8305-3
        }
    }
}

impl Default for Nat44Spec {
    fn default() -> Self {
        Self {
            udp: Duration::from_secs(300), // 4787-R5c
            icmp: Duration::from_secs(60), // 5508-R2
            other: Duration::from_secs(300),
            tcp_opening: Duration::from_secs(240),       // 5382-R5
            tcp_closing: Duration::from_secs(240),       // 5382-R5
            tcp_established: Duration::from_secs(7440),  // 5382-R5
            dccp_transitory: Duration::from_secs(480),   // 5597-R5; 8 minutes serve RFC 6092 as well
            dccp_established: Duration::from_secs(7440), // 5597-R5
            port_rest: Duration::from_secs(120),         // 6888-R8
            resting_ports_max: 65_536,
            filtering_udp: Filtering::AddressDependent,
            filtering_tcp: Filtering::AddressDependent,
            filtering_icmp: Filtering::AddressDependent,
            filtering_dccp: Filtering::AddressDependent,
            fragment: Duration::from_secs(5), // 6146-F1: at least 2 s
            hold: Duration::from_secs(6),     // 5382-R4, 6146-T10
            other_protocols: true,
            refuse_filtered: false,
            preserve_parity: false,
            exempt: Vec::new(),
            static_mappings: Vec::new(),
            host_limits: HostLimitsSpec::default(),
        }
    }
}

/// NPTv6 behaviour.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nptv6Spec {
    /// Translate an all-zeros interface identifier instead of dropping it (RFC 6296 section 3.7, ambiguity A1).
    pub translate_zero_interface_id: bool,
    /// Forward ICMPv6 types that nobody has assigned, and experiments (4890-T4).
    pub forward_unassigned_icmp: bool,
}

/// Stateful filter of IPv6 (RFC 6092).
#[derive(Clone, Debug)]
pub struct Filter6Spec {
    /// Filtering of UDP and UDP-Lite.
    pub filtering_udp: Filtering,
    /// Filtering of TCP.
    pub filtering_tcp: Filtering,
    /// Filtering of everything else.
    pub filtering_other: Filtering,
    /// Whether ESP, AH and UDP port 500 may come in unasked.
    pub ipsec: bool,
    /// What else may come in unasked.
    pub published: Vec<Published6Spec>,
}

/// What may come in unasked.
#[derive(Clone, Copy, Debug)]
pub struct Published6Spec {
    /// Internal address.
    pub internal: u128,
    /// None: everything.
    pub protocol: Option<u8>,
    /// Lowest and highest port; none: all.
    pub ports: Option<(u16, u16)>,
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
