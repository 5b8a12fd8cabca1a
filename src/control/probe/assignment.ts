/** Which probes run where: one assignment per uplink and family that has targets. */
import type { ProbeTransport } from '../../config/config.ts';
import type { ProbeOptions } from '../../native/data-plane.ts';
import { FAMILIES, type Family } from '../family.ts';
import { isRecovering } from '../multihoming/health.ts';
import type { Selection } from '../multihoming/selection.ts';
import { type FamilyState, familyOf, probedTargets, type UplinkState } from '../multihoming/uplink.ts';
import { ownPortsOf } from './destination.ts';

export interface ProbeAssignment {
  readonly transport: ProbeTransport;
  /** Interface name of the uplink's device; a raw socket is bound to it. */
  readonly device: string;
  readonly options: ProbeOptions;
}

export function probeAssignments(uplinks: readonly UplinkState[], selections: readonly Selection[]): ProbeAssignment[] {
  return uplinks.flatMap((uplink) =>
    FAMILIES.flatMap((family) => {
      const state = familyOf(uplink, family);
      const targets = state === undefined ? [] : probedTargets(state);
      if (state === undefined || targets.length === 0) return [];
      const destinations = targets.map(({ destination }) => destination);
      const options: ProbeOptions = {
        slot: uplink.slot,
        family,
        targets: destinations,
        ...ownPortsOf(destinations),
        intervalMs: isSparse(uplink, family, uplinks, selections) ? uplink.standbyIntervalMs : uplink.intervalMs,
        timeoutMs: uplink.timeoutMs,
        calmRound: calmRoundOf(state),
      };
      return [{ transport: uplink.transport, device: uplink.device, options }];
    }),
  );
}

/** Bursts are for all targets, so they end when none of them needs them any more. */
function calmRoundOf({ targets, health, policies }: FamilyState): number {
  const rounds = policies.map((policy) => policy.health.reach.calmRound);
  return Math.min(...(targets.length === 0 ? [] : [health.reach.calmRound]), ...rounds);
}

/**
 * A metered uplink that carries nothing is probed seldom, unless it is about to be needed: an uplink that carries traffic
 * has missed a probe, or there is something to find out about this one.
 */
function isSparse(
  uplink: UplinkState,
  family: Family,
  uplinks: readonly UplinkState[],
  selections: readonly Selection[],
): boolean {
  if (!uplink.metered || carries(uplink.name, family, selections)) return false;
  const isInDoubt = (other: UplinkState): boolean => {
    const health = familyOf(other, family)?.health;
    return health !== undefined && health.status !== 'down' && health.reach.bursting;
  };
  const own = familyOf(uplink, family)?.health;
  if (isInDoubt(uplink) || (own !== undefined && isRecovering(own))) return false;
  return !uplinks.some((other) => carries(other.name, family, selections) && isInDoubt(other));
}

function carries(uplink: string, family: Family, selections: readonly Selection[]): boolean {
  return selections.some(
    (selection) => selection.family === family && (selection.uplink === uplink || selection.uplinks.includes(uplink)),
  );
}
