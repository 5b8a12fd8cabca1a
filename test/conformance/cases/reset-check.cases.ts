/** Which resets from outside end a connection: those that belong to it (7857-S2.2, 5382-sec2). */
import { expect } from 'vitest';
import { concat, tcp } from '../../support/packet-builder.ts';
import { ISP_A, LAN, twoUplinks } from '../../support/plans.ts';
import { maximumSegmentSize, noOperation, tcpOptions, windowScale } from '../../support/tcp-options.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:6000';
const WA = '203.0.113.2:6000';
const S1 = '192.0.2.10:80';
const OPENING = 240_000;
const ESTABLISHED = 7_440_000;

interface Segment {
  readonly flags: string;
  readonly seq: number;
  readonly ack?: number;
  readonly window?: number;
  readonly options?: Uint8Array;
  readonly data?: number;
}

function fieldsOf({ seq, ack, window, options, data }: Segment) {
  return {
    sequence: seq >>> 0,
    acknowledgement: (ack ?? 0) >>> 0,
    window: window ?? 0,
    tcpOptions: options ?? new Uint8Array(),
    payload: new Uint8Array(data ?? 0),
  };
}

function out(bed: TranslatorBed, segment: Segment): void {
  const { flags } = segment;
  bed.forwards(LAN, tcp(H1, S1, flags, fieldsOf(segment)), ISP_A, tcp(WA, S1, flags, fieldsOf(segment)));
}

function back(bed: TranslatorBed, segment: Segment): void {
  const { flags } = segment;
  bed.forwards(ISP_A, tcp(S1, WA, flags, fieldsOf(segment)), LAN, tcp(S1, H1, flags, fieldsOf(segment)));
}

/** A reset from outside passes in any case; the session has this state then. */
function resetLeaves(bed: TranslatorBed, reset: Segment, state: string): void {
  back(bed, reset);
  expect(bed.sessions().map(({ tcpState }) => tcpState)).toEqual([state]);
}

const RST = (seq: number): Segment => ({ flags: 'RST', seq });
const RST_ACK = (ack: number): Segment => ({ flags: 'RST,ACK', seq: 0, ack });

/** H1 opens with sequence 1000, S1 with 5000; H1 offers `window` in the last segment. */
function handshake(bed: TranslatorBed, window: number, scales: { inner?: Uint8Array; outer?: Uint8Array } = {}): void {
  out(bed, { flags: 'SYN', seq: 1000, ...(scales.inner && { options: scales.inner }) });
  back(bed, { flags: 'SYN,ACK', seq: 5000, ack: 1001, ...(scales.outer && { options: scales.outer }) });
  out(bed, { flags: 'ACK', seq: 1001, ack: 5001, window });
}

const scaled = (shift: number) => tcpOptions(windowScale(shift));

/** What the last window of H1 lets a reset be: the first number beyond it is no part of the connection any more. */
const WINDOWS: readonly {
  readonly title: string;
  readonly window: number;
  readonly inner?: Uint8Array;
  readonly outer?: Uint8Array;
  readonly span: number;
}[] = [
  { title: 'a window of 1000', window: 1000, span: 1024 },
  { title: 'a window of 1024, rounded up', window: 1024, span: 2048 },
  { title: 'a window of 65,535', window: 65_535, span: 65_536 },
  { title: 'a closed window', window: 0, span: 1 },
  { title: 'a window of 1000 shifted by 7', window: 1000, inner: scaled(7), outer: scaled(2), span: 131_072 },
  { title: 'a scale that the other side did not offer', window: 1000, inner: scaled(7), span: 1024 },
  { title: 'a scale of the other side only', window: 1000, outer: scaled(7), span: 1024 },
  { title: 'the greatest scale', window: 65_535, inner: scaled(14), outer: scaled(0), span: 2 ** 30 },
  { title: 'a scale above 14', window: 65_535, inner: scaled(255), outer: scaled(0), span: 2 ** 30 },
  {
    title: 'a scale behind other options',
    window: 3,
    inner: tcpOptions(maximumSegmentSize(1460), noOperation(), windowScale(4)),
    outer: scaled(0),
    span: 64,
  },
  {
    title: 'a scale behind a malformed option',
    window: 3,
    inner: tcpOptions(Uint8Array.of(8, 1), windowScale(4)),
    outer: scaled(0),
    span: 4,
  },
  {
    title: 'a scale behind one of the wrong length',
    window: 3,
    inner: tcpOptions(Uint8Array.of(3, 4, 9, 9), windowScale(4)),
    outer: scaled(0),
    span: 4,
  },
  {
    title: 'a scale behind the end of options',
    window: 3,
    inner: concat(Uint8Array.of(0), windowScale(4)),
    outer: scaled(0),
    span: 4,
  },
];

