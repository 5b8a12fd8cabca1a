/** Parsing IPv6 and its extension headers, in the order of docs/decisions.md. */
import { readU8, readU16, readU32, readU128 } from './octets.ts';
import type { Ipv6Packet, Parsed } from './packet.ts';
import { ICMPV6 } from './protocol.ts';
import { type Dropped, dropped } from './verdict.ts';

const ROUTING = 43;
const FRAGMENT = 44;
const HIP = 139;
/** Hop-by-hop, routing, fragment, destination options, mobility, HIP, shim6. */
const EXTENSION_HEADERS: ReadonlySet<number> = new Set([0, ROUTING, FRAGMENT, 60, 135, HIP, 140]);
const EXTENSION_HEADERS_MAX = 8;
const IPV6_HEADER = 40;

/** What the extension headers say, and where they end. */
export type UpperLayer = Pick<
  Ipv6Packet,
  'isFragment' | 'fragmentOffset' | 'moreFragments' | 'identification' | 'hasHip' | 'protocol' | 'upperOffset'
>;

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
  const icmp = upper.protocol === ICMPV6 && upper.fragmentOffset === 0;
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
    ...upper,
    icmpType: icmp ? readU8(octets, upper.upperOffset) : undefined,
  };
}

/** Finds the upper layer of a packet or a quote; the walk ends at a fragment that does not start with it. */
export function walkExtensions(octets: Uint8Array): UpperLayer | Dropped {
  let protocol = readU8(octets, 6);
  let upperOffset = IPV6_HEADER;
  let hasHip = false;
  let fragment = { isFragment: false, fragmentOffset: 0, moreFragments: false, identification: 0 };
  for (let walked = 0; fragment.fragmentOffset === 0 && EXTENSION_HEADERS.has(protocol); walked += 1) {
    const length = extensionLength(octets, upperOffset, protocol);
    if (walked === EXTENSION_HEADERS_MAX || length === undefined) {
      return dropped('Ipv6ExtensionInvalid');
    }
    if (protocol === ROUTING && readU8(octets, upperOffset + 2) === 0) {
      return dropped('Ipv6RoutingType0'); // 6092-R4
    }
    if (protocol === FRAGMENT) {
      fragment = readFragmentHeader(octets, upperOffset);
    }
    hasHip ||= protocol === HIP;
    protocol = readU8(octets, upperOffset);
    upperOffset += length;
  }
  return { ...fragment, hasHip, protocol, upperOffset };
}

function readFragmentHeader(octets: Uint8Array, at: number) {
  const offsetAndFlag = readU16(octets, at + 2);
  return {
    isFragment: true,
    fragmentOffset: offsetAndFlag & 0xfff8,
    moreFragments: (offsetAndFlag & 1) === 1,
    identification: readU32(octets, at + 4),
  };
}

/** Octets of the extension header at a place; undefined where it runs past the packet. */
function extensionLength(octets: Uint8Array, at: number, header: number): number | undefined {
  if (at + 2 > octets.length) {
    return undefined;
  }
  const length = header === FRAGMENT ? 8 : (readU8(octets, at + 1) + 1) * 8;
  return at + length > octets.length ? undefined : length;
}
