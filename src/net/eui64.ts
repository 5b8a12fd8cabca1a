import { type Ipv6Address, ipv6Address } from './ipv6-address.ts';
import type { MacAddress } from './mac-address.ts';

/** The modified EUI-64 of RFC 4291 appendix A: ff:fe in the middle, the universal/local bit inverted. */
export function modifiedEui64(mac: MacAddress): bigint {
  const value = BigInt(mac);
  const eui64 = ((value >> 24n) << 40n) | (0xfffen << 24n) | (value & 0xff_ffffn);
  return eui64 ^ (1n << 57n);
}

/** The link-local address that a station forms from its MAC address (RFC 4291 section 2.5.6). */
export function linkLocalFromMac(mac: MacAddress): Ipv6Address {
  return ipv6Address((0xfe80n << 112n) | modifiedEui64(mac));
}
