/** What new flows take and what established ones are told, in virtual time. */
import { describe, expect, test } from 'vitest';
import { multihomed } from './sites.ts';
import { DEAD, lossy, slow, World } from './world.ts';

const FIBER = 0;
const LTE = 1;
const DSL = 2;
const MINUTE = 60_000;

const outage = (policy: string): World => afterOutage(new World(multihomed({ policy })));

/** `fiber` is dead for a while, and back. */
function afterOutage(world: World): World {
  world.run(5000);
  world.links.set('fiber', DEAD);
  world.run(5000);
  expect(world.takes()).toBe('lte');
  world.links.delete('fiber');
  return world.run(35_000);
}

describe('failback', () => {
  test('drain: new flows go back, established ones stay', () => {
    const world = outage('  default: { prefer: [fiber, lte, dsl] }');
    expect([world.status('fiber'), world.takes(), world.leave()]).toEqual(['up', 'fiber', []]);
    expect(world.planned()?.leave4).toBeUndefined();
  });

  test('hard: established flows leave at once, until none can have missed it', () => {
    const world = outage('  default: { prefer: [fiber, lte, dsl], failback: hard }');
    expect([world.takes(), world.leave(), world.planned()?.leave4]).toEqual(['fiber', ['lte'], [LTE]]);
    expect(world.logs.some(({ message }) => message.startsWith('IPv4 flows of policy default leave uplink lte'))).toBe(
      true,
    );
    // 300 s is the lifetime of an idle UDP mapping.
    world.run(5 * MINUTE + 5000);
    expect([world.leave(), world.planned()?.leave4]).toEqual([[], undefined]);
  });

  test('deadline: established flows leave then', () => {
    const world = outage('  default: { prefer: [fiber, lte, dsl], failback: { deadline: 10m } }');
    expect(world.leave()).toEqual([]);
    world.run(9 * MINUTE);
    expect(world.leave()).toEqual([]);
    world.run(MINUTE + 5000);
    expect([world.takes(), world.leave(), world.planned()?.leave4]).toEqual(['fiber', ['lte'], [LTE]]);
  });

  test('deadline: a step of the wall clock is no time that passed', () => {
    const world = outage('  default: { prefer: [fiber, lte, dsl], failback: { deadline: 10m } }');
    world.nowMs += 3_600_000;
    world.say({ type: 'counters', counters: counters() });
    expect(world.leave()).toEqual([]);
  });

  test('never: new flows stay until that uplink dies', () => {
    const world = outage('  default: { prefer: [fiber, lte, dsl], failback: never }');
    expect([world.status('fiber'), world.takes(), world.why(), world.leave()]).toEqual([
      'up',
      'lte',
      'failback never',
      [],
    ]);
    world.links.set('lte', DEAD);
    world.run(5000);
    expect(world.takes()).toBe('fiber');
  });

  test('an uplink whose prefix hosts hold themselves is never left for another one in IPv6 (8028-3)', () => {
    const policy = '  default: { prefer: [fiber, lte, dsl], failback: hard }';
    const world = afterOutage(new World(multihomed({ policy, native: 'lte' })));
    expect([world.leave('default', 4), world.leave('default', 6)]).toEqual([['lte'], []]);
  });
});

describe('brown-out', () => {
  test('new flows take another uplink, established ones stay', () => {
    const world = new World(multihomed()).run(20_000);
    world.links.set('fiber', lossy(0.4));
    world.run(40_000);
    expect([world.status('fiber'), world.takes(), world.why(), world.leave()]).toEqual([
      'degraded',
      'lte',
      'fiber is degraded',
      [],
    ]);
    expect(world.planned()?.prefer[0]).toBe(LTE);
    world.links.delete('fiber');
    world.run(50_000);
    expect([world.status('fiber'), world.takes()]).toEqual(['up', 'fiber']);
  });

  test('of uplinks that are all degraded the first is taken', () => {
    const world = new World(multihomed()).run(20_000);
    for (const name of ['fiber', 'lte', 'dsl']) world.links.set(name, lossy(0.4));
    world.run(60_000);
    expect([world.takes(), world.why()]).toEqual(['fiber', 'fiber is degraded too']);
  });
});

