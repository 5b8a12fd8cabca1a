/** Checksums of translated packets: RFC 3022 section 4, RFC 1624, RFC 768. */
import { expect } from 'vitest';
import { echoRequest, tcp, udp } from '../../support/packet-builder.ts';
import { ISP_A, LAN } from '../../support/plans.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const WA = '203.0.113.2:5000';
const S1 = '192.0.2.10:53';

function word(octets: Uint8Array, at: number): number {
  return (octets[at] ?? 0) * 256 + (octets[at + 1] ?? 0);
}

function mod(value: number): number {
  return ((value % 65535) + 65535) % 65535;
}

/** The payload of two octets that makes the translated datagram's computed checksum zero. */
function payloadForZero(): Uint8Array {
  const withZeros = udp(WA, S1, { payload: Uint8Array.of(0, 0) });
  const checksum = word(withZeros, 26);
  return Uint8Array.of(checksum >> 8, checksum & 0xff);
}

/** Packets of each protocol, where their transport checksum is, and how they look translated. */
const PROTOCOLS = [
  { name: 'UDP', at: 26, make: (from: string, checksum?: number) => udp(from, S1, withChecksum(checksum)) },
  { name: 'TCP', at: 36, make: (from: string, checksum?: number) => tcp(from, S1, 'SYN', withChecksum(checksum)) },
  {
    name: 'ICMP echo',
    at: 22,
    make: (from: string, checksum?: number) =>
      echoRequest(from.split(':')[0] ?? '', '192.0.2.10', 5000, withChecksum(checksum)),
  },
];

function withChecksum(checksum: number | undefined): { checksum?: number } {
  return checksum === undefined ? {} : { checksum };
}

export const checksumCases: readonly Case[] = [
  {
    name: '3022-4.1a every checksum of what leaves is right, over many payloads',
    run: (bed) => {
      for (let seed = 0; seed < 500; seed += 1) {
        const payload = Uint8Array.from({ length: seed % 40 }, (_, index) => (seed * 31 + index * 97) & 0xff);
        const tos = seed & 0xff;
        bed.forwards(LAN, udp(H1, S1, { payload, tos, id: seed }), ISP_A, udp(WA, S1, { payload, tos, id: seed }));
        bed.forwards(ISP_A, udp(S1, WA, { payload, tos }), LAN, udp(S1, H1, { payload, tos }));
      }
    },
  },
  {
    name: '3022-4.1b a UDP checksum of zero stays zero, both ways',
    run: (bed) => {
      bed.forwards(LAN, udp(H1, S1, { checksum: 0 }), ISP_A, udp(WA, S1, { checksum: 0 }));
      bed.forwards(ISP_A, udp(S1, WA, { checksum: 0 }), LAN, udp(S1, H1, { checksum: 0 }));
    },
  },
  {
    name: '3022-4.1c a computed UDP checksum of zero is sent as all ones',
    run: (bed) => {
      const payload = payloadForZero();
      expect(word(udp(WA, S1, { payload }), 26)).toBe(0xffff);
      bed.forwards(LAN, udp(H1, S1, { payload }), ISP_A, udp(WA, S1, { payload, checksum: 0xffff }));
    },
  },
  ...PROTOCOLS.map(
    ({ name, at, make }): Case => ({
      name: `3022-4.2 a wrong ${name} checksum stays wrong by the same amount`,
      run: (bed) => {
        const [before, after] = [word(make(H1), at), word(make(WA), at)];
        for (const wrongBy of [1, 0x100, 0x1234, 0x8000]) {
          const checksum = mod(before + wrongBy);
          const result = bed.send(LAN, make(H1, checksum));
          expect(result.verdict).toBe('Forward');
          expect(mod(word(result.outgoing[0]?.octets ?? new Uint8Array(), at) - after)).toBe(wrongBy);
        }
      },
    }),
  ),
  {
    name: '4787-R10, 5382-R6 payloads with addresses in them are left alone',
    run: (bed) => {
      const payload = Uint8Array.of(10, 0, 0, 11, 0x13, 0x88, ...new TextEncoder().encode('PORT 10,0,0,11,19,136'));
      bed.forwards(LAN, udp(H1, S1, { payload }), ISP_A, udp(WA, S1, { payload }));
      bed.forwards(
        LAN,
        tcp(H1, '192.0.2.10:21', 'SYN', { payload }),
        ISP_A,
        tcp(WA, '192.0.2.10:21', 'SYN', { payload }),
      );
    },
  },
];
