/** RFC 5382 REQ-2: every valid sequence of segments passes, changed in address, port, checksum and TTL alone. */
import { expect } from 'vitest';
import { type TcpFields, tcp, text } from '../../support/packet-builder.ts';
import { ISP_A, LAN, twoUplinks } from '../../support/plans.ts';
import {
  maximumSegmentSize,
  noOperation,
  sack,
  sackPermitted,
  tcpOptions,
  timestamps,
  windowScale,
} from '../../support/tcp-options.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:6000';
const WA = '203.0.113.2:6000';
const S1 = '192.0.2.10:6000';
const ELSEWHERE = '192.0.2.20:80';

/** Of one connection: `c` is who opened it, `s` the other. */
interface Segment {
  readonly by: 'c' | 's';
  readonly flags: string;
  readonly fields: TcpFields;
}

/** First sequence numbers of both: those of the server wrap round soon. */
const C = 1_000_000;
const S = 0xffff_ff00;

/** Octets from the number `sequence` on, relative to the first; `ack` relative to the peer's. */
function segment(by: 'c' | 's', flags: string, sequence: number, ack = 0, fields: TcpFields = {}): Segment {
  const [own, peer] = by === 'c' ? [C, S] : [S, C];
  const acknowledgement = flags.includes('ACK') ? (peer + ack) % 2 ** 32 : 0;
  return { by, flags, fields: { sequence: (own + sequence) % 2 ** 32, acknowledgement, window: 8192, ...fields } };
}

const data = (octets: number): TcpFields => ({ payload: new Uint8Array(octets).fill(0x61) });

const OFFER = tcpOptions(maximumSegmentSize(1460), sackPermitted(), timestamps(7, 0), noOperation(), windowScale(7));
const STAMP = tcpOptions(noOperation(), noOperation(), timestamps(8, 7));

const HANDSHAKE = [segment('c', 'SYN', 0), segment('s', 'SYN,ACK', 0, 1), segment('c', 'ACK', 1, 1)] as const;

const EXCHANGE = [
  ...HANDSHAKE,
  segment('c', 'PSH,ACK', 1, 1, data(10)),
  segment('s', 'ACK', 1, 11),
  segment('s', 'PSH,ACK', 1, 11, data(300)),
  segment('c', 'ACK', 11, 301),
] as const;

