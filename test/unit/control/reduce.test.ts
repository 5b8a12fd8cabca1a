import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LogEntry } from '../../../src/control/notice.ts';
import { reduce } from '../../../src/control/reduce.ts';
import { type ControlEvent, type ControlState, type Effect, INITIAL_STATE } from '../../../src/control/state.ts';
import type { ProbeSample } from '../../../src/native/data-plane.ts';
import { parsed, site, siteText } from './sites.ts';

const FIBER = 0;
const LTE = 1;

/** A state and all effects that led to it. */
class Run {
  state: ControlState = INITIAL_STATE;
  effects: readonly Effect[] = [];

  take(...events: readonly ControlEvent[]): this {
    for (const event of events) {
      const next = reduce(this.state, event);
      this.state = next.state;
      this.effects = next.effects;
    }
    return this;
  }

  get kinds(): string[] {
    return this.effects.map(({ type }) => type);
  }

  get logs(): LogEntry[] {
    return this.effects.flatMap((effect) => (effect.type === 'log' ? [effect.entry] : []));
  }

  selected(family: 4 | 6): string | undefined {
    return this.state.selections.find((selection) => selection.family === family)?.uplink;
  }

  status(name: string, family: 4 | 6): string | undefined {
    const uplink = this.state.uplinks.find((other) => other.name === name);
    return (family === 4 ? uplink?.ipv4 : uplink?.ipv6)?.health.status;
  }
}

const configured = (options = {}): Run => new Run().take({ type: 'config', atMs: 0, config: site(options) });

const sample = (slot: number, round: number, fields: Partial<ProbeSample> = {}): ControlEvent => ({
  type: 'probe-sample',
  atMs: 1000 + round * 500,
  sample: { slot, family: 4, list: 0, target: 0, round, burst: false, sentAtUs: round * 500_000, ...fields },
});

const badBurst = (slot: number, round: number, family: 4 | 6 = 4): ControlEvent[] =>
  [0, 1].map((target) => sample(slot, round, { target, family, burst: true }));

const down = (slot: number, family: 4 | 6 = 4): ControlEvent[] => [
  ...badBurst(slot, 1, family),
  ...badBurst(slot, 2, family),
];

describe('a configuration', () => {
  test('becomes plan 1, then probes, then what new traffic takes', () => {
    const run = configured();
    expect(run.kinds).toEqual(['apply-plan', 'log', 'set-probes', 'log', 'emit', 'log', 'emit']);
    const [plan] = run.effects.flatMap((effect) => (effect.type === 'apply-plan' ? [effect.plan] : []));
    expect(plan?.generation).toBe(1);
    expect(plan?.uplinks.map(({ ipv4, ipv6 }) => [ipv4?.usable, ipv6?.usable])).toEqual([
      [true, true],
      [true, true],
      [true, undefined],
    ]);
    expect(run.selected(4)).toBe('fiber');
  });

  test('has one probe assignment for each family of an uplink', () => {
    const [probes] = configured().effects.flatMap((effect) => (effect.type === 'set-probes' ? [effect.probes] : []));
    expect(probes?.map(({ device, options }) => [device, options.slot, options.family, options.calmRound])).toEqual([
      ['wan0', 0, 4, 0],
      ['wan0', 0, 6, 0],
      ['wan1', 1, 4, 0],
      ['wan1', 1, 6, 0],
      ['wan2', 2, 4, 0],
    ]);
    expect(probes?.[0]?.options).toMatchObject({ targets: [0xc0000201, 0xc0000202], intervalMs: 500, timeoutMs: 800 });
  });

  test('that replaces another keeps slots and health, and raises the epoch where an address changed', () => {
    const run = configured().take(...down(LTE));
    const config = site({ prefer: ['lte', 'fiber', 'dsl'], fiber: '203.0.113.3' });
    run.take({ type: 'config', atMs: 9000, config });
    expect(run.status('lte', 4)).toBe('down');
    const [plan] = run.effects.flatMap((effect) => (effect.type === 'apply-plan' ? [effect.plan] : []));
    expect(plan?.generation).toBe(3);
    expect(plan?.uplinks.map(({ slot, epoch }) => [slot, epoch])).toEqual([
      [0, 1],
      [1, 0],
      [2, 0],
    ]);
  });
});

