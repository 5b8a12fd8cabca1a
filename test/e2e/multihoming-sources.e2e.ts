/**
 * No packet leaves by an uplink with the address of another one, in the middle of a change and under full load (MWAN-1): all
 * that the site sends is captured on both uplinks while all flows are driven from one to the other and back.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { runOrThrow } from '../../src/demo/processes.ts';
import { INTERNET, ISP_A, ISP_B } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { foreignTo, SourceCapture } from './capture.ts';
import { Flows, flowsOf } from './flows.ts';
import { startUpload } from './load.ts';
import { BLACK_HOLE, changesSince, msUntilDown, withProbe } from './multihoming.ts';
import { TestBed } from './test-bed.ts';

const ISPS = [ISP_A, ISP_B];
const ROUNDS = 3;
const UP_MS_MAX = 15_000;

const hasTcpdump = (await runOrThrow(['sh', '-c', 'command -v tcpdump || true'])) !== '';
const obstacle = hasTcpdump ? undefined : 'tcpdump is missing; to run it: apt-get install tcpdump (as root)';

let bed: TestBed;

beforeAll(async () => {
  if (obstacle !== undefined) return;
  bed = await TestBed.open({
    change: (config) => ({
      ...withProbe(config, ISPS, { profile: 'fast', 'up-after': '500ms', 'up-after-max': '500ms' }),
      // What was established moves at each change, there and back.
      policy: { default: { prefer: ['isp-a', 'isp-b'], failback: 'hard' } },
    }),
  });
});
afterAll(() => bed?.close());
beforeEach(({ skip }) => skip(obstacle !== undefined, obstacle));

test(`every source on both uplinks is the uplink's own through ${2 * ROUNDS} changes at full load`, async () => {
  const captures = await Promise.all(ISPS.map((isp) => SourceCapture.start(bed.site.isp(isp), isp.device)));
  for (const server of [INTERNET.web4, INTERNET.web6]) startUpload(bed.site.client, server);
  const datagrams = await Flows.open(bed.site.client, flowsOf('datagrams', 20, 20_000, 5));
  for (let round = 0; round < ROUNDS; round += 1) {
    await msUntilDown(bed, ISP_A, await BLACK_HOLE.begin(bed.site, ISP_A), UP_MS_MAX);
    await takenBy(ISP_A.name, await BLACK_HOLE.end(bed.site, ISP_A));
  }
  const reports = await datagrams.report();
  const captured = await Promise.all(captures.map((capture) => capture.stop()));

  for (const [at, isp] of ISPS.entries()) {
    const sources = captured[at];
    if (sources === undefined) throw new Error('every ISP has a capture');
    expect(sources.lost, `packets that tcpdump lost on ${isp.name}`).toBe(0);
    expect(foreignTo(isp, sources), isp.name).toEqual([]);
    // The load was there, in both families.
    for (const counts of [sources.ipv4, sources.ipv6]) expect(Math.max(...counts.values())).toBeGreaterThan(1000);
    expect(await bed.site.foreignSources(isp), isp.name).toBe(0);
  }
  // Datagrams went on, but for those under way while an uplink was dead and not known to be.
  for (const { received } of reports) expect(received).toBeGreaterThan(100);
});

/** Waits until new traffic of both families takes an uplink, by what the gateway says from a time on. */
async function takenBy(uplink: string, sinceMs: number): Promise<void> {
  const isTaken = (family: 4 | 6) =>
    changesSince(bed, sinceMs).some(
      (one) => one.event === 'selection-changed' && one.family === family && one.to === uplink,
    );
  expect(await until(async () => (isTaken(4) && isTaken(6)) || undefined, UP_MS_MAX)).toBe(true);
}
