import { expect, test } from 'vitest';
import { reduce } from '../../../src/control/reduce.ts';
import { INITIAL_STATE } from '../../../src/control/state.ts';
import { parsed, site, siteText } from './sites.ts';

const OWN = 'fd12:3456:789a:1::1';
const LINK_LOCAL = 'fe80::1';

test('a conflict over an address is remembered until the configuration no longer has the address', () => {
  let state = reduce(INITIAL_STATE, { type: 'config', atMs: 0, config: site() }).state;
  const hear = (address: string, mac: string, atMs: number) => {
    const claim = { index: 0, device: 'lan0', address, mac };
    state = reduce(state, { type: 'address-conflict', atMs, ...claim }).state;
  };
  const told = () =>
    [...state.conflicts.values()].map(({ address, mac, sinceMs, lastMs }) => [address, mac, sinceMs, lastMs]);

  hear(OWN, '02:00:00:00:00:07', 5000);
  hear(LINK_LOCAL, '02:00:00:00:00:07', 6000);
  hear(OWN, '02:00:00:00:00:08', 7000);
  const both = [
    [OWN, '02:00:00:00:00:08', 5000, 7000],
    [LINK_LOCAL, '02:00:00:00:00:07', 6000, 6000],
  ];
  expect(told()).toEqual(both);
  state = reduce(state, { type: 'config', atMs: 8000, config: site({ prefer: ['lte'] }) }).state;
  expect(told()).toEqual(both);
  const without = parsed(siteText().replace(OWN, 'fd12:3456:789a:1::2'));
  state = reduce(state, { type: 'config', atMs: 9000, config: without }).state;
  expect(told()).toEqual(both.slice(1));
});
