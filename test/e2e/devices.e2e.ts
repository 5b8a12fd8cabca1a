/**
 * The other ways to reach an interface: TUN for an uplink without Ethernet, and packet and AF_XDP sockets on interfaces that
 * are there, on both sides. Behind nptd the ISP finishes every checksum, so that a wrong one is seen.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { dig, download, ping, traceroute, urlHost } from '../../src/demo/clients.ts';
import { contentDigest } from '../../src/demo/content.ts';
import { CLIENT, INTERNET, ISP_A, ISP_B } from '../../src/demo/site.ts';
import { expectAllBelow, FAILOVER_MS_MAX, msUntilAllUse, RECOVERY_MS_MAX } from './failover.ts';
import { addFinishedInterfaces, addInterfaces, byInterfaces, finishAll, xdpObstacle } from './interfaces.ts';
import { type ConfigObject, changeUplink, TestBed } from './test-bed.ts';

const LENGTH = 5_000_000;

/** The uplink as a TUN device: no gateway, no link address. */
function byTun(config: ConfigObject, prefix: string): ConfigObject {
  return changeUplink(config, ISP_A, (uplink) => ({
    ...uplink,
    device: { tun: ISP_A.device, netns: `${prefix}${ISP_A.name}` },
    ipv4: { address: `${ISP_A.ipv4.own}/${ISP_A.ipv4.length}` },
    ipv6: { address: `${ISP_A.ipv6.own}/64`, prefix: ISP_A.ipv6.prefix },
  }));
}

const KINDS = [
  { name: 'a TUN device as the uplink', change: byTun, before: async () => {}, joins: true },
  { name: 'packet sockets on either side', change: byInterfaces('packet'), before: addInterfaces, joins: true },
  {
    name: 'AF_XDP sockets on either side',
    change: byInterfaces('xdp'),
    before: addFinishedInterfaces,
    joins: false,
    obstacle: xdpObstacle(),
  },
];

describe.each(KINDS)('$name', ({ change, before, joins, obstacle }) => {
  let bed: TestBed;

  beforeAll(async () => {
    if (obstacle !== undefined) return;
    bed = await TestBed.open({ change, before });
    await finishAll(bed.site.isp(ISP_A), 'transit');
  });
  beforeEach(({ skip }) => skip(obstacle !== undefined, obstacle));
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

  test(`what was too long to be an ordinary packet crossed ${joins ? 'in one piece' : 'in many'}`, async () => {
    const { counters } = await bed.status();
    const ordinary = (4 * LENGTH) / 1500;
    if (joins) expect(counters.receivedFrames).toBeLessThan(ordinary);
    else expect(counters.receivedFrames).toBeGreaterThan(ordinary);
  });

  test.each([INTERNET.dns4, INTERNET.dns6])('datagrams get answers from %s', async (server) => {
    expect(await dig(bed.site.client, server, 'A', 'www.example')).toBe(INTERNET.web4);
  });

  test('5508-S7.2 errors come from every hop, our own among them', async () => {
    const hops = [CLIENT.gateway4, ISP_A.ipv4.gateway, INTERNET.web4];
    expect(await traceroute(bed.site.client, INTERNET.web4)).toEqual(hops);
    const hops6 = [CLIENT.gateway6, ISP_A.ipv6.gateway, INTERNET.web6];
    expect(await traceroute(bed.site.client, INTERNET.web6)).toEqual(hops6);
  });

  test('new connections leave a dead uplink for the other one, and come back', async () => {
    expectAllBelow(await msUntilAllUse(bed, ISP_B, 2 * FAILOVER_MS_MAX, () => bed.site.cut(ISP_A)), FAILOVER_MS_MAX);
    const ms = await msUntilAllUse(bed, ISP_A, 2 * RECOVERY_MS_MAX, () => bed.site.restore(ISP_A));
    expectAllBelow(ms, RECOVERY_MS_MAX);
  });
});
