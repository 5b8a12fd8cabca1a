import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ping, whoAmI } from '../../src/demo/clients.ts';
import { CLIENT, INTERNET, ISP_A, ISP_B, type Isp } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { TestBed } from './test-bed.ts';

/** A modem with a private subnet, which translates once more, and with the same IPv6 next hop as any other. */
function modem(isp: Isp, subnet: string): Isp {
  return {
    ...isp,
    ipv4: { gateway: `${subnet}.1`, length: 24, own: `${subnet}.2`, space: `${subnet}.0/24` },
    ipv6: { ...isp.ipv6, gateway: 'fe80::1' },
    masquerade: true,
  };
}

const transitAddress = (isp: Isp) => `100.64.${isp.transit}.1`;

describe('4787-R7: two uplinks with the same subnet, own address and gateway address', () => {
  const first = modem(ISP_A, '192.168.100');
  const second = modem(ISP_B, '192.168.100');
  let bed: TestBed;

  beforeAll(async () => {
    bed = await TestBed.open({ isps: [first, second] });
  });
  afterAll(() => bed?.close());

  test('new connections go through the first', async () => {
    expect((await whoAmI(bed.site.client, INTERNET.web4))?.address).toBe(transitAddress(first));
    const external = await bed.gateway.externalOf(CLIENT.ipv6, first.name);
    expect((await whoAmI(bed.site.client, INTERNET.web6))?.address).toBe(external);
  });

  test('when that is cut they go through the second, whose neighbour has the same address', async () => {
    await bed.site.cut(first);
    const external = await bed.gateway.externalOf(CLIENT.ipv6, second.name);
    const through = async (server: string, wanted: string) =>
      (await whoAmI(bed.site.client, server, 0.3))?.address === wanted ? true : undefined;
    expect(await until(() => through(INTERNET.web4, transitAddress(second)), 5000)).toBe(true);
    expect(await until(() => through(INTERNET.web6, external), 5000)).toBe(true);
  });
});

describe("4787-R7: an uplink whose subnet is the client's own", () => {
  const overlapping = modem(ISP_A, '192.168.1');
  const isp: Isp = { ...overlapping, ipv4: { ...overlapping.ipv4, gateway: '192.168.1.254' } };
  let bed: TestBed;

  beforeAll(async () => {
    bed = await TestBed.open({ isps: [isp, ISP_B] });
  });
  afterAll(() => bed?.close());

  test('the client reaches the Internet through it', async () => {
    expect((await whoAmI(bed.site.client, INTERNET.web4))?.address).toBe(transitAddress(isp));
    const result = await ping(bed.site.client, INTERNET.probe4, 3);
    expect(result, result.text).toMatchObject({ sent: 3, received: 3 });
  });

  test('the client still reaches the internal address of nptd', async () => {
    const result = await ping(bed.site.client, CLIENT.gateway4, 3);
    expect(result, result.text).toMatchObject({ sent: 3, received: 3 });
  });
});
