/**
 * Bulk traffic with offloads on and off on either side. A TAP device hands wrong checksums to the kernel behind it in
 * silence as long as nobody has to finish them, so behind nptd there is a router on either side that finishes and cuts
 * everything it sends, and the kernels beyond it count what is wrong:
 *
 *     host ── client ── [nptd] ── isp-a ── internet
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { download, urlHost } from '../../src/demo/clients.ts';
import { contentDigest } from '../../src/demo/content.ts';
import type { Namespace, Network } from '../../src/demo/network.ts';
import { CLIENT, INTERNET, ISP_A, type Site } from '../../src/demo/site.ts';
import { type ConfigObject, changeUplink, TestBed } from './test-bed.ts';

const LENGTH = 8_000_000;
const TRAINS = 6;
const DATAGRAMS = 30;
const SIZE = 1200;
const PORT = 4500;

const HOST = {
  ipv4: '192.168.7.10',
  router4: '192.168.7.1',
  ipv6: 'fd12:3456:789a:7::10',
  router6: 'fd12:3456:789a:7::1',
};

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));

interface Setting {
  readonly internal: 'on' | 'off';
  readonly uplink: 'on' | 'off';
  /** Of the uplink; where it is below that of the site, segments are left to path MTU discovery. */
  readonly mtu: number;
}

/** A host behind the client, which becomes a router that leaves nothing unfinished. */
async function addHost(network: Network, site: Site): Promise<Namespace> {
  const host = await network.add('host');
  await network.connect(site.client, 'inner', host, 'eth0');
  await site.client.forward();
  await site.client.ip(`address add ${HOST.router4}/24 dev inner`, `address add ${HOST.router6}/64 dev inner`);
  await host.ip(
    `address add ${HOST.ipv4}/24 dev eth0`,
    `address add ${HOST.ipv6}/64 dev eth0`,
    `route add default via ${HOST.router4}`,
    `route add default via ${HOST.router6}`,
  );
  await site.client.runOrThrow(['perl', script('no-offload.pl'), 'inner']);
  await site.isp(ISP_A).runOrThrow(['perl', script('no-offload.pl'), 'transit']);
  return host;
}

function changed(config: ConfigObject, { internal, uplink, mtu }: Setting): ConfigObject {
  const { office } = config.internal as { office: ConfigObject };
  const routes = [
    { to: '192.168.7.0/24', via: CLIENT.ipv4 },
    { to: 'fd12:3456:789a:7::/64', via: CLIENT.ipv6 },
  ];
  const device = { ...(office.device as object), offload: internal };
  const narrow = mtu < 1500 ? { 'mss-clamp': 'off' } : {};
  const withDevice = changeUplink(config, ISP_A, (draft) => ({
    ...draft,
    device: { ...(draft.device as object), offload: uplink, mtu },
    ipv4: { ...(draft.ipv4 as object), ...narrow },
    ipv6: { ...(draft.ipv6 as object), ...narrow },
  }));
  return { ...withDevice, internal: { office: { ...office, device, routes } } };
}

/** Segments and datagrams that a kernel has found to have a wrong checksum. */
async function wrongSums(namespace: Namespace): Promise<number> {
  const text = await namespace.runOrThrow(['cat', '/proc/net/snmp', '/proc/net/snmp6']);
  const lines = text.split('\n').map((line) => line.split(/\s+/));
  const sums = lines.flatMap((names, index) => {
    const values = lines[index + 1] ?? [];
    return names.flatMap((name, at) => (name === 'InCsumErrors' && names[0] !== 'Icmp:' ? [Number(values[at])] : []));
  });
  const sums6 = lines.filter(([name]) => name?.endsWith('6InCsumErrors')).map(([, value]) => Number(value));
  return [...sums, ...sums6].reduce((sum, value) => sum + value, 0);
}

describe.each<Setting>([
  { internal: 'on', uplink: 'on', mtu: 1500 },
  { internal: 'on', uplink: 'off', mtu: 1500 },
  { internal: 'off', uplink: 'on', mtu: 1500 },
  { internal: 'off', uplink: 'off', mtu: 1500 },
  { internal: 'on', uplink: 'on', mtu: 1280 },
  { internal: 'on', uplink: 'off', mtu: 1280 },
])('offloads $internal towards the site, $uplink towards the ISP, which takes $mtu octets', (setting) => {
  let bed: TestBed;
  let host: Namespace;

  beforeAll(async () => {
    bed = await TestBed.open({
      isps: [ISP_A],
      change: (config) => changed(config, setting),
      before: async (network, site) => {
        host = await addHost(network, site);
      },
    });
    for (const address of [INTERNET.web4, INTERNET.web6]) {
      const server = bed.site.internet.start(['perl', script('trains.pl'), 'serve', address, `${PORT}`]);
      await server.waitForLine((line) => line === 'ready', 5000);
    }
  });
  afterAll(() => bed?.close());

  const forwarded = async () => (await bed.verdicts()).Forward ?? 0;
  const segments = async () => (await bed.status()).counters.outputs.Segment ?? 0;

  test.each([INTERNET.web4, INTERNET.web6])('an upload arrives whole at %s', async (server) => {
    const before = await forwarded();
    const file = `/run/nptd-offload-${process.pid}`;
    const make = `head -c ${LENGTH} /dev/urandom > "$0"; sha256sum < "$0"`;
    const send = `curl -sS --max-time 60 --data-binary @"$0" 'http://${urlHost(server)}/digest'; rm -f "$0"`;
    const text = await host.runOrThrow(['sh', '-c', `${make}; ${send}`, file], { timeoutMs: 70_000 });
    const [sent, received] = text.split('\n').map((line) => line.split(' ')[0]);
    expect(received).toBe(sent);
    // In one piece, or cut by the kernel before nptd, or by nptd itself.
    const packets = LENGTH / setting.mtu;
    if (setting.internal === 'on') expect((await forwarded()) - before).toBeLessThan(packets);
    else expect((await forwarded()) - before).toBeGreaterThan(packets);
    if (setting.internal === 'on' && setting.uplink === 'off') expect(await segments()).toBeGreaterThan(packets / 2);
  });

  test.each([INTERNET.web4, INTERNET.web6])('a download arrives whole from %s', async (server) => {
    const before = await forwarded();
    expect((await download(host, server, LENGTH)).sha256).toBe(contentDigest(LENGTH));
    if (setting.uplink === 'on') expect((await forwarded()) - before).toBeLessThan(LENGTH / setting.mtu);
  });

  test.each([INTERNET.web4, INTERNET.web6])('trains of datagrams arrive whole at %s and back', async (server) => {
    const size = Math.min(SIZE, setting.mtu - 48);
    const call = ['perl', script('trains.pl'), 'call', server, `${PORT}`, `${TRAINS}`, `${DATAGRAMS}`, `${size}`];
    const answer = JSON.parse(await host.runOrThrow(call, { timeoutMs: 60_000 }));
    expect(answer).toEqual({ back: TRAINS * DATAGRAMS, wrong: 0 });
  });

  test('no kernel has seen a wrong checksum', async () => {
    expect(await Promise.all([host, bed.site.internet].map(wrongSums))).toEqual([0, 0]);
  });
});
