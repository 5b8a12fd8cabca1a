/** Changing addresses, ports and hop limits of IPv4 packets, with every checksum that covers them (3022-4.1a). */
import type { Endpoint } from './address.ts';
import { updateChecksum, updateUdpChecksum, updateUdpLiteChecksum, type WordChange, wordsOf32 } from './checksum.ts';
import { readU8, readU16, readU32, writeU8, writeU16, writeU32 } from './octets.ts';
import type { Ipv4Packet } from './packet.ts';
import { parseIpv4 } from './packet-ipv4.ts';
import { DCCP, ICMP, TCP, UDP, UDP_LITE } from './protocol.ts';

const IDENTIFICATION_AT = 4;
const HEADER_CHECKSUM_AT = 10;

/** Which end of a packet is replaced, by the places of its address and its port. */
interface End {
  readonly addressAt: number;
  readonly portAt: number;
}

export const SOURCE: End = { addressAt: 12, portAt: 0 };
export const DESTINATION: End = { addressAt: 16, portAt: 2 };

/** The packet with another source endpoint. */
export function withSource(packet: Ipv4Packet, endpoint: Endpoint): Ipv4Packet {
  return reread(replaceEndpoint(packet.octets, SOURCE, endpoint));
}

/** The packet with another destination endpoint. */
export function withDestination(packet: Ipv4Packet, endpoint: Endpoint): Ipv4Packet {
  return reread(replaceEndpoint(packet.octets, DESTINATION, endpoint));
}

/** The packet with one hop less to live (1812-TTL1). */
export function withTtlLess(packet: Ipv4Packet): Ipv4Packet {
  const octets = packet.octets.slice();
  const before = readU16(octets, 8);
  writeU8(octets, 8, packet.ttl - 1);
  updateAt(octets, HEADER_CHECKSUM_AT, [{ before, after: readU16(octets, 8) }], updateChecksum);
  return reread(octets);
}

/** The packet with another identification. */
export function withIdentification(packet: Ipv4Packet, identification: number): Ipv4Packet {
  const octets = packet.octets.slice();
  const change = replaceWord(octets, IDENTIFICATION_AT, identification);
  updateAt(octets, HEADER_CHECKSUM_AT, [change], updateChecksum);
  return reread(octets);
}

/**
 * IPv4 octets with one endpoint replaced, its checksums updated.
 *
 * The octets may be a quote that ends anywhere after the first 8 octets of its transport header.
 */
export function replaceEndpoint(packet: Uint8Array, end: End, endpoint: Endpoint): Uint8Array {
  const addresses = wordsOf32(readU32(packet, end.addressAt), endpoint.address);
  const octets = replaceAddress(packet, end, endpoint.address);
  const transport = octets.subarray((readU8(octets, 0) & 0x0f) * 4);
  switch (readU8(octets, 9)) {
    case UDP: {
      const port = replaceWord(transport, end.portAt, endpoint.port);
      updateAt(transport, 6, [...addresses, port], updateUdpChecksum);
      break;
    }
    case UDP_LITE: {
      // Whatever the coverage, the header and the pseudo-header are covered (UDPL-1).
      const port = replaceWord(transport, end.portAt, endpoint.port);
      updateAt(transport, 6, [...addresses, port], updateUdpLiteChecksum);
      break;
    }
    case DCCP: {
      const port = replaceWord(transport, end.portAt, endpoint.port);
      updateAt(transport, 6, [...addresses, port], updateChecksum);
      break;
    }
    case TCP: {
      const port = replaceWord(transport, end.portAt, endpoint.port);
      if (transport.length >= 18) {
        updateAt(transport, 16, [...addresses, port], updateChecksum);
      }
      break;
    }
    case ICMP:
      // The identifier of an echo; ICMP checksums cover no pseudo-header.
      updateAt(transport, 2, [replaceWord(transport, 4, endpoint.port)], updateChecksum);
      break;
    default:
      // Of a protocol without ports nothing behind the IP header is touched (OTHER-2).
      break;
  }
  return octets;
}

/** IPv4 octets with one address of the header replaced and nothing behind the header touched. */
export function replaceAddress(packet: Uint8Array, end: End, address: number): Uint8Array {
  const octets = packet.slice();
  const changes = wordsOf32(readU32(octets, end.addressAt), address);
  writeU32(octets, end.addressAt, address);
  updateAt(octets, HEADER_CHECKSUM_AT, changes, updateChecksum);
  return octets;
}

/** Reads octets that came of a valid packet. */
export function reread(octets: Uint8Array): Ipv4Packet {
  const packet = parseIpv4(octets);
  if (!('family' in packet)) {
    throw new Error(`a rewritten packet no longer parses: ${packet.reason}`);
  }
  return packet;
}

function replaceWord(octets: Uint8Array, at: number, after: number): WordChange {
  const before = readU16(octets, at);
  writeU16(octets, at, after);
  return { before, after };
}

function updateAt(
  octets: Uint8Array,
  at: number,
  changes: readonly WordChange[],
  update: (checksum: number, changes: readonly WordChange[]) => number,
): void {
  writeU16(octets, at, update(readU16(octets, at), changes));
}
