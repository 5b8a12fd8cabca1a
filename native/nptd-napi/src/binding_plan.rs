//! The plan as JavaScript gives it: `src/plan/plan.ts` field by field, and its way to a `PlanSpec`.
//!
//! Every number comes as a double and is checked here, because a conversion by the runtime would silently cut it.

mod convert;
mod convert6;
mod policy;

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

pub use convert::prefix_pair;
use policy::BindingPlanPolicy;

/// `Plan`.
#[napi(object, object_to_js = false)]
pub struct BindingPlan {
    /// Counts up from 1.
    pub generation: f64,
    /// Devices by index.
    #[napi(ts_type = "readonly BindingPlanDevice[]")]
    pub devices: Vec<BindingPlanDevice>,
    /// Static routes to internal subnets.
    #[napi(ts_type = "readonly BindingPlanRoute[]")]
    pub routes: Vec<BindingPlanRoute>,
    /// Uplinks.
    #[napi(ts_type = "readonly BindingPlanUplink[]")]
    pub uplinks: Vec<BindingPlanUplink>,
    /// Policies in order of match.
    #[napi(ts_type = "readonly BindingPlanPolicy[]")]
    pub policies: Vec<BindingPlanPolicy>,
    /// NAT44 behaviour.
    pub nat44: BindingPlanNat44,
    /// NPTv6 behaviour.
    pub nptv6: BindingPlanNptv6,
    /// Stateful filter of IPv6.
    pub filter6: Option<BindingPlanFilter6>,
    /// Whether the prefixes kept for documentation are martians.
    pub drop_documentation: Option<bool>,
    /// Buckets for own ICMP errors towards the site, towards uplinks, and for TCP resets.
    pub error_rate: BindingPlanRate,
}

/// `PlanDevice`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanDevice {
    /// Own link address, 6 octets; absent: bare IP packets.
    pub mac: Option<Uint8Array>,
    /// Slot of its uplink; absent: internal.
    pub uplink_slot: Option<f64>,
    /// Longest IP packet, in octets.
    pub mtu: f64,
    /// Own IPv4 addresses.
    #[napi(ts_type = "readonly BindingPlanInterface4[]")]
    pub ipv4: Vec<BindingPlanInterface4>,
    /// Own IPv6 addresses.
    #[napi(ts_type = "readonly BindingPlanInterface6[]")]
    pub ipv6: Vec<BindingPlanInterface6>,
    /// Router advertisements.
    pub advertise: Option<BindingPlanAdvertise>,
}

/// `PlanAdvertise`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanAdvertise {
    /// 0: not a default router.
    pub router_lifetime_s: f64,
    /// Preference of the default route.
    #[napi(ts_type = "'high' | 'medium' | 'low'")]
    pub preference: String,
    /// Longest time between two unsolicited ones, milliseconds.
    pub interval_ms: f64,
    /// Octets.
    pub link_mtu: Option<f64>,
    /// Prefix information.
    #[napi(ts_type = "readonly BindingPlanAdvertisedPrefix[]")]
    pub prefixes: Vec<BindingPlanAdvertisedPrefix>,
    /// Route information.
    #[napi(ts_type = "readonly BindingPlanAdvertisedRoute[]")]
    pub routes: Vec<BindingPlanAdvertisedRoute>,
    /// Recursive DNS servers.
    #[napi(ts_type = "readonly BindingPlanAdvertisedResolver[]")]
    pub resolvers: Vec<BindingPlanAdvertisedResolver>,
}

/// `PlanAdvertisedPrefix`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanAdvertisedPrefix {
    /// Prefix, 16 octets.
    pub prefix: Uint8Array,
    /// Its length.
    pub prefix_length: f64,
    /// It is on this link.
    pub on_link: bool,
    /// Hosts make themselves addresses of it.
    pub autonomous: bool,
    /// Seconds.
    pub valid_s: f64,
    /// Seconds; 0: deprecated.
    pub preferred_s: f64,
}

/// `PlanAdvertisedRoute`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanAdvertisedRoute {
    /// Prefix, 16 octets.
    pub prefix: Uint8Array,
    /// Its length.
    pub prefix_length: f64,
    /// Preference.
    #[napi(ts_type = "'high' | 'medium' | 'low'")]
    pub preference: String,
    /// Seconds.
    pub lifetime_s: f64,
}

/// `PlanAdvertisedResolver`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanAdvertisedResolver {
    /// Address, 16 octets.
    pub address: Uint8Array,
    /// Seconds; 0: withdrawn.
    pub lifetime_s: f64,
}

