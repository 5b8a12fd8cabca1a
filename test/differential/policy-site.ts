/** The policies of a site: who takes which uplink, what is kept, and what becomes of flows whose uplink is to be left. */
import type { Plan, PlanMatch, PlanPersistence, PlanPolicy } from '../../src/plan/plan.ts';
import { prefix4 } from '../support/plans.ts';
import { prefix6 } from '../support/policy-plans.ts';
import { at } from './endpoints.ts';

/** One policy by small numbers. */
export interface PolicyChoice {
  readonly matches: number;
  readonly order: number;
  readonly weights: number;
  readonly persistence: PlanPersistence;
  readonly refuse: boolean;
  readonly onFailure: number;
}

/** What events have changed about the policies. */
export interface PolicyState {
  /** Bits of (policy, family, slot). */
  readonly shunned: number;
  readonly left: number;
  /** 0: policies have no numbers of their own. */
  readonly numbers: number;
}

export const POLICIES_MAX = 3;
/** Bits of `shunned` and `left`. */
export const POLICY_BITS = POLICIES_MAX * 4;

/** By hosts, remote endpoints and fields of the sequences. */
const MATCHES: readonly (readonly PlanMatch[])[] = [
  [{ dscp: 46 }],
  [
    { protocol: 6, portLow: 80, portHigh: 80 },
    { protocol: 17, portLow: 53, portHigh: 53 },
  ],
  [{ source4: prefix4('10.0.0.8/30') }, { source6: prefix6('fd01:203:405:101::12/128') }],
  [{ destination4: prefix4('192.0.2.16/28') }, { destination6: prefix6('2001:db8:ffff::/48') }],
  [{ sourcePortLow: 5000, sourcePortHigh: 5001 }],
  [{ protocol: 1 }, { protocol: 58 }, { protocol: 132 }, { protocol: 33 }],
  [{ dscp: 0, portLow: 0, portHigh: 1023 }],
  [{ source4: prefix4('0.0.0.0/0'), protocol: 17 }, { source6: prefix6('2001:db8::/32') }],
  [],
];

const ORDERS: readonly ((prefer: readonly number[]) => readonly number[])[] = [
  (prefer) => prefer,
  (prefer) => prefer.toReversed(),
  (prefer) => prefer.slice(0, 1),
  (prefer) => prefer.slice(-1),
];

const WEIGHTS: readonly (readonly number[])[] = [[], [1, 1], [3, 1], [0, 2], [65_535, 1]];

const ON_FAILURE: readonly Partial<Pick<PlanPolicy, 'onFailure'>>[] = [
  {},
  { onFailure: { tcp: 'reset', udp: 'reset', other: 'reset' } },
  { onFailure: { tcp: 'keep', udp: 'move', other: 'keep' } },
  { onFailure: { tcp: 'reset', udp: 'keep', other: 'move' } },
  { onFailure: { tcp: 'keep', udp: 'keep', other: 'reset' } },
];

export const CHOICES = {
  matches: MATCHES.length,
  orders: ORDERS.length,
  weights: WEIGHTS.length,
  onFailure: ON_FAILURE.length,
} as const;

/**
 * The plan with policies in place of its own one, which says what the order of preference is.
 * @param keepsTcp whether no connection is ever reset: many that end in one tick would leave open which of their ports rest
 */
export function withPolicies(
  plan: Plan,
  choices: readonly PolicyChoice[],
  state: PolicyState,
  keepsTcp: boolean,
): Plan {
  const prefer = plan.policies[0]?.prefer ?? [];
  return {
    ...plan,
    policies: choices.map((choice, index) => policyOf(choice, index, choices.length, prefer, state, keepsTcp)),
  };
}

function policyOf(
  choice: PolicyChoice,
  index: number,
  count: number,
  preferred: readonly number[],
  { shunned, left, numbers }: PolicyState,
  keepsTcp: boolean,
): PlanPolicy {
  const prefer = at(ORDERS, choice.order)(preferred);
  const weights = at(WEIGHTS, choice.weights).slice(0, prefer.length);
  const { onFailure } = at(ON_FAILURE, choice.onFailure);
  const slotsOf = (bits: number, family: 0 | 1) =>
    prefer.filter((slot) => (bits >>> (index * 4 + family * 2 + slot)) & 1);
  return {
    prefer,
    persistence: choice.persistence,
    refuse: choice.refuse,
    shun4: slotsOf(shunned, 0),
    shun6: slotsOf(shunned, 1),
    leave4: slotsOf(left, 0),
    leave6: slotsOf(left, 1),
    ...(index === count - 1 ? {} : { matches: at(MATCHES, choice.matches) }),
    ...(weights.length > 0 && { weights }),
    ...(numbers === 0 ? {} : { number: (index * 7 + numbers) % 32 }),
    ...(keepsTcp
      ? { onFailure: { udp: 'move', other: 'move', ...onFailure, tcp: 'keep' } }
      : onFailure && { onFailure }),
  };
}
