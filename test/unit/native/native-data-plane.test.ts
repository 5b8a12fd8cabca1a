/** The data plane in Rust on real TAP devices. */
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DataPlane, DataPlaneEvent, DeviceOptions } from '../../../src/native/data-plane.ts';
import { openDataPlane } from '../../../src/native/native-data-plane.ts';
import { NativeError } from '../../../src/native/unwrap-error.ts';
import { ipv4 } from '../../support/packet-builder.ts';
import { INTERNAL, options, plan, tap, UPLINK } from './data-plane-plan.ts';
import { Namespace, whyNoDevices } from './namespace.ts';

// Making and removing devices waits for the kernel, and other tests run at the same time.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const obstacle = whyNoDevices();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);

async function failureOf(promise: Promise<unknown>): Promise<NativeError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof NativeError)) throw new Error(`no NativeError but ${String(error)}`);
  return error;
}

const open = (workers: number, devices: readonly DeviceOptions[]) => openDataPlane({ ...options(devices), workers });

const descriptors = () => readdirSync('/proc/self/fd').length;

/** The first event that passes, within ten seconds. */
function eventOf(plane: DataPlane, passes: (event: DataPlaneEvent) => boolean): Promise<DataPlaneEvent> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no such event within 10 s')), 10_000);
    const remove = plane.onEvent((event) => {
      if (!passes(event)) return;
      clearTimeout(timer);
      remove();
      resolve(event);
    });
  });
}

it.each([0, 9])('has no %s workers', async (workers) => {
  expect(await failureOf(open(workers, []))).toMatchObject({
    message: 'workers is not 1 to 8',
  });
});

describe.skipIf(obstacle !== undefined).each([1, 3])('devices of %s workers', (workers) => {
  let namespace: Namespace;

  beforeEach(() => {
    namespace = new Namespace();
  });

  afterEach(() => {
    namespace[Symbol.dispose]();
  });

  it('are there while the data plane is open, and gone when close resolves', async () => {
    const plane = await open(workers, [tap('t0', namespace.name), tap('t1', namespace.name, 1400)]);
    expect(namespace.interfaces()).toEqual(['t0', 't1']);
    expect(namespace.ip('link', 'show', 't1')).toContain('mtu 1400');
    await plane.close();
    expect(namespace.interfaces()).toEqual([]);
    await plane.close();
  });

  it('go with the end of an await using block', async () => {
    {
      await using _plane = await open(workers, [tap('t0', namespace.name)]);
      expect(namespace.interfaces()).toEqual(['t0']);
    }
    expect(namespace.interfaces()).toEqual([]);
  });

  it('leak no descriptor in 200 cycles', async () => {
    const cycle = async () => (await open(workers, [tap('t0', namespace.name)])).close();
    await cycle();
    const before = descriptors();
    for (let count = 0; count < 200; count += 1) await cycle();
    expect(descriptors()).toBe(before);
  });

  it('are all gone if one of them cannot be made, and the error names it', async () => {
    const error = await failureOf(open(workers, [tap('t0', namespace.name), tap('t0', namespace.name)]));
    expect(error).toMatchObject({ code: 'DeviceFailed', device: 't0', errno: 16 });
    expect(error.message).toMatch(/cannot open device t0: .*exists already/);
    expect(namespace.interfaces()).toEqual([]);
  });

  it('report their removal once', async () => {
    await using plane = await open(workers, [tap('t0', namespace.name), tap('t1', namespace.name)]);
    const failed = eventOf(plane, ({ type }) => type === 'device-failed');
    namespace.ip('link', 'del', 't0');
    expect(await failed).toMatchObject({
      type: 'device-failed',
      index: 0,
      device: 't0',
      netns: namespace.name,
      errno: 77,
      message: expect.stringMatching(/deleted.*restart nptd/),
    });
    expect(namespace.interfaces()).toEqual(['t1']);
  });
});

