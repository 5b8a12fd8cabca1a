/**
 * NPTv6 on whole packets: one address of the header, and of an ICMPv6 error the matching one of its quote
 * ("NPTv6 translation" in docs/decisions.md). No checksum changes, since both addresses map neutrally (6296b-ICMP6).
 */
import type { PlanNptv6, PlanPrefixPair } from '../plan/plan.ts';
import { inPrefix6, ipv6FromOctets, type Prefix6 } from './address.ts';
import { checksumHolds, onesComplementSum } from './checksum.ts';
import { type MappedAddress, mapInbound, mapOutbound } from './nptv6.ts';
import { readU8, readU128, writeU128 } from './octets.ts';
import type { Ipv6Packet } from './packet.ts';
import { ICMPV6 } from './protocol.ts';
import { type Dropped, type DropReason, dropped, ERROR6, type ErrorRequest } from './verdict.ts';

const SOURCE_AT = 8;
const DESTINATION_AT = 24;
const ICMPV6_HEADER = 8;
const IPV6_HEADER = 40;

/** Which addresses a direction translates, and how. */
interface Direction {
  readonly addressAt: number;
  /** Of the quoted packet, which went the other way. */
  readonly quotedAt: number;
  readonly quotedPrefix: Prefix6;
  readonly map: (address: bigint) => MappedAddress;
  readonly unmappedSubnet: ErrorRequest | undefined;
}

/** The packet's octets with its source made external (6296-2.1a). */
export function translateOutbound(pair: PlanPrefixPair, options: PlanNptv6, packet: Ipv6Packet): Uint8Array | Dropped {
  return translate(packet, {
    addressAt: SOURCE_AT,
    quotedAt: DESTINATION_AT,
    quotedPrefix: { prefix: ipv6FromOctets(pair.internal), length: pair.internalLength },
    map: (address) => mapOutbound(pair, options, address),
    unmappedSubnet: ERROR6.sourceFailedPolicy, // 6296-3.2a, ambiguity A11
  });
}

/** The packet's octets with its destination made internal. */
export function translateInbound(pair: PlanPrefixPair, options: PlanNptv6, packet: Ipv6Packet): Uint8Array | Dropped {
  return translate(packet, {
    addressAt: DESTINATION_AT,
    quotedAt: SOURCE_AT,
    quotedPrefix: { prefix: ipv6FromOctets(pair.external), length: pair.externalLength },
    map: (address) => mapInbound(pair, options, address),
    unmappedSubnet: undefined,
  });
}

function translate(packet: Ipv6Packet, direction: Direction): Uint8Array | Dropped {
  const isError = isIcmpError6(packet);
  const wrongQuote = isError ? checkQuote(packet) : undefined;
  if (wrongQuote !== undefined) {
    return wrongQuote;
  }
  const address = direction.map(readU128(packet.octets, direction.addressAt));
  if (typeof address === 'string') {
    return dropped(address, errorFor(address, direction));
  }
  const octets = packet.octets.slice();
  writeU128(octets, direction.addressAt, address);
  return isError ? translateQuote(octets, packet.upperOffset + ICMPV6_HEADER, direction) : octets;
}

/** Whether an ICMPv6 error can be matched to a flow at all. */
export function checkQuote(packet: Ipv6Packet): Dropped | undefined {
  const quoteAt = packet.upperOffset + ICMPV6_HEADER;
  if (packet.isFragment || packet.octets.length < quoteAt + IPV6_HEADER) {
    return dropped('IcmpQuoteInvalid'); // 6296b-ICMP4
  }
  if (readU8(packet.octets, quoteAt) >> 4 !== 6) {
    return dropped('IcmpQuoteInvalid');
  }
  if (!icmpv6ChecksumHolds(packet)) {
    return dropped('IcmpChecksumWrong'); // 6296b-ICMP5
  }
  const quotedSource = readU128(packet.octets, quoteAt + SOURCE_AT);
  return quotedSource === packet.destination ? undefined : dropped('IcmpQuoteUnknown'); // 4890-4.1, 6296b-ICMP3
}

export function isIcmpError6({ icmpType }: Ipv6Packet): boolean {
  return icmpType !== undefined && icmpType < 128;
}

/** Verifies the checksum with the pseudo-header of RFC 8200 section 8.1 (4443-2.3). */
export function icmpv6ChecksumHolds(packet: Ipv6Packet): boolean {
  const message = packet.octets.subarray(packet.upperOffset);
  const addresses = packet.octets.subarray(SOURCE_AT, IPV6_HEADER);
  return checksumHolds(message, onesComplementSum(addresses, message.length + ICMPV6));
}

/** 6296b-ICMP1, 6296b-ICMP2: the quoted address that the translator had changed. */
function translateQuote(octets: Uint8Array, quoteAt: number, direction: Direction): Uint8Array | Dropped {
  const at = quoteAt + direction.quotedAt;
  const quoted = readU128(octets, at);
  const covered = inPrefix6(quoted, direction.quotedPrefix.prefix, direction.quotedPrefix.length);
  const mapped = covered ? direction.map(quoted) : undefined;
  if (typeof mapped !== 'bigint') {
    return dropped('IcmpQuoteUnknown'); // 6296b-ICMP3
  }
  writeU128(octets, at, mapped);
  return octets;
}

/** Ambiguity A2: Parameter Problem that points at the address, or Unreachable for a source without counterpart. */
function errorFor(reason: DropReason, direction: Direction): ErrorRequest | undefined {
  const isInterfaceId = reason === 'InterfaceIdAllOnes' || reason === 'InterfaceIdAllZeros';
  return isInterfaceId ? ERROR6.parameterProblem(direction.addressAt) : direction.unmappedSubnet;
}
