/**
 * ICMP echo requests and replies as octets, both families.
 *
 * These are the control plane's own messages, sent through a socket: the kernel adds the IP header and, for ICMPv6,
 * the checksum over its pseudo-header (RFC 3542 section 3.1).
 */
import type { Family } from '../family.ts';

export interface Echo {
  /** 16 bits, tells one prober from another. */
  readonly identifier: number;
  /** 16 bits. */
  readonly sequence: number;
}

const TYPES = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const;
const HEADER_OCTETS = 8;
/** Fills the message to the 64 octets that `ping` sends by default. */
const PAYLOAD_OCTETS = 56;

/** An echo request with a payload of zeros; the ICMPv6 checksum is left to the kernel. */
export function encodeEchoRequest(family: Family, echo: Echo): Uint8Array {
  const octets = new Uint8Array(HEADER_OCTETS + PAYLOAD_OCTETS);
  const view = new DataView(octets.buffer);
  view.setUint8(0, TYPES[family].request);
  view.setUint16(4, echo.identifier);
  view.setUint16(6, echo.sequence);
  if (family === 4) view.setUint16(2, internetChecksum(octets));
  return octets;
}

/**
 * Reads an echo reply as a raw socket hands it up: with its IP header for IPv4 (raw(7)), without for IPv6.
 * Anything else is undefined.
 */
export function decodeEchoReply(family: Family, received: Uint8Array): Echo | undefined {
  const message = family === 4 ? ipv4Payload(received) : received;
  if (message === undefined || message.length < HEADER_OCTETS) return undefined;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  if (view.getUint8(0) !== TYPES[family].reply || view.getUint8(1) !== 0) return undefined;
  return { identifier: view.getUint16(4), sequence: view.getUint16(6) };
}

function ipv4Payload(packet: Uint8Array): Uint8Array | undefined {
  const first = packet[0];
  if (first === undefined || first >> 4 !== 4) return undefined;
  return packet.subarray((first & 0x0f) * 4);
}

/** RFC 1071: the complement of the ones' complement sum of 16-bit words. */
function internetChecksum(octets: Uint8Array): number {
  let sum = 0;
  for (let offset = 0; offset < octets.length; offset += 2) {
    sum += ((octets[offset] ?? 0) << 8) | (octets[offset + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
