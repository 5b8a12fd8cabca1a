/**
 * What each failure of an uplink costs, by either profile: how soon it is noticed, which datagrams are lost, which connections are
 * reset and which conversations move. `npm run measure:failover` writes docs/multihoming.md from it; the assertions that
 * belong to what is promised are those of multihoming-*.e2e.ts.
 */
import { afterAll, expect, test } from 'vitest';
import { ISP_A, ISP_B } from '../../src/demo/site.ts';
import { type Figures, writePage } from './failover-page.ts';
import { SITUATIONS, type Situation } from './failover-situations.ts';
import { Flows, flowsOf } from './flows.ts';
import { type Change, changesSince, ispOf, type Profile, seenFrom, withProbe } from './multihoming.ts';
import { TestBed } from './test-bed.ts';

const ISPS = [ISP_A, ISP_B];
/** Of each kind in each family. */
const FLOWS = 10;
const INTERVAL_MS = 20;
const UP_MS_MAX = 20_000;
const PORTS = { receive: 21_000, talk: 23_000, datagrams: 25_000 };
const PROFILES: readonly Profile[] = ['default', 'fast'];

const pages = new Map<Profile, Figures[]>(PROFILES.map((profile) => [profile, []]));

afterAll(() => {
  const isWhole = [...pages.values()].every((figures) => figures.length === SITUATIONS.length);
  if (process.env.NPTD_UPDATE === '1' && isWhole) writePage(pages);
});

for (const profile of PROFILES) {
  test.each(SITUATIONS)(`$title, profile ${profile}`, async (situation) => {
    const figures = await measure(situation, profile);
    process.stdout.write(`${JSON.stringify(figures)}\n`);
    pages.get(profile)?.push(figures);
    expect(figures.foreign, 'packets with the address of another uplink').toBe(0);
  });
}

async function measure({ title, seconds, probe = {}, begin }: Situation, profile: Profile): Promise<Figures> {
  await using bed = await TestBed.open({
    upMsMax: UP_MS_MAX,
    change: (config) => withProbe(config, ISPS, { profile, ...probe }),
  });
  const specs = (['receive', 'talk', 'datagrams'] as const).flatMap((kind) =>
    flowsOf(kind, FLOWS, PORTS[kind], INTERVAL_MS),
  );
  const flows = await Flows.open(bed.site.client, specs);
  const end = new AbortController();
  const { begunMs, over } = await begin(bed.site, ISP_A, end.signal);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const reports = await flows.report();
  end.abort();
  await over;
  const changes = changesSince(bed, begunMs).filter(
    ({ event, uplink }) => event === 'uplink-changed' && uplink === ISP_A.name,
  );
  const datagrams = reports.filter(({ kind }) => kind === 'datagrams');
  const foreign = await Promise.all(ISPS.map((isp) => bed.site.foreignSources(isp)));
  return {
    title,
    noticed: { 4: noticed(changes, 4, begunMs), 6: noticed(changes, 6, begunMs) },
    changes: changes.length,
    datagrams: {
      lost: median(datagrams.map(({ sent, received }) => sent - received)),
      sent: median(datagrams.map(({ sent }) => sent)),
      silenceMs: median(datagrams.map(({ longestGapMs }) => longestGapMs)),
      moved: datagrams.filter(({ port }) => hasMoved(bed, port)).length,
      all: datagrams.length,
    },
    connections: {
      reset: reports.filter(({ ended }) => ended === 'ECONNRESET').length,
      failed: reports.filter(({ ended }) => ended !== undefined && ended !== 'ECONNRESET').length,
      all: reports.length - datagrams.length,
    },
    foreign: foreign.reduce((sum, count) => sum + count, 0),
  };
}

function noticed(changes: readonly Change[], family: 4 | 6, begunMs: number): Figures['noticed'][4] {
  const first = changes.find(({ family: of, to }) => of === family && (to === 'down' || to === 'degraded'));
  return first === undefined ? undefined : { ms: Date.parse(first.time) - begunMs, as: first.to ?? '' };
}

const hasMoved = (bed: TestBed, port: number) =>
  seenFrom(bed, 'udp-echo', port).some((address) => ispOf(ISPS, address) === ISP_B.name);

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
