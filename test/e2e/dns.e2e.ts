import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dig, whoAmIByDns } from '../../src/demo/clients.ts';
import { CLIENT, INTERNET, ISP_A, ISP_B } from '../../src/demo/site.ts';
import { TestBed } from './test-bed.ts';

describe.each([
  { isp: ISP_A, other: ISP_B },
  { isp: ISP_B, other: ISP_A },
])('DNS over UDP through $isp.name', ({ isp, other }) => {
  let bed: TestBed;

  beforeAll(async () => {
    bed = await TestBed.open({ prefer: [isp, other] });
  });
  afterAll(() => bed?.close());

  test.each([INTERNET.dns4, INTERNET.dns6])('dig gets A and AAAA answers from %s', async (server) => {
    expect(await dig(bed.site.client, server, 'A', 'www.example')).toBe(INTERNET.web4);
    expect(await dig(bed.site.client, server, 'AAAA', 'www.example')).toBe(INTERNET.web6);
  });

  test('the IPv4 server sees the address of the uplink', async () => {
    expect((await whoAmIByDns(bed.site.client, INTERNET.dns4))?.address).toBe(isp.ipv4.own);
  });

  test('the IPv6 server sees the address that nptd map prints', async () => {
    const external = await bed.gateway.externalOf(CLIENT.ipv6, isp.name);
    expect((await whoAmIByDns(bed.site.client, INTERNET.dns6))?.address).toBe(external);
  });

  test('every query in the log of the servers came from this uplink', async () => {
    const external = await bed.gateway.externalOf(CLIENT.ipv6, isp.name);
    const queries = bed.log().filter(({ service }) => service === 'dns');
    expect(queries.length).toBeGreaterThanOrEqual(6);
    for (const { local, remote } of queries) expect(remote).toBe(local.includes(':') ? external : isp.ipv4.own);
  });
});
