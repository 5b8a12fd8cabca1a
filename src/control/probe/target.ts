/** Addresses of probe targets between the data plane's form and text. */

import type { ProbeDestination } from '../../native/data-plane.ts';
import { formatIpv4Address, ipv4Address, parseIpv4Address } from '../../net/ipv4-address.ts';
import { formatIpv6Address, ipv6FromOctets, parseIpv6Address } from '../../net/ipv6-address.ts';
import type { Family } from '../family.ts';

/** The canonical text of the address of a target of `ProbeOptions`. */
export function targetText(target: ProbeDestination): string {
  if (typeof target === 'object' && 'service' in target) return targetText(target.address);
  return typeof target === 'number'
    ? formatIpv4Address(ipv4Address(target))
    : formatIpv6Address(ipv6FromOctets(target));
}

/** Family and canonical text of an address in any usual form; undefined if it is none. */
export function parseTarget(text: string): { readonly family: Family; readonly text: string } | undefined {
  const ipv4 = parseIpv4Address(text);
  if (ipv4 !== undefined) return { family: 4, text: formatIpv4Address(ipv4) };
  const ipv6 = parseIpv6Address(text);
  return ipv6 === undefined ? undefined : { family: 6, text: formatIpv6Address(ipv6) };
}
