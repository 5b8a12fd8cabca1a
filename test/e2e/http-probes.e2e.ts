import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONVERSATION_PORTS } from '../../src/config/probe-target.ts';
import type { Background } from '../../src/demo/processes.ts';
import { INTERNET, ISP_A, ISP_B, type Isp } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { makeCertificate } from '../support/certificate.ts';
import { ProbeCounters } from './probe-counters.ts';
import { program } from './programs.ts';
import { type ConfigObject, changeUplink, TestBed } from './test-bed.ts';

const NAME = 'probe.example';
const PATH = '/generate_204?a=b';

/** A is asked by HTTP, B by HTTPS: in IPv4 by name, in IPv6 by its address. */
const targetsOf = (ca: string) =>
  new Map<Isp, readonly ConfigObject[]>([
    [ISP_A, [{ http: `http://${INTERNET.web4}:8080${PATH}` }, { http: `http://[${INTERNET.web6}]:8080${PATH}` }]],
    [
      ISP_B,
      [
        { https: `https://${INTERNET.web4}:8443/`, name: NAME, ca },
        { https: `https://[${INTERNET.web6}]:8443/`, status: 204, ca },
      ],
    ],
  ]);

/** As docs/configuration.md says of a server that answers something else, and of one that does not answer; with time for a busy machine. */
const WRONG_ANSWER_MS_MAX = 1500 + 1000;
const SILENCE_MS_MAX = 5000 + 1000;
const RECOVERY_MS_MAX = 6000;

const WEB = [INTERNET.web4, INTERNET.web6] as const;
const COUNTERS = new ProbeCounters(CONVERSATION_PORTS, {
  http: { targets: WEB, protocol: 'tcp', port: 8080 },
  https: { targets: WEB, protocol: 'tcp', port: 8443 },
});

interface WebRequest {
  readonly remote: string;
  readonly port: number;
  readonly url: string;
  readonly host: string;
  readonly name?: string | false;
}

