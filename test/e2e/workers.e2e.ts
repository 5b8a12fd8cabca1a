/**
 * nptd with two workers: flows of both, whichever of them receives a packet. All other end-to-end tests run so too, with
 * `NPTD_E2E_WORKERS=2`.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ping } from '../../src/demo/clients.ts';
import { CLIENT, INTERNET, ISP_A, ISP_B, type Isp } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { Flows, flowsOf } from './flows.ts';
import { type ConfigObject, TestBed } from './test-bed.ts';

/** Of each kind and family: on either worker there is none with a probability of 2^-47 a kind. */
const FLOWS = 48;
const FIRST_PORT = 20_000;

const withWorkers = (config: ConfigObject): ConfigObject => ({ ...config, worker: { count: 2 } });

/** Nanoseconds that each worker's thread has run. */
async function workerTimes(pid: number): Promise<Record<string, number>> {
  const threads = await readdir(`/proc/${pid}/task`);
  const read = async (thread: string) => {
    const [name, schedule] = await Promise.all(
      ['comm', 'schedstat'].map((file) => readFile(`/proc/${pid}/task/${thread}/${file}`, 'utf8')),
    );
    return [name?.trim(), Number(schedule?.split(' ')[0])] as const;
  };
  const times = await Promise.all(threads.map(read));
  return Object.fromEntries(times.filter(([name]) => name?.startsWith('nptd-worker-')));
}

let bed: TestBed;

beforeAll(async () => {
  bed = await TestBed.open({ change: withWorkers });
});
afterAll(() => bed?.close());

test('there are two threads, and the status says so', async () => {
  expect(Object.keys(await workerTimes(bed.gateway.process.pid ?? 0)).sort()).toEqual([
    'nptd-worker-0',
    'nptd-worker-1',
  ]);
  expect((await bed.status()).workers).toBe(2);
});

describe('flows of both families', () => {
  let connections: Flows;
  let datagrams: Flows;
  let before: Record<string, number>;

  beforeAll(async () => {
    before = await workerTimes(bed.gateway.process.pid ?? 0);
    connections = await Flows.open(bed.site.client, flowsOf('talk', FLOWS, FIRST_PORT));
    datagrams = await Flows.open(bed.site.client, flowsOf('datagrams', FLOWS, FIRST_PORT + 5000));
  });
  afterAll(async () => {
    await connections?.stop();
    await datagrams?.stop();
  });

  /** The ISPs from which servers have heard of each port of a flow, the last one last. */
  const isps = (): Set<Isp | undefined> => {
    const own = bed.log().filter(({ service, remote }) => service === 'udp-echo' && !remote.includes(':'));
    const last = new Map(own.map(({ port, remote }) => [port, remote]));
    return new Set([...last.values()].map((remote) => [ISP_A, ISP_B].find(({ ipv4 }) => ipv4.own === remote)));
  };

  test('all are answered, and both workers carry some of them', async () => {
    const reports = [...(await connections.report()), ...(await datagrams.report())];
    expect(reports).toHaveLength(4 * FLOWS);
    expect(reports.every(({ received, ended }) => received > 0 && ended === undefined)).toBe(true);
    const now = await workerTimes(bed.gateway.process.pid ?? 0);
    for (const [name, time] of Object.entries(before)) expect(now[name], name).toBeGreaterThan(time);
  });

  test('4787-R3, 4787-R4: those of IPv4 keep their ports, and the list has the sessions of both workers', async () => {
    const listed = await bed.sessions();
    const own = listed.sessions.filter(({ internal }) => {
      const port = Number(internal.split(':').at(-1));
      return internal.startsWith(`${CLIENT.ipv4}:`) && port >= FIRST_PORT && port < FIRST_PORT + 6000;
    });
    expect(own).toHaveLength(2 * FLOWS);
    for (const { internal, external } of own) {
      expect(external).toBe(`${ISP_A.ipv4.own}:${internal.split(':').at(-1)}`);
    }
    const { counters } = await bed.status();
    expect(counters.sessions).toBeGreaterThanOrEqual(4 * FLOWS);
    expect(counters.suppressed.NewsLost ?? 0).toBe(0);
    expect((await bed.verdicts()).WorkerRingFull ?? 0).toBe(0);
  });

  test('nptd why finds a session at whichever worker has it', async () => {
    for (const port of [FIRST_PORT, FIRST_PORT + 2, FIRST_PORT + 4, FIRST_PORT + 6]) {
      const words = ['why', 'tcp', `${CLIENT.ipv4}:${port}`, `${INTERNET.web4}:7`, '--socket', bed.socket];
      expect(await bed.gateway.json(...words)).toMatchObject({ by: 'session' });
    }
  });

  test.each([
    ['an echo', 0],
    ['an echo in fragments', 5000],
  ])('%s is answered in both families meanwhile', async (_title, size) => {
    for (const target of [INTERNET.probe4, INTERNET.probe6]) {
      const result = await ping(bed.site.client, target, 10, '-s', `${size}`);
      expect(result, result.text).toMatchObject({ sent: 10, received: 10 });
    }
  });

  test('nptd reload: a policy that leaves the uplink is in force on both workers', async () => {
    const config = JSON.parse(await readFile(bed.gateway.config, 'utf8')) as ConfigObject;
    const policy = { default: { prefer: [ISP_B.name, ISP_A.name], failback: 'hard' } };
    await writeFile(bed.gateway.config, JSON.stringify({ ...config, policy }, undefined, 2));
    const { code, stderr } = await bed.gateway.command('reload', '--socket', bed.socket);
    expect(code, stderr).toBe(0);
    expect(await until(async () => (isps().has(ISP_A) ? undefined : [...isps()]), 5000)).toEqual([ISP_B]);
  });
});

test('many short connections one after the other find their way, and their ports come back', async () => {
  const url = `http://${INTERNET.web4}/`;
  const fetches = Array.from({ length: 8 }, () =>
    bed.site.client.run([
      'sh',
      '-c',
      `for i in $(seq 25); do curl -sS --max-time 5 -o /dev/null ${url} || exit 1; done`,
    ]),
  );
  for (const { code, stderr } of await Promise.all(fetches)) expect(code, stderr).toBe(0);
});

test('both threads end with the process', async () => {
  expect(await bed.gateway.process.stop()).toBe(0);
});