/** Each from the first SYN on. */
const SEQUENCES: Readonly<Record<string, readonly Segment[]>> = {
  'data both ways with scaled windows, time stamps and selective acknowledgements': [
    segment('c', 'SYN', 0, 0, { tcpOptions: OFFER }),
    segment('s', 'SYN,ACK', 0, 1, { tcpOptions: OFFER }),
    segment('c', 'ACK', 1, 1, { tcpOptions: STAMP, window: 65535 }),
    segment('s', 'ACK', 1001, 1, { ...data(1000), tcpOptions: STAMP }),
    segment('c', 'ACK', 1, 1, { tcpOptions: tcpOptions(noOperation(), noOperation(), sack([S + 1001, S + 2001])) }),
    segment('s', 'ACK', 1, 1, { ...data(1000), tcpOptions: STAMP }),
    segment('c', 'ACK', 1, 2001, { tcpOptions: STAMP }),
  ],
  'half close by the opener: the other goes on sending': [
    ...EXCHANGE,
    segment('c', 'FIN,ACK', 11, 301),
    segment('s', 'ACK', 301, 12),
    ...[0, 1, 2, 3].map((index) => segment('s', 'PSH,ACK', 301 + index * 500, 12, data(500))),
    segment('c', 'ACK', 12, 2301),
    segment('s', 'FIN,ACK', 2301, 12),
    segment('c', 'ACK', 12, 2302),
  ],
  'half close by the other: the opener goes on sending': [
    ...EXCHANGE,
    segment('s', 'FIN,ACK', 301, 11),
    segment('c', 'ACK', 11, 302),
    segment('c', 'PSH,ACK', 11, 302, data(700)),
    segment('s', 'ACK', 302, 711),
    segment('c', 'FIN,ACK', 711, 302),
    segment('s', 'ACK', 302, 712),
  ],
  'FINs with data, answered by FIN and ACK in one': [
    ...EXCHANGE,
    segment('c', 'FIN,PSH,ACK', 11, 301, data(20)),
    segment('s', 'FIN,PSH,ACK', 301, 32, data(20)),
    segment('c', 'ACK', 32, 322),
  ],
  'simultaneous close: crossing FINs, crossing ACKs': [
    ...EXCHANGE,
    segment('c', 'FIN,ACK', 11, 301),
    segment('s', 'FIN,ACK', 301, 11),
    segment('c', 'ACK', 12, 302),
    segment('s', 'ACK', 302, 12),
  ],
  'retransmitted SYN, SYN-ACK, data and FINs': [
    segment('c', 'SYN', 0),
    segment('c', 'SYN', 0),
    segment('s', 'SYN,ACK', 0, 1),
    segment('s', 'SYN,ACK', 0, 1),
    segment('c', 'ACK', 1, 1),
    segment('c', 'PSH,ACK', 1, 1, data(100)),
    segment('c', 'PSH,ACK', 1, 1, data(100)),
    segment('s', 'ACK', 1, 101),
    segment('c', 'FIN,ACK', 101, 1),
    segment('c', 'FIN,ACK', 101, 1),
    segment('s', 'ACK', 1, 102),
    segment('s', 'FIN,ACK', 1, 102),
    segment('s', 'FIN,ACK', 1, 102),
    segment('c', 'ACK', 102, 2),
    segment('s', 'FIN,ACK', 1, 102),
    segment('c', 'ACK', 102, 2),
  ],
  'a window that closes, is probed and opens again': [
    ...EXCHANGE,
    segment('c', 'ACK', 11, 301, { window: 0 }),
    segment('s', 'ACK', 301, 11, data(1)),
    segment('c', 'ACK', 11, 301, { window: 0 }),
    segment('s', 'ACK', 301, 11, data(1)),
    segment('c', 'ACK', 11, 302, { window: 65535 }),
    segment('s', 'PSH,ACK', 302, 11, data(1400)),
  ],
  'urgent data, with its pointer': [
    ...EXCHANGE,
    segment('c', 'URG,PSH,ACK', 11, 301, { ...data(5), urgentPointer: 5 }),
    segment('s', 'ACK', 301, 16),
    segment('s', 'URG,ACK', 301, 16, { ...data(2), urgentPointer: 2 }),
    segment('c', 'ACK', 16, 303),
  ],
  'old duplicates of a SYN, an ACK and data, and their answers': [
    ...EXCHANGE,
    segment('c', 'SYN', 0),
    segment('s', 'ACK', 301, 11),
    segment('s', 'SYN,ACK', 0, 1),
    segment('c', 'ACK', 11, 301),
    segment('c', 'ACK', 1, 1),
    segment('s', 'PSH,ACK', 1, 1, data(300)),
    segment('c', 'PSH,ACK', 1, 1, data(10)),
  ],
  'keep-alive probes, one octet before what is due': [
    ...EXCHANGE,
    segment('c', 'ACK', 10, 301),
    segment('s', 'ACK', 301, 11),
    segment('s', 'ACK', 300, 11, data(1)),
    segment('c', 'ACK', 11, 301),
  ],
  'a SYN that carries data, and one that offers ECN': [
    segment('c', 'SYN,ECE,CWR', 0, 0, data(50)),
    segment('s', 'SYN,ACK,ECE', 0, 51),
    segment('c', 'ACK', 51, 1, { tos: 2 }),
    segment('s', 'ACK,ECE', 1, 51, data(10)),
    segment('c', 'ACK,CWR', 51, 11),
  ],
  'a refused connection, asked for again': [
    segment('c', 'SYN', 0),
    segment('s', 'RST,ACK', 0, 1),
    segment('c', 'SYN', 5000),
    segment('s', 'SYN,ACK', 0, 5001),
    segment('c', 'ACK', 5001, 1),
  ],
  'a reset in the middle, from either end, and one more': [
    ...EXCHANGE,
    segment('s', 'RST', 301),
    segment('c', 'RST', 11),
    segment('s', 'RST,ACK', 301, 11),
  ],
  'the same ends connect again after both FINs': [
    ...EXCHANGE,
    segment('c', 'FIN,ACK', 11, 301),
    segment('s', 'FIN,ACK', 301, 12),
    segment('c', 'ACK', 12, 302),
    segment('c', 'SYN', 90_000),
    segment('s', 'SYN,ACK', 70_000, 90_001),
    segment('c', 'ACK', 90_001, 70_001),
    segment('c', 'PSH,ACK', 90_001, 70_001, data(30)),
  ],
  'a simultaneous open (5382-R2a)': [
    segment('c', 'SYN', 0),
    segment('s', 'SYN', 0),
    segment('c', 'SYN,ACK', 0, 1),
    segment('s', 'SYN,ACK', 0, 1),
    segment('c', 'PSH,ACK', 1, 1, data(3)),
  ],
};

