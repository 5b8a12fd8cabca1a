import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ISP_A, ISP_B } from '../../src/demo/site.ts';
import { expectAllBelow, externalAddress, FAILOVER_MS_MAX, msUntilAllUse, RECOVERY_MS_MAX, WAYS } from './failover.ts';
import { TestBed } from './test-bed.ts';

describe('an ISP that forwards nothing any more, though its router still answers', () => {
  let bed: TestBed;

  beforeAll(async () => {
    bed = await TestBed.open();
  });
  afterAll(() => bed?.close());

  test.each(WAYS)('before: new %s goes through A', async (_title, connect, family) => {
    expect((await connect(bed))?.address).toBe(await externalAddress(bed, ISP_A, family));
  });

  test('after the cut new connections of every kind go through B within 3 s', async () => {
    const ms = await msUntilAllUse(bed, ISP_B, 8000, () => bed.site.cut(ISP_A));
    expectAllBelow(ms, FAILOVER_MS_MAX);
  });

  test.each([4, 6] as const)('the log says that A is down in IPv%i, and why', async (family) => {
    const line = await bed.gateway.process.waitForLine((text) => isChange(text, ISP_A.name, family, 'down'), 1000);
    expect(line).toMatch(/probe|target|answer/i);
  });

  test('restored, new connections come back to A once it has answered for 5 s', async () => {
    const ms = await msUntilAllUse(bed, ISP_A, 15_000, () => bed.site.restore(ISP_A));
    for (const [title] of WAYS) expect(ms[title], `${title}: ${JSON.stringify(ms)}`).toBeGreaterThan(4000);
    expectAllBelow(ms, RECOVERY_MS_MAX);
  });

  test('no packet left with a source outside the address space of its ISP', async () => {
    expect(await bed.site.foreignSources(ISP_A)).toBe(0);
    expect(await bed.site.foreignSources(ISP_B)).toBe(0);
  });
});

function isChange(text: string, uplink: string, family: 4 | 6, state: string): boolean {
  if (!text.startsWith('{')) return false;
  const entry = JSON.parse(text) as Record<string, unknown>;
  return entry.uplink === uplink && entry.family === family && entry.to === state;
}
