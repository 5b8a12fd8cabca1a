/** `nptd zone --up` beside a running gateway: what to publish in the DNS now. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLIENT, ISP_A, ISP_B, type Isp } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { type ConfigObject, changeUplink, TestBed } from './test-bed.ts';

const NAME = 'www.example.org.';
/** Until an uplink counts as down, or as up again. */
const CHANGE_MS_MAX = 9000;

let bed: TestBed;
let folder: string;
/** The client's external IPv6 address by uplink. */
let external6: Readonly<Record<string, string>>;

beforeAll(async () => {
  bed = await TestBed.open({
    change: (config) => ({
      ...[ISP_A, ISP_B].reduce((changed, isp) => changeUplink(changed, isp, backSoon), config),
      publish: { web: { to: [CLIENT.ipv4, CLIENT.ipv6], tcp: [80] } },
    }),
  });
  folder = await mkdtemp(join(tmpdir(), 'nptd-names-'));
  await writeFile(join(folder, 'names'), `${CLIENT.ipv4} ${NAME}\n${CLIENT.ipv6} ${NAME}\n`);
  const onBoth = [ISP_A, ISP_B].map(async (isp) => [isp.name, await bed.gateway.externalOf(CLIENT.ipv6, isp.name)]);
  external6 = Object.fromEntries(await Promise.all(onBoth));
});
afterAll(async () => {
  await bed?.close();
  if (folder !== undefined) await rm(folder, { recursive: true });
});

const backSoon = (uplink: ConfigObject): ConfigObject => ({
  ...uplink,
  probe: { ...(uplink.probe as object), 'up-after': '1s' },
});

/** The records of the name, without TTL and class. */
async function records(...options: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await bed.gateway.command(
    'zone',
    join(folder, 'names'),
    bed.gateway.config,
    ...options,
  );
  expect(code, stderr).toBe(0);
  const lines = stdout.split('\n').filter((line) => line.startsWith(NAME));
  return lines.map((line) => line.split(/\s+/).slice(3).join(' '));
}

const recordsOf = (isp: Isp, family?: 4 | 6) => [
  ...(family === 6 ? [] : [`A ${isp.ipv4.own}`]),
  ...(family === 4 ? [] : [`AAAA ${external6[isp.name]}`]),
];

/** Waits until the records are these. */
async function untilRecords(wanted: readonly string[]): Promise<readonly string[]> {
  let seen: readonly string[] = [];
  await until(
    async () => {
      seen = await records('--up');
      return seen.join() === wanted.join() ? true : undefined;
    },
    CHANGE_MS_MAX,
    200,
  );
  return seen;
}

const ALL = () => [...recordsOf(ISP_A), ...recordsOf(ISP_B)];

test('all uplinks up: all records, with --up and without', async () => {
  expect(await records()).toEqual(ALL());
  expect(await records('--up')).toEqual(ALL());
});

test('a dead uplink has no records, and a comment says why', async () => {
  await bed.site.cut(ISP_A);
  expect(await untilRecords(recordsOf(ISP_B))).toEqual(recordsOf(ISP_B));
  const { stdout } = await bed.gateway.command('zone', join(folder, 'names'), bed.gateway.config, '--up');
  expect(stdout).toContain('; without A records: IPv4 is down\n; without AAAA records: IPv6 is down\n');
  expect(await records(), 'without --up the gateway is not asked').toEqual(ALL());
});

test('restored, it has them again', async () => {
  await bed.site.restore(ISP_A);
  expect(await untilRecords(ALL())).toEqual(ALL());
});

test('an uplink that is dead in one family keeps the records of the other', async () => {
  await bed.site.cut(ISP_B, 6);
  const wanted = [...recordsOf(ISP_A), ...recordsOf(ISP_B, 4)];
  expect(await untilRecords(wanted)).toEqual(wanted);
});

test('without a running gateway --up says so', async () => {
  await bed.gateway.process.stop();
  const { code, stdout } = await bed.gateway.command('zone', join(folder, 'names'), bed.gateway.config, '--up');
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
});