describe('an uplink that dies', () => {
  test('leaves the plan of its family only, is logged with its cause, and hands new traffic on', () => {
    const run = configured().take(sample(FIBER, 0, { rttUs: 9000 }), ...down(FIBER));
    expect(run.status('fiber', 4)).toBe('down');
    expect(run.status('fiber', 6)).toBe('unknown');
    expect(run.kinds).toEqual(['log', 'emit', 'apply-plan', 'log', 'emit']);
    expect(run.logs.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      'warn: uplink fiber IPv4 is down (was up): 2 of 2 targets missed in two bursts running (192.0.2.1, 192.0.2.2; quorum 1), no answer for 1.8 s',
      'info: new IPv4 traffic of policy default takes uplink lte (was fiber): fiber is down',
    ]);
    expect([run.selected(4), run.selected(6)]).toEqual(['lte', 'fiber']);
  });

  test('is a last resort once every other one is dead too', () => {
    const run = configured().take(...down(2), ...down(LTE), ...down(FIBER));
    expect(run.state.selections[0]).toMatchObject({ uplink: 'fiber', lastResort: true });
    expect(run.logs.at(-1)?.message).toBe(
      'new IPv4 traffic of policy default takes uplink fiber as a last resort: fiber is down, lte is down, dsl is down',
    );
  });

  test('is used again when it has answered for up-after', () => {
    const answers = [10, 11, 12, 20].map((round) => sample(FIBER, round, { rttUs: 9000 }));
    const run = configured().take(sample(FIBER, 0, { rttUs: 9000 }), ...down(FIBER), ...answers.slice(0, 3));
    expect([run.status('fiber', 4), run.selected(4)]).toEqual(['down', 'lte']);
    run.take(...answers.slice(3));
    expect([run.status('fiber', 4), run.selected(4)]).toEqual(['up', 'fiber']);
    expect(run.logs[0]?.message).toBe('uplink fiber IPv4 is up (was down): good answers for 5.0 s after 9.0 s down');
  });
});

describe('an uplink that was never up', () => {
  test('is used from its first answer on, though it was down: that is its start, and no recovery', () => {
    const run = configured().take(...down(FIBER), sample(FIBER, 3, { burst: true, rttUs: 9000 }));
    expect([run.status('fiber', 4), run.selected(4)]).toEqual(['up', 'fiber']);
    expect(run.logs[0]?.message).toBe('uplink fiber IPv4 is up (was down): 192.0.2.1 answered after 9.0 ms');
  });

  test('is so once only: a new configuration of it begins nothing anew', () => {
    const answer = (round: number) => sample(FIBER, round, { burst: true, rttUs: 9000 });
    const run = configured().take(...down(FIBER), answer(3), ...badBurst(FIBER, 4), ...badBurst(FIBER, 5));
    run.take({ type: 'config', atMs: 4000, config: parsed(siteText().replaceAll('2.2,', '2.3,')) }, answer(6));
    expect(run.status('fiber', 4)).toBe('down');
  });
});

test('a burst that was answered well sets the data path back to single probes', () => {
  const run = configured().take(sample(FIBER, 0), sample(FIBER, 1, { burst: true, rttUs: 9000 }));
  expect(run.kinds).not.toContain('set-probes');
  run.take(sample(FIBER, 1, { burst: true, target: 1 }));
  const [probes] = run.effects.flatMap((effect) => (effect.type === 'set-probes' ? [effect.probes] : []));
  expect(probes?.[0]?.options.calmRound).toBe(1);
});

/** Devices by their position in the plans: the internal one, then the uplinks by slot. */
const DEVICES: readonly string[] = ['lan0', 'wan0', 'wan1', 'wan2'];

