/** Opening packets from outside that nobody has asked for, until time or a session decides about them ("Held opening packets" in docs/decisions.md). */
import type { Plan, PlanUplink } from '../plan/plan.ts';
import { type Endpoint, formatEndpoint } from './address.ts';
import { type Tick, tickAfter, tickOf } from './mapping-table.ts';
import { type DccpHeader, type Ipv4Packet, isFragment4, type TcpHeader } from './packet.ts';

/** Of all uplinks together. */
const HELD_MAX = 256;
/** That one tick looks at. */
const PER_TICK = 16;

const DCCP_REQUEST = 0;
const DCCP_SYNC = 8;
const DCCP_LISTEN = 10;

/** The error that is due quotes no more than its first 548 octets. */
export interface HeldPacket {
  readonly packet: Ipv4Packet;
  readonly slot: number;
  readonly epoch: number;
  readonly dueTick: Tick;
}

export class HeldPackets {
  /** In the order of arrival. */
  readonly #held = new Map<string, HeldPacket>();

  /** Holds a refused packet, unless one of the same connection is held already; false where it cannot be held (5382-R4a). */
  hold(plan: Plan, uplink: PlanUplink, packet: Ipv4Packet, nowUs: number): boolean {
    const { holdMs } = plan.nat44;
    const ports = portsToHold(packet);
    if (holdMs === 0 || ports === undefined) {
      return false;
    }
    const { slot, epoch } = uplink;
    const external = { address: packet.destination, port: ports.destinationPort };
    const key = keyOf(slot, packet.protocol, external, { address: packet.source, port: ports.sourcePort });
    if (this.#held.has(key)) {
      return true;
    }
    if (this.#held.size >= HELD_MAX) {
      return false;
    }
    this.#held.set(key, { packet, slot, epoch, dueTick: tickAfter(nowUs, holdMs) });
    return true;
  }

  /** A session has been opened with these endpoints: its answers are what the sender hears. */
  discard(slot: number, protocol: number, external: Endpoint, remote: Endpoint): void {
    this.#held.delete(keyOf(slot, protocol, external, remote));
  }

  /** Takes out what is due. */
  takeDue(nowUs: number): HeldPacket[] {
    const tick = tickOf(nowUs);
    const eldest = [...this.#held].slice(0, PER_TICK);
    const firstLater = eldest.findIndex(([, { dueTick }]) => dueTick > tick);
    const due = firstLater === -1 ? eldest : eldest.slice(0, firstLater);
    for (const [key] of due) {
      this.#held.delete(key);
    }
    return due.map(([, held]) => held);
  }
}

/** The ports of a packet that may be part of a simultaneous open; undefined for all others, which are not held (5382-R4, 5597-R4). */
function portsToHold(packet: Ipv4Packet): TcpHeader | DccpHeader | undefined {
  const { transport } = packet;
  if (isFragment4(packet)) {
    return undefined;
  }
  switch (transport.kind) {
    case 'tcp': {
      const { syn, ack, rst } = transport.flags;
      return syn && !ack && !rst ? transport : undefined;
    }
    case 'dccp':
      return [DCCP_REQUEST, DCCP_SYNC, DCCP_LISTEN].includes(transport.type) ? transport : undefined;
    case 'udp':
    case 'udp-lite':
    case 'icmp':
    case 'opaque':
      return undefined;
  }
}

function keyOf(slot: number, protocol: number, external: Endpoint, remote: Endpoint): string {
  return [slot, protocol, formatEndpoint(external), formatEndpoint(remote)].join(' ');
}
