/** One crossing of NAT44: what it works with and what it gives. */
import type { Plan } from '../plan/plan.ts';
import type { FragmentTable } from './fragment-table.ts';
import type { HeldPackets } from './held-packets.ts';
import type { Identifications } from './identification.ts';
import type { MappingTable } from './mapping-table.ts';
import type { Ipv4Packet } from './packet.ts';
import type { TranslatorOptions } from './translator.ts';
import type { Dropped } from './verdict.ts';

export interface Nat44Context {
  readonly plan: Plan;
  readonly table: MappingTable;
  readonly fragments: FragmentTable;
  readonly held: HeldPackets;
  readonly identifications: Identifications;
  readonly options: TranslatorOptions;
  readonly nowUs: number;
  /** Index of the device that the packet came in by. */
  readonly ingress: number;
}

/** A packet that has been checked and translated (or is routed untranslated), and not yet sent. */
export interface Crossed {
  readonly kind: 'crossed';
  readonly packet: Ipv4Packet;
  readonly device: number;
  /** False: routed as it is. */
  readonly translated: boolean;
}

export type Leg = Crossed | Dropped;

export function crossed(packet: Ipv4Packet, device: number): Crossed {
  return { kind: 'crossed', packet, device, translated: true };
}

/** A packet that goes out of a device as it is. */
export function routed(packet: Ipv4Packet, device: number): Crossed {
  return { kind: 'crossed', packet, device, translated: false };
}
