/**
 * Three ISPs that share flows by weight, while one of them dies and comes back, the configuration is reloaded, and a family dies
 * on all of them: what moves, what stays, and what the gateway keeps and tells of it.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { History } from '../../src/api/operations-record.ts';
import { INTERNET, ISP_A, ISP_B, type Isp } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { Flows, flowsOf } from './flows.ts';
import { FETCHES } from './happy-eyeballs.ts';
import { BLACK_HOLE, ISP_C, ispOf, msUntilDown, msUntilState, timed, untilUp, withProbe } from './multihoming.ts';
import { type ConfigObject, TestBed } from './test-bed.ts';

const ISPS: readonly Isp[] = [ISP_A, ISP_B, ISP_C];
const WEIGHTS: Readonly<Record<string, number>> = { 'isp-a': 2, 'isp-b': 1, 'isp-c': 1 };
/** In each family. */
const FLOWS = 400;
const FIRST_PORT = 20_000;
/** Four standard deviations of a share of a quarter or a half among both families' flows, and a little. */
const SHARE_OFF_MAX = 0.08;
const UP_MS_MAX = 15_000;
/** What is promised of a refusal, and what starting curl on a busy machine may add. */
const REFUSED_MS_MAX = 50 + 1000;

function policyOf(weights: Readonly<Record<string, number>>, more: ConfigObject = {}): ConfigObject {
  return { default: { prefer: [weights], persistence: 'flow', ...more } };
}

