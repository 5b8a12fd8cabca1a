import { formatIpv6Address, type Ipv6Address, ipv6Address, parseIpv6Address } from './ipv6-address.ts';
import { parsePrefixLength } from './prefix-length.ts';

/** An IPv6 prefix; bits beyond its length are zero. */
export interface Ipv6Prefix {
  readonly family: 6;
  readonly address: Ipv6Address;
  /** 0 to 128. */
  readonly length: number;
}

/** An address on a link, with the prefix of that link. */
export interface Ipv6Interface {
  readonly address: Ipv6Address;
  readonly prefix: Ipv6Prefix;
}

/** The prefix of `length` bits that covers an address. */
export function ipv6PrefixCovering(address: Ipv6Address, length: number): Ipv6Prefix {
  const hostBits = BigInt(128 - length);
  return { family: 6, address: ipv6Address((address >> hostBits) << hostBits), length };
}

/** Reads `fd12:3456:789a:1::1/64`; undefined if it is not an address, a slash and a length. */
export function parseIpv6Interface(text: string): Ipv6Interface | undefined {
  const slash = text.indexOf('/');
  const address = slash < 0 ? undefined : parseIpv6Address(text.slice(0, slash));
  const length = parsePrefixLength(text.slice(slash + 1), 128);
  if (address === undefined || length === undefined) return undefined;
  return { address, prefix: ipv6PrefixCovering(address, length) };
}

/** Reads `fd12:3456:789a::/48`; undefined also if bits beyond the length are set. */
export function parseIpv6Prefix(text: string): Ipv6Prefix | undefined {
  const parsed = parseIpv6Interface(text);
  return parsed?.address === parsed?.prefix.address ? parsed?.prefix : undefined;
}

export function formatIpv6Prefix(prefix: Ipv6Prefix): string {
  return `${formatIpv6Address(prefix.address)}/${prefix.length}`;
}

export function formatIpv6Interface(value: Ipv6Interface): string {
  return `${formatIpv6Address(value.address)}/${value.prefix.length}`;
}

export function ipv6PrefixContains(prefix: Ipv6Prefix, address: Ipv6Address): boolean {
  const hostBits = BigInt(128 - prefix.length);
  return address >> hostBits === prefix.address >> hostBits;
}

/** Whether every address of `inner` is in `outer`. */
export function ipv6PrefixCovers(outer: Ipv6Prefix, inner: Ipv6Prefix): boolean {
  return outer.length <= inner.length && ipv6PrefixContains(outer, inner.address);
}

/** Whether the two share an address. */
export function ipv6PrefixesOverlap(a: Ipv6Prefix, b: Ipv6Prefix): boolean {
  return ipv6PrefixCovers(a, b) || ipv6PrefixCovers(b, a);
}
