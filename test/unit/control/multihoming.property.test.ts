/** Hours of anything that can happen to uplinks, in virtual time: what must hold after every event. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PolicyConfig } from '../../../src/config/config.ts';
import { holdMs } from '../../../src/control/multihoming/damping.ts';
import { LEAD_AFTER_MS } from '../../../src/control/multihoming/family-choice.ts';
import { familyOf, type TargetsState } from '../../../src/control/multihoming/uplink.ts';
import { type ControlState, INITIAL_STATE } from '../../../src/control/state.ts';
import { multihomed } from './sites.ts';
import { DEAD, type Link, lossy, slow, World } from './world.ts';

const UPLINKS = ['fiber', 'lte', 'dsl'] as const;
const FAMILIES = [4, 6] as const;

const POLICIES = `
  voice: { match: { proto: udp, port: 5060 }, prefer: [fiber, lte], failback: hard }
  bulk: { match: { proto: tcp, port: 873 }, prefer: [{ dsl: 2, lte: 1 }, fiber], failback: { deadline: 2m }, else: refuse }
  games: { match: { proto: udp, port: 27015 }, prefer: [{ fiber: 1, lte: 1 }, dsl], select: least-latency, failback: never }
  central: { match: { to: 10.9.0.0/16 }, prefer: [lte, fiber], probe: { targets: [10.9.0.1] } }
  default: { prefer: [fiber, lte, dsl] }`;

/** One thing that happens to one uplink, and how long nothing else does. */
interface Step {
  readonly uplink: (typeof UPLINKS)[number];
  readonly what: 'dead' | 'silent' | 'works' | 'lossy' | 'slow' | 'central' | 'ipv4' | 'cut' | 'restored' | Mode;
  readonly ms: number;
}
type Mode = 'enabled' | 'draining' | 'disabled';

const step: fc.Arbitrary<Step> = fc.record({
  uplink: fc.constantFrom(...UPLINKS),
  what: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<Step['what']>('dead', 'silent', 'lossy', 'slow', 'central', 'ipv4') },
    { weight: 4, arbitrary: fc.constant<Step['what']>('works') },
    { weight: 1, arbitrary: fc.constantFrom<Step['what']>('cut', 'restored', 'enabled', 'draining', 'disabled') },
  ),
  ms: fc.oneof(fc.integer({ min: 100, max: 5000 }), fc.integer({ min: 5000, max: 300_000 })),
});

function take({ uplink, what, ms }: Step, world: World): void {
  const links: Partial<Record<Step['what'], Link>> = {
    dead: DEAD,
    silent: { ...DEAD, gateway: false },
    lossy: lossy(0.35),
    slow: slow(250),
    central: { probe: ({ target }) => (target === '10.9.0.1' ? undefined : 10) },
    ipv4: { probe: ({ family }) => (family === 4 ? undefined : 10) },
    works: {},
    cut: DEAD,
    restored: {},
  };
  const link = links[what];
  if (link !== undefined) world.links.set(uplink, link);
  const device = { index: UPLINKS.indexOf(uplink) + 1, device: `wan${UPLINKS.indexOf(uplink)}` };
  if (what === 'cut') world.say({ type: 'device-failed', ...device, errno: 5, message: 'EIO' });
  if (what === 'restored') world.say({ type: 'device-restored', ...device });
  if (what === 'enabled' || what === 'draining' || what === 'disabled') {
    world.say({ type: 'operator', uplink, mode: what });
  }
  world.run(ms);
}

/** Everything that the state says of one uplink for one policy. */
function standings({ uplinks, modes }: ControlState, { name, prefer }: PolicyConfig, family: 4 | 6) {
  return prefer.flat().flatMap(({ uplink }) => {
    const found = uplinks.find((other) => other.name === uplink);
    const state = found && familyOf(found, family);
    if (state === undefined) return [];
    const central = state.policies.find(({ policy }) => policy === name);
    const reached = central?.health.status !== 'down';
    const mode = modes.get(uplink) ?? 'enabled';
    return [{ uplink, alive: state.health.status !== 'down' && reached && mode !== 'disabled', reached, mode }];
  });
}

