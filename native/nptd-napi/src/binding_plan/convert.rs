//! From a `BindingPlan` to a `PlanSpec`: shapes and ranges only; what a plan means is checked by the core.

use nptd_core::plan::spec::{
    DeviceSpec, ExemptSpec, HostLimitsSpec, LinkSpec, Nat44Spec, Nptv6Spec, PlanSpec, PortsSpec, PrefixPairSpec,
    RateSpec, RoleSpec, RouteSpec, StaticMappingSpec, StaticPortsSpec, Uplink4Spec, Uplink6Spec, UplinkSpec,
};
use nptd_core::session::filtering::Filtering;
use nptd_core::time::Duration;

use super::convert6::{advertise, filter6};
use super::policy::policies;
use super::{
    BindingPlan, BindingPlanDevice, BindingPlanExempt, BindingPlanHostLimits, BindingPlanNat44, BindingPlanPrefixPair,
    BindingPlanRate, BindingPlanRoute, BindingPlanStaticMapping, BindingPlanStaticPorts, BindingPlanUplink,
    BindingPlanUplink4, BindingPlanUplink6,
};
use crate::binding_error::BindingError;
use crate::path::{Path, Refuse};

pub(super) type Converted<T> = Result<T, BindingError>;

pub(super) const REFUSE: Refuse = |path, problem| BindingError::plan(path, problem);

impl TryFrom<&BindingPlan> for PlanSpec {
    type Error = BindingError;

    fn try_from(plan: &BindingPlan) -> Converted<Self> {
        let root = Path::Root;
        Ok(Self {
            generation: root.field("generation").integer(plan.generation, REFUSE)?,
            devices: root.field("devices").each(&plan.devices, device)?,
            routes: root.field("routes").each(&plan.routes, route)?,
            uplinks: root.field("uplinks").each(&plan.uplinks, uplink)?,
            policies: policies(root.field("policies"), &plan.policies)?,
            nat44: nat44(root.field("nat44"), &plan.nat44)?,
            nptv6: Nptv6Spec {
                translate_zero_interface_id: plan.nptv6.translate_zero_interface_id,
                forward_unassigned_icmp: plan.nptv6.forward_unassigned_icmp.unwrap_or_default(),
            },
            filter6: plan.filter6.as_ref().map(|filter| filter6(root.field("filter6"), filter)).transpose()?,
            drop_documentation: plan.drop_documentation.unwrap_or_default(),
            error_rate: rate(root.field("errorRate"), &plan.error_rate)?,
        })
    }
}

fn device(path: Path<'_>, device: &BindingPlanDevice) -> Converted<DeviceSpec> {
    let link = match &device.mac {
        Some(mac) => LinkSpec::Ethernet(path.field("mac").octets(mac, REFUSE)?),
        None => LinkSpec::Ip,
    };
    let role = match device.uplink_slot {
        Some(slot) => RoleSpec::Uplink(integer(path.field("uplinkSlot"), slot)?),
        None => RoleSpec::Internal,
    };
    Ok(DeviceSpec {
        link,
        role,
        mtu: integer(path.field("mtu"), device.mtu)?,
        ipv4: path.field("ipv4").each(&device.ipv4, |path, own| {
            let address = integer(path.field("address"), own.address)?;
            Ok((address, integer(path.field("prefixLength"), own.prefix_length)?))
        })?,
        ipv6: path.field("ipv6").each(&device.ipv6, |path, own| {
            let address = path.field("address").address6(&own.address, REFUSE)?;
            Ok((address, integer(path.field("prefixLength"), own.prefix_length)?))
        })?,
        advertise: device.advertise.as_ref().map(|say| advertise(path.field("advertise"), say)).transpose()?,
    })
}

fn route(path: Path<'_>, route: &BindingPlanRoute) -> Converted<RouteSpec> {
    let device = integer(path.field("device"), route.device)?;
    match (&route.ipv4, &route.ipv6) {
        (Some(route), None) => {
            let path = path.field("ipv4");
            Ok(RouteSpec::V4(
                integer(path.field("prefix"), route.prefix)?,
                integer(path.field("prefixLength"), route.prefix_length)?,
                device,
                integer(path.field("via"), route.via)?,
            ))
        }
        (None, Some(route)) => {
            let path = path.field("ipv6");
            Ok(RouteSpec::V6(
                path.field("prefix").address6(&route.prefix, REFUSE)?,
                integer(path.field("prefixLength"), route.prefix_length)?,
                device,
                path.field("via").address6(&route.via, REFUSE)?,
            ))
        }
        (Some(_), Some(_)) | (None, None) => Err(REFUSE(path.to_string(), "is not of exactly one family")),
    }
}

