/** Which probes run where: one assignment per list of targets of an uplink in a family. */
import type { ProbeTransport } from '../../config/config.ts';
import type { ProbeOptions } from '../../native/data-plane.ts';
import { FAMILIES, type Family } from '../family.ts';
import { type Health, isRecovering } from '../multihoming/health.ts';
import type { Selection } from '../multihoming/selection.ts';
import { familyOf, OWN_LIST, type TargetsState, type UplinkState } from '../multihoming/uplink.ts';
import { ownPortsOf } from './destination.ts';
import type { HttpTarget } from './http-target.ts';

export interface ProbeAssignment {
  readonly transport: ProbeTransport;
  /** Interface name of the uplink's device; a raw socket is bound to it. */
  readonly device: string;
  readonly options: ProbeOptions;
  /** By the position of the target; null where it is asked otherwise. */
  readonly http: readonly (HttpTarget | null)[];
}

export function probeAssignments(uplinks: readonly UplinkState[], selections: readonly Selection[]): ProbeAssignment[] {
  return uplinks.flatMap((uplink) =>
    FAMILIES.flatMap((family) => {
      const place = { uplink, family };
      return listsOf(place)
        .filter(({ targets }) => targets.length > 0)
        .map((list) => assignment(place, list, isSparse(place, list, uplinks, selections)));
    }),
  );
}

interface Place {
  readonly uplink: UplinkState;
  readonly family: Family;
}

/** The uplink's own targets, then those of its policies in their order. */
function listsOf({ uplink, family }: Place): readonly TargetsState[] {
  const state = familyOf(uplink, family);
  return state === undefined ? [] : [state, ...state.policies];
}

function assignment({ uplink, family }: Place, list: TargetsState, sparse: boolean): ProbeAssignment {
  const { slot, transport, device, timeoutMs, intervalMs, standbyIntervalMs } = uplink;
  const targets = list.targets.map(({ destination }) => destination);
  const options: ProbeOptions = {
    slot,
    family,
    list: list.list,
    targets,
    ...ownPortsOf(targets),
    intervalMs: sparse ? standbyIntervalMs : intervalMs,
    timeoutMs,
    calmRound: list.health.reach.calmRound,
  };
  return { transport, device, options, http: list.targets.map(({ http }) => http ?? null) };
}

/**
 * A metered uplink that carries nothing is probed seldom, unless it is about to be needed: an uplink that carries traffic
 * has missed a probe, or there is something to find out about this one.
 */
function isSparse(
  { uplink, family }: Place,
  { list, health }: TargetsState,
  uplinks: readonly UplinkState[],
  selections: readonly Selection[],
): boolean {
  if (!uplink.metered || carries(uplink.name, family, selections)) return false;
  if (isInDoubt(health) || isRecovering(health)) return false;
  const mayBeLeft = (other: UplinkState): boolean =>
    listsOf({ uplink: other, family }).some(
      (doubted) => (doubted.list === OWN_LIST || doubted.list === list) && isInDoubt(doubted.health),
    );
  return !uplinks.some((other) => carries(other.name, family, selections) && mayBeLeft(other));
}

function isInDoubt({ status, reach }: Health): boolean {
  return status !== 'down' && reach.bursting;
}

function carries(uplink: string, family: Family, selections: readonly Selection[]): boolean {
  return selections.some(
    (selection) => selection.family === family && (selection.uplink === uplink || selection.uplinks.includes(uplink)),
  );
}
