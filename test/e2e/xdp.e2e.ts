/** What only AF_XDP has to show: whose the interface is. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ping } from '../../src/demo/clients.ts';
import type { Namespace, Network } from '../../src/demo/network.ts';
import { INTERNET, ISP_A, ISP_B, type Site } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { expectAllBelow, FAILOVER_MS_MAX, msUntilAllUse, RECOVERY_MS_MAX } from './failover.ts';
import { addFinishedInterfaces, byInterfaces, PORTS, xdpObstacle } from './interfaces.ts';
import { CARRIER_LOST, withProbe } from './multihoming.ts';
import { TestBed } from './test-bed.ts';

const obstacle = xdpObstacle();

let bed: TestBed;
let interfaces: Namespace;

beforeAll(async () => {
  if (obstacle !== undefined) return;
  const before = async (network: Network, site: Site) => {
    interfaces = await addFinishedInterfaces(network, site);
  };
  bed = await TestBed.open({
    // One fault comes soon after the other, and is none of flapping.
    change: (config, prefix) => withProbe(byInterfaces('xdp')(config, prefix), [ISP_A], { 'up-after-max': '5s' }),
    before,
  });
});
beforeEach(({ skip }) => skip(obstacle !== undefined, obstacle));
afterAll(() => bed?.close());

/** Interfaces with a program. */
async function taken(): Promise<string[]> {
  const lines = (await interfaces.runOrThrow(['ip', '-o', 'link', 'show'])).split('\n');
  return PORTS.filter((port) => lines.some((line) => line.includes(`${port}@`) && /\bxdp\b/.test(line)));
}

test('the kernel hears nothing on the interfaces', async () => {
  expect(await taken()).toEqual(PORTS);
  await interfaces.ip('address add 192.168.1.77/24 dev port0');
  expect((await ping(bed.site.client, '192.168.1.77', 2)).received).toBe(0);
  await interfaces.ip('address del 192.168.1.77/24 dev port0');
});

test.each(['at this end', 'at the other end'])(
  'an interface that goes down %s is told of and its uplink left',
  async (end) => {
    const [namespace, device] = end === 'at this end' ? [interfaces, 'port1'] : [bed.site.isp(ISP_A), ISP_A.device];
    const from = bed.gateway.process.lines.length;
    const told = (text: string) => bed.gateway.log(from).some(({ message }) => message.includes(text));
    await namespace.ip(`link set ${device} down`);
    expect(await until(async () => told('port1') || undefined, 2000)).toBe(true);
    expectAllBelow(await msUntilAllUse(bed, ISP_B, 2 * FAILOVER_MS_MAX), FAILOVER_MS_MAX);
    await CARRIER_LOST.end(bed.site, ISP_A);
    await interfaces.ip('link set port1 up');
    expectAllBelow(await msUntilAllUse(bed, ISP_A, 2 * RECOVERY_MS_MAX), RECOVERY_MS_MAX);
  },
);

test('nptd that is killed gives the interfaces back, and can take them again at once', async () => {
  bed.gateway.process.signal('SIGKILL');
  await bed.gateway.process.ended();
  const second = await bed.gateway.restart(bed.network);
  expect(await taken()).toEqual(PORTS);
  expect((await ping(bed.site.client, INTERNET.probe4, 3)).received).toBe(3);
  second.process.signal('SIGKILL');
  await second.process.ended();
  expect(await until(async () => ((await taken()).length === 0 ? true : undefined), 2000)).toBe(true);
});
