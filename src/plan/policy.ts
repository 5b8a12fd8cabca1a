/** A policy of the configuration → the policy of a plan. */
import type { PolicyConfig } from '../config/config.ts';
import { planMatches } from './matches.ts';
import type { PlanPolicy } from './plan.ts';
import { type SlotAssignment, slotOf } from './slots.ts';

/** Names of the uplinks of a policy, in order of preference. */
export function preferredUplinks({ prefer }: PolicyConfig): string[] {
  return prefer.flatMap((tier) => tier.map(({ uplink }) => uplink));
}

/** What follows from the configuration alone. */
export function planPolicy(policy: PolicyConfig, number: number, slots: SlotAssignment): PlanPolicy {
  const matches = policy.matches.flatMap(planMatches);
  return {
    prefer: preferredUplinks(policy).map((name) => slotOf(slots, name)),
    number,
    ...(policy.matches.length === 0 ? {} : { matches }),
    persistence: policy.persistence,
    refuse: isDefault(policy) ? policy.lastResort === 'refuse' : policy.otherwise === 'refuse',
    onFailure: policy.onFailure,
  };
}

function isDefault({ name }: PolicyConfig): boolean {
  return name === 'default';
}