describe('weights', () => {
  const policy = '  default: { prefer: [{ fiber: 3, lte: 1 }, dsl] }';

  test('of a tier share new flows, and the tier behind it has none', () => {
    const world = new World(multihomed({ policy })).run(5000);
    expect([world.takes(), world.why()]).toEqual(['fiber, lte', 'shared by weight among fiber, lte']);
    expect([world.planned()?.prefer, world.planned()?.weights]).toEqual([
      [FIBER, LTE, DSL],
      [3, 1, 0],
    ]);
  });

  test('are nobody’s while one of the tier is left, in the family that has lost it', () => {
    const world = new World(multihomed({ policy })).run(5000);
    world.links.set('lte', { probe: ({ family }) => (family === 4 ? undefined : 10) });
    world.run(5000);
    expect([world.takes(), world.takes('default', 6)]).toEqual(['fiber', 'fiber, lte']);
    // IPv6 keeps the weights; IPv4 has only fiber to choose from.
    const { weights, shun4, shun6 } = world.planned() ?? {};
    expect([weights, shun4, shun6]).toEqual([[3, 1, 0], undefined, undefined]);
  });

  test('do not lead a family back to what only the other one shares', () => {
    const world = new World(multihomed({ policy: '  default: { prefer: [dsl, { fiber: 3, lte: 1 }] }' })).run(5000);
    expect([world.takes(), world.takes('default', 6)]).toEqual(['dsl', 'fiber, lte']);
    const { prefer, weights, shun4, shun6 } = world.planned() ?? {};
    expect([prefer, weights, shun4, shun6]).toEqual([[DSL, FIBER, LTE], [0, 3, 1], [FIBER, LTE], undefined]);
  });
});

describe('least latency', () => {
  const policy = '  default: { prefer: [{ fiber: 1, lte: 1 }, dsl], select: least-latency }';
  const measured = (fiberMs: number, lteMs: number, world = new World(multihomed({ policy }))): World => {
    world.links.set('fiber', slow(fiberMs));
    world.links.set('lte', slow(lteMs));
    return world;
  };

  test('takes the quickest of a tier once it has been clearly quicker for half a minute', () => {
    const world = measured(50, 10).run(20_000);
    expect(world.takes()).toBe('fiber');
    world.run(40_000);
    expect([world.takes(), world.why()]).toEqual(['lte', 'least latency of fiber, lte']);
    expect(world.planned()?.weights).toBeUndefined();
    expect(world.planned()?.prefer[0]).toBe(LTE);
  });

  test('is not moved by a small difference, nor by a short one', () => {
    const world = measured(12, 10).run(2 * MINUTE);
    expect(world.takes()).toBe('fiber');
    measured(60, 10, world).run(10_000);
    measured(12, 10, world).run(2 * MINUTE);
    expect(world.takes()).toBe('fiber');
  });

  test('follows at once when the leader dies', () => {
    const world = measured(10, 90).run(10_000);
    world.links.set('fiber', DEAD);
    expect(world.run(5000).takes()).toBe('lte');
  });
});

