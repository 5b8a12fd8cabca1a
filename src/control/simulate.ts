/** What would follow if uplinks were in another state: the decisions of the control plane, without their effects. Pure. */
import type { OnFailureConfig } from '../config/config.ts';
import { FAMILIES, type Family } from './family.ts';
import type { HealthStatus } from './multihoming/health.ts';
import { interrupted } from './multihoming/reachability.ts';
import { type Selection, selectAll } from './multihoming/selection.ts';
import { UPLINK_MODES, type UplinkMode } from './multihoming/standing.ts';
import { familyOf, type UplinkState, withFamily } from './multihoming/uplink.ts';
import type { ControlState } from './state.ts';

/** States that may be assumed of an uplink: one of health, or what an operator wants. */
export const ASSUMED_STATES = ['up', 'degraded', 'down', ...UPLINK_MODES] as const;
export type AssumedState = (typeof ASSUMED_STATES)[number];

export interface Assumption {
  readonly uplink: string;
  /** Absent: both. Without meaning for what an operator wants. */
  readonly family?: Family | undefined;
  readonly state: AssumedState;
}

/** What becomes of one policy in one family. */
export interface SimulatedPolicy {
  readonly policy: string;
  readonly family: Family;
  /** Uplinks that new flows take now, and would take; empty: none. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** Whether they would take it because nothing better is left. */
  readonly lastResort: boolean;
  readonly reason: string;
  /** What becomes of established flows, uplink by uplink; none: they stay as they are. */
  readonly flows: readonly SimulatedFlows[];
}

export interface SimulatedFlows {
  readonly uplink: string;
  /** By the policy's `on-failure`; absent: they stay, since there is nowhere else to go. */
  readonly leave?: OnFailureConfig;
}

/** One entry for each policy and family that carries anything, in the order of the policies. */
export function simulate(state: ControlState, assumptions: readonly Assumption[]): SimulatedPolicy[] {
  const { site } = state;
  if (site === undefined) return [];
  const assumed = assume(state, assumptions);
  const { selections } = selectAll(site.config, assumed, state.memory, state.clock.nowMs);
  return selections.flatMap((now): SimulatedPolicy[] => {
    const before = state.selections.find(({ policy, family }) => policy === now.policy && family === now.family);
    const policy = site.config.policies.find(({ name }) => name === now.policy);
    const [from, to] = [before === undefined ? [] : taken(before), taken(now)];
    if (policy === undefined || (from.length === 0 && to.length === 0)) return [];
    const { family, lastResort, reason } = now;
    const flows = flowsOf(from, now, assumed, policy.onFailure);
    return [{ policy: now.policy, family, from, to, lastResort, reason, flows }];
  });
}

function assume(state: ControlState, assumptions: readonly Assumption[]): ControlState {
  const modes = new Map(state.modes);
  let { uplinks } = state;
  for (const { uplink, family, state: assumed } of assumptions) {
    if (isMode(assumed)) modes.set(uplink, assumed);
    else uplinks = uplinks.map((one) => (one.name === uplink ? withHealth(one, family, assumed) : one));
  }
  return { ...state, uplinks, modes };
}

function isMode(assumed: AssumedState): assumed is UplinkMode {
  return UPLINK_MODES.some((mode) => mode === assumed);
}

function withHealth(uplink: UplinkState, only: Family | undefined, status: HealthStatus): UplinkState {
  return FAMILIES.filter((family) => only === undefined || only === family).reduce((current, family) => {
    const state = familyOf(current, family);
    if (state === undefined) return current;
    return withFamily(current, family, {
      ...state,
      health: { ...state.health, status, reach: interrupted(state.health.reach) },
    });
  }, uplink);
}

function taken({ uplink, uplinks }: Selection): readonly string[] {
  if (uplinks.length > 0) return uplinks;
  return uplink === undefined ? [] : [uplink];
}

function flowsOf(
  from: readonly string[],
  now: Selection,
  { uplinks, modes }: ControlState,
  onFailure: OnFailureConfig,
): SimulatedFlows[] {
  const isDead = (name: string): boolean => {
    const uplink = uplinks.find((other) => other.name === name);
    const state = uplink && familyOf(uplink, now.family);
    return modes.get(name) === 'disabled' || state?.health.status === 'down';
  };
  const leaving = [...new Set([...from.filter(isDead), ...now.leave])];
  return leaving.map((uplink) => {
    const elsewhere = now.uplinks.some((other) => other !== uplink);
    return elsewhere ? { uplink, leave: onFailure } : { uplink };
  });
}