const failure = (index: number, netns?: string): ControlEvent => {
  const device = { index, device: DEVICES[index] ?? '', ...(netns === undefined ? {} : { netns }) };
  return { type: 'device-failed', atMs: 5000, ...device, errno: 5, message: 'Input/output error' };
};
const restored = (index: number, atMs = 9000): ControlEvent => {
  return { type: 'device-restored', atMs, index, device: DEVICES[index] ?? '' };
};

test('who has an address of the gateway is told of, and nothing changes', () => {
  const device = { index: 0, device: 'lan0' };
  const which = { ...device, address: 'fe80::1', mac: '02:00:00:00:00:07' };
  const run = configured().take({ type: 'address-conflict', atMs: 5000, ...which });
  expect(run.kinds).toEqual(['log', 'emit']);
  expect(run.logs[0]).toEqual({
    level: 'error',
    message: "another station (02:00:00:00:00:07) on the link of device 0 (lan0) has fe80::1, which is the gateway's",
    fields: { event: 'address-conflict', ...which },
  });
});

describe('a failed device', () => {
  test('takes its uplink down at once in both families', () => {
    const run = configured().take(failure(1));
    expect([run.status('fiber', 4), run.status('fiber', 6), run.status('lte', 4)]).toEqual(['down', 'down', 'unknown']);
    expect([run.selected(4), run.selected(6)]).toEqual(['lte', 'lte']);
    expect(run.kinds.filter((kind) => kind === 'apply-plan')).toHaveLength(1);
    expect(run.logs[1]?.message).toBe(
      'uplink fiber IPv4 is down (was unknown): device 1 (wan0) failed: Input/output error',
    );
  });

  test('is told with its position and its namespace', () => {
    const run = configured().take(failure(2, 'isp-b'));
    expect(run.logs[0]).toEqual({
      level: 'error',
      message: 'device 2 (wan1 in namespace isp-b) failed: Input/output error',
      fields: { event: 'device-failed', index: 2, device: 'wan1', netns: 'isp-b', errno: 5 },
    });
    const [notice] = run.effects.flatMap((effect) => (effect.type === 'emit' ? [effect.notice] : []));
    expect(notice).toMatchObject({ type: 'device-failed', index: 2, device: 'wan1', netns: 'isp-b' });
  });

  test('is known by its position where two namespaces have devices of one name', () => {
    const text = siteText()
      .replace('tap: wan0', 'tap: wan0, netns: isp-a')
      .replace('tap: wan1', 'tap: wan0, netns: isp-b');
    const run = new Run().take({ type: 'config', atMs: 0, config: parsed(text) });
    const event = { type: 'device-failed', atMs: 5000, index: 2, device: 'wan0', netns: 'isp-b' } as const;
    run.take({ ...event, errno: 5, message: 'Input/output error' });
    expect([run.status('fiber', 4), run.status('lte', 4), run.status('lte', 6)]).toEqual(['unknown', 'down', 'down']);
  });

  test('that is an internal one is told, and changes no uplink', () => {
    const run = configured().take(failure(0));
    expect(run.kinds).toEqual(['log', 'emit']);
  });
});

