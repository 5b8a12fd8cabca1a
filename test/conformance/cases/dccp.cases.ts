/** DCCP on the way of a packet (RFC 4340): its header, connections without a session, uplinks, fragments, quotes. */
import { expect } from 'vitest';
import { DCCP, type DccpType, dccp } from '../../support/dccp-builder.ts';
import { icmpError, ip4, patched } from '../../support/packet-builder.ts';
import { ISP_A, ISP_B, LAN, twoUplinks } from '../../support/plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const WA = '203.0.113.2:5000';
const WB = '198.51.100.2:5000';
const S1 = '192.0.2.10:80';
const DATA_OFFSET_AT = 24;
const OPENING: readonly DccpType[] = ['Request', 'Listen'];
const OTHERS: readonly DccpType[] = [
  'Response',
  'Data',
  'Ack',
  'DataAck',
  'CloseReq',
  'Close',
  'Reset',
  'Sync',
  'SyncAck',
];

function out(bed: TranslatorBed, type: DccpType): void {
  bed.forwards(LAN, dccp(H1, S1, type), ISP_A, dccp(WA, S1, type));
}

function back(bed: TranslatorBed, type: DccpType): void {
  bed.forwards(ISP_A, dccp(S1, WA, type), LAN, dccp(S1, H1, type));
}

/** The state, and the seconds that are left of its lifetime. */
function stands(bed: TranslatorBed, state: string, seconds: number): void {
  expect(bed.sessions().map(({ tcpState, expiresInMs }) => [tcpState, expiresInMs])).toEqual([[state, seconds * 1000]]);
}

/** The first octets of a DCCP packet as the whole payload of IP. */
function cut(type: DccpType, octets: number, shortSequence: boolean): Uint8Array {
  return ip4('10.0.0.11', '192.0.2.10', DCCP, dccp(H1, S1, type, { shortSequence }).slice(20, 20 + octets));
}

const parsing: readonly Case[] = [
  {
    name: '5597-R2 eleven octets are no header, and with extended sequence numbers fifteen are none',
    run: (bed) => {
      bed.drops(LAN, cut('Data', 11, true), 'TransportInvalid');
      bed.drops(LAN, cut('Data', 15, false), 'TransportInvalid');
    },
  },
  {
    name: '5597-R2 a data offset within the header or beyond the packet is none, also in a first fragment',
    run: (bed) => {
      out(bed, 'Request');
      for (const dataOffset of [0, 3, 6, 255]) {
        bed.drops(LAN, dccp(H1, S1, 'Data', { dataOffset, payload: new Uint8Array(7) }), 'TransportInvalid');
      }
      bed.drops(LAN, dccp(H1, S1, 'Data', { shortSequence: true, dataOffset: 2 }), 'TransportInvalid');
      bed.drops(LAN, dccp(H1, S1, 'Data', { dataOffset: 9, moreFragments: true }), 'TransportInvalid');
      for (const dataOffset of [4, 5]) {
        const fields = { dataOffset, payload: new Uint8Array(7) };
        bed.forwards(LAN, dccp(H1, S1, 'Data', fields), ISP_A, dccp(WA, S1, 'Data', fields));
      }
    },
  },
  {
    name: '5597-R2 reserved bits beside the type do not matter',
    run: (bed) => {
      const reserved = (packet: Uint8Array) => patched(packet, 28, (packet[28] ?? 0) | 0xe0);
      expect(bed.passes(LAN, reserved(dccp(H1, S1, 'Request')))).toBe(true);
      stands(bed, 'INIT', 480);
      expect(bed.passes(ISP_A, reserved(dccp(S1, WA, 'Response')))).toBe(true);
      stands(bed, 'ESTABLISHED', 7440);
    },
  },
  {
    name: '5597-R11, 3022-4.1a a port that is not preserved is under the checksum too, both ways',
    run: (bed) => {
      out(bed, 'Request');
      const other = '10.0.0.12:5000';
      bed.send(LAN, dccp(other, S1, 'Request'));
      const external = bed.externalOf('dccp', other);
      bed.forwards(LAN, dccp(other, S1, 'Ack'), ISP_A, dccp(external, S1, 'Ack'));
      bed.forwards(ISP_A, dccp(S1, external, 'DataAck'), LAN, dccp(S1, other, 'DataAck'));
    },
  },
  {
    name: '3022-4.2 the data offset and the rest of a packet pass as they are',
    run: (bed) => {
      const fields = { dccpOptions: Uint8Array.of(1, 2, 3, 4), payload: new Uint8Array(9).fill(5) };
      bed.forwards(LAN, dccp(H1, S1, 'Request', fields), ISP_A, dccp(WA, S1, 'Request', fields));
      expect(dccp(H1, S1, 'Request', fields)[DATA_OFFSET_AT]).toBe(6);
    },
  },
];

