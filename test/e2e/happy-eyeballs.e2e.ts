/**
 * What the user of an unmodified host notices when an uplink or an address family dies: programs that try both families
 * (RFC 8305) fetch a page at the moment of the cut, and again once it is known. docs/happy-eyeballs.md has the figures.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whoAmI } from '../../src/demo/clients.ts';
import { INTERNET, ISP_A, ISP_B, type Isp } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { FETCHES, type Fetched, type ProgramName } from './happy-eyeballs.ts';
import { type Figures, writePage } from './happy-eyeballs-page.ts';
import { nativeUplink, openSlaacBed, type SlaacHost, untilChanged, WITHDRAWN_MS_MAX } from './slaac-host.ts';
import { type ConfigObject, changeUplink, type TestBed } from './test-bed.ts';

const PREFIXES = ['2001:db8:a100:2:', '2001:db8:b100:2:'];
const HOST4 = '192.168.2.10';
const GATEWAY4 = '192.168.2.1';
const ISPS = [ISP_A, ISP_B];

/**
 * A program waits far longer than this for an answer. With both families dead it takes until the uplink counts as down (3 s at
 * most), and until the next SYN (4 s at most).
 */
const FETCHED_MS_MAX = 10_000;

/** Often enough for a smallest and a largest figure. */
const ROUNDS = process.env.NPTD_UPDATE === '1' ? 5 : 1;

const figures: Figures = new Map();
afterAll(() => {
  if (process.env.NPTD_UPDATE === '1') writePage(figures);
});

interface Bed {
  readonly bed: TestBed;
  readonly host: SlaacHost;
}

/** A host with IPv4 and with addresses of both ISPs' prefixes; new connections of both families take A. */
async function open(probe: ConfigObject): Promise<Bed> {
  const change = (uplink: ConfigObject): ConfigObject => ({
    ...nativeUplink(uplink),
    probe: { ...(uplink.probe as object), 'up-after': '1s', ...probe },
  });
  const { bed, host } = await openSlaacBed({
    // Of addresses that are alike in all else, Linux takes the one that it has made last.
    ipv6: PREFIXES.map((prefix) => `${prefix}:1/64`).toReversed(),
    ipv4: `${GATEWAY4}/24`,
    change: (config) => ISPS.reduce((changed, isp) => changeUplink(changed, isp, change), config),
  });
  await host.namespace.ip(`address add ${HOST4}/24 dev ${host.device}`, `route add default via ${GATEWAY4}`);
  expect(await host.untilConfigured(...PREFIXES)).toBeDefined();
  const source = await host.namespace.runOrThrow(['ip', '-6', 'route', 'get', INTERNET.web6]);
  expect(source).toContain(`src ${PREFIXES[0]}`);
  return { bed, host };
}

/** Every program once, side by side. */
async function fetchAll({ host }: Bed, situation: string): Promise<Record<ProgramName, Fetched>> {
  const [curl, node] = await Promise.all([FETCHES.curl(host.namespace), FETCHES.node(host.namespace)]);
  figures.set(situation, [...(figures.get(situation) ?? []), { curl, node }]);
  for (const { ms } of [curl, node]) expect(ms).toBeLessThan(FETCHED_MS_MAX);
  return { curl, node };
}

interface Cut {
  readonly what: string;
  readonly isps: readonly Isp[];
  readonly families: readonly (4 | 6)[];
  /** What else is looked at once the cut is known. */
  readonly whileCut?: () => Promise<void>;
}

/**
 * Cuts. Of all uplinks at once the routers of the ISPs fall silent as well: while they answer, the targets of the probes are
 * suspected, and not the uplinks.
 */
async function cutAll({ bed }: Bed, isps: readonly Isp[], families: readonly (4 | 6)[]): Promise<void> {
  const [only] = families.length === 1 ? families : [];
  for (const isp of isps) {
    await bed.site.cut(isp, only);
    if (isps.length < ISPS.length) continue;
    const types = families.map((family) => (family === 4 ? 'ip, arp' : 'ip6')).join(', ');
    const hook = `type filter hook ingress device ${isp.device} priority 0;`;
    await bed.site.isp(isp).nft(`table netdev silent { chain in { ${hook} ether type { ${types} } drop; }; }`);
  }
}

