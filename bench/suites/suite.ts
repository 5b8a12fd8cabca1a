/**
 * A suite: the same work by each implementation, timed by two harnesses that share no code. benchmark.js repeats a call
 * until the clock can tell, and takes many samples of that; tinybench times every call by itself.
 */
import Benchmark from 'benchmark';
import { Bench } from 'tinybench';
import { z } from 'zod';
import type { Row } from '../lib/report.ts';
import { median } from '../lib/statistics.ts';

export interface SuiteRow extends Row {
  /** Implementation, like `reference`. */
  readonly implementation: string;
  /** The median call of tinybench, in `unit`. */
  readonly value: number;
  /** Median of the samples of benchmark.js, in `unit`. Of a busy machine they contain the time of others. */
  readonly benchmarkJs: number;
  /** Relative margin of error of their mean at 95 %, in per cent: how restless the machine was. */
  readonly errorPercent: number;
  /** Of the first implementation of the case. */
  readonly peer: number;
  /** How many times faster than the first implementation. */
  readonly ratio: number;
}

export interface Candidate {
  readonly implementation: string;
  /** Units of work that one call does. */
  readonly units: number;
  /** One call; throws when it does not do what it should. */
  readonly run: () => void;
}

export interface Case {
  readonly name: string;
  readonly unit: string;
  /** One candidate for each implementation; the others are compared with the first. */
  readonly candidates: () => Candidate[];
}

/** What is used of the result of a tinybench task that has completed; milliseconds. */
const timed = z.object({ latency: z.object({ p50: z.number() }) });

const NS_PER_UNIT: Readonly<Record<string, number>> = { 'ns/packet': 1, 'us/plan': 1000 };

/** Times every candidate of a case, each harness for `seconds`. */
export async function measure(one: Case, seconds: number): Promise<SuiteRow[]> {
  const rows: SuiteRow[] = [];
  for (const { implementation, units, run } of one.candidates()) {
    const scale = units * (NS_PER_UNIT[one.unit] ?? 1);
    const { ns, errorPercent } = byBenchmark(run, seconds);
    const benchmarkJs = ns / scale;
    const value = (await byTinybench(run, seconds)) / scale;
    const peer = rows[0]?.value ?? value;
    rows.push({
      case: one.name,
      implementation,
      value,
      unit: one.unit,
      errorPercent,
      benchmarkJs,
      peer,
      ratio: peer / value,
    });
  }
  return rows;
}

/** Median in nanoseconds a call: on a machine shared with others a mean says more about them. */
function byBenchmark(run: () => void, seconds: number): { ns: number; errorPercent: number } {
  const benchmark = new Benchmark(run, { maxTime: seconds, minSamples: 5 });
  benchmark.run({ async: false });
  if (benchmark.error !== undefined) throw benchmark.error;
  return { ns: median(benchmark.stats.sample) * 1e9, errorPercent: benchmark.stats.rme };
}

/** Median in nanoseconds a call. */
async function byTinybench(run: () => void, seconds: number): Promise<number> {
  const bench = new Bench({ time: seconds * 1000, warmupTime: 100, throws: true });
  bench.add('run', run);
  await bench.run();
  return timed.parse(bench.tasks[0]?.result).latency.p50 * 1e6;
}
