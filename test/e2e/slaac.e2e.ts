/** An unmodified Linux host that configures its IPv6 by router advertisements alone. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ping, whoAmI } from '../../src/demo/clients.ts';
import { INTERNET, ISP_A, ISP_B } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { RECOVERY_MS_MAX } from './failover.ts';
import {
  CONFIGURED_MS_MAX,
  LINK_MTU,
  nativeUplink,
  openSlaacBed,
  type SlaacHost,
  untilDown,
  WITHDRAWN_MS_MAX,
} from './slaac-host.ts';
import { changeUplink, type TestBed } from './test-bed.ts';

/**
 * Until the second unsolicited advertisement. Linux forgets an advertised MTU when the link comes up a moment after the
 * advertisement that says it.
 */
const SECOND_MS_MAX = 20_000;

describe('behind NPTv6', () => {
  const PREFIX = 'fd12:3456:789a:2:';
  let bed: TestBed;
  let host: SlaacHost;

  beforeAll(async () => {
    ({ bed, host } = await openSlaacBed({ ipv6: [`${PREFIX}:1/64`] }));
  });
  afterAll(() => bed?.close());

  test('a host makes itself an address and finds its router', async () => {
    const address = await until(() => host.ownAddress(PREFIX), CONFIGURED_MS_MAX);
    expect(address?.local).toBe(`${PREFIX}${await host.interfaceId()}`);
    expect(address).toMatchObject({ dynamic: true });
    expect(address?.deprecated).toBeUndefined();
    const route = await host.defaultRoute();
    expect(route).toMatchObject({ protocol: 'ra' });
    expect(route?.gateway).toMatch(/^fe80::/);
  });

  test('it takes over the MTU of the link', async () => {
    const file = `/proc/sys/net/ipv6/conf/${host.device}/mtu`;
    const mtu = async () => (Number(await host.namespace.runOrThrow(['cat', file])) === LINK_MTU ? true : undefined);
    expect(await until(mtu, SECOND_MS_MAX)).toBe(true);
  });

  test("7084-L3: it has a route to the site's prefix where its kernel asks for routes", async (context) => {
    const routes = `/proc/sys/net/ipv6/conf/${host.device}/accept_ra_rt_info_max_plen`;
    if ((await host.namespace.run(['test', '-e', routes])).code !== 0)
      context.skip('this kernel ignores route information');
    const route = (await host.routes()).find(({ dst }) => dst === 'fd12:3456:789a::/48');
    expect(route).toMatchObject({ protocol: 'ra', gateway: (await host.defaultRoute())?.gateway });
  });

  test('7084-ULA5: with unique local addresses alone it reaches the Internet, which sees the external form', async () => {
    const result = await ping(host.namespace, INTERNET.probe6, 3);
    expect(result, result.text).toMatchObject({ sent: 3, received: 3 });
    const own = (await host.ownAddress(PREFIX))?.local ?? '';
    const external = await bed.gateway.externalOf(own, ISP_A.name);
    expect((await whoAmI(host.namespace, INTERNET.web6))?.address).toBe(external);
  });

  test('7084-L13: when the first uplink dies the host sees nothing of it', async () => {
    const from = bed.gateway.process.lines.length;
    await bed.site.cut(ISP_A);
    expect(await untilDown(bed, [ISP_A], from)).toBe(true);
    expect(await host.defaultRoute()).toBeDefined();
    expect((await host.ownAddress(PREFIX))?.deprecated).toBeUndefined();
  });

  test('7084-G4, 7084-G5: when the last one dies too it has no default router, at once', async () => {
    const from = bed.gateway.process.lines.length;
    await bed.site.cut(ISP_B);
    expect(await untilDown(bed, [ISP_B], from)).toBe(true);
    const gone = async () => ((await host.defaultRoute()) === undefined ? true : undefined);
    expect(await until(gone, WITHDRAWN_MS_MAX, 20)).toBe(true);
    expect((await host.ownAddress(PREFIX))?.deprecated, 'the site goes on by itself').toBeUndefined();
  });

  test('7084-G5: and has one again when one of them is back', async () => {
    await bed.site.restore(ISP_B);
    expect(await until(() => host.defaultRoute(), RECOVERY_MS_MAX)).toBeDefined();
    const result = await ping(host.namespace, INTERNET.probe6, 3);
    expect(result, result.text).toMatchObject({ sent: 3, received: 3 });
  });
});

describe("with addresses of both ISPs' own prefixes", () => {
  const PREFIX_A = '2001:db8:a100:2:';
  const PREFIX_B = '2001:db8:b100:2:';
  let bed: TestBed;
  let host: SlaacHost;

  beforeAll(async () => {
    ({ bed, host } = await openSlaacBed({
      ipv6: [`${PREFIX_A}:1/64`, `${PREFIX_B}:1/64`],
      change: (config) => changeUplink(changeUplink(config, ISP_A, nativeUplink), ISP_B, nativeUplink),
    }));
  });
  afterAll(() => bed?.close());

  test('a host has a preferred address of each', async () => {
    const found = await host.untilConfigured(PREFIX_A, PREFIX_B);
    expect(found).toHaveLength(2);
    const seen = (await whoAmI(host.namespace, INTERNET.web6))?.address;
    expect(found?.map(({ local }) => local)).toContain(seen);
  });

  test('8475-1, 8028-1, 8678-2: the address of a dead uplink is deprecated and stays valid; new connections use the other', async () => {
    const before = await host.ownAddress(PREFIX_A);
    const from = bed.gateway.process.lines.length;
    await bed.site.cut(ISP_A);
    expect(await untilDown(bed, [ISP_A], from)).toBe(true);
    const deprecated = async () => {
      const address = await host.ownAddress(PREFIX_A);
      return address?.deprecated === true ? address : undefined;
    };
    const after = await until(deprecated, WITHDRAWN_MS_MAX, 20);
    expect(after).toMatchObject({ local: before?.local, preferred_life_time: 0 });
    expect(after?.valid_life_time).toBeGreaterThan(80_000);
    expect((await host.ownAddress(PREFIX_B))?.deprecated).toBeUndefined();
    expect((await whoAmI(host.namespace, INTERNET.web6))?.address).toBe((await host.ownAddress(PREFIX_B))?.local);
  });

  test('8475-1: it is preferred again when the uplink is back', async () => {
    await bed.site.restore(ISP_A);
    const preferred = async () => {
      const address = await host.ownAddress(PREFIX_A);
      return address?.deprecated === undefined ? address : undefined;
    };
    expect((await until(preferred, RECOVERY_MS_MAX))?.preferred_life_time).toBeGreaterThan(0);
  });
});
