/** What health is made of, uplink by uplink and all together, in virtual time. */
import { describe, expect, test } from 'vitest';
import { multihomed } from './sites.ts';
import { DEAD, type Link, lossy, slow, World } from './world.ts';

const SECOND = 1000;
const MINUTE = 60_000;
const QUIET: Link = { ...DEAD, gateway: false };

function changesOf(world: World, uplink: string, family = 4): [string, number][] {
  return world.notices.flatMap((notice): [string, number][] =>
    notice.type === 'uplink-changed' && notice.uplink === uplink && notice.family === family
      ? [[notice.to, notice.atMs]]
      : [],
  );
}

const statuses = (world: World, uplink: string): string[] => changesOf(world, uplink).map(([status]) => status);

describe('a brown-out', () => {
  test('of a quarter of the probes makes it degraded, with figures in the cause, once the window is full', () => {
    const world = new World(multihomed()).run(20 * SECOND);
    world.links.set('fiber', lossy(0.25));
    world.run(60 * SECOND);
    expect(statuses(world, 'fiber')).toEqual(['up', 'degraded']);
    const message = world.logs.find(({ fields }) => fields.to === 'degraded' && fields.family === 4)?.message;
    expect(message).toMatch(
      /^uplink fiber IPv4 is degraded \(was up\): \d+ % loss, 10\.0 ms round trip over 15\.0 s, more than 20 % loss$/,
    );
  });

  test('of a tenth of them does not', () => {
    const world = new World(multihomed()).run(20 * SECOND);
    world.links.set('fiber', lossy(0.1));
    expect(statuses(world.run(5 * MINUTE), 'fiber')).toEqual(['up']);
  });

  test('is not over before 30 s below 5 %', () => {
    const world = new World(multihomed()).run(20 * SECOND);
    world.links.set('fiber', lossy(0.4));
    world.run(MINUTE);
    world.links.set('fiber', lossy(0.1));
    expect(statuses(world.run(2 * MINUTE), 'fiber')).toEqual(['up', 'degraded']);
    world.links.delete('fiber');
    const clearAtMs = world.nowMs;
    world.run(MINUTE);
    const [status, atMs] = changesOf(world, 'fiber').at(-1) ?? [];
    expect(status).toBe('up');
    expect((atMs ?? 0) - clearAtMs).toBeGreaterThanOrEqual(30 * SECOND);
  });

  test('is one of latency, where a limit is set', () => {
    const world = new World(multihomed({ probe: ', degraded: { latency: 200ms }' })).run(20 * SECOND);
    world.links.set('fiber', slow(300));
    world.run(30 * SECOND);
    expect([world.status('fiber'), world.status('lte')]).toEqual(['degraded', 'up']);
    expect(world.logs.some(({ message }) => message.endsWith('more than 200.0 ms'))).toBe(true);
    world.links.set('fiber', slow(195));
    world.run(MINUTE);
    expect(world.status('fiber')).toBe('degraded');
    world.links.set('fiber', slow(100));
    world.run(MINUTE);
    expect(world.status('fiber')).toBe('up');
  });

  test('is none where one target of two is dead', () => {
    const world = new World(multihomed()).run(20 * SECOND);
    world.links.set('fiber', { probe: ({ target }) => (target === '192.0.2.1' ? undefined : 10) });
    expect(statuses(world.run(2 * MINUTE), 'fiber')).toEqual(['up']);
  });

  describe('that we make ourselves', () => {
    const FULL = 12_500_000;
    /** Carries this many octets a second for a while, losing a third of the probes. */
    const busy = (world: World, octetsPerSecond: number, seconds: number): World => {
      world.links.set('fiber', lossy(0.34));
      for (let second = 0; second < seconds; second++) {
        const octets = (world.traffic[0]?.octets ?? 0) + octetsPerSecond;
        world.traffic = [{ slot: 0, direction: 'inbound', packets: 0, octets }];
        world.run(SECOND);
      }
      return world;
    };

    test('is none: probes behind our own traffic do not count, for as long as the bandwidth that is sold is used', () => {
      const site = multihomed({ uplinks: { fiber: 'bandwidth: { down: 100Mbit }' } });
      const world = new World(site).run(20 * SECOND);
      expect(busy(world, FULL, 180).status('fiber')).toBe('up');
      expect(busy(world, FULL / 2, 60).status('fiber')).toBe('degraded');
    });

    test('is none for a minute where no bandwidth is known', () => {
      const world = new World(multihomed()).run(20 * SECOND);
      expect(busy(world, FULL, 60).status('fiber')).toBe('up');
      expect(busy(world, FULL, 60).status('fiber')).toBe('degraded');
    });

    test('is one where little is carried', () => {
      const world = new World(multihomed()).run(20 * SECOND);
      expect(busy(world, 10_000, 60).status('fiber')).toBe('degraded');
    });
  });
});

