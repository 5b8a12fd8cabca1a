//! The parts of a plan that are about IPv6 alone.

use nptd_core::plan::spec::{
    AdvertiseSpec, AdvertisedPrefixSpec, AdvertisedRouteSpec, Filter6Spec, PreferenceSpec, Published6Spec,
};
use nptd_core::time::Duration;

use super::convert::{Converted, REFUSE, filtering, integer, port_range};
use super::{BindingPlanAdvertise, BindingPlanAdvertisedPrefix, BindingPlanAdvertisedRoute, BindingPlanFilter6};
use crate::path::Path;

pub fn filter6(path: Path<'_>, filter: &BindingPlanFilter6) -> Converted<Filter6Spec> {
    Ok(Filter6Spec {
        filtering_udp: filtering(path.field("filteringUdp"), &filter.filtering_udp)?,
        filtering_tcp: filtering(path.field("filteringTcp"), &filter.filtering_tcp)?,
        filtering_other: filtering(path.field("filteringOther"), &filter.filtering_other)?,
        ipsec: filter.ipsec,
        published: path.field("published").each(&filter.published, |path, published| {
            let protocol = published.protocol.map(|protocol| integer(path.field("protocol"), protocol));
            Ok(Published6Spec {
                internal: path.field("internalAddress").address6(&published.internal_address, REFUSE)?,
                protocol: protocol.transpose()?,
                ports: port_range(path, published.port_low, published.port_high)?,
            })
        })?,
    })
}

pub fn advertise(path: Path<'_>, advertise: &BindingPlanAdvertise) -> Converted<AdvertiseSpec> {
    let interval: u32 = integer(path.field("intervalMs"), advertise.interval_ms)?;
    Ok(AdvertiseSpec {
        router_lifetime: integer(path.field("routerLifetimeS"), advertise.router_lifetime_s)?,
        preference: preference(path.field("preference"), &advertise.preference)?,
        interval: Duration::from_millis(interval.into()),
        link_mtu: advertise.link_mtu.map(|mtu| integer(path.field("linkMtu"), mtu)).transpose()?,
        prefixes: path.field("prefixes").each(&advertise.prefixes, advertised_prefix)?,
        routes: path.field("routes").each(&advertise.routes, advertised_route)?,
        resolvers: path.field("resolvers").each(&advertise.resolvers, |path, resolver| {
            let address = path.field("address").address6(&resolver.address, REFUSE)?;
            Ok((address, integer(path.field("lifetimeS"), resolver.lifetime_s)?))
        })?,
    })
}

fn advertised_prefix(path: Path<'_>, prefix: &BindingPlanAdvertisedPrefix) -> Converted<AdvertisedPrefixSpec> {
    let address = path.field("prefix").address6(&prefix.prefix, REFUSE)?;
    Ok(AdvertisedPrefixSpec {
        prefix: (address, integer(path.field("prefixLength"), prefix.prefix_length)?),
        on_link: prefix.on_link,
        autonomous: prefix.autonomous,
        valid: integer(path.field("validS"), prefix.valid_s)?,
        preferred: integer(path.field("preferredS"), prefix.preferred_s)?,
    })
}

fn advertised_route(path: Path<'_>, route: &BindingPlanAdvertisedRoute) -> Converted<AdvertisedRouteSpec> {
    let address = path.field("prefix").address6(&route.prefix, REFUSE)?;
    Ok(AdvertisedRouteSpec {
        prefix: (address, integer(path.field("prefixLength"), route.prefix_length)?),
        preference: preference(path.field("preference"), &route.preference)?,
        lifetime: integer(path.field("lifetimeS"), route.lifetime_s)?,
    })
}

fn preference(path: Path<'_>, name: &str) -> Converted<PreferenceSpec> {
    match name {
        "high" => Ok(PreferenceSpec::High),
        "medium" => Ok(PreferenceSpec::Medium),
        "low" => Ok(PreferenceSpec::Low),
        _ => Err(REFUSE(path.to_string(), "is not a preference")),
    }
}
