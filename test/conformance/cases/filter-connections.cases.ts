/** Connections through the IPv6 filter: their states and lifetimes, and how they are picked up (RFC 6092). */
import { expect } from 'vitest';
import type { DccpType } from '../../support/dccp-builder.ts';
import { filtered, H1, H1_A, published6, Q6 } from '../../support/filtered-plan.ts';
import { type Tcp6Fields, tcp6 } from '../../support/packet-builder-ipv6.ts';
import { ISP_A, LAN } from '../../support/plans.ts';
import { tcpOptions, windowScale } from '../../support/tcp-options.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import { type Chunk, dccp6, sctp6 } from '../../support/transports-ipv6.ts';
import type { Case } from '../case.ts';
import { reaches, sends } from './filter.cases.ts';

const OUT = [40000, 80] as const;
const BACK = [80, 40000] as const;
const OPENING = 240_000;
const ESTABLISHED = 7_440_000;
const DCCP_TRANSITORY = 480_000;

const out = (flags: string, fields?: Tcp6Fields) => tcp6(H1, Q6, OUT, flags, fields);
const back = (flags: string, fields?: Tcp6Fields) => tcp6(Q6, H1_A, BACK, flags, fields);

/** The only session has this state and this time left. */
function is(bed: TranslatorBed, tcpState: string, expiresInMs: number): void {
  expect(bed.sessions().map((row) => [row.tcpState, row.expiresInMs])).toEqual([[tcpState, expiresInMs]]);
}

/** A packet of either side, and the session after it. */
type Step = readonly [from: 'H1' | 'Q6', what: string, state: string, expiresInMs: number];

const TCP_SEQUENCES: readonly (readonly [title: string, steps: readonly Step[]])[] = [
  [
    'a call, data, and both FINs',
    [
      ['H1', 'SYN', 'INIT', OPENING],
      ['Q6', 'SYN,ACK', 'ESTABLISHED', ESTABLISHED],
      ['H1', 'ACK', 'ESTABLISHED', ESTABLISHED],
      ['Q6', 'FIN,ACK', 'EXTERNAL-FIN', ESTABLISHED],
      ['H1', 'FIN,ACK', 'BOTH-FIN', OPENING],
      ['Q6', 'ACK', 'BOTH-FIN', OPENING],
      ['H1', 'SYN', 'INIT', OPENING],
    ],
  ],
  [
    'a simultaneous open',
    [
      ['H1', 'SYN', 'INIT', OPENING],
      ['Q6', 'SYN', 'ESTABLISHED', ESTABLISHED],
      ['H1', 'SYN,ACK', 'ESTABLISHED', ESTABLISHED],
      ['Q6', 'SYN,ACK', 'ESTABLISHED', ESTABLISHED],
    ],
  ],
  [
    'a reset of the caller',
    [
      ['H1', 'SYN', 'INIT', OPENING],
      ['H1', 'RST', 'TRANS', OPENING],
      ['H1', 'SYN', 'ESTABLISHED', ESTABLISHED],
    ],
  ],
];

