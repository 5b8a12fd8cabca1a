/** The benchmarks on the wire, as far as they need no wire: cases, goals, rows. */
import { describe, expect, it } from 'vitest';
import { CASES, type WireCase } from '../../../bench/wire/cases.ts';
import { runtimeOf } from '../../../bench/wire/cpu.ts';
import { parseWireOptions } from '../../../bench/wire/options.ts';
import { lineOf, rowOf, wireTable } from '../../../bench/wire/rows.ts';
import { FAILED } from '../../../bench/wire/traffic.ts';

const caseOf = (name: string): WireCase => {
  const found = CASES.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no case ${name}`);
  return found;
};

const samples = (...values: number[]) => values.map((value) => ({ value, cpuNs: value * 10 }));

describe('cases', () => {
  it('exist once for IPv4, once for IPv6, and once for IPv6 with its filter', () => {
    expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
    const kinds = CASES.filter(({ name }) => name.endsWith('-ipv4')).map(({ name }) => name.replace('-ipv4', ''));
    expect(kinds).toEqual([
      'udp64-1flow',
      'udp64-64kflows',
      'tcp-1stream',
      'tcp-4streams',
      'connections',
      'latency-p50',
    ]);
    expect(CASES).toHaveLength(3 * kinds.length);
  });

  it('compare like with like: a filter with connection tracking, no state with none', () => {
    const contestants = new Set(CASES.map(({ nptd, peer }) => `${nptd} ${peer}`));
    expect([...contestants]).toEqual(['nptd kernel', 'nptd-filter kernel-conntrack']);
  });
});

describe('the command line', () => {
  it('is about one worker that sleeps at once, and TAP devices, where it says nothing', () => {
    expect(parseWireOptions(['--quick', 'tcp'])).toEqual({
      quick: true,
      wanted: 'tcp',
      kind: 'tap',
      workers: 1,
      busyPoll: 0,
    });
  });

  it('has its options in any order', () => {
    const words = ['--busy-poll', '50', '--quick', '--device', 'xdp', 'tcp', '--workers', '2'];
    expect(parseWireOptions(words)).toMatchObject({ wanted: 'tcp', kind: 'xdp', workers: 2, busyPoll: 50 });
  });

  it('names what it would take', () => {
    expect(() => parseWireOptions(['--device'])).toThrow('one of tap, packet, xdp');
    expect(() => parseWireOptions(['--device', 'tun'])).toThrow('one of tap, packet, xdp');
    expect(() => parseWireOptions(['--workers', '9'])).toThrow('--workers takes a whole number from 1 to 8');
    expect(() => parseWireOptions(['--fast'])).toThrow('[--busy-poll MICROSECONDS] [--json FILE]');
  });
});

describe('a row', () => {
  const rounds = new Map([
    ['kernel', samples(100, 50, 110)],
    ['nptd', samples(200, 90, 190)],
    ['forwarder', samples(200, 100, 200)],
  ] as const);

  it('has medians, and ratios of samples of the same round', () => {
    expect(rowOf(caseOf('udp64-1flow-ipv4'), rounds)).toMatchObject({
      case: 'udp64-1flow-ipv4',
      unit: 'kpps',
      value: 190,
      peer: 100,
      ratio: 1.8,
      forwarder: 200,
      forwarderRatio: 0.95,
      goal: 1.8,
      met: true,
      cpuNs: { nptd: 1900, peer: 1000, forwarder: 2000 },
      rounds: 3,
      failed: 0,
    });
  });

  it('leaves out what went wrong, and says how often', () => {
    const broken = new Map([...rounds, ['nptd', [FAILED, ...samples(90, 190)]] as const]);
    expect(rowOf(caseOf('udp64-1flow-ipv4'), broken)).toMatchObject({ value: 140, peer: 100, rounds: 3, failed: 1 });
    const none = rowOf(caseOf('udp64-1flow-ipv4'), new Map([...rounds, ['nptd', [FAILED]] as const]));
    expect(none).toMatchObject({ value: Number.NaN, met: false, failed: 1 });
    expect(lineOf(none, false)).toMatch(/^udp64-1flow-ipv4 +kpps +- +- /);
  });

  it('meets the goal of a latency from below', () => {
    const latency = caseOf('latency-p50-ipv4');
    expect(rowOf(latency, rounds)).toMatchObject({ goal: 1.5, ratio: 1.8, met: false });
    expect(rowOf(latency, new Map([...rounds, ['nptd', samples(140, 70, 150)]])).met).toBe(true);
  });

  it('is a line below the headings that marks a goal that is not reached', () => {
    const many = caseOf('udp64-64kflows-ipv4');
    const line = lineOf(rowOf(many, rounds), false);
    expect(wireTable.head + line).toMatchInlineSnapshot(`
      "case                              unit     nptd  spread   kernel  ratio      goal  forwarder  ratio   ns: nptd   kernel  forwarder
      udp64-64kflows-ipv4               kpps      190    58 %      100   1.80   ≥ 2.00!        200   0.95      1,900    1,000      2,000
      "
    `);
  });
});

describe('processor time', () => {
  it('is the first word of schedstat', () => {
    expect(runtimeOf('2599526 1234 7\n')).toBe(2_599_526);
  });
});
