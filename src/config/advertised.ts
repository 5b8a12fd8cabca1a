/** What router advertisements of a device carry, as far as the configuration decides it. */
import { type Ipv6Prefix, ipv6PrefixCovers } from '../net/ipv6-prefix.ts';
import type { InternalConfig, NptdConfig } from './config.ts';

/** Prefixes, routes and resolvers of one device: the limit of the data path, seven packets of 1280 octets. */
export const ADVERTISED_MAX = 256;

/** 7084-L3: the site's own prefixes, as few as cover all that is reached through a device. */
export function advertisedRoutes({ site, internal, uplinks }: NptdConfig, device: InternalConfig): Ipv6Prefix[] {
  const wide = [...(site.ula === undefined ? [] : [site.ula]), ...uplinks.flatMap(({ ipv6 }) => ipv6?.native ?? [])];
  const links = internal.flatMap(({ ipv6 }) => ipv6.map(({ prefix }) => prefix));
  const behind = device.routes.flatMap(({ to }) => (to.family === 6 ? [to] : []));
  const others = [...links, ...behind].filter((prefix) => !wide.some((covering) => ipv6PrefixCovers(covering, prefix)));
  return [...new Map([...wide, ...others].map((prefix) => [`${prefix.address}/${prefix.length}`, prefix])).values()];
}

/** How many prefixes, routes and resolvers a device advertises. */
export function advertisedCount(config: NptdConfig, device: InternalConfig): number {
  if (device.advertise === undefined) return 0;
  const ofIsps = config.uplinks.reduce((sum, { ipv6 }) => sum + (ipv6?.resolvers.length ?? 0), 0);
  return device.ipv6.length + advertisedRoutes(config, device).length + device.advertise.resolvers.length + ofIsps;
}
