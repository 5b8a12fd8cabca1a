/** Opening packets from outside that nobody has asked for, until time or a session decides about them ("Held opening packets" in docs/decisions.md). */
import type { Plan, PlanUplink } from '../plan/plan.ts';
import { formatEndpoint } from './address.ts';
import { type Tick, tickAfter, tickOf } from './mapping-table.ts';
import { type DccpHeader, type Ipv4Packet, isFragment4, type Packet, type TcpHeader } from './packet.ts';
import { shareOf } from './port-owner.ts';

/** Of all uplinks and workers together. */
const HELD_MAX = 256;
/** That one tick looks at. */
const PER_TICK = 16;

const DCCP_REQUEST = 0;
const DCCP_SYNC = 8;
const DCCP_LISTEN = 10;

/** Octets that are kept of a packet, as many as an ICMP error of 576 octets can quote. */
const HELD_OCTETS_MAX = 548;

/** A packet that may be half of a simultaneous open, and its ends as received, formatted. */
export interface OpeningPacket {
  readonly packet: Packet;
  readonly protocol: number;
  readonly external: string;
  readonly remote: string;
}

export interface HeldPacket {
  readonly packet: Packet;
  readonly slot: number;
  readonly epoch: number;
  readonly dueTick: Tick;
}

export class HeldPackets {
  /** In the order of arrival. */
  readonly #held = new Map<string, HeldPacket>();
  readonly #workers: number;

  /** @param workers how many share the capacity out */
  constructor(workers: number) {
    this.#workers = workers;
  }

  /** Holds a refused packet, unless one of the same connection is held already; false where it cannot be held (5382-R4a). */
  hold(plan: Plan, uplink: PlanUplink, opening: OpeningPacket, nowUs: number): boolean {
    const { holdMs } = plan.nat44;
    if (holdMs === 0) {
      return false;
    }
    const { slot, epoch } = uplink;
    const key = keyOf(slot, opening.protocol, opening.external, opening.remote);
    if (this.#held.has(key)) {
      return true;
    }
    if (this.#held.size >= shareOf(HELD_MAX, this.#workers)) {
      return false;
    }
    const packet = { ...opening.packet, octets: opening.packet.octets.slice(0, HELD_OCTETS_MAX) };
    this.#held.set(key, { packet, slot, epoch, dueTick: tickAfter(nowUs, holdMs) });
    return true;
  }

  /** A session has been opened with these endpoints: its answers are what the sender hears. */
  discard(slot: number, protocol: number, external: string, remote: string): void {
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

/** What is to be held of an IPv4 packet, if anything. */
export function openingOf4(packet: Ipv4Packet): OpeningPacket | undefined {
  const ports = portsToHold(packet);
  return (
    ports && {
      packet,
      protocol: packet.protocol,
      external: formatEndpoint({ address: packet.destination, port: ports.destinationPort }),
      remote: formatEndpoint({ address: packet.source, port: ports.sourcePort }),
    }
  );
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

function keyOf(slot: number, protocol: number, external: string, remote: string): string {
  return [slot, protocol, external, remote].join(' ');
}
