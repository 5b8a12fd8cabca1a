/** Which probes run where: one assignment per uplink and family that has targets. */
import type { ProbeTransport } from '../../config/config.ts';
import type { ProbeOptions } from '../../native/data-plane.ts';
import { FAMILIES } from '../family.ts';
import { familyOf, type UplinkState } from '../multihoming/uplink.ts';

export interface ProbeAssignment {
  readonly transport: ProbeTransport;
  /** Interface name of the uplink's device; a raw socket is bound to it. */
  readonly device: string;
  readonly options: ProbeOptions;
}

/** A burst ends when it was answered well, so an uplink with a recent miss that nothing has answered yet keeps bursting. */
export function probeAssignments(uplinks: readonly UplinkState[]): ProbeAssignment[] {
  return uplinks.flatMap((uplink) =>
    FAMILIES.flatMap((family) => {
      const state = familyOf(uplink, family);
      if (state === undefined || state.targets.length === 0) return [];
      const options: ProbeOptions = {
        slot: uplink.slot,
        family,
        targets: state.targets.map(({ address }) => address),
        intervalMs: uplink.intervalMs,
        timeoutMs: uplink.timeoutMs,
        mode: state.health.bursting ? 'burst' : 'single',
      };
      return [{ transport: uplink.transport, device: uplink.device, options }];
    }),
  );
}
