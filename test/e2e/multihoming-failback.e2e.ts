/**
 * `failback: hard`, when the first uplink is back: what the site has begun on the second one leaves it at once, and who has come
 * in by it to a published server stays (MWAN-4).
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLIENT, ISP_A, ISP_B } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { msUntilAllUse } from './failover.ts';
import { type FlowSpec, Flows, flowsOf } from './flows.ts';
import { BLACK_HOLE, RESET_MS_MAX, SCHEDULING_MS_MAX, untilUp, withProbe } from './multihoming.ts';
import { startServers, TestBed } from './test-bed.ts';

const UP_MS_MAX = 15_000;
const ECHO_PORT = 7;
const FAMILIES = [4, 6] as const;

let bed: TestBed;

beforeAll(async () => {
  const probe = { profile: 'fast', 'up-after': '1s', 'up-after-max': '1s' };
  bed = await TestBed.open({
    change: (config) => ({
      ...withProbe(config, [ISP_A, ISP_B], probe),
      policy: { default: { prefer: [ISP_A.name, ISP_B.name], failback: 'hard' } },
      publish: { echo: { to: [CLIENT.ipv4, CLIENT.ipv6], tcp: [ECHO_PORT], udp: [ECHO_PORT] } },
    }),
  });
  await startServers(bed.site.client, CLIENT.ipv4, CLIENT.ipv6);
});
afterAll(() => bed?.close());

/** Calls from the Internet to the server of the site, by ISP B. */
async function calls(): Promise<FlowSpec[]> {
  const servers = { 4: ISP_B.ipv4.own, 6: await bed.gateway.externalOf(CLIENT.ipv6, ISP_B.name) };
  const common = { serverPort: ECHO_PORT, intervalMs: 50, count: 2 };
  return FAMILIES.flatMap((family) =>
    (['talk', 'datagrams'] as const).map((kind, index) => ({
      ...common,
      kind,
      server: servers[family],
      port: 41_000 + 10 * family + index * 1000,
    })),
  );
}

test('MWAN-4 connections to a published server go on by the uplink they came in by; those of the site are reset', async () => {
  await BLACK_HOLE.begin(bed.site, ISP_A);
  await msUntilAllUse(bed, ISP_B, 8000);
  const inbound = await Flows.open(bed.site.internet, await calls());
  const outbound = await Flows.open(bed.site.client, flowsOf('receive', 2, 42_000));

  await untilUp(bed, ISP_A, await BLACK_HOLE.end(bed.site, ISP_A), UP_MS_MAX);
  await until(async () => outbound.ended().length >= 4 || undefined, RESET_MS_MAX + SCHEDULING_MS_MAX, 20);
  // By which name Node calls a reset depends on whether octets came right before it: nobody else has a reason to end them.
  expect(outbound.ended()).toHaveLength(4);
  await outbound.stop();

  const before = await inbound.report();
  const hear = async () => {
    const now = await inbound.report();
    return now.every(({ received }, index) => received > (before[index]?.received ?? Infinity)) || undefined;
  };
  expect(await until(hear, 5000)).toBe(true);
  expect(before).toHaveLength(8);
  expect(inbound.ended()).toEqual([]);
  await inbound.stop();
});

test('no packet left with a source outside the address space of its ISP', async () => {
  for (const isp of [ISP_A, ISP_B]) expect(await bed.site.foreignSources(isp), isp.name).toBe(0);
});
