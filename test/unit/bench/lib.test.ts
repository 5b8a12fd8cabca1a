/** What all benchmark suites share: the command line, the statistics, the table, the JSON file. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chosen, parseOptions, takeNumber } from '../../../bench/lib/options.ts';
import { figure, Table, writeReport } from '../../../bench/lib/report.ts';
import { median, medianRatio, spreadPercent } from '../../../bench/lib/statistics.ts';

describe('the command line', () => {
  it('has a file, a length and a part of a name, in any order', () => {
    expect(parseOptions([])).toEqual({ quick: false, wanted: '' });
    const all = { json: 'out.json', quick: true, wanted: 'tcp' };
    expect(parseOptions(['--json', 'out.json', '--quick', 'tcp'])).toEqual(all);
    expect(parseOptions(['tcp', '--quick', '--json', 'out.json'])).toEqual(all);
  });

  it('may have a number that one suite alone understands', () => {
    expect(takeNumber(['tcp', '--workers', '2', '--quick'], '--workers', 1, 8)).toEqual({
      value: 2,
      rest: ['tcp', '--quick'],
    });
    expect(takeNumber(['tcp'], '--workers', 1, 8)).toEqual({ rest: ['tcp'] });
    for (const bad of [['9'], ['0'], ['two'], []]) {
      expect(() => takeNumber(['--workers', ...bad], '--workers', 1, 8)).toThrow('a whole number from 1 to 8');
    }
  });

  it('is refused with the reason', () => {
    expect(() => parseOptions(['--json'])).toThrow('--json needs the name of a file');
    expect(() => parseOptions(['--json', '--quick'])).toThrow('--json needs the name of a file');
    expect(() => parseOptions(['--fast'])).toThrow('there is no option --fast');
    expect(() => parseOptions(['tcp', 'udp'])).toThrow('one case at a time');
  });

  it('chooses cases by a part of their name, and names them all when there is none', () => {
    const cases = [{ name: 'tcp-1' }, { name: 'tcp-4' }, { name: 'udp' }];
    const wanted = (part: string) => chosen(cases, { quick: false, wanted: part }).map(({ name }) => name);
    expect(wanted('tcp')).toEqual(['tcp-1', 'tcp-4']);
    expect(wanted('')).toHaveLength(3);
    expect(() => wanted('sctp')).toThrow('no case is called "sctp"; there are tcp-1, tcp-4, udp');
  });
});

describe('statistics', () => {
  it('take the middle', () => {
    expect(median([5, 1, 100])).toBe(5);
    expect(median([1, 2, 3, 100])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  it('compare samples of the same round', () => {
    // A machine that gets ten times slower changes no ratio.
    expect(medianRatio([200, 20, 2], [100, 10, 1])).toBe(2);
    expect(medianRatio([10, 10, 10], [5, 0])).toBe(2);
  });

  it('say how far samples lie apart', () => {
    expect(spreadPercent([90, 100, 120])).toBeCloseTo(30);
    expect(spreadPercent([7])).toBe(0);
    expect(spreadPercent([])).toBeNaN();
  });
});

describe('a table', () => {
  it('aligns names to the left and figures to the right, line by line', () => {
    const table = new Table([
      ['case', 6],
      ['ns', 5],
      ['long heading', 0],
    ]);
    expect(table.head + table.line(['a', '1.25', '2']) + table.line(['long-name', '12,345'])).toBe(
      [
        'case       ns  long heading', //
        'a        1.25             2',
        'long-name  12,345',
        '',
      ].join('\n'),
    );
  });

  it('shows three digits', () => {
    const shown = [0.01234, 1.2345, 12.345, 123.45, 1234.5, 0, Number.NaN, undefined].map(figure);
    expect(shown).toEqual(['0.0123', '1.23', '12.3', '123', '1,235', '0', '-', '-']);
  });
});

describe('the JSON file', () => {
  it('is one object with machine, date and rows', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nptd-report-'));
    const file = join(folder, 'out.json');
    const row = { case: 'a', value: 1.5, unit: 'ns' };
    writeReport(file, [row], new Date(0));
    const written: unknown = JSON.parse(readFileSync(file, 'utf8'));
    rmSync(folder, { recursive: true });
    expect(written).toEqual({
      machine: expect.stringContaining('cores'),
      date: '1970-01-01T00:00:00.000Z',
      rows: [row],
    });
  });
});
