/** What changes of the addresses of uplinks with a configuration. */
import type { NptdConfig, UplinkConfig } from '../../config/config.ts';
import { formatIpv4Address } from '../../net/ipv4-address.ts';
import { formatIpv6Address } from '../../net/ipv6-address.ts';
import { formatIpv6Prefix } from '../../net/ipv6-prefix.ts';
import { FAMILIES, type Family } from '../family.ts';

export interface AddressChange {
  readonly uplink: string;
  readonly family: Family;
  /** Addresses, and prefixes of IPv6, as text; absent: it had or has none. */
  readonly from?: string;
  readonly to?: string;
}

/** Of uplinks that were there before and still are. */
export function addressChanges(before: NptdConfig | undefined, after: NptdConfig): AddressChange[] {
  return after.uplinks.flatMap((uplink) => {
    const known = before?.uplinks.find(({ name }) => name === uplink.name);
    if (known === undefined) return [];
    return FAMILIES.flatMap((family): AddressChange[] => {
      const [from, to] = [addressText(known, family), addressText(uplink, family)];
      if (from === to) return [];
      const ends = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
      return [{ uplink: uplink.name, family, ...ends }];
    });
  });
}

function addressText({ ipv4, ipv6 }: UplinkConfig, family: Family): string | undefined {
  if (family === 4) {
    if (ipv4 === undefined) return undefined;
    const pool = ipv4.pool.filter((address) => address !== ipv4.address.address);
    return [ipv4.address.address, ...pool].map(formatIpv4Address).join(', ');
  }
  if (ipv6 === undefined) return undefined;
  const prefixes = ipv6.pairs.map(({ external }) => formatIpv6Prefix(external));
  return [formatIpv6Address(ipv6.address.address), ...prefixes].join(', ');
}
