import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ISP_A, ISP_B } from '../../src/demo/site.ts';
import { FAILOVER_MS_MAX, msUntilAllUse, RECOVERY_MS_MAX, WAYS } from './failover.ts';
import { TestBed } from './test-bed.ts';

describe('an ISP whose router answers nothing at all', () => {
  let bed: TestBed;

  beforeAll(async () => {
    bed = await TestBed.open();
    await msUntilAllUse(bed, ISP_A, 3000);
  });
  afterAll(() => bed.close());

  test('new connections of every kind go through B within 3 s', async () => {
    const device = ISP_A.device;
    await bed.site
      .isp(ISP_A)
      .nft(`table netdev dead { chain in { type filter hook ingress device ${device} priority 0; policy drop; }; }`);
    const ms = await msUntilAllUse(bed, ISP_B, 8000);
    for (const [title] of WAYS) expect(ms[title], `${title}: ${JSON.stringify(ms)}`).toBeLessThan(FAILOVER_MS_MAX);
  });

  test('they come back to A when its router does', async () => {
    await bed.site.isp(ISP_A).nft('delete table netdev dead');
    const ms = await msUntilAllUse(bed, ISP_A, 15_000);
    for (const [title] of WAYS) expect(ms[title], `${title}: ${JSON.stringify(ms)}`).toBeLessThan(RECOVERY_MS_MAX);
  });

  test('a device that the ISP takes down counts as dead as well', async () => {
    await bed.site.isp(ISP_A).ip(`link set ${ISP_A.device} down`);
    const ms = await msUntilAllUse(bed, ISP_B, 8000);
    for (const [title] of WAYS) expect(ms[title], `${title}: ${JSON.stringify(ms)}`).toBeLessThan(FAILOVER_MS_MAX);
  });
});
