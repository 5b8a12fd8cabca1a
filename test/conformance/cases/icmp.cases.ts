/** RFC 5508: queries, and errors with their quoted packet in both directions. */
import { expect } from 'vitest';
import {
  concat,
  echoReply,
  echoRequest,
  hop,
  icmp,
  icmpError,
  patched,
  tcp,
  text,
  udp,
} from '../../support/packet-builder.ts';
import { ISP_A, ISP_B, LAN, twoUplinks } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const WA = '203.0.113.2:5000';
const S1 = '192.0.2.10:53';
const ROUTER = '192.0.2.1';

const SENT = udp(H1, S1);
const SEEN = hop(udp(WA, S1));

function open(bed: TranslatorBed): void {
  bed.forwards(LAN, SENT, ISP_A, udp(WA, S1));
}

/** The quote as H1's own packet looked on the far side of the gateway: one hop older. */
const RESTORED = hop(SENT);

/** 128 octets of quote, then an RFC 4884 extension structure with an MPLS label stack. */
function withExtension(quote: Uint8Array): Uint8Array {
  const extension = Uint8Array.of(0x20, 0, 0x8a, 0x0f, 0, 8, 1, 1, 0, 1, 0x31, 1);
  return concat(quote, new Uint8Array(128 - quote.length), extension);
}

/** Offsets into an ICMP error without IP options. */
const QUOTE_AT = 28;