/** What new flows take is alive while anything is, and flows leave what works only where they were asked to. */
function expectSoundChoices(world: World): void {
  for (const policy of world.state.site?.config.policies ?? []) {
    for (const family of FAMILIES) {
      const all = standings(world.state, policy, family);
      const selection = world.state.selections.find((one) => one.policy === policy.name && one.family === family);
      const alive = all.filter((one) => one.alive).map(({ uplink }) => uplink);
      if (alive.length > 0) {
        expect(alive).toEqual(expect.arrayContaining([...(selection?.uplinks ?? ['none'])]));
        expect([selection?.lastResort, selection?.uplink]).toEqual([false, selection?.uplinks[0]]);
      }
      for (const uplink of selection?.leave ?? []) {
        const standing = all.find((one) => one.uplink === uplink);
        const asked = policy.failback.mode === 'hard' || policy.failback.mode === 'deadline';
        expect(asked || standing?.reached === false).toBe(true);
        expect(selection?.uplinks).not.toContain(uplink);
      }
      expectPlanned(world, policy, family);
    }
  }
}

/** What the data path makes of the plan, by the steps of docs/decisions.md, is what was chosen. */
function expectPlanned(world: World, policy: PolicyConfig, family: 4 | 6): void {
  const planned = world.planned(policy.name);
  const selection = world.state.selections.find((one) => one.policy === policy.name && one.family === family);
  const plan = world.plans.at(-1);
  const shun = (family === 4 ? planned?.shun4 : planned?.shun6) ?? [];
  const families = (slot: number) => {
    const uplink = plan?.uplinks.find((other) => other.slot === slot);
    return family === 4 ? uplink?.ipv4 : uplink?.ipv6;
  };
  const prefer = planned?.prefer ?? [];
  const candidates = prefer.filter((slot) => families(slot)?.usable === true && !shun.includes(slot));
  const weighted = candidates.filter((slot) => (planned?.weights?.[prefer.indexOf(slot)] ?? 0) > 0);
  const lastResort = planned?.refuse === true ? undefined : prefer.find((slot) => families(slot)?.lastResort === true);
  const taken = weighted.length > 0 ? weighted : candidates.slice(0, 1);
  const nameOf = (slot: number) => world.state.uplinks.find((other) => other.slot === slot)?.name;
  expect(taken.map(nameOf).toSorted()).toEqual([...(selection?.uplinks ?? [])].toSorted());
  if (taken.length === 0) expect(lastResort === undefined ? undefined : nameOf(lastResort)).toBe(selection?.uplink);
}

type Course = { fellAtMs: number };

/**
 * A family that fell is not up again before its hold is over, but for the one time when it is up first: that it is down
 * before is no fall. Every change is told, with all that the journal needs.
 */
class Watch {
  changes = 0;
  readonly #fallen = new Map<string, Course>();
  /** Families that have been up. */
  readonly #started = new Set<string>();
  #leaders = new Map<string, number>();

