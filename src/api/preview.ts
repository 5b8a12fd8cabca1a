/** What another configuration would do to a running gateway. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { NptdConfig } from '../config/config.ts';
import { assignEpochs } from '../control/multihoming/epochs.ts';
import type { Site } from '../control/state.ts';
import { assignSlots, slotOf } from '../plan/slots.ts';
import { machineDifferences, machineOf } from './machine.ts';

export interface Preview {
  /** What cannot change while the gateway runs; with any of it nothing is applied. */
  readonly restart: readonly string[];
  /** What stays as it is until the next start, though the file says otherwise. */
  readonly later: readonly string[];
  /** Uplinks whose translated flows end, because their addresses or prefixes change. */
  readonly ends: readonly string[];
}

/** @param site the configuration in force, with the positions of its uplinks */
export function previewOf({ config, slots, epochs }: Site, next: NptdConfig): Preview {
  const nextSlots = assignSlots(slots, next);
  const nextEpochs = assignEpochs(epochs, next.uplinks, (name) => slotOf(nextSlots, name));
  const ends = config.uplinks.filter(({ name }) => {
    const slot = slotOf(slots, name);
    return nextEpochs.get(slot)?.epoch !== epochs.get(slot)?.epoch || !nextSlots.has(name);
  });
  const fixed = ['journal', 'hooks', 'control'] as const;
  return {
    restart: machineDifferences(machineOf(config, slots), machineOf(next, nextSlots)),
    later: fixed.filter((key) => !isDeepStrictEqual(config[key], next[key])),
    ends: ends.map(({ name }) => name),
  };
}
