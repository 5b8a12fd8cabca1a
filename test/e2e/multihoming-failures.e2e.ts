/**
 * Every way for an ISP to fail, with three ISPs and `profile: fast`: how soon that is noticed, and what becomes of flows that
 * only receive, that talk, and of datagrams. docs/multihoming.md has figures, failover-black-hole.e2e.ts the default profile.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whoAmI } from '../../src/demo/clients.ts';
import { INTERNET, ISP_A, ISP_B, type Isp } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { externalAddress, FAILOVER_MS_MAX, msUntilAllUse } from './failover.ts';
import { Flows, flowsOf } from './flows.ts';
import {
  BLACK_HOLE,
  CARRIER_LOST,
  changesSince,
  DETECTED_MS_MAX,
  FIRST_HOP_DEAD,
  ISP_C,
  ispOf,
  msUntilDown,
  msUntilState,
  ONE_WAY,
  RESET_MS_MAX,
  SCHEDULING_MS_MAX,
  seenFrom,
  TARGETS_MUTE,
  untilUp,
  withProbe,
} from './multihoming.ts';
import { TestBed } from './test-bed.ts';

const ISPS: readonly Isp[] = [ISP_A, ISP_B, ISP_C];
const FAMILIES = [4, 6] as const;
const UP_MS_MAX = 15_000;
/** Time for a flow that is not to end to end. */
const QUIET_MS = 2000;

describe('three ISPs, of which one after the other fails, each in its own way', () => {
  let bed: TestBed;

  beforeAll(async () => {
    const probe = { profile: 'fast', 'up-after': '1s', 'up-after-max': '1s' };
    bed = await TestBed.open({ isps: ISPS, change: (config) => withProbe(config, ISPS, probe) });
  });
  afterAll(() => bed?.close());

  test.each([
    [BLACK_HOLE, 20_000],
    [FIRST_HOP_DEAD, 22_000],
    [CARRIER_LOST, 24_000],
    [ONE_WAY, 26_000],
  ])('$title: noticed in time, receivers reset, datagrams moved, other ISPs untouched', async (fault, port) => {
    const flows = await Flows.open(bed.site.client, [...flowsOf('receive', 3, port), ...flowsOf('datagrams', 3, port)]);
    const begun = await fault.begin(bed.site, ISP_A);
    const down = await msUntilDown(bed, ISP_A, begun, 8000);
    for (const ms of [down.ipv4, down.ipv6]) expect(ms).toBeLessThan(DETECTED_MS_MAX.fast + SCHEDULING_MS_MAX);

    // Fail loudly: a host that only receives has said nothing since, and is told all the same.
    await until(async () => flows.ended().length >= 6 || undefined, 5000, 20);
    expect(flows.ended()).toHaveLength(6);
    for (const { code, atMs, family } of flows.ended()) {
      const downMs = begun + ((family === 4 ? down.ipv4 : down.ipv6) ?? Infinity);
      expect(code).toBe('ECONNRESET');
      expect(atMs - downMs).toBeLessThan(RESET_MS_MAX + SCHEDULING_MS_MAX);
    }

    // Every conversation by datagrams goes on by B, from the port that it had.
    const isMoved = (at: number) => ispOf(ISPS, seenFrom(bed, 'udp-echo', at).at(-1) ?? '') === ISP_B.name;
    const ports = [0, 1, 2, 1000, 1001, 1002].map((offset) => port + offset);
    expect(await until(async () => ports.every(isMoved) || undefined, 3000)).toBe(true);
    expect(changesSince(bed, begun).filter(({ uplink, to }) => uplink !== ISP_A.name && to === 'down')).toEqual([]);

    const ended = await fault.end(bed.site, ISP_A);
    await untilUp(bed, ISP_A, ended, UP_MS_MAX);
    await flows.stop();
  });

  test('two ISPs dead: the third takes over, and goes back when one is back', async () => {
    await BLACK_HOLE.begin(bed.site, ISP_A);
    const kill = async () => void (await BLACK_HOLE.begin(bed.site, ISP_B));
    const ms = await msUntilAllUse(bed, ISP_C, 8000, kill);
    for (const value of Object.values(ms)) expect(value).toBeLessThan(FAILOVER_MS_MAX);
    const ended = await BLACK_HOLE.end(bed.site, ISP_B);
    await untilUp(bed, ISP_B, ended, UP_MS_MAX);
    await msUntilAllUse(bed, ISP_B, 8000);
    await untilUp(bed, ISP_A, await BLACK_HOLE.end(bed.site, ISP_A), UP_MS_MAX);
  });

  test('one family of an ISP dies: the other one stays where it is', async () => {
    const flows = await Flows.open(bed.site.client, [...flowsOf('receive', 2, 28_000), ...flowsOf('talk', 2, 28_100)]);
    const begun = Date.now();
    await bed.site.cut(ISP_A, 6);
    const ms = await msUntilState(bed, ISP_A, 6, ['down'], begun, 8000);
    expect(ms).toBeLessThan(DETECTED_MS_MAX.fast + 2 * SCHEDULING_MS_MAX);
    await until(async () => flows.ended().length >= 4 || undefined, 5000);
    expect(flows.ended().map(({ family }) => family)).toEqual([6, 6, 6, 6]);
    expect((await flows.report()).filter(({ family, ended }) => family === 4 && ended !== undefined)).toEqual([]);
    const restored = Date.now();
    await bed.site.restore(ISP_A);
    await msUntilState(bed, ISP_A, 6, ['up'], restored, UP_MS_MAX);
    await flows.stop();
  });

  test('all probe targets fall silent at once: they are distrusted, and no flow is touched', async () => {
    const flows = await Flows.open(bed.site.client, [...flowsOf('receive', 3, 30_000), ...flowsOf('talk', 3, 30_100)]);
    const begun = await TARGETS_MUTE.begin(bed.site, ISP_A);
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    expect(changesSince(bed, begun).filter(({ to }) => to === 'down')).toEqual([]);
    expect(flows.ended()).toEqual([]);
    for (const family of FAMILIES) {
      const seen = await whoAmI(bed.site.client, family === 4 ? INTERNET.web4 : INTERNET.web6);
      expect(seen?.address).toBe(await externalAddress(bed, ISP_A, family));
    }
    await TARGETS_MUTE.end(bed.site, ISP_A);
    await flows.stop();
  });

  test('no packet left with a source outside the address space of its ISP', async () => {
    for (const isp of ISPS) expect(await bed.site.foreignSources(isp), isp.name).toBe(0);
  });
});