const windowCases: readonly Case[] = WINDOWS.flatMap(({ title, window, inner, outer, span }) => {
  const scales = { ...(inner && { inner }), ...(outer && { outer }) };
  return [
    {
      name: `7857-S2.2 ${title}: a reset with the last number in it counts`,
      run: (bed) => {
        handshake(bed, window, scales);
        resetLeaves(bed, RST(5001 + span - 1), 'TRANS');
      },
    },
    {
      name: `7857-S2.2, 5382-sec2 ${title}: a reset beyond it or before it passes, and changes nothing`,
      run: (bed) => {
        handshake(bed, window, scales);
        bed.wait(100);
        resetLeaves(bed, RST(5001 + span), 'ESTABLISHED');
        resetLeaves(bed, { flags: 'RST,ACK', seq: 5000, ack: 1001 }, 'ESTABLISHED');
        expect(bed.sessions()[0]?.expiresInMs).toBe(ESTABLISHED - 100_000);
      },
    },
  ] satisfies readonly Case[];
});

const openingCases: readonly Case[] = [
  {
    name: '7857-S2.2 a refused SYN: the reset acknowledges it',
    run: (bed) => {
      out(bed, { flags: 'SYN', seq: 1000 });
      resetLeaves(bed, RST_ACK(1001), 'TRANS');
    },
  },
  {
    name: '7857-S2.2 a refused SYN with data: the reset acknowledges all of it, or not the data',
    run: (bed) => {
      out(bed, { flags: 'SYN', seq: 1000, data: 1400 });
      resetLeaves(bed, RST_ACK(1001), 'TRANS');
      out(bed, { flags: 'SYN', seq: 1000 });
    },
  },
  {
    name: '7857-S2.2, 5382-sec2 a reset that acknowledges no SYN of ours, or nothing, is no answer to it',
    run: (bed) => {
      out(bed, { flags: 'SYN', seq: 1000 });
      bed.wait(10);
      for (const reset of [RST(1001), RST(0), RST_ACK(1002), RST_ACK(1001 - 1461), RST_ACK(1001 + 2 ** 31)]) {
        resetLeaves(bed, reset, 'INIT');
      }
      expect(bed.sessions()[0]?.expiresInMs).toBe(OPENING - 10_000);
      resetLeaves(bed, RST_ACK(1001 - 1460), 'TRANS');
    },
  },
  {
    name: '7857-S2.2 a SYN sent again with another number is what a reset answers',
    run: (bed) => {
      out(bed, { flags: 'SYN', seq: 1000 });
      out(bed, { flags: 'SYN', seq: 90_000 });
      resetLeaves(bed, RST_ACK(1001), 'INIT');
      resetLeaves(bed, RST_ACK(90_001), 'TRANS');
    },
  },
  {
    name: '5382-sec2 after the host has acknowledged something its SYN moves nothing',
    run: (bed) => {
      handshake(bed, 1000);
      out(bed, { flags: 'SYN', seq: 90_000 });
      resetLeaves(bed, RST_ACK(90_001), 'ESTABLISHED');
      resetLeaves(bed, RST(5001), 'TRANS');
    },
  },
  {
    name: '7857-S2.2 before the host has answered the SYN,ACK a reset has to acknowledge its SYN',
    run: (bed) => {
      out(bed, { flags: 'SYN', seq: 1000 });
      back(bed, { flags: 'SYN,ACK', seq: 5000, ack: 1001 });
      resetLeaves(bed, RST(5001), 'ESTABLISHED');
      resetLeaves(bed, RST_ACK(1001), 'TRANS');
    },
  },
  {
    name: '7857-S2.2 opened from outside: 64 KiB behind the SYN, until the host has answered',
    plan: twoUplinks({ nat44: { filteringTcp: 'endpoint-independent' } }),
    run: (bed) => {
      bed.send(LAN, tcp(H1, '192.0.2.20:80', 'SYN'));
      const stateOfS1 = () => bed.sessions().find(({ remote }) => remote === S1)?.tcpState;
      back(bed, { flags: 'SYN', seq: 5000, data: 10, options: scaled(7) });
      for (const stray of [RST(5010), RST(5011 + 65_536), RST_ACK(0)]) {
        back(bed, stray);
        expect(stateOfS1()).toBe('INIT');
      }
      // 7857: the window of a SYN is never scaled.
      out(bed, { flags: 'SYN,ACK', seq: 1000, ack: 5011, window: 100, options: scaled(7) });
      back(bed, RST(5011 + 128));
      expect(stateOfS1()).toBe('ESTABLISHED');
      out(bed, { flags: 'ACK', seq: 1001, ack: 5011, window: 100 });
      back(bed, RST(5011 + 128));
      expect(stateOfS1()).toBe('TRANS');
    },
  },
];

