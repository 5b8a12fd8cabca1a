/** An unmodified Linux host that configures its IPv6 by router advertisements alone. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ping, whoAmI } from '../../src/demo/clients.ts';
import type { Namespace, Network } from '../../src/demo/network.ts';
import { INTERNET, ISP_A, ISP_B, type Isp } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { RECOVERY_MS_MAX } from './failover.ts';
import { type ConfigObject, changeUplink, TestBed } from './test-bed.ts';

/** The host's device says this of itself, and nptd's knows better. */
const DEVICE = 'lan1';
const DEVICE_MTU = 1500;
const LINK_MTU = 1400;

/** The kernel solicits within a second and is answered within half a second; the rest is for a busy machine. */
const CONFIGURED_MS_MAX = 8000;
/**
 * Until the second unsolicited advertisement. Linux forgets an advertised MTU when the link comes up a moment after the
 * advertisement that says it.
 */
const SECOND_MS_MAX = 20_000;
/** Until the last uplink counts as down. */
const DOWN_MS_MAX = 6000;
/** 7084-G5. */
const WITHDRAWN_MS_MAX = 1000;

interface HostAddress {
  readonly local: string;
  readonly dynamic?: boolean;
  readonly deprecated?: boolean;
  readonly valid_life_time: number;
  readonly preferred_life_time: number;
}

interface HostRoute {
  readonly dst: string;
  readonly gateway?: string;
  readonly protocol: string;
}

/** A namespace that asks routers, whatever the others of a test do. */
async function addHost(network: Network): Promise<Namespace> {
  const host = await network.add('host');
  await host.set({ 'ipv6/conf/default/accept_ra': '1' });
  // Linux ignores routes in advertisements by default, and may be built without them.
  const routes = '/proc/sys/net/ipv6/conf/default/accept_ra_rt_info_max_plen';
  await host.runOrThrow(['sh', '-ec', `if [ -e ${routes} ]; then echo 128 > ${routes}; fi`]);
  return host;
}

/** A bed with a second internal device, whose host has no address but those that it makes. */
async function openBed(
  ipv6: readonly string[],
  change: (config: ConfigObject) => ConfigObject = (config) => config,
): Promise<{ bed: TestBed; host: Namespace }> {
  let host: Namespace | undefined;
  const bed = await TestBed.open({
    before: async (network) => {
      host = await addHost(network);
    },
    change: (config, prefix) => {
      const hosts = { device: { tap: DEVICE, netns: `${prefix}host`, mtu: LINK_MTU }, ipv6 };
      return change({ ...config, internal: { ...(config.internal as object), hosts } });
    },
  });
  if (host === undefined) throw new Error('no host');
  await host.ip(`link set ${DEVICE} mtu ${DEVICE_MTU}`, `link set ${DEVICE} up`);
  return { bed, host };
}

async function addressesOf(host: Namespace): Promise<HostAddress[]> {
  const text = await host.runOrThrow(['ip', '-j', '-6', 'address', 'show', 'dev', DEVICE, 'scope', 'global']);
  const links = JSON.parse(text) as readonly { readonly addr_info?: readonly HostAddress[] }[];
  return links.flatMap(({ addr_info }) => addr_info ?? []);
}

/** The address that the host has made itself of a prefix. */
async function ownAddress(host: Namespace, prefix: string): Promise<HostAddress | undefined> {
  return (await addressesOf(host)).find(({ local, dynamic }) => dynamic === true && local.startsWith(prefix));
}

async function routesOf(host: Namespace): Promise<HostRoute[]> {
  const text = await host.runOrThrow(['ip', '-j', '-6', 'route', 'show', 'dev', DEVICE]);
  return JSON.parse(text) as HostRoute[];
}

async function defaultRoute(host: Namespace): Promise<HostRoute | undefined> {
  return (await routesOf(host)).find(({ dst }) => dst === 'default');
}

/** The interface identifier that Linux makes of a link address (RFC 4291 appendix A). */
async function interfaceId(host: Namespace): Promise<string> {
  const text = await host.runOrThrow(['ip', '-j', 'link', 'show', 'dev', DEVICE]);
  const [link] = JSON.parse(text) as readonly { readonly address: string }[];
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = (link?.address ?? '')
    .split(':')
    .map((octet) => Number.parseInt(octet, 16));
  const words = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  return words.map((word) => word.toString(16)).join(':');
}

/** True once the log says that the IPv6 of an uplink went down, from a line of the log on. */
async function untilDown(bed: TestBed, isps: readonly Isp[], from: number): Promise<true | undefined> {
  const isDown = ({ name }: Isp) =>
    bed.gateway.log(from).some(({ uplink, family, to }) => uplink === name && family === 6 && to === 'down');
  return until(async () => (isps.every(isDown) ? true : undefined), DOWN_MS_MAX, 20);
}