const SCTP_SEQUENCES: readonly (readonly [title: string, steps: readonly Step[]])[] = [
  [
    'an association from setup to shutdown',
    [
      ['H1', 'INIT', 'INIT', OPENING],
      ['Q6', 'INIT ACK', 'ESTABLISHED', ESTABLISHED],
      ['H1', 'DATA', 'ESTABLISHED', ESTABLISHED],
      ['H1', 'SHUTDOWN', 'INTERNAL-FIN', ESTABLISHED],
      ['Q6', 'SHUTDOWN ACK', 'BOTH-FIN', OPENING],
      ['H1', 'SHUTDOWN COMPLETE', 'BOTH-FIN', OPENING],
      ['H1', 'INIT', 'INIT', OPENING],
    ],
  ],
  [
    'two INITs that cross',
    [
      ['H1', 'INIT', 'INIT', OPENING],
      ['Q6', 'INIT', 'ESTABLISHED', ESTABLISHED],
      ['Q6', 'INIT ACK', 'ESTABLISHED', ESTABLISHED],
    ],
  ],
  [
    'an abort and a last word from outside, without any check',
    [
      ['H1', 'INIT', 'INIT', OPENING],
      ['Q6', 'INIT ACK', 'ESTABLISHED', ESTABLISHED],
      ['Q6', 'ABORT', 'TRANS', OPENING],
      ['H1', 'none', 'ESTABLISHED', ESTABLISHED],
      ['Q6', 'SHUTDOWN COMPLETE', 'TRANS', OPENING],
    ],
  ],
  [
    'an association that was there before',
    [
      ['H1', 'DATA', 'ESTABLISHED', ESTABLISHED],
      ['Q6', 'DATA', 'ESTABLISHED', ESTABLISHED],
      ['Q6', 'SHUTDOWN', 'EXTERNAL-FIN', ESTABLISHED],
    ],
  ],
  ['one that says nothing', [['H1', 'none', 'ESTABLISHED', ESTABLISHED]]],
  ['one that is shut down', [['H1', 'SHUTDOWN ACK', 'ESTABLISHED', ESTABLISHED]]],
  ['an answer to a call that went another way', [['H1', 'INIT ACK', 'INIT', OPENING]]],
  ['the end of one that nobody knows', [['H1', 'ABORT', 'INIT', OPENING]]],
];

const DCCP_SEQUENCES: readonly (readonly [title: string, steps: readonly Step[]])[] = [
  [
    'a connection from request to reset',
    [
      ['H1', 'Request', 'INIT', DCCP_TRANSITORY],
      ['Q6', 'Response', 'ESTABLISHED', ESTABLISHED],
      ['H1', 'Ack', 'ESTABLISHED', ESTABLISHED],
      ['Q6', 'CloseReq', 'EXTERNAL-FIN', ESTABLISHED],
      ['H1', 'Close', 'BOTH-FIN', DCCP_TRANSITORY],
    ],
  ],
  [
    'a reset',
    [
      ['H1', 'Request', 'INIT', DCCP_TRANSITORY],
      ['Q6', 'Reset', 'TRANS', DCCP_TRANSITORY],
    ],
  ],
  [
    'a simultaneous open with Listen',
    [
      ['H1', 'Listen', 'INIT', DCCP_TRANSITORY],
      ['Q6', 'Request', 'ESTABLISHED', ESTABLISHED],
    ],
  ],
  ['a connection that was there before', [['H1', 'Ack', 'ESTABLISHED', ESTABLISHED]]],
  ['one that closes', [['H1', 'Close', 'ESTABLISHED', ESTABLISHED]]],
  ['an answer to a call that went another way', [['H1', 'Response', 'INIT', DCCP_TRANSITORY]]],
  ['the end of one that nobody knows', [['H1', 'Reset', 'INIT', DCCP_TRANSITORY]]],
];

type Make = (from: string, to: string, ports: readonly [number, number], what: string) => Uint8Array;

function sequencesOf(id: string, sequences: typeof TCP_SEQUENCES, make: Make): Case[] {
  return sequences.map(([title, steps]) => ({
    name: `${id} ${title}`,
    plan: filtered(),
    run: (bed) => {
      for (const [from, what, state, expiresInMs] of steps) {
        if (from === 'H1') sends(bed, make(H1, Q6, OUT, what));
        else reaches(bed, make(Q6, H1_A, BACK, what));
        is(bed, state, expiresInMs);
      }
    },
  }));
}