const goingOnCases: readonly Case[] = [
  {
    name: '7857-S2.2 the window goes along with what the host acknowledges, across 2^32',
    run: (bed) => {
      out(bed, { flags: 'SYN', seq: 1000 });
      back(bed, { flags: 'SYN,ACK', seq: 0xffff_ff00, ack: 1001 });
      out(bed, { flags: 'ACK', seq: 1001, ack: 0xffff_ff01, window: 512 });
      out(bed, { flags: 'PSH,ACK', seq: 1001, ack: 0xffff_fff0, window: 512, data: 5 });
      resetLeaves(bed, RST(0xffff_ff01), 'ESTABLISHED');
      resetLeaves(bed, RST(0x400), 'ESTABLISHED');
      resetLeaves(bed, RST(0x3ef), 'TRANS');
    },
  },
  {
    name: '5382-sec2 an old acknowledgement moves nothing back, and what the host resets with moves nothing on',
    run: (bed) => {
      handshake(bed, 1000);
      out(bed, { flags: 'ACK', seq: 1001, ack: 6000, window: 1000 });
      out(bed, { flags: 'ACK', seq: 1001, ack: 5001, window: 65_535 });
      out(bed, { flags: 'ACK', seq: 1001, ack: (5999 + 2 ** 31 + 1) >>> 0, window: 65_535 });
      resetLeaves(bed, RST(5999), 'ESTABLISHED');
      resetLeaves(bed, RST(6000 + 1024), 'ESTABLISHED');
      resetLeaves(bed, RST(6000), 'TRANS');
    },
  },
  {
    name: '7857-S2.2 what comes from outside moves nothing, whatever it says',
    run: (bed) => {
      handshake(bed, 1000);
      back(bed, { flags: 'PSH,ACK', seq: 500_000, ack: 900_000, window: 9, data: 20 });
      back(bed, { flags: 'SYN', seq: 500_000 });
      resetLeaves(bed, RST(500_020), 'ESTABLISHED');
      resetLeaves(bed, RST(5001 + 1023), 'TRANS');
    },
  },
  {
    name: '7857-S2.2 a reset of the host itself always counts',
    run: (bed) => {
      handshake(bed, 1000);
      out(bed, { flags: 'RST', seq: 77 });
      expect(bed.sessions()[0]?.tcpState).toBe('TRANS');
    },
  },
  {
    name: '7857-S2.2 a reset of the host that acknowledges does not move the window',
    run: (bed) => {
      handshake(bed, 1000);
      out(bed, { flags: 'RST,ACK', seq: 1001, ack: 9000, window: 1000 });
      back(bed, { flags: 'ACK', seq: 5001, ack: 1001 });
      resetLeaves(bed, RST(9000), 'ESTABLISHED');
      resetLeaves(bed, RST(5001), 'TRANS');
    },
  },
  {
    name: '6146-T2, 7857-S2.2 a closed connection that is opened anew is counted anew, scales too',
    run: (bed) => {
      handshake(bed, 1000, { inner: scaled(7), outer: scaled(7) });
      out(bed, { flags: 'FIN,ACK', seq: 1001, ack: 5001 });
      back(bed, { flags: 'FIN,ACK', seq: 5001, ack: 1002 });
      out(bed, { flags: 'SYN', seq: 200_000 });
      resetLeaves(bed, RST(5001), 'INIT');
      back(bed, { flags: 'SYN,ACK', seq: 400_000, ack: 200_001, options: scaled(7) });
      out(bed, { flags: 'ACK', seq: 200_001, ack: 400_001, window: 1000 });
      resetLeaves(bed, RST(400_001 + 1024), 'ESTABLISHED');
      resetLeaves(bed, RST(400_001 + 1023), 'TRANS');
    },
  },
  {
    name: '6146-T2, 7857-S2.2 and from outside: 64 KiB behind its SYN again',
    run: (bed) => {
      handshake(bed, 1000);
      out(bed, { flags: 'FIN,ACK', seq: 1001, ack: 5001 });
      back(bed, { flags: 'FIN,ACK', seq: 5001, ack: 1002 });
      back(bed, { flags: 'SYN', seq: 700_000 });
      resetLeaves(bed, RST(5001), 'INIT');
      resetLeaves(bed, RST(700_001 + 65_536), 'INIT');
      resetLeaves(bed, RST(700_001 + 65_535), 'TRANS');
    },
  },
];

