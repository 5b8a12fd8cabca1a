/** Packets the gateway makes about others: ICMP errors and TCP resets ("Own errors" in docs/decisions.md). */
import type { Plan, PlanDevice, PlanRate } from '../plan/plan.ts';
import { type Endpoint, type Endpoint6, ipv6FromOctets } from './address.ts';
import { checksumOf, onesComplementSum } from './checksum.ts';
import { isBroadcast } from './martians.ts';
import { concatOctets, writeU8, writeU16, writeU32, writeU128 } from './octets.ts';
import type { Ipv4Packet, Ipv6Packet, Packet, TcpHeader } from './packet.ts';
import { ICMP, ICMPV6, TCP } from './protocol.ts';
import type { SequenceTrack } from './reset-check.ts';
import { deviceAt, internalRoute4, internalRoute6, isInternal } from './steering.ts';
import type { OutgoingPacket } from './translator.ts';
import type { ErrorRequest } from './verdict.ts';

const IPV4_ERROR_MAX = 576; // 1812-LEN
const IPV6_ERROR_MAX = 1280; // 4443-2.4c
const HOP_LIMIT = 64;

/** A token bucket, kept as the instant up to which it is spent (1812-RATE, 4443-2.4f). */
export class Bucket {
  #spentUntilUs = 0;

  /** Takes one token, if there is one. */
  take(rate: PlanRate, nowUs: number): boolean {
    if (rate.perSecond === 0 || rate.burst === 0) {
      return false;
    }
    const intervalUs = Math.floor(1_000_000 / rate.perSecond);
    const fromUs = Math.max(this.#spentUntilUs, nowUs);
    if (fromUs - nowUs > (rate.burst - 1) * intervalUs) {
      return false;
    }
    this.#spentUntilUs = fromUs + intervalUs;
    return true;
  }
}

/** Errors towards the site, errors towards uplinks, and resets are limited on their own: none uses up the others' share. */
export class OwnErrorLimits {
  readonly #towardsSite = new Bucket();
  readonly #towardsUplinks = new Bucket();
  readonly #resets = new Bucket();

  /** The packet, if the limit of its kind and side lets it pass. */
  passed(plan: Plan, packet: OutgoingPacket, nowUs: number): OutgoingPacket | undefined {
    return this.#bucketOf(plan, packet).take(plan.errorRate, nowUs) ? packet : undefined;
  }

  #bucketOf(plan: Plan, { device, kind }: OutgoingPacket): Bucket {
    if (kind === 'TcpReset') {
      return this.#resets;
    }
    return isInternal(deviceAt(plan, device)) ? this.#towardsSite : this.#towardsUplinks;
  }
}

/** The error about a packet, or none where none may be sent. */
export function icmpError(
  plan: Plan,
  packet: Packet,
  ingress: number,
  request: ErrorRequest,
): OutgoingPacket | undefined {
  const device = packet.family === 4 ? egress4(plan, packet, ingress) : egress6(plan, packet, ingress);
  const octets =
    packet.family === 4
      ? icmpError4(packet, deviceAt(plan, ingress), deviceAt(plan, device), request)
      : icmpError6(packet, deviceAt(plan, device), request);
  return octets && { device, octets, kind: 'IcmpError' };
}

/** Towards the site by the route of the offender's source, towards an uplink by that uplink (MWAN-6). */
function egress4(plan: Plan, packet: Ipv4Packet, ingress: number): number {
  return isInternal(deviceAt(plan, ingress)) ? (internalRoute4(plan, packet.source) ?? ingress) : ingress;
}

function egress6(plan: Plan, packet: Ipv6Packet, ingress: number): number {
  return isInternal(deviceAt(plan, ingress)) ? (internalRoute6(plan, packet.source) ?? ingress) : ingress;
}

function icmpError4(
  packet: Ipv4Packet,
  ingress: PlanDevice,
  egress: PlanDevice,
  request: ErrorRequest,
): Uint8Array | undefined {
  const source = egress.ipv4[0]?.address; // 1812-SRC
  if (source === undefined || !mayCauseError4(packet, ingress)) {
    return undefined;
  }
  const lengthMax = Math.min(IPV4_ERROR_MAX, egress.mtu);
  const message = icmpMessage(request, packet.octets.subarray(0, lengthMax - 28));
  writeU16(message, 2, checksumOf(message));
  const header = ipv4Header(source, packet.source, ICMP, message.length);
  writeU8(header, 1, packet.tos & 0xfc); // 1812-TOS, 5508-R10d
  return finishIpv4(header, message);
}

/** 1812-WHEN. */
function mayCauseError4(packet: Ipv4Packet, ingress: PlanDevice): boolean {
  const { transport } = packet;
  const isOtherThanEcho = transport.kind === 'icmp' && transport.type !== 0 && transport.type !== 8;
  const isBroadcastOrFragment =
    packet.fragmentOffset > 0 || isBroadcast(packet.destination, ingress) || isBroadcast(packet.source, ingress);
  return !isOtherThanEcho && !isBroadcastOrFragment;
}