const sequences: readonly Case[] = [
  ...sequencesOf('6092-R31, 6092-R35 TCP:', TCP_SEQUENCES, tcp6),
  ...sequencesOf('6092-R38, 6092-R40 SCTP:', SCTP_SEQUENCES, (from, to, ports, what) =>
    sctp6(from, to, ports, chunkOf(what)),
  ),
  ...sequencesOf('6092-R43, 6092-R44 DCCP:', DCCP_SEQUENCES, (from, to, ports, what) =>
    dccp6(from, to, ports, typeOf(what)),
  ),
  {
    name: '6092-R35, 7857-S7.1 a call from outside that the host refuses keeps its time',
    plan: filtered({ published: [published6(H1)] }),
    run: (bed) => {
      reaches(bed, back('SYN'));
      bed.wait(10);
      sends(bed, out('RST,ACK'));
      is(bed, 'TRANS', OPENING - 10_000);
    },
  },
  {
    name: '6092-R35 an established connection stays for two hours and four minutes of silence, and no longer',
    plan: filtered(),
    run: (bed) => {
      sends(bed, out('SYN'));
      reaches(bed, back('SYN,ACK'));
      bed.wait(7439.9);
      reaches(bed, back('ACK'));
      bed.wait(7440);
      bed.drops(ISP_A, back('ACK'), 'FilteredInbound');
    },
  },
];

/** SYN of H1 with sequence 1000, answered from 5000; H1 offers a window of 1000. */
function handshake(bed: TranslatorBed): void {
  sends(bed, out('SYN', { sequence: 1000 }));
  reaches(bed, back('SYN,ACK', { sequence: 5000, acknowledgement: 1001 }));
  sends(bed, out('ACK', { sequence: 1001, acknowledgement: 5001, window: 1000 }));
}

/** A reset from outside; it passes in any case. */
function reset(bed: TranslatorBed, sequence: number, state: string): void {
  reaches(bed, back('RST', { sequence: sequence >>> 0 }));
  expect(bed.sessions().map(({ tcpState }) => tcpState)).toEqual([state]);
}