/// `PlanInterface4`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanInterface4 {
    /// Address below 2^32.
    pub address: f64,
    /// Length of the on-link prefix.
    pub prefix_length: f64,
}

/// `PlanInterface6`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanInterface6 {
    /// Address, 16 octets.
    pub address: Uint8Array,
    /// Length of the on-link prefix.
    pub prefix_length: f64,
}

/// `PlanRoute`: exactly one of the two families is present.
#[napi(object, object_to_js = false)]
pub struct BindingPlanRoute {
    /// Index of an internal device.
    pub device: f64,
    /// IPv4.
    pub ipv4: Option<BindingPlanRoute4>,
    /// IPv6.
    pub ipv6: Option<BindingPlanRoute6>,
}

/// `PlanRoute.ipv4`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanRoute4 {
    /// Prefix below 2^32.
    pub prefix: f64,
    /// Its length.
    pub prefix_length: f64,
    /// Address of the router.
    pub via: f64,
}

/// `PlanRoute.ipv6`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanRoute6 {
    /// Prefix, 16 octets.
    pub prefix: Uint8Array,
    /// Its length.
    pub prefix_length: f64,
    /// Address of the router, 16 octets.
    pub via: Uint8Array,
}

/// `PlanUplink`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanUplink {
    /// Stable position, 0 to 15.
    pub slot: f64,
    /// 0 to 255.
    pub epoch: f64,
    /// Index of its device.
    pub device: f64,
    /// IPv4, if it carries it.
    pub ipv4: Option<BindingPlanUplink4>,
    /// IPv6, if it carries it.
    pub ipv6: Option<BindingPlanUplink6>,
}

/// `PlanUplink4`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanUplink4 {
    /// Whether new traffic may use it.
    pub usable: bool,
    /// Whether new traffic may use it when no uplink of the policy is usable.
    pub last_resort: bool,
    /// Next hop.
    pub gateway: Option<f64>,
    /// External addresses.
    #[napi(ts_type = "readonly number[]")]
    pub pool: Vec<f64>,
    /// Lowest external port.
    pub port_low: f64,
    /// Highest external port.
    pub port_high: f64,
    /// False: routed without translation.
    pub nat44: bool,
    /// Largest TCP maximum segment size, octets; absent: left alone.
    pub mss_clamp: Option<f64>,
    /// The gateway's own ports.
    #[napi(ts_type = "readonly BindingPlanPorts[]")]
    pub reserved: Vec<BindingPlanPorts>,
}

/// `PlanPorts`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanPorts {
    /// IP protocol.
    pub protocol: f64,
    /// Lowest port.
    pub low: f64,
    /// Highest port.
    pub high: f64,
}

/// `PlanUplink6`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanUplink6 {
    /// Whether new traffic may use it.
    pub usable: bool,
    /// Whether new traffic may use it when no uplink of the policy is usable.
    pub last_resort: bool,
    /// Next hop, 16 octets.
    pub gateway: Option<Uint8Array>,
    /// Translators.
    #[napi(ts_type = "readonly BindingPlanPrefixPair[]")]
    pub pairs: Vec<BindingPlanPrefixPair>,
    /// Largest TCP maximum segment size, octets; absent: left alone.
    pub mss_clamp: Option<f64>,
    /// Whether neighbour solicitations for external addresses are answered.
    pub proxy_neighbours: Option<bool>,
}

/// `PlanPrefixPair`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanPrefixPair {
    /// Internal prefix, 16 octets.
    pub internal: Uint8Array,
    /// Its length.
    pub internal_length: f64,
    /// External prefix, 16 octets.
    pub external: Uint8Array,
    /// Its length.
    pub external_length: f64,
}

