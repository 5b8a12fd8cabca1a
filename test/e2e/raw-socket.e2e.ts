/**
 * Probes through the kernel: raw sockets bound to real devices, which are veth pairs into namespaces of two peers that
 * answer for the same target. Peer `a` has the worse route, so whatever is not bound to its device goes to peer `b`.
 */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createNptd, type Nptd } from '../../src/api/nptd.ts';
import type { FamilyStatus } from '../../src/api/status.ts';
import { probeCommand } from '../../src/cli/commands/probe.ts';
import { FakeDataPlane } from '../unit/api/fake-data-plane.ts';

const TARGET = { 4: '192.0.2.1', 6: '2001:db8:ffff::1' } as const;
const UNROUTED = { 4: '198.51.100.9', 6: '2001:db8:eeee::9' } as const;
const PEERS = [
  { name: 'a', device: 'nptdraw-a', subnet: 1, metric: 200 },
  { name: 'b', device: 'nptdraw-b', subnet: 2, metric: 100 },
] as const;
const [A, B] = PEERS;

const ip = (...words: string[]) => execFileSync('ip', words, { encoding: 'utf8' });
const namespaceOf = (peer: (typeof PEERS)[number]) => `nptd-${process.pid}-raw-${peer.name}`;
const route = (verb: 'add' | 'del', peer: (typeof PEERS)[number], family: 4 | 6) => {
  const via = family === 4 ? `10.99.${peer.subnet}.2` : `fd99:${peer.subnet}::2`;
  const length = family === 4 ? 32 : 128;
  ip(
    `-${family}`,
    'route',
    verb,
    `${TARGET[family]}/${length}`,
    'via',
    via,
    'dev',
    peer.device,
    'metric',
    `${peer.metric}`,
  );
};
/** A peer that is silent gets echo requests and does not answer them. */
const setSilent = (peer: (typeof PEERS)[number], silent: boolean) => {
  for (const key of ['net.ipv4.icmp_echo_ignore_all', 'net.ipv6.icmp.echo_ignore_all']) {
    ip('netns', 'exec', namespaceOf(peer), 'sysctl', '-qw', `${key}=${silent ? 1 : 0}`);
  }
};

function makePeer(peer: (typeof PEERS)[number]): void {
  const namespace = namespaceOf(peer);
  ip('netns', 'add', namespace);
  ip('link', 'add', peer.device, 'type', 'veth', 'peer', 'name', 'uplink0', 'netns', namespace);
  ip('addr', 'add', `10.99.${peer.subnet}.1/24`, 'dev', peer.device);
  ip('addr', 'add', `fd99:${peer.subnet}::1/64`, 'dev', peer.device, 'nodad');
  ip('link', 'set', peer.device, 'up');
  const there = (...words: string[]) => ip('-n', namespace, ...words);
  there('addr', 'add', `10.99.${peer.subnet}.2/24`, 'dev', 'uplink0');
  there('addr', 'add', `fd99:${peer.subnet}::2/64`, 'dev', 'uplink0', 'nodad');
  there('link', 'set', 'lo', 'up');
  there('link', 'set', 'uplink0', 'up');
  there('addr', 'add', `${TARGET[4]}/32`, 'dev', 'lo');
  there('addr', 'add', `${TARGET[6]}/128`, 'dev', 'lo');
}

beforeAll(async () => {
  for (const peer of PEERS) {
    makePeer(peer);
    route('add', peer, 4);
    route('add', peer, 6);
  }
  // Duplicate address detection of the link-local addresses keeps IPv6 quiet for a second or two.
  const tentative = () => PEERS.some((peer) => ip('-6', 'addr', 'show', 'dev', peer.device, 'tentative') !== '');
  for (let waits = 0; tentative() && waits < 100; waits++) await sleep(50);
});

afterAll(() => {
  for (const peer of PEERS) {
    ip('link', 'del', peer.device);
    ip('netns', 'del', namespaceOf(peer));
  }
});

async function probe(device: string, target: string, json = false) {
  const out: string[] = [];
  const err: string[] = [];
  const output = {
    terminal: false,
    print: (text: string) => out.push(text),
    complain: (text: string) => err.push(text),
  };
  const code = await probeCommand({ device, target, count: 3, interval: 20, timeout: 300, json }, output);
  return { code, out: out.join(''), err: err.join('') };
}