describe('behind NPTv6', () => {
  const PREFIX = 'fd12:3456:789a:2:';
  let bed: TestBed;
  let host: Namespace;

  beforeAll(async () => {
    ({ bed, host } = await openBed([`${PREFIX}:1/64`]));
  });
  afterAll(() => bed?.close());

  test('a host makes itself an address and finds its router', async () => {
    const address = await until(() => ownAddress(host, PREFIX), CONFIGURED_MS_MAX);
    expect(address?.local).toBe(`${PREFIX}${await interfaceId(host)}`);
    expect(address).toMatchObject({ dynamic: true });
    expect(address?.deprecated).toBeUndefined();
    const route = await defaultRoute(host);
    expect(route).toMatchObject({ protocol: 'ra' });
    expect(route?.gateway).toMatch(/^fe80::/);
  });

  test('it takes over the MTU of the link', async () => {
    const file = `/proc/sys/net/ipv6/conf/${DEVICE}/mtu`;
    const mtu = async () => (Number(await host.runOrThrow(['cat', file])) === LINK_MTU ? true : undefined);
    expect(await until(mtu, SECOND_MS_MAX)).toBe(true);
  });

  test("7084-L3: it has a route to the site's prefix where its kernel asks for routes", async (context) => {
    const routes = `/proc/sys/net/ipv6/conf/${DEVICE}/accept_ra_rt_info_max_plen`;
    if ((await host.run(['test', '-e', routes])).code !== 0) context.skip('this kernel ignores route information');
    const route = (await routesOf(host)).find(({ dst }) => dst === 'fd12:3456:789a::/48');
    expect(route).toMatchObject({ protocol: 'ra', gateway: (await defaultRoute(host))?.gateway });
  });

  test('7084-ULA5: with unique local addresses alone it reaches the Internet, which sees the external form', async () => {
    const result = await ping(host, INTERNET.probe6, 3);
    expect(result, result.text).toMatchObject({ sent: 3, received: 3 });
    const own = (await ownAddress(host, PREFIX))?.local ?? '';
    const external = await bed.gateway.externalOf(own, ISP_A.name);
    expect((await whoAmI(host, INTERNET.web6))?.address).toBe(external);
  });

  test('7084-L13: when the first uplink dies the host sees nothing of it', async () => {
    const from = bed.gateway.process.lines.length;
    await bed.site.cut(ISP_A);
    expect(await untilDown(bed, [ISP_A], from)).toBe(true);
    expect(await defaultRoute(host)).toBeDefined();
    expect((await ownAddress(host, PREFIX))?.deprecated).toBeUndefined();
  });

  test('7084-G4, 7084-G5: when the last one dies too it has no default router, at once', async () => {
    const from = bed.gateway.process.lines.length;
    await bed.site.cut(ISP_B);
    expect(await untilDown(bed, [ISP_B], from)).toBe(true);
    const gone = async () => ((await defaultRoute(host)) === undefined ? true : undefined);
    expect(await until(gone, WITHDRAWN_MS_MAX, 20)).toBe(true);
    expect((await ownAddress(host, PREFIX))?.deprecated, 'the site goes on by itself').toBeUndefined();
  });

  test('7084-G5: and has one again when one of them is back', async () => {
    await bed.site.restore(ISP_B);
    expect(await until(() => defaultRoute(host), RECOVERY_MS_MAX)).toBeDefined();
    const result = await ping(host, INTERNET.probe6, 3);
    expect(result, result.text).toMatchObject({ sent: 3, received: 3 });
  });
});

describe("with addresses of both ISPs' own prefixes", () => {
  const PREFIX_A = '2001:db8:a100:2:';
  const PREFIX_B = '2001:db8:b100:2:';
  let bed: TestBed;
  let host: Namespace;

  beforeAll(async () => {
    const native = (uplink: ConfigObject): ConfigObject => ({
      ...uplink,
      ipv6: { ...(uplink.ipv6 as object), native: true },
    });
    ({ bed, host } = await openBed([`${PREFIX_A}:1/64`, `${PREFIX_B}:1/64`], (config) =>
      changeUplink(changeUplink(config, ISP_A, native), ISP_B, native),
    ));
  });
  afterAll(() => bed?.close());

  test('a host has a preferred address of each', async () => {
    const both = async () => {
      const found = [await ownAddress(host, PREFIX_A), await ownAddress(host, PREFIX_B)];
      return found.includes(undefined) ? undefined : found;
    };
    const found = await until(both, CONFIGURED_MS_MAX);
    expect(found?.map((address) => address?.deprecated)).toEqual([undefined, undefined]);
    const seen = (await whoAmI(host, INTERNET.web6))?.address;
    expect(found?.map((address) => address?.local)).toContain(seen);
  });

  test('8475-1, 8028-1, 8678-2: the address of a dead uplink is deprecated and stays valid; new connections use the other', async () => {
    const before = await ownAddress(host, PREFIX_A);
    const from = bed.gateway.process.lines.length;
    await bed.site.cut(ISP_A);
    expect(await untilDown(bed, [ISP_A], from)).toBe(true);
    const deprecated = async () => {
      const address = await ownAddress(host, PREFIX_A);
      return address?.deprecated === true ? address : undefined;
    };
    const after = await until(deprecated, WITHDRAWN_MS_MAX, 20);
    expect(after).toMatchObject({ local: before?.local, preferred_life_time: 0 });
    expect(after?.valid_life_time).toBeGreaterThan(80_000);
    expect((await ownAddress(host, PREFIX_B))?.deprecated).toBeUndefined();
    expect((await whoAmI(host, INTERNET.web6))?.address).toBe((await ownAddress(host, PREFIX_B))?.local);
  });

  test('8475-1: it is preferred again when the uplink is back', async () => {
    await bed.site.restore(ISP_A);
    const preferred = async () => {
      const address = await ownAddress(host, PREFIX_A);
      return address?.deprecated === undefined ? address : undefined;
    };
    expect((await until(preferred, RECOVERY_MS_MAX))?.preferred_life_time).toBeGreaterThan(0);
  });
});
