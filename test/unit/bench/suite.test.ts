/** The JavaScript suite: every candidate does what it is timed for, and both harnesses time it. */
import { describe, expect, it, vi } from 'vitest';
import { PLAN_CASES } from '../../../bench/suites/plans.ts';
import { measure } from '../../../bench/suites/suite.ts';
import { TRANSLATOR_CASES } from '../../../bench/suites/translators.ts';

const SECONDS = 0.005;

// Harnesses take their time, the more on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

describe('the JavaScript suite', () => {
  it.each(TRANSLATOR_CASES)('forwards the packets of $name in every implementation', ({ candidates }) => {
    for (const { run } of candidates()) for (let call = 0; call < 20; call += 1) run();
  });

  it.each(PLAN_CASES)('can do $name again and again', ({ candidates }) => {
    for (const { run } of candidates()) for (let call = 0; call < 2; call += 1) run();
  });

  it('compares with the first implementation, per unit of work', async () => {
    let calls = 0;
    const spin = (units: number) => () => {
      calls += 1;
      for (const end = performance.now() + units; performance.now() < end; );
    };
    const candidates = () => [
      { implementation: 'slow', units: 1, run: spin(2) },
      { implementation: 'batched', units: 4, run: spin(2) },
    ];
    const [slow, batched] = await measure({ name: 'spin', unit: 'us/plan', candidates }, SECONDS);
    expect(calls).toBeGreaterThan(10);
    expect(slow).toMatchObject({ case: 'spin', implementation: 'slow', unit: 'us/plan', ratio: 1 });
    // At least two milliseconds a call, in microseconds a unit, by both harnesses.
    expect(slow?.value).toBeGreaterThanOrEqual(1999);
    expect(slow?.benchmarkJs).toBeGreaterThanOrEqual(1999);
    expect(batched?.value).toBeGreaterThanOrEqual(499);
    expect(batched?.ratio).toBe((slow?.value ?? 0) / (batched?.value ?? 1));
    expect(batched?.peer).toBe(slow?.value);
  });

  it('fails with the candidate', async () => {
    const run = () => {
      throw new Error('not forwarded');
    };
    const candidates = () => [{ implementation: 'broken', units: 1, run }];
    await expect(measure({ name: 'broken', unit: 'ns/packet', candidates }, SECONDS)).rejects.toThrow('not forwarded');
  });
});