/** All segments pass in their order; `opener` says on which side the client is. */
function replay(bed: TranslatorBed, opener: 'internal' | 'external', segments: readonly Segment[]): void {
  for (const { by, flags, fields } of segments) {
    const isOutbound = (by === 'c') === (opener === 'internal');
    if (isOutbound) bed.forwards(LAN, tcp(H1, S1, flags, fields), ISP_A, tcp(WA, S1, flags, fields));
    else bed.forwards(ISP_A, tcp(S1, WA, flags, fields), LAN, tcp(S1, H1, flags, fields));
  }
}

export const tcpSequenceCases: readonly Case[] = [
  ...Object.entries(SEQUENCES).flatMap(([title, segments]): readonly Case[] => [
    {
      name: `5382-R2 opened from inside: ${title}`,
      run: (bed) => {
        replay(bed, 'internal', segments);
        expect(bed.sessions()).toHaveLength(1);
      },
    },
    {
      name: `5382-R2 opened from outside: ${title}`,
      plan: twoUplinks({ nat44: { filteringTcp: 'endpoint-independent' } }),
      run: (bed) => {
        bed.send(LAN, tcp(H1, ELSEWHERE, 'SYN'));
        replay(bed, 'external', segments);
        expect(bed.sessions()).toHaveLength(2);
      },
    },
  ]),
  {
    name: '5382-R2a a simultaneous open with address-dependent filtering: the SYN of the other end comes after the own one',
    run: (bed) => {
      replay(bed, 'internal', SEQUENCES['a simultaneous open (5382-R2a)'] ?? []);
      expect(bed.sessions()[0]?.tcpState).toBe('ESTABLISHED');
    },
  },
  {
    name: '5382-R6, 4787-R10 the words of FTP, SIP and IRC about addresses pass as they are',
    run: (bed) => {
      const lines = [
        'PORT 10,0,0,11,23,112\r\n',
        'Via: SIP/2.0/TCP 10.0.0.11:6000\r\n',
        'DCC SEND a 167772171 6000\r\n',
      ];
      for (const port of [21, 5060, 6667]) {
        const server = `192.0.2.10:${port}`;
        bed.send(LAN, tcp(H1, server, 'SYN'));
        for (const line of lines) {
          const payload = text(line);
          bed.forwards(LAN, tcp(H1, server, 'PSH,ACK', { payload }), ISP_A, tcp(WA, server, 'PSH,ACK', { payload }));
          bed.forwards(ISP_A, tcp(server, WA, 'PSH,ACK', { payload }), LAN, tcp(server, H1, 'PSH,ACK', { payload }));
        }
      }
      expect(bed.mappings(), 'nothing is opened by what is said').toHaveLength(1);
    },
  },
];