async function restoreAll({ bed }: Bed, isps: readonly Isp[]): Promise<void> {
  for (const isp of isps) {
    await bed.site.restore(isp);
    if (isps.length === ISPS.length) await bed.site.isp(isp).nft('delete table netdev silent');
  }
}

/** Cuts, and waits until that is known; then restores, and waits until all is well. */
async function cutAndRestore(
  site: Bed,
  { what, isps, families, whileCut }: Cut,
): Promise<Record<ProgramName, Fetched>[]> {
  const { bed, host } = site;
  const untilAll = (state: 'up' | 'down', from: number) =>
    Promise.all(families.map((family) => untilChanged(bed, isps, family, state, from)));
  const cutFrom = bed.gateway.process.lines.length;
  await cutAll(site, isps, families);
  const atOnce = await fetchAll(site, `${what}, at the moment of the cut`);
  expect(await untilAll('down', cutFrom)).not.toContain(undefined);
  if (isps.length === ISPS.length && families.includes(6)) {
    const gone = async () => ((await host.defaultRoute()) === undefined ? true : undefined);
    expect(await until(gone, WITHDRAWN_MS_MAX, 20)).toBe(true);
  }
  const known = await fetchAll(site, `${what}, once that is known`);
  await whileCut?.();
  const restoredFrom = bed.gateway.process.lines.length;
  await restoreAll(site, isps);
  expect(await untilAll('up', restoredFrom)).not.toContain(undefined);
  expect(await host.untilConfigured(...PREFIXES)).toBeDefined();
  return [atOnce, known];
}

const familiesOf = ({ curl, node }: Record<ProgramName, Fetched>) => [curl.family, node.family];

describe('with the default probes', () => {
  let site: Bed;

  beforeAll(async () => {
    site = await open({});
  });
  afterAll(() => site?.bed.close());

  /** Which family a program takes of two that work is a matter of milliseconds; that IPv6 works is not. */
  const expectIpv6By = async (prefix = '') => {
    expect((await whoAmI(site.host.namespace, INTERNET.web6))?.address).toMatch(new RegExp(`^${prefix}`));
  };

  test('all is well: the page comes', async () => {
    await expectIpv6By(PREFIXES[0]);
    for (let round = 0; round < ROUNDS; round += 1) await fetchAll(site, 'all is well');
  });

  test.each([
    ['the first uplink is dead', [4, 6]],
    ['IPv6 of the first uplink is dead', [6]],
  ] as const)('%s: the page comes, and the host uses addresses of the other one then', async (what, families) => {
    const cut: Cut = { what, isps: [ISP_A], families, whileCut: () => expectIpv6By(PREFIXES[1]) };
    for (let round = 0; round < ROUNDS; round += 1) await cutAndRestore(site, cut);
  });

  test.each([
    [6, 4],
    [4, 6],
  ] as const)('IPv%i is dead on all uplinks: the page comes by IPv%i', async (dead, other) => {
    const cut: Cut = { what: `IPv${dead} is dead on both uplinks`, isps: ISPS, families: [dead] };
    for (let round = 0; round < ROUNDS; round += 1) {
      expect((await cutAndRestore(site, cut)).map(familiesOf)).toEqual([
        [other, other],
        [other, other],
      ]);
    }
  });
});

describe('with fast probes', () => {
  let site: Bed;

  beforeAll(async () => {
    site = await open({ profile: 'fast' });
  });
  afterAll(() => site?.bed.close());

  test('the uplink of both families is dead: the page comes by the other one', async () => {
    const cut: Cut = { what: 'the first uplink is dead, `profile: fast`', isps: [ISP_A], families: [4, 6] };
    for (let round = 0; round < ROUNDS; round += 1) await cutAndRestore(site, cut);
  });
});
