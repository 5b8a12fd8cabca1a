import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROBE_PORTS } from '../../src/config/probe-target.ts';
import { INTERNET, ISP_A, ISP_B, type Isp } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { FAILOVER_MS_MAX } from './failover.ts';
import { ProbeCounters } from './probe-counters.ts';
import { type ConfigObject, changeUplink, TestBed } from './test-bed.ts';

/** A is probed by DNS, B by TCP; on B a refusal is an answer in IPv6 only. */
const TARGETS = new Map<Isp, readonly ConfigObject[]>([
  [
    ISP_A,
    [
      { dns: INTERNET.dns4, name: 'a.example' },
      { dns: INTERNET.dns6, name: 'a.example' },
    ],
  ],
  [ISP_B, [{ tcp: `${INTERNET.web4}:80` }, { tcp: `[${INTERNET.web6}]:80`, refused: 'ok' }]],
]);

const RECOVERY_MS_MAX = 6000;

const COUNTERS = new ProbeCounters(PROBE_PORTS, {
  dns: { targets: [INTERNET.dns4, INTERNET.dns6], protocol: 'udp', port: 53 },
  tcp: { targets: [INTERNET.web4, INTERNET.web6], protocol: 'tcp', port: 80 },
});

describe('DNS and TCP probes', () => {
  let bed: TestBed;

  beforeAll(async () => {
    bed = await TestBed.open({
      change: (config) =>
        [...TARGETS].reduce(
          (changed, [isp, targets]) =>
            changeUplink(changed, isp, (uplink) => ({ ...uplink, probe: { targets, 'up-after': '1s' } })),
          config,
        ),
      before: async (_network, site) => {
        for (const isp of site.isps.keys()) await site.isp(isp).nft(COUNTERS.rules(isp));
      },
    });
  });
  afterAll(() => bed?.close());

  const health = async (isp: Isp) => {
    const { uplinks } = await bed.status();
    const uplink = uplinks.find(({ name }) => name === isp.name);
    return { 4: uplink?.ipv4, 6: uplink?.ipv6 };
  };

  /** Waits until an uplink has this health in a family. */
  const becomes = (isp: Isp, family: 4 | 6, wanted: string, timeoutMs: number) =>
    until(async () => ((await health(isp))[family]?.health === wanted ? true : undefined), timeoutMs);

  /** What the Internet does to packets, until it is told to stop. */
  const whileInternet = async (rule: string, act: () => Promise<void>) => {
    const hook = 'type filter hook input priority -10; policy accept;';
    await bed.site.internet.nft(`table inet silence { chain input { ${hook} ${rule}; }; }`);
    try {
      await act();
    } finally {
      await bed.site.internet.nft('delete table inet silence');
    }
  };

  test('nptd status names the targets as services', async () => {
    for (const [isp, four, six] of [
      [ISP_A, `dns ${INTERNET.dns4} a.example`, `dns ${INTERNET.dns6} a.example`],
      [ISP_B, `tcp ${INTERNET.web4}:80`, `tcp [${INTERNET.web6}]:80`],
    ] as const) {
      const { 4: ipv4, 6: ipv6 } = await health(isp);
      expect(ipv4).toMatchObject({ health: 'up', targets: [four] });
      expect(ipv6).toMatchObject({ health: 'up', targets: [six] });
      expect(ipv4?.lastRttMs).toBeGreaterThan(0);
    }
  });

  test('each leaves by its own uplink only, from its address and a port of the probes', async () => {
    await until(async () => ((await COUNTERS.read(bed, ISP_A)).dns4 > 3 ? true : undefined), 5000);
    const [a, b] = [await COUNTERS.read(bed, ISP_A), await COUNTERS.read(bed, ISP_B)];
    expect(a).toMatchObject({ tcp4: 0, tcp6: 0, other: 0 });
    expect(b).toMatchObject({ dns4: 0, dns6: 0, other: 0 });
    for (const count of [a.dns4, a.dns6, b.tcp4, b.tcp6]) expect(count).toBeGreaterThan(1);
    const own = new Set([ISP_A.ipv4.own, ISP_A.ipv6.own]);
    const queries = bed.log().filter(({ service, remote }) => service === 'dns' && own.has(remote));
    expect(queries.length).toBeGreaterThan(2);
    for (const { port } of queries) expect(port).toBeGreaterThanOrEqual(PROBE_PORTS.low);
    for (const { port } of queries) expect(port).toBeLessThanOrEqual(PROBE_PORTS.high);
  });

  test('the server is left with no half-open connection', async () => {
    const open = await bed.site.internet.runOrThrow(['ss', '-Htan', 'state', 'syn-recv']);
    expect(open.trim()).toBe('');
    expect(bed.log().filter(({ service }) => service === 'http')).toEqual([]);
  });

  test('a silent DNS server takes its uplink down, the other one stays, and its answers bring it back', async () => {
    await whileInternet('udp dport 53 drop', async () => {
      for (const family of [4, 6] as const) {
        expect(await becomes(ISP_A, family, 'down', FAILOVER_MS_MAX)).toBe(true);
        expect((await health(ISP_B))[family]?.health).toBe('up');
      }
      const line = bed.gateway.process.lines.find((text) => text.includes(`(dns ${INTERNET.dns4} a.example`));
      expect(line).toContain(ISP_A.name);
    });
    for (const family of [4, 6] as const) expect(await becomes(ISP_A, family, 'up', RECOVERY_MS_MAX)).toBe(true);
  });

  test('a server that refuses takes its uplink down unless a refusal is an answer', async () => {
    await whileInternet('tcp dport 80 reject with tcp reset', async () => {
      expect(await becomes(ISP_B, 4, 'down', FAILOVER_MS_MAX)).toBe(true);
      const { 6: ipv6 } = await health(ISP_B);
      expect(ipv6?.health).toBe('up');
      expect((await health(ISP_A))[4]?.health).toBe('up');
    });
    expect(await becomes(ISP_B, 4, 'up', RECOVERY_MS_MAX)).toBe(true);
  });

  test('a server that is silent takes its uplink down in both families', async () => {
    await whileInternet('tcp dport 80 drop', async () => {
      for (const family of [4, 6] as const) {
        expect(await becomes(ISP_B, family, 'down', FAILOVER_MS_MAX)).toBe(true);
        expect((await health(ISP_A))[family]?.health).toBe('up');
      }
    });
    for (const family of [4, 6] as const) expect(await becomes(ISP_B, family, 'up', RECOVERY_MS_MAX)).toBe(true);
  });
});