describe.skipIf(obstacle !== undefined).each([1, 2])('a data plane of %s workers with a plan', (workers) => {
  let site: Namespace;
  let isp: Namespace;
  let plane: DataPlane;

  beforeEach(async () => {
    site = new Namespace();
    isp = new Namespace();
    plane = await open(workers, [tap('site0', site.name), tap('isp0', isp.name)]);
    site.ip('addr', 'add', '10.0.0.11/24', 'dev', 'site0');
    site.ip('route', 'add', 'default', 'via', '10.0.0.1');
    isp.ip('addr', 'add', '203.0.113.1/24', 'dev', 'isp0');
    await plane.applyPlan(plan(1));
  });

  afterEach(async () => {
    await plane.close();
    site[Symbol.dispose]();
    isp[Symbol.dispose]();
  });

  const ping = (target: string) => site.exec('ping', '-c', '1', '-W', '3', target);

  it('answers for its own address', () => {
    expect(plane.generation).toBe(1);
    expect(ping('10.0.0.1')).toBe(0);
  });

  it('translates, counts and lists what passes through', async () => {
    expect(ping('203.0.113.1')).toBe(0);
    const [session, ...others] = await plane.sessions(10);
    expect(others).toEqual([]);
    expect(session).toMatchObject({ protocol: 'icmp', remote: '203.0.113.1:0', uplinkSlot: 0 });
    expect(session?.internal).toMatch(/^10\.0\.0\.11:\d+$/);
    expect(session?.external).toMatch(/^203\.0\.113\.2:\d+$/);
    expect(session?.expiresInMs).toBeGreaterThan(50_000);
    expect(await plane.mappings(10)).toMatchObject([{ protocol: 'icmp', internal: session?.internal, sessions: 1 }]);
    expect(await plane.sessions(0)).toEqual([]);

    const { verdicts, outputs, sessions, mappings, ...frames } = plane.counters();
    const forwarded = verdicts.filter(({ verdict }) => verdict === 'Forward');
    expect(forwarded).toContainEqual({ slot: 0, direction: 'inbound', verdict: 'Forward', count: 1 });
    expect(outputs.NeighbourRequest).toBeGreaterThan(0);
    expect({ sessions, mappings }).toEqual({ sessions: 1, mappings: 1 });
    expect(frames.flows).toEqual([{ policy: 0, slot: 0, count: 1 }]);
    expect(frames.traffic).toContainEqual({ slot: 0, direction: 'inbound', packets: 1, octets: 84 });
    expect(frames.receivedFrames).toBeGreaterThan(2);
    expect(frames.transmittedFrames).toBeGreaterThan(2);
  });

  it('measures round trips to a probe target', async () => {
    const sampled = eventOf(plane, ({ type }) => type === 'probe-sample');
    const targets = [ipv4('203.0.113.1')];
    plane.setProbes([{ slot: 0, family: 4, list: 0, targets, intervalMs: 50, timeoutMs: 800, calmRound: 0 }]);
    const event = await sampled;
    if (event.type !== 'probe-sample') throw new Error(event.type);
    expect(event.sample).toMatchObject({ slot: 0, family: 4, list: 0, target: 0, burst: false });
    expect(event.sample.rttUs).toBeGreaterThan(0);
    expect(event.sample.rttUs).toBeLessThan(800_000);
    expect(event.sample.sentAtUs).toBeLessThan(Number(process.hrtime.bigint() / 1000n));
  });

  it('tells of traffic that comes back by an uplink whose probes are missed', async () => {
    const targets = [ipv4('203.0.113.99')];
    plane.setProbes([{ slot: 0, family: 4, list: 0, targets, intervalMs: 50, timeoutMs: 60, calmRound: 0 }]);
    await eventOf(plane, (event) => event.type === 'probe-sample' && event.sample.burst);
    const returned = eventOf(plane, ({ type }) => type === 'round-trip');
    expect(ping('203.0.113.1')).toBe(0);
    const event = await returned;
    if (event.type !== 'round-trip') throw new Error(event.type);
    expect(event).toMatchObject({ slot: 0, family: 4 });
    expect(event.atUs).toBeGreaterThanOrEqual(event.startedAtUs);
    expect(event.atUs).toBeLessThan(Number(process.hrtime.bigint() / 1000n));
    plane.setProbes([]);
  });

  it('explains which uplink a flow takes', async () => {
    const flow = { protocol: 17, internal: ipv4('10.0.0.11'), internalPort: 1, remotePort: 2, dscp: 0 };
    const explained = await plane.explain({ ...flow, remote: ipv4('203.0.113.1') });
    const candidates = [{ slot: 0, weight: 0, isLeft: false }];
    expect(explained).toEqual({ generation: 1, policy: 0, candidates, stays: false, slot: 0, by: 'order' });
    await expect(plane.explain({ ...flow, remote: new Uint8Array(16) })).rejects.toThrow('family');
  });

  it('hands over frames for the gateway itself', async () => {
    const available = eventOf(plane, ({ type }) => type === 'passed-available');
    site.exec('bash', '-c', 'echo hello > /dev/udp/10.0.0.1/4321');
    await available;
    const frames = plane.takePassed().filter(({ octets }) => Buffer.from(octets).includes('hello'));
    expect(frames.map(({ device }) => device)).toEqual([INTERNAL]);
    expect(plane.takePassed()).toEqual([]);
  });

  it('sends a frame that it is given', async () => {
    const frame = new Uint8Array(60).fill(0xff);
    expect(plane.inject(UPLINK, frame)).toBe(true);
    await plane.sessions(1);
    expect(plane.counters().outputs.Injected).toBe(1);
  });

  it('refuses a plan that does not fit, with its path, and keeps the one in force', async () => {
    const refused = await failureOf(plane.applyPlan({ ...plan(2), devices: [] }));
    expect(refused).toMatchObject({ code: 'PlanRefused', path: 'devices' });
    expect(await failureOf(plane.applyPlan(plan(1)))).toMatchObject({ code: 'PlanRefused', path: 'generation' });
    expect(plane.generation).toBe(1);
    expect(ping('10.0.0.1')).toBe(0);
  });

  it('refuses probes that make no sense, with their path', () => {
    const probe = { slot: 0, family: 4, list: 0, targets: [1], intervalMs: 500, timeoutMs: 800, calmRound: 0 } as const;
    const path = (change: object) => {
      try {
        plane.setProbes([probe, { ...probe, ...change }]);
      } catch (error) {
        return error instanceof NativeError ? `${error.code} ${error.path}` : error;
      }
      return undefined;
    };
    expect(path({ slot: 16 })).toBe('InvalidArgument probes[1].slot');
    expect(path({ family: 6 })).toBe('InvalidArgument probes[1].targets[0]');
    expect(path({ intervalMs: 0 })).toBe('InvalidArgument probes[1].intervalMs');
    expect(path({ timeoutMs: 1.5 })).toBe('InvalidArgument probes[1].timeoutMs');
    expect(path({ targets: [new Uint8Array(15)] })).toBe('InvalidArgument probes[1].targets[0]');
    const service = { address: 1, service: 'tcp', port: 80 } as const;
    const ownPorts = { low: 61_440, high: 61_503 };
    expect(path({ targets: [service], ownPorts })).toBeUndefined();
    expect(path({ targets: [service] })).toBe('InvalidArgument probes[1].ownPorts');
    expect(path({ ownPorts: { low: 2, high: 1 } })).toBe('InvalidArgument probes[1].ownPorts');
    expect(path({ targets: [{ ...service, port: 65_536 }], ownPorts })).toBe(
      'InvalidArgument probes[1].targets[0].port',
    );
    expect(path({ targets: [{ ...service, address: new Uint8Array(16) }], ownPorts })).toBe(
      'InvalidArgument probes[1].targets[0].address',
    );
    expect(path({ targets: [{ ...service, service: 'dns' }], ownPorts })).toBe(
      'InvalidArgument probes[1].targets[0].question',
    );
    expect(path({})).toBeUndefined();
  });

  it('says that it has stopped once it is closed', async () => {
    await plane.close();
    expect(await failureOf(plane.applyPlan(plan(2)))).toMatchObject({ code: 'Stopped' });
    expect(await failureOf(plane.sessions(1))).toMatchObject({ code: 'Stopped' });
    expect(() => plane.inject(INTERNAL, new Uint8Array(60))).toThrow(NativeError);
    expect(() => plane.setProbes([])).toThrow(NativeError);
    expect(plane.counters().sessions).toBe(0);
  });
});

