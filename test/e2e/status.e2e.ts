import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ping, whoAmIByDns } from '../../src/demo/clients.ts';
import { CLIENT, INTERNET, ISP_A, ISP_B } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { TestBed } from './test-bed.ts';

let bed: TestBed;

beforeAll(async () => {
  bed = await TestBed.open();
});
afterAll(() => bed?.close());

test('nptd status shows both uplinks up in both families once their targets have answered', async () => {
  const up = async () => {
    const { uplinks } = await bed.status();
    return uplinks.every(({ ipv4, ipv6 }) => ipv4?.health === 'up' && ipv6?.health === 'up') ? uplinks : undefined;
  };
  const uplinks = await until(up, 5000);
  expect(uplinks?.map(({ name, device }) => [name, device])).toEqual([
    [ISP_A.name, ISP_A.device],
    [ISP_B.name, ISP_B.device],
  ]);
  for (const { ipv4, ipv6 } of uplinks ?? []) {
    expect(ipv4?.targets).toEqual([INTERNET.probe4, INTERNET.dns4]);
    expect(ipv6?.targets).toEqual([INTERNET.probe6, INTERNET.dns6]);
    expect(ipv4?.lastRttMs).toBeGreaterThan(0);
  }
});

test('nptd status shows what new traffic takes', async () => {
  const { selections, generation } = await bed.status();
  expect(generation).toBeGreaterThanOrEqual(1);
  expect(selections).toMatchObject([
    { policy: 'default', family: 4, uplink: ISP_A.name },
    { policy: 'default', family: 6, uplink: ISP_A.name },
  ]);
});

test('forwarded packets are counted on the uplink and in the direction that they took', async () => {
  const forwarded = async () => {
    const { counters } = await bed.status();
    const rows = counters.verdicts.filter(({ slot, verdict }) => slot === 0 && verdict === 'Forward');
    return (direction: string) => rows.find((row) => row.direction === direction)?.count ?? 0;
  };
  const before = await forwarded();
  await ping(bed.site.client, INTERNET.web4, 20);
  const after = await forwarded();
  for (const direction of ['outbound', 'inbound']) {
    const added = after(direction) - before(direction);
    expect(added, direction).toBeGreaterThanOrEqual(20);
    expect(added, direction).toBeLessThan(30);
  }
});

test('nptd sessions lists a connection while it is open, with its endpoints on both sides', async () => {
  const url = `http://${INTERNET.web4}/ticks`;
  const curl = bed.site.client.start(['curl', '-sSN', url]);
  const line = await curl.waitForLine((text) => /^\S+ \d+$/.test(text), 5000);
  const { total, sessions } = await bed.sessions();
  const session = sessions.find(({ protocol, remote }) => protocol === 'tcp' && remote === `${INTERNET.web4}:80`);
  expect(session).toMatchObject({ external: line.replace(' ', ':'), uplink: ISP_A.name });
  expect(session?.internal.startsWith(`${CLIENT.ipv4}:`)).toBe(true);
  expect(session?.tcpState).toMatch(/established/i);
  expect(session?.expiresInMs).toBeGreaterThan(7_000_000);
  expect(total).toBeGreaterThanOrEqual(1);
  await curl.stop();
});

test('nptd sessions lists a DNS query with the port that the server saw', async () => {
  const seen = await whoAmIByDns(bed.site.client, INTERNET.dns4);
  const { sessions } = await bed.sessions();
  const externals = sessions.filter(({ remote }) => remote === `${INTERNET.dns4}:53`).map(({ external }) => external);
  expect(externals).toContain(`${seen?.address}:${seen?.port}`);
});

test('6888-R12: the log of the gateway says nothing of where these flows went', async () => {
  const seen = await whoAmIByDns(bed.site.client, INTERNET.dns4);
  const { lines } = bed.gateway.process;
  expect(lines.length).toBeGreaterThan(4);
  const endpoint = new RegExp(`\\d:${seen?.port}\\b`);
  const telling = lines.filter((line) => line.includes(INTERNET.web4) || endpoint.test(line));
  expect(telling).toEqual([]);
});

test('another gateway at the same control socket is told who holds it, and makes no device', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'nptd-second-'));
  const file = join(folder, 'nptd.yaml');
  const netns = bed.site.client.name;
  const config = `
internal: { office: { device: { tap: second0, netns: ${netns} }, ipv4: 10.77.0.1/24 } }
uplinks: { other: { device: { tap: second1, netns: ${netns} }, ipv4: { address: 10.78.0.2/24, gateway: 10.78.0.1 } } }
`;
  await writeFile(file, config);
  const second = await bed.gateway.command('run', file, '--socket', bed.socket);
  await rm(folder, { recursive: true });
  expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining(`(pid ${bed.gateway.process.pid})`) });
  expect(second.stderr).toContain(bed.socket);
  expect((await bed.status()).generation).toBeGreaterThan(0);
});

test('the tables for people say the same', async () => {
  const status = await bed.gateway.command('status', '--socket', bed.socket);
  expect(status.stdout).toMatch(new RegExp(`${ISP_A.name}[^\n]*up`));
  const sessions = await bed.gateway.command('sessions', '--socket', bed.socket);
  expect(sessions.stdout).toContain(`${INTERNET.dns4}:53`);
});