const resets: readonly Case[] = [
  {
    name: '7857-S2.2 a reset that is no part of the connection passes and changes nothing',
    plan: filtered(),
    run: (bed) => {
      handshake(bed);
      for (const sequence of [5000, 5001 + 1024, 0]) reset(bed, sequence, 'ESTABLISHED');
      reset(bed, 5001 + 1023, 'TRANS');
    },
  },
  {
    name: '7857-S2.2 a connection that begins anew after both FINs forgets the former numbers',
    plan: filtered(),
    run: (bed) => {
      handshake(bed);
      sends(bed, out('FIN,ACK', { sequence: 1001, acknowledgement: 5001 }));
      reaches(bed, back('FIN,ACK', { sequence: 5001, acknowledgement: 1002 }));
      sends(bed, out('SYN', { sequence: 9000 }));
      reaches(bed, back('RST,ACK', { sequence: 5002, acknowledgement: 1002 }));
      is(bed, 'INIT', OPENING);
      reaches(bed, back('RST,ACK', { acknowledgement: 9001 }));
      is(bed, 'TRANS', OPENING);
    },
  },
  {
    name: '6092-R31 a RST that opens would be no call: nothing leaves, and nothing is answered',
    plan: filtered(),
    run: (bed) => {
      for (const flags of ['RST', 'RST,ACK', 'SYN,RST']) bed.drops(LAN, out(flags), 'TcpWithoutSession');
      expect(bed.sessions()).toHaveLength(0);
    },
  },
  {
    name: '6092-R32 a connection that was there before is picked up from inside, whatever its windows mean',
    plan: filtered(),
    run: (bed) => {
      bed.drops(ISP_A, back('ACK'), 'FilteredInbound');
      sends(bed, out('PSH,ACK', { acknowledgement: 5001, window: 10 }));
      is(bed, 'ESTABLISHED', ESTABLISHED);
      reaches(bed, back('ACK', { sequence: 5001 + 2 ** 29 }));
      sends(bed, out('ACK', { acknowledgement: 6001, window: 20 }));
      reset(bed, 6000, 'ESTABLISHED');
      reset(bed, 6001 + 2 ** 30, 'ESTABLISHED');
      reset(bed, 6001 + 2 ** 30 - 1, 'TRANS');
    },
  },
  {
    name: '6092-R32 one that nothing has been acknowledged of; a reset has to acknowledge',
    plan: filtered(),
    run: (bed) => {
      sends(bed, out('FIN'));
      is(bed, 'ESTABLISHED', ESTABLISHED);
      reset(bed, 7, 'ESTABLISHED');
      reaches(bed, back('RST,ACK', { acknowledgement: 0 }));
      is(bed, 'TRANS', OPENING);
    },
  },
  {
    name: '6092-R32 when a SYN is seen, windows mean what they say again',
    plan: filtered(),
    run: (bed) => {
      const scaled = tcpOptions(windowScale(3));
      sends(bed, out('ACK', { acknowledgement: 5001, window: 10 }));
      reaches(bed, back('SYN,ACK', { sequence: 5001, tcpOptions: scaled }));
      reset(bed, 5001 + 2 ** 30, 'ESTABLISHED');
      sends(bed, out('SYN,ACK', { acknowledgement: 5002, window: 100, tcpOptions: scaled }));
      reset(bed, 5002 + 128, 'ESTABLISHED');
      sends(bed, out('ACK', { acknowledgement: 5002, window: 100 }));
      reset(bed, 5002 + 1024, 'ESTABLISHED');
      reset(bed, 5002 + 1023, 'TRANS');
    },
  },
  {
    name: '6092-R31 what a reset of the host says is no acknowledgement',
    plan: filtered(),
    run: (bed) => {
      sends(bed, out('SYN', { sequence: 1000 }));
      reaches(bed, back('SYN,ACK', { sequence: 5000, acknowledgement: 1001 }));
      sends(bed, out('ACK', { acknowledgement: 5001, window: 100 }));
      sends(bed, out('RST,ACK', { acknowledgement: 905_001, window: 100 }));
      sends(bed, out('ACK', { acknowledgement: 5001, window: 100 }));
      reset(bed, 905_001, 'ESTABLISHED');
      reset(bed, 5001 + 127, 'TRANS');
    },
  },
  {
    name: '6092-R40, 6092-R44 from outside a published association begins as any other, whatever opens it',
    plan: filtered({ published: [published6(H1)] }),
    run: (bed) => {
      reaches(bed, sctp6(Q6, H1_A, BACK, 'DATA'));
      is(bed, 'INIT', OPENING);
      bed.wait(240);
      reaches(bed, dccp6(Q6, H1_A, BACK, 'Ack'));
      is(bed, 'INIT', DCCP_TRANSITORY);
    },
  },
  {
    name: '6092-R31 a SYN with ACK from inside opens, and acknowledges',
    plan: filtered(),
    run: (bed) => {
      sends(bed, out('SYN,ACK', { sequence: 1000, acknowledgement: 5001, window: 100 }));
      is(bed, 'INIT', OPENING);
      reset(bed, 5001 + 128, 'INIT');
      reset(bed, 5001 + 127, 'TRANS');
    },
  },
];

function chunkOf(name: string): Chunk {
  const chunks: readonly Chunk[] = [
    'INIT',
    'INIT ACK',
    'DATA',
    'ABORT',
    'SHUTDOWN',
    'SHUTDOWN ACK',
    'SHUTDOWN COMPLETE',
    'none',
  ];
  const chunk = chunks.find((one) => one === name);
  if (chunk === undefined) throw new Error(`no chunk ${name}`);
  return chunk;
}

function typeOf(name: string): DccpType {
  const types: readonly DccpType[] = ['Request', 'Response', 'Ack', 'CloseReq', 'Close', 'Reset', 'Listen'];
  const type = types.find((one) => one === name);
  if (type === undefined) throw new Error(`no type ${name}`);
  return type;
}

export const filterConnectionCases: readonly Case[] = [...sequences, ...resets];