describe('bad options', () => {
  const good = options([]);
  const device = { kind: 'tap', name: 'nptdtst0', mtu: 1500 } as const;

  it.each([
    ['a short secret', { ...good, secret: new Uint8Array(15) }, 'secret'],
    ['a long hash key', { ...good, hashKey: new Uint8Array(17) }, 'hashKey'],
    ['a negative capacity', { ...good, sessionsMax: -1 }, 'sessionsMax'],
    ['a fraction', { ...good, mappingsMax: 1.5 }, 'mappingsMax'],
    ['an MTU beyond 16 bits', { ...good, devices: [device, { ...device, mtu: 65_536 }] }, 'devices[1].mtu'],
    ['no number', { ...good, neighboursMax: Number.NaN }, 'neighboursMax'],
    ['too many devices', { ...good, devices: Array.from({ length: 65 }, () => device) }, 'devices'],
  ])('%s: refused with the path', async (_, bad, path) => {
    expect(await failureOf(openDataPlane(bad))).toMatchObject({ code: 'InvalidArgument', path });
  });

  it.each([
    ['a name of 16 octets', { ...device, name: 'sixteen-octets!!' }, 36, /at most 15 octets/],
    ['a name with a pattern', { ...device, name: 'tap%d' }, 22, /printable octets/],
    ['a namespace that is not there', { ...device, netns: 'nptd-no-such' }, 2, /no network namespace/],
  ])('%s: refused with what to do', async (_, bad, errno, message) => {
    const error = await failureOf(openDataPlane({ ...good, devices: [bad] }));
    expect(error).toMatchObject({ code: 'DeviceFailed', device: bad.name, errno });
    expect(error.message).toMatch(message);
  });
});
