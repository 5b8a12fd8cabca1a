/** The other side of an address on each uplink: external for internal ones, and the reverse. NPTv6 itself is passed in. */
import type { NptdConfig, PrefixPairConfig, Uplink4Config, UplinkConfig } from '../config/config.ts';
import { formatIpv4Address, type Ipv4Address } from '../net/ipv4-address.ts';
import { ipv4PrefixContains } from '../net/ipv4-prefix.ts';
import { formatIpv6Address, type Ipv6Address, ipv6FromOctets, ipv6ToOctets } from '../net/ipv6-address.ts';
import { ipv6PrefixContains } from '../net/ipv6-prefix.ts';
import type { PlanPrefixPair } from './plan.ts';
import { planPair } from './prefix-pair.ts';

/** The address algorithm of RFC 6296 for one pair, as `src/native/map-address.ts` has it. */
export type MapAddress6 = (
  pair: PlanPrefixPair,
  direction: 'outbound' | 'inbound',
  address: Uint8Array,
  translateZeroInterfaceId: boolean,
) => { readonly address: Uint8Array } | { readonly drop: string };

/** One form of an address on one uplink. Addresses are text, since people and programs read it as it is. */
export interface AddressForm {
  readonly uplink: string;
  /** Whether the address asked for was taken as internal (outbound) or as external (inbound). */
  readonly direction: 'outbound' | 'inbound';
  readonly translator: 'nptv6' | 'nat44' | 'none';
  /** Absent where it depends on the mapping (NAT44), or where there is none (`drop`). */
  readonly internal?: string;
  /** Absent where there is none (`drop`), or several (`pool`). */
  readonly external?: string;
  /** External addresses of which NAT44 gives each host one. */
  readonly pool?: readonly string[];
  /** Why a packet with this address is dropped: the name of a drop reason. */
  readonly drop?: string;
}

/** Forms of an IPv4 address: where the site has it, each uplink's pool; where an uplink has it, that uplink. */
export function addressForms4(config: NptdConfig, address: Ipv4Address): AddressForm[] {
  const isInternal = config.internal.some(({ ipv4, routes }) => {
    const prefixes = [
      ...ipv4.map(({ prefix }) => prefix),
      ...routes.flatMap(({ to }) => (to.family === 4 ? [to] : [])),
    ];
    return prefixes.some((prefix) => ipv4PrefixContains(prefix, address));
  });
  return config.uplinks.flatMap(({ name, ipv4 }) => {
    if (ipv4 === undefined) return [];
    const outbound = isInternal ? [outbound4(name, ipv4, address)] : [];
    const inbound = ipv4.nat44 && ipv4.pool.includes(address) ? [inbound4(name, address)] : [];
    return [...outbound, ...inbound];
  });
}

/** Forms of an IPv6 address: outbound by the pair that covers it as internal, inbound by the one that covers it as external. */
export function addressForms6(config: NptdConfig, address: Ipv6Address, mapAddress6: MapAddress6): AddressForm[] {
  const translateZero = config.nptv6.allZerosInterfaceId === 'translate';
  return config.uplinks.flatMap((uplink) =>
    (['outbound', 'inbound'] as const).flatMap((direction) => {
      const pair = pairFor(uplink, direction, address);
      if (pair === undefined) return [];
      const mapped = mapAddress6(planPair(pair), direction, ipv6ToOctets(address), translateZero);
      const other = 'drop' in mapped ? undefined : formatIpv6Address(ipv6FromOctets(mapped.address));
      return [form6(uplink.name, direction, formatIpv6Address(address), other, mapped)];
    }),
  );
}

function outbound4(uplink: string, { nat44, pool }: Uplink4Config, address: Ipv4Address): AddressForm {
  const internal = formatIpv4Address(address);
  const form = { uplink, direction: 'outbound', internal } as const;
  if (!nat44) return { ...form, translator: 'none', external: internal };
  const texts = pool.map(formatIpv4Address);
  const [only, ...more] = texts;
  if (only !== undefined && more.length === 0) return { ...form, translator: 'nat44', external: only };
  return { ...form, translator: 'nat44', pool: texts };
}

function inbound4(uplink: string, address: Ipv4Address): AddressForm {
  return { uplink, direction: 'inbound', translator: 'nat44', external: formatIpv4Address(address) };
}

/** The first pair whose side of arrival covers the address. */
function pairFor(
  { ipv6 }: UplinkConfig,
  direction: 'outbound' | 'inbound',
  address: Ipv6Address,
): PrefixPairConfig | undefined {
  return ipv6?.pairs.find(({ internal, external }) =>
    ipv6PrefixContains(direction === 'outbound' ? internal : external, address),
  );
}

function form6(
  uplink: string,
  direction: 'outbound' | 'inbound',
  asked: string,
  other: string | undefined,
  mapped: ReturnType<MapAddress6>,
): AddressForm {
  const [internal, external] = direction === 'outbound' ? [asked, other] : [other, asked];
  return {
    uplink,
    direction,
    translator: 'nptv6',
    ...(internal === undefined ? {} : { internal }),
    ...(external === undefined ? {} : { external }),
    ...('drop' in mapped ? { drop: mapped.drop } : {}),
  };
}
