/**
 * The address mapping of NPTv6, in the order of RFC 6296 sections 3.1 to 3.7.
 *
 * Addresses are unsigned 128-bit numbers; words are numbered from the left, so that word 3 is bits 48 to 63.
 */
import type { PlanNptv6, PlanPrefixPair } from '../plan/plan.ts';
import { inPrefix6, ipv6FromOctets } from './address.ts';
import type { DropReason } from './verdict.ts';

/** A translated address, or why there is none. */
export type MappedAddress = bigint | DropReason;

/** One direction of a pair, both prefixes brought to one length (RFC 6296 section 3.1). */
interface AddressMap {
  /** Length of the prefix that addresses come with. */
  readonly ownLength: number;
  /** The longer of both lengths (6296-2.1b). */
  readonly length: number;
  readonly newPrefix: bigint;
  /** The prefix they come with minus the new one, in one's complement (6296-3.1c). */
  readonly adjustment: number;
}

/** The external form of an internal source (6296-3.2b); the internal prefix must cover it. */
export function mapOutbound(pair: PlanPrefixPair, options: PlanNptv6, address: bigint): MappedAddress {
  if (isIdentity(pair)) {
    return address;
  }
  const { length, internal, external } = readPair(pair);
  const adjustment = add(prefixSum(internal), complement(prefixSum(external)));
  return mapAddress({ ownLength: pair.internalLength, length, newPrefix: external, adjustment }, options, address);
}

/** The internal form of an external destination (6296-3.3); the external prefix must cover it. */
export function mapInbound(pair: PlanPrefixPair, options: PlanNptv6, address: bigint): MappedAddress {
  if (isIdentity(pair)) {
    return address;
  }
  const { length, internal, external } = readPair(pair);
  const adjustment = add(prefixSum(external), complement(prefixSum(internal)));
  return mapAddress({ ownLength: pair.externalLength, length, newPrefix: internal, adjustment }, options, address);
}

/**
 * Why a prefix pair cannot be translated, or undefined if it can.
 *
 * RFC 6296 defines nothing beyond /64 (ambiguity A5) and asks for valid unicast prefixes (6296-4.1b).
 */
export function refusePrefixPair(pair: PlanPrefixPair): string | undefined {
  return (
    refusePrefix('internal', ipv6FromOctets(pair.internal), pair.internalLength) ??
    refusePrefix('external', ipv6FromOctets(pair.external), pair.externalLength)
  );
}

function readPair(pair: PlanPrefixPair): { length: number; internal: bigint; external: bigint } {
  return {
    length: Math.max(pair.internalLength, pair.externalLength),
    internal: ipv6FromOctets(pair.internal),
    external: ipv6FromOctets(pair.external),
  };
}

/** Whether a pair changes no address: the site has prefixes of the ISP itself. */
export function isIdentity(pair: PlanPrefixPair): boolean {
  const { internal, external } = readPair(pair);
  return internal === external && pair.internalLength === pair.externalLength;
}

function mapAddress(map: AddressMap, options: PlanNptv6, address: bigint): MappedAddress {
  const { length, newPrefix, adjustment } = map;
  if (!zeroExtended(address, map.ownLength, length)) {
    return 'SubnetNotMapped'; // 6296-3.7a
  }
  const index = length <= 48 ? subnetWord(address) : interfaceIdWord(address, options);
  if (typeof index === 'string') {
    return index;
  }
  const hostBits = (1n << BigInt(128 - length)) - 1n;
  const overwritten = newPrefix | (address & hostBits);
  return withWord(overwritten, index, normalise(add(wordOf(address, index), adjustment)));
}

/** Whether the bits between the own length of a prefix and the longer one are zero. */
function zeroExtended(address: bigint, ownLength: number, length: number): boolean {
  const extension = (address >> BigInt(128 - length)) & ((1n << BigInt(length - ownLength)) - 1n);
  return extension === 0n;
}

/** Section 3.4: prefixes of at most 48 bits are adjusted in the subnet, where all ones has no counterpart. */
function subnetWord(address: bigint): number | DropReason {
  return wordOf(address, 3) === 0xffff ? 'SubnetNotMapped' : 3; // 6296-3.2a, 6296-3.4a
}

/** Section 3.5: longer ones in the first word of the interface identifier that is not all ones. */
function interfaceIdWord(address: bigint, options: PlanNptv6): number | DropReason {
  if (BigInt.asUintN(64, address) === 0n && !options.translateZeroInterfaceId) {
    return 'InterfaceIdAllZeros'; // 6296-3.7b
  }
  return [4, 5, 6, 7].find((index) => wordOf(address, index) !== 0xffff) ?? 'InterfaceIdAllOnes'; // 6296-3.5a
}

/** One's complement sum of the four words of a prefix extended to /64. */
function prefixSum(prefix: bigint): number {
  return [0, 1, 2, 3].map((index) => wordOf(prefix, index)).reduce(add, 0);
}

function wordOf(address: bigint, index: number): number {
  return Number((address >> BigInt(112 - 16 * index)) & 0xffffn);
}

function withWord(address: bigint, index: number, word: number): bigint {
  const shift = BigInt(112 - 16 * index);
  return (address & ~(0xffffn << shift)) | (BigInt(word) << shift);
}

/** One's complement addition with end-around carry. */
function add(a: number, b: number): number {
  const sum = a + b;
  return sum > 0xffff ? sum - 0xffff : sum;
}

function complement(word: number): number {
  return 0xffff - word;
}

/** 0xffff is stored as 0x0000 (6296-3.2b, 6296-3.3). */
function normalise(word: number): number {
  return word === 0xffff ? 0 : word;
}

function refusePrefix(side: string, prefix: bigint, length: number): string | undefined {
  if (!Number.isInteger(length) || length < 1 || length > 64) {
    return `the ${side} prefix length is not between 1 and 64`;
  }
  if ((prefix & ((1n << BigInt(128 - length)) - 1n)) !== 0n) {
    return `the ${side} prefix has bits beyond its length`;
  }
  const barred: readonly (readonly [bigint, number, string])[] = [
    [0xffn << 120n, 8, 'multicast'],
    [0xfe80n << 112n, 10, 'link-local'],
    [0n, 127, 'unspecified or loopback'],
    [0xffffn << 32n, 96, 'IPv4-mapped'],
  ];
  const overlap = barred.find(
    ([other, otherLength]) => inPrefix6(other, prefix, length) || inPrefix6(prefix, other, otherLength),
  );
  return overlap && `the ${side} prefix overlaps ${overlap[2]} addresses`;
}
