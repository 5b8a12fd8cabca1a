/** A full uplink is no dead one; multihoming-saturation.long.ts looks for ten minutes. */
import { beforeEach, expect, test } from 'vitest';
import { saturate, shapingObstacle } from './saturation.ts';

const SECONDS = 8;
/** A quarter of what 20 Mbit/s carry in that time, in which connections begin slowly and wait for each other's acknowledgements. */
const OCTETS_MIN = (SECONDS * 20_000_000) / 8 / 4;
/** Times that packets had to wait for the line: it was full all the time. */
const WAITS_MIN = 1000;

beforeEach(({ skip }) => skip(shapingObstacle !== undefined, shapingObstacle));

test('an uplink that its site fills both ways stays up, and nothing leaves it', async () => {
  const { changes, ended, octets, waits } = await saturate({ profile: 'default', queueMs: 300, seconds: SECONDS });
  expect(changes).toEqual([]);
  expect(ended).toBe(0);
  expect(octets.up).toBeGreaterThan(OCTETS_MIN);
  expect(octets.down).toBeGreaterThan(OCTETS_MIN);
  expect(waits.up).toBeGreaterThan(WAITS_MIN);
  expect(waits.down).toBeGreaterThan(WAITS_MIN);
});
