import { afterAll, beforeAll, expect, test } from 'vitest';
import { ping, traceroute, whoAmI } from '../../src/demo/clients.ts';
import type { Namespace, Network } from '../../src/demo/network.ts';
import { CLIENT, INTERNET, ISP_A, type Site } from '../../src/demo/site.ts';
import { type ConfigObject, startServers, TestBed } from './test-bed.ts';

/**
 * Beside the client's network a second internal device, and behind a router in the client's network a third subnet:
 *
 *     client 192.168.1.0/24 ─┬─ lan0 [nptd] lan1 ── guest 192.168.2.0/24
 *     inner ─────────────────┘
 */
const GUEST = {
  ipv4: '192.168.2.10',
  ipv6: 'fd12:3456:789a:2::10',
  gateway4: '192.168.2.1',
  gateway6: 'fd12:3456:789a:2::1',
};
const INNER = {
  ipv4: '192.168.3.10',
  ipv6: 'fd12:3456:789a:3::10',
  gateway4: '192.168.3.1',
  gateway6: 'fd12:3456:789a:3::1',
};

let bed: TestBed;
let guest: Namespace;
let inner: Namespace;

/** The client's namespace is the inner router of the third subnet. */
async function addNamespaces(network: Network, site: Site): Promise<void> {
  guest = await network.add('guest');
  inner = await network.add('inner');
  await network.connect(site.client, 'inner', inner, 'eth0');
  await site.client.forward();
  await site.client.set({ 'ipv4/conf/all/send_redirects': '0' });
  await site.client.ip(
    `address add ${INNER.gateway4}/24 dev inner`,
    `address add ${INNER.gateway6}/64 dev inner nodad`,
  );
  await inner.ip(
    `address add ${INNER.ipv4}/24 dev eth0`,
    `address add ${INNER.ipv6}/64 dev eth0 nodad`,
    `route add default via ${INNER.gateway4}`,
    `route add default via ${INNER.gateway6}`,
  );
}

function addDevices(config: ConfigObject, prefix: string): ConfigObject {
  const { office } = config.internal as { office: object };
  const routes = [
    { to: '192.168.3.0/24', via: CLIENT.ipv4 },
    { to: 'fd12:3456:789a:3::/64', via: CLIENT.ipv6 },
  ];
  const guests = {
    device: { tap: 'lan1', netns: `${prefix}guest` },
    ipv4: `${GUEST.gateway4}/24`,
    ipv6: `${GUEST.gateway6}/64`,
  };
  return { ...config, internal: { office: { ...office, routes }, guests } };
}

beforeAll(async () => {
  bed = await TestBed.open({ before: addNamespaces, change: addDevices });
  await guest.ip(
    'link set lan1 up',
    `address add ${GUEST.ipv4}/24 dev lan1`,
    `address add ${GUEST.ipv6}/64 dev lan1 nodad`,
    `route add default via ${GUEST.gateway4}`,
    `route add default via ${GUEST.gateway6}`,
  );
  await startServers(guest, GUEST.ipv4, GUEST.ipv6);
});
afterAll(() => bed?.close());

test.each([
  ['IPv4', GUEST.ipv4, CLIENT.ipv4],
  ['IPv6', GUEST.ipv6, CLIENT.ipv6],
])('traffic between two internal subnets is routed and keeps its %s source', async (_family, server, source) => {
  expect((await whoAmI(bed.site.client, server))?.address).toBe(source);
});

test('nptd is one hop between two internal subnets', async () => {
  expect(await traceroute(bed.site.client, GUEST.ipv4, '-I')).toEqual([CLIENT.gateway4, GUEST.ipv4]);
  expect(await traceroute(bed.site.client, GUEST.ipv6, '-I')).toEqual([CLIENT.gateway6, GUEST.ipv6]);
});

test.each([
  ['the second internal device', () => guest, GUEST.ipv6],
  ['the subnet behind an inner router', () => inner, INNER.ipv6],
])('a host on %s reaches the Internet in both families', async (_title, namespace, ipv6) => {
  const external = await bed.gateway.externalOf(ipv6, ISP_A.name);
  expect((await whoAmI(namespace(), INTERNET.web4))?.address).toBe(ISP_A.ipv4.own);
  expect((await whoAmI(namespace(), INTERNET.web6))?.address).toBe(external);
});

test.each([
  ['IPv4', INNER.ipv4],
  ['IPv6', INNER.ipv6],
])('a host on the second device reaches the one behind the inner router over %s', async (_family, target) => {
  const result = await ping(guest, target, 3);
  expect(result, result.text).toMatchObject({ sent: 3, received: 3 });
});

test.each([
  ['5508-R5', INTERNET.web4],
  ['6296b-ICMP2', INTERNET.web6],
])('%s: an inner router with a smaller MTU tells the server %s so, through nptd', async (_id, server) => {
  // Only the way to the inner host is narrow: its own packets, and so the MSS it asks for, stay large.
  await bed.site.client.ip('link set inner mtu 1300');
  const address = server.includes(':') ? `[${server}]` : server;
  const command = [
    'curl',
    '-sS',
    '--max-time',
    '5',
    '-o',
    '/dev/null',
    '-w',
    '%{size_download}',
    `http://${address}/octets/1000000`,
  ];
  const finished = await inner.run(command);
  await bed.site.client.ip('link set inner mtu 1500');
  expect(finished.stdout, finished.stderr).toBe('1000000');
});

test('a source that belongs to no internal subnet is not forwarded', async () => {
  await bed.site.client.ip(`address add 172.16.9.9/32 dev ${CLIENT.device}`);
  const result = await ping(bed.site.client, INTERNET.probe4, 2, '-I', '172.16.9.9');
  expect(result.received).toBe(0);
  expect(await bed.site.foreignSources(ISP_A)).toBe(0);
});
