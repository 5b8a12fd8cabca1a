/** Health and policy become what new traffic takes: what people are told of it, and what the plan says. */
import type { NptdConfig, PolicyConfig } from '../../config/config.ts';
import type { PolicyChoice } from '../../plan/policy.ts';
import { FAMILIES, type Family } from '../family.ts';
import { type ChoiceStep, chooseFamily, type FamilyChoice, type FamilyMemory, NO_MEMORY } from './family-choice.ts';
import { isAlive, type Member, membersOf, type Site } from './standing.ts';

/** What new traffic of one policy and family takes. */
export interface Selection {
  readonly policy: string;
  readonly family: Family;
  /** Absent: no uplink of the policy carries the family, or none may be used. */
  readonly uplink?: string;
  /** All uplinks that share new flows; empty where none is alive. */
  readonly uplinks: readonly string[];
  /** The uplink is a last resort: it is down, and so is every other one of the policy. */
  readonly lastResort: boolean;
  /** Uplinks that work, and that established flows are told to leave. */
  readonly leave: readonly string[];
  /** Why, as a sentence without a full stop. */
  readonly reason: string;
}

/** By policy and family. */
export type SelectionMemory = ReadonlyMap<string, FamilyMemory>;

export interface SelectionStep {
  /** One for each policy and family, in the order of the policies. */
  readonly selections: readonly Selection[];
  /** For the plan, by policy. */
  readonly choices: ReadonlyMap<string, PolicyChoice>;
  readonly memory: SelectionMemory;
}

export function selectAll(config: NptdConfig, site: Site, before: SelectionMemory, nowMs: number): SelectionStep {
  const { policies, nat44 } = config;
  const { udpMs, otherMs, icmpMs } = nat44.timeouts;
  const idleMs = Math.max(udpMs, otherMs, icmpMs);
  const selections: Selection[] = [];
  const choices = new Map<string, PolicyChoice>();
  const memory = new Map<string, FamilyMemory>();
  for (const policy of policies) {
    const steps = new Map<Family, ChoiceStep & { readonly members: readonly Member[] }>();
    for (const family of FAMILIES) {
      const key = `${policy.name} ${family}`;
      const members = membersOf(policy, fallbackOf(policy, policies), family, site);
      const facts = { members, memory: before.get(key) ?? NO_MEMORY, nowMs, idleMs };
      const step = chooseFamily(policy, facts);
      memory.set(key, step.memory);
      steps.set(family, { ...step, members });
      selections.push(selectionOf(policy, family, step.choice, refuses(policy, policies)));
    }
    choices.set(policy.name, choiceOf(steps.get(4), steps.get(6), refuses(policy, policies)));
  }
  return { selections, choices, memory };
}

/** The policy that takes over when no uplink of this one is alive. */
function fallbackOf(policy: PolicyConfig, policies: readonly PolicyConfig[]): PolicyConfig | undefined {
  const last = policies.at(-1);
  return policy === last || policy.otherwise === 'refuse' ? undefined : last;
}

function refuses(policy: PolicyConfig, policies: readonly PolicyConfig[]): boolean {
  const fallback = fallbackOf(policy, policies);
  if (fallback !== undefined) return fallback.lastResort === 'refuse';
  return policy === policies.at(-1) ? policy.lastResort === 'refuse' : true;
}

function selectionOf(
  { name: policy }: PolicyConfig,
  family: Family,
  { active, lastResort, leave, reason }: FamilyChoice,
  refuse: boolean,
): Selection {
  const uplink = active[0] ?? (refuse ? undefined : lastResort);
  return {
    policy,
    family,
    ...(uplink === undefined ? {} : { uplink }),
    uplinks: active,
    lastResort: uplink !== undefined && active.length === 0,
    leave,
    reason,
  };
}

type FamilyStep = (ChoiceStep & { readonly members: readonly Member[] }) | undefined;

/**
 * Both families share one order and one list of weights; what one of them alone must not take, it shuns. The order is
 * that of IPv4 where that can send anything.
 */
function choiceOf(step4: FamilyStep, step6: FamilyStep, refuse: boolean): PolicyChoice {
  const [first, second] = [step4, step6].toSorted((a, b) => Number(isIdle(a)) - Number(isIdle(b)));
  const prefer = [...new Set([...(first?.choice.order ?? []), ...(second?.choice.order ?? [])])];
  const weights = new Map<string, number>();
  for (const { choice, members } of [step4, step6].flatMap((step) => step ?? [])) {
    if (choice.active.length < 2) continue;
    for (const { name, weight } of members) if (choice.active.includes(name)) weights.set(name, weight);
  }
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

function isIdle(step: FamilyStep): boolean {
  return step === undefined || step.choice.active.length === 0;
}

/** What the data path would take in place of what was chosen. */
function shunned(step: FamilyStep, prefer: readonly string[], weights: ReadonlyMap<string, number>): string[] {
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
