/** No false failover in ten minutes at full load, by either profile. */
import { beforeEach, expect, test } from 'vitest';
import { type SaturatedRun, saturate, shapingObstacle } from './saturation.ts';

const SECONDS = Number(process.env.NPTD_SATURATION_SECONDS ?? 600);
/** A quarter of what the line carries: those who send wait for acknowledgements that wait in the other queue. */
const OCTETS_MIN = (SECONDS * 20_000_000) / 8 / 4;

beforeEach(({ skip }) => skip(shapingObstacle !== undefined, shapingObstacle));

test.each<Pick<SaturatedRun, 'profile' | 'queueMs'>>([
  { profile: 'default', queueMs: 300 },
  { profile: 'fast', queueMs: 25 },
])('$profile profile, a queue of $queueMs ms: an uplink that is full stays up', async (how) => {
  const { changes, ended, octets } = await saturate({ ...how, seconds: SECONDS });
  expect(changes).toEqual([]);
  expect(ended).toBe(0);
  expect(octets.up).toBeGreaterThan(OCTETS_MIN);
  expect(octets.down).toBeGreaterThan(OCTETS_MIN);
});
