/** The state of the control plane and the plan in force say the same, also when a plan is refused. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Controller } from '../../../src/control/controller.ts';
import type { ControlNotice, LogEntry } from '../../../src/control/notice.ts';
import type { ControlEvent } from '../../../src/control/state.ts';
import type { ProbeOptions } from '../../../src/native/data-plane.ts';
import type { Plan } from '../../../src/plan/plan.ts';
import { site } from './sites.ts';

let plans: Plan[];
let probes: (readonly ProbeOptions[])[];
let told: ControlNotice[];
let logged: LogEntry[];
/** What the data plane says to a plan: nothing, or why it is refused. */
let refusal: string | undefined;
let controller: Controller;

beforeEach(() => {
  plans = [];
  probes = [];
  told = [];
  logged = [];
  refusal = undefined;
  controller = new Controller({
    dataPlane: {
      async applyPlan(plan) {
        // A worker takes its time to take a plan over.
        await new Promise((resolve) => setImmediate(resolve));
        if (refusal !== undefined) throw new Error(refusal);
        plans.push(plan);
      },
      setProbes: (options) => probes.push(options),
    },
    httpProber: { setProbes() {} },
    rawSocketProber: { setProbes() {} },
    log: (entry) => logged.push(entry),
    emit: (notice) => told.push(notice),
    now: () => 0,
  });
});

const config = (options = {}): ControlEvent => ({ type: 'config', atMs: 0, config: site(options) });
const failure = (index: number, device: string): ControlEvent => {
  return { type: 'device-failed', atMs: 5000, index, device, errno: 5, message: 'EIO' };
};

const selected = () => controller.state.selections.map(({ uplink }) => uplink);
const health = () => controller.state.uplinks.map(({ ipv4 }) => ipv4?.health.status);

describe('a configuration whose plan is refused', () => {
  beforeEach(async () => {
    await controller.dispatch(config());
    refusal = 'no';
  });

  test('leaves no trace in the state', async () => {
    const before = controller.state;
    await expect(controller.dispatch(config({ fiber: '203.0.113.3', prefer: ['lte'] }))).rejects.toThrow('no');
    expect({ ...controller.state, clock: undefined }).toEqual({ ...before, clock: undefined });
    expect([plans.length, probes.length]).toEqual([1, 1]);
  });

  test('spends no generation, and no epoch of the uplinks that it would have changed', async () => {
    for (const fiber of ['203.0.113.3', '203.0.113.4']) {
      await expect(controller.dispatch(config({ fiber }))).rejects.toThrow('no');
    }
    refusal = undefined;
    await controller.dispatch(config({ prefer: ['lte', 'fiber', 'dsl'] }));
    const [plan] = plans.slice(-1);
    expect(plan?.generation).toBe(2);
    expect(plan?.uplinks.map(({ epoch }) => epoch)).toEqual([0, 0, 0]);
    await controller.dispatch(config({ fiber: '203.0.113.3' }));
    expect(plans.at(-1)?.uplinks.map(({ epoch }) => epoch)).toEqual([1, 0, 0]);
  });

  test('is not announced', async () => {
    const [events, entries] = [told.length, logged.length];
    await expect(controller.dispatch(config({ prefer: ['lte'] }))).rejects.toThrow('no');
    expect([told.slice(events), logged.slice(entries)]).toEqual([[], []]);
  });
});

describe('a change of health whose plan is refused', () => {
  beforeEach(async () => {
    await controller.dispatch(config());
    refusal = 'no';
    await expect(controller.dispatch(failure(1, 'wan0'))).rejects.toThrow('no');
  });

  test('was observed all the same, but new traffic takes what it took', () => {
    expect(health()).toEqual(['down', 'unknown', 'unknown']);
    expect(selected()).toEqual(['fiber', 'fiber']);
    expect(controller.state.generation).toBe(1);
    expect(told.filter(({ type }) => type === 'selection-changed')).toHaveLength(2);
  });

  test('is part of the next plan, and what follows from it is told then', async () => {
    refusal = undefined;
    told.length = 0;
    await controller.dispatch(failure(3, 'wan2'));
    const [plan] = plans.slice(-1);
    expect(plan?.generation).toBe(2);
    expect(plan?.uplinks.map(({ ipv4 }) => ipv4?.usable)).toEqual([false, true, false]);
    expect(selected()).toEqual(['lte', 'lte']);
    expect(told.filter(({ type }) => type === 'selection-changed')).toMatchObject([
      { family: 4, from: 'fiber', to: 'lte' },
      { family: 6, from: 'fiber', to: 'lte' },
    ]);
  });
});

test('events that come while a plan is being applied are taken when it is known whether it is in force', async () => {
  await controller.dispatch(config());
  refusal = 'no';
  const refused = controller.dispatch(config({ prefer: ['dsl', 'fiber', 'lte'], fiber: '203.0.113.3' }));
  const next = controller.dispatch(failure(1, 'wan0'));
  await expect(refused).rejects.toThrow('no');
  refusal = undefined;
  await next;
  const [plan] = plans.slice(-1);
  const prefer = plan?.policies.map((policy) => policy.prefer);
  expect([plan?.generation, prefer, plan?.uplinks[0]?.epoch]).toEqual([2, [[0, 1, 2]], 0]);
  expect(selected()).toEqual(['lte', 'lte']);
});
