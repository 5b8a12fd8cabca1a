import { describe, expect, test } from 'vitest';
import {
  type Health,
  type HealthCause,
  type HealthRules,
  type HealthStep,
  initialHealth,
  observeDeviceFailure,
  observeNotProbed,
  observeSample,
} from '../../../src/control/multihoming/health.ts';
import { qualityOf } from '../../../src/control/multihoming/quality.ts';
import type { ProbeOptions } from '../../../src/native/data-plane.ts';
import { type SimulatedNetwork, SimulatedProbes } from './simulated-probes.ts';

const DEFAULT = { intervalMs: 500, timeoutMs: 800 };
const FAST = { intervalMs: 100, timeoutMs: 120 };
const DEGRADED = { loss: 0.2, windowMs: 15_000, clearLoss: 0.05 };
const ANSWERING = () => 10;

interface Change {
  readonly atMs: number;
  readonly status: string;
  readonly cause: HealthCause;
}

/** Health driven by simulated probes; the data path is set back to single probes as the control plane does it. */
class Watched {
  readonly changes: Change[] = [];
  health: Health = initialHealth(0);
  readonly #rules: HealthRules;
  readonly #probes: SimulatedProbes;

  constructor(network: SimulatedNetwork, rules: Partial<HealthRules> & typeof DEFAULT) {
    const { targets = 2, intervalMs, timeoutMs } = rules;
    this.#rules = { targets, quorum: 1, upAfterMs: 5000, upAfterMaxMs: 600_000, degraded: DEGRADED, ...rules };
    const addresses = Array.from({ length: targets }, (_, index) => index + 1);
    const options: ProbeOptions = {
      slot: 0,
      family: 4,
      list: 0,
      targets: addresses,
      intervalMs,
      timeoutMs,
      calmRound: 0,
    };
    this.#probes = new SimulatedProbes(options, network);
  }

  failDevice(message: string, atMs: number): HealthStep {
    return observeDeviceFailure(this.health, message, this.#rules, { atMs, nowMs: atMs });
  }

  runUntil(endMs: number): this {
    this.#probes.runUntil(endMs, (sample) => {
      const atMs = this.#probes.nowUs / 1000;
      const step = observeSample(this.health, sample, this.#rules, { atMs, nowMs: atMs });
      this.health = step.health;
      if (step.cause !== undefined) this.changes.push({ atMs, status: step.health.status, cause: step.cause });
      this.#probes.calm(step.health.reach.calmRound);
    });
    return this;
  }
}

describe('start', () => {
  test('health is unknown until the first answer, which makes it up', () => {
    const watched = new Watched(ANSWERING, DEFAULT).runUntil(5);
    expect(watched.health.status).toBe('unknown');
    watched.runUntil(20);
    expect(watched.changes).toEqual([
      { atMs: 10, status: 'up', cause: { kind: 'first-answer', target: 0, rttUs: 10_000 } },
    ]);
  });

  test('an uplink that never answers is down after two bursts', () => {
    const watched = new Watched(() => undefined, DEFAULT).runUntil(2600);
    expect(watched.changes).toEqual([
      {
        atMs: 2100,
        status: 'down',
        cause: { kind: 'targets-missed', missed: [0, 1], targets: 2, quorum: 1 },
      },
    ]);
  });
});

