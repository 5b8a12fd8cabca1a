import { expect, test } from 'vitest';
import type { UplinkConfig } from '../../../src/config/config.ts';
import { assignEpochs, type EpochAssignment } from '../../../src/control/multihoming/epochs.ts';
import { site } from './sites.ts';

const { uplinks } = site({ prefer: ['fiber', 'lte', 'dsl'] });
const slotOf = (name: string) => uplinks.findIndex((uplink) => uplink.name === name);
const assign = (previous: EpochAssignment, some: readonly UplinkConfig[]) => assignEpochs(previous, some, slotOf);
const epochs = (assignment: EpochAssignment) => [0, 1, 2].map((slot) => assignment.get(slot)?.epoch);

test('MWAN-7 an uplink that was gone begins a new epoch, also if it is as it was', () => {
  const first = assign(new Map(), uplinks);
  const without = assign(
    first,
    uplinks.filter(({ name }) => name !== 'lte'),
  );
  expect([epochs(first), epochs(assign(first, uplinks)), epochs(without)]).toEqual(Array(3).fill([0, 0, 0]));
  const back = assign(without, uplinks);
  expect([epochs(back), epochs(assign(back, uplinks))]).toEqual([
    [0, 1, 0],
    [0, 1, 0],
  ]);
});