export const icmpCases: readonly Case[] = [
  {
    name: '5508-R1 a query and its reply pass, with the identifier translated',
    run: (bed) => {
      bed.forwards(LAN, echoRequest('10.0.0.11', '192.0.2.10', 7), ISP_A, echoRequest('203.0.113.2', '192.0.2.10', 7));
      bed.forwards(ISP_A, echoReply('192.0.2.10', '203.0.113.2', 7), LAN, echoReply('192.0.2.10', '10.0.0.11', 7));
      bed.send(LAN, echoRequest('10.0.0.12', '192.0.2.10', 7));
      const id = Number(bed.externalOf('icmp', '10.0.0.12:7').split(':')[1]);
      expect(id).not.toBe(7);
      bed.forwards(ISP_A, echoReply('192.0.2.10', '203.0.113.2', id), LAN, echoReply('192.0.2.10', '10.0.0.12', 7));
    },
  },
  {
    name: '5508-R1a the identifier is the same for every destination',
    run: (bed) => {
      bed.send(LAN, echoRequest('10.0.0.11', '192.0.2.10', 7));
      bed.forwards(LAN, echoRequest('10.0.0.11', '192.0.2.20', 7), ISP_A, echoRequest('203.0.113.2', '192.0.2.20', 7));
      expect(
        bed
          .sessions()
          .map(({ remote }) => remote)
          .sort(),
      ).toEqual(['192.0.2.10:0', '192.0.2.20:0']);
    },
  },
  {
    name: '5508-R2 a reply is delivered after 59.9 s and not after 60 s',
    run: (bed) => {
      bed.send(LAN, echoRequest('10.0.0.11', '192.0.2.10', 7));
      bed.wait(59.9);
      bed.forwards(ISP_A, echoReply('192.0.2.10', '203.0.113.2', 7), LAN, echoReply('192.0.2.10', '10.0.0.11', 7));
      bed.wait(0.1);
      bed.drops(ISP_A, echoReply('192.0.2.10', '203.0.113.2', 7), 'NoMapping');
    },
  },
  {
    name: '5508-R2a the timer is configurable',
    plan: twoUplinks({ nat44: { icmpMs: 90_000 } }),
    run: (bed) => {
      bed.send(LAN, echoRequest('10.0.0.11', '192.0.2.10', 7));
      expect(bed.sessions()[0]?.expiresInMs).toBe(90_000);
    },
  },
  {
    name: '7857-S6 a reply from another address is filtered by the class of ICMP',
    run: (bed) => {
      bed.send(LAN, echoRequest('10.0.0.11', '192.0.2.10', 7));
      bed.drops(ISP_A, echoReply('192.0.2.20', '203.0.113.2', 7), 'FilteredInbound');
    },
  },
  ...[4, 5, 9, 10, 13, 14, 15, 16, 17, 18, 30].map(
    (type): Case => ({
      name: `5508-R11, 5508-R10c, 2663-3.3 ICMP type ${type} is not forwarded in either direction`,
      run: (bed) => {
        bed.drops(LAN, icmp('10.0.0.11', '192.0.2.10', type, 0, text('abcdefgh')), 'IcmpTypeNotForwarded');
        bed.drops(ISP_A, icmp('192.0.2.10', '203.0.113.2', type, 0, text('abcdefgh')), 'IcmpTypeNotForwarded');
      },
    }),
  ),
  {
    name: '5508-R4, 3022-4.3 an error from outside reaches the host with its own packet in the quote',
    run: (bed) => {
      open(bed);
      bed.forwards(
        ISP_A,
        icmpError(ROUTER, '203.0.113.2', SEEN, { type: 11 }),
        LAN,
        icmpError(ROUTER, '10.0.0.11', RESTORED, { type: 11 }),
      );
    },
  },
  {
    name: '4787-R12a, 4787-R12b errors of type 3 come from anybody, all codes',
    run: (bed) => {
      open(bed);
      for (let code = 0; code < 16; code += 1) {
        bed.forwards(
          ISP_A,
          icmpError('192.0.2.77', '203.0.113.2', SEEN, { type: 3, code }),
          LAN,
          icmpError('192.0.2.77', '10.0.0.11', RESTORED, { type: 3, code }),
        );
      }
    },
  },
  {
    name: '5508-R4 a quoted port that was not preserved is restored',
    run: (bed) => {
      open(bed);
      bed.send(LAN, udp('10.0.0.12:5000', S1));
      const external = bed.externalOf('udp', '10.0.0.12:5000');
      bed.forwards(
        ISP_A,
        icmpError(ROUTER, '203.0.113.2', udp(external, S1), { type: 3, code: 3 }),
        LAN,
        icmpError(ROUTER, '10.0.0.12', udp('10.0.0.12:5000', S1), { type: 3, code: 3 }),
      );
    },
  },
  {
    name: '5508-R4 a quoted UDP checksum of zero stays zero (3022-4.1b)',
    run: (bed) => {
      open(bed);
      bed.forwards(
        ISP_A,
        icmpError(ROUTER, '203.0.113.2', udp(WA, S1, { checksum: 0 }), { type: 3, code: 3 }),
        LAN,
        icmpError(ROUTER, '10.0.0.11', udp(H1, S1, { checksum: 0 }), { type: 3, code: 3 }),
      );
    },
  },
  {
    name: '5508-R4 of a quoted TCP segment eight octets are enough, and its checksum is restored if quoted',
    run: (bed) => {
      bed.send(LAN, tcp('10.0.0.11:6000', '192.0.2.10:80', 'SYN'));
      for (const length of [28, 37, 38, 40]) {
        bed.forwards(
          ISP_A,
          icmpError(
            ROUTER,
            '203.0.113.2',
            tcp('203.0.113.2:6000', '192.0.2.10:80', 'SYN', { checksum: 0x1234 }).slice(0, length),
            { type: 11 },
          ),
          LAN,
          icmpError(ROUTER, '10.0.0.11', restoredTcp(length), { type: 11 }),
        );
      }
    },
  },
  {
    name: '5382-R9, 5508-S7.1.2, 8900-2 fragmentation needed keeps its MTU',
    run: (bed) => {
      bed.send(LAN, tcp('10.0.0.11:6000', '192.0.2.10:80', 'SYN'));
      bed.forwards(
        ISP_A,
        icmpError(ROUTER, '203.0.113.2', tcp('203.0.113.2:6000', '192.0.2.10:80', 'ACK'), {
          type: 3,
          code: 4,
          word: 1300,
        }),
        LAN,
        icmpError(ROUTER, '10.0.0.11', tcp('10.0.0.11:6000', '192.0.2.10:80', 'ACK'), { type: 3, code: 4, word: 1300 }),
      );
    },
  },
  {
    name: '5508-R4 an error about an echo request restores its identifier',
    run: (bed) => {
      bed.send(LAN, echoRequest('10.0.0.12', '192.0.2.10', 7));
      bed.send(LAN, echoRequest('10.0.0.11', '192.0.2.10', 7));
      const id = Number(bed.externalOf('icmp', '10.0.0.11:7').split(':')[1]);
      bed.forwards(
        ISP_A,
        icmpError(ROUTER, '203.0.113.2', echoRequest('203.0.113.2', '192.0.2.10', id), { type: 11 }),
        LAN,
        icmpError(ROUTER, '10.0.0.11', echoRequest('10.0.0.11', '192.0.2.10', 7), { type: 11 }),
      );
    },
  },
  {
    name: '5508-R4 an error about an unknown flow is dropped silently',
    run: (bed) => {
      open(bed);
      bed.drops(ISP_A, icmpError(ROUTER, '203.0.113.2', udp('203.0.113.2:5001', S1), { type: 11 }), 'IcmpQuoteUnknown');
      bed.drops(ISP_A, icmpError(ROUTER, '203.0.113.2', udp(WA, '192.0.2.10:54'), { type: 11 }), 'IcmpQuoteUnknown');
      bed.drops(ISP_A, icmpError(ROUTER, '203.0.113.2', udp('203.0.113.3:5000', S1), { type: 11 }), 'IcmpQuoteUnknown');
      bed.drops(
        ISP_B,
        icmpError(ROUTER, '198.51.100.2', udp('198.51.100.2:5000', S1), { type: 11 }),
        'IcmpQuoteUnknown',
      );
    },
  },
  {
    name: '5508-R3 a wrong ICMP checksum is dropped silently',
    run: (bed) => {
      open(bed);
      const error = icmpError(ROUTER, '203.0.113.2', SEEN, { type: 11 });
      bed.drops(ISP_A, patched(error, error.length - 1, 0xff), 'IcmpChecksumWrong');
    },
  },
  {
    name: '5508-R3a a wrong checksum of the quoted header is dropped silently',
    run: (bed) => {
      open(bed);
      bed.drops(
        ISP_A,
        icmpError(ROUTER, '203.0.113.2', udp(WA, S1, { headerChecksum: 0x1234 }), { type: 11 }),
        'IcmpQuoteInvalid',
      );
    },
  },
  {
    name: '5508-R3b options of the quoted header are skipped',
    run: (bed) => {
      open(bed);
      const options = Uint8Array.of(7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0);
      bed.forwards(
        ISP_A,
        icmpError(ROUTER, '203.0.113.2', udp(WA, S1, { options }), { type: 11 }),
        LAN,
        icmpError(ROUTER, '10.0.0.11', udp(H1, S1, { options }), { type: 11 }),
      );
    },
  },
  {
    name: '5508-R3c a wrong transport checksum in the quote does not matter and stays wrong by as much',
    run: (bed) => {
      open(bed);
      const right = udp(WA, S1);
      const restored = udp(H1, S1);
      const wrongBy = (packet: Uint8Array) => patched(packet, 26, (packet[26] ?? 0) ^ 0x80);
      const result = bed.send(ISP_A, icmpError(ROUTER, '203.0.113.2', wrongBy(right), { type: 11 }));
      expect(result.verdict).toBe('Forward');
      const quoted = result.outgoing[0]?.octets.slice(QUOTE_AT) ?? new Uint8Array();
      expect(mod(word(quoted, 26) - word(restored, 26))).toBe(mod(word(wrongBy(right), 26) - word(right, 26)));
    },
  },
  {
    name: '5508-R3d RFC 4884 padding and extensions stay as they are',
    run: (bed) => {
      open(bed);
      const word = 32 << 16;
      bed.forwards(
        ISP_A,
        icmpError(ROUTER, '203.0.113.2', withExtension(SEEN), { type: 11, word }),
        LAN,
        icmpError(ROUTER, '10.0.0.11', withExtension(RESTORED), { type: 11, word }),
      );
    },
  },
  {
    name: '5508-R3d a quote that RFC 4884 ends too early is invalid',
    run: (bed) => {
      open(bed);
      bed.drops(ISP_A, icmpError(ROUTER, '203.0.113.2', SEEN, { type: 11, word: 6 << 16 }), 'IcmpQuoteInvalid');
    },
  },
  {
    name: '6146-F3 a quote too short to find its flow is dropped silently',
    run: (bed) => {
      open(bed);
      for (const length of [0, 19, 20, 27]) {
        bed.drops(ISP_A, icmpError(ROUTER, '203.0.113.2', SEEN.slice(0, length), { type: 11 }), 'IcmpQuoteInvalid');
      }
    },
  },
  {
    name: '6146-F4 an error about an error is dropped silently',
    run: (bed) => {
      open(bed);
      const quoted = icmpError('203.0.113.2', '192.0.2.10', SEEN, { type: 3 });
      bed.drops(ISP_A, icmpError(ROUTER, '203.0.113.2', quoted, { type: 11 }), 'IcmpQuoteInvalid');
    },
  },
  {
    name: '4787-R12, 5382-R10, 5508-R6 errors neither end nor refresh a session',
    run: (bed) => {
      open(bed);
      for (let minute = 0; minute < 4; minute += 1) {
        bed.wait(60);
        bed.send(ISP_A, icmpError(ROUTER, '203.0.113.2', SEEN, { type: 3, code: minute }));
        expect(bed.sessions()[0]?.expiresInMs).toBe(240_000 - minute * 60_000);
      }
    },
  },
  {
    name: '5508-R5 an error of a host about an inbound packet leaves from the external address',
    run: (bed) => {
      open(bed);
      const received = udp(S1, H1);
      bed.forwards(
        LAN,
        icmpError('10.0.0.11', '192.0.2.10', received, { type: 3, code: 3 }),
        ISP_A,
        icmpError('203.0.113.2', '192.0.2.10', udp(S1, WA), { type: 3, code: 3 }),
      );
    },
  },
  {
    name: '5508-R5 an error of an inner router leaks no private address',
    run: (bed) => {
      open(bed);
      bed.forwards(
        LAN,
        icmpError('10.0.9.1', '192.0.2.10', udp(S1, H1), { type: 11 }),
        ISP_A,
        icmpError('203.0.113.2', '192.0.2.10', udp(S1, WA), { type: 11 }),
      );
    },
  },
  {
    name: '5508-R5 also about a packet that was admitted without a session',
    run: (bed) => {
      open(bed);
      bed.forwards(
        LAN,
        icmpError('10.0.0.11', '192.0.2.10', udp('192.0.2.10:9999', H1), { type: 3, code: 3 }),
        ISP_A,
        icmpError('203.0.113.2', '192.0.2.10', udp('192.0.2.10:9999', WA), { type: 3, code: 3 }),
      );
    },
  },
  {
    name: '5508-R5 about an unknown flow, or to somebody else: dropped',
    run: (bed) => {
      open(bed);
      bed.drops(
        LAN,
        icmpError('10.0.0.11', '192.0.2.10', udp(S1, '10.0.0.11:5001'), { type: 3, code: 3 }),
        'IcmpQuoteUnknown',
      );
      bed.drops(LAN, icmpError('10.0.0.11', '192.0.2.20', udp(S1, H1), { type: 3, code: 3 }), 'IcmpQuoteUnknown');
    },
  },
  {
    name: '7857-S7.1 errors about inbound packets do not refresh',
    run: (bed) => {
      open(bed);
      bed.wait(299);
      bed.send(LAN, icmpError('10.0.0.11', '192.0.2.10', udp(S1, H1), { type: 3, code: 3 }));
      bed.wait(1);
      expect(bed.mappings()).toEqual([]);
    },
  },
];

function restoredTcp(length: number): Uint8Array {
  const right = {
    before: tcp('203.0.113.2:6000', '192.0.2.10:80', 'SYN'),
    after: tcp('10.0.0.11:6000', '192.0.2.10:80', 'SYN'),
  };
  const error = mod(0x1234 - word(right.before, 36));
  const checksum = mod(word(right.after, 36) + error);
  return tcp('10.0.0.11:6000', '192.0.2.10:80', 'SYN', { checksum: length >= 38 ? checksum : 0x1234 }).slice(0, length);
}

function word(octets: Uint8Array, at: number): number {
  return (octets[at] ?? 0) * 256 + (octets[at + 1] ?? 0);
}

/** One's complement: modulo 65535. */
function mod(value: number): number {
  return ((value % 65535) + 65535) % 65535;
}
