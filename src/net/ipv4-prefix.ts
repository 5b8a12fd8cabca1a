import { formatIpv4Address, type Ipv4Address, ipv4Address, parseIpv4Address } from './ipv4-address.ts';
import { parsePrefixLength } from './prefix-length.ts';

/** An IPv4 prefix; bits beyond its length are zero. */
export interface Ipv4Prefix {
  readonly family: 4;
  readonly address: Ipv4Address;
  /** 0 to 32. */
  readonly length: number;
}

/** An address on a link, with the prefix of that link. */
export interface Ipv4Interface {
  readonly address: Ipv4Address;
  readonly prefix: Ipv4Prefix;
}

/** The prefix of `length` bits that covers an address. */
export function ipv4PrefixCovering(address: Ipv4Address, length: number): Ipv4Prefix {
  const size = 2 ** (32 - length);
  return { family: 4, address: ipv4Address(address - (address % size)), length };
}

/** Reads `192.168.1.1/24`; undefined if it is not an address, a slash and a length. */
export function parseIpv4Interface(text: string): Ipv4Interface | undefined {
  const slash = text.indexOf('/');
  const address = slash < 0 ? undefined : parseIpv4Address(text.slice(0, slash));
  const length = parsePrefixLength(text.slice(slash + 1), 32);
  if (address === undefined || length === undefined) return undefined;
  return { address, prefix: ipv4PrefixCovering(address, length) };
}

/** Reads `192.168.1.0/24`; undefined also if bits beyond the length are set. */
export function parseIpv4Prefix(text: string): Ipv4Prefix | undefined {
  const parsed = parseIpv4Interface(text);
  return parsed?.address === parsed?.prefix.address ? parsed?.prefix : undefined;
}

export function formatIpv4Prefix(prefix: Ipv4Prefix): string {
  return `${formatIpv4Address(prefix.address)}/${prefix.length}`;
}

export function formatIpv4Interface(value: Ipv4Interface): string {
  return `${formatIpv4Address(value.address)}/${value.prefix.length}`;
}

export function ipv4PrefixContains(prefix: Ipv4Prefix, address: Ipv4Address): boolean {
  return ipv4PrefixCovering(address, prefix.length).address === prefix.address;
}

/** Whether the two share an address. */
export function ipv4PrefixesOverlap(a: Ipv4Prefix, b: Ipv4Prefix): boolean {
  return a.length <= b.length ? ipv4PrefixContains(a, b.address) : ipv4PrefixContains(b, a.address);
}

/** The address of all hosts on the link; undefined for /31 (RFC 3021) and /32. */
export function ipv4Broadcast(prefix: Ipv4Prefix): Ipv4Address | undefined {
  return prefix.length >= 31 ? undefined : ipv4Address(prefix.address + 2 ** (32 - prefix.length) - 1);
}

/** Whether a host on the link can have this address: in the prefix, neither its first nor its last. */
export function isIpv4Host(prefix: Ipv4Prefix, address: Ipv4Address): boolean {
  if (!ipv4PrefixContains(prefix, address)) return false;
  return prefix.length >= 31 || (address !== prefix.address && address !== ipv4Broadcast(prefix));
}
