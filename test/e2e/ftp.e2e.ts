/** FTP with curl through nptd, which has no application-level gateway: docs/applications.md says what follows. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { urlHost } from '../../src/demo/clients.ts';
import type { Background } from '../../src/demo/processes.ts';
import { CLIENT, INTERNET, ISP_A } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { program } from './programs.ts';
import { TestBed } from './test-bed.ts';

/** What curl ends with when no data connection comes about. */
const CURL_FAILURES = [10, 12, 30];
const LINE = 'No byte of this is to change on its way.\n';
const CONTENT = LINE.repeat(50_000);
const DIGEST = createHash('sha256').update(CONTENT).digest('hex');

interface Entry {
  readonly command: string;
  readonly argument: string;
  readonly reply: string;
  readonly remote: string;
}

let bed: TestBed;
let server: Background;

beforeAll(async () => {
  bed = await TestBed.open();
  server = bed.site.internet.start(await program('ftp-server', INTERNET.web4, INTERNET.web6));
  await server.waitForLine((line) => line.includes('listening'), 15_000);
});
afterAll(() => bed?.close());

const entries = (command: string): Entry[] =>
  server.lines
    .filter((line) => line.includes('"command"'))
    .map((line): Entry => JSON.parse(line))
    .filter((entry) => entry.command === command);

const FAMILIES = [
  { family: 'IPv4', address: INTERNET.web4, external: async () => ISP_A.ipv4.own },
  { family: 'IPv6', address: INTERNET.web6, external: () => bed.gateway.externalOf(CLIENT.ipv6, ISP_A.name) },
];

describe.each(FAMILIES)('FTP over $family', ({ address, external }) => {
  const url = `ftp://${urlHost(address)}`;
  const curl = (...words: string[]) => `curl -sS --max-time 10 ${words.join(' ')}`;

  test('passive: a file comes whole', async () => {
    const command = `${curl(`${url}/${CONTENT.length}.bin`)} | sha256sum`;
    expect((await bed.site.client.runOrThrow(['sh', '-c', command])).split(' ')[0]).toBe(DIGEST);
    for (const { remote } of entries('RETR').slice(-1)) expect(remote).toBe(await external());
  });

  test('passive: a file goes whole', async () => {
    await bed.site.client.runOrThrow(['sh', '-c', curl('-T', '-', `${url}/up.bin`)], { input: CONTENT });
    const stored = await until(async () => entries('STOR').at(-1), 2000);
    expect(stored?.reply).toBe(`226 ${DIGEST}`);
  });
});

describe.each([
  { family: 'IPv4', id: '5382-R6', words: ['--disable-eprt'], command: 'PORT', address: INTERNET.web4 },
  { family: 'IPv4', id: '5382-R6', words: [], command: 'EPRT', address: INTERNET.web4 },
  { family: 'IPv6', id: '6296b-ALG', words: [], command: 'EPRT', address: INTERNET.web6 },
])('active FTP over $family by $command', ({ id, words, command, address }) => {
  const url = `ftp://${urlHost(address)}/${CONTENT.length}.bin`;
  const curl = ['curl', '-sS', '--max-time', '5', '--ftp-port', '-', ...words, url];

  test(`${id}: the server is told the internal address as the client has written it, and no file comes`, async () => {
    const known = entries(command).length;
    const { code, stdout, stderr } = await bed.site.client.run(curl);
    expect(CURL_FAILURES, stderr).toContain(code);
    expect(stdout).toBe('');
    const told = entries(command).slice(known);
    const own = address.includes(':') ? CLIENT.ipv6 : CLIENT.ipv4;
    expect(told.map(({ argument }) => argument.replaceAll(',', '.'))).toEqual([expect.stringContaining(own)]);
  });

  test('without nptd in between the same command works', async () => {
    expect(await bed.site.isp(ISP_A).runOrThrow(curl)).toBe(CONTENT);
  });
});