describe('flapping', () => {
  /** Times between a fall and the recovery from it, while the link is dead for 5 s as soon as it is up. */
  function holds(world: World, falls: number): number[] {
    const waits: number[] = [];
    for (let fall = 0; fall < falls; fall++) {
      world.links.set('fiber', DEAD);
      world.run(5 * SECOND);
      world.links.delete('fiber');
      const goodMs = world.nowMs;
      while (world.status('fiber') === 'down') world.run(SECOND);
      waits.push(Math.round((world.nowMs - goodMs) / (10 * SECOND)) * 10);
    }
    return waits;
  }

  test('doubles the time until it is up again, to ten minutes', () => {
    const world = new World(multihomed()).run(20 * SECOND);
    expect(holds(world, 7)).toEqual([30, 60, 120, 240, 480, 600, 600]);
  });

  test('is forgotten after ten minutes without a fall', () => {
    const world = new World(multihomed()).run(20 * SECOND);
    expect(holds(world, 3)).toEqual([30, 60, 120]);
    expect(holds(world.run(11 * MINUTE), 1)).toEqual([30]);
  });
});

describe('a veto', () => {
  /** Traffic comes back all the time although no probe is answered. */
  const withTraffic = (world: World, seconds: number, startedBeforeMs = 20): World => {
    world.links.set('fiber', DEAD);
    for (let step = 0; step < seconds * 4; step++) {
      const startedAtUs = (world.nowMs - startedBeforeMs) * 1000;
      world.say({ type: 'round-trip', slot: 0, family: 4, startedAtUs, atUs: world.nowMs * 1000 });
      world.run(SECOND / 4);
    }
    return world;
  };

  test('by round trips that began after the first miss keeps it up for ten seconds, and no longer', () => {
    const world = withTraffic(new World(multihomed()).run(20 * SECOND), 10);
    expect([world.status('fiber', 4), world.status('fiber', 6)]).toEqual(['up', 'down']);
    expect(world.logs.map(({ message }) => message)).toContain(
      'uplink fiber IPv4 is in doubt: 192.0.2.1, 192.0.2.2 missed, but traffic comes back',
    );
    withTraffic(world, 4);
    expect(world.status('fiber', 4)).toBe('down');
  });

  test('holds as long by the fast profile, whose bursts follow each other quicker than round trips are told', () => {
    const world = withTraffic(new World(multihomed({ probe: ', profile: fast' })).run(20 * SECOND), 10);
    expect([world.status('fiber', 4), world.status('fiber', 6)]).toEqual(['up', 'down']);
    expect(withTraffic(world, 1).status('fiber', 4)).toBe('down');
  });

  test('is none by packets that only came in: their round trips began before the miss', () => {
    expect(withTraffic(new World(multihomed()).run(20 * SECOND), 4, 10 * SECOND).status('fiber')).toBe('down');
  });

  test('ends with the traffic', () => {
    const world = withTraffic(new World(multihomed()).run(20 * SECOND), 5);
    expect(world.status('fiber')).toBe('up');
    expect(world.run(3 * SECOND).status('fiber')).toBe('down');
  });

  test('leaves no trace where probes are answered again in time', () => {
    const world = withTraffic(new World(multihomed()).run(20 * SECOND), 9);
    world.links.delete('fiber');
    expect(statuses(world.run(MINUTE), 'fiber')).toEqual(['up']);
  });
});

describe('targets that fail on every uplink', () => {
  const allDead = (link: Link): World => {
    const world = new World(multihomed()).run(20 * SECOND);
    for (const name of ['fiber', 'lte', 'dsl']) world.links.set(name, link);
    return world.run(10 * SECOND);
  };

  test('are distrusted while gateways answer: nothing is down, and nothing moves', () => {
    const world = allDead(DEAD);
    expect(['fiber', 'lte', 'dsl'].map((name) => world.status(name))).toEqual(['unknown', 'unknown', 'unknown']);
    expect(['fiber', 'lte', 'dsl'].flatMap((name) => statuses(world, name))).not.toContain('down');
    expect([world.takes(), world.plans.length]).toEqual(['fiber', 1]);
    expect(
      world.logs.some(({ message }) => message.endsWith('its targets fail on every uplink, and its gateway answers')),
    ).toBe(true);
    for (const name of ['fiber', 'lte', 'dsl']) world.links.delete(name);
    world.run(5 * SECOND);
    expect(['fiber', 'lte', 'dsl'].map((name) => world.status(name))).toEqual(['up', 'up', 'up']);
  });

  test('are distrusted as soon where an uplink is probed seldom: the first miss of the other one asks it at once', () => {
    for (const probe of ['', ', profile: fast']) {
      const uplinks = { lte: 'metered: true', dsl: 'metered: true' };
      const world = new World(multihomed({ uplinks, probe })).run(23 * SECOND);
      for (const name of ['fiber', 'lte', 'dsl']) world.links.set(name, DEAD);
      world.run(10 * SECOND);
      expect(['fiber', 'lte', 'dsl'].map((name) => world.status(name))).toEqual(['unknown', 'unknown', 'unknown']);
      expect(world.plans.length).toBe(1);
    }
  });

  test('are believed where no gateway answers', () => {
    const world = allDead(QUIET);
    expect(['fiber', 'lte', 'dsl'].map((name) => world.status(name))).toEqual(['down', 'down', 'down']);
  });

  test('are believed as soon as one uplink reaches them', () => {
    const world = allDead(DEAD);
    world.links.delete('lte');
    world.run(5 * SECOND);
    expect(['fiber', 'lte', 'dsl'].map((name) => world.status(name))).toEqual(['down', 'up', 'down']);
  });

  test('are believed where the other uplinks were dead before: the last one is dead too', () => {
    const world = new World(multihomed()).run(20 * SECOND);
    for (const name of ['lte', 'dsl']) world.links.set(name, DEAD);
    world.run(10 * SECOND);
    expect([world.status('lte'), world.status('dsl')]).toEqual(['down', 'down']);
    world.links.set('fiber', DEAD);
    expect(world.run(5 * SECOND).status('fiber')).toBe('down');
  });

  test('are believed of the only uplink', () => {
    const only = multihomed({ policy: '  default: { prefer: [fiber] }' });
    const [fiber] = only.uplinks;
    const world = new World({ ...only, uplinks: fiber === undefined ? [] : [fiber] }).run(20 * SECOND);
    world.links.set('fiber', DEAD);
    expect(world.run(5 * SECOND).status('fiber')).toBe('down');
  });

  test('do not count for the quorum: one of three that is dead for all', () => {
    const site = multihomed({ probe: ', quorum: 2' });
    const world = new World(site).run(20 * SECOND);
    const oneDead: Link = { probe: ({ target }) => (target === '192.0.2.1' ? undefined : 10) };
    world.links.set('fiber', oneDead);
    expect(world.run(5 * SECOND).status('fiber')).toBe('down');
    world.links.set('lte', oneDead);
    world.links.set('dsl', oneDead);
    world.run(MINUTE);
    expect(['fiber', 'lte', 'dsl'].map((name) => world.status(name))).toEqual(['up', 'up', 'up']);
  });
});

