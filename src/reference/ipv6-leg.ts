/** One crossing of the border by IPv6: what it works with and what it gives. */
import type { Plan } from '../plan/plan.ts';
import type { FilterSessions } from './filter-sessions.ts';
import type { FragmentTable6 } from './fragment-table.ts';
import type { HeldPackets } from './held-packets.ts';
import type { Ipv6Packet } from './packet.ts';
import type { TranslatorOptions } from './translator.ts';
import type { Dropped } from './verdict.ts';
import type { Workers } from './workers.ts';

export interface Ipv6Context {
  readonly plan: Plan;
  readonly filter: FilterSessions;
  readonly fragments: FragmentTable6;
  readonly held: HeldPackets;
  /** All workers: sessions, fragments, held packets and options are those of one of them. */
  readonly workers: Workers;
  readonly options: TranslatorOptions;
  readonly nowUs: number;
  /** Index of the device that the packet came in by. */
  readonly ingress: number;
}

/** The context of the worker that an internal address belongs to. */
export function ownedBy6(context: Ipv6Context, internal: bigint): Ipv6Context {
  const { filter, fragments6, held, options } = context.workers.ofAddress6(internal);
  return { ...context, filter, fragments: fragments6, held, options };
}

/** A packet that has been checked and translated, and not yet sent. */
export interface Crossed6 {
  readonly kind: 'crossed';
  readonly packet: Ipv6Packet;
  readonly device: number;
}

export type Leg6 = Crossed6 | Dropped;
