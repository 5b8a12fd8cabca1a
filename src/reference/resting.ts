/** Which ports rest when their mapping has ended ("Lifetimes" in docs/decisions.md; 6888-R8). */
import type { Plan } from '../plan/plan.ts';
import { sameEndpoint } from './address.ts';
import type { Mapping, Pool } from './mapping-table.ts';
import { shareOf } from './port-owner.ts';
import { isPortless } from './protocol.ts';
import { staticOfInternal } from './static-mappings.ts';
import { uplinkAt } from './steering.ts';

/** Whether the port of a mapping may rest at all: it is one of a pool of the plan, and nobody else would get it anyhow. */
export function mayRest(plan: Plan, { slot, protocol, internal, external }: Omit<Mapping, 'sessions'>): boolean {
  const isPooled = uplinkAt(plan, slot)?.ipv4?.pool.includes(external.address) === true;
  const fixed = staticOfInternal(plan, slot, protocol, internal);
  const isStatic = fixed !== undefined && sameEndpoint(fixed.external, external);
  return isPooled && !isStatic && !isPortless(protocol);
}

/** Whether one more port may rest where so many do already. */
export function hasRoomToRest(
  plan: Plan,
  resting: { readonly workers: number; restingPortsOf(pool: Pool): number },
  pool: Pool,
): boolean {
  return resting.restingPortsOf(pool) < shareOf(plan.nat44.restingPortsMax, resting.workers);
}
