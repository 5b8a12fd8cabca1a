/**
 * Addresses and prefixes as the reference reads them: IPv4 as a number below 2^32, IPv6 as an unsigned bigint.
 */
import { readU128 } from './octets.ts';

/** An IPv4 endpoint; of an ICMP query the port is its identifier. */
export interface Endpoint {
  readonly address: number;
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

export function sameEndpoint(one: Endpoint, other: Endpoint): boolean {
  return one.address === other.address && one.port === other.port;
}

/** Dotted quad. */
export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
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
