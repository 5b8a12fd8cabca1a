/** What hosts are told by router advertisements: a function of the configuration and of which uplinks are usable. */
import { advertisedRoutes } from '../config/advertised.ts';
import type { AdvertiseConfig, InternalConfig, NptdConfig, UplinkConfig } from '../config/config.ts';
import { ipv6ToOctets } from '../net/ipv6-address.ts';
import { type Ipv6Interface, type Ipv6Prefix, ipv6PrefixCovers } from '../net/ipv6-prefix.ts';
import type { PlanAdvertise, PlanAdvertisedPrefix, PlanAdvertisedResolver, PlanAdvertisedRoute } from './plan.ts';

/** Whether the IPv6 of an uplink is usable. */
export type IsUsable6 = (uplink: UplinkConfig) => boolean;

/** RFC 4862 section 5.5.3: addresses are made of prefixes of this length only. */
const AUTONOMOUS_LENGTH = 64;

export function planAdvertise(
  config: NptdConfig,
  internal: InternalConfig,
  isUsable6: IsUsable6,
): PlanAdvertise | undefined {
  const { advertise, device, ipv6 } = internal;
  if (advertise === undefined) return undefined;
  return {
    routerLifetimeS: routerLifetimeS(config, advertise, isUsable6),
    preference: advertise.preference,
    intervalMs: advertise.intervalMs,
    linkMtu: device.mtu,
    prefixes: ipv6.map((own) => planPrefix(config, advertise, own, isUsable6)),
    routes: planRoutes(advertise, advertisedRoutes(config, internal)),
    resolvers: planResolvers(config, advertise, isUsable6),
  };
}

/**
 * No default router without a way out (7084-G4, 7084-G5); with several uplinks only when the last one is gone. With NPTv6 that
 * holds although all prefixes may be unique local ones (7084-ULA5, 8678-ULA: translation is configured).
 */
function routerLifetimeS(config: NptdConfig, { lifetimeMs }: AdvertiseConfig, isUsable6: IsUsable6): number {
  return config.uplinks.some((uplink) => uplink.ipv6 !== undefined && isUsable6(uplink)) ? seconds(lifetimeMs) : 0;
}

/** 8028-1, 8475-1, 8678-2: the prefix of a dead uplink is deprecated and stays valid; hosts are told before any packet is refused. */
function planPrefix(
  { uplinks }: NptdConfig,
  { validMs, preferredMs }: AdvertiseConfig,
  { prefix }: Ipv6Interface,
  isUsable6: IsUsable6,
): PlanAdvertisedPrefix {
  const owner = uplinks.find(({ ipv6 }) => ipv6?.native !== undefined && ipv6PrefixCovers(ipv6.native, prefix));
  return {
    prefix: ipv6ToOctets(prefix.address),
    prefixLength: prefix.length,
    onLink: true,
    autonomous: prefix.length === AUTONOMOUS_LENGTH,
    validS: seconds(validMs),
    // RFC 4861 section 6.2.1: hosts ignore a prefix that is preferred for longer than it is valid.
    preferredS: owner === undefined || isUsable6(owner) ? seconds(Math.min(preferredMs, validMs)) : 0,
  };
}

/** 7084-L3: the site's own prefixes are reached here, also while no uplink is up. */
function planRoutes({ lifetimeMs, preference }: AdvertiseConfig, routes: readonly Ipv6Prefix[]): PlanAdvertisedRoute[] {
  return routes.map(({ address, length }) => ({
    prefix: ipv6ToOctets(address),
    prefixLength: length,
    preference,
    lifetimeS: seconds(lifetimeMs),
  }));
}

/** 8475-2: an ISP's resolvers answer only its own customers, so they go with its uplink. */
function planResolvers(
  { uplinks }: NptdConfig,
  { resolvers, lifetimeMs }: AdvertiseConfig,
  isUsable6: IsUsable6,
): PlanAdvertisedResolver[] {
  const site = resolvers.map((address) => ({ address: ipv6ToOctets(address), lifetimeS: seconds(lifetimeMs) }));
  const isps = uplinks.flatMap((uplink) =>
    (uplink.ipv6?.resolvers ?? []).map((address) => ({
      address: ipv6ToOctets(address),
      lifetimeS: isUsable6(uplink) ? seconds(lifetimeMs) : 0,
    })),
  );
  return [...site, ...isps];
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
