import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { download, ping, traceroute, urlHost, whoAmI, whoAmIByDns } from '../../src/demo/clients.ts';
import { contentDigest, LONG_ANSWER } from '../../src/demo/content.ts';
import type { Namespace } from '../../src/demo/network.ts';
import { CLIENT, INTERNET, ISP_A, ISP_B, type Isp } from '../../src/demo/site.ts';
import { DatagramHost } from './datagrams.ts';
import { INNER_DEVICE, openPublishedSite, type PublishedSite, SERVER } from './published-ipv6.ts';
import type { SessionsAnswer } from './test-bed.ts';

const UPLINKS = [ISP_A, ISP_B];
const LENGTH = 2_000_000;
const NARROW = 1300;
const DATAGRAM = Buffer.from(Array.from({ length: 4000 }, (_, index) => (index * 7) % 256));

/** The Internet host has an address on each transit network, and asks from it. */
const asks = (isp: Isp) => `2001:db8:fffe:${isp.transit}::2`;
const ofIpv6 = ({ sessions }: SessionsAnswer) => sessions.filter(({ internal }) => internal.startsWith('['));

/** Datagrams that a host has put together of IPv6 fragments. */
async function reassembled(host: Namespace): Promise<number> {
  const text = await host.runOrThrow(['grep', '^Ip6ReasmOKs', '/proc/net/snmp6']);
  return Number(text.split(/\s+/)[1]);
}

/** Sends a datagram and waits for its echo; null if there is none in time. */
async function echoed(from: Namespace, local: string, remote: string, octets: Buffer): Promise<Buffer | null> {
  const host = await DatagramHost.start(from);
  const socket = await host.open(local);
  socket.send(octets, { address: remote, port: 7 });
  const answer = await socket.receive(({ from: peer }) => peer.address === remote, 2000);
  return answer?.octets ?? null;
}

