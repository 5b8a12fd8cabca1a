import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type ReplayOptions, replayCommand } from '../../../src/cli/commands/replay.ts';
import { LINK_TYPE } from '../../../src/pcap/format.ts';
import { readPcap } from '../../../src/pcap/read.ts';
import { writePcap } from '../../../src/pcap/write.ts';
import { concat, udp } from '../../support/packet-builder.ts';
import { udp6 } from '../../support/packet-builder-ipv6.ts';
import { fixturePath } from '../plan/support.ts';
import { RecordedOutput } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'nptd-replay-'));
afterAll(() => rmSync(folder, { recursive: true }));
const IN = join(folder, 'in.pcap');
const OUT = join(folder, 'out.pcap');

const SECOND = 1_000_000;
const query = (host: string, ttl = 64) => udp(`${host}:5353`, '192.0.2.53:53', { ttl });

async function replay(options: Partial<ReplayOptions> = {}) {
  const output = new RecordedOutput();
  const given = { capture: IN, file: fixturePath('valid/minimal'), json: false, ...options };
  const code = await replayCommand(given, output);
  return { code, ...output };
}

function frames(...packets: readonly (readonly [timeS: number, octets: Uint8Array])[]): void {
  const link = (octets: Uint8Array) =>
    concat(
      new Uint8Array(12),
      Uint8Array.of((octets[0] ?? 0) >> 4 === 4 ? 8 : 0x86, (octets[0] ?? 0) >> 4 === 4 ? 0 : 0xdd),
      octets,
    );
  const list = packets.map(([timeS, octets]) => ({ timeUs: (1_700_000_000 + timeS) * SECOND, octets: link(octets) }));
  writeFileSync(IN, writePcap(list, LINK_TYPE.ethernet));
}

describe('nptd replay', () => {
  it('counts packets by verdict, and tells what was left out', async () => {
    frames(
      [0, query('192.168.1.10')],
      [1, query('192.168.1.11')],
      [2, query('192.168.1.12', 1)],
      [3, query('10.9.9.9')],
      [3, Uint8Array.of(0)],
    );
    const { code, printed, complained } = await replay();
    expect([code, complained]).toEqual([0, '']);
    expect(printed.replace(/\d+ ns/, 'N ns')).toMatchInlineSnapshot(`
      "VERDICT           PACKETS  SHARE
      Forward           2        66.7 %
      HopLimitExceeded  1        33.3 %

      BESIDE THEM  PACKETS
      IcmpError    1

      3 packets, N ns a packet in the engine
      left out: 1 without IP
      left out: 1 from and to unknown addresses (--device says where they come in)
      "
    `);
  });

  it('prints the same as JSON', async () => {
    frames([0, query('192.168.1.10')], [0, query('192.168.1.10', 1)]);
    const { printed } = await replay({ json: true });
    expect(JSON.parse(printed)).toEqual({
      file: IN,
      packets: 2,
      verdicts: { Forward: 1, HopLimitExceeded: 1 },
      outputs: { IcmpError: 1 },
      nsPerPacket: expect.any(Number),
      skipped: { notIp: 0, cut: 0, unplaced: 0 },
    });
  });

  it('writes what leaves, at the time of what it left for', async () => {
    frames([5, query('192.168.1.10')], [6, query('192.168.1.11', 1)]);
    await replay({ out: OUT });
    const read = readPcap(readFileSync(OUT));
    if (!read.ok) throw new Error(read.error);
    const [forwarded, error] = read.value.packets;
    expect(read.value.linkType).toBe(LINK_TYPE.raw);
    expect(read.value.packets.map(({ timeUs }) => timeUs / SECOND - 1_700_000_000)).toEqual([5, 6]);
    expect([...(forwarded?.octets.subarray(12, 16) ?? [])]).toEqual([203, 0, 113, 2]);
    expect([error?.octets[9], error?.octets[20]]).toEqual([1, 11]);
  });

  it('lets sessions end in the time of the capture', async () => {
    const answer = udp('192.0.2.53:53', '203.0.113.2:5353');
    frames([0, query('192.168.1.10')], [299, answer], [700, answer]);
    const { verdicts } = JSON.parse((await replay({ json: true })).printed);
    expect(verdicts).toEqual({ Forward: 2, NoMapping: 1 });
  });

  it('takes every packet from one device if it is told to', async () => {
    frames([0, query('10.9.9.9')]);
    const { verdicts } = JSON.parse((await replay({ json: true, device: 'dsl' })).printed);
    expect(Object.keys(verdicts)).not.toContain('Forward');
    const unknown = await replay({ device: 'satellite' });
    expect([unknown.code, unknown.complained]).toEqual([64, expect.stringContaining('"satellite" is none of')]);
  });

  it('fills batch after batch', async () => {
    frames(
      ...Array.from({ length: 1000 }, (_, index): [number, Uint8Array] => [index / 100_000, query('192.168.1.10')]),
    );
    const { packets, verdicts } = JSON.parse((await replay({ json: true })).printed);
    expect([packets, verdicts]).toEqual([1000, { Forward: 1000 }]);
  });

  it('leaves out what the capture has cut', async () => {
    frames([0, query('192.168.1.10')]);
    const file = readFileSync(IN);
    file.writeUInt32LE(1500, 24 + 12);
    writeFileSync(IN, file);
    const { printed } = await replay();
    expect(printed).toBe('0 packets\nleft out: 1 that the capture has cut\n');
  });

  it('replays what is before the damage, and says so', async () => {
    frames([0, query('192.168.1.10')], [1, query('192.168.1.10')]);
    writeFileSync(IN, readFileSync(IN).subarray(0, -1));
    const { code, printed, complained } = await replay();
    expect([code, printed.includes('1 packet,')]).toEqual([0, true]);
    expect(complained).toContain('the file ends within a packet; replaying what is before');
  });

  it('refuses files that it cannot use', async () => {
    const missing = await replay({ capture: join(folder, 'none') });
    expect([missing.code, missing.complained]).toEqual([64, expect.stringContaining('none cannot be read')]);
    writeFileSync(IN, Uint8Array.of(0x0a, 0x0d, 0x0d, 0x0a));
    expect((await replay()).complained).toBe(`nptd replay: ${IN} is pcapng; convert it: editcap -F pcap IN OUT\n`);
    writeFileSync(IN, writePcap([], 105));
    expect((await replay()).complained).toContain('has packets of link type 105; known are ethernet (1), raw (101)');
    expect((await replay({ file: fixturePath('invalid/five-mistakes') })).code).toBe(2);
    frames([0, udp6('fd00::1', '2001:db8::1', [1, 2])]);
    expect((await replay({ out: join(folder, 'no/such/folder') })).code).toBe(64);
  });
});
