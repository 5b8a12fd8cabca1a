import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLIENT, INTERNET, ISP_A } from '../../src/demo/site.ts';
import { until } from '../../src/demo/wait.ts';
import { TestBed } from './test-bed.ts';

const RAW_IP = fileURLToPath(new URL('raw-ip.pl', import.meta.url));
/** Another host of the site: a second address of the client. */
const SECOND = '192.168.1.11';

interface Protocol {
  readonly name: string;
  readonly number: number;
  /** Without ports, or with them. */
  readonly type: 'raw' | 'datagram';
  /** What is sent, and must arrive as it is. */
  readonly hex: string;
}

/** An ESP packet: security parameters index, sequence number, ciphertext. */
const ESP = `deadbeef00000001${'5a'.repeat(64)}`;
/** A GRE header as PPTP has it (version 1, call 7), and a payload. */
const GRE = `3081880b00080007000000010102030405060708`;
/** An SCTP INIT with its CRC32c, which covers neither addresses nor anything that a translator may change. */
const SCTP = '1388 0b59 00000000 6dd3b4ba 01000014 12345678 00010000 000a000a 11223344'.replaceAll(' ', '');

const PORTLESS: readonly Protocol[] = [
  { name: 'ESP-1: ESP', number: 50, type: 'raw', hex: ESP },
  { name: 'GRE-1: GRE', number: 47, type: 'raw', hex: GRE },
  { name: 'SCTP-1: SCTP', number: 132, type: 'raw', hex: SCTP },
  { name: 'OTHER-2: a protocol that nobody knows', number: 253, type: 'raw', hex: '0badcafe' },
];
const UDP_LITE: Protocol = { name: 'UDPL-1: UDP-Lite', number: 136, type: 'datagram', hex: '68656c6c6f' };

let bed: TestBed;
/** What each server saw, by protocol and address: `ADDRESS PORT HEX`. */
const seen = new Map<string, readonly string[]>();

beforeAll(async () => {
  bed = await TestBed.open();
  await bed.site.client.ip(`address add ${SECOND}/24 dev ${CLIENT.device}`);
  for (const { number, type } of [...PORTLESS, UDP_LITE]) {
    for (const address of [INTERNET.web4, INTERNET.dns4]) {
      const server = bed.site.internet.start(['perl', RAW_IP, 'answer', address, `${number}`, type]);
      await server.waitForLine((line) => line === 'ready', 5000);
      seen.set(`${number} ${address}`, server.lines);
    }
  }
});
afterAll(() => bed?.close());

async function ask(from: string, { number, type, hex }: Protocol, remote: string): Promise<string> {
  const command = ['perl', RAW_IP, 'ask', from, `${number}`, type, remote, hex];
  return (await bed.site.client.runOrThrow(command)).trim();
}

describe.each(PORTLESS)('$name', (protocol) => {
  test('crosses by address alone, payload untouched, and is answered', async () => {
    expect(await ask(CLIENT.ipv4, protocol, INTERNET.web4)).toBe(protocol.hex);
    expect(seen.get(`${protocol.number} ${INTERNET.web4}`)).toContain(`${ISP_A.ipv4.own} 0 ${protocol.hex}`);
  });

  test('belongs to one host for each remote address: the second is refused there and served elsewhere', async () => {
    const before = (await bed.verdicts()).RemoteInUse ?? 0;
    expect(await ask(SECOND, protocol, INTERNET.web4)).toMatch(/^(nothing|refused)$/);
    expect((await bed.verdicts()).RemoteInUse).toBe(before + 1);
    expect(await ask(SECOND, protocol, INTERNET.dns4)).toBe(protocol.hex);
  });
});

test('UDPL-1: UDP-Lite crosses with a port of its own and a right checksum, and is answered', async () => {
  expect(await ask(CLIENT.ipv4, UDP_LITE, INTERNET.web4)).toBe(UDP_LITE.hex);
  const line = await until(async () => seen.get(`136 ${INTERNET.web4}`)?.at(-1), 1000);
  expect(line).toMatch(new RegExp(`^${ISP_A.ipv4.own.replaceAll('.', '\\.')} \\d+ ${UDP_LITE.hex}$`));
  const { sessions } = await bed.sessions();
  expect(sessions.filter(({ protocol }) => protocol === 'udp-lite')).toMatchObject([{ uplink: ISP_A.name }]);
});