  /** Whether anything was told. */
  look(before: ControlState, world: World): boolean {
    const after = world.state;
    const told = world.notices.splice(0);
    const expected = [...this.#healthChanges(before, world), ...this.#selectionChanges(before, world)];
    const said = told.flatMap((notice) => {
      if (notice.type === 'uplink-changed') return [`${notice.uplink} ${notice.family}: ${notice.from} ${notice.to}`];
      if (notice.type === 'selection-changed') return [`${notice.policy} ${notice.family}: ${notice.to}`];
      return [];
    });
    if (said.length + expected.length > 0) expect(said.toSorted()).toEqual(expected.toSorted());
    for (const notice of told) {
      if (notice.type === 'uplink-changed' || notice.type === 'selection-changed') {
        expect([notice.cause.length > 0, notice.generation <= after.generation]).toEqual([true, true]);
      }
    }
    this.changes += expected.length;
    return told.length > 0;
  }

  #healthChanges(before: ControlState, { state, nowMs }: World): string[] {
    return state.uplinks.flatMap((uplink) =>
      FAMILIES.flatMap((family) => {
        const now = familyOf(uplink, family);
        const old = before.uplinks.find(({ name }) => name === uplink.name);
        const was = old && familyOf(old, family);
        if (now === undefined || was === undefined || was.health.status === now.health.status) return [];
        this.#expectHeld(`${uplink.name} ${family}`, was, now, nowMs);
        return [`${uplink.name} ${family}: ${was.health.status} ${now.health.status}`];
      }),
    );
  }

  #expectHeld(key: string, was: TargetsState, now: TargetsState, nowMs: number): void {
    const isBad = (status: string): boolean => status === 'down' || status === 'degraded';
    if (now.health.status === 'down') this.#fallen.set(key, { fellAtMs: nowMs });
    else if (!isBad(was.health.status)) this.#fallen.set(key, { fellAtMs: nowMs });
    const isFirst = !this.#started.has(key);
    if (now.health.status === 'up') this.#started.add(key);
    if (!isBad(was.health.status) || now.health.status !== 'up' || isFirst) return;
    const held = nowMs - (this.#fallen.get(key)?.fellAtMs ?? 0);
    expect(held).toBeGreaterThanOrEqual(holdMs(was.health.damping, was.rules));
  }

  #selectionChanges(before: ControlState, { state, nowMs }: World): string[] {
    return state.selections.flatMap((selection) => {
      const { policy, family, uplink, uplinks, lastResort } = selection;
      const old = before.selections.find((one) => one.policy === policy && one.family === family);
      const text = (one: typeof selection | undefined) =>
        one === undefined ? undefined : one.uplinks.length > 1 ? one.uplinks.join(', ') : one.uplink;
      if (text(old) === text(selection) && (old?.lastResort ?? false) === lastResort) return [];
      if (policy === 'games') this.#expectLed(before, selection, nowMs);
      return [`${policy} ${family}: ${uplinks.length > 1 ? uplinks.join(', ') : uplink}`];
    });
  }

  /** Latency alone moves new flows no more often than it may. */
  #expectLed(before: ControlState, now: ControlState['selections'][number], nowMs: number): void {
    const key = `${now.policy} ${now.family}`;
    const old = before.selections.find((one) => one.policy === now.policy && one.family === now.family);
    if (old?.reason === now.reason && now.reason.startsWith('least latency')) {
      expect(nowMs - (this.#leaders.get(key) ?? -Infinity)).toBeGreaterThanOrEqual(LEAD_AFTER_MS);
    }
    this.#leaders.set(key, nowMs);
  }
}

test('whatever happens: sound choices, held recoveries, every change told', () => {
  let changes = 0;
  let hours = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 40, maxLength: 40 }), (steps) => {
      const watch = new Watch();
      // Four times the usual interval: a quarter of the events for the same time.
      const config = multihomed({ policy: POLICIES, probe: ', interval: 2s, degraded: { latency: 200ms }' });
      const world = new World(config);
      watch.look(INITIAL_STATE, world);
      let plans = 0;
      world.onStep = (before) => {
        // What is to be told, and what is planned, is compared at the event that has changed it.
        const isNews = watch.look(before, world) || world.plans.length > plans;
        plans = world.plans.length;
        if (isNews) expectSoundChoices(world);
      };
      for (const one of steps) take(one, world);
      changes += watch.changes;
      hours += world.nowMs / 3_600_000;
    }),
    { numRuns: 8, seed: 7 },
  );
  // A run without changes would have shown nothing.
  expect([changes > 500, hours > 5]).toEqual([true, true]);
}, 300_000);
