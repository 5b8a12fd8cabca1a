import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { runOrThrow } from '../../src/demo/processes.ts';
import { CLIENT, INTERNET, ISP_A } from '../../src/demo/site.ts';
import { program } from './programs.ts';
import { type SessionsAnswer, TestBed } from './test-bed.ts';

const CONNECTIONS = 10_000;
const ECHO_PORT = 7;

const filesMax = Number(await runOrThrow(['sh', '-c', 'ulimit -H -n | sed s/unlimited/1000000/']));
const obstacle =
  filesMax < CONNECTIONS + 100
    ? `a process may have ${filesMax} open files here; to run it: ulimit -H -n ${2 * CONNECTIONS} (as root)`
    : undefined;

let bed: TestBed;

beforeAll(async () => {
  if (obstacle === undefined) bed = await TestBed.open();
});
afterAll(() => bed?.close());
beforeEach(({ skip }) => skip(obstacle !== undefined, obstacle));

test(`5382-R1, 5382-R7: ${CONNECTIONS} connections of one host at once each hear what they have said`, async () => {
  const command = await program('many-connections', INTERNET.web4, `${ECHO_PORT}`, `${CONNECTIONS}`);
  const connections = bed.site.client.start(command);
  await connections.waitForLine((line) => line === 'echoed 0', 60_000);
  const listed = (await bed.gateway.json('sessions', '--limit', '20000', '--socket', bed.socket)) as SessionsAnswer;
  expect(listed.total).toBeGreaterThanOrEqual(CONNECTIONS);
  const own = listed.sessions.filter(
    ({ internal, remote }) => internal.startsWith(`${CLIENT.ipv4}:`) && remote === `${INTERNET.web4}:${ECHO_PORT}`,
  );
  expect(own).toHaveLength(CONNECTIONS);
  expect(new Set(own.map(({ external }) => external)).size).toBe(CONNECTIONS);
  expect(own.every(({ external }) => external.startsWith(`${ISP_A.ipv4.own}:`))).toBe(true);
  connections.write('again\n');
  await connections.waitForLine((line) => line === 'echoed 1', 60_000);
  const seen = bed.log().filter(({ service, local }) => service === 'tcp-echo' && local === INTERNET.web4);
  expect(new Set(seen.map(({ remote, port }) => `${remote}:${port}`))).toEqual(
    new Set(own.map(({ external }) => external)),
  );
});
