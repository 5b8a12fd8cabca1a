/** What every router does with a packet it sends on: hop limit, MTU, fragmentation ("Forwarding" in docs/decisions.md). */
import type { Plan } from '../plan/plan.ts';
import { checksumOf } from './checksum.ts';
import { concatOctets, writeU8, writeU16 } from './octets.ts';
import type { Ipv4Packet, Ipv6Packet } from './packet.ts';
import { withTtlLess } from './rewrite.ts';
import { deviceAt } from './steering.ts';
import { type Dropped, dropped, ERROR4, ERROR6, type Forwarded, type Outcome } from './verdict.ts';

/** Why a packet may not leave by a device, if so. */
export type ForwardingCheck = (plan: Plan, packet: Ipv4Packet, device: number) => Dropped | undefined;

/** Hop limit, then MTU. */
export function checkForwarding4(plan: Plan, packet: Ipv4Packet, device: number): Dropped | undefined {
  return checkHopLimit4(packet) ?? checkMtu4(plan, packet, device);
}

export function checkHopLimit4(packet: Ipv4Packet): Dropped | undefined {
  return packet.ttl <= 1 ? dropped('HopLimitExceeded', ERROR4.timeExceeded) : undefined; // 1812-TTL2
}

export function checkMtu4(plan: Plan, packet: Ipv4Packet, device: number): Dropped | undefined {
  const { mtu } = deviceAt(plan, device);
  if (packet.octets.length <= mtu) {
    return undefined;
  }
  if (packet.dontFragment) {
    return dropped('TooBig', ERROR4.fragmentationNeeded(mtu)); // 4787-R13, 6864-4.3
  }
  return packet.headerLength > 20 ? dropped('TooBig') : undefined;
}

/** Forwards without translation. */
export function forward4(plan: Plan, packet: Ipv4Packet, device: number): Outcome {
  return checkForwarding4(plan, packet, device) ?? emit4(plan, withTtlLess(packet), device);
}

/** Sends a checked packet as it is, in fragments where the link takes no more (4787-R13a). */
export function emit4(plan: Plan, packet: Ipv4Packet, device: number): Forwarded {
  const { mtu } = deviceAt(plan, device);
  const pieces = packet.octets.length <= mtu ? [packet.octets] : fragment(packet, mtu);
  return { kind: 'forwarded', device, pieces };
}

function fragment(packet: Ipv4Packet, mtu: number): Uint8Array[] {
  const data = packet.octets.subarray(packet.headerLength);
  const dataMax = Math.floor((mtu - packet.headerLength) / 8) * 8;
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += dataMax) {
    const part = data.subarray(at, at + dataMax);
    const moreFragments = packet.moreFragments || at + part.length < data.length;
    pieces.push(fragmentOf(packet, part, packet.fragmentOffset + at, moreFragments));
  }
  return pieces;
}

function fragmentOf(packet: Ipv4Packet, data: Uint8Array, offset: number, moreFragments: boolean): Uint8Array {
  const octets = concatOctets(packet.octets.subarray(0, packet.headerLength), data);
  writeU16(octets, 2, octets.length);
  writeU16(octets, 6, (moreFragments ? 0x2000 : 0) | (offset / 8));
  writeU16(octets, 10, 0);
  writeU16(octets, 10, checksumOf(octets.subarray(0, packet.headerLength)));
  return octets;
}

/** Hop limit, then MTU. */
export function checkForwarding6(plan: Plan, packet: Ipv6Packet, device: number): Dropped | undefined {
  return checkHopLimit6(packet) ?? checkMtu6(plan, packet, device);
}

export function checkHopLimit6(packet: Ipv6Packet): Dropped | undefined {
  return packet.hopLimit <= 1 ? dropped('HopLimitExceeded', ERROR6.hopLimitExceeded) : undefined; // 4443-TE
}

export function checkMtu6(plan: Plan, packet: Ipv6Packet, device: number): Dropped | undefined {
  const { mtu } = deviceAt(plan, device);
  return packet.octets.length <= mtu ? undefined : dropped('TooBig', ERROR6.packetTooBig(mtu)); // 4443-PTB, 8200-F3
}

/** Sends a checked packet with one hop less to live. */
export function emit6(octets: Uint8Array, device: number, hopLimit: number): Forwarded {
  const sent = octets.slice();
  writeU8(sent, 7, hopLimit - 1);
  return { kind: 'forwarded', device, pieces: [sent] };
}

/** Forwards without translation. */
export function forward6(plan: Plan, packet: Ipv6Packet, device: number): Outcome {
  return checkForwarding6(plan, packet, device) ?? emit6(packet.octets, device, packet.hopLimit);
}
