/** Where hosts will not use the IPv6 that they have: the trap of RFC 6724 for sites with unique local addresses. Pure. */
import type { InternalConfig, NptdConfig } from '../config/config.ts';
import { type Ipv6Address, parseIpv6Address } from '../net/ipv6-address.ts';
import { ipv6PrefixContains, ipv6PrefixCovering } from '../net/ipv6-prefix.ts';

/**
 * Names of the internal devices whose hosts take IPv4 wherever they can choose: all their IPv6 addresses are unique
 * local ones, whose label in the default policy table differs from that of the Internet's addresses, while their IPv4
 * addresses agree with it (6724-2).
 */
function prefersIpv4({ internal, uplinks }: NptdConfig): string[] {
  const hasBoth = uplinks.some(({ ipv4 }) => ipv4 !== undefined) && uplinks.some(({ ipv6 }) => ipv6 !== undefined);
  return hasBoth ? internal.filter(isCaught).map(({ name }) => name) : [];
}

/** One sentence about such devices, with the page of remedies (6724-3); undefined where there are none. */
export function preferenceNote(config: NptdConfig): string | undefined {
  const names = prefersIpv4(config);
  if (names.length === 0) return undefined;
  return `hosts on ${names.join(' and ')} prefer IPv4: their IPv6 addresses are unique local ones (RFC 6724); docs/ula.md says what helps`;
}

function isCaught({ ipv4, ipv6 }: InternalConfig): boolean {
  return ipv4.length > 0 && ipv6.length > 0 && ipv6.every(({ address }) => isUniqueLocal(address));
}

function isUniqueLocal(address: Ipv6Address): boolean {
  return UNIQUE_LOCAL !== undefined && ipv6PrefixContains(UNIQUE_LOCAL, address);
}

const FC00 = parseIpv6Address('fc00::');
const UNIQUE_LOCAL = FC00 === undefined ? undefined : ipv6PrefixCovering(FC00, 7);