const sessions: readonly Case[] = [
  ...OPENING.map(
    (type): Case => ({
      name: `5597-R2 a ${type} opens a session, from outside too`,
      plan: twoUplinks({ nat44: { filteringDccp: 'endpoint-independent' } }),
      run: (bed) => {
        out(bed, type);
        stands(bed, 'INIT', 480);
        bed.forwards(ISP_A, dccp('192.0.2.77:7', WA, type), LAN, dccp('192.0.2.77:7', H1, type));
        expect(bed.sessions()).toHaveLength(2);
      },
    }),
  ),
  ...OTHERS.map(
    (type): Case => ({
      name: `5597-R2 a ${type} opens none`,
      plan: twoUplinks({ nat44: { filteringDccp: 'endpoint-independent' } }),
      run: (bed) => {
        bed.drops(LAN, dccp(H1, S1, type), 'DccpWithoutSession');
        expect(bed.sessions()).toEqual([]);
        out(bed, 'Request');
        bed.drops(ISP_A, dccp('192.0.2.77:7', WA, type), 'DccpWithoutSession');
      },
    }),
  ),
  {
    name: '5597-R5, 7857-S2.1 the transitory lifetime is one setting, beside those of TCP',
    plan: twoUplinks({
      nat44: { dccpTransitoryMs: 500_000, dccpEstablishedMs: 8_000_000, tcpOpeningMs: 1000, tcpClosingMs: 2000 },
    }),
    run: (bed) => {
      out(bed, 'Request');
      stands(bed, 'INIT', 500);
      back(bed, 'Response');
      stands(bed, 'ESTABLISHED', 8000);
      back(bed, 'CloseReq');
      stands(bed, 'EXTERNAL-FIN', 8000);
      out(bed, 'Close');
      stands(bed, 'BOTH-FIN', 500);
      bed.wait(100);
      back(bed, 'Reset');
      stands(bed, 'BOTH-FIN', 400);
      out(bed, 'Listen');
      stands(bed, 'INIT', 500);
      bed.wait(100);
      out(bed, 'Sync');
      stands(bed, 'INIT', 400);
    },
  },
  {
    name: '5597-R2 a Reset ends a connection, whatever numbers it has, and the next packet revives it',
    run: (bed) => {
      out(bed, 'Request');
      back(bed, 'Response');
      const reset = { sequence: 4_000_000_000 };
      bed.forwards(ISP_A, dccp(S1, WA, 'Reset', reset), LAN, dccp(S1, H1, 'Reset', reset));
      stands(bed, 'TRANS', 480);
      out(bed, 'DataAck');
      stands(bed, 'ESTABLISHED', 7440);
    },
  },
  {
    name: '7857-S7.1, 5597-R2 a Reset of the host that refuses a caller prolongs nothing',
    plan: twoUplinks({ nat44: { filteringDccp: 'endpoint-independent' } }),
    run: (bed) => {
      bed.send(LAN, dccp(H1, '192.0.2.20:80', 'Request'));
      back(bed, 'Request');
      bed.wait(100);
      out(bed, 'Reset');
      const row = bed.sessions().find(({ remote }) => remote === S1);
      expect([row?.tcpState, row?.expiresInMs]).toEqual(['TRANS', 380_000]);
    },
  },
];

const uplinks: readonly Case[] = [
  {
    name: 'MWAN-2 when its uplink fails a connection stops, without a reset, and a Request goes out of the other one',
    run: (bed) => {
      out(bed, 'Request');
      back(bed, 'Response');
      bed.plan(twoUplinks({ a4: { usable: false } }));
      for (const type of OTHERS) bed.drops(LAN, dccp(H1, S1, type), 'UplinkDown');
      bed.forwards(LAN, dccp(H1, S1, 'Request'), ISP_B, dccp(WB, S1, 'Request'));
      bed.forwards(LAN, dccp(H1, S1, 'DataAck'), ISP_B, dccp(WB, S1, 'DataAck'));
    },
  },
  {
    name: 'MWAN-3 a new connection takes the preferred uplink, not the one of its mapping',
    plan: twoUplinks({ a4: { usable: false } }),
    run: (bed) => {
      bed.forwards(LAN, dccp(H1, S1, 'Request'), ISP_B, dccp(WB, S1, 'Request'));
      bed.plan(twoUplinks());
      bed.forwards(LAN, dccp(H1, '192.0.2.20:80', 'Request'), ISP_A, dccp(WA, '192.0.2.20:80', 'Request'));
    },
  },
  {
    name: 'MWAN-4 a connection that lives on one uplink is not opened from another',
    plan: twoUplinks({ nat44: { filteringDccp: 'endpoint-independent' } }),
    run: (bed) => {
      out(bed, 'Request');
      bed.plan(twoUplinks({ a4: { usable: false }, nat44: { filteringDccp: 'endpoint-independent' } }));
      bed.send(LAN, dccp(H1, '192.0.2.20:80', 'Request'));
      bed.drops(ISP_B, dccp(S1, WB, 'Request'), 'FilteredInbound');
      bed.forwards(ISP_B, dccp('192.0.2.77:7', WB, 'Request'), LAN, dccp('192.0.2.77:7', H1, 'Request'));
    },
  },
  {
    name: '5508-R5 an error of the host about a DCCP packet leaves from the external address, its quote too',
    run: (bed) => {
      out(bed, 'Request');
      const error = (from: string, to: string) =>
        icmpError(from, '192.0.2.10', dccp(S1, to, 'Response').slice(0, 28), { type: 3, code: 2 });
      bed.forwards(LAN, error('10.0.0.11', H1), ISP_A, error('203.0.113.2', WA));
    },
  },
];

export const dccpCases: readonly Case[] = [...parsing, ...sessions, ...uplinks];
