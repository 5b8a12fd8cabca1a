/**
 * Two routers on the link of one host: two gateways, one of which stops in more than one way.
 *
 *     host ──┬── [nptd] ─── ISPs      the program
 *            └── [nptd] ─── nothing   the library, in this process
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createNptd, type Nptd } from '../../src/api/nptd.ts';
import { INTERNET } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { SharedLink } from './shared-link.ts';
import { CONFIGURED_MS_MAX, SlaacHost, WITHDRAWN_MS_MAX } from './slaac-host.ts';
import { TestBed } from './test-bed.ts';

const PREFIX = 'fd12:3456:789a:2:';
/** Devices on the link; the link addresses differ, so that the routers do. */
const FIRST = { tap: 'lan1', mac: '02:00:00:00:00:01', ownLinkLocal: 'fe80::ff:fe00:1' };
const SECOND = { tap: 'lan2', mac: '02:00:00:00:00:02', ownLinkLocal: 'fe80::ff:fe00:2' };

let bed: TestBed;
let host: SlaacHost;
let link: SharedLink;
let second: Nptd | undefined;

const secondConfig = (preference: string) =>
  JSON.stringify({
    internal: {
      hosts: {
        device: { tap: SECOND.tap, mac: SECOND.mac, netns: link.namespace.name },
        ipv6: `${PREFIX}:2/64`,
        advertise: { preference },
      },
    },
    uplinks: {
      other: {
        device: { tap: 'wan2', netns: link.namespace.name },
        ipv6: {
          address: '2001:db8:c::2/64',
          gateway: '2001:db8:c::1',
          prefix: '2001:db8:c100::/48',
          internal: 'fd12:3456:789a::/48',
        },
      },
    },
  });

beforeAll(async () => {
  bed = await TestBed.open({
    before: async (network) => {
      link = await SharedLink.create(network, 'link');
      host = await SlaacHost.add(network, 'eth0');
    },
    change: (config, prefix) => {
      const device = { tap: FIRST.tap, mac: FIRST.mac, netns: `${prefix}link` };
      return { ...config, internal: { ...(config.internal as object), hosts: { device, ipv6: `${PREFIX}:1/64` } } };
    },
  });
  await link.attach(FIRST.tap);
  await link.join(host.namespace, host.device, 'port');
});
afterAll(async () => {
  await second?.close();
  await bed?.close();
});

/** The router that the host sends packets for the Internet to. */
async function chosenRouter(): Promise<string | undefined> {
  const { code, stdout } = await host.namespace.run(['ip', '-j', '-6', 'route', 'get', INTERNET.web6]);
  if (code !== 0) return undefined;
  return (JSON.parse(stdout) as readonly { readonly gateway?: string }[])[0]?.gateway;
}

/** Waits until the host sends packets to a router; undefined: to none. */
async function untilChosen(router: string | undefined, timeoutMs: number): Promise<true | undefined> {
  return until(async () => ((await chosenRouter()) === router ? true : undefined), timeoutMs, 20);
}

test('alone on the link the gateway is the default router', async () => {
  expect(await untilChosen(FIRST.ownLinkLocal, CONFIGURED_MS_MAX)).toBe(true);
});

test('a second router that says low (RFC 4191) is known, and not used', async () => {
  second = createNptd(secondConfig('low'));
  await second.start();
  await link.attach(SECOND.tap);
  const both = async () => {
    const routes = (await host.routes()).filter(({ dst }) => dst === 'default');
    return routes.length === 2 ? routes : undefined;
  };
  const routes = await until(both, CONFIGURED_MS_MAX);
  expect(Object.fromEntries((routes ?? []).map(({ gateway = '', pref }) => [gateway, pref]))).toEqual({
    [FIRST.ownLinkLocal]: 'medium',
    [SECOND.ownLinkLocal]: 'low',
  });
  expect(await chosenRouter()).toBe(FIRST.ownLinkLocal);
});

test('one that says high is used', async () => {
  await second?.apply(secondConfig('high'));
  expect(await untilChosen(SECOND.ownLinkLocal, WITHDRAWN_MS_MAX)).toBe(true);
});

test('one that is closed takes leave: the host turns to the other at once', async () => {
  await second?.close();
  expect(await untilChosen(FIRST.ownLinkLocal, WITHDRAWN_MS_MAX)).toBe(true);
});

test('the program takes leave on SIGTERM: the host has no default route, and keeps its address', async () => {
  const before = await host.ownAddress(PREFIX);
  expect(await bed.gateway.process.stop()).toBe(0);
  expect(await untilChosen(undefined, WITHDRAWN_MS_MAX)).toBe(true);
  expect(await host.defaultRoute()).toBeUndefined();
  const after = await host.ownAddress(PREFIX);
  expect(after?.local).toBe(before?.local);
  expect(after?.deprecated).toBeUndefined();
  expect(
    (await host.routes()).some(({ dst }) => dst === `${PREFIX}:/64`),
    'its link is still there',
  ).toBe(true);
});

test('a gateway that is killed says nothing, and the host keeps the route', async () => {
  const next = await bed.gateway.restart(bed.network);
  await Promise.all([link.attach(FIRST.tap), bed.site.configureDevices()]);
  expect(await untilChosen(FIRST.ownLinkLocal, CONFIGURED_MS_MAX)).toBe(true);
  next.process.signal('SIGKILL');
  await next.process.ended();
  await new Promise((resolve) => setTimeout(resolve, WITHDRAWN_MS_MAX));
  expect((await host.defaultRoute())?.gateway).toBe(FIRST.ownLinkLocal);
});
