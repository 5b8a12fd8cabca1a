/** Health and policy become the uplink that new traffic takes, by the rule that the data path follows packet by packet. */
import type { PolicyConfig } from '../../config/config.ts';
import { preferredUplinks } from '../../plan/policy.ts';
import { FAMILIES, type Family } from '../family.ts';
import { familyOf, isUsable, type UplinkState } from './uplink.ts';

/** What new traffic of one policy and family takes. */
export interface Selection {
  readonly policy: string;
  readonly family: Family;
  /** Absent: no uplink of the policy carries the family. */
  readonly uplink?: string;
  /** The uplink is a last resort: it is down, and so is every other one of the policy. */
  readonly lastResort: boolean;
}

/** The first usable uplink in order of preference, else the first that carries the family at all, as a last resort. */
export function selectUplink(policy: PolicyConfig, family: Family, uplinks: readonly UplinkState[]): Selection {
  const carrying = preferredUplinks(policy).flatMap((name) => {
    const uplink = uplinks.find((other) => other.name === name);
    const state = uplink && familyOf(uplink, family);
    return state === undefined ? [] : [{ name, usable: isUsable(state) }];
  });
  const usable = carrying.find((candidate) => candidate.usable);
  const chosen = usable ?? carrying[0];
  return {
    policy: policy.name,
    family,
    ...(chosen === undefined ? {} : { uplink: chosen.name }),
    lastResort: chosen !== undefined && usable === undefined,
  };
}

/** One selection per policy and family, in the order of the policies. */
export function selectAll(policies: readonly PolicyConfig[], uplinks: readonly UplinkState[]): Selection[] {
  return policies.flatMap((policy) => FAMILIES.map((family) => selectUplink(policy, family, uplinks)));
}
