/** Packets for the gateway itself ("Host role" in docs/decisions.md). */
import { checksumHolds, checksumOf, onesComplementSum } from './checksum.ts';
import { isMulticast6 } from './martians.ts';
import { icmpv6ChecksumHolds } from './nptv6-packet.ts';
import { writeU8, writeU16, writeU32, writeU128 } from './octets.ts';
import { type Ipv4Packet, type Ipv6Packet, isEchoRequest } from './packet.ts';
import { ICMPV6 } from './protocol.ts';
import { dropped, type Outcome } from './verdict.ts';

const HOP_LIMIT = 64;
const DONT_FRAGMENT = 0x4000;

/** Answers an echo request to one of our unicast addresses (4443-ECHO, 5508-R10a); its TTL does not matter (1812-TTL3). */
export function hostRole4(packet: Ipv4Packet): Outcome {
  if (!isEchoRequest(packet)) {
    return { kind: 'passed' };
  }
  if (!checksumHolds(packet.octets.subarray(packet.headerLength))) {
    return dropped('IcmpChecksumWrong');
  }
  return { kind: 'replied', octets: echoReply4(packet) };
}

function echoReply4(packet: Ipv4Packet): Uint8Array {
  const octets = packet.octets.slice();
  const header = octets.subarray(0, packet.headerLength);
  const message = octets.subarray(packet.headerLength);
  writeU16(header, 4, 0);
  writeU16(header, 6, DONT_FRAGMENT);
  writeU8(header, 8, HOP_LIMIT);
  writeU32(header, 12, packet.destination);
  writeU32(header, 16, packet.source);
  writeU16(header, 10, 0);
  writeU16(header, 10, checksumOf(header));
  writeU8(message, 0, 0);
  writeU16(message, 2, 0);
  writeU16(message, 2, checksumOf(message));
  return octets;
}

/** The same for IPv6, where neighbour discovery cannot be meant for a device without link headers. */
export function hostRole6(packet: Ipv6Packet): Outcome {
  const type = packet.icmpType;
  if (type !== undefined && type >= 133 && type <= 137) {
    return dropped('NeighbourDiscoveryInvalid');
  }
  if (!isEchoRequest(packet) || packet.source === 0n || isMulticast6(packet.destination)) {
    return { kind: 'passed' };
  }
  if (!icmpv6ChecksumHolds(packet)) {
    return dropped('IcmpChecksumWrong');
  }
  return { kind: 'replied', octets: echoReply6(packet) };
}

function echoReply6(packet: Ipv6Packet): Uint8Array {
  const octets = packet.octets.slice();
  const message = octets.subarray(packet.upperOffset);
  writeU8(octets, 7, HOP_LIMIT);
  writeU128(octets, 8, packet.destination);
  writeU128(octets, 24, packet.source);
  writeU8(message, 0, 129);
  writeU16(message, 2, 0);
  const pseudoHeader = onesComplementSum(octets.subarray(8, 40), message.length + ICMPV6);
  writeU16(message, 2, checksumOf(message, pseudoHeader));
  return octets;
}
