/** Health and policy become what new traffic takes: what people are told of it, and what the plan says. */
import type { NptdConfig, PolicyConfig } from '../../config/config.ts';
import type { PolicyChoice } from '../../plan/policy.ts';
import { FAMILIES, type Family } from '../family.ts';
import { chooseFamily, type FamilyMemory, NO_MEMORY } from './family-choice.ts';
import { type FamilyStep, policyChoice } from './policy-choice.ts';
import { isLastResort, membersOf, type Site } from './standing.ts';

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
    const refuse = refuses(policy, policies);
    const steps = FAMILIES.map((family): FamilyStep => {
      const key = `${policy.name} ${family}`;
      const members = membersOf(policy, fallbackOf(policy, policies), family, site);
      const step = chooseFamily(policy, { members, memory: before.get(key) ?? NO_MEMORY, nowMs, idleMs });
      memory.set(key, step.memory);
      return { family, members, choice: step.choice };
    });
    const choice = policyChoice(steps, refuse);
    choices.set(policy.name, choice);
    selections.push(...steps.map((step) => selectionOf(policy, step, choice)));
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
  { family, members, choice }: FamilyStep,
  plan: PolicyChoice,
): Selection {
  const { active, leave, reason } = choice;
  const isLast = (name: string): boolean => members.some((member) => member.name === name && isLastResort(member));
  const uplink = active[0] ?? (plan.refuse ? undefined : plan.prefer.find(isLast));
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