fn uplink(path: Path<'_>, uplink: &BindingPlanUplink) -> Converted<UplinkSpec> {
    let ipv4 = uplink.ipv4.as_ref().map(|ipv4| uplink4(path.field("ipv4"), ipv4));
    let ipv6 = uplink.ipv6.as_ref().map(|ipv6| uplink6(path.field("ipv6"), ipv6));
    Ok(UplinkSpec {
        slot: integer(path.field("slot"), uplink.slot)?,
        epoch: integer(path.field("epoch"), uplink.epoch)?,
        device: integer(path.field("device"), uplink.device)?,
        ipv4: ipv4.transpose()?,
        ipv6: ipv6.transpose()?,
    })
}

fn uplink4(path: Path<'_>, ipv4: &BindingPlanUplink4) -> Converted<Uplink4Spec> {
    let gateway = ipv4.gateway.map(|gateway| integer(path.field("gateway"), gateway));
    Ok(Uplink4Spec {
        usable: ipv4.usable,
        last_resort: ipv4.last_resort,
        gateway: gateway.transpose()?,
        pool: integers(path.field("pool"), &ipv4.pool)?,
        ports: (integer(path.field("portLow"), ipv4.port_low)?, integer(path.field("portHigh"), ipv4.port_high)?),
        nat44: ipv4.nat44,
        mss_clamp: ipv4.mss_clamp.map(|limit| integer(path.field("mssClamp"), limit)).transpose()?,
        reserved: path.field("reserved").each(&ipv4.reserved, |path, reserved| {
            Ok(PortsSpec {
                protocol: integer(path.field("protocol"), reserved.protocol)?,
                ports: (integer(path.field("low"), reserved.low)?, integer(path.field("high"), reserved.high)?),
            })
        })?,
    })
}

fn uplink6(path: Path<'_>, ipv6: &BindingPlanUplink6) -> Converted<Uplink6Spec> {
    let gateway = ipv6.gateway.as_ref().map(|gateway| path.field("gateway").address6(gateway, REFUSE));
    let pairs = path.field("pairs").each(&ipv6.pairs, |path, pair| prefix_pair(path, pair, REFUSE))?;
    Ok(Uplink6Spec {
        usable: ipv6.usable,
        last_resort: ipv6.last_resort,
        gateway: gateway.transpose()?,
        pairs,
        mss_clamp: ipv6.mss_clamp.map(|limit| integer(path.field("mssClamp"), limit)).transpose()?,
        proxy_neighbours: ipv6.proxy_neighbours.unwrap_or_default(),
    })
}

/// A pair, of a plan or on its own.
pub fn prefix_pair(path: Path<'_>, pair: &BindingPlanPrefixPair, refuse: Refuse) -> Converted<PrefixPairSpec> {
    Ok(PrefixPairSpec {
        internal: (
            path.field("internal").address6(&pair.internal, refuse)?,
            path.field("internalLength").integer(pair.internal_length, refuse)?,
        ),
        external: (
            path.field("external").address6(&pair.external, refuse)?,
            path.field("externalLength").integer(pair.external_length, refuse)?,
        ),
    })
}

fn nat44(path: Path<'_>, nat44: &BindingPlanNat44) -> Converted<Nat44Spec> {
    let span =
        |name, ms| -> Converted<Duration> { Ok(Duration::from_millis(integer::<u32>(path.field(name), ms)?.into())) };
    Ok(Nat44Spec {
        udp: span("udpMs", nat44.udp_ms)?,
        icmp: span("icmpMs", nat44.icmp_ms)?,
        other: span("otherMs", nat44.other_ms)?,
        tcp_opening: span("tcpOpeningMs", nat44.tcp_opening_ms)?,
        tcp_closing: span("tcpClosingMs", nat44.tcp_closing_ms)?,
        tcp_established: span("tcpEstablishedMs", nat44.tcp_established_ms)?,
        dccp_transitory: span("dccpTransitoryMs", nat44.dccp_transitory_ms)?,
        dccp_established: span("dccpEstablishedMs", nat44.dccp_established_ms)?,
        port_rest: span("portRestMs", nat44.port_rest_ms)?,
        resting_ports_max: integer(path.field("restingPortsMax"), nat44.resting_ports_max)?,
        filtering_udp: filtering(path.field("filteringUdp"), &nat44.filtering_udp)?,
        filtering_tcp: filtering(path.field("filteringTcp"), &nat44.filtering_tcp)?,
        filtering_icmp: filtering(path.field("filteringIcmp"), &nat44.filtering_icmp)?,
        filtering_dccp: filtering(path.field("filteringDccp"), &nat44.filtering_dccp)?,
        fragment: span("fragmentMs", nat44.fragment_ms)?,
        hold: span("holdMs", nat44.hold_ms)?,
        other_protocols: nat44.other_protocols,
        refuse_filtered: nat44.refuse_filtered,
        preserve_parity: nat44.preserve_parity,
        exempt: path.field("exempt").each(&nat44.exempt, exempt)?,
        static_mappings: path.field("staticMappings").each(&nat44.static_mappings, static_mapping)?,
        host_limits: host_limits(path.field("hostLimits"), &nat44.host_limits)?,
    })
}

