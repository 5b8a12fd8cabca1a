/** A gateway on real TAP devices: what it tells, and what it does not, while packets flow and devices come and go. */
import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { NptdEvent, NptdEventType } from '../../../src/api/events.ts';
import { createNptd, type Nptd } from '../../../src/api/nptd.ts';
import { createLog } from '../../../src/daemon/log.ts';
import { Namespace, whyNoDevices } from '../native/namespace.ts';

// Making and removing devices waits for the kernel, and other tests run at the same time.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const obstacle = whyNoDevices();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);

const EVENT_MS_MAX = 15_000;
/** Beyond either ISP: no address of a probe, a device or a gateway. */
const SERVER = '192.0.2.77';
const SERVER_PORT = 47_777;
const TYPES = [
  'ready',
  'closed',
  'plan-applied',
  'uplink-changed',
  'selection-changed',
  'device-failed',
  'device-restored',
  'exhausted',
  'worker-panicked',
  'passed-available',
] as const satisfies readonly NptdEventType[];

describe.skipIf(obstacle !== undefined)('a gateway whose uplinks have no probe targets', () => {
  let site: Namespace;
  let isps: { readonly a: Namespace; readonly b: Namespace };
  let nptd: Nptd;
  let events: NptdEvent[];
  /** The log as `nptd run` writes it by default, in both of its forms. */
  let lines: string[];
  const children: ChildProcess[] = [];

  const text = () => `
internal:
  office: { device: { tap: lan0, netns: ${site.name} }, ipv4: 10.0.0.1/24 }
uplinks:
  a:
    device: { tap: wan0, netns: ${isps.a.name} }
    ipv4: { address: 203.0.113.2/24, gateway: 203.0.113.1 }
  b:
    device: { tap: wan0, netns: ${isps.b.name} }
    ipv4: { address: 198.51.100.2/24, gateway: 198.51.100.1 }
limits: { sessions: 50 }
`;

  beforeEach(async () => {
    site = new Namespace();
    isps = { a: new Namespace(), b: new Namespace() };
    events = [];
    lines = [];
    const logs = (['json', 'text'] as const).map((format) =>
      createLog({ format, level: 'info', write: (line) => lines.push(line), now: () => Date.now() }),
    );
    nptd = createNptd(text(), {
      log: (entry) => {
        for (const log of logs) log(entry);
      },
    });
    for (const type of TYPES) nptd.on(type, (event) => events.push(event));
    await nptd.start();
    configureSite();
    configureIsp(isps.a, '203.0.113.1');
    configureIsp(isps.b, '198.51.100.1');
  });

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await nptd.close();
    for (const namespace of [site, isps.a, isps.b]) namespace[Symbol.dispose]();
  });

  const configureSite = () => {
    site.ip('addr', 'add', '10.0.0.11/24', 'dev', 'lan0');
    site.ip('route', 'add', 'default', 'via', '10.0.0.1');
  };
  const configureIsp = (isp: Namespace, address: string) => {
    isp.ip('addr', 'add', `${address}/24`, 'dev', 'wan0');
    isp.ip('addr', 'replace', `${SERVER}/32`, 'dev', 'lo');
  };
  const ping = () => site.exec('ping', '-c', '2', '-i', '0.2', '-W', '2', SERVER);
  const counted = (isp: 0 | 1) =>
    nptd
      .status()
      .counters.verdicts.filter(({ slot, verdict }) => slot === isp && verdict === 'Forward')
      .reduce((sum, { count }) => sum + count, 0);
  const eventOf = async (type: NptdEventType): Promise<NptdEvent> => {
    const end = performance.now() + EVENT_MS_MAX;
    while (performance.now() < end) {
      const event = events.find((other) => other.type === type);
      if (event !== undefined) return event;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`no ${type} within ${EVENT_MS_MAX} ms; there was ${events.map((event) => event.type).join(', ')}`);
  };
  const selected = () => nptd.status().selections.find(({ family }) => family === 4);
  const entryOf = (event: NptdEventType): Record<string, unknown> =>
    JSON.parse(lines.find((line) => line.startsWith('{') && JSON.parse(line).event === event) ?? '{}');

  test('leaves one whose device does not take a frame, and comes back to it by itself when it does', async () => {
    expect([ping(), selected()?.uplink]).toEqual([0, 'a']);
    isps.a.ip('link', 'set', 'wan0', 'down');
    // The link tells the gateway (ENETDOWN), or a packet for it does (EIO), whichever is first.
    expect(ping()).not.toBe(0);
    const failed = await eventOf('device-failed');
    expect(failed).toMatchObject({ index: 1, device: 'wan0', netns: isps.a.name });
    const errno = failed.type === 'device-failed' ? failed.errno : undefined;
    expect([5, 100]).toContain(errno);
    await vi.waitFor(() => expect(selected()).toMatchObject({ uplink: 'b', lastResort: false }), EVENT_MS_MAX);
    expect(ping()).toBe(0);
    expect(nptd.status().uplinks[1]?.ipv4).toMatchObject({ health: 'unknown', usable: true });
    const told = entryOf('device-failed');
    expect(told).toMatchObject({ level: 'error', index: 1, device: 'wan0', netns: isps.a.name, errno });
    expect(told.message).toContain(`device 1 (wan0 in namespace ${isps.a.name}) failed: `);
    expect(told.message).toContain(`ip -n ${isps.a.name} link set dev wan0 up`);

    isps.a.ip('link', 'set', 'wan0', 'up');
    expect(await eventOf('device-restored')).toMatchObject({ index: 1, device: 'wan0', netns: isps.a.name });
    await vi.waitFor(() => expect(selected()).toMatchObject({ uplink: 'a', lastResort: false }), EVENT_MS_MAX);
    const before = counted(0);
    expect(site.exec('ping', '-c', '1', '-W', '2', '203.0.113.1')).toBe(0);
    expect(counted(0)).toBeGreaterThan(before);
  });

  test('goes on with the others when one of its devices is deleted, and says what to do', async () => {
    isps.a.ip('link', 'del', 'wan0');
    const event = await eventOf('device-failed');
    expect(event).toMatchObject({ index: 1, device: 'wan0', netns: isps.a.name, errno: 77 });
    expect(entryOf('device-failed').message).toMatch(
      new RegExp(`^device 1 \\(wan0 in namespace ${isps.a.name}\\) failed: .*it was deleted.*restart nptd`),
    );
    await vi.waitFor(() => expect(selected()).toMatchObject({ uplink: 'b', lastResort: false }), EVENT_MS_MAX);
    expect(ping()).toBe(0);
    site.ip('link', 'del', 'lan0');
    await vi.waitFor(() => expect(events.filter(({ type }) => type === 'device-failed')).toHaveLength(2), EVENT_MS_MAX);
    expect(nptd.status().uplinks.map(({ ipv4 }) => ipv4?.health)).toEqual(['down', 'unknown']);
    await nptd.close();
    expect(isps.b.interfaces()).toEqual([]);
  });

  test('6888-R10: counts what can be read at any moment of a flood', async () => {
    const flood = spawn('ip', ['netns', 'exec', site.name, 'ping', '-f', '-q', SERVER], { stdio: 'ignore' });
    children.push(flood);
    let rises = 0;
    let before = counted(0);
    for (const end = performance.now() + EVENT_MS_MAX; rises < 100 && performance.now() < end; ) {
      const after = counted(0);
      expect(after).toBeGreaterThanOrEqual(before);
      rises += after > before ? 1 : 0;
      before = after;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(rises, 'readings that showed more than the one before').toBe(100);
    expect(flood.exitCode, 'the flood went on meanwhile').toBeNull();
  });

  test('6888-R12, 6888-R11c: tells of a table that is full, and nowhere where its flows went', async () => {
    expect(ping()).toBe(0);
    const flows = `for n in $(seq 1 80); do echo x > /dev/udp/${SERVER}/${SERVER_PORT}; done`;
    expect(site.exec('bash', '-c', flows)).not.toBeNull();
    expect(await eventOf('exhausted')).toMatchObject({ reason: 'SessionTableFull' });
    const sessions = await nptd.sessions();
    expect(sessions.filter(({ remote }) => remote === `${SERVER}:${SERVER_PORT}`).length).toBeGreaterThan(40);
    isps.a.ip('link', 'set', 'wan0', 'down');
    nptd.inject(1, new Uint8Array(60));
    await eventOf('device-failed');
    await nptd.close();
    expect(events.filter(({ type }) => type === 'exhausted')).toHaveLength(1);
    expect(lines.length).toBeGreaterThan(8);
    for (const said of [...lines, ...events.map((event) => JSON.stringify(event))]) {
      expect(said).not.toContain(SERVER);
      expect(said).not.toContain(`${SERVER_PORT}`);
    }
  });
});
