import { describe, expect, it } from 'vitest';
import { reduce } from '../../../src/control/reduce.ts';
import { type Assumption, simulate } from '../../../src/control/simulate.ts';
import { INITIAL_STATE } from '../../../src/control/state.ts';
import { parsed, siteText } from './sites.ts';

const running = reduce(INITIAL_STATE, { type: 'config', atMs: 1000, config: parsed(siteText()) }).state;

function outcome(...assumptions: Assumption[]) {
  return simulate(running, assumptions).map(({ policy, family, from, to, lastResort, flows }) => ({
    policy,
    family,
    from,
    to,
    lastResort,
    flows,
  }));
}

const LEAVE = { tcp: 'reset', udp: 'move', other: 'move' };
const STAYS = { policy: 'default', from: ['fiber'], to: ['fiber'], lastResort: false, flows: [] };

describe('simulating (capability 20: what would happen is told beforehand)', () => {
  it('says where new flows would go, and what becomes of established ones', () => {
    expect(outcome({ uplink: 'fiber', state: 'down' })).toEqual([
      { ...STAYS, family: 4, to: ['lte'], flows: [{ uplink: 'fiber', leave: LEAVE }] },
      { ...STAYS, family: 6, to: ['lte'], flows: [{ uplink: 'fiber', leave: LEAVE }] },
    ]);
  });

  it('of one family alone', () => {
    expect(outcome({ uplink: 'fiber', family: 6, state: 'down' })).toEqual([
      { ...STAYS, family: 4 },
      { ...STAYS, family: 6, to: ['lte'], flows: [{ uplink: 'fiber', leave: LEAVE }] },
    ]);
  });

  it('of everything: flows stay, and new ones try the first as a last resort', () => {
    const all = ['fiber', 'lte', 'dsl'].map((uplink): Assumption => ({ uplink, state: 'down' }));
    expect(outcome(...all)).toEqual([
      { ...STAYS, family: 4, lastResort: true, flows: [{ uplink: 'fiber' }] },
      { ...STAYS, family: 6, lastResort: true, flows: [{ uplink: 'fiber' }] },
    ]);
  });

  it('of an operator: draining lets established flows be, disabling does not', () => {
    expect(outcome({ uplink: 'fiber', state: 'draining' })[0]).toEqual({ ...STAYS, family: 4, to: ['lte'] });
    const disabled = { ...STAYS, family: 4, to: ['lte'], flows: [{ uplink: 'fiber', leave: LEAVE }] };
    expect(outcome({ uplink: 'fiber', state: 'disabled' })[0]).toEqual(disabled);
  });

  it('changes nothing', () => {
    const before = structuredClone(running);
    outcome({ uplink: 'fiber', state: 'down' }, { uplink: 'lte', state: 'disabled' });
    expect(running).toEqual(before);
  });
});