/// `PlanNat44`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanNat44 {
    /// Idle time of UDP and UDP-Lite sessions, milliseconds.
    pub udp_ms: f64,
    /// Idle time of ICMP query sessions, milliseconds.
    pub icmp_ms: f64,
    /// Idle time of sessions of protocols without ports, milliseconds.
    pub other_ms: f64,
    /// Idle time of TCP connections before both sides have sent a SYN, milliseconds.
    pub tcp_opening_ms: f64,
    /// Idle time of TCP connections after both FINs or a RST, milliseconds.
    pub tcp_closing_ms: f64,
    /// Idle time of established TCP connections, milliseconds.
    pub tcp_established_ms: f64,
    /// Idle time of DCCP connections that open or close, milliseconds.
    pub dccp_transitory_ms: f64,
    /// Idle time of established DCCP connections, milliseconds.
    pub dccp_established_ms: f64,
    /// Rest of a freed external port, milliseconds.
    pub port_rest_ms: f64,
    /// Ports that rest at most in one pool.
    pub resting_ports_max: f64,
    /// Filtering of UDP.
    #[napi(ts_type = "'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent'")]
    pub filtering_udp: String,
    /// Filtering of TCP.
    #[napi(ts_type = "'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent'")]
    pub filtering_tcp: String,
    /// Filtering of ICMP queries.
    #[napi(ts_type = "'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent'")]
    pub filtering_icmp: String,
    /// Filtering of DCCP.
    #[napi(ts_type = "'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent'")]
    pub filtering_dccp: String,
    /// How long fragments wait for the first one of their datagram, and are translated after it.
    pub fragment_ms: f64,
    /// How long an unsolicited inbound SYN is held before it is answered, milliseconds; 0: never answered.
    pub hold_ms: f64,
    /// Whether protocols without ports are translated by address alone.
    pub other_protocols: bool,
    /// Whether what filtering refuses is answered by an ICMP error.
    pub refuse_filtered: bool,
    /// Whether an external port is even where the internal one is.
    pub preserve_parity: bool,
    /// Destinations that are not translated.
    #[napi(ts_type = "readonly BindingPlanExempt[]")]
    pub exempt: Vec<BindingPlanExempt>,
    /// Published endpoints.
    #[napi(ts_type = "readonly BindingPlanStaticMapping[]")]
    pub static_mappings: Vec<BindingPlanStaticMapping>,
    /// What one internal address may hold.
    pub host_limits: BindingPlanHostLimits,
}

/// `PlanExempt`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanExempt {
    /// First address of the prefix.
    pub prefix: f64,
    /// Its length in bits.
    pub prefix_length: f64,
    /// IP protocol; absent: all.
    pub protocol: Option<f64>,
    /// Lowest remote port; absent: all.
    pub port_low: Option<f64>,
    /// Highest remote port; absent: all.
    pub port_high: Option<f64>,
}

/// `PlanStaticMapping`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanStaticMapping {
    /// Its uplink.
    pub slot: f64,
    /// External address.
    pub external_address: f64,
    /// Internal address.
    pub internal_address: f64,
    /// Absent: the whole address.
    pub ports: Option<BindingPlanStaticPorts>,
}

/// `PlanStaticPorts`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanStaticPorts {
    /// IP protocol.
    pub protocol: f64,
    /// First external port.
    pub external: f64,
    /// First internal port.
    pub internal: f64,
    /// Number of ports.
    pub count: f64,
    /// The host sees clients as the gateway's internal address.
    pub gateway_source: bool,
}

/// `PlanHostLimits`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanHostLimits {
    /// Mappings of one protocol.
    pub mappings_per_protocol: f64,
    /// Sessions.
    pub sessions: f64,
    /// Sessions of one mapping.
    pub sessions_per_mapping: f64,
    /// New flows from the site.
    pub flows: BindingPlanRate,
}

/// `PlanNptv6`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanNptv6 {
    /// Translate an all-zeros interface identifier.
    pub translate_zero_interface_id: bool,
    /// Forward ICMPv6 types that nobody has assigned.
    pub forward_unassigned_icmp: Option<bool>,
}

/// `PlanFilter6`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanFilter6 {
    /// Filtering of UDP and UDP-Lite.
    #[napi(ts_type = "'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent'")]
    pub filtering_udp: String,
    /// Filtering of TCP.
    #[napi(ts_type = "'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent'")]
    pub filtering_tcp: String,
    /// Filtering of everything else.
    #[napi(ts_type = "'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent'")]
    pub filtering_other: String,
    /// Whether ESP, AH and UDP port 500 may come in unasked.
    pub ipsec: bool,
    /// What else may come in unasked.
    #[napi(ts_type = "readonly BindingPlanPublished6[]")]
    pub published: Vec<BindingPlanPublished6>,
}

/// `PlanPublished6`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanPublished6 {
    /// Internal address, 16 octets.
    pub internal_address: Uint8Array,
    /// Absent: everything.
    pub protocol: Option<f64>,
    /// Lowest port; absent: all.
    pub port_low: Option<f64>,
    /// Highest port; absent: all.
    pub port_high: Option<f64>,
}

/// `PlanRate`.
#[napi(object, object_to_js = false)]
pub struct BindingPlanRate {
    /// Events per second.
    pub per_second: f64,
    /// Events at once.
    pub burst: f64,
}
