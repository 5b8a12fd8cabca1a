/** One crossing of NAT44: what it works with and what it gives. */
import type { Plan } from '../plan/plan.ts';
import type { MappingTable } from './mapping-table.ts';
import type { Ipv4Packet } from './packet.ts';
import type { TranslatorOptions } from './translator.ts';
import type { Dropped } from './verdict.ts';

export interface Nat44Context {
  readonly plan: Plan;
  readonly table: MappingTable;
  readonly options: TranslatorOptions;
  readonly nowUs: number;
}

/** A packet that has been checked and translated (or is routed untranslated), and not yet sent. */
export interface Crossed {
  readonly kind: 'crossed';
  readonly packet: Ipv4Packet;
  readonly device: number;
}

export type Leg = Crossed | Dropped;

export function crossed(packet: Ipv4Packet, device: number): Crossed {
  return { kind: 'crossed', packet, device };
}
