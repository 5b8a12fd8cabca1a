import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ping, whoAmI, whoAmIByDns } from '../../src/demo/clients.ts';
import type { Namespace } from '../../src/demo/network.ts';
import { CLIENT, ISP_A, ISP_B } from '../../src/demo/site.ts';
import { startServers, TestBed } from './test-bed.ts';

/** Servers of the site: more addresses of the client's namespace. */
const WEB = '192.168.1.25';
const MODEST = '192.168.1.26';
const BOX = '192.168.1.27';
/** An address that the second ISP gives to one host alone. */
const BOX_EXTERNAL = '198.51.100.20';
const EXTERNAL = [
  { isp: ISP_A, address: ISP_A.ipv4.own },
  { isp: ISP_B, address: ISP_B.ipv4.own },
];

let bed: TestBed;

beforeAll(async () => {
  bed = await TestBed.open({
    change: (config) => ({
      ...config,
      publish: {
        web: { to: WEB, tcp: ['8080:80'], udp: [53] },
        modest: { to: MODEST, tcp: ['8081:80'], source: 'gateway' },
        box: { to: BOX, 'whole-address': true, on: [ISP_B.name], address: { [ISP_B.name]: BOX_EXTERNAL } },
      },
    }),
  });
  const servers = [WEB, MODEST, BOX];
  await bed.site.client.ip(...servers.map((address) => `address add ${address}/24 dev ${CLIENT.device}`));
  await startServers(bed.site.client, ...servers);
});
afterAll(() => bed?.close());

/** The address that the server sees; undefined if there is no connection. */
async function seenAt(from: Namespace, address: string, port: number): Promise<string | undefined> {
  const { code, stdout } = await from.run(['curl', '-sS', '--max-time', '2', `http://${address}:${port}/`]);
  return code === 0 ? stdout.split(' ')[0] : undefined;
}

/** The Internet host has an address on each transit network, and answers come to the one it asked from. */
const asks = (isp: typeof ISP_A) => `100.64.${isp.transit}.2`;

describe.each(EXTERNAL)('a published server on $isp.name', ({ isp, address }) => {
  test('MWAN-4: is reached from the Internet, which sees the address it asked for, whichever uplink is preferred', async () => {
    expect(await seenAt(bed.site.internet, address, 8080)).toBe(asks(isp));
    expect(await whoAmIByDns(bed.site.internet, address)).toMatchObject({ address: asks(isp) });
  });

  test('sees the gateway where its answers would otherwise go elsewhere', async () => {
    expect(await seenAt(bed.site.internet, address, 8081)).toBe(CLIENT.gateway4);
  });

  test('5382-R8, 5382-R8a, MWAN-5: is reached from the site by its external address, and sees the external address of the client', async () => {
    expect(await seenAt(bed.site.client, address, 8080)).toBe(address);
  });
});

describe('a host with an external address of its own', () => {
  test('answers pings and every port', async () => {
    const result = await ping(bed.site.internet, BOX_EXTERNAL, 3);
    expect(result, result.text).toMatchObject({ sent: 3, received: 3 });
    expect(await whoAmI(bed.site.internet, BOX_EXTERNAL)).toMatchObject({ address: asks(ISP_B) });
  });

  test('5508-R7: is pinged from the site by that address', async () => {
    const result = await ping(bed.site.client, BOX_EXTERNAL, 3);
    expect(result, result.text).toMatchObject({ sent: 3, received: 3 });
  });

  test('3022-6.2: is found by the ISP, whose subnet that address is in', async () => {
    const neighbours = await bed.site.isp(ISP_B).runOrThrow(['ip', 'neigh', 'show', BOX_EXTERNAL]);
    expect(neighbours).toContain('lladdr');
  });
});

test('5382-R4: a SYN to a port that nobody listens at is refused after six seconds of silence', async () => {
  const command = ['curl', '-sS', '--connect-timeout', '12', `http://${ISP_A.ipv4.own}:9999/`];
  const { code, stderr, ms } = await bed.site.internet.run(command, { timeoutMs: 15_000 });
  expect([code, stderr]).toEqual([7, expect.stringMatching(/refused|Couldn't connect|Failed to connect/)]);
  expect(ms).toBeGreaterThan(5900);
  expect(ms).toBeLessThan(8000);
});

test('no packet left an uplink with a source that is not its own (2827-1)', async () => {
  for (const isp of [ISP_A, ISP_B]) expect(await bed.site.foreignSources(isp)).toBe(0);
});

test('the Internet reaches nothing that is not published', async () => {
  expect(await whoAmI(bed.site.internet, ISP_A.ipv4.own, 0.5)).toBeUndefined();
});