function icmpError6(packet: Ipv6Packet, egress: PlanDevice, request: ErrorRequest): Uint8Array | undefined {
  const own = egress.ipv6[0]; // 4443-2.2
  if (own === undefined || !mayCauseError6(packet)) {
    return undefined;
  }
  const message = icmpMessage(request, packet.octets.subarray(0, IPV6_ERROR_MAX - 48));
  const header = ipv6Header(ipv6FromOctets(own.address), packet.source, ICMPV6, message.length);
  writeU32(header, 0, 0x60000000 + (packet.trafficClass & 0xfc) * 0x100000);
  const pseudoHeader = onesComplementSum(header.subarray(8), message.length + ICMPV6);
  writeU16(message, 2, checksumOf(message, pseudoHeader));
  return concatOctets(header, message);
}

/** 4443-2.4e; multicast and unspecified addresses have been dropped before. */
function mayCauseError6(packet: Ipv6Packet): boolean {
  const type = packet.icmpType;
  const isErrorOrDiscovery = type !== undefined && (type < 128 || (type >= 133 && type <= 137));
  return !isErrorOrDiscovery && packet.fragmentOffset === 0;
}

function icmpMessage(request: ErrorRequest, quote: Uint8Array): Uint8Array {
  const header = new Uint8Array(8);
  writeU8(header, 0, request.type);
  writeU8(header, 1, request.code);
  writeU32(header, 4, request.word);
  return concatOctets(header, quote);
}

/** The reset that answers a segment, by the device it came in by. */
export function tcpReset(packet: Packet, segment: TcpHeader, ingress: number): OutgoingPacket {
  const message = resetSegment(segment);
  const octets = packet.family === 4 ? reset4(packet, message) : reset6(packet, message);
  return { device: ingress, octets, kind: 'TcpReset' };
}

/** The reset of a session that its internal host is told of unasked: from the remote endpoint, as the host sees it. */
export function resetOfSession4(from: Endpoint, to: Endpoint, track: SequenceTrack): Uint8Array {
  return reset4({ source: to.address, destination: from.address }, trackReset(from.port, to.port, track));
}

/** The same of IPv6. */
export function resetOfSession6(from: Endpoint6, to: Endpoint6, track: SequenceTrack): Uint8Array {
  return reset6({ source: to.address, destination: from.address }, trackReset(from.port, to.port, track));
}

/** Like the answer to a segment that acknowledges what is expected, or that ends there. */
function trackReset(sourcePort: number, destinationPort: number, track: SequenceTrack): Uint8Array {
  const { acknowledged, expected } = track;
  return resetMessage(sourcePort, destinationPort, acknowledged ? { sequence: expected } : { acknowledges: expected });
}

function resetSegment(segment: TcpHeader): Uint8Array {
  const { sequence, payloadLength, acknowledgement, sourcePort, destinationPort, flags } = segment;
  const end = (sequence + payloadLength + Number(flags.syn) + Number(flags.fin)) >>> 0;
  return resetMessage(destinationPort, sourcePort, flags.ack ? { sequence: acknowledgement } : { acknowledges: end });
}

/** Without checksum. */
function resetMessage(
  sourcePort: number,
  destinationPort: number,
  about: { readonly sequence: number } | { readonly acknowledges: number },
): Uint8Array {
  const message = new Uint8Array(20);
  writeU16(message, 0, sourcePort);
  writeU16(message, 2, destinationPort);
  writeU8(message, 12, 0x50);
  if ('sequence' in about) {
    writeU32(message, 4, about.sequence);
    writeU8(message, 13, 0x04);
  } else {
    writeU32(message, 8, about.acknowledges);
    writeU8(message, 13, 0x14);
  }
  return message;
}

function reset4(packet: Pick<Ipv4Packet, 'source' | 'destination'>, message: Uint8Array): Uint8Array {
  const header = ipv4Header(packet.destination, packet.source, TCP, message.length);
  const pseudoHeader = onesComplementSum(header.subarray(12), message.length + TCP);
  writeU16(message, 16, checksumOf(message, pseudoHeader));
  return finishIpv4(header, message);
}

function reset6(packet: Pick<Ipv6Packet, 'source' | 'destination'>, message: Uint8Array): Uint8Array {
  const header = ipv6Header(packet.destination, packet.source, TCP, message.length);
  const pseudoHeader = onesComplementSum(header.subarray(8), message.length + TCP);
  writeU16(message, 16, checksumOf(message, pseudoHeader));
  return concatOctets(header, message);
}

function ipv4Header(source: number, destination: number, protocol: number, payloadLength: number): Uint8Array {
  const header = new Uint8Array(20);
  writeU8(header, 0, 0x45);
  writeU16(header, 2, 20 + payloadLength);
  writeU16(header, 6, 0x4000);
  writeU8(header, 8, HOP_LIMIT);
  writeU8(header, 9, protocol);
  writeU32(header, 12, source);
  writeU32(header, 16, destination);
  return header;
}

function ipv6Header(source: bigint, destination: bigint, nextHeader: number, payloadLength: number): Uint8Array {
  const header = new Uint8Array(40);
  writeU8(header, 0, 0x60);
  writeU16(header, 4, payloadLength);
  writeU8(header, 6, nextHeader);
  writeU8(header, 7, HOP_LIMIT);
  writeU128(header, 8, source);
  writeU128(header, 24, destination);
  return header;
}

function finishIpv4(header: Uint8Array, message: Uint8Array): Uint8Array {
  writeU16(header, 10, checksumOf(header));
  return concatOctets(header, message);
}
