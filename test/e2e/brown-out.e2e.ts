/** An ISP that loses a good part of the packets: it works, and yet new connections are better off elsewhere. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ISP_A, ISP_B } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { msUntilAllUse } from './failover.ts';
import { changesSince, withProbe } from './multihoming.ts';
import { TestBed } from './test-bed.ts';

/** A short window, and probes often enough to fill it. */
const PROBE = { interval: '200ms', timeout: '400ms', degraded: { window: '4s' } };
const DEGRADED_MS_MAX = 15_000;
const CLEAR_MS_MAX = 25_000;

describe('a brown-out', () => {
  let bed: TestBed;

  beforeAll(async () => {
    bed = await TestBed.open({ change: (config) => withProbe(config, [ISP_A, ISP_B], PROBE) });
  });
  afterAll(() => bed?.close());

  const statusOfA = async () => (await bed.status()).uplinks.find(({ name }) => name === ISP_A.name);
  const untilBoth = (health: string, ms: number) =>
    until(async () => {
      const uplink = await statusOfA();
      return uplink?.ipv4?.health === health && uplink.ipv6?.health === health ? uplink : undefined;
    }, ms);

  test('makes its uplink degraded, and usable still', async () => {
    // Every third packet of each family towards the Internet: never both of a burst, which would be a dead uplink.
    const drops = [4, 6].map(
      (family) => `iifname ${ISP_A.device} meta nfproto ipv${family} numgen inc mod 3 == 0 drop;`,
    );
    const hook = 'type filter hook forward priority -10;';
    await bed.site.isp(ISP_A).nft(`table inet lossy { chain forward { ${hook} ${drops.join(' ')} }; }`);
    const uplink = await untilBoth('degraded', DEGRADED_MS_MAX);
    expect(uplink?.ipv4).toMatchObject({
      usable: true,
      reason: expect.stringMatching(/ % loss.*more than 20 % loss$/),
    });
  });

  test('sends new connections through the other one, in both families', async () => {
    const ms = await msUntilAllUse(bed, ISP_B, 5000);
    for (const [way, took] of Object.entries(ms)) expect(took, way).toBeDefined();
    expect((await bed.status()).selections.map(({ uplink, reason }) => [uplink, reason])).toEqual([
      [ISP_B.name, `${ISP_A.name} is degraded`],
      [ISP_B.name, `${ISP_A.name} is degraded`],
    ]);
  });

  test('is over once the loss has been, and connections come back', async () => {
    const sinceMs = Date.now();
    await bed.site.isp(ISP_A).nft('delete table inet lossy');
    expect(await untilBoth('up', CLEAR_MS_MAX)).toBeDefined();
    const ms = await msUntilAllUse(bed, ISP_A, 5000);
    for (const [way, took] of Object.entries(ms)) expect(took, way).toBeDefined();
    const told = changesSince(bed, sinceMs).filter(
      ({ event, uplink }) => event === 'uplink-changed' && uplink === ISP_A.name,
    );
    expect(told.map(({ family, from, to }) => [family, from, to]).toSorted()).toEqual([
      [4, 'degraded', 'up'],
      [6, 'degraded', 'up'],
    ]);
  });
});
