import { afterAll, beforeAll, expect, test } from 'vitest';
import { traceroute } from '../../src/demo/clients.ts';
import { CLIENT, INTERNET, ISP_A } from '../../src/demo/site.ts';
import { TestBed } from './test-bed.ts';

let bed: TestBed;

beforeAll(async () => {
  bed = await TestBed.open();
});
afterAll(() => bed?.close());

const HOPS4 = [CLIENT.gateway4, ISP_A.ipv4.gateway, INTERNET.web4];
const HOPS6 = [CLIENT.gateway6, ISP_A.ipv6.gateway, INTERNET.web6];

test.each([
  ['UDP over IPv4', [], INTERNET.web4, HOPS4],
  ['UDP over IPv6', [], INTERNET.web6, HOPS6],
  ['ICMP echo over IPv4', ['-I'], INTERNET.web4, HOPS4],
  ['ICMPv6 echo over IPv6', ['-I'], INTERNET.web6, HOPS6],
  ['TCP over IPv4', ['-T'], INTERNET.web4, HOPS4],
  ['TCP over IPv6', ['-T'], INTERNET.web6, HOPS6],
])(
  '5508-S7.2 traceroute with %s shows the internal address of nptd, then the ISP, then the server',
  async (_title, options, target, hops) => {
    expect(await traceroute(bed.site.client, target, ...options)).toEqual(hops);
  },
);

test('traceroute from the Internet to the NPTv6 address of a client shows the external address of nptd', async () => {
  const external = await bed.gateway.externalOf(CLIENT.ipv6, ISP_A.name);
  const hops = await traceroute(bed.site.internet, external, '-I');
  expect(hops).toEqual(['2001:db8:fffe:1::1', ISP_A.ipv6.own, external]);
});
