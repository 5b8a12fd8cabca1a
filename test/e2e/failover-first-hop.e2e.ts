import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ISP_A, ISP_B } from '../../src/demo/site.ts';
import { expectAllBelow, FAILOVER_MS_MAX, msUntilAllUse, RECOVERY_MS_MAX } from './failover.ts';
import { TestBed } from './test-bed.ts';

describe('an ISP whose router answers nothing at all', () => {
  let bed: TestBed;

  beforeAll(async () => {
    bed = await TestBed.open();
  });
  afterAll(() => bed?.close());

  test('new connections of every kind go through B within 3 s', async () => {
    const hook = `type filter hook ingress device ${ISP_A.device} priority 0; policy drop;`;
    const kill = () => bed.site.isp(ISP_A).nft(`table netdev dead { chain in { ${hook} }; }`);
    expectAllBelow(await msUntilAllUse(bed, ISP_B, 8000, kill), FAILOVER_MS_MAX);
  });

  test('they come back to A when its router does', async () => {
    const revive = () => bed.site.isp(ISP_A).nft('delete table netdev dead');
    expectAllBelow(await msUntilAllUse(bed, ISP_A, 15_000, revive), RECOVERY_MS_MAX);
  });

  test('a device that the ISP takes down counts as dead as well', async () => {
    const takeDown = () => bed.site.isp(ISP_A).ip(`link set ${ISP_A.device} down`);
    expectAllBelow(await msUntilAllUse(bed, ISP_B, 8000, takeDown), FAILOVER_MS_MAX);
    // No probe had to find out.
    const cause = await bed.gateway.process.waitForLine(
      (line) => line.includes('"to":"down"') && line.includes('failed: '),
      1000,
    );
    expect(cause).toContain(`(${ISP_A.device} in namespace`);
  });
});