describe('a metered uplink', () => {
  const site = () => multihomed({ uplinks: { lte: 'metered: true' } });
  const probesIn = (world: World, ms: number): number => {
    const before = world.sent.get('lte') ?? 0;
    world.run(ms);
    return (world.sent.get('lte') ?? 0) - before;
  };

  test('that carries nothing is probed every ten seconds', () => {
    expect(probesIn(new World(site()).run(20 * SECOND), 2 * MINUTE)).toBe(24);
  });

  test('is probed at the full rate from the first miss of the uplink that carries traffic', () => {
    const world = new World(site()).run(25 * SECOND);
    world.links.set('fiber', DEAD);
    world.run(1400);
    expect(world.status('fiber')).toBe('up');
    expect(probesIn(world, SECOND)).toBeGreaterThanOrEqual(4);
    world.run(2 * SECOND);
    expect(world.takes()).toBe('lte');
    expect(probesIn(world, 10 * SECOND)).toBeGreaterThanOrEqual(38);
  });

  test('is probed seldom again when the other one is back, and while it is down itself', () => {
    const world = new World(site()).run(25 * SECOND);
    world.links.set('fiber', DEAD);
    world.run(10 * SECOND);
    world.links.delete('fiber');
    world.run(MINUTE);
    expect([world.takes(), probesIn(world, MINUTE)]).toEqual(['fiber', 12]);
    world.links.set('lte', QUIET);
    world.run(MINUTE);
    expect(world.status('lte')).toBe('down');
    // Bursts to two targets in each family.
    expect(probesIn(world, MINUTE)).toBeLessThanOrEqual(24);
  });
});

test('a cut is noticed within 2.6 s, and within 0.45 s by the fast profile, in both families', () => {
  for (const [probe, limitMs] of [
    ['', 2600],
    [', profile: fast', 450],
  ] as const) {
    for (const offsetMs of [1, 130, 499]) {
      const world = new World(multihomed({ probe })).run(20 * SECOND + offsetMs);
      world.links.set('fiber', DEAD);
      const cutMs = world.nowMs;
      world.run(3 * SECOND);
      for (const family of [4, 6]) {
        const [status, atMs] = changesOf(world, 'fiber', family).at(-1) ?? [];
        expect([status, (atMs ?? Infinity) - cutMs <= limitMs]).toEqual(['down', true]);
      }
    }
  }
});

test('a new address is told, with the one before and the plan that has it', () => {
  const world = new World(multihomed()).run(SECOND);
  const site = multihomed();
  const uplinks = site.uplinks.map((uplink) =>
    uplink.name === 'dsl' && uplink.ipv4 !== undefined
      ? {
          ...uplink,
          ipv4: { ...uplink.ipv4, address: site.uplinks[1]?.ipv4?.address ?? uplink.ipv4.address, pool: [] },
        }
      : uplink,
  );
  world.say({ type: 'config', config: { ...site, uplinks } });
  expect(world.notices.find(({ type }) => type === 'address-changed')).toMatchObject({
    uplink: 'dsl',
    family: 4,
    from: '192.0.2.130',
    to: '198.51.100.2',
    cause: 'configuration',
    generation: 2,
  });
});
