import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { urlHost, whoAmI } from '../../src/demo/clients.ts';
import { CLIENT, INTERNET, ISP_A, ISP_B, type Isp } from '../../src/demo/site.ts';
import { type ConfigObject, changeUplink, TestBed } from './test-bed.ts';

const MTU = 1300;

const FAMILIES = [
  { family: 'ipv4', server: INTERNET.web4, headers: 40 },
  { family: 'ipv6', server: INTERNET.web6, headers: 60 },
] as const;

/** Counts by family, where an ISP forwards them, SYNs of its site that promise so much. */
function synCounters(isp: Isp, octets: (headers: number) => number): string {
  const rules = FAMILIES.map(({ family, headers }) => {
    const syn = `iifname "${isp.device}" meta nfproto ${family} tcp flags & (syn|ack) == syn tcp option maxseg size`;
    return `${syn} ${octets(headers)} counter name ${family}-clamped
      ${syn} != ${octets(headers)} counter name ${family}-other`;
  });
  return `table inet segments {
    ${FAMILIES.map(({ family }) => `counter ${family}-clamped {}\n    counter ${family}-other {}`).join('\n    ')}
    chain forward {
      type filter hook forward priority -5;
      ${rules.join('\n      ')}
    }
  }`;
}

/** SYNs as they should be, and others. */
async function countersOf(bed: TestBed, isp: Isp, family: string): Promise<number[]> {
  const packets = async (name: string) => {
    const words = ['nft', 'list', 'counter', 'inet', 'segments', `${family}-${name}`];
    return Number(/packets (\d+)/.exec(await bed.site.isp(isp).runOrThrow(words))?.[1]);
  };
  return [await packets('clamped'), await packets('other')];
}

/** The client's address on an uplink. */
const seenOn = async (bed: TestBed, isp: Isp, family: 'ipv4' | 'ipv6') =>
  family === 'ipv4' ? isp.ipv4.own : await bed.gateway.externalOf(CLIENT.ipv6, isp.name);

const withClamp = (address: unknown, clamp: unknown) => ({
  ...(address as object),
  ...(clamp === undefined ? {} : { 'mss-clamp': clamp }),
});

describe.each([
  { title: 'clamps to the MTU by itself', clamp: undefined, octets: (headers: number) => MTU - headers },
  { title: 'clamps to a number', clamp: 900, octets: () => 900 },
  { title: 'leaves segments alone when it is off', clamp: 'off', octets: (headers: number) => 1500 - headers },
])('an uplink with an MTU of 1300 $title', ({ clamp, octets }) => {
  let bed: TestBed;

  beforeAll(async () => {
    const change = (config: ConfigObject) =>
      changeUplink(config, ISP_A, (uplink) => ({
        ...uplink,
        device: { ...(uplink.device as object), mtu: MTU },
        ipv4: withClamp(uplink.ipv4, clamp),
        ipv6: withClamp(uplink.ipv6, clamp),
      }));
    bed = await TestBed.open({ change });
    await bed.site.isp(ISP_A).nft(synCounters(ISP_A, octets));
  });
  afterAll(() => bed?.close());

  test.each(FAMILIES)('the SYN over $family that leaves promises no more', async ({ family, server }) => {
    expect((await whoAmI(bed.site.client, server))?.address).toBe(await seenOn(bed, ISP_A, family));
    expect(await countersOf(bed, ISP_A, family)).toEqual([1, 0]);
  });

  test.each(FAMILIES)('the client hears over $family that the server takes no more', async ({ server, headers }) => {
    const command = ['curl', '-sS', '-N', '--max-time', '20', `http://${urlHost(server)}/ticks`];
    const request = bed.site.client.start(command);
    await request.waitForLine(() => true, 5000);
    const sockets = await bed.site.client.runOrThrow(['ss', '-tin', 'dst', urlHost(server)]);
    // The kernel counts the timestamps in every segment (RFC 6691), which take 12 octets.
    expect(Number(/\bmss:(\d+)/.exec(sockets)?.[1]), sockets).toBe(octets(headers) - 12);
    await request.stop();
  });
});

test('each uplink has a limit of its own: the other one takes full packets', async () => {
  const change = (config: ConfigObject) =>
    changeUplink(config, ISP_A, (uplink) => ({ ...uplink, device: { ...(uplink.device as object), mtu: MTU } }));
  await using bed = await TestBed.open({ change, prefer: [ISP_B, ISP_A] });
  await bed.site.isp(ISP_B).nft(synCounters(ISP_B, (headers) => 1500 - headers));
  for (const { family, server } of FAMILIES) {
    expect((await whoAmI(bed.site.client, server))?.address).toBe(await seenOn(bed, ISP_B, family));
    expect(await countersOf(bed, ISP_B, family)).toEqual([1, 0]);
  }
});
