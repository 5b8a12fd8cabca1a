/**
 * The other ways to reach an interface: TUN for an uplink without Ethernet, and packet sockets on interfaces that the kernel
 * owns, on both sides. Behind nptd the ISP finishes every checksum, so that a wrong one is seen.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { download, ping, urlHost } from '../../src/demo/clients.ts';
import { contentDigest } from '../../src/demo/content.ts';
import type { Network } from '../../src/demo/network.ts';
import { CLIENT, INTERNET, ISP_A, type Site } from '../../src/demo/site.ts';
import { type ConfigObject, changeUplink, TestBed } from './test-bed.ts';

const LENGTH = 5_000_000;

const finishAll = fileURLToPath(new URL('no-offload.pl', import.meta.url));

/** The uplink as a TUN device: no gateway, no link address. */
function byTun(config: ConfigObject, prefix: string): ConfigObject {
  return changeUplink(config, ISP_A, (uplink) => ({
    ...uplink,
    device: { tun: ISP_A.device, netns: `${prefix}${ISP_A.name}` },
    ipv4: { address: `${ISP_A.ipv4.own}/${ISP_A.ipv4.length}` },
    ipv6: { address: `${ISP_A.ipv6.own}/64`, prefix: ISP_A.ipv6.prefix },
  }));
}

/** Both devices by packet sockets, in a namespace between the others. */
function byPacket(config: ConfigObject, prefix: string): ConfigObject {
  const { office } = config.internal as { office: ConfigObject };
  const netns = `${prefix}gateway`;
  const changed = changeUplink(config, ISP_A, (uplink) => ({ ...uplink, device: { packet: 'port1', netns } }));
  const internal = { office: { ...office, device: { packet: 'port0', netns } } };
  return { ...changed, internal, worker: { 'busy-poll': 50 } };
}

async function addPorts(network: Network, site: Site): Promise<void> {
  const gateway = await network.add('gateway');
  await network.connect(gateway, 'port0', site.client, CLIENT.device);
  await network.connect(gateway, 'port1', site.isp(ISP_A), ISP_A.device);
}

describe.each([
  { name: 'a TUN device as the uplink', change: byTun, before: async () => {} },
  { name: 'packet sockets on either side', change: byPacket, before: addPorts },
])('$name', ({ change, before }) => {
  let bed: TestBed;

  beforeAll(async () => {
    bed = await TestBed.open({ isps: [ISP_A], change, before });
    await bed.site.isp(ISP_A).runOrThrow(['perl', finishAll, 'transit']);
  });
  afterAll(() => bed?.close());

  test.each([INTERNET.probe4, INTERNET.probe6])('ping reaches %s', async (target) => {
    const { received, text } = await ping(bed.site.client, target, 3);
    expect(received, text).toBe(3);
  });

  test.each([INTERNET.web4, INTERNET.web6])('a download arrives whole from %s', async (server) => {
    expect((await download(bed.site.client, server, LENGTH)).sha256).toBe(contentDigest(LENGTH));
    const connections = bed.log().filter(({ local, detail }) => local === server && detail.includes('octets'));
    const external = server.includes(':') ? await bed.gateway.externalOf(CLIENT.ipv6, ISP_A.name) : ISP_A.ipv4.own;
    expect(connections.map(({ remote }) => remote)).toEqual([external]);
  });

  test.each([INTERNET.web4, INTERNET.web6])('an upload arrives whole at %s', async (server) => {
    const maker = `head -c ${LENGTH} /dev/zero`;
    const url = `http://${urlHost(server)}/digest`;
    const pipe = `${maker} | curl -sS --max-time 30 --data-binary @- '${url}'; ${maker} | sha256sum | cut -d' ' -f1`;
    const [digest, expected] = (await bed.site.client.runOrThrow(['sh', '-c', pipe])).split('\n');
    expect(digest).toBe(expected);
  });

  test('the kernel of the Internet has seen no wrong checksum', async () => {
    const text = await bed.site.internet.runOrThrow(['sh', '-c', "grep '^Tcp:' /proc/net/snmp"]);
    const [names = [], values = []] = text.split('\n').map((line) => line.split(' '));
    expect(values[names.indexOf('InCsumErrors')]).toBe('0');
  });

  test('what was too long to be an ordinary packet crossed in one piece', async () => {
    const { counters } = await bed.status();
    const octets = 4 * LENGTH;
    expect(counters.receivedFrames).toBeLessThan(octets / 1500);
  });
});
