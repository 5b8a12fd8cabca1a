/** A full uplink is no dead one; multihoming-saturation.long.ts looks for ten minutes. */
import { beforeEach, expect, test } from 'vitest';
import { saturate, shapingObstacle } from './saturation.ts';

const SECONDS = 8;
/** Half of what 20 Mbit/s carry in that time: it was full. */
const OCTETS_MIN = (SECONDS * 20_000_000) / 8 / 2;

beforeEach(({ skip }) => skip(shapingObstacle !== undefined, shapingObstacle));

test('an uplink that its site fills both ways stays up, and nothing leaves it', async () => {
  const { changes, ended, octets } = await saturate({ profile: 'default', queueMs: 300, seconds: SECONDS });
  expect(changes).toEqual([]);
  expect(ended).toBe(0);
  expect(octets.up).toBeGreaterThan(OCTETS_MIN);
  expect(octets.down).toBeGreaterThan(OCTETS_MIN);
});
