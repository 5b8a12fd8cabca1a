import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whoAmI } from '../../src/demo/clients.ts';
import { INTERNET, ISP_A, ISP_B, type Isp } from '../../src/demo/site.ts';
import { type ConfigObject, changeUplink, TestBed } from './test-bed.ts';

const MTU = 1300;

/** Counts, where an ISP forwards them, SYNs of its site that promise so much. */
function synCounters(isp: Isp, octets: number): string {
  return `table inet segments {
    counter clamped {}
    counter other {}
    chain forward {
      type filter hook forward priority -5;
      iifname "${isp.device}" tcp flags & (syn|ack) == syn tcp option maxseg size ${octets} counter name clamped
      iifname "${isp.device}" tcp flags & (syn|ack) == syn tcp option maxseg size != ${octets} counter name other
    }
  }`;
}

async function countersOf(bed: TestBed, isp: Isp): Promise<number[]> {
  const text = await bed.site.isp(isp).runOrThrow(['nft', 'list', 'counters', 'table', 'inet', 'segments']);
  return [...text.matchAll(/packets (\d+)/g)].map(([, packets]) => Number(packets));
}

describe.each([
  { title: 'clamps to the MTU by itself', clamp: undefined, octets: MTU - 40 },
  { title: 'clamps to a number', clamp: 900, octets: 900 },
  { title: 'leaves segments alone when it is off', clamp: 'off', octets: 1460 },
])('an uplink with an MTU of 1300 $title', ({ clamp, octets }) => {
  let bed: TestBed;

  beforeAll(async () => {
    const change = (config: ConfigObject) =>
      changeUplink(config, ISP_A, (uplink) => ({
        ...uplink,
        device: { ...(uplink.device as object), mtu: MTU },
        ipv4: { ...(uplink.ipv4 as object), ...(clamp === undefined ? {} : { 'mss-clamp': clamp }) },
      }));
    bed = await TestBed.open({ change });
    await bed.site.isp(ISP_A).nft(synCounters(ISP_A, octets));
  });
  afterAll(() => bed?.close());

  test('the SYN that leaves promises no more', async () => {
    expect((await whoAmI(bed.site.client, INTERNET.web4))?.address).toBe(ISP_A.ipv4.own);
    expect(await countersOf(bed, ISP_A)).toEqual([1, 0]);
  });

  test('the client hears that the server takes no more', async () => {
    const request = bed.site.client.start(['curl', '-sS', '-N', '--max-time', '20', `http://${INTERNET.web4}/ticks`]);
    await request.waitForLine(() => true, 5000);
    const sockets = await bed.site.client.runOrThrow(['ss', '-tin', 'dst', INTERNET.web4]);
    // The kernel counts the timestamps in every segment (RFC 6691), which take 12 octets.
    expect(Number(/\bmss:(\d+)/.exec(sockets)?.[1]), sockets).toBe(octets - 12);
    await request.stop();
  });
});

test('each uplink has a limit of its own: the other one takes full packets', async () => {
  const change = (config: ConfigObject) =>
    changeUplink(config, ISP_A, (uplink) => ({ ...uplink, device: { ...(uplink.device as object), mtu: MTU } }));
  await using bed = await TestBed.open({ change, prefer: [ISP_B, ISP_A] });
  await bed.site.isp(ISP_B).nft(synCounters(ISP_B, 1460));
  expect((await whoAmI(bed.site.client, INTERNET.web4))?.address).toBe(ISP_B.ipv4.own);
  expect(await countersOf(bed, ISP_B)).toEqual([1, 0]);
});
