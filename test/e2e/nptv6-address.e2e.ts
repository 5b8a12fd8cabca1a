import { afterAll, beforeAll, expect, test } from 'vitest';
import { ping, whoAmI } from '../../src/demo/clients.ts';
import { addressOctets } from '../../src/demo/dns-answer.ts';
import { CLIENT, INTERNET, ISP_A, ISP_B } from '../../src/demo/site.ts';
import { TestBed } from './test-bed.ts';

let bed: TestBed;

beforeAll(async () => {
  bed = await TestBed.open({ change: (config) => ({ ...config, filter: { mode: 'off' } }) });
});
afterAll(() => bed?.close());

/** One's complement sum of the eight words of an address: what a transport checksum sees of it. */
function wordSum(address: string): number {
  const octets = Buffer.from(addressOctets(address));
  let sum = 0;
  for (let at = 0; at < 16; at += 2) sum += octets.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum % 0xffff;
}

test.each([
  [ISP_A, '2001:db8:a100:'],
  [ISP_B, '2001:db8:b100:'],
])('6296-2.6: nptd map prints a checksum-neutral address in the prefix of $name', async (isp, start) => {
  const external = await bed.gateway.externalOf(CLIENT.ipv6, isp.name);
  expect(external.startsWith(start), external).toBe(true);
  expect(wordSum(external)).toBe(wordSum(CLIENT.ipv6));
});

test('6296-3.4a: the server sees exactly the address that nptd map prints', async () => {
  const external = await bed.gateway.externalOf(CLIENT.ipv6, ISP_A.name);
  expect((await whoAmI(bed.site.client, INTERNET.web6))?.address).toBe(external);
  expect(bed.log().map(({ remote }) => remote)).toEqual([external]);
});

test('6296-3.4a: a second host of the site has another address there', async () => {
  const second = 'fd12:3456:789a:1::beef';
  await bed.site.client.ip(`address add ${second}/64 dev ${CLIENT.device} nodad preferred_lft 0`);
  const external = await bed.gateway.externalOf(second, ISP_A.name);
  const text = await bed.site.client.runOrThrow([
    'curl',
    '-sS',
    '-m2',
    '--interface',
    second,
    `http://[${INTERNET.web6}]/`,
  ]);
  expect(text.split(' ')[0]).toBe(external);
  expect(external).not.toBe(await bed.gateway.externalOf(CLIENT.ipv6, ISP_A.name));
});

test('6296-2.5: the Internet reaches the client at that address without any state', async () => {
  const external = await bed.gateway.externalOf(CLIENT.ipv6, ISP_B.name);
  const result = await ping(bed.site.internet, external, 3);
  expect(result, result.text).toMatchObject({ sent: 3, received: 3 });
  expect((await bed.sessions()).sessions.filter(({ internal }) => internal.startsWith('['))).toEqual([]);
});
