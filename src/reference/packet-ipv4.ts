/** Parsing IPv4, in the order of docs/decisions.md. */
import { checksumHolds } from './checksum.ts';
import { readU8, readU16, readU32 } from './octets.ts';
import type { Ipv4Packet, Parsed, Transport } from './packet.ts';
import { DCCP, ICMP, TCP, UDP, UDP_LITE } from './protocol.ts';
import { readTcp } from './tcp-header.ts';
import { type Dropped, dropped } from './verdict.ts';

const OPTION_END = 0;
const OPTION_NOP = 1;
const LOOSE_SOURCE_ROUTE = 131;
const STRICT_SOURCE_ROUTE = 137;

/** Reads an IPv4 packet; octets beyond its total length are cut off. */
export function parseIpv4(received: Uint8Array): Parsed<Ipv4Packet> {
  if (received.length < 20) {
    return dropped('Truncated');
  }
  const headerLength = (readU8(received, 0) & 0x0f) * 4;
  const totalLength = readU16(received, 2);
  const version = readU8(received, 0) >> 4;
  if (version !== 4 || headerLength < 20 || totalLength < headerLength || totalLength > received.length) {
    return dropped('Ipv4HeaderInvalid'); // 1812-5.2.2
  }
  if ((readU16(received, 6) & 0x1fff) * 8 + totalLength > 65_535) {
    return dropped('Ipv4HeaderInvalid');
  }
  const octets = received.slice(0, totalLength);
  if (!checksumHolds(octets.subarray(0, headerLength))) {
    return dropped('Ipv4ChecksumWrong'); // 1812-5.2.2
  }
  const wrongOption = checkOptions(octets.subarray(20, headerLength));
  if (wrongOption !== undefined) {
    return wrongOption;
  }
  const packet = readHeader(octets, headerLength);
  const transport = readTransport(packet);
  return transport === undefined ? dropped('TransportInvalid') : { ...packet, transport };
}

function readHeader(octets: Uint8Array, headerLength: number): Ipv4Packet {
  const fragment = readU16(octets, 6);
  return {
    family: 4,
    octets,
    headerLength,
    tos: readU8(octets, 1),
    identification: readU16(octets, 4),
    dontFragment: (fragment & 0x4000) !== 0,
    moreFragments: (fragment & 0x2000) !== 0,
    fragmentOffset: (fragment & 0x1fff) * 8,
    ttl: readU8(octets, 8),
    protocol: readU8(octets, 9),
    source: readU32(octets, 12),
    destination: readU32(octets, 16),
    transport: { kind: 'opaque' },
  };
}

function checkOptions(options: Uint8Array): Dropped | undefined {
  let at = 0;
  while (at < options.length) {
    const type = readU8(options, at);
    if (type === OPTION_END) {
      return undefined;
    }
    if (type === OPTION_NOP) {
      at += 1;
      continue;
    }
    const length = at + 1 < options.length ? readU8(options, at + 1) : 0;
    if (length < 2 || at + length > options.length) {
      return dropped('Ipv4HeaderInvalid');
    }
    if (type === LOOSE_SOURCE_ROUTE || type === STRICT_SOURCE_ROUTE) {
      return dropped('Ipv4SourceRouted'); // 3022-4.6
    }
    at += length;
  }
  return undefined;
}

/** Whether options that need not be well-formed hold a source route; the first malformed one ends the walk. */
export function hasSourceRoute(options: Uint8Array): boolean {
  return checkOptions(options)?.reason === 'Ipv4SourceRouted';
}

/** The transport header; undefined where it is cut short or contradicts the packet. */
function readTransport(packet: Ipv4Packet): Transport | undefined {
  const payload = packet.octets.subarray(packet.headerLength);
  if (packet.fragmentOffset > 0) {
    return { kind: 'opaque' };
  }
  switch (packet.protocol) {
    case UDP:
      return readUdp(payload, packet.moreFragments);
    case UDP_LITE:
      return readUdpLite(payload, packet.moreFragments);
    case TCP:
      return readTcp(payload);
    case DCCP:
      return readDccp(payload);
    case ICMP:
      if (payload.length < 8) {
        return undefined;
      }
      return { kind: 'icmp', type: readU8(payload, 0), identifier: readU16(payload, 4) };
    default:
      return { kind: 'opaque' };
  }
}

function readUdp(payload: Uint8Array, moreFragments: boolean): Transport | undefined {
  if (payload.length < 8) {
    return undefined;
  }
  const length = readU16(payload, 4);
  if (length < 8 || (length > payload.length && !moreFragments)) {
    return undefined;
  }
  return { kind: 'udp', sourcePort: readU16(payload, 0), destinationPort: readU16(payload, 2) };
}

/** RFC 3828 section 3.1: the checksum is always there, and covers the header at least. */
function readUdpLite(payload: Uint8Array, moreFragments: boolean): Transport | undefined {
  if (payload.length < 8 || readU16(payload, 6) === 0) {
    return undefined;
  }
  const coverage = readU16(payload, 4);
  if (coverage !== 0 && (coverage < 8 || (coverage > payload.length && !moreFragments))) {
    return undefined;
  }
  return { kind: 'udp-lite', sourcePort: readU16(payload, 0), destinationPort: readU16(payload, 2) };
}

/** RFC 4340 section 5.1: extended sequence numbers make the generic header four octets longer. */
function readDccp(payload: Uint8Array): Transport | undefined {
  if (payload.length < 12) {
    return undefined;
  }
  const typeAndX = readU8(payload, 8);
  const genericLength = (typeAndX & 0x01) === 0 ? 12 : 16;
  const dataOffset = readU8(payload, 4) * 4;
  if (payload.length < genericLength || dataOffset < genericLength || dataOffset > payload.length) {
    return undefined;
  }
  const [sourcePort, destinationPort] = [readU16(payload, 0), readU16(payload, 2)];
  return { kind: 'dccp', sourcePort, destinationPort, type: (typeAndX >> 1) & 0x0f };
}
