/** One crossing of NAT44: what it works with and what it gives. */
import type { Plan, PlanUplink } from '../plan/plan.ts';
import type { FragmentTable } from './fragment-table.ts';
import type { HeldPackets } from './held-packets.ts';
import type { Hosts } from './host-limits.ts';
import type { Identifications } from './identification.ts';
import type { MappingTable, Session } from './mapping-table.ts';
import type { Ipv4Packet } from './packet.ts';
import type { TranslatorOptions } from './translator.ts';
import type { Dropped } from './verdict.ts';
import type { Worker, Workers } from './workers.ts';

export interface Nat44Context {
  readonly plan: Plan;
  readonly table: MappingTable;
  readonly hosts: Hosts;
  readonly fragments: FragmentTable;
  readonly held: HeldPackets;
  readonly identifications: Identifications;
  /** All workers: table, held packets, identifications and options are those of one of them. */
  readonly workers: Workers;
  readonly options: TranslatorOptions;
  readonly nowUs: number;
  /** Index of the device that the packet came in by. */
  readonly ingress: number;
}

/** What is special about the way of a packet from the site. */
export interface OutboundWay {
  /** The uplink whose address it was sent to: it is hairpinned. */
  readonly target?: PlanUplink | undefined;
  /** The session of a packet that was sent to the gateway. */
  readonly gatewaySourced?: Session | undefined;
}

/** A packet that has been checked and translated (or is routed untranslated), and not yet sent. */
export interface Crossed {
  readonly kind: 'crossed';
  readonly packet: Ipv4Packet;
  readonly device: number;
  /** False: routed as it is. */
  readonly translated: boolean;
  /** Whether the source is translated, so that identifications are ours to give. */
  readonly isSourceNew: boolean;
  /** Those of its owner. */
  readonly identifications: Identifications;
}

export type Leg = Crossed | Dropped;

export function crossed(
  { identifications }: Pick<Nat44Context, 'identifications'>,
  packet: Ipv4Packet,
  device: number,
  { isSourceNew }: Pick<Crossed, 'isSourceNew'>,
): Crossed {
  return { kind: 'crossed', packet, device, translated: true, isSourceNew, identifications };
}

/** A packet that goes out of a device as it is. */
export function routed({ identifications }: Nat44Context, packet: Ipv4Packet, device: number): Crossed {
  return { kind: 'crossed', packet, device, translated: false, isSourceNew: false, identifications };
}

/** The context of the worker that a flow belongs to; fragments stay where those of their datagram are. */
export function ownedBy(context: Nat44Context, { table, held, identifications, options }: Worker): Nat44Context {
  return { ...context, table, held, identifications, options };
}
