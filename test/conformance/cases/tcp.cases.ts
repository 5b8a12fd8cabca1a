/** RFC 5382 and the state machine of RFC 6146 section 3.5.2 / RFC 7857 section 2. */
import { expect } from 'vitest';
import { tcp, udp } from '../../support/packet-builder.ts';
import { ISP_A, LAN, twoUplinks } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:6000';
const WA = '203.0.113.2:6000';
const S1 = '192.0.2.10:80';
const TRANSITORY = 240;
const ESTABLISHED = 7440;

/** Sequence numbers of both ends fit, so that a reset belongs to the connection. */
const SENT = { sequence: 1000, acknowledgement: 5000, window: 1000, payload: new Uint8Array(3) };
const ANSWERED = { sequence: 5000, acknowledgement: 1004, window: 1000 };

/** H1 sends a segment, and it leaves translated. */
function out(bed: TranslatorBed, flags: string): void {
  bed.forwards(LAN, tcp(H1, S1, flags, SENT), ISP_A, tcp(WA, S1, flags, SENT));
}

/** S1 sends a segment, and H1 gets it. */
function back(bed: TranslatorBed, flags: string): void {
  bed.forwards(ISP_A, tcp(S1, WA, flags, ANSWERED), LAN, tcp(S1, H1, flags, ANSWERED));
}

/** Segments by the side they come from: `>` internal, `<` external. */
function play(bed: TranslatorBed, ...segments: readonly string[]): void {
  for (const segment of segments) {
    (segment.startsWith('>') ? out : back)(bed, segment.slice(1));
  }
}

function stateOf(bed: TranslatorBed): string | undefined {
  return bed.sessions()[0]?.tcpState;
}

/** The session has this state, and ends when so many seconds have passed. */
function lasts(bed: TranslatorBed, state: string, seconds: number): void {
  expect(bed.sessions().map(({ tcpState, expiresInMs }) => ({ tcpState, expiresInMs }))).toEqual([
    { tcpState: state, expiresInMs: seconds * 1000 },
  ]);
  bed.wait(seconds - 0.1);
  expect(bed.sessions()).toHaveLength(1);
  bed.wait(0.1);
  expect(bed.sessions()).toEqual([]);
}

const HANDSHAKE = ['>SYN', '<SYN,ACK', '>ACK'] as const;

/** 6146-T1, 7857-S2: every edge of the machine: segments, then the state and lifetime they leave. */
const EDGES: readonly {
  readonly id: string;
  readonly segments: readonly string[];
  readonly state: string;
  readonly seconds: number;
}[] = [
  { id: '6146-T2', segments: ['>SYN'], state: 'INIT', seconds: TRANSITORY },
  { id: '6146-T2', segments: ['>SYN', '>SYN'], state: 'INIT', seconds: TRANSITORY },
  { id: '6146-T3', segments: ['>SYN', '<SYN,ACK'], state: 'ESTABLISHED', seconds: ESTABLISHED },
  { id: '5382-R2a', segments: ['>SYN', '<SYN', '>SYN,ACK', '<SYN,ACK'], state: 'ESTABLISHED', seconds: ESTABLISHED },
  { id: '6146-T6', segments: ['>SYN', '<RST,ACK'], state: 'TRANS', seconds: TRANSITORY },
  { id: '6146-T4', segments: [...HANDSHAKE, '>FIN,ACK'], state: 'INTERNAL-FIN', seconds: ESTABLISHED },
  { id: '6146-T4', segments: [...HANDSHAKE, '<FIN,ACK'], state: 'EXTERNAL-FIN', seconds: ESTABLISHED },
  { id: '6146-T4', segments: [...HANDSHAKE, '>FIN,ACK', '>FIN,ACK'], state: 'INTERNAL-FIN', seconds: ESTABLISHED },
  { id: '6146-T4', segments: [...HANDSHAKE, '>FIN,ACK', '<ACK'], state: 'INTERNAL-FIN', seconds: ESTABLISHED },
  { id: '6146-T5', segments: [...HANDSHAKE, '>FIN,ACK', '<FIN,ACK'], state: 'BOTH-FIN', seconds: TRANSITORY },
  { id: '6146-T5', segments: [...HANDSHAKE, '<FIN,ACK', '>FIN,ACK'], state: 'BOTH-FIN', seconds: TRANSITORY },
  {
    id: '6146-T5',
    segments: [...HANDSHAKE, '<FIN,ACK', '>FIN,ACK', '<ACK', '>RST'],
    state: 'BOTH-FIN',
    seconds: TRANSITORY,
  },
  { id: '6146-T2', segments: [...HANDSHAKE, '<FIN,ACK', '>FIN,ACK', '>SYN'], state: 'INIT', seconds: TRANSITORY },
  { id: '7857-S2.2', segments: [...HANDSHAKE, '<RST'], state: 'TRANS', seconds: TRANSITORY },
  { id: '7857-S2.2', segments: [...HANDSHAKE, '>RST', '<RST'], state: 'TRANS', seconds: TRANSITORY },
  { id: '6146-T6', segments: [...HANDSHAKE, '>FIN,ACK', '<RST'], state: 'TRANS', seconds: TRANSITORY },
  { id: '6146-T7', segments: [...HANDSHAKE, '<RST', '>ACK'], state: 'ESTABLISHED', seconds: ESTABLISHED },
  { id: '6146-T7', segments: [...HANDSHAKE, '<RST', '<ACK'], state: 'ESTABLISHED', seconds: ESTABLISHED },
];