describe('a policy with targets of its own', () => {
  const policy = `
  central: { match: { to: 10.9.0.0/16 }, prefer: [fiber, lte], probe: { targets: [10.9.0.1] } }
  default: { prefer: [dsl, fiber] }`;
  const cutCentral = { probe: ({ target }: { target: string }) => (target === '10.9.0.1' ? undefined : 10) };

  test('leaves an uplink that does not reach them, and no other policy does', () => {
    const world = new World(multihomed({ policy })).run(5000);
    expect([world.takes('central'), world.takes()]).toEqual(['fiber', 'dsl']);
    world.links.set('fiber', cutCentral);
    world.run(5000);
    expect([world.takes('central'), world.why('central')]).toEqual(['lte', 'fiber is unreachable']);
    expect([world.status('fiber'), world.leave('central')]).toEqual(['up', ['fiber']]);
    expect([world.planned('central')?.shun4, world.planned('central')?.leave4]).toEqual([[FIBER], [FIBER]]);
    expect(world.notices.some(({ type }) => type === 'policy-targets-changed')).toBe(true);
    world.links.delete('fiber');
    world.run(35_000);
    expect([world.takes('central'), world.leave('central')]).toEqual(['fiber', []]);
  });

  test('has them probed by themselves: while they are dead the uplink is probed as before', () => {
    const sent = (policyText: string): number => {
      const world = new World(multihomed({ policy: policyText })).run(5000);
      world.links.set('fiber', cutCentral);
      world.run(5000);
      const before = world.sent.get('fiber') ?? 0;
      world.run(MINUTE);
      return (world.sent.get('fiber') ?? 0) - before;
    };
    // Two probes a second in each family, and two to the central site.
    expect([sent('  default: { prefer: [dsl, fiber] }'), sent(policy)]).toEqual([240, 360]);
  });

  test('leaves an uplink although its traffic comes back: that does not come from them', () => {
    const world = new World(multihomed({ policy })).run(5000);
    world.links.set('fiber', cutCentral);
    for (let step = 0; step < 20; step++) {
      world.say({
        type: 'round-trip',
        slot: FIBER,
        family: 4,
        startedAtUs: world.nowMs * 1000,
        atUs: world.nowMs * 1000,
      });
      world.run(250);
    }
    expect([world.takes('central'), world.status('fiber')]).toEqual(['lte', 'up']);
  });

  test('follows the default policy when none of its uplinks is alive', () => {
    const world = new World(multihomed({ policy })).run(5000);
    for (const name of ['fiber', 'lte']) world.links.set(name, cutCentral);
    world.run(5000);
    expect([world.takes('central'), world.why('central')]).toEqual([
      'dsl',
      'fiber is unreachable; lte is unreachable; as the default policy does',
    ]);
    expect(world.planned('central')?.refuse).toBe(false);
  });

  test('is refused where it says so', () => {
    const refusing = policy.replace('prefer: [fiber, lte],', 'prefer: [fiber, lte], else: refuse,');
    const world = new World(multihomed({ policy: refusing })).run(5000);
    for (const name of ['fiber', 'lte']) world.links.set(name, DEAD);
    world.run(5000);
    expect([world.takes('central'), world.takes(), world.planned('central')?.refuse]).toEqual([undefined, 'dsl', true]);
  });
});

describe('an operator', () => {
  test('is heard as long as the uplink is in the configuration', () => {
    const world = new World(multihomed()).run(5000);
    world.say({ type: 'operator', uplink: 'fiber', mode: 'draining' });
    world.say({ type: 'operator', uplink: 'dsl', mode: 'disabled' });
    const site = multihomed();
    world.say({ type: 'config', config: { ...site, uplinks: site.uplinks.filter(({ name }) => name !== 'dsl') } });
    expect([...world.state.modes]).toEqual([['fiber', 'draining']]);
    expect(world.logs.at(-1)?.message).toContain('uplink dsl is disabled is forgotten');
    world.say({ type: 'config', config: site });
    expect([...world.state.modes]).toEqual([['fiber', 'draining']]);
  });

  test('drains an uplink: no new flows, and the others stay', () => {
    const world = new World(multihomed()).run(5000);
    world.say({ type: 'operator', uplink: 'fiber', mode: 'draining' });
    expect([world.takes(), world.why(), world.leave()]).toEqual(['lte', 'fiber is draining', []]);
    expect([world.planned()?.shun4, world.plans.at(-1)?.uplinks[0]?.ipv4?.usable]).toEqual([[FIBER], true]);
    expect(world.logs.map(({ message }) => message)).toContain('uplink fiber is draining (was enabled): operator');
    world.say({ type: 'operator', uplink: 'fiber', mode: 'enabled' });
    expect(world.takes()).toBe('fiber');
  });

  test('drains the only one that is alive in vain', () => {
    const world = new World(multihomed()).run(5000);
    for (const name of ['lte', 'dsl']) world.links.set(name, DEAD);
    world.run(5000);
    world.say({ type: 'operator', uplink: 'fiber', mode: 'draining' });
    expect([world.takes(), world.planned()?.shun4]).toEqual(['fiber', undefined]);
  });

  test('disables an uplink: nothing takes it, not even as a last resort', () => {
    const world = new World(multihomed()).run(5000);
    for (const name of ['fiber', 'lte', 'dsl']) world.say({ type: 'operator', uplink: name, mode: 'disabled' });
    expect(world.takes()).toBeUndefined();
    const flags = world.plans.at(-1)?.uplinks.map(({ ipv4 }) => [ipv4?.usable, ipv4?.lastResort]);
    expect(flags).toEqual([
      [false, false],
      [false, false],
      [false, false],
    ]);
  });

  test('is not heard twice, nor about what is not there', () => {
    const world = new World(multihomed()).run(5000);
    const plans = world.plans.length;
    world.say({ type: 'operator', uplink: 'cable', mode: 'disabled' });
    world.say({ type: 'operator', uplink: 'fiber', mode: 'enabled' });
    expect(world.plans).toHaveLength(plans);
  });
});

