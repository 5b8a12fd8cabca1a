/** An ISP that puts the site's prefix on the link and has no route for it: `ipv6.neighbour-proxy`. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ping, whoAmI } from '../../src/demo/clients.ts';
import { CLIENT, INTERNET, ISP_A, ISP_B, type Isp } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { type ConfigObject, changeUplink, startServers, TestBed } from './test-bed.ts';

/** Nobody of the site has it, and no route leads to it. */
const NOBODY = '2001:db8:a100:77::10';
/** Linux asks three times, a second apart. */
const UNRESOLVED_MS_MAX = 6000;

let bed: TestBed;
/** The client's external address by uplink. */
let external: Readonly<Record<string, string>>;

/** The Internet host has an address on each transit network, and asks from it. */
const asks = (isp: Isp) => `2001:db8:fffe:${isp.transit}::2`;
const externalOn = (isp: Isp) => external[isp.name] ?? '';

beforeAll(async () => {
  const proxied = (uplink: ConfigObject): ConfigObject => ({
    ...uplink,
    ipv6: { ...(uplink.ipv6 as object), 'neighbour-proxy': true },
  });
  bed = await TestBed.open({
    change: (config) => ({
      ...changeUplink(config, ISP_A, proxied),
      publish: { web: { to: CLIENT.ipv6, tcp: [80] } },
    }),
  });
  await startServers(bed.site.client, CLIENT.ipv6);
  for (const isp of [ISP_A, ISP_B]) {
    const { prefix } = isp.ipv6;
    await bed.site.isp(isp).ip(`route del ${prefix}`, `route add ${prefix} dev ${isp.device}`);
  }
  const onBoth = [ISP_A, ISP_B].map(async (isp) => [isp.name, await bed.gateway.externalOf(CLIENT.ipv6, isp.name)]);
  external = Object.fromEntries(await Promise.all(onBoth));
});
afterAll(() => bed?.close());

async function neighbour(isp: Isp, address: string): Promise<string> {
  return bed.site.isp(isp).runOrThrow(['ip', '-6', 'neighbour', 'show', address, 'dev', isp.device]);
}

test('6296-ROUT4: a server of the site is reached from the Internet through a prefix on the link', async () => {
  expect((await whoAmI(bed.site.internet, externalOn(ISP_A)))?.address).toBe(asks(ISP_A));
  // What answers for the address is the gateway, as for its own.
  const macOf = async (address: string) => (await neighbour(ISP_A, address)).match(/lladdr (\S+)/)?.[1];
  expect(await macOf(externalOn(ISP_A))).toBe(await macOf(ISP_A.ipv6.own));
});

test('6296-ROUT4: hosts of the site hear what the Internet answers', async () => {
  expect((await whoAmI(bed.site.client, INTERNET.web6))?.address).toBe(externalOn(ISP_A));
  const result = await ping(bed.site.client, INTERNET.probe6, 3);
  expect(result, result.text).toMatchObject({ sent: 3, received: 3 });
});

test('an address that leads to nobody is nobody: the ISP says that it is unreachable', async () => {
  const result = await ping(bed.site.internet, NOBODY, 1, '-W', '5');
  expect(result.text).toMatch(/From 2001:db8:fffe:1::1 .*Address unreachable/);
  const failed = async () => ((await neighbour(ISP_A, NOBODY)).includes('FAILED') ? true : undefined);
  expect(await until(failed, UNRESOLVED_MS_MAX)).toBe(true);
});

test('6296-ROUT4: a station of the link cannot take an address that stands for a host', async () => {
  const isp = bed.site.isp(ISP_A);
  await isp.set({ [`ipv6/conf/${ISP_A.device}/accept_dad`]: '1' });
  await isp.ip(
    `address add ${externalOn(ISP_A)}/128 dev ${ISP_A.device}`,
    `address add ${NOBODY}/128 dev ${ISP_A.device}`,
  );
  const state = (address: string) => async () => {
    const text = await isp.runOrThrow(['ip', '-6', 'address', 'show', 'dev', ISP_A.device, 'to', address]);
    return text.includes('dadfailed') ? 'failed' : text.includes('tentative') ? undefined : 'taken';
  };
  expect(await until(state(externalOn(ISP_A)), UNRESOLVED_MS_MAX)).toBe('failed');
  expect(await until(state(NOBODY), UNRESOLVED_MS_MAX)).toBe('taken');
});

test('without the key nobody answers for the prefix', async () => {
  expect(await whoAmI(bed.site.internet, externalOn(ISP_B), 1)).toBeUndefined();
  expect(await neighbour(ISP_B, externalOn(ISP_B))).not.toContain('lladdr');
});
