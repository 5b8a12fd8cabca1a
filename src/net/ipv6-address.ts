import { isIPv6 } from 'node:net';
import { formatIpv4Address, ipv4Address, parseIpv4Address } from './ipv4-address.ts';

declare const brand: unique symbol;

/** An IPv6 address as a number below 2^128. */
export type Ipv6Address = bigint & { readonly [brand]: 'Ipv6Address' };

const BITS = 128n;
const WORDS = 8;
const IPV4_MAPPED_PREFIX = 0xffffn;

/** The address with this number; throws a `RangeError` if it has more than 128 bits. */
export function ipv6Address(value: bigint): Ipv6Address {
  if (value < 0n || value >> BITS !== 0n) throw new RangeError(`${value} is not an IPv6 address`);
  return value as Ipv6Address;
}

/** Any form of RFC 4291 section 2.2, without a zone; anything else is undefined. */
export function parseIpv6Address(text: string): Ipv6Address | undefined {
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const [head = '', tail] = withHexTail(text).split('::');
  const left = wordsOf(head);
  const right = tail === undefined ? [] : wordsOf(tail);
  const zeros = new Array<number>(WORDS - left.length - right.length).fill(0);
  return ipv6Address([...left, ...zeros, ...right].reduce((value, word) => (value << 16n) | BigInt(word), 0n));
}

/** The one canonical text of RFC 5952: lower case, the first longest run of zero words as `::`. */
export function formatIpv6Address(address: Ipv6Address): string {
  if (address >> 32n === IPV4_MAPPED_PREFIX) {
    return `::ffff:${formatIpv4Address(ipv4Address(Number(address & 0xffff_ffffn)))}`;
  }
  const words = ipv6Words(address);
  const run = longestZeroRun(words);
  const hex = words.map((word) => word.toString(16));
  if (run.length < 2) return hex.join(':');
  return `${hex.slice(0, run.start).join(':')}::${hex.slice(run.start + run.length).join(':')}`;
}

/** The eight 16-bit words, most significant first. */
export function ipv6Words(address: Ipv6Address): number[] {
  return Array.from({ length: WORDS }, (_, index) => Number((address >> BigInt(112 - index * 16)) & 0xffffn));
}

/** Sixteen octets in network order. */
export function ipv6ToOctets(address: Ipv6Address): Uint8Array {
  return Uint8Array.from(ipv6Words(address).flatMap((word) => [word >> 8, word & 0xff]));
}

/** Reads sixteen octets in network order; throws a `RangeError` for another number of them. */
export function ipv6FromOctets(octets: Uint8Array): Ipv6Address {
  if (octets.length !== 16) throw new RangeError(`an IPv6 address has 16 octets, not ${octets.length}`);
  return ipv6Address(octets.reduce((value, octet) => (value << 8n) | BigInt(octet), 0n));
}

export function isIpv6LinkLocal(address: Ipv6Address): boolean {
  return address >> 118n === 0x3fan;
}

/** Whether it can belong to one host and be forwarded: not multicast, link-local, `::`, `::1` or an IPv4-mapped one. */
export function isIpv6RoutedUnicast(address: Ipv6Address): boolean {
  if (address >> 120n === 0xffn || isIpv6LinkLocal(address)) return false;
  return address > 1n && address >> 32n !== IPV4_MAPPED_PREFIX;
}

/** Turns a dotted-decimal tail into two hexadecimal words. */
function withHexTail(text: string): string {
  const start = text.lastIndexOf(':') + 1;
  const ipv4 = parseIpv4Address(text.slice(start));
  if (ipv4 === undefined) return text;
  return `${text.slice(0, start)}${(ipv4 >>> 16).toString(16)}:${(ipv4 & 0xffff).toString(16)}`;
}

function wordsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16));
}

function longestZeroRun(words: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [index, word] of words.entries()) {
    if (word !== 0) start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  }
  return best;
}