describe('nptd probe', () => {
  test.each([4, 6] as const)(
    'reaches a kernel in IPv%i and prints each round-trip time and a summary',
    async (family) => {
      const { code, out } = await probe(A.device, TARGET[family]);
      expect(out).toMatch(/^1: \d+\.\d\d ms\n2: \d+\.\d\d ms\n3: \d+\.\d\d ms\n/);
      expect(out).toContain(`${TARGET[family]} by ${A.device}: 3 of 3 answered`);
      expect(code).toBe(0);
    },
  );

  test('prints JSON for programs', async () => {
    const { out } = await probe(A.device, TARGET[4], true);
    const report = JSON.parse(out);
    expect(report).toMatchObject({ device: A.device, target: TARGET[4], answered: 3 });
    expect(report.probes).toHaveLength(3);
    expect(report.rttMs.average).toBeGreaterThan(0);
  });

  test.each([4, 6] as const)(
    'is bound to its device: IPv%i does not escape to the peer with the better route',
    async (family) => {
      setSilent(A, true);
      try {
        expect(await probe(A.device, TARGET[family])).toMatchObject({
          code: 1,
          out: expect.stringContaining('0 of 3 answered'),
        });
        expect(await probe(B.device, TARGET[family])).toMatchObject({
          code: 0,
          out: expect.stringContaining('3 of 3 answered'),
        });
      } finally {
        setSilent(A, false);
      }
    },
  );

  test.each([4, 6] as const)('says that there is no route in IPv%i instead of waiting in vain', async (family) => {
    const { code, err, out } = await probe(A.device, UNROUTED[family]);
    expect({ code, err, out }).toEqual({ code: 4, err: `nptd probe: no route via ${A.device}\n`, out: '' });
  });

  test('names a device that is not there, and a target that is no address', async () => {
    expect(await probe('nptdraw-none', TARGET[4])).toMatchObject({
      code: 4,
      err: expect.stringContaining('nptdraw-none'),
    });
    expect(await probe(A.device, 'example.org')).toMatchObject({
      code: 64,
      err: expect.stringContaining('example.org'),
    });
  });
});

describe('an uplink with transport raw-socket', () => {
  const config = `
internal:
  office: { device: { tap: lan0 }, ipv4: 192.168.1.1/24 }
uplinks:
  kernel:
    device: { tap: ${A.device} }
    ipv4: { address: 10.99.1.1/24, gateway: 10.99.1.2 }
    probe: { targets: [${TARGET[4]}, 10.99.1.2], profile: fast, up-after: 200ms, transport: raw-socket }
`;
  let nptd: Nptd;
  let plane: FakeDataPlane;

  beforeEach(async () => {
    plane = new FakeDataPlane();
    nptd = createNptd(config, { openDataPlane: plane.open });
    await nptd.start();
  });
  afterEach(() => nptd.close());

  const family = (): FamilyStatus | undefined => nptd.status().uplinks[0]?.ipv4;
  const becomes = async (health: string, msMax: number): Promise<void> => {
    const end = performance.now() + msMax;
    while (family()?.health !== health && performance.now() < end) await sleep(10);
    expect(family()?.health).toBe(health);
  };

  test('is up by answers of the kernel, and is not probed by the data path', async () => {
    await becomes('up', 2000);
    expect(family()?.lastRttMs).toBeGreaterThan(0);
    expect(plane.probes).toEqual([]);
  });

  test('goes down when answers stop, and comes back', async () => {
    await becomes('up', 2000);
    setSilent(A, true);
    await becomes('down', 1500);
    expect(plane.plans.at(-1)?.uplinks[0]?.ipv4?.usable).toBe(false);
    setSilent(A, false);
    await becomes('up', 2000);
    expect(plane.plans.at(-1)?.uplinks[0]?.ipv4?.usable).toBe(true);
  });

  test('is unknown without a route, never down, and says why', async () => {
    await becomes('up', 2000);
    const seen: string[] = [];
    nptd.on('uplink-changed', ({ to }) => seen.push(to));
    ip('link', 'set', A.device, 'down');
    try {
      await becomes('unknown', 3000);
      expect(family()).toMatchObject({ usable: true, reason: `no route via ${A.device}` });
    } finally {
      ip('link', 'set', A.device, 'up');
      ip('addr', 'replace', 'fd99:1::1/64', 'dev', A.device, 'nodad');
      route('add', A, 4);
      route('add', A, 6);
    }
    await becomes('up', 4000);
    expect(seen).toEqual(['unknown', 'up']);
  });
});
