import { describe, expect, test } from 'vitest';
import {
  currentExhaustion,
  EXHAUSTION_REASONS,
  type Exhaustion,
  type ExhaustionState,
  watchExhaustion,
} from '../../../src/control/exhaustion.ts';
import { reduce } from '../../../src/control/reduce.ts';
import { INITIAL_STATE } from '../../../src/control/state.ts';
import type { CountersSnapshot, VerdictCount } from '../../../src/native/data-plane.ts';
import { verdictCatalogue } from '../../../src/native/verdict-catalogue.ts';
import { site } from './sites.ts';

const full = (count: number, slot: number | 'none' = 0, verdict = 'PortPoolExhausted'): VerdictCount => ({
  ...(slot === 'none' ? {} : { slot }),
  direction: 'outbound',
  verdict,
  count,
});

/** Seconds of virtual time, with a snapshot each. */
class Watch {
  state: ExhaustionState = new Map();
  seconds = 0;
  readonly told: (Exhaustion & { readonly at: number })[] = [];

  second(...verdicts: readonly VerdictCount[]): this {
    this.seconds += 1;
    const { state, begun } = watchExhaustion(this.state, verdicts, this.seconds * 1000);
    this.state = state;
    this.told.push(...begun.map((one) => ({ ...one, at: this.seconds })));
    return this;
  }

  /** The same snapshot for some seconds. */
  rest(seconds: number, ...verdicts: readonly VerdictCount[]): this {
    for (let count = 0; count < seconds; count += 1) this.second(...verdicts);
    return this;
  }

  get current(): string[] {
    return currentExhaustion(this.state, this.seconds * 1000).map(({ reason, slot }) => `${reason} ${slot ?? '-'}`);
  }
}

describe('6888-R11c: exhaustion', () => {
  test('is told once, however many packets are refused, with how many it were', () => {
    const watch = new Watch().rest(5);
    for (let second = 1; second <= 600; second += 1) watch.second(full(1000 * second));
    expect(watch.told).toEqual([
      { reason: 'PortPoolExhausted', slot: 0, refused: 1000, sinceMs: 6000, lastMs: 6000, at: 6 },
    ]);
    expect(watch.current).toEqual(['PortPoolExhausted 0']);
  });

  test('is told again after more than 60 s without a refusal, and not before', () => {
    const watch = new Watch().second(full(1)).rest(59, full(1)).second(full(2));
    expect(watch.told.map(({ at }) => at)).toEqual([1]);
    watch.rest(60, full(2));
    expect(watch.current).toEqual(['PortPoolExhausted 0']);
    watch.second(full(2));
    expect(watch.current).toEqual([]);
    watch.second(full(9));
    expect(watch.told.map(({ at, refused }) => [at, refused])).toEqual([
      [1, 1],
      [123, 9],
    ]);
  });

  test('of each uplink and for each reason is told for itself', () => {
    const watch = new Watch()
      .second(full(1, 0), full(1, 3))
      .second(full(1, 0), full(2, 3), full(4, 'none', 'FragmentStoreFull'))
      .second(full(2, 0), full(3, 3), full(4, 3, 'SessionTableFull'));
    expect(watch.told.map(({ reason, slot, at }) => [reason, slot, at])).toEqual([
      ['PortPoolExhausted', 0, 1],
      ['PortPoolExhausted', 3, 1],
      ['FragmentStoreFull', undefined, 2],
      ['SessionTableFull', 3, 3],
    ]);
  });

  test('adds both directions up', () => {
    const watch = new Watch().second(full(2), { ...full(3), direction: 'inbound' });
    expect(watch.told.map(({ refused }) => refused)).toEqual([5]);
  });

  test('is nothing that is refused for another reason', () => {
    expect(new Watch().second(full(1, 0, 'NoMapping'), full(1, 0, 'NeighbourTableFull')).told).toEqual([]);
  });

  test('does not last longer because the clock was put back', () => {
    const { state } = watchExhaustion(new Map(), [full(1)], 10_000_000);
    expect(currentExhaustion(state, 1_000_000)).toEqual([]);
    expect(watchExhaustion(state, [full(2)], 1_000_000).begun).toHaveLength(1);
  });

  test('becomes one event and one line of the log, with the name of the uplink', () => {
    const configured = reduce(INITIAL_STATE, { type: 'config', atMs: 0, config: site() }).state;
    const none = {
      flows: [],
      traffic: [],
      outputs: {},
      suppressed: {},
      sessions: 0,
      mappings: 0,
      receivedFrames: 0,
      transmittedFrames: 0,
    };
    const counters: CountersSnapshot = { ...none, verdicts: [full(12, 1), full(3, 'none', 'FragmentStoreFull')] };
    const { state, effects } = reduce(configured, { type: 'counters', atMs: 1000, counters });
    const [named, nameless] = [
      { type: 'exhausted', atMs: 1000, reason: 'PortPoolExhausted', uplink: 'lte', refused: 12 },
      { type: 'exhausted', atMs: 1000, reason: 'FragmentStoreFull', refused: 3 },
    ];
    const fields = { event: 'exhausted', reason: 'PortPoolExhausted', uplink: 'lte', refused: 12 };
    const other = { event: 'exhausted', reason: 'FragmentStoreFull', refused: 3 };
    expect(effects).toEqual([
      {
        type: 'log',
        entry: { level: 'warn', message: 'uplink lte refuses packets: PortPoolExhausted, 12 so far', fields },
      },
      { type: 'emit', notice: named },
      {
        type: 'log',
        entry: { level: 'warn', message: 'packets are refused: FragmentStoreFull, 3 so far', fields: other },
      },
      { type: 'emit', notice: nameless },
    ]);
    expect(reduce(state, { type: 'counters', atMs: 2000, counters }).effects).toEqual([]);
  });
});

test('every reason of the engine that sounds like exhaustion is one, or is known not to be', () => {
  /** These are about the gateway's own work, not about flows: they come and go with single packets. */
  const others = ['NeighbourTableFull', 'ResolutionQueueFull', 'PassQueueFull', 'OutputPoolFull'];
  const names = verdictCatalogue().verdicts.map(({ name }) => name);
  const sounding = names.filter((name) => /(?:Full|Exhausted|Limit|Rate|InUse)$/.test(name));
  expect(sounding.length).toBeGreaterThan(4);
  expect(sounding.filter((name) => !EXHAUSTION_REASONS.has(name) && !others.includes(name))).toEqual([]);
});
