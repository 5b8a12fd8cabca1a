/** RFC 5597: DCCP as TCP has it; what every protocol with ports owes is in endpoint-independence.cases.ts. */
import { expect } from 'vitest';
import { DCCP_TYPES, type DccpFields, type DccpType, dccp } from '../../support/dccp-builder.ts';
import { icmpError, text } from '../../support/packet-builder.ts';
import { ISP_A, LAN, twoUplinks } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const H2 = '10.0.0.12:5001';
const WA = '203.0.113.2:5000';
const S1 = '192.0.2.10:80';
const OPEN = twoUplinks({ nat44: { filteringDccp: 'endpoint-independent' } });
/** Lifetimes of TCP are not those of DCCP. */
const OTHER_TCP = twoUplinks({
  nat44: { tcpOpeningMs: 250_000, tcpClosingMs: 260_000, tcpEstablishedMs: 8_000_000 },
});
/** Both clocks of RFC 5597 REQ-5, the transitory one as RFC 6092 has it. */
const [TRANSITORY, ESTABLISHED] = [480, 7440];

function out(bed: TranslatorBed, type: DccpType, fields: DccpFields = {}): void {
  bed.forwards(LAN, dccp(H1, S1, type, fields), ISP_A, dccp(WA, S1, type, fields));
}

function back(bed: TranslatorBed, type: DccpType, fields: DccpFields = {}): void {
  bed.forwards(ISP_A, dccp(S1, WA, type, fields), LAN, dccp(S1, H1, type, fields));
}

/** Packets by the side they come from: `>` internal, `<` external. */
function play(bed: TranslatorBed, ...packets: readonly string[]): void {
  for (const packet of packets) {
    const type = DCCP_TYPES.find((one) => one === packet.slice(1)) ?? 'Data';
    (packet.startsWith('>') ? out : back)(bed, type);
  }
}

const OPENED = ['>Request', '<Response', '>Ack'] as const;

const SEQUENCES: readonly (readonly string[])[] = [
  [...OPENED, '>DataAck', '<DataAck', '<Data', '>Data', '>Ack', '<Sync', '>SyncAck', '>Sync', '<SyncAck'],
  [...OPENED, '>Close', '<Reset'],
  [...OPENED, '<CloseReq', '>Close', '<Reset'],
  [...OPENED, '<Close', '>Reset'],
  [...OPENED, '>Close', '<Close', '>Reset', '<Reset'],
  ['>Request', '>Request', '<Response', '<Response', '>Ack', '>DataAck'],
  ['>Request', '<Reset', '>Request', '<Response', '>Ack'],
  ['>Listen', '<Request', '>Response', '<Ack', '>DataAck', '<DataAck'],
  ['>Request', '<Listen', '>Request', '<Response', '>Ack', '>DataAck'],
];

const LIFETIMES: readonly { readonly packets: readonly string[]; readonly state: string; readonly seconds: number }[] =
  [
    { packets: ['>Request'], state: 'INIT', seconds: TRANSITORY },
    { packets: ['>Listen'], state: 'INIT', seconds: TRANSITORY },
    { packets: ['>Request', '<Response'], state: 'ESTABLISHED', seconds: ESTABLISHED },
    { packets: [...OPENED, '>Close'], state: 'INTERNAL-FIN', seconds: ESTABLISHED },
    { packets: [...OPENED, '<CloseReq', '>Close'], state: 'BOTH-FIN', seconds: TRANSITORY },
    { packets: [...OPENED, '>Close', '<Reset'], state: 'TRANS', seconds: TRANSITORY },
    { packets: [...OPENED, '<Reset', '>DataAck'], state: 'ESTABLISHED', seconds: ESTABLISHED },
  ];

