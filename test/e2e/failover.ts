/** What the failover tests share: how long until new connections go through another uplink. */
import { expect } from 'vitest';
import { type SeenFrom, whoAmI, whoAmIByDns } from '../../src/demo/clients.ts';
import { CLIENT, INTERNET, type Isp } from '../../src/demo/site.ts';
import { firstSuccess } from '../../src/demo/wait.ts';
import type { TestBed } from './test-bed.ts';

/** DESIGN section 8: new flows have moved within this. */
export const FAILOVER_MS_MAX = 3000;
/** `up-after` is 5 s in tests; the first answers and one round of probes come on top. */
export const RECOVERY_MS_MAX = 9000;

/** Ways to open a new connection, by what they are. */
export const WAYS: readonly [string, (bed: TestBed) => Promise<SeenFrom | undefined>, 4 | 6][] = [
  ['TCP over IPv4', (bed) => whoAmI(bed.site.client, INTERNET.web4, 0.5), 4],
  ['TCP over IPv6', (bed) => whoAmI(bed.site.client, INTERNET.web6, 0.5), 6],
  ['UDP over IPv4', (bed) => whoAmIByDns(bed.site.client, INTERNET.dns4), 4],
  ['UDP over IPv6', (bed) => whoAmIByDns(bed.site.client, INTERNET.dns6), 6],
];

/** The address that the Internet sees of the client through an uplink. */
export async function externalAddress(bed: TestBed, isp: Isp, family: 4 | 6): Promise<string> {
  return family === 4 ? isp.ipv4.own : await bed.gateway.externalOf(CLIENT.ipv6, isp.name);
}

/**
 * Does something to the network, then opens connections in every way of `WAYS`, side by side and again and again.
 * @returns milliseconds until the first of each that came from the wanted uplink was opened; undefined for never
 */
export async function msUntilAllUse(
  bed: TestBed,
  isp: Isp,
  timeoutMs: number,
  act: () => Promise<void> = async () => {},
): Promise<Record<string, number | undefined>> {
  const external = { 4: await externalAddress(bed, isp, 4), 6: await externalAddress(bed, isp, 6) };
  const started = performance.now();
  await act();
  const entries = WAYS.map(async ([title, connect, family]) => {
    const at = await firstSuccess(async () => (await connect(bed))?.address === external[family], timeoutMs);
    return [title, at === undefined ? undefined : at - started] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** Every way took less than `msMax`; what each took is part of the complaint. */
export function expectAllBelow(ms: Record<string, number | undefined>, msMax: number): void {
  for (const [title] of WAYS) expect(ms[title], `${title}: ${JSON.stringify(ms)}`).toBeLessThan(msMax);
}
