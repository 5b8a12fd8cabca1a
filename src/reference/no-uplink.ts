/** Why a packet has nowhere to go ("Policies" in docs/decisions.md). */
import type { Plan } from '../plan/plan.ts';
import type { Ipv4Packet, Ipv6Packet, TcpHeader } from './packet.ts';
import { isCarried } from './policies.ts';
import { TCP } from './protocol.ts';
import { readTcp } from './tcp-header.ts';
import { traffic4 } from './traffic.ts';
import { type Dropped, dropped, droppedWithReset, ERROR4, ERROR6 } from './verdict.ts';

/** Whoever calls by TCP is to try another way at once (8305-2); an uplink that carries IPv4 may come back (1812-UNREACH). */
export function noUplink4(plan: Plan, packet: Ipv4Packet): Dropped {
  if (packet.transport.kind === 'tcp' && isCall(packet.transport)) {
    return droppedWithReset('NoUplink');
  }
  const error = isCarried(plan, traffic4(packet)) ? ERROR4.hostUnreachable : ERROR4.networkUnreachable;
  return dropped('NoUplink', error);
}

export function noUplink6(packet: Ipv6Packet): Dropped {
  const isVisible = packet.protocol === TCP && packet.fragmentOffset === 0;
  const segment = isVisible ? readTcp(packet.octets.subarray(packet.upperOffset)) : undefined;
  return segment !== undefined && isCall(segment) ? droppedWithReset('NoUplink') : dropped('NoUplink', ERROR6.noRoute); // 8305-2
}

/** A reset is never answered by another. */
function isCall({ flags }: TcpHeader): boolean {
  return flags.syn && !flags.ack && !flags.rst;
}