describe('with nothing alive', () => {
  test('what answers again is the last resort, before what does not', () => {
    const world = new World(multihomed()).run(5000);
    for (const name of ['fiber', 'lte', 'dsl']) world.links.set(name, { ...DEAD, gateway: false });
    world.run(5000);
    expect(world.takes()).toBe('fiber');
    world.links.delete('lte');
    world.run(2000);
    expect([world.status('lte'), world.takes(), world.planned()?.prefer[0]]).toEqual(['down', 'lte', LTE]);
    expect(world.why()).toBe('fiber is down, lte is recovering, dsl is down');
  });

  test('an uplink without carrier is no last resort', () => {
    const world = new World(multihomed()).run(5000);
    for (const name of ['fiber', 'lte', 'dsl']) world.links.set(name, { ...DEAD, gateway: false });
    world.run(5000);
    const device = { index: 1, device: 'wan0', errno: 5, message: 'EIO' };
    world.say({ type: 'device-failed', ...device });
    expect(world.takes()).toBe('lte');
    expect(world.plans.at(-1)?.uplinks.map(({ ipv4 }) => ipv4?.lastResort)).toEqual([false, true, true]);
  });

  test('a default policy that refuses has no uplink', () => {
    const world = new World(multihomed({ policy: '  default: { prefer: [fiber, lte, dsl], last-resort: refuse }' }));
    world.run(5000);
    for (const name of ['fiber', 'lte', 'dsl']) world.links.set(name, { ...DEAD, gateway: false });
    world.run(5000);
    expect([world.takes(), world.planned()?.refuse]).toEqual([undefined, true]);
  });
});

test('a policy keeps its number, and nobody else gets it, when the file changes', () => {
  const first = '  voice: { match: { proto: udp, port: 5060 }, prefer: [lte] }\n  default: { prefer: [fiber] }';
  const second = `  web: { match: { proto: tcp, port: 80 }, prefer: [dsl] }\n${first}`;
  const world = new World(multihomed({ policy: first }));
  expect([...(world.state.site?.numbers ?? [])]).toEqual([
    ['voice', 0],
    ['default', 1],
  ]);
  world.say({ type: 'config', config: multihomed({ policy: second }) });
  expect(world.state.site?.numbers.get('web')).toBe(2);
  expect(world.plans.at(-1)?.policies.map(({ number }) => number)).toEqual([2, 0, 1]);
});

function counters() {
  const none = { verdicts: [], flows: [], traffic: [], outputs: {}, suppressed: {} };
  return { ...none, sessions: 0, mappings: 0, receivedFrames: 0, transmittedFrames: 0 };
}
