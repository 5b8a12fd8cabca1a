/**
 * What both families of a policy have chosen becomes what the plan says of it. They share one order and one list of weights;
 * what one of them alone must not take, it shuns.
 */
import type { PolicyChoice } from '../../plan/policy.ts';
import type { Family } from '../family.ts';
import type { FamilyChoice } from './family-choice.ts';
import { isAlive, type Member } from './standing.ts';

/** What one family has chosen, and from what. */
export interface FamilyStep {
  readonly family: Family;
  readonly members: readonly Member[];
  readonly choice: FamilyChoice;
}

export function policyChoice(steps: readonly FamilyStep[], refuse: boolean): PolicyChoice {
  const prefer = orderOf(steps);
  const weights = new Map<string, number>();
  for (const { choice, members } of steps) {
    if (choice.active.length < 2) continue;
    for (const { name, weight } of members) if (choice.active.includes(name)) weights.set(name, weight);
  }
  const [step4, step6] = [4, 6].map((family) => steps.find((step) => step.family === family));
  return {
    prefer,
    weights: prefer.map((name) => weights.get(name) ?? 0),
    shun4: shunned(step4, prefer, weights),
    shun6: shunned(step6, prefer, weights),
    leave4: step4?.choice.leave ?? [],
    leave6: step6?.choice.leave ?? [],
    refuse,
  };
}

/** A family with nothing but a last resort has no other way to say which than by the order; then IPv4 goes first. */
function orderOf(steps: readonly FamilyStep[]): string[] {
  const urgency = ({ choice: { active, lastResort } }: FamilyStep): number =>
    active.length > 0 ? 1 : lastResort === undefined ? 2 : 0;
  const orders = steps.toSorted((a, b) => urgency(a) - urgency(b)).map(({ choice }) => choice.order);
  return [...new Set(orders.flat())];
}

/** What the data path would take in place of what was chosen. */
function shunned(
  step: FamilyStep | undefined,
  prefer: readonly string[],
  weights: ReadonlyMap<string, number>,
): string[] {
  if (step === undefined) return [];
  const { active, shun } = step.choice;
  const place = Math.min(...active.map((name) => prefer.indexOf(name)));
  const shares = active.some((name) => weights.has(name));
  const misleads = (name: string): boolean => {
    if (active.includes(name)) return false;
    return weights.has(name) || (!shares && prefer.indexOf(name) < place);
  };
  const alive = step.members.filter(isAlive).map(({ name }) => name);
  return [...new Set([...shun, ...alive.filter(misleads)])];
}
