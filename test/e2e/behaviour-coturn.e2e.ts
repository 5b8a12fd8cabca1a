/**
 * RFC 5780 behaviour discovery by the programs of coturn, in every UDP filtering mode, at idle and with 95 % of the
 * ports in use. Each verdict is asked for three times: the client never sends a lost packet again.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CLIENT, INTERNET, ISP_A } from '../../src/demo/site.ts';
import {
  FILTERING_MODES,
  fillPool,
  HELD_PORTS,
  onlyHeld,
  openFilteringSite,
  POOL,
  portsInUse,
  SECOND_HOST,
  STUN_ADDRESSES,
  UDP_LIFETIME_S,
} from './filtering-site.ts';
import { coturnObstacle, type Discovery, discover, startTurnServer, VERDICT } from './natdiscovery.ts';
import type { Behaviour } from './programs/stun/discovery.ts';
import type { TestBed } from './test-bed.ts';

type Load = 'at idle' | 'with 95 % of the ports in use';
const LOADS: readonly Load[] = ['at idle', 'with 95 % of the ports in use'];

type Findings = Awaited<ReturnType<typeof examine>>;

const thrice = <T>(work: (time: number) => Promise<T>): Promise<T[]> => Promise.all([0, 1, 2].map(work));

/** What the client can find out in steps that need at most 18 ports each. Under load they follow one another. */
async function examine(bed: TestBed, filtering: Behaviour, load: Load) {
  const ask = (...options: string[]) => discover(bed.site.client, STUN_ADDRESSES[0], ...options);
  const askFirst = (...options: string[]) => thrice(() => ask('-L', CLIENT.ipv4, ...options));
  /** Both hosts at once, from the same source port. */
  const askBoth = (kind: string, port: number) =>
    thrice((time) =>
      Promise.all([CLIENT.ipv4, SECOND_HOST].map((host) => ask(kind, '-L', host, '-l', `${port + time}`))),
    );
  const collide = (time: number) => ask('-c', '-L', CLIENT.ipv4, '-l', `${POOL.first + time}`, '-A', SECOND_HOST);
  const lifetime = (seconds: number) => askFirst('-t', '-T', `${seconds}`);
  const first = async () => {
    const work = [askFirst('-m'), askFirst('-f'), askBoth('-f', POOL.first + 10), thrice(collide)] as const;
    const [mapping, filters, collidingFilters, collision] = await Promise.all(work);
    return { mapping, filters, collidingFilters, collision };
  };
  const second = async () => {
    const work = [askBoth('-m', POOL.first + 20), lifetime(UDP_LIFETIME_S - 2), lifetime(UDP_LIFETIME_S + 1)] as const;
    const [collidingMapping, alive, expired] = await Promise.all(work);
    return { collidingMapping, alive, expired };
  };
  // The client hairpins to a socket of its own that has not sent to the other: only what is not filtered arrives.
  const third = async () => ({ hairpin: filtering === 'endpoint-independent' ? await askFirst('-H') : [] });
  if (load === 'at idle') {
    const found = await Promise.all([first(), second(), third()]);
    return { ...found[0], ...found[1], ...found[2], ports: await portsInUse(bed) };
  }
  await fillPool(bed);
  // Twenty ports are left, and each group of questions takes up to a dozen: one after the other.
  const alone = async <T>(group: () => Promise<T>): Promise<T> => {
    await onlyHeld(bed);
    return group();
  };
  const mapping = await alone(() => askFirst('-m'));
  const filters = await alone(() => askFirst('-f'));
  const collidingFilters = await alone(() => askBoth('-f', POOL.first + 10));
  const collision = await alone(() => thrice(collide));
  const later = await alone(second);
  const last = await alone(third);
  return { mapping, filters, collidingFilters, collision, ...later, ...last, ports: await portsInUse(bed) };
}

const obstacle = await coturnObstacle();
const beds = new Map<Behaviour, TestBed>();
const findings = new Map<string, Findings>();

async function examineAtEveryLoad(filtering: Behaviour): Promise<void> {
  const bed = await openFilteringSite(filtering);
  beds.set(filtering, bed);
  await startTurnServer(bed.site.internet, STUN_ADDRESSES);
  for (const load of LOADS) findings.set(filtering + load, await examine(bed, filtering, load));
}

beforeAll(async () => {
  if (obstacle === undefined) await Promise.all(FILTERING_MODES.map(examineAtEveryLoad));
});
afterAll(() => Promise.all([...beds.values()].map((bed) => bed.close())));
beforeEach(({ skip }) => skip(obstacle !== undefined, obstacle));

const cases = FILTERING_MODES.flatMap((filtering) => LOADS.map((load) => ({ filtering, load })));

