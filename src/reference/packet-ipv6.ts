/** Parsing IPv6 and its extension headers, in the order of docs/decisions.md. */
import { readU8, readU16, readU128 } from './octets.ts';
import type { Ipv6Packet, Parsed } from './packet.ts';
import { ICMPV6 } from './protocol.ts';
import { type Dropped, dropped } from './verdict.ts';

const ROUTING = 43;
const FRAGMENT = 44;
/** Hop-by-hop, routing, fragment, destination options, mobility, HIP, shim6. */
const EXTENSION_HEADERS: ReadonlySet<number> = new Set([0, ROUTING, FRAGMENT, 60, 135, 139, 140]);
const EXTENSION_HEADERS_MAX = 8;
const IPV6_HEADER = 40;

interface UpperLayer {
  readonly isFragment: boolean;
  readonly fragmentOffset: number;
  readonly upperOffset: number;
  readonly nextHeader: number;
}

/** Reads an IPv6 packet; octets beyond its payload length are cut off. */
export function parseIpv6(received: Uint8Array): Parsed<Ipv6Packet> {
  if (received.length < IPV6_HEADER) {
    return dropped('Truncated');
  }
  const length = IPV6_HEADER + readU16(received, 4);
  if (readU8(received, 0) >> 4 !== 6 || length > received.length) {
    return dropped('Ipv6HeaderInvalid');
  }
  const octets = received.slice(0, length);
  const upper = walkExtensions(octets);
  if ('kind' in upper) {
    return upper;
  }
  const icmp = upper.nextHeader === ICMPV6 && upper.fragmentOffset === 0;
  if (icmp && octets.length - upper.upperOffset < 8) {
    return dropped('TransportInvalid');
  }
  return {
    family: 6,
    octets,
    trafficClass: (readU16(octets, 0) >> 4) & 0xff,
    hopLimit: readU8(octets, 7),
    source: readU128(octets, 8),
    destination: readU128(octets, 24),
    isFragment: upper.isFragment,
    fragmentOffset: upper.fragmentOffset,
    upperOffset: upper.upperOffset,
    icmpType: icmp ? readU8(octets, upper.upperOffset) : undefined,
  };
}

/** Finds the upper layer; the walk ends at a fragment that does not start with it. */
function walkExtensions(octets: Uint8Array): UpperLayer | Dropped {
  let nextHeader = readU8(octets, 6);
  let at = IPV6_HEADER;
  let isFragment = false;
  for (let walked = 0; EXTENSION_HEADERS.has(nextHeader); walked += 1) {
    const length = extensionLength(octets, at, nextHeader);
    if (walked === EXTENSION_HEADERS_MAX || length === undefined) {
      return dropped('Ipv6ExtensionInvalid');
    }
    if (nextHeader === ROUTING && readU8(octets, at + 2) === 0) {
      return dropped('Ipv6RoutingType0'); // 6092-R4
    }
    if (nextHeader === FRAGMENT) {
      isFragment = true;
      const fragmentOffset = readU16(octets, at + 2) & 0xfff8;
      if (fragmentOffset > 0) {
        return { isFragment, fragmentOffset, upperOffset: at + length, nextHeader: readU8(octets, at) };
      }
    }
    nextHeader = readU8(octets, at);
    at += length;
  }
  return { isFragment, fragmentOffset: 0, upperOffset: at, nextHeader };
}

/** Octets of the extension header at a place; undefined where it runs past the packet. */
function extensionLength(octets: Uint8Array, at: number, header: number): number | undefined {
  if (at + 2 > octets.length) {
    return undefined;
  }
  const length = header === FRAGMENT ? 8 : (readU8(octets, at + 1) + 1) * 8;
  return at + length > octets.length ? undefined : length;
}
