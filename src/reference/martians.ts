/**
 * Groups and addresses that never cross a router ("Groups and martians" in docs/decisions.md).
 *
 * The answer is a drop, `host-role` for the gateway itself, or `unicast` for everything that goes on.
 */
import type { Plan, PlanDevice } from '../plan/plan.ts';
import { broadcastOf, inPrefix4, inPrefix6 } from './address.ts';
import type { Ipv4Packet, Ipv6Packet } from './packet.ts';
import { isLinkLocal, owns6 } from './steering.ts';
import { type Dropped, dropped, ERROR6 } from './verdict.ts';

export type AddressClass = Dropped | 'host-role' | 'unicast';

/** Kept for examples (6092-R3). */
const DOCUMENTATION4: readonly number[] = [0xc0000200, 0xc6336400, 0xcb007100];
const DOCUMENTATION6 = 0x20010db8n << 96n;

export function classify4(plan: Plan, packet: Ipv4Packet, ingress: PlanDevice): AddressClass {
  const { source, destination } = packet;
  if (isBroadcast(destination, ingress) || inPrefix4(destination, 0xe0000000, 24)) {
    return 'host-role';
  }
  if (inPrefix4(destination, 0xe0000000, 4)) {
    return dropped('MulticastNotForwarded');
  }
  const isOurs = ingress.ipv4.some(({ address }) => address === source);
  const isNobody = isNowhere4(plan, source) || inPrefix4(source, 0xe0000000, 3);
  if (isNobody || isOurs || isBroadcast(source, ingress)) {
    return dropped('MartianSource'); // 1812-MARTIAN
  }
  if (isNowhere4(plan, destination) || inPrefix4(destination, 0xf0000000, 4)) {
    return dropped('MartianDestination'); // 1812-MARTIAN
  }
  return 'unicast';
}

/** The limited broadcast address, or the directed one of a prefix of a device. */
export function isBroadcast(address: number, device: PlanDevice): boolean {
  const directed = device.ipv4.map((own) => broadcastOf(own.address, own.prefixLength));
  return address === 0xffffffff || directed.includes(address);
}

/** This network, loopback and, where the plan says so, examples. */
function isNowhere4({ dropDocumentation }: Plan, address: number): boolean {
  const isExample = dropDocumentation === true && DOCUMENTATION4.some((prefix) => inPrefix4(address, prefix, 24));
  return isExample || inPrefix4(address, 0, 8) || inPrefix4(address, 0x7f000000, 8);
}

export function isMulticast6(address: bigint): boolean {
  return inPrefix6(address, 0xffn << 120n, 8);
}

export function classify6(plan: Plan, packet: Ipv6Packet, ingress: PlanDevice): AddressClass {
  const { source, destination } = packet;
  if (isMulticast6(source) || (source !== 0n && isNowhere6(plan, source))) {
    return dropped('MartianSource'); // 6092-R1, 6092-R3
  }
  if (isNowhere6(plan, destination)) {
    return dropped('MartianDestination'); // 6092-R3
  }
  if (isMulticast6(destination)) {
    const scope = Number((destination >> 112n) & 0x0fn);
    return scope <= 2 ? 'host-role' : dropped('MulticastNotForwarded');
  }
  if (isLinkLocal(destination)) {
    const foreign = source === 0n ? 'MartianSource' : 'MartianDestination';
    return owns6(ingress, destination) ? 'host-role' : dropped(foreign);
  }
  return 'unicast';
}

/** What a packet for another destination than the host role's may not be. */
export function checkTransit6(plan: Plan, packet: Ipv6Packet): Dropped | undefined {
  if (packet.source === 0n) {
    return dropped('MartianSource');
  }
  if (isLinkLocal(packet.source)) {
    return dropped('MartianSource', ERROR6.beyondScope); // 4443-DU
  }
  const type = packet.icmpType;
  const isBarred =
    type !== undefined &&
    (isLinkScoped(type) || isLocal(type) || (isUnassigned(type) && plan.nptv6.forwardUnassignedIcmp !== true));
  return isBarred ? dropped('IcmpTypeNotForwarded') : undefined;
}

/** Addresses of IPv4 in their two forms, among which are `::` and `::1`, and where the plan says so examples. */
function isNowhere6({ dropDocumentation }: Plan, address: bigint): boolean {
  const isExample = dropDocumentation === true && inPrefix6(address, DOCUMENTATION6, 32);
  return isExample || inPrefix6(address, 0n, 96) || inPrefix6(address, 0xffffn << 32n, 96);
}

/** 4890-NPT, 4890-T3: neighbour discovery, multicast listeners and routers, certification paths. */
function isLinkScoped(type: number): boolean {
  return (type >= 130 && type <= 137) || (type >= 141 && type <= 143) || [148, 149, 151, 152, 153].includes(type);
}

/** 4890-T5: router renumbering, node information, private experiments, and what is kept for extensions. */
function isLocal(type: number): boolean {
  return [100, 101, 127, 138, 139, 140, 200, 201, 255].includes(type);
}

/** 4890-T4: Seamoby, and what nobody has assigned. */
function isUnassigned(type: number): boolean {
  const ranges: readonly (readonly [number, number])[] = [
    [5, 99],
    [102, 126],
    [150, 150],
    [154, 199],
    [202, 254],
  ];
  return ranges.some(([low, high]) => type >= low && type <= high);
}