function foundAt(filtering: Behaviour, load: Load): Findings {
  const found = findings.get(filtering + load);
  if (found === undefined) throw new Error('nothing was found out');
  return found;
}

describe.each(cases)('$filtering filtering, $load', ({ filtering, load }) => {
  const found = () => foundAt(filtering, load);
  const expectVerdict = (runs: readonly Discovery[], verdict: string) => {
    for (const { verdicts, text } of runs) expect(verdicts, text).toEqual([verdict]);
    expect(runs.length).toBeGreaterThanOrEqual(3);
  };

  test('4787-R1, 5780-M: the mapping is endpoint-independent, on the address of the uplink', () => {
    expectVerdict(found().mapping, VERDICT.mapping);
    for (const { reflexive, text } of found().mapping) {
      expect(
        reflexive.map(({ address }) => address),
        text,
      ).toEqual([ISP_A.ipv4.own, ISP_A.ipv4.own]);
      expect(new Set(reflexive.map(({ port }) => port)).size, text).toBe(1);
    }
  });

  test('4787-R8, 4787-R8a, 5780-F: the filtering is what the configuration says', () => {
    expectVerdict(found().filters, VERDICT.filtering[filtering]);
  });

  test('5780-L, 4787-R5b: a mapping lives as long as the configuration says, and no longer', () => {
    const { alive, expired } = found();
    for (const { responses, timedOut, text } of alive)
      expect({ responses, timedOut }, text).toEqual({ responses: 2, timedOut: false });
    for (const { responses, timedOut, text } of expired)
      expect({ responses, timedOut }, text).toEqual({ responses: 1, timedOut: true });
    expect([alive.length, expired.length]).toEqual([3, 3]);
  });

  test('4787-R3, 4787-R11: two hosts with the same source port have an external port each', () => {
    for (const { reflexive, text } of found().collision) {
      expect(
        reflexive.map(({ address }) => address),
        text,
      ).toEqual([ISP_A.ipv4.own, ISP_A.ipv4.own]);
      expect(new Set(reflexive.map(({ port }) => port)).size, text).toBe(2);
    }
    expect(found().collision).toHaveLength(3);
  });

  test('4787-R11: two hosts with the same source port at once see what a lone one sees', () => {
    expectVerdict(found().collidingMapping.flat(), VERDICT.mapping);
    expectVerdict(found().collidingFilters.flat(), VERDICT.filtering[filtering]);
  });

  test('4787-R10: no answer has been changed on the way', () => {
    const runs = Object.values(found()).flatMap((value) => (value instanceof Map ? [] : value.flat()));
    expect(runs.length).toBeGreaterThanOrEqual(27);
    for (const { payloadChanged, reflexive, text } of runs) {
      expect(payloadChanged, text).toBe(false);
      expect(reflexive.length, text).toBeGreaterThan(0);
    }
  });

  test('4787-R11: the ports were in use as the title says, and there was one for everybody', async () => {
    const held = [...found().ports.keys()].filter((endpoint) => endpoint.startsWith(`${SECOND_HOST}:`));
    expect(held.length).toBeGreaterThanOrEqual(load === 'at idle' ? 0 : HELD_PORTS);
    for (const port of found().ports.values()) {
      expect(port).toBeGreaterThanOrEqual(POOL.first);
      expect(port).toBeLessThan(POOL.first + POOL.size);
    }
    expect((await beds.get(filtering)?.verdicts())?.PortPoolExhausted ?? 0).toBe(0);
  });
});

test.each(LOADS)('4787-R9, 5780-H: a host reaches itself by its external endpoint, %s', (load) => {
  const { hairpin } = foundAt('endpoint-independent', load);
  for (const { hairpinned, text } of hairpin) expect(hairpinned, text).toBe(true);
  expect(hairpin).toHaveLength(3);
});

test('6296-6, 6296-2.5: through NPTv6 the port stays what it is, the address is that of nptd map, and all get in', async () => {
  const bed = beds.get('endpoint-independent');
  if (bed === undefined) throw new Error('there is no site');
  await startTurnServer(bed.site.internet, [INTERNET.dns6, INTERNET.web6]);
  const external = await bed.gateway.externalOf(CLIENT.ipv6, ISP_A.name);
  for (const [option, verdict] of [
    ['-m', VERDICT.mapping],
    ['-f', VERDICT.filtering['endpoint-independent']],
  ] as const) {
    const run = await discover(bed.site.client, INTERNET.dns6, option, '-L', CLIENT.ipv6, '-l', '40000');
    expect(run.verdicts, run.text).toEqual([verdict]);
    expect(run.reflexive, run.text).toEqual(run.reflexive.map(() => ({ address: external, port: 40_000 })));
    expect(run.responses).toBe(2);
  }
});