export const dccpBcpCases: readonly Case[] = [
  ...SEQUENCES.map(
    (packets): Case => ({
      name: `5597-R2 ${packets.join(' ')} passes, opened from inside`,
      run: (bed) => {
        play(bed, ...packets);
        expect(bed.sessions()).toHaveLength(1);
      },
    }),
  ),
  {
    name: '5597-R2, 5597-R3 a connection opened from outside passes with endpoint-independent filtering',
    plan: OPEN,
    run: (bed) => {
      bed.send(LAN, dccp(H1, '192.0.2.20:80', 'Request'));
      play(bed, '<Request', '>Response', '<Ack', '<DataAck', '>DataAck', '<Close', '>Reset');
    },
  },
  {
    name: '5597-R2 a Listen that came in before the Request of the host: the Request makes the session',
    run: (bed) => {
      bed.drops(ISP_A, dccp(S1, WA, 'Listen'), 'NoMapping');
      play(bed, '>Request', '<Response', '>Ack', '<DataAck');
      expect(bed.sessions()[0]?.tcpState).toBe('ESTABLISHED');
    },
  },
  ...LIFETIMES.map(
    ({ packets, state, seconds }): Case => ({
      name: `5597-R5 ${packets.join(' ')} leaves ${state} for ${seconds} s`,
      plan: OTHER_TCP,
      run: (bed) => {
        play(bed, ...packets);
        expect(bed.sessions().map(({ tcpState }) => tcpState)).toEqual([state]);
        bed.wait(seconds - 0.1);
        expect(bed.sessions()).toHaveLength(1);
        bed.wait(0.1);
        expect(bed.sessions()).toEqual([]);
      },
    }),
  ),
  {
    name: '5597-R5 idle for 7439 s an open connection still passes data, from either end',
    run: (bed) => {
      play(bed, ...OPENED);
      bed.wait(7439);
      back(bed, 'DataAck');
      bed.wait(7439);
      out(bed, 'DataAck');
    },
  },
  {
    name: '5597-R6 payloads with addresses in them are left alone',
    run: (bed) => {
      play(bed, ...OPENED);
      const payload = text('10.0.0.11:5000 and 203.0.113.2:5000');
      out(bed, 'DataAck', { payload });
      back(bed, 'DataAck', { payload });
    },
  },
  {
    name: '5597-R8, 4787-R9a hairpinned: the other host sees the external endpoint of the sender',
    plan: OPEN,
    run: (bed) => {
      bed.send(LAN, dccp(H2, S1, 'Request'));
      const pass = (from: string, to: string, seen: string, at: string, type: DccpType) =>
        bed.forwards(LAN, dccp(from, to, type), LAN, dccp(seen, at, type));
      pass(H1, '203.0.113.2:5001', WA, H2, 'Request');
      pass(H2, WA, '203.0.113.2:5001', H1, 'Response');
      pass(H1, '203.0.113.2:5001', WA, H2, 'DataAck');
    },
  },
  {
    name: '5597-R9 errors about DCCP reach the host, all codes of type 3, with its own packet in the quote',
    run: (bed) => {
      play(bed, ...OPENED);
      for (let code = 0; code < 16; code += 1) {
        for (const octets of [28, 60]) {
          bed.forwards(
            ISP_A,
            icmpError('192.0.2.1', '203.0.113.2', dccp(WA, S1, 'DataAck').slice(0, octets), { type: 3, code }),
            LAN,
            icmpError('192.0.2.1', '10.0.0.11', dccp(H1, S1, 'DataAck').slice(0, octets), { type: 3, code }),
          );
        }
      }
      play(bed, '<DataAck', '>DataAck');
    },
  },
  ...[0, 1, 2, 3, 15].map(
    (coverage): Case => ({
      name: `5597-R11, 5597-R12, 5597-R13 with coverage ${coverage} the checksum stays right, coverage and service code as they are`,
      run: (bed) => {
        const fields = {
          coverage,
          serviceCode: 0xc0a8_0001,
          payload: text('a payload that is longer than some coverages'),
        };
        out(bed, 'Request', fields);
        back(bed, 'Response', fields);
        out(bed, 'DataAck', fields);
        back(bed, 'Data', { ...fields, shortSequence: true });
        out(bed, 'Ack', { coverage, shortSequence: true });
      },
    }),
  ),
  {
    name: '5597-R11 a wrong checksum is not repaired: it stays wrong',
    run: (bed) => {
      const right = dccp(H1, S1, 'Request');
      const wrong = dccp(H1, S1, 'Request', { checksum: ((right[26] ?? 0) * 256 + (right[27] ?? 0)) ^ 0x0100 });
      const left = bed.send(LAN, wrong).outgoing[0]?.octets ?? new Uint8Array();
      const expected = dccp(WA, S1, 'Request');
      expect(left.slice(26, 28)).not.toEqual(expected.slice(26, 28));
      expect(left.slice(28)).toEqual(expected.slice(28));
    },
  },
  {
    name: '5597-R2 DCCP that does not open without a session is dropped both ways, without a reset',
    run: (bed) => {
      bed.drops(LAN, dccp(H1, S1, 'DataAck'), 'DccpWithoutSession');
      out(bed, 'Request');
      bed.drops(ISP_A, dccp('192.0.2.10:81', WA, 'DataAck'), 'DccpWithoutSession');
    },
  },
];