describe('a device that works again', () => {
  /** `fiber` without any target, `lte` and `dsl` with theirs. */
  const unprobed = () => parsed(siteText().replace(/targets: \[.*?\], up-after/, 'targets: [], up-after'));

  test('brings an uplink without targets back, which nothing else could', () => {
    const run = new Run().take({ type: 'config', atMs: 0, config: unprobed() }, failure(1));
    expect([run.status('fiber', 4), run.selected(4)]).toEqual(['down', 'lte']);
    run.take(restored(1));
    expect([run.status('fiber', 4), run.status('fiber', 6)]).toEqual(['unknown', 'unknown']);
    expect([run.selected(4), run.selected(6)]).toEqual(['fiber', 'fiber']);
    expect(run.kinds.filter((kind) => kind === 'apply-plan')).toHaveLength(1);
    expect(run.logs.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      'info: device 1 (wan0) works again',
      'info: uplink fiber IPv4 is unknown (was down): device 1 (wan0) works again',
      'info: uplink fiber IPv6 is unknown (was down): device 1 (wan0) works again',
      'info: new IPv4 traffic of policy default takes uplink fiber (was lte): first in order of preference',
      'info: new IPv6 traffic of policy default takes uplink fiber (was lte): first in order of preference',
    ]);
  });

  test('is left to the targets where there are some', () => {
    const run = configured().take(sample(FIBER, 0, { rttUs: 9000 }), failure(1), restored(1));
    // The plan knows that it could be a last resort again.
    expect([run.status('fiber', 4), run.kinds]).toEqual(['down', ['log', 'emit', 'apply-plan']]);
    const answers = [20, 21, 30].map((round) => sample(FIBER, round, { rttUs: 9000 }));
    expect(run.take(...answers.slice(0, 2)).status('fiber', 4)).toBe('down');
    expect(run.take(...answers.slice(2)).status('fiber', 4)).toBe('up');
  });

  test('changes nothing of another uplink', () => {
    const run = new Run().take({ type: 'config', atMs: 0, config: unprobed() }, failure(1), restored(2));
    expect([run.status('fiber', 4), run.selected(4)]).toEqual(['down', 'lte']);
  });
});

describe('a configuration without the targets that an uplink is down by', () => {
  const without = (): ControlEvent => {
    const config = parsed(siteText().replace(/targets: \[.*?\], up-after/, 'targets: [], up-after'));
    return { type: 'config', atMs: 9000, config };
  };

  test('lets it be used again, since nobody would ever say so', () => {
    const run = configured().take(...down(FIBER), without());
    expect([run.status('fiber', 4), run.selected(4)]).toEqual(['unknown', 'fiber']);
  });

  test('leaves it down while its device does not work, and no longer', () => {
    const run = configured().take(failure(1), without());
    expect([run.status('fiber', 4), run.selected(4)]).toEqual(['down', 'lte']);
    expect(run.take(restored(1)).selected(4)).toBe('fiber');
  });

  test('has no use for a new uplink on a device that does not work', () => {
    const renamed = parsed(siteText({ prefer: ['fiber', 'lte', 'cable'] }).replace('  dsl:', '  cable:'));
    const run = configured().take(failure(3), { type: 'config', atMs: 9000, config: renamed });
    expect(run.status('cable', 4)).toBe('down');
  });
});

test('while the plan is not in force what was observed holds, and nothing of what follows from it', () => {
  const run = configured();
  const before = run.state;
  const failed = reduce(before, failure(1));
  expect(failed.observed).toMatchObject({ generation: 1, selections: before.selections });
  expect(failed.observed.uplinks).toEqual(failed.state.uplinks);
  expect(failed.state).toMatchObject({ generation: 2, selections: [{ uplink: 'lte' }, { uplink: 'lte' }] });
  const other: ControlEvent = { type: 'config', atMs: 1, config: site({ fiber: '203.0.113.3' }) };
  expect(reduce(before, other).observed).toEqual({ ...before, clock: { nowMs: 1, lastAtMs: 1 } });
});

test('an uplink that cannot be probed is unknown and stays usable', () => {
  const event = { type: 'not-probed', atMs: 8000, slot: FIBER, family: 4, list: 0 } as const;
  const run = configured().take(...down(FIBER), { ...event, reason: 'no route via wan0' });
  expect(run.status('fiber', 4)).toBe('unknown');
  expect(run.selected(4)).toBe('fiber');
  expect(run.logs[0]?.message).toBe('uplink fiber IPv4 is unknown (was down): no route via wan0');
});

test('samples of a slot or target that is not there change nothing', () => {
  const run = configured();
  const before = run.state;
  run.take(sample(9, 1), sample(FIBER, 1, { target: 7 }), sample(2, 1, { family: 6 }));
  expect(run.state.uplinks).toEqual(before.uplinks);
  expect(run.effects).toEqual([]);
});

