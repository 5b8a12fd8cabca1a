/**
 * Which probe targets can be trusted: one that fails on every uplink, of two or more that probe it, is itself at fault,
 * or what is behind all of them is. An uplink that is down does not count: it was found dead while others answered, so that
 * its failures say nothing of the targets.
 */
import type { Family } from '../family.ts';
import { familyOf, type UplinkState } from './uplink.ts';

/** Positions, on an uplink, of the targets that fail on all uplinks; none where no other one probes them. */
export function distrustedTargets(uplinks: readonly UplinkState[], uplink: UplinkState, family: Family): Set<number> {
  const targets = familyOf(uplink, family)?.targets ?? [];
  const positions = targets.flatMap(({ text }, position) => (failsEverywhere(uplinks, text, family) ? [position] : []));
  return new Set(positions);
}

function failsEverywhere(uplinks: readonly UplinkState[], target: string, family: Family): boolean {
  const states = uplinks.flatMap((uplink) => {
    const state = familyOf(uplink, family);
    const position = state?.targets.findIndex(({ text }) => text === target) ?? -1;
    if (state === undefined || position < 0 || state.health.status === 'down') return [];
    return [{ health: state.health, position }];
  });
  return (
    states.length > 1 &&
    states.every(({ health: { reach, outcomes }, position }) => {
      // In the midst of bursts whose last probe missed, other targets are about to miss as well.
      const inDoubt = reach.bursting && outcomes.at(-1)?.rttUs === undefined;
      return inDoubt || reach.missing.includes(position);
    })
  );
}
