/** Connections through the IPv6 filter: their states and lifetimes, how they are picked up, and calls that nobody answers (RFC 6092). */
import { expect } from 'vitest';
import type { DccpType } from '../../support/dccp-builder.ts';
import { filtered, H1, H1_A, H1_B, H2_A, published6, Q6, R6 } from '../../support/filtered-plan.ts';
import { fragmentHeader, icmpError6, type Tcp6Fields, tcp6 } from '../../support/packet-builder-ipv6.ts';
import { ISP_A, ISP_B, LAN, twoUplinks } from '../../support/plans.ts';
import { tcpOptions, windowScale } from '../../support/tcp-options.ts';
import type { ExpectedPacket, TranslatorBed } from '../../support/translator-bed.ts';
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
    'an abort from outside, without any check',
    [
      ['H1', 'INIT', 'INIT', OPENING],
      ['Q6', 'INIT ACK', 'ESTABLISHED', ESTABLISHED],
      ['Q6', 'ABORT', 'TRANS', OPENING],
      ['H1', 'none', 'ESTABLISHED', ESTABLISHED],
    ],
  ],
  ['a chunk that sets nothing up', [['H1', 'DATA', 'INIT', OPENING]]],
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

/** 1/1 about a held packet, by uplink A. */
function prohibited(held: Uint8Array, to = Q6): ExpectedPacket {
  return { device: ISP_A, packet: icmpError6('2001:db8:a::2', to, held.slice(0, 548), { type: 1, code: 1 }) };
}

const CALLS: readonly (readonly [id: string, what: string, packet: Uint8Array, calls: boolean])[] = [
  ['6092-R34', 'a SYN', back('SYN'), true],
  ['6092-R34', 'a SYN with FIN', back('SYN,FIN'), true],
  ['6092-R34', 'a SYN with RST', back('SYN,RST'), false],
  ['6092-R34', 'a SYN with ACK', back('SYN,ACK'), false],
  ['6092-R34', 'a segment of nothing', back('ACK'), false],
  ['6092-R34', 'a SYN in a whole fragment', back('SYN', { extensions: [fragmentHeader(0, false)] }), false],
  ['6092-R39', 'an INIT', sctp6(Q6, H1_A, BACK, 'INIT'), true],
  ['6092-R39', 'an INIT ACK', sctp6(Q6, H1_A, BACK, 'INIT ACK'), false],
  ['6092-R39', 'SCTP without a chunk', sctp6(Q6, H1_A, BACK, 'none'), false],
  ['6092-R43', 'a Request', dccp6(Q6, H1_A, BACK, 'Request'), true],
  ['6092-R43', 'a Listen', dccp6(Q6, H1_A, BACK, 'Listen'), true],
  ['6092-R43', 'a Sync', dccp6(Q6, H1_A, BACK, 'Sync'), true],
  ['6092-R43', 'a Response', dccp6(Q6, H1_A, BACK, 'Response'), false],
];

const held: readonly Case[] = [
  ...CALLS.map(
    ([id, what, packet, calls]): Case => ({
      name: `${id} ${what} that nobody has asked for ${calls ? 'is answered with 1/1 after six seconds' : 'is refused at once where the plan says so, and not held'}`,
      plan: filtered({}, { nat44: { refuseFiltered: true } }),
      run: (bed) => {
        if (calls) bed.drops(ISP_A, packet, 'FilteredInbound');
        else bed.dropsWithError(ISP_A, packet, 'FilteredInbound', ISP_A, prohibited(packet).packet);
        bed.wait(5.9);
        bed.ticks();
        bed.wait(0.1);
        bed.ticks(...(calls ? [prohibited(packet)] : []));
      },
    }),
  ),
  {
    name: '6092-R34, 6092-R31 the host calls the same peer in time: both calls are one connection, and no error goes out',
    plan: filtered(),
    run: (bed) => {
      bed.drops(ISP_A, back('SYN'), 'FilteredInbound');
      bed.wait(3);
      sends(bed, out('SYN'));
      reaches(bed, back('SYN'));
      is(bed, 'ESTABLISHED', ESTABLISHED);
      bed.wait(60);
      bed.ticks();
    },
  },
  {
    name: '6092-R34 a call by the other uplink, from another port, or to another host is answered all the same',
    plan: filtered(),
    run: (bed) => {
      const calls = [tcp6(Q6, H1_A, [81, 40000], 'SYN'), tcp6(R6, H1_A, BACK, 'SYN'), tcp6(Q6, H2_A, BACK, 'SYN')];
      for (const call of calls) bed.drops(ISP_A, call, 'FilteredInbound');
      bed.drops(ISP_B, tcp6(Q6, H1_B, BACK, 'SYN'), 'FilteredInbound');
      sends(bed, out('SYN'));
      bed.wait(6);
      const errors = calls.map((call, index) => prohibited(call, index === 1 ? R6 : Q6));
      const onB = icmpError6('2001:db8:b::2', Q6, tcp6(Q6, H1_B, BACK, 'SYN'), { type: 1, code: 1 });
      bed.ticks(...errors, { device: ISP_B, packet: onB });
    },
  },
  {
    name: '6092-R34 the host opens to outsiders in time: the call that comes again is taken, and the first one forgotten',
    plan: filtered(),
    run: (bed) => {
      bed.drops(ISP_A, back('SYN'), 'FilteredInbound');
      bed.plan(filtered({ published: [published6(H1)] }));
      reaches(bed, back('SYN'));
      bed.wait(60);
      bed.ticks();
    },
  },
  {
    name: '6092-R34 no more than 548 octets of a call come back, and a second one changes nothing',
    plan: filtered(),
    run: (bed) => {
      const long = back('SYN', { payload: new Uint8Array(1000) });
      bed.drops(ISP_A, long, 'FilteredInbound');
      bed.wait(5);
      bed.drops(ISP_A, back('SYN'), 'FilteredInbound');
      bed.wait(1);
      bed.ticks(prohibited(long));
      bed.wait(60);
      bed.ticks();
    },
  },
  {
    name: '6092-R34 hairpinned calls are not held',
    plan: filtered({}, { nat44: { refuseFiltered: true } }),
    run: (bed) => {
      const call = tcp6(H1, H2_A, OUT, 'SYN');
      const error = icmpError6('fd01:203:405:1::1', H1, call, { type: 1, code: 1 });
      bed.dropsWithError(LAN, call, 'FilteredInbound', LAN, error);
      bed.wait(60);
      bed.ticks();
    },
  },
  {
    name: '6092-R34 nothing is answered when the filter is off by then, the addresses have changed, or the plan is stealthy',
    run: (bed) => {
      const later = [twoUplinks(), filtered({}, { epochA: 1 })];
      for (const plan of later) {
        bed.plan(filtered());
        bed.drops(ISP_A, back('SYN'), 'FilteredInbound');
        bed.plan(plan);
        bed.wait(6);
        bed.ticks();
      }
      bed.plan(filtered({}, { nat44: { holdMs: 0 } }));
      bed.drops(ISP_A, back('SYN'), 'FilteredInbound');
      bed.wait(6);
      bed.ticks();
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

export const filterConnectionCases: readonly Case[] = [...sequences, ...resets, ...held];