fn exempt(path: Path<'_>, exempt: &BindingPlanExempt) -> Converted<ExemptSpec> {
    let prefix = integer(path.field("prefix"), exempt.prefix)?;
    let protocol = exempt.protocol.map(|protocol| integer(path.field("protocol"), protocol));
    Ok(ExemptSpec {
        prefix: (prefix, integer(path.field("prefixLength"), exempt.prefix_length)?),
        protocol: protocol.transpose()?,
        ports: port_range(path, exempt.port_low, exempt.port_high)?,
    })
}

/// Both ends of a range, or neither.
pub(super) fn port_range(path: Path<'_>, low: Option<f64>, high: Option<f64>) -> Converted<Option<(u16, u16)>> {
    match (low, high) {
        (Some(low), Some(high)) => {
            Ok(Some((integer(path.field("portLow"), low)?, integer(path.field("portHigh"), high)?)))
        }
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => Err(REFUSE(path.to_string(), "has one end of a port range only")),
    }
}

fn static_mapping(path: Path<'_>, mapping: &BindingPlanStaticMapping) -> Converted<StaticMappingSpec> {
    Ok(StaticMappingSpec {
        slot: integer(path.field("slot"), mapping.slot)?,
        external: integer(path.field("externalAddress"), mapping.external_address)?,
        internal: integer(path.field("internalAddress"), mapping.internal_address)?,
        ports: mapping.ports.as_ref().map(|ports| static_ports(path.field("ports"), ports)).transpose()?,
    })
}

fn static_ports(path: Path<'_>, ports: &BindingPlanStaticPorts) -> Converted<StaticPortsSpec> {
    Ok(StaticPortsSpec {
        protocol: integer(path.field("protocol"), ports.protocol)?,
        external: integer(path.field("external"), ports.external)?,
        internal: integer(path.field("internal"), ports.internal)?,
        count: integer(path.field("count"), ports.count)?,
        gateway_source: ports.gateway_source,
    })
}

fn host_limits(path: Path<'_>, limits: &BindingPlanHostLimits) -> Converted<HostLimitsSpec> {
    Ok(HostLimitsSpec {
        mappings_per_protocol: integer(path.field("mappingsPerProtocol"), limits.mappings_per_protocol)?,
        sessions: integer(path.field("sessions"), limits.sessions)?,
        sessions_per_mapping: integer(path.field("sessionsPerMapping"), limits.sessions_per_mapping)?,
        flows: rate(path.field("flows"), &limits.flows)?,
    })
}

pub(super) fn filtering(path: Path<'_>, name: &str) -> Converted<Filtering> {
    match name {
        "endpoint-independent" => Ok(Filtering::EndpointIndependent),
        "address-dependent" => Ok(Filtering::AddressDependent),
        "address-and-port-dependent" => Ok(Filtering::AddressAndPortDependent),
        _ => Err(REFUSE(path.to_string(), "is not a filtering behaviour")),
    }
}

fn rate(path: Path<'_>, rate: &BindingPlanRate) -> Converted<RateSpec> {
    Ok(RateSpec {
        per_second: integer(path.field("perSecond"), rate.per_second)?,
        burst: integer(path.field("burst"), rate.burst)?,
    })
}

pub(super) fn integer<T: TryFrom<u64>>(path: Path<'_>, value: f64) -> Converted<T> {
    path.integer(value, REFUSE)
}

pub(super) fn integers<T: TryFrom<u64>>(path: Path<'_>, values: &[f64]) -> Converted<Vec<T>> {
    path.each(values, |path, value| integer(path, *value))
}