const scaleCases: readonly Case[] = [
  {
    name: '7857-S2.2 a SYN sent again without a scale takes the offer back',
    run: (bed) => {
      out(bed, { flags: 'SYN', seq: 1000, options: scaled(7) });
      out(bed, { flags: 'SYN', seq: 1000 });
      back(bed, { flags: 'SYN,ACK', seq: 5000, ack: 1001, options: scaled(7) });
      out(bed, { flags: 'ACK', seq: 1001, ack: 5001, window: 1000 });
      resetLeaves(bed, RST(5001 + 1024), 'ESTABLISHED');
      resetLeaves(bed, RST(5001 + 1023), 'TRANS');
    },
  },
  {
    name: '6146-T2, 7857-S2.2 opened anew, the scale of the other side is forgotten until it has offered one again',
    run: (bed) => {
      handshake(bed, 1000, { inner: scaled(7), outer: scaled(7) });
      out(bed, { flags: 'FIN,ACK', seq: 1001, ack: 5001 });
      back(bed, { flags: 'FIN,ACK', seq: 5001, ack: 1002 });
      out(bed, { flags: 'SYN', seq: 200_000, options: scaled(7) });
      out(bed, { flags: 'ACK', seq: 200_001, ack: 400_001, window: 1000 });
      resetLeaves(bed, RST(400_001 + 1024), 'INIT');
      resetLeaves(bed, RST(400_001 + 1023), 'TRANS');
    },
  },
];

/** 7857-S7.1: who opened, who resets a hundred seconds later, and what is left then, in seconds. */
const REFUSALS: readonly {
  readonly id: string;
  readonly segments: readonly [string, string];
  readonly left: number;
}[] = [
  { id: '7857-S7.1', segments: ['<SYN', '>RST'], left: 300 - 100 },
  { id: '6146-T2', segments: ['<SYN', '<RST'], left: 50 },
  { id: '6146-T2', segments: ['>SYN', '>RST'], left: 50 },
  { id: '6146-T2', segments: ['>SYN', '<RST'], left: 50 },
];

const refusalCases: readonly Case[] = REFUSALS.map(({ id, segments: [opening, reset], left }) => ({
  name: `${id}, 7857-S2.1 ${opening} and ${reset} 100 s later leave ${left} s`,
  plan: twoUplinks({
    nat44: { filteringTcp: 'endpoint-independent', tcpOpeningMs: 300_000, tcpClosingMs: 50_000 },
  }),
  run: (bed) => {
    bed.send(LAN, tcp(H1, '192.0.2.20:80', 'SYN'));
    const send = (segment: string, fields: Omit<Segment, 'flags'>) =>
      (segment.startsWith('>') ? out : back)(bed, { ...fields, flags: segment.slice(1) });
    send(opening, { seq: 1000 });
    bed.wait(100);
    send(reset === '<RST' && opening === '>SYN' ? '<RST,ACK' : reset, { seq: 1001, ack: 1001 });
    const row = bed.sessions().find(({ remote }) => remote === S1);
    expect([row?.tcpState, row?.expiresInMs]).toEqual(['TRANS', left * 1000]);
  },
}));

export const resetCheckCases: readonly Case[] = [
  ...windowCases,
  ...scaleCases,
  ...openingCases,
  ...refusalCases,
  ...goingOnCases,
];