describe('any sequence of samples and failures', () => {
  const anySample = fc.record({
    slot: fc.integer({ min: 0, max: 2 }),
    family: fc.constantFrom<4 | 6>(4, 6),
    target: fc.integer({ min: 0, max: 1 }),
    burst: fc.boolean(),
    rttUs: fc.option(fc.constant(9000), { nil: undefined }),
    /** Rounds since the event before. */
    gap: fc.integer({ min: 0, max: 2 }),
  });
  const anyFailure = fc.constantFrom(...DEVICES);
  const anySequence = fc.array(fc.oneof({ weight: 40, arbitrary: anySample }, { weight: 1, arbitrary: anyFailure }), {
    maxLength: 400,
    size: 'max',
  });

  const eventsOf = (steps: readonly (string | SampleStep)[]) => {
    let round = 0;
    return steps.map((step): ControlEvent => {
      const atMs = 1000 + round * 500;
      if (typeof step === 'string') {
        const index = DEVICES.indexOf(step);
        return { type: 'device-failed', atMs, index, device: step, errno: 5, message: 'EIO' };
      }
      const { gap, rttUs, ...fields } = step;
      round += gap;
      return sample(step.slot, round, { ...fields, ...(rttUs === undefined ? {} : { rttUs }) });
    });
  };

  test('never selects a dead uplink while another one lives, and tells every change', () => {
    let changes = 0;
    const start = configured().state;
    fc.assert(
      fc.property(anySequence, (steps) => {
        const run = new Run();
        run.state = start;
        for (const event of eventsOf(steps)) {
          const before = run.state;
          run.take(event);
          expectSoundSelection(run);
          changes += expectEveryChangeTold(before, run);
        }
      }),
      { numRuns: 60, seed: 3 },
    );
    // A run without changes would have shown nothing.
    expect(changes).toBeGreaterThan(300);
  }, 60_000);
});

interface SampleStep {
  readonly slot: number;
  readonly family: 4 | 6;
  readonly target: number;
  readonly burst: boolean;
  readonly rttUs: number | undefined;
  readonly gap: number;
}

function expectSoundSelection({ state }: Run): void {
  for (const family of [4, 6] as const) {
    const carrying = state.uplinks.flatMap(({ name, deviceIndex, ipv4, ipv6 }) => {
      const status = (family === 4 ? ipv4 : ipv6)?.health.status;
      const cut = state.failedDevices.has(deviceIndex);
      return status === undefined ? [] : [{ name, dead: status === 'down', cut: cut && status === 'down' }];
    });
    const selection = state.selections.find((other) => other.family === family);
    const chosen = carrying.find(({ name }) => name === selection?.uplink);
    // What no uplink has carrier for is refused, so that hosts turn to the other family.
    expect(chosen === undefined).toBe(carrying.every(({ cut }) => cut));
    expect(chosen?.dead ?? true).toBe(carrying.every(({ dead }) => dead));
    expect(selection?.lastResort).toBe(chosen?.dead ?? false);
  }
}

/** Compares the states before and after one event, and gives the number of changes of health. */
function expectEveryChangeTold(before: ControlState, run: Run): number {
  const statuses = ({ uplinks }: ControlState) =>
    uplinks.flatMap(({ name, ipv4, ipv6 }) => [
      `uplink ${name} IPv4 is ${ipv4?.health.status}`,
      `uplink ${name} IPv6 is ${ipv6?.health.status}`,
    ]);
  const old = new Set(statuses(before));
  const changed = statuses(run.state).filter((status) => !old.has(status));
  const told = run.logs.filter(({ fields }) => fields.event === 'uplink-changed').map(({ message }) => message);
  expect(told).toHaveLength(changed.length);
  for (const [index, status] of changed.entries()) expect(told[index]?.startsWith(`${status} (was `)).toBe(true);
  const usableChanged =
    changed.some((status) => status.endsWith('down')) || told.some((text) => text.includes('(was down)'));
  if (usableChanged) expect(run.kinds).toContain('apply-plan');
  return changed.length;
}
