import { isIPv4 } from 'node:net';

declare const brand: unique symbol;

/** An IPv4 address as a number below 2^32: 192.0.2.1 is 0xc0000201. */
export type Ipv4Address = number & { readonly [brand]: 'Ipv4Address' };

/** The address with this number; throws a `RangeError` if it has more than 32 bits. */
export function ipv4Address(value: number): Ipv4Address {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw new RangeError(`${value} is not an IPv4 address`);
  }
  return value as Ipv4Address;
}

/** Strict dotted decimal with four parts and no leading zeros; anything else is undefined. */
export function parseIpv4Address(text: string): Ipv4Address | undefined {
  if (!isIPv4(text)) return undefined;
  return ipv4Address(text.split('.').reduce((value, part) => value * 256 + Number(part), 0));
}

export function formatIpv4Address(address: Ipv4Address): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

/** Whether it can belong to one host: not in 0/8, 127/8, 224/4 or 240/4. */
export function isIpv4Unicast(address: Ipv4Address): boolean {
  const first = address >>> 24;
  return first !== 0 && first !== 127 && first < 224;
}