export const tcpCases: readonly Case[] = [
  ...EDGES.map(
    ({ id, segments, state, seconds }): Case => ({
      name: `${id} ${segments.join(' ')} leaves ${state} for ${seconds} s`,
      run: (bed) => {
        play(bed, ...segments);
        lasts(bed, state, seconds);
      },
    }),
  ),
  {
    name: '5382-R1 one internal endpoint keeps one external endpoint for every destination',
    run: (bed) => {
      for (const destination of [S1, '192.0.2.20:80', '192.0.2.10:443']) {
        bed.forwards(LAN, tcp(H1, destination, 'SYN'), ISP_A, tcp(WA, destination, 'SYN'));
      }
      expect(bed.mappings()).toHaveLength(1);
    },
  },
  {
    name: '5382-R2 every segment of a connection passes, changed only in address, port and checksum',
    run: (bed) => {
      play(bed, '>SYN', '<SYN,ACK', '>ACK', '>PSH,ACK', '<ACK', '<PSH,ACK', '>FIN,ACK', '<ACK', '<PSH,ACK');
      play(bed, '<FIN,ACK', '>ACK', '<FIN,ACK', '>FIN,ACK', '>SYN');
    },
  },
  {
    name: '5382-R5 a SYN is answered in time after 239 s, but not after 240 s',
    run: (bed) => {
      play(bed, '>SYN');
      bed.wait(239);
      play(bed, '<SYN,ACK');
    },
  },
  {
    name: '5382-R5 an idle connection is alive after 7439 s',
    run: (bed) => {
      play(bed, ...HANDSHAKE);
      bed.wait(7439);
      play(bed, '<ACK');
    },
  },
  {
    name: '5382-R5a timers are configurable',
    plan: twoUplinks({ nat44: { tcpOpeningMs: 30_000, tcpClosingMs: 30_000, tcpEstablishedMs: 100_000 } }),
    run: (bed) => {
      play(bed, '>SYN');
      expect(bed.sessions()[0]?.expiresInMs).toBe(30_000);
      play(bed, '<SYN,ACK');
      lasts(bed, 'ESTABLISHED', 100);
    },
  },
  {
    name: '6146-T5, 2663-2.6 a retransmitted FIN passes 239 s after both FINs and does not prolong the session',
    run: (bed) => {
      play(bed, ...HANDSHAKE, '>FIN,ACK', '<FIN,ACK');
      bed.wait(239);
      play(bed, '<FIN,ACK', '>ACK');
      lasts(bed, 'BOTH-FIN', 1);
    },
  },
  {
    name: '7857-S2.2 more resets do not prolong a session that was reset',
    run: (bed) => {
      play(bed, ...HANDSHAKE, '<RST');
      bed.wait(100);
      play(bed, '<RST', '>RST');
      lasts(bed, 'TRANS', 140);
    },
  },
  {
    name: '5382-R3 address-dependent filtering: a SYN from a known address opens a session, from others not',
    run: (bed) => {
      play(bed, '>SYN');
      bed.forwards(ISP_A, tcp('192.0.2.10:8080', WA, 'SYN'), LAN, tcp('192.0.2.10:8080', H1, 'SYN'));
      bed.drops(ISP_A, tcp('192.0.2.20:80', WA, 'SYN'), 'FilteredInbound');
      expect(bed.sessions()).toHaveLength(2);
    },
  },
  {
    name: '5382-R3a, 5382-R3 endpoint-independent for TCP alone, while UDP stays address-dependent',
    plan: twoUplinks({ nat44: { filteringTcp: 'endpoint-independent' } }),
    run: (bed) => {
      play(bed, '>SYN');
      bed.send(LAN, udp(H1, S1));
      bed.forwards(ISP_A, tcp('192.0.2.20:80', WA, 'SYN'), LAN, tcp('192.0.2.20:80', H1, 'SYN'));
      bed.drops(ISP_A, udp('192.0.2.20:80', WA), 'FilteredInbound');
    },
  },
  {
    name: 'MWAN-4 an inbound connection is answered by the mapping it came to',
    plan: twoUplinks({ nat44: { filteringTcp: 'endpoint-independent' } }),
    run: (bed) => {
      play(bed, '>SYN');
      bed.send(ISP_A, tcp('192.0.2.20:7000', WA, 'SYN'));
      bed.forwards(LAN, tcp(H1, '192.0.2.20:7000', 'SYN,ACK'), ISP_A, tcp(WA, '192.0.2.20:7000', 'SYN,ACK'));
      expect(bed.sessions().find(({ remote }) => remote === '192.0.2.20:7000')?.tcpState).toBe('ESTABLISHED');
    },
  },
  {
    name: '5382-R4 an unsolicited SYN is met with silence',
    run: (bed) => {
      bed.drops(ISP_A, tcp(S1, WA, 'SYN'), 'NoMapping');
    },
  },
  {
    name: '5382-R5b inbound segments in the middle of an unknown connection are dropped silently',
    run: (bed) => {
      play(bed, '>SYN');
      bed.drops(ISP_A, tcp('192.0.2.10:8080', WA, 'ACK'), 'TcpWithoutSession');
    },
  },
  {
    name: '2663-2.5 outbound ones are answered with a reset that carries their acknowledgement number',
    run: (bed) => {
      const segment = tcp(H1, S1, 'ACK', { sequence: 77, acknowledgement: 4_000_000_000, payload: new Uint8Array(9) });
      const reset = tcp(S1, H1, 'RST', { sequence: 4_000_000_000, dontFragment: true });
      bed.ends(LAN, segment, 'TcpWithoutSession', { device: LAN, packet: reset, kind: 'TcpReset' });
    },
  },
  {
    name: '2663-2.5 without an acknowledgement number the reset acknowledges what was sent, modulo 2^32',
    run: (bed) => {
      const segment = tcp(H1, S1, 'FIN', { sequence: 0xffff_fffe, payload: new Uint8Array(9) });
      const reset = tcp(S1, H1, 'RST,ACK', { sequence: 0, acknowledgement: 8, dontFragment: true });
      bed.ends(LAN, segment, 'TcpWithoutSession', { device: LAN, packet: reset, kind: 'TcpReset' });
    },
  },
  {
    name: '2663-2.5 a reset is never answered with a reset',
    run: (bed) => {
      bed.drops(LAN, tcp(H1, S1, 'RST'), 'TcpWithoutSession');
    },
  },
  {
    name: '1812-RATE resets have a bucket of their own',
    plan: twoUplinks({ plan: { errorRate: { perSecond: 1, burst: 1 } } }),
    run: (bed) => {
      const reset = { device: LAN, packet: tcp(S1, H1, 'RST', { sequence: 0, dontFragment: true }), kind: 'TcpReset' };
      bed.send(LAN, udp(H1, S1, { ttl: 1 }));
      bed.ends(LAN, tcp(H1, S1, 'ACK'), 'TcpWithoutSession', reset);
      bed.drops(LAN, tcp(H1, S1, 'ACK'), 'TcpWithoutSession');
      bed.wait(1);
      bed.ends(LAN, tcp(H1, S1, 'ACK'), 'TcpWithoutSession', reset);
    },
  },
  {
    name: '5382-R7, 7857-S13 two internal endpoints never share an external one',
    run: (bed) => {
      play(bed, '>SYN');
      bed.send(LAN, tcp('10.0.0.12:6000', S1, 'SYN'));
      const second = bed.externalOf('tcp', '10.0.0.12:6000');
      expect(second).not.toBe(WA);
      bed.forwards(ISP_A, tcp(S1, second, 'SYN,ACK'), LAN, tcp(S1, '10.0.0.12:6000', 'SYN,ACK'));
      expect(stateOf(bed)).toBe('INIT');
    },
  },
];
