import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { download, ping, urlHost } from '../../src/demo/clients.ts';
import { contentDigest } from '../../src/demo/content.ts';
import type { Namespace, Network } from '../../src/demo/network.ts';
import { CLIENT, INTERNET, ISP_A, ISP_B, type Site } from '../../src/demo/site.ts';
import { type ConfigObject, changeUplink, TestBed } from './test-bed.ts';

const MTU = 1400;
const LENGTH = 5_000_000;

/** Gives the first uplink a smaller MTU than the client's network has, and leaves segment sizes to its discovery. */
function narrow(config: ConfigObject): ConfigObject {
  return changeUplink(config, ISP_A, (uplink) => ({
    ...uplink,
    device: { ...(uplink.device as object), mtu: MTU },
    ipv4: { ...(uplink.ipv4 as object), 'mss-clamp': 'off' },
    ipv6: { ...(uplink.ipv6 as object), 'mss-clamp': 'off' },
  }));
}

/** Digests of what a client sends over TCP, and of what the server hears. */
async function upload(client: Namespace, server: string): Promise<{ sent: string; received: string }> {
  const maker = `head -c ${LENGTH} /dev/urandom > "$0"; sha256sum < "$0"`;
  const send = `curl -sS --max-time 20 --data-binary @"$0" 'http://${urlHost(server)}/digest'; rm -f "$0"`;
  const file = `/run/nptd-upload-${process.pid}`;
  const text = await client.runOrThrow(['sh', '-c', `${maker}; ${send}`, file], { timeoutMs: 30_000 });
  const [sent = '', received = ''] = text.split('\n').map((line) => line.split(' ')[0] ?? '');
  return { sent, received };
}

describe('an uplink whose MTU is smaller than that of the site', () => {
  let bed: TestBed;

  beforeAll(async () => {
    bed = await TestBed.open({ change: narrow });
  });
  afterAll(() => bed?.close());

  test('1191-4: a full IPv4 packet with DF is answered by nptd with the MTU of the uplink', async () => {
    const { text, received } = await ping(bed.site.client, INTERNET.probe4, 2, '-M', 'do', '-s', '1472');
    expect(received).toBe(0);
    expect(text).toMatch(new RegExp(`From ${CLIENT.gateway4} .*Frag needed and DF set \\(mtu = ${MTU}\\)`));
  });

  test('4443-PTB: a full IPv6 packet is answered by nptd with the MTU of the uplink', async () => {
    const { text, received } = await ping(bed.site.client, INTERNET.probe6, 2, '-M', 'do', '-s', '1452');
    expect(received).toBe(0);
    expect(text).toMatch(new RegExp(`From ${CLIENT.gateway6} .*Packet too big: mtu=${MTU}`));
  });

  test.each([
    ['IPv4', INTERNET.probe4, MTU - 28],
    ['IPv6', INTERNET.probe6, MTU - 48],
  ])('the largest %s packet that fits goes through', async (_family, target, size) => {
    const result = await ping(bed.site.client, target, 2, '-M', 'do', '-s', `${size}`);
    expect(result.received, result.text).toBe(2);
  });

  test('a full IPv4 packet without DF is fragmented on its way out', async () => {
    // The kernel sets DF by itself once it knows the smaller MTU, hence another target.
    const result = await ping(bed.site.client, INTERNET.web4, 2, '-M', 'dont', '-s', '1472');
    const received = await bed.site.internet.runOrThrow(['sh', '-c', "grep '^Ip:' /proc/net/snmp | tail -1"]);
    expect(Number(received.split(' ')[15]), `reassembled: ${received}${result.text}`).toBeGreaterThanOrEqual(2);
  });

  test.each([INTERNET.web4, INTERNET.web6])(
    'path MTU discovery: a TCP upload to %s gets through whole',
    async (server) => {
      const { sent, received } = await upload(bed.site.client, server);
      expect(received).toBe(sent);
      // What nptd told the kernel of the client is what makes its segments fit.
      expect(await bed.site.client.runOrThrow(['ip', 'route', 'get', server])).toContain(`mtu ${MTU}`);
    },
  );

  test.each([INTERNET.web4, INTERNET.web6])(
    'path MTU discovery: a TCP download from %s arrives whole',
    async (server) => {
      expect((await download(bed.site.client, server, LENGTH)).sha256).toBe(contentDigest(LENGTH));
    },
  );
});

describe('an internal device whose MTU is smaller than that of the uplinks', () => {
  let bed: TestBed;

  beforeAll(async () => {
    const change = (config: ConfigObject, prefix: string) => ({
      ...config,
      internal: {
        office: {
          device: { tap: CLIENT.device, netns: `${prefix}${CLIENT.name}`, mtu: MTU },
          ipv4: `${CLIENT.gateway4}/24`,
          ipv6: `${CLIENT.gateway6}/64`,
        },
      },
    });
    bed = await TestBed.open({ isps: [ISP_A, ISP_B], change });
  });
  afterAll(() => bed?.close());

  test('4443-PTB: the Internet learns it from the external address of nptd', async () => {
    const external = await bed.gateway.externalOf(CLIENT.ipv6, ISP_A.name);
    const { text } = await ping(bed.site.internet, external, 2, '-M', 'do', '-s', '1452');
    expect(text).toMatch(new RegExp(`From ${ISP_A.ipv6.own} .*Packet too big: mtu=${MTU}`));
  });

  test.each([INTERNET.web4, INTERNET.web6])('a TCP download from %s arrives whole', async (server) => {
    expect((await download(bed.site.client, server, LENGTH)).sha256).toBe(contentDigest(LENGTH));
  });
});

describe('a link between two routers of the Internet whose MTU is smaller than that of the uplinks', () => {
  const NARROW = 1300;
  let bed: TestBed;

  beforeAll(async () => {
    const before = (_network: Network, site: Site) => site.isp(ISP_A).ip(`link set transit mtu ${NARROW}`);
    bed = await TestBed.open({ before });
  });
  afterAll(() => bed?.close());

  test.each([
    ['4787-R12b, 5508-R4', INTERNET.probe4, 'Frag needed and DF set \\(mtu = 1300\\)', ISP_A.ipv4.gateway, 1472],
    ['6296b-ICMP1', INTERNET.probe6, 'Packet too big: mtu=1300', ISP_A.ipv6.gateway, 1452],
  ])(
    '%s: the router before it tells the client of %s so, through nptd',
    async (_id, target, complaint, router, size) => {
      const { text, received } = await ping(bed.site.client, target, 2, '-M', 'do', '-s', `${size}`);
      expect(received).toBe(0);
      expect(text).toMatch(new RegExp(`From ${router} .*${complaint}`));
    },
  );

  test.each([
    ['5382-R9', INTERNET.web4],
    ['6296b-ICMP1', INTERNET.web6],
  ])('%s: path MTU discovery: a TCP upload to %s gets through whole', async (_id, server) => {
    const { sent, received } = await upload(bed.site.client, server);
    expect(received).toBe(sent);
    expect(await bed.site.client.runOrThrow(['ip', 'route', 'get', server])).toContain(`mtu ${NARROW}`);
  });

  test.each([
    ['IPv4', INTERNET.dns4],
    ['IPv6', INTERNET.dns6],
  ])('path MTU discovery: traceroute over %s finds it with UDP', async (_family, target) => {
    const text = await bed.site.client.runOrThrow([
      'traceroute',
      '-n',
      '--mtu',
      '-q',
      '1',
      '-w',
      '2',
      '-m',
      '8',
      target,
    ]);
    expect(text).toContain(`F=${NARROW}`);
  });
});
