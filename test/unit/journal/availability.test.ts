import { describe, expect, it } from 'vitest';
import { availabilityOf } from '../../../src/journal/availability.ts';
import type { JournalEntry } from '../../../src/journal/entry.ts';

const SECOND = 1000;

function entry(atS: number, event: string, fields: JournalEntry['fields'] = {}): JournalEntry {
  return { atMs: atS * SECOND, event, message: event, fields };
}

function health(atS: number, to: string, uplink = 'fiber', family = 4): JournalEntry {
  return entry(atS, 'uplink-changed', { uplink, family, from: 'x', to, cause: `${to} at ${atS}` });
}

const RUN = [entry(0, 'started'), health(10, 'up'), health(100, 'down'), health(130, 'up'), health(200, 'degraded')];

describe('availability', () => {
  it('adds up what was observed, and lists outages with their causes', () => {
    expect(availabilityOf(RUN, { fromMs: 0, toMs: 250 * SECOND })).toEqual([
      {
        uplink: 'fiber',
        family: 4,
        observedMs: 240 * SECOND,
        degradedMs: 50 * SECOND,
        downMs: 30 * SECOND,
        outages: [{ fromMs: 100 * SECOND, toMs: 130 * SECOND, cause: 'down at 100' }],
      },
    ]);
  });

  it('cuts to the stretch what began before it, and leaves open what goes on', () => {
    const entries = [entry(0, 'started'), health(10, 'up'), health(100, 'down')];
    const [fiber] = availabilityOf(entries, { fromMs: 120 * SECOND, toMs: 150 * SECOND });
    expect(fiber).toMatchObject({ observedMs: 30 * SECOND, downMs: 30 * SECOND });
    expect(fiber?.outages).toEqual([{ fromMs: 100 * SECOND, cause: 'down at 100' }]);
  });

  it('counts nothing while the gateway did not run', () => {
    const entries = [...RUN.slice(0, 3), entry(110, 'stopped'), entry(500, 'started'), health(510, 'up')];
    const [fiber] = availabilityOf(entries, { fromMs: 0, toMs: 600 * SECOND });
    expect(fiber).toMatchObject({ observedMs: 190 * SECOND, downMs: 10 * SECOND });
    expect(fiber?.outages).toEqual([{ fromMs: 100 * SECOND, toMs: 110 * SECOND, cause: 'down at 100' }]);
  });

  it('tells uplinks and families apart', () => {
    const entries = [health(0, 'up'), health(0, 'up', 'lte'), health(0, 'down', 'lte', 6)];
    const all = availabilityOf(entries, { fromMs: 0, toMs: 10 * SECOND });
    expect(all.map(({ uplink, family, downMs }) => [uplink, family, downMs])).toEqual([
      ['fiber', 4, 0],
      ['lte', 4, 0],
      ['lte', 6, 10 * SECOND],
    ]);
  });

  it('says nothing of a stretch that nobody watched', () => {
    expect(availabilityOf(RUN, { fromMs: -20 * SECOND, toMs: -10 * SECOND })).toEqual([]);
  });
});