describe('with the filter, which is on unless switched off', () => {
  let site: PublishedSite;

  beforeAll(async () => {
    site = await openPublishedSite();
  });
  afterAll(() => site?.bed.close());

  const internet = () => site.bed.site.internet;
  const serverOn = (isp: Isp) => site.serverOn[isp.name] ?? '';
  const clientOn = (isp: Isp) => site.clientOn[isp.name] ?? '';

  test('MWAN-4: a published server is reached through both prefixes at the same time, by TCP and by UDP', async () => {
    const seen = await Promise.all(
      UPLINKS.map(async (isp) => [
        await whoAmI(internet(), serverOn(isp)),
        await whoAmIByDns(internet(), serverOn(isp)),
      ]),
    );
    expect(seen.map((pair) => pair.map((end) => end?.address))).toEqual(UPLINKS.map((isp) => [asks(isp), asks(isp)]));
    const rows = ofIpv6(await site.bed.sessions()).map(({ protocol, internal, external, remote, uplink }) => ({
      protocol,
      internal,
      external,
      remote: remote.slice(0, remote.lastIndexOf(':')),
      uplink,
    }));
    for (const isp of UPLINKS) {
      for (const [protocol, port] of [['tcp', 80] as const, ['udp', 53] as const]) {
        expect(rows).toContainEqual({
          protocol,
          internal: `[${SERVER.ipv6}]:${port}`,
          external: `[${serverOn(isp)}]:${port}`,
          remote: `[${asks(isp)}]`,
          uplink: isp.name,
        });
      }
    }
  });

  test.each(UPLINKS)('MWAN-4: downloads from it arrive whole through the prefix of $name', async (isp) => {
    expect((await download(internet(), serverOn(isp), LENGTH)).sha256).toBe(contentDigest(LENGTH));
  });

  test('what is not published does not answer UDP', async () => {
    expect(await whoAmIByDns(internet(), clientOn(ISP_A))).toBeUndefined();
  });

  test.each([
    ['a host that publishes nothing', () => clientOn(ISP_A), 80],
    ['a port beside the published one', () => serverOn(ISP_B), 9],
  ])('6092-R34: a connection to %s is refused after six seconds of silence', async (_title, address, port) => {
    const before = (await site.bed.verdicts()).FilteredInbound ?? 0;
    const command = ['curl', '-sS', '--connect-timeout', '12', `http://${urlHost(address())}:${port}/`];
    const { code, ms, stderr } = await internet().run(command, { timeoutMs: 15_000 });
    expect(code, stderr).toBe(7);
    expect(ms).toBeGreaterThan(5900);
    // The kernel sends its SYN again after one second and after three.
    expect((await site.bed.verdicts()).FilteredInbound).toBeGreaterThanOrEqual(before + 3);
  });

  test.each(UPLINKS)('a ping from the Internet reaches a host that publishes nothing by $name', async (isp) => {
    const result = await ping(internet(), clientOn(isp), 3);
    expect(result, result.text).toMatchObject({ sent: 3, received: 3 });
  });

  test.each(UPLINKS)('6296-4.3b: hosts of the site reach each other by their addresses on $name', async (isp) => {
    expect((await whoAmI(site.bed.site.client, serverOn(isp)))?.address).toBe(clientOn(isp));
    const result = await ping(site.server, clientOn(isp), 3);
    expect(result, result.text).toMatchObject({ sent: 3, received: 3 });
    expect(result.text).toContain(`bytes from ${clientOn(isp)}`);
  });

  test('a hairpin is filtered as well', async () => {
    expect(await whoAmI(site.server, clientOn(ISP_A), 0.5)).toBeUndefined();
  });

  test.each([
    ['ICMPv6 echo', ['-I']],
    ['TCP', ['-T', '-p', '80']],
  ])('traceroute by %s from the Internet shows every hop up to the server', async (_title, options) => {
    const hops = await traceroute(internet(), serverOn(ISP_B), ...options);
    expect(hops).toEqual([`2001:db8:fffe:2::1`, ISP_B.ipv6.own, clientOn(ISP_B), serverOn(ISP_B)]);
  });

  test.each([
    ['UDP', []],
    ['TCP', ['-T']],
  ])('6296b-ICMP1: traceroute by %s from the server shows every hop to the Internet', async (_title, options) => {
    const hops = await traceroute(site.server, INTERNET.web6, ...options);
    expect(hops).toEqual([SERVER.router, CLIENT.gateway6, ISP_A.ipv6.gateway, INTERNET.web6]);
  });

  test.each([
    ['from the Internet to a published port', internet, asks(ISP_B), () => serverOn(ISP_B), () => site.server],
    ['from the site', () => site.bed.site.client, CLIENT.ipv6, () => INTERNET.dns6, internet],
  ])('a datagram of 4,000 octets crosses in fragments %s, and its echo too', async (_title, from, local, to, peer) => {
    const count = () => Promise.all([from(), peer()].map(reassembled));
    const before = await count();
    expect(await echoed(from(), local, to(), DATAGRAM)).toEqual(DATAGRAM);
    const after = await count();
    expect(after.map((total, index) => total - (before[index] ?? 0))).toEqual([1, 1]);
  });

  test('a DNS answer of 3,000 octets arrives over UDP, there and back', async () => {
    const options = ['+short', '+notcp', '+ignore', '+bufsize=4096', '+time=2', '+tries=1'];
    for (const [from, server] of [
      [internet(), serverOn(ISP_A)],
      [site.bed.site.client, INTERNET.dns6],
    ] as const) {
      const answer = await from.runOrThrow(['dig', ...options, `@${server}`, 'TXT', LONG_ANSWER.name]);
      expect(answer.replace(/["\s]/g, '')).toBe(LONG_ANSWER.text);
    }
  });

  test('6296b-ICMP1: a narrow link of the ISP is found by a server that sends to the Internet', async () => {
    await site.bed.site.isp(ISP_A).ip(`link set transit mtu ${NARROW}`);
    expect((await download(internet(), serverOn(ISP_A), LENGTH)).sha256).toBe(contentDigest(LENGTH));
    expect(await site.server.runOrThrow(['ip', 'route', 'get', asks(ISP_A)])).toContain(`mtu ${NARROW}`);
    await site.bed.site.isp(ISP_A).ip('link set transit mtu 1500');
  });

  test('6296b-ICMP2: a narrow link of the site is found by a host of the Internet that sends to the server', async () => {
    // Only the way to the server is narrow: it asks for full segments.
    await site.bed.site.client.ip(`link set ${INNER_DEVICE} mtu ${NARROW}`);
    const url = `http://${urlHost(serverOn(ISP_B))}/digest`;
    const upload = `head -c ${LENGTH} /dev/zero | curl -sS --max-time 20 --data-binary @- '${url}'`;
    const received = await internet().runOrThrow(['sh', '-c', upload], { timeoutMs: 30_000 });
    expect(received.trim()).toBe(createHash('sha256').update(Buffer.alloc(LENGTH)).digest('hex'));
    expect(await internet().runOrThrow(['ip', 'route', 'get', serverOn(ISP_B)])).toContain(`mtu ${NARROW}`);
    await site.bed.site.client.ip(`link set ${INNER_DEVICE} mtu 1500`);
  });

  test('no packet left an uplink with a source that is not its own (2827-1)', async () => {
    for (const isp of UPLINKS) expect(await site.bed.site.foreignSources(isp)).toBe(0);
  });
});

describe('without the filter', () => {
  let site: PublishedSite;

  beforeAll(async () => {
    site = await openPublishedSite((config) => ({ ...config, filter: { mode: 'off' } }));
  });
  afterAll(() => site?.bed.close());

  test('6092-R49: everything is reached, by the uplink that answers leave by', async () => {
    const { internet } = site.bed.site;
    expect((await whoAmI(internet, site.clientOn[ISP_A.name] ?? ''))?.address).toBe(asks(ISP_A));
    expect((await whoAmIByDns(internet, site.clientOn[ISP_A.name] ?? ''))?.address).toBe(asks(ISP_A));
  });

  test('no state is kept, and so answers do not know the uplink that was asked', async () => {
    const { client, internet } = site.bed.site;
    expect((await whoAmI(client, INTERNET.web6))?.address).toBe(site.clientOn[ISP_A.name]);
    expect(await whoAmI(internet, site.clientOn[ISP_B.name] ?? '', 0.5)).toBeUndefined();
    expect(ofIpv6(await site.bed.sessions())).toEqual([]);
  });
});