describe('HTTP and HTTPS probes', () => {
  let bed: TestBed;
  let web: Background;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nptd-http-'));
    const { key, certificate } = await makeCertificate(folder, `DNS:${NAME}`, `IP:${INTERNET.web6}`);
    bed = await TestBed.open({
      change: (config) =>
        [...targetsOf(certificate)].reduce(
          (changed, [isp, targets]) =>
            changeUplink(changed, isp, (uplink) => ({ ...uplink, probe: { targets, 'up-after': '1s' } })),
          config,
        ),
      before: async (_network, site) => {
        web = site.internet.start(await program('web-server', key, certificate, INTERNET.web4, INTERNET.web6));
        await web.waitForLine((line) => line.includes('listening'), 5000);
        for (const isp of site.isps.keys()) await site.isp(isp).nft(COUNTERS.rules(isp));
      },
    });
  });
  afterAll(async () => {
    await bed?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const health = async (isp: Isp) => {
    const { uplinks } = await bed.status();
    const uplink = uplinks.find(({ name }) => name === isp.name);
    return { 4: uplink?.ipv4, 6: uplink?.ipv6 };
  };

  const becomes = (isp: Isp, family: 4 | 6, wanted: string, timeoutMs: number) =>
    until(async () => ((await health(isp))[family]?.health === wanted ? true : undefined), timeoutMs);

  const requests = (): WebRequest[] =>
    web.lines.filter((line) => line.includes('"web"')).map((line) => JSON.parse(line) as WebRequest);

  test('both make their uplink up in both families, and are shown as any other target', async () => {
    for (const [isp, four, six] of [
      [ISP_A, `http://${INTERNET.web4}:8080${PATH}`, `http://[${INTERNET.web6}]:8080${PATH}`],
      [ISP_B, `https://${INTERNET.web4}:8443/ as ${NAME}`, `https://[${INTERNET.web6}]:8443/`],
    ] as const) {
      const { 4: ipv4, 6: ipv6 } = await health(isp);
      expect(ipv4).toMatchObject({ health: 'up', targets: [four] });
      expect(ipv6).toMatchObject({ health: 'up', targets: [six] });
      for (const family of [ipv4, ipv6]) expect(family?.lastRttMs).toBeGreaterThan(0);
    }
  });

  test('each leaves by its own uplink only, from its address and a port for conversations', async () => {
    await until(async () => ((await COUNTERS.read(bed, ISP_B)).https4 > 30 ? true : undefined), 5000);
    const [a, b] = [await COUNTERS.read(bed, ISP_A), await COUNTERS.read(bed, ISP_B)];
    expect(a).toMatchObject({ https4: 0, https6: 0, other: 0 });
    expect(b).toMatchObject({ http4: 0, http6: 0, other: 0 });
    for (const count of [a.http4, a.http6, b.https4, b.https6]) expect(count).toBeGreaterThan(10);
    for (const isp of [ISP_A, ISP_B]) expect(await bed.site.foreignSources(isp)).toBe(0);
    const own = [ISP_A.ipv4.own, ISP_A.ipv6.own, ISP_B.ipv4.own, ISP_B.ipv6.own];
    expect(new Set(requests().map(({ remote }) => remote))).toEqual(new Set(own));
    for (const { port } of requests()) {
      expect(port).toBeGreaterThanOrEqual(CONVERSATION_PORTS.low);
      expect(port).toBeLessThanOrEqual(CONVERSATION_PORTS.high);
    }
  });

  test('the server is called by its name, or by its address', () => {
    const from = (address: string) => requests().find(({ remote }) => remote === address);
    expect(from(ISP_A.ipv4.own)).toMatchObject({ url: PATH, host: `${INTERNET.web4}:8080` });
    expect(from(ISP_A.ipv6.own)).toMatchObject({ url: PATH, host: `[${INTERNET.web6}]:8080` });
    expect(from(ISP_B.ipv4.own)).toMatchObject({ url: '/', host: `${NAME}:8443`, name: NAME });
    expect(from(ISP_B.ipv6.own)).toMatchObject({ url: '/', host: `[${INTERNET.web6}]:8443`, name: false });
  });

  test('the server has no connection to remember', async () => {
    const connections = await bed.site.internet.runOrThrow(['ss', '-Htan', 'state', 'time-wait']);
    const ours = connections.split('\n').filter((line) => /:(8080|8443) /.test(line));
    expect(ours).toEqual([]);
  });

  test('a server that answers 500 takes its uplink down, though it answers echo, and 200 brings it back', async () => {
    for (const own of [ISP_A.ipv4.own, ISP_A.ipv6.own]) web.write(`${own} 500\n`);
    for (const family of [4, 6] as const) {
      expect(await becomes(ISP_A, family, 'down', WRONG_ANSWER_MS_MAX)).toBe(true);
      expect((await health(ISP_B))[family]?.health).toBe('up');
    }
    await bed.site.internet.runOrThrow(['ping', '-c', '1', '-W', '2', ISP_A.ipv4.own]);
    const line = bed.gateway.process.lines.find((text) => text.includes(`(http://${INTERNET.web4}:8080${PATH}`));
    expect(line).toContain(ISP_A.name);
    for (const own of [ISP_A.ipv4.own, ISP_A.ipv6.own]) web.write(`${own} 200\n`);
    for (const family of [4, 6] as const) expect(await becomes(ISP_A, family, 'up', RECOVERY_MS_MAX)).toBe(true);
  });

  test('only the status that is asked for will do', async () => {
    for (const own of [ISP_B.ipv4.own, ISP_B.ipv6.own]) web.write(`${own} 200\n`);
    expect(await becomes(ISP_B, 6, 'down', WRONG_ANSWER_MS_MAX)).toBe(true);
    expect((await health(ISP_B))[4]?.health).toBe('up');
    for (const own of [ISP_B.ipv4.own, ISP_B.ipv6.own]) web.write(`${own} 204\n`);
    expect(await becomes(ISP_B, 6, 'up', RECOVERY_MS_MAX)).toBe(true);
  });

  test('an ISP that carries nothing any more takes its uplink down in both families', async () => {
    await bed.site.cut(ISP_B);
    for (const family of [4, 6] as const) {
      expect(await becomes(ISP_B, family, 'down', SILENCE_MS_MAX)).toBe(true);
      expect((await health(ISP_A))[family]?.health).toBe('up');
    }
    await bed.site.restore(ISP_B);
    for (const family of [4, 6] as const) expect(await becomes(ISP_B, family, 'up', RECOVERY_MS_MAX)).toBe(true);
  });

  test('a gateway with probes under way stops at once', async () => {
    await bed.site.cut(ISP_A);
    await until(async () => ((await health(ISP_A))[4]?.health === 'down' ? true : undefined), SILENCE_MS_MAX);
    expect(await bed.gateway.process.stop()).toBe(0);
  });
});
