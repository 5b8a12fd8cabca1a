/**
 * Addresses and prefixes as the reference reads them: IPv4 as a number below 2^32, IPv6 as an unsigned bigint.
 */
import { readU128 } from './octets.ts';

/** An IPv4 endpoint; of an ICMP query the port is its identifier. */
export interface Endpoint {
  readonly address: number;
  readonly port: number;
}

/** An IPv6 endpoint; of an ICMPv6 echo the port is its identifier. */
export interface Endpoint6 {
  readonly address: bigint;
  readonly port: number;
}

export interface Prefix6 {
  readonly prefix: bigint;
  readonly length: number;
}

/** `192.0.2.1:80`. */
export function formatEndpoint(endpoint: Endpoint): string {
  return `${formatIpv4(endpoint.address)}:${endpoint.port}`;
}

/** `[2001:db8::1]:80`. */
export function formatEndpoint6(endpoint: Endpoint6): string {
  return `[${formatIpv6(endpoint.address)}]:${endpoint.port}`;
}

export function sameEndpoint(one: Endpoint, other: Endpoint): boolean {
  return one.address === other.address && one.port === other.port;
}

export function sameEndpoint6(one: Endpoint6, other: Endpoint6): boolean {
  return one.address === other.address && one.port === other.port;
}

/** Dotted quad. */
function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

/** The text of RFC 5952: the first of the longest runs of zeros is left out, if it is longer than one. */
function formatIpv6(address: bigint): string {
  const words = [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n].map((shift) => (address >> shift) & 0xffffn);
  const runs = words.map((_, start) => {
    const end = words.findIndex((word, index) => index >= start && word !== 0n);
    return (end === -1 ? words.length : end) - start;
  });
  const longest = Math.max(...runs);
  const hex = (part: readonly bigint[]) => part.map((word) => word.toString(16)).join(':');
  if (longest < 2) {
    return hex(words);
  }
  const start = runs.indexOf(longest);
  return `${hex(words.slice(0, start))}::${hex(words.slice(start + longest))}`;
}

/** Whether an IPv4 address lies in the prefix of `length` bits that covers `prefix`. */
export function inPrefix4(address: number, prefix: number, length: number): boolean {
  return length === 0 || address >>> (32 - length) === prefix >>> (32 - length);
}

/** The directed broadcast address of a prefix; none for /31 and /32 (RFC 3021). */
export function broadcastOf(prefix: number, length: number): number | undefined {
  return length >= 31 ? undefined : (prefix | (0xffffffff >>> length)) >>> 0;
}

/** Whether an IPv6 address lies in the prefix of `length` bits that covers `prefix`. */
export function inPrefix6(address: bigint, prefix: bigint, length: number): boolean {
  const hostBits = BigInt(128 - length);
  return address >> hostBits === prefix >> hostBits;
}

/** An IPv6 address of the plan as a number. */
export function ipv6FromOctets(octets: Uint8Array): bigint {
  return readU128(octets, 0);
}