describe('a start that takes longer than two bursts', () => {
  const from = (ms: number) => (_: number, nowMs: number) => (nowMs < ms ? undefined : 10);

  test('ends with the first answer, however long up-after is', () => {
    const watched = new Watched(from(60_000), FAST).runUntil(61_000);
    expect(watched.changes.map(({ status }) => status)).toEqual(['down', 'up']);
    expect(watched.changes.at(-1)?.cause).toMatchObject({ kind: 'first-answer', rttUs: 10_000 });
    expect(watched.changes.at(-1)?.atMs).toBeLessThanOrEqual(60_110);
  });

  test('does not wait for a target that misses beside the one that answers', () => {
    const network = (target: number, nowMs: number) => (target === 0 || nowMs < 60_000 ? undefined : 10);
    const watched = new Watched(network, DEFAULT).runUntil(61_000);
    expect(watched.changes.at(-1)).toMatchObject({ status: 'up', cause: { target: 1 } });
    expect(watched.changes.at(-1)?.atMs).toBeLessThanOrEqual(60_510);
  });

  test('is not over before as many answer as the quorum asks for', () => {
    const network = (target: number, nowMs: number) => (nowMs < (target === 0 ? 5000 : 25_000) ? undefined : 10);
    const watched = new Watched(network, { ...DEFAULT, targets: 3, quorum: 2 }).runUntil(60_000);
    expect(watched.changes.map(({ status }) => status)).toEqual(['down', 'up']);
    expect(watched.changes.at(-1)?.atMs).toBeGreaterThanOrEqual(25_000);
    expect(watched.changes.at(-1)?.atMs).toBeLessThanOrEqual(25_510);
  });

  test('is free once: the next recovery waits, and is no flapping', () => {
    const network = (_: number, nowMs: number) => (nowMs < 5000 || (nowMs > 20_000 && nowMs < 30_000) ? undefined : 10);
    const watched = new Watched(network, DEFAULT).runUntil(60_000);
    expect(watched.changes.map(({ status }) => status)).toEqual(['down', 'up', 'down', 'up']);
    const heldMs = (watched.changes.at(-1)?.atMs ?? 0) - 30_000;
    expect([heldMs >= 5000, heldMs < 6100]).toEqual([true, true]);
  });
});

describe('a cut', () => {
  const CUT_MS = 10_000;
  const cutAt = (ms: number) => (_target: number, nowMs: number) => (nowMs < ms ? 10 : undefined);

  test.each([0, 1, 120, 250, 480, 499, 500])('%i ms after an answered probe is noticed within 2.6 s', (offset) => {
    const watched = new Watched(cutAt(CUT_MS + offset), DEFAULT).runUntil(CUT_MS + 4000);
    const down = watched.changes.at(-1);
    expect(down?.status).toBe('down');
    expect((down?.atMs ?? Infinity) - (CUT_MS + offset)).toBeLessThanOrEqual(2600);
  });

  test('is noticed within 0.45 s by the fast profile', () => {
    const watched = new Watched(cutAt(1001), FAST).runUntil(2000);
    const down = watched.changes.at(-1);
    expect(down?.status).toBe('down');
    expect((down?.atMs ?? Infinity) - 1001).toBeLessThanOrEqual(450);
  });

  test('names the targets that missed and how long nothing was heard', () => {
    const watched = new Watched(cutAt(CUT_MS + 1), DEFAULT).runUntil(CUT_MS + 3000);
    expect(watched.changes.at(-1)?.cause).toEqual({
      kind: 'targets-missed',
      missed: [0, 1],
      targets: 2,
      quorum: 1,
      silentForMs: 2600,
    });
  });
});

describe('what does not make it down', () => {
  test('one dead target of two, with a quorum of one', () => {
    const watched = new Watched((target) => (target === 0 ? undefined : 10), DEFAULT).runUntil(60_000);
    expect(watched.changes.map(({ status }) => status)).toEqual(['up']);
  });

  test('a loss of every third probe', () => {
    let sent = 0;
    const watched = new Watched(() => (++sent % 3 === 0 ? undefined : 10), DEFAULT).runUntil(60_000);
    expect(watched.changes.map(({ status }) => status)).toEqual(['up', 'degraded']);
    expect(qualityOf(watched.health.outcomes).loss).toBeCloseTo(1 / 3, 1);
  });

  test('a pause shorter than two bursts', () => {
    const network = (_: number, nowMs: number) => (nowMs > 5000 && nowMs < 6400 ? undefined : 10);
    const watched = new Watched(network, DEFAULT).runUntil(20_000);
    expect(watched.changes.map(({ status }) => status)).toEqual(['up']);
  });

  test('answers that take longer than an interval', () => {
    const watched = new Watched(() => 750, DEFAULT).runUntil(20_000);
    expect(watched.changes.map(({ status }) => status)).toEqual(['up']);
  });
});

test('a quorum of two needs two answers in each burst', () => {
  const network = (target: number, nowMs: number) => (nowMs > 5000 && target > 0 ? undefined : 10);
  const watched = new Watched(network, { ...DEFAULT, targets: 3, quorum: 2 }).runUntil(10_000);
  const down = watched.changes.at(-1);
  expect(down?.status).toBe('down');
  expect(down?.cause).toMatchObject({ kind: 'targets-missed', missed: [1, 2], quorum: 2 });
});

