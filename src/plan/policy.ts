/** A policy of the configuration → the policy of a plan. */
import type { PolicyConfig } from '../config/config.ts';
import { planMatches } from './matches.ts';
import type { PlanPolicy } from './plan.ts';
import { type SlotAssignment, slotOf } from './slots.ts';

/** Names of the uplinks of a policy, in order of preference. */
export function preferredUplinks({ prefer }: PolicyConfig): string[] {
  return prefer.flatMap((tier) => tier.map(({ uplink }) => uplink));
}

/** What health makes of a policy. Uplinks are names. */
export interface PolicyChoice {
  readonly prefer: readonly string[];
  /** In the order of `prefer`; 0: no share of its own. */
  readonly weights: readonly number[];
  /** What new flows of a family must not take, although it is usable. */
  readonly shun4: readonly string[];
  readonly shun6: readonly string[];
  /** What established flows of a family leave, although it is usable. */
  readonly leave4: readonly string[];
  readonly leave6: readonly string[];
  /** Whether new flows are refused where no uplink is alive. */
  readonly refuse: boolean;
}

/** @param choice absent: what follows from the configuration alone */
export function planPolicy(
  policy: PolicyConfig,
  number: number,
  slots: SlotAssignment,
  choice: PolicyChoice = choiceByConfig(policy),
): PlanPolicy {
  const matches = policy.matches.flatMap(planMatches);
  const { prefer, weights, refuse } = choice;
  const slotsOf = (names: readonly string[]): number[] => names.map((name) => slotOf(slots, name));
  return {
    prefer: slotsOf(prefer),
    number,
    ...(policy.matches.length === 0 ? {} : { matches }),
    ...(weights.some((weight) => weight > 0) ? { weights } : {}),
    persistence: policy.persistence,
    ...(choice.shun4.length === 0 ? {} : { shun4: slotsOf(choice.shun4) }),
    ...(choice.shun6.length === 0 ? {} : { shun6: slotsOf(choice.shun6) }),
    ...(choice.leave4.length === 0 ? {} : { leave4: slotsOf(choice.leave4) }),
    ...(choice.leave6.length === 0 ? {} : { leave6: slotsOf(choice.leave6) }),
    refuse,
    onFailure: policy.onFailure,
  };
}

function choiceByConfig(policy: PolicyConfig): PolicyChoice {
  return {
    prefer: preferredUplinks(policy),
    weights: policy.prefer.flatMap((tier) => tier.map(({ weight }) => (tier.length > 1 ? weight : 0))),
    shun4: [],
    shun6: [],
    leave4: [],
    leave6: [],
    refuse: isDefault(policy) ? policy.lastResort === 'refuse' : policy.otherwise === 'refuse',
  };
}

function isDefault({ name }: PolicyConfig): boolean {
  return name === 'default';
}
