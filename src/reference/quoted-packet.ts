/** The packet inside an ICMP error ("ICMP errors of IPv4" in docs/decisions.md). */
import type { Plan } from '../plan/plan.ts';
import type { Endpoint } from './address.ts';
import { checksumHolds, checksumOf } from './checksum.ts';
import { isTranslatable } from './flow.ts';
import { readU8, readU16, readU32, writeU16 } from './octets.ts';
import type { Ipv4Packet } from './packet.ts';
import { hasSourceRoute } from './packet-ipv4.ts';
import { ICMP, isPortless } from './protocol.ts';
import { type DESTINATION, replaceAddress, replaceEndpoint, reread, type SOURCE } from './rewrite.ts';
import { type Dropped, dropped } from './verdict.ts';

const ICMP_HEADER = 8;

/** What a quote says about its flow. Of an echo both ports are the identifier, without ports both are 0. */
export interface Quote {
  readonly octets: Uint8Array;
  readonly protocol: number;
  readonly source: Endpoint;
  readonly destination: Endpoint;
}

/** Reads the quote of an ICMP error that is no fragment, or says why it cannot be translated. */
export function readQuote(plan: Plan, error: Ipv4Packet): Quote | Dropped {
  const message = error.octets.subarray(error.headerLength);
  if (!checksumHolds(message)) {
    return dropped('IcmpChecksumWrong'); // 5508-R3
  }
  const octets = quotedOctets(message);
  if (octets.length < 20 || readU8(octets, 0) >> 4 !== 4) {
    return dropped('IcmpQuoteInvalid'); // 6146-F3
  }
  const headerLength = (readU8(octets, 0) & 0x0f) * 4; // 5508-R3b
  if (headerLength < 20 || octets.length < headerLength + 8) {
    return dropped('IcmpQuoteInvalid'); // 6146-F3
  }
  if (!checksumHolds(octets.subarray(0, headerLength))) {
    return dropped('IcmpQuoteInvalid'); // 5508-R3a
  }
  if (hasSourceRoute(octets.subarray(20, headerLength))) {
    return dropped('Ipv4SourceRouted'); // 5508-S7.3
  }
  return readFlow(plan, octets, headerLength);
}

/** One end of a packet and what it becomes. */
export interface Replacement {
  readonly end: typeof SOURCE | typeof DESTINATION;
  readonly endpoint: Endpoint;
}

/** The error with endpoints of its quote and outer addresses replaced. */
export function translateError(
  error: Ipv4Packet,
  quote: Quote,
  { quoted, outer }: { readonly quoted: readonly Replacement[]; readonly outer: readonly Replacement[] },
): Ipv4Packet {
  const octets = error.octets.slice();
  const message = octets.subarray(error.headerLength);
  const translated = quoted.reduce<Uint8Array>(
    (packet, { end, endpoint }) => replaceEndpoint(packet, end, endpoint),
    quote.octets,
  );
  message.set(translated, ICMP_HEADER);
  writeU16(message, 2, 0);
  writeU16(message, 2, checksumOf(message));
  return reread(
    outer.reduce<Uint8Array>((packet, { end, endpoint }) => replaceAddress(packet, end, endpoint.address), octets),
  );
}

/** RFC 4884 section 4: a length octet above 0 counts the 32-bit words of the quote (5508-R3d). */
function quotedOctets(message: Uint8Array): Uint8Array {
  const words = readU8(message, 5);
  const behindHeader = message.subarray(ICMP_HEADER);
  return words === 0 ? behindHeader : behindHeader.subarray(0, words * 4);
}

function readFlow(plan: Plan, octets: Uint8Array, headerLength: number): Quote | Dropped {
  const protocol = readU8(octets, 9);
  const isLaterFragment = (readU16(octets, 6) & 0x1fff) !== 0;
  if (isLaterFragment || (isPortless(protocol) && !isTranslatable(plan, protocol))) {
    return dropped('IcmpQuoteUnknown');
  }
  const transport = octets.subarray(headerLength);
  const icmpType = readU8(transport, 0);
  if (protocol === ICMP && icmpType !== 0 && icmpType !== 8) {
    return dropped('IcmpQuoteInvalid'); // 6146-F4
  }
  const [sourcePort, destinationPort] = quotedPorts(protocol, transport);
  return {
    octets,
    protocol,
    source: { address: readU32(octets, 12), port: sourcePort },
    destination: { address: readU32(octets, 16), port: destinationPort },
  };
}

function quotedPorts(protocol: number, transport: Uint8Array): readonly [number, number] {
  if (isPortless(protocol)) {
    return [0, 0];
  }
  return protocol === ICMP
    ? [readU16(transport, 4), readU16(transport, 4)]
    : [readU16(transport, 0), readU16(transport, 2)];
}
