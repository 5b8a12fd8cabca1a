/**
 * The order in which a real resolver (glibc's getaddrinfo) gives the addresses of a name that has both families, to a
 * host behind nptd: the trap of RFC 6724, and what docs/ula.md says against it.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLIENT, INTERNET } from '../../src/demo/site.ts';
import { TestBed } from './test-bed.ts';

const NAME = 'www.example.org';
/** As docs/ula.md has it. */
const POLICY = [
  '::1/128 0',
  '::/0 1',
  '2002::/16 2',
  '::/96 3',
  '::ffff:0:0/96 4',
  'fec0::/10 5',
  'fc00::/7 6',
  'fd12:3456:789a::/48 1',
].map((row) => `label ${row}`);
/** A prefix that is no unique local one, as an ISP's would be. */
const GLOBAL = '2001:db8:a100:1::10';

let bed: TestBed;

beforeAll(async () => {
  bed = await TestBed.open();
});
afterAll(() => bed?.close());

/** The addresses in their order, in an /etc of the test's own. */
async function sorted(policy: readonly string[] = []): Promise<string[]> {
  const hosts = `${INTERNET.web4} ${NAME}\n${INTERNET.web6} ${NAME}\n`;
  const script = [
    'mount -t tmpfs none /etc',
    `printf 'hosts: files\\n' > /etc/nsswitch.conf`,
    `printf 'multi on\\n' > /etc/host.conf`,
    `printf '${hosts.replaceAll('\n', '\\n')}' > /etc/hosts`,
    `printf '${policy.join('\\n')}\\n' > /etc/gai.conf`,
    `getent ahosts ${NAME}`,
  ].join(' && ');
  const text = await bed.site.client.runOrThrow(['unshare', '-m', 'sh', '-c', script]);
  return [
    ...new Set(
      text
        .trim()
        .split('\n')
        .map((line) => line.split(/\s+/)[0] ?? ''),
    ),
  ];
}

test('6724-2: with a unique local address and IPv4, IPv4 comes first', async () => {
  expect(await sorted()).toEqual([INTERNET.web4, INTERNET.web6]);
});

test("6724-3: a row of the policy table that gives the site's prefix the Internet's label turns it round", async () => {
  expect(await sorted(POLICY)).toEqual([INTERNET.web6, INTERNET.web4]);
});

test('6724-3: an address that is no unique local one turns it round', async () => {
  await bed.site.client.ip(`address add ${GLOBAL}/64 dev ${CLIENT.device} nodad`);
  expect(await sorted()).toEqual([INTERNET.web6, INTERNET.web4]);
  await bed.site.client.ip(`address del ${GLOBAL}/64 dev ${CLIENT.device}`);
});

test('6724-3: without IPv4 there is nothing to prefer', async () => {
  await bed.site.client.ip('route del default');
  await bed.site.client.ip(`address del ${CLIENT.ipv4}/24 dev ${CLIENT.device}`);
  expect((await sorted())[0]).toBe(INTERNET.web6);
});

test('nptd status says so', async () => {
  const text = (await bed.gateway.command('status', '--socket', bed.socket)).stdout;
  expect(text).toContain('hosts on office prefer IPv4');
});