describe('three ISPs that share flows 2 : 1 : 1', () => {
  let bed: TestBed;
  let datagrams: Flows;
  let connections: Flows;
  let hooked: string;
  let cutMs: number;

  beforeAll(async () => {
    bed = await TestBed.open({
      isps: ISPS,
      change: (config) => {
        const { socket } = config.control as { readonly socket: string };
        hooked = join(socket, '../hooked');
        const command = ['sh', '-c', `echo "$NPTD_EVENT $NPTD_UPLINK $NPTD_FAMILY $NPTD_TO" >> ${hooked}`];
        return {
          ...withProbe(config, ISPS, { profile: 'fast', 'up-after': '1s', 'up-after-max': '1s' }),
          policy: policyOf(WEIGHTS),
          hooks: [{ on: 'uplink-changed', command }],
        };
      },
    });
    connections = await Flows.open(bed.site.client, flowsOf('talk', 12, 30_000, 100));
    datagrams = await Flows.open(bed.site.client, flowsOf('datagrams', FLOWS, FIRST_PORT, 500));
  });
  afterAll(() => bed?.close());

  /** The ISPs that each conversation came by, in order, by its port. */
  function ways(): Map<number, string[]> {
    const ways = new Map<number, string[]>();
    for (const { service, port, remote } of bed.log()) {
      if (service !== 'udp-echo' || port < FIRST_PORT) continue;
      ways.set(port, [...(ways.get(port) ?? []), ispOf(ISPS, remote) ?? remote]);
    }
    return ways;
  }

  test('each has its share of new flows, within a few per cent', () => {
    const all = [...ways().values()];
    expect(all).toHaveLength(2 * FLOWS);
    for (const [isp, weight] of Object.entries(WEIGHTS)) {
      const share = all.filter(([first]) => first === isp).length / all.length;
      expect(Math.abs(share - weight / 4), `${isp} has ${share}`).toBeLessThan(SHARE_OFF_MAX);
    }
  });

  test('one dies: its flows move to the others, and no other flow moves', async () => {
    const before = ways();
    cutMs = await BLACK_HOLE.begin(bed.site, ISP_C);
    await msUntilDown(bed, ISP_C, cutMs, UP_MS_MAX);
    const lost = [...before].filter(([, [first]]) => first === ISP_C.name).map(([port]) => port);
    const moved = async () => lost.every((port) => (ways().get(port) ?? []).length === 2) || undefined;
    expect(await until(moved, 5000)).toBe(true);
    const stayed = [...ways()].filter(([port]) => !lost.includes(port));
    expect(stayed.filter(([, isps]) => isps.length !== 1)).toEqual([]);
    const heirs = new Set(lost.map((port) => ways().get(port)?.[1]));
    expect(heirs).toEqual(new Set([ISP_A.name, ISP_B.name]));
  });

  test('it comes back: nothing moves (drain); nptd history knows the outage, and hooks were told', async () => {
    await untilUp(bed, ISP_C, await BLACK_HOLE.end(bed.site, ISP_C), UP_MS_MAX);
    const before = ways();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(ways()).toEqual(before);
    const { availability } = (await bed.gateway.json('history', '--socket', bed.socket)) as History;
    // While the gateway started its devices had no link yet.
    const since = availability.map((one) => ({ ...one, outages: one.outages.filter(({ fromMs }) => fromMs >= cutMs) }));
    const outages = since.filter(({ outages: of }) => of.length > 0);
    expect(outages.map(({ uplink, family }) => [uplink, family]).toSorted()).toEqual([
      [ISP_C.name, 4],
      [ISP_C.name, 6],
    ]);
    for (const { outages: of } of outages) expect(of.map(({ toMs }) => toMs)).toEqual([expect.any(Number)]);
    const told = await readFile(hooked, 'utf8');
    for (const family of [4, 6]) {
      for (const to of ['down', 'up']) expect(told).toContain(`uplink-changed ${ISP_C.name} ${family} ${to}\n`);
    }
  });

  test('nptd reload with other weights: every flow stays where it is', async () => {
    const before = ways();
    const gone = new Set(connections.ended().map(({ port }) => port));
    await reload(policyOf({ 'isp-a': 1, 'isp-b': 1, 'isp-c': 6 }));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(ways()).toEqual(before);
    expect(new Set(connections.ended().map(({ port }) => port))).toEqual(gone);
    const later = await Flows.open(bed.site.client, flowsOf('datagrams', 100, 25_000, 500));
    const fresh = [...ways()].filter(([port]) => !before.has(port));
    const share = fresh.filter(([, [first]]) => first === ISP_C.name).length / fresh.length;
    expect(Math.abs(share - 6 / 8)).toBeLessThan(2 * SHARE_OFF_MAX);
    await later.stop();
  });

  test('a family dies on all: one is the last resort, or (last-resort: refuse) a client takes the other family at once', async () => {
    await datagrams.stop();
    await connections.stop();
    const hook = (device: string) => `type filter hook ingress device ${device} priority 0; policy accept;`;
    const begun = Date.now();
    for (const isp of ISPS) {
      const rule = 'ether type { ip, arp } drop;';
      await bed.site.isp(isp).nft(`table netdev fault { chain in { ${hook(isp.device)} ${rule} }; }`);
    }
    for (const isp of ISPS) expect(await msUntilState(bed, isp, 4, ['down'], begun, UP_MS_MAX), isp.name).toBeDefined();
    // By default new flows take one all the same.
    const last = (await bed.status()).selections.filter(({ lastResort }) => lastResort);
    expect(last.map(({ family }) => family)).toEqual([4]);
    await reload(policyOf(WEIGHTS, { 'last-resort': 'refuse' }));
    const { code, ms, stderr } = await bed.site.client.run(['curl', '-sS', `http://${INTERNET.web4}/`]);
    expect(code, stderr).toBe(7);
    expect(ms).toBeLessThan(REFUSED_MS_MAX);
    expect((await FETCHES.curl(bed.site.client)).family).toBe(6);
    for (const isp of ISPS) await timed(bed.site.isp(isp), 'nft delete table netdev fault');
  });

  test('no packet left with a source outside the address space of its ISP', async () => {
    for (const isp of ISPS) expect(await bed.site.foreignSources(isp), isp.name).toBe(0);
  });

  async function reload(policy: ConfigObject): Promise<void> {
    const file = bed.gateway.config;
    const config = JSON.parse(await readFile(file, 'utf8')) as ConfigObject;
    await writeFile(file, JSON.stringify({ ...config, policy }, undefined, 2));
    const { code, stderr } = await bed.gateway.command('reload', '--socket', bed.socket);
    expect(code, stderr).toBe(0);
  }
});
