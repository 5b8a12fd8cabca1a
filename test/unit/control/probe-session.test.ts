import { describe, expect, test } from 'vitest';
import { ProbeSession } from '../../../src/control/probe/probe-session.ts';
import type { ProbeOptions, ProbeSample } from '../../../src/native/data-plane.ts';
import { type SimulatedNetwork, SimulatedProbes } from './simulated-probes.ts';

const OPTIONS: ProbeOptions = {
  slot: 3,
  family: 4,
  list: 0,
  targets: [1, 2, 3],
  intervalMs: 500,
  timeoutMs: 800,
  calmRound: 0,
};

function samplesUntil(endMs: number, network: SimulatedNetwork, options = OPTIONS): ProbeSample[] {
  const samples: ProbeSample[] = [];
  new SimulatedProbes(options, network).runUntil(endMs, (sample) => samples.push(sample));
  return samples;
}

test('single probes take turns over the targets, one per interval', () => {
  const samples = samplesUntil(2100, () => 10);
  expect(samples.map(({ sentAtUs, target, round, burst, rttUs }) => [sentAtUs, target, round, burst, rttUs])).toEqual([
    [0, 0, 1, false, 10_000],
    [500_000, 1, 2, false, 10_000],
    [1_000_000, 2, 3, false, 10_000],
    [1_500_000, 0, 4, false, 10_000],
    [2_000_000, 1, 5, false, 10_000],
  ]);
});

test('a miss is told after the timeout, and starts bursts at once', () => {
  const sent: [number, number][] = [];
  const samples = samplesUntil(1400, (target, nowMs) => {
    sent.push([nowMs, target]);
    return nowMs >= 800 ? 10 : undefined;
  });
  expect(sent).toEqual([
    [0, 0],
    [500, 1],
    [800, 0],
    [800, 1],
    [800, 2],
    [1300, 0],
    [1300, 1],
    [1300, 2],
  ]);
  expect(samples[0]).toEqual({ slot: 3, family: 4, list: 0, target: 0, round: 1, burst: false, sentAtUs: 0 });
  const burst = samples.filter(({ round }) => round === 3);
  expect(burst.map(({ burst, target }) => [burst, target])).toEqual([
    [true, 0],
    [true, 1],
    [true, 2],
  ]);
});

test('bursts end when one of them is called calm, and not for what was before them', () => {
  const probes = new SimulatedProbes(OPTIONS, (_target, nowMs) => (nowMs >= 800 ? 10 : undefined));
  const samples: ProbeSample[] = [];
  const goOn = (ms: number) => probes.runUntil(ms, (sample) => samples.push(sample));
  goOn(1000);
  probes.calm(2);
  goOn(1400);
  probes.calm(4);
  goOn(2400);
  const rounds = samples.filter(({ rttUs }) => rttUs !== undefined).map(({ round, burst }) => [round, burst]);
  expect(rounds).toEqual([...[3, 3, 3, 4, 4, 4].map((round) => [round, true]), [5, false], [6, false]]);
});

describe('an answer', () => {
  test('counts once', () => {
    const session = new ProbeSession(OPTIONS, 0);
    const [probe] = session.poll(0);
    expect(session.answer(probe?.sequence ?? -1, 10_000)?.rttUs).toBe(10_000);
    expect(session.answer(probe?.sequence ?? -1, 11_000)).toBeUndefined();
  });

  test('that a busy event loop reads late still counts, until the probe is called a miss', () => {
    const session = new ProbeSession(OPTIONS, 0);
    const [probe] = session.poll(0);
    expect(session.answer(probe?.sequence ?? -1, 900_000)?.rttUs).toBe(900_000);
    const [second] = session.poll(1_000_000);
    expect(session.expire(1_800_000)).toHaveLength(1);
    expect(session.answer(second?.sequence ?? -1, 1_800_001)).toBeUndefined();
  });

  test('to nothing is nothing', () => {
    const session = new ProbeSession(OPTIONS, 0);
    session.poll(0);
    expect(session.answer(77, 1000)).toBeUndefined();
  });
});

test('rounds that a late event loop missed are not made up for', () => {
  const session = new ProbeSession(OPTIONS, 0);
  session.poll(0);
  expect(session.poll(10_000_000)).toHaveLength(1);
  expect(session.poll(10_499_999)).toHaveLength(0);
  expect(session.poll(10_500_000)).toHaveLength(1);
});

test('a shorter interval counts from the last round on', () => {
  const session = new ProbeSession({ ...OPTIONS, intervalMs: 10_000 }, 0);
  session.poll(0);
  session.configure(OPTIONS, 200_000);
  expect(session.nextAtUs()).toBe(500_000);
  session.poll(500_000);
  session.configure({ ...OPTIONS, intervalMs: 10_000 }, 600_000);
  session.poll(1_000_000);
  session.configure(OPTIONS, 2_000_000);
  expect(session.poll(2_000_000)).toHaveLength(1);
});

test('sequences wrap at 16 bits', () => {
  const session = new ProbeSession({ ...OPTIONS, intervalMs: 1, timeoutMs: 2 }, 0);
  let last = -1;
  for (let round = 0; round <= 0x10000; round++) {
    const [probe] = session.poll(round * 1000);
    last = probe?.sequence ?? -1;
    session.answer(last, round * 1000 + 1);
  }
  expect(last).toBe(0);
});