describe('recovery', () => {
  /** Dead from 5 s to 20 s, and once more for two seconds around `again`. */
  const outage = (again?: number) => (_: number, nowMs: number) => {
    const dead = (nowMs > 5000 && nowMs < 20_000) || (again !== undefined && Math.abs(nowMs - again) < 1000);
    return dead ? undefined : 10;
  };

  test('comes up-after milliseconds after the first good answer', () => {
    const watched = new Watched(outage(), DEFAULT).runUntil(40_000);
    const up = watched.changes.at(-1);
    expect(up?.status).toBe('up');
    expect(up?.atMs).toBeGreaterThanOrEqual(25_000);
    expect(up?.atMs).toBeLessThanOrEqual(26_100);
    expect(up?.cause).toMatchObject({ kind: 'answered-again', downForMs: expect.any(Number) });
  });

  test('a bad burst on the way starts the clock anew', () => {
    const watched = new Watched(outage(23_000), DEFAULT).runUntil(40_000);
    expect(watched.changes.at(-1)?.status).toBe('up');
    expect(watched.changes.at(-1)?.atMs).toBeGreaterThanOrEqual(29_000);
  });

  test('with up-after 0 the first good burst is enough', () => {
    const watched = new Watched(outage(), { ...DEFAULT, upAfterMs: 0 }).runUntil(21_000);
    expect(watched.changes.at(-1)?.status).toBe('up');
    expect(watched.changes.at(-1)?.atMs).toBeLessThanOrEqual(20_520);
  });

  test('after it the data path is back to single probes', () => {
    const watched = new Watched(outage(), DEFAULT).runUntil(40_000);
    expect(watched.health.reach.bursting).toBe(false);
  });
});

describe('bursts', () => {
  const RULES: HealthRules = { targets: 2, quorum: 1, upAfterMs: 0, upAfterMaxMs: 0, timeoutMs: 800 };
  const burst = (round: number, target: number, rttUs?: number) => ({
    slot: 0,
    family: 4 as const,
    list: 0,
    target,
    round,
    burst: true,
    sentAtUs: round * 500_000,
    ...(rttUs === undefined ? {} : { rttUs }),
  });
  const run = (...samples: ReturnType<typeof burst>[]) =>
    samples.reduce(
      (health, sample) => observeSample(health, sample, RULES, { atMs: 0, nowMs: 0 }).health,
      initialHealth(0),
    ).status;

  test('two bad ones that are not neighbours do not make it down', () => {
    expect(run(burst(1, 0), burst(1, 1), burst(3, 0), burst(3, 1))).toBe('unknown');
    expect(run(burst(1, 0), burst(1, 1), burst(2, 0), burst(2, 1))).toBe('down');
  });

  test('a late miss says nothing once a later burst was answered', () => {
    const answeredLater = [burst(3, 0, 5000), burst(3, 1, 5000)];
    expect(run(burst(1, 0), burst(1, 1), ...answeredLater, burst(2, 0), burst(2, 1))).toBe('up');
  });
});

describe('what is no sample', () => {
  test('a failed device makes it down at once, and answers bring it back', () => {
    const watched = new Watched(ANSWERING, DEFAULT).runUntil(3000);
    const failed = watched.failDevice('EIO', 3000);
    expect(failed.health).toMatchObject({ status: 'down', sinceMs: 3000, cause: { message: 'EIO' } });
    expect(failed.cause).toEqual({ kind: 'device-failed', message: 'EIO' });
    watched.health = failed.health;
    expect(watched.runUntil(7900).health.status).toBe('down');
    expect(watched.runUntil(8600).health.status).toBe('up');
  });

  test('where no probe is possible it is unknown, not down', () => {
    const watched = new Watched(() => undefined, DEFAULT).runUntil(4000);
    const step = observeNotProbed(watched.health, 'no route via eth1', { atMs: 4000, nowMs: 4000 });
    expect(watched.health.status).toBe('down');
    expect(step.health).toMatchObject({ status: 'unknown', cause: { message: 'no route via eth1' } });
  });
});
