/** Instructions of a packet: how they are read from what gungraun prints, and compared with the reviewed figures. */
import { describe, expect, it } from 'vitest';
import { wantedCounts } from '../../../scripts/lib/core-bench.mjs';
import { readCounts } from '../../../scripts/lib/gungraun.mjs';
import { compare } from '../../../scripts/lib/instructions.mjs';

const line = (id: string, tool: string, instructions: number) =>
  JSON.stringify({ id, profiles: [{ tool, data: { total: { metrics: { Ir: { values: { new: instructions } } } } } }] });

describe('counts of gungraun', () => {
  it('are read by case, a packet each, whatever else was printed', () => {
    const text = ['Finished', line('nat44_out', 'Callgrind', 5_120_000), line('nptv6_in', 'Callgrind', 1_024)];
    expect(readCounts(text.join('\n'))).toEqual({ 'nat44-out': 500, 'nptv6-in': 0 });
  });

  it('of another tool are refused', () => {
    expect(() => readCounts(line('nat44_out', 'DHAT', 1))).toThrow('DHAT');
  });
});

describe('reviewed figures', () => {
  it('may be exceeded by the tolerance, and no more', () => {
    expect(compare({ a: 1_000 }, { a: 1_049 }, 0.05)).toMatchObject({ failures: [] });
    const { lines, failures } = compare({ a: 1_000, b: 10 }, { a: 1_051, b: 9 }, 0.05);
    expect(failures).toEqual(['a: 1051 instructions a packet, reviewed are 1000']);
    expect(lines).toEqual([
      expect.stringMatching(/^a +1051 +\+5\.1 %$/),
      expect.stringMatching(/^b +9 +-10\.0 % {2}fewer than reviewed: npm run /),
    ]);
  });

  it('have to be there for every case, and every case for them', () => {
    const { failures } = compare({ gone: 1 }, { added: 1 }, 0.05);
    expect(failures).toEqual([
      'gone: undefined instructions a packet, reviewed are 1',
      expect.stringMatching(/^added: has no reviewed figure/),
    ]);
  });
});

describe('the table of the benchmark', () => {
  it('has the counts that are asked for', () => {
    const names = ['nptv6-out', 'nptv6-out-filtered', 'nat44-out'];
    expect(wantedCounts(names, [])).toEqual(names);
    expect(wantedCounts(names, ['nptv6-out'])).toEqual(['nptv6-out']);
    expect(wantedCounts(names, ['nptv6'])).toEqual(['nptv6-out', 'nptv6-out-filtered']);
    expect(wantedCounts(names, ['instructions'])).toEqual(names);
    expect(wantedCounts(names, ['nat44-out-1k'])).toEqual([]);
  });
});
