/**
 * With no uplink left a host is told at once that it cannot reach the Internet, so that it turns to another way: within 50 ms, in
 * both families, by TCP and UDP. A program that runs already times it (refusals.py). What counts is the median of its attempts:
 * on a machine with other work any one of them may have to wait for a processor.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { INTERNET, ISP_A, ISP_B } from '../../src/demo/site.ts';
import { CARRIER_LOST, FIRST_HOP_DEAD, msUntilDown, untilUp, withProbe } from './multihoming.ts';
import { type ConfigObject, TestBed } from './test-bed.ts';

const PROGRAM = fileURLToPath(new URL('refusals.py', import.meta.url));
const ATTEMPTS = 15;
const REFUSED_MS_MAX = 50;
const DOWN_MS_MAX = 8000;
const UP_MS_MAX = 15_000;

interface Refusals {
  readonly errors: readonly string[];
  readonly ms: readonly number[];
}

/** By protocol and family; a reset is a refused connection, and an ICMP error says that there is no route. */
const WAYS = [
  { title: 'TCP over IPv4', ask: `tcp ${INTERNET.web4} 80`, errors: ['ECONNREFUSED'] },
  { title: 'TCP over IPv6', ask: `tcp ${INTERNET.web6} 80`, errors: ['ECONNREFUSED'] },
  { title: 'UDP over IPv4', ask: `udp ${INTERNET.dns4} 53`, errors: ['EHOSTUNREACH'] },
  { title: 'UDP over IPv6', ask: `udp ${INTERNET.dns6} 53`, errors: ['ENETUNREACH'] },
];

async function expectRefused(bed: TestBed): Promise<void> {
  const input = WAYS.map(({ ask }) => `${ask} ${ATTEMPTS}\n`).join('');
  const lines = (await bed.site.client.runOrThrow(['python3', PROGRAM], { input })).trim().split('\n');
  for (const [index, { title, errors }] of WAYS.entries()) {
    const refusals = JSON.parse(lines[index] ?? '{}') as Refusals;
    const what = `${title}: ${lines[index]}`;
    expect([...new Set(refusals.errors)], what).toEqual(errors);
    expect(refusals.ms.toSorted((a, b) => a - b)[Math.floor(ATTEMPTS / 2)], what).toBeLessThan(REFUSED_MS_MAX);
  }
}

describe.each([
  { title: 'without carrier on any uplink', fault: CARRIER_LOST, policy: {} },
  {
    title: 'with "last-resort: refuse" and no uplink alive',
    fault: FIRST_HOP_DEAD,
    policy: { 'last-resort': 'refuse' },
  },
])('$title', ({ fault, policy }) => {
  let bed: TestBed;
  beforeAll(async () => {
    const change = (config: ConfigObject) => ({
      ...withProbe(config, [ISP_A, ISP_B], { profile: 'fast', 'up-after': '1s' }),
      policy: { default: { prefer: [ISP_A.name, ISP_B.name], ...policy } },
    });
    bed = await TestBed.open({ change });
  });
  afterAll(() => bed?.close());

  test('new flows are refused within 50 ms, and are not once an uplink is back', async () => {
    for (const isp of [ISP_A, ISP_B]) {
      const begun = await fault.begin(bed.site, isp);
      const { ipv4, ipv6 } = await msUntilDown(bed, isp, begun, DOWN_MS_MAX);
      expect([ipv4, ipv6]).toEqual([expect.any(Number), expect.any(Number)]);
    }
    await expectRefused(bed);
    await untilUp(bed, ISP_A, await fault.end(bed.site, ISP_A), UP_MS_MAX);
    for (const server of [INTERNET.web4, `[${INTERNET.web6}]`]) {
      await bed.site.client.runOrThrow(['curl', '-sSf', '-m', '5', `http://${server}/`]);
    }
  });
});
