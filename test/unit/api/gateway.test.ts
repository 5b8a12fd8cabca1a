import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { NptdError } from '../../../src/api/errors.ts';
import type { NptdEvent } from '../../../src/api/events.ts';
import { createNptd, type Nptd, type NptdOptions } from '../../../src/api/nptd.ts';
import { siteText } from '../control/sites.ts';
import { ANSWERED, FakeDataPlane, SESSION } from './fake-data-plane.ts';

function open(options: NptdOptions = {}, text = siteText()): { plane: FakeDataPlane; nptd: Nptd } {
  const plane = new FakeDataPlane();
  return { plane, nptd: createNptd(text, { openDataPlane: plane.open, ...options }) };
}

/** Lets effects run that were dispatched without anyone waiting for them. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

const codeOf = async (promise: Promise<unknown>): Promise<string | undefined> => {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof NptdError ? error.code : String(error);
};

describe('start', () => {
  test('opens the devices in the order of the plan, applies plan 1 and sets the probes', async () => {
    const { plane, nptd } = open();
    await nptd.start();
    expect(plane.options?.devices.map(({ name }) => name)).toEqual(['lan0', 'wan0', 'wan1', 'wan2']);
    expect(plane.options?.devices).toHaveLength(plane.plans[0]?.devices.length ?? 0);
    expect(plane.options?.secret).toHaveLength(16);
    expect(plane.options?.hashKey).not.toEqual(plane.options?.secret);
    expect(plane.generation).toBe(1);
    expect(plane.probes).toHaveLength(5);
    await nptd.close();
  });

  test('with an invalid text lists all issues and opens nothing', () => {
    const plane = new FakeDataPlane();
    const text = siteText()
      .replace('gateway: 203.0.113.1', 'gatway: 203.0.113.1')
      .replace('up-after: 5s', 'up-after: 5');
    const create = () => createNptd(text, { openDataPlane: plane.open, file: 'site.yaml' });
    expect(create).toThrow(NptdError);
    expect(create).toThrow(/site\.yaml:\d+:\d+: .*gatway.*site\.yaml:\d+:\d+: .*5/s);
    expect(plane.options).toBeUndefined();
  });

  test('reads the certificates for HTTPS probes, or opens nothing, and a reload that cannot changes nothing', async () => {
    const text = siteText().replace('targets: [', 'targets: [{ https: "https://192.0.2.9/", ca: /nowhere/ca.pem }, ');
    const { plane, nptd } = open({}, text);
    await expect(nptd.start()).rejects.toThrow(/certificates for HTTPS probes cannot be read: .*\/nowhere\/ca\.pem/);
    expect(plane.options).toBeUndefined();
    const running = open();
    await running.nptd.start();
    expect(await codeOf(running.nptd.apply(text))).toBe('CONFIG_INVALID');
    expect(running.plane.generation).toBe(1);
    await running.nptd.close();
  });

  test('whose plan is refused leaves nothing open', async () => {
    const { plane, nptd } = open();
    plane.beforeApply = () => Promise.reject(new Error('mtu'));
    expect(await codeOf(nptd.start())).toBe('PLAN_REFUSED');
    expect([plane.closes, plane.listeners]).toEqual([1, 0]);
  });

  test('happens once', async () => {
    const { nptd } = open();
    await nptd.start();
    expect(await codeOf(nptd.start())).toBe('NOT_RUNNING');
    expect(nptd.status().generation).toBe(1);
    await nptd.close();
  });
});

describe('events', () => {
  test('tell how an uplink dies, in order and typed', async () => {
    const { plane, nptd } = open();
    const events: NptdEvent[] = [];
    for (const type of ['ready', 'plan-applied', 'uplink-changed', 'selection-changed', 'closed'] as const) {
      nptd.on(type, (event) => events.push(event));
    }
    await nptd.start();
    const told = events.length;
    plane.kill(0, 4);
    await settle();
    await nptd.close();
    expect(events.slice(told)).toMatchObject([
      { type: 'uplink-changed', uplink: 'fiber', family: 4, from: 'unknown', to: 'down' },
      { type: 'plan-applied', generation: 2 },
      { type: 'selection-changed', policy: 'default', family: 4, from: 'fiber', to: 'lte', lastResort: false },
      { type: 'closed' },
    ]);
    expect(plane.plans.at(-1)?.uplinks[0]?.ipv4?.usable).toBe(false);
  });

  test('reach other listeners when one throws, which is logged', async () => {
    const messages: string[] = [];
    const { nptd } = open({ log: ({ message }) => messages.push(message) });
    let heard = 0;
    nptd.on('ready', () => {
      throw new Error('boom');
    });
    nptd.on('ready', () => {
      heard += 1;
    });
    await nptd.start();
    await nptd.close();
    expect(heard).toBe(1);
    expect(messages).toContain('a listener failed: boom');
  });

  test('and plans go on when the log throws', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const log = () => {
      throw new Error('disk full');
    };
    const { plane, nptd } = open({ log });
    await nptd.start();
    plane.kill(0, 4);
    await settle();
    expect(plane.plans.at(-1)?.uplinks[0]?.ipv4?.usable).toBe(false);
    expect(warned).toHaveBeenCalledWith('the log of nptd failed: disk full');
    warned.mockRestore();
    await nptd.close();
  });

  test('stop for a listener that was removed', async () => {
    const { plane, nptd } = open();
    let heard = 0;
    const remove = nptd.on('passed-available', () => {
      heard += 1;
    });
    await nptd.start();
    plane.say({ type: 'passed-available' });
    await settle();
    remove();
    plane.say({ type: 'passed-available' });
    await settle();
    expect(heard).toBe(1);
    await nptd.close();
  });
});

test('plans are applied one at a time, in order', async () => {
  const { plane, nptd } = open();
  await nptd.start();
  const order: string[] = [];
  plane.beforeApply = async ({ generation }) => {
    order.push(`begin ${generation}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    order.push(`end ${generation}`);
  };
  plane.kill(0, 4);
  plane.kill(1, 4);
  await nptd.close();
  expect(order).toEqual(['begin 2', 'end 2', 'begin 3', 'end 3']);
});

describe('apply', () => {
  test('puts another configuration in force and keeps what is known of the uplinks', async () => {
    const { plane, nptd } = open();
    await nptd.start();
    plane.kill(1, 4);
    await nptd.apply(siteText({ prefer: ['lte', 'fiber', 'dsl'] }));
    expect(plane.plans.at(-1)?.policies).toMatchObject([{ prefer: [1, 0, 2] }]);
    expect(nptd.status().selections[0]).toMatchObject({ family: 4, uplink: 'fiber' });
    expect(nptd.status().selections[1]).toMatchObject({ family: 6, uplink: 'lte' });
    await nptd.close();
  });

  test('refuses other devices, which need a restart', async () => {
    const { plane, nptd } = open();
    await nptd.start();
    expect(await codeOf(nptd.apply(siteText().replace('wan2', 'wan9')))).toBe('RESTART_REQUIRED');
    expect(plane.plans).toHaveLength(1);
    await nptd.close();
  });

  test('refuses another number of workers, which needs a restart', async () => {
    const { plane, nptd } = open();
    await nptd.start();
    const more = `${siteText()}\nworker: { count: 2 }`;
    expect(await codeOf(nptd.apply(more))).toBe('RESTART_REQUIRED');
    expect(nptd.status().workers).toBe(1);
    expect(plane.plans).toHaveLength(1);
    await nptd.close();
  });

  test('that the data plane refuses puts the configuration before back in force', async () => {
    const { plane, nptd } = open();
    await nptd.start();
    plane.beforeApply = async ({ policies }) => {
      if (policies[0]?.prefer[0] === 1) throw new Error('no');
    };
    expect(await codeOf(nptd.apply(siteText({ prefer: ['lte', 'fiber', 'dsl'] })))).toBe('PLAN_REFUSED');
    expect(plane.plans.map(({ policies }) => policies)).toMatchObject([[{ prefer: [0, 1, 2] }]]);
    expect(nptd.status().selections[0]?.uplink).toBe('fiber');
    await nptd.close();
  });

  test('that is refused leaves the sessions of every uplink alone: no epoch is raised for it', async () => {
    const { plane, nptd } = open();
    await nptd.start();
    plane.beforeApply = () => Promise.reject(new Error('no'));
    expect(await codeOf(nptd.apply(siteText({ fiber: '203.0.113.3' })))).toBe('PLAN_REFUSED');
    plane.beforeApply = async () => {};
    await nptd.apply(siteText({ prefer: ['lte', 'fiber', 'dsl'] }));
    const [plan] = plane.plans.slice(-1);
    expect([plan?.generation, plan?.uplinks.map(({ epoch }) => epoch)]).toEqual([2, [0, 0, 0]]);
    await nptd.close();
  });

  test('that fails behind its plan brings the configuration before back in force', async () => {
    const { plane, nptd } = open();
    await nptd.start();
    const { setProbes } = plane;
    plane.setProbes = () => {
      plane.setProbes = setProbes;
      throw new Error('too many commands');
    };
    expect(await codeOf(nptd.apply(siteText({ prefer: ['lte', 'fiber', 'dsl'] })))).toBe('PLAN_REFUSED');
    expect(plane.plans.map(({ policies }) => policies[0]?.prefer)).toEqual([
      [0, 1, 2],
      [1, 0, 2],
      [0, 1, 2],
    ]);
    expect(nptd.status().selections[0]?.uplink).toBe('fiber');
    await nptd.close();
  });
});

describe('6888-R11c: what is exhausted', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const refused = (count: number) => [{ slot: 1, direction: 'outbound', verdict: 'SessionTableFull', count } as const];

  test('is one event and one line of the log within a second, and is in the status for a minute', async () => {
    const lines: string[] = [];
    const { plane, nptd } = open({ log: ({ level, message }) => lines.push(`${level}: ${message}`) });
    const events: NptdEvent[] = [];
    nptd.on('exhausted', (event) => events.push(event));
    await nptd.start();
    await vi.advanceTimersByTimeAsync(5000);
    expect([events, nptd.status().exhausted]).toEqual([[], []]);
    for (let count = 1; count <= 100; count += 1) {
      plane.verdicts = refused(10 * count);
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(events).toMatchObject([{ type: 'exhausted', reason: 'SessionTableFull', uplink: 'lte', refused: 10 }]);
    expect(lines.filter((line) => line.includes('refuse'))).toEqual([
      'warn: uplink lte refuses packets: SessionTableFull, 10 so far',
    ]);
    expect(nptd.status().exhausted).toMatchObject([{ reason: 'SessionTableFull', uplink: 'lte', refused: 1000 }]);
    await vi.advanceTimersByTimeAsync(61_000);
    expect(nptd.status().exhausted).toEqual([]);
    plane.verdicts = refused(1001);
    await vi.advanceTimersByTimeAsync(1000);
    expect(events).toMatchObject([{ refused: 10 }, { refused: 1001 }]);
    await nptd.close();
  });

  test('is not watched any more after the end', async () => {
    const { plane, nptd } = open();
    await nptd.start();
    await nptd.close();
    let asked = 0;
    plane.counters = () => {
      asked += 1;
      throw new Error('closed');
    };
    await vi.advanceTimersByTimeAsync(10_000);
    expect([asked, vi.getTimerCount()]).toEqual([0, 0]);
  });

  test('is no reason to end where counters cannot be read', async () => {
    const lines: string[] = [];
    const { plane, nptd } = open({ log: ({ message }) => lines.push(message) });
    await nptd.start();
    plane.counters = () => {
      throw new Error('no counters');
    };
    await vi.advanceTimersByTimeAsync(1000);
    expect(lines.at(-1)).toBe('the counters cannot be read: no counters');
    await nptd.close();
  });
});

test('of two configurations at once the later one stays when the earlier one is refused', async () => {
  const { plane, nptd } = open();
  await nptd.start();
  plane.beforeApply = async ({ policies }) => {
    if (policies[0]?.prefer[0] === 1) throw new Error('no');
  };
  const refused = codeOf(nptd.apply(siteText({ prefer: ['lte', 'fiber', 'dsl'] })));
  await nptd.apply(siteText({ prefer: ['dsl', 'fiber', 'lte'] }));
  expect(await refused).toBe('PLAN_REFUSED');
  expect(plane.plans.at(-1)?.policies).toMatchObject([{ prefer: [2, 0, 1] }]);
  await nptd.close();
});

test('status is plain data about uplinks, selections and counters', async () => {
  const { plane, nptd } = open();
  await nptd.start();
  plane.say({ type: 'probe-sample', sample: ANSWERED });
  plane.kill(2, 4);
  await settle();
  const status = nptd.status();
  expect(status.uplinks[0]).toMatchObject({
    name: 'fiber',
    slot: 0,
    device: 'wan0',
    ipv4: { health: 'up', usable: true, lastRttMs: 1.5, loss: 0, targets: ['192.0.2.1', '192.0.2.2'] },
    ipv6: { health: 'unknown', usable: true, targets: ['2001:db8:ffff::1', '2001:db8:ffff::2'] },
  });
  expect(status.uplinks[2]).toMatchObject({ name: 'dsl', ipv4: { health: 'down', usable: false, loss: 1 } });
  expect(status.uplinks[2]).not.toHaveProperty('ipv6');
  expect(JSON.parse(JSON.stringify(status))).toEqual(status);
  expect(await nptd.sessions()).toEqual([SESSION]);
  await nptd.close();
});

describe('the end', () => {
  test('comes by close, and calls after it are refused', async () => {
    const { plane, nptd } = open();
    await nptd.start();
    await Promise.all([nptd.close(), nptd.close()]);
    expect([plane.closes, plane.listeners]).toEqual([1, 0]);
    expect(() => nptd.status()).toThrow(NptdError);
    expect(await codeOf(nptd.sessions())).toBe('NOT_RUNNING');
  });

  test('comes by an abort signal', async () => {
    const controller = new AbortController();
    const { plane, nptd } = open({ signal: controller.signal });
    await nptd.start();
    const closed = new Promise((resolve) => nptd.on('closed', resolve));
    controller.abort();
    await closed;
    expect(plane.closes).toBe(1);
  });

  test('comes by `await using`', async () => {
    const { plane, nptd } = open();
    {
      await using gateway = nptd;
      await gateway.start();
    }
    expect(plane.closes).toBe(1);
  });

  test('while it starts closes what was opened meanwhile', async () => {
    const plane = new FakeDataPlane();
    const openDataPlane: NptdOptions['openDataPlane'] = async (options) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return plane.open(options);
    };
    const { nptd } = open({ openDataPlane });
    const started = codeOf(nptd.start());
    await nptd.close();
    expect(await started).toBe('NOT_RUNNING');
    expect([plane.closes, plane.listeners]).toEqual([1, 0]);
  });
});
