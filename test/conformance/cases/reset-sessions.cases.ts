/** TCP sessions that the gateway resets: what they are from then on. */
import { expect } from 'vitest';
import type { Plan } from '../../../src/plan/plan.ts';
import { filtered, GATEWAY, H1 as H1_6, H1_A, H1_B, published6, Q6 } from '../../support/filtered-plan.ts';
import { fragmentsOf } from '../../support/fragment-builder.ts';
import { icmpError, ipv4, type TcpFields, tcp, text, udp } from '../../support/packet-builder.ts';
import { icmpError6, readdressed, type Tcp6Fields, tcp6 } from '../../support/packet-builder-ipv6.ts';
import { ISP_A, ISP_B, LAN, type PlanChanges, staticPorts, twoUplinks } from '../../support/plans.ts';
import { BACK, DOWN, H1, OUT, PUBLIC, S1, SERVER, WA } from '../../support/reset-endpoints.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';
import { reaches, sends } from './filter.cases.ts';

const WB = '198.51.100.2:5000';
const A_DOWN = twoUplinks({ a4: DOWN });
const EVERY_FLAG = ['ACK', 'PSH,ACK', 'FIN,ACK', 'SYN,ACK', 'SYN', 'RST', 'RST,ACK', ''];

/** H1 and S1 have exchanged their SYNs by A, which then dies; the session is reset by a packet of H1. */
function resets(bed: TranslatorBed, plan: Plan = A_DOWN): void {
  bed.send(LAN, tcp(H1, S1, 'SYN'));
  bed.send(ISP_A, tcp(S1, WA, 'SYN,ACK', { sequence: 5000, acknowledgement: 1001 }));
  bed.send(LAN, tcp(H1, S1, 'ACK', { sequence: 1001, acknowledgement: 5001 }));
  bed.plan(plan);
  isAnswered(bed, { sequence: 1001, acknowledgement: 5001 });
}

/** A segment of H1 is answered with a reset where it acknowledges up to. */
function isAnswered(bed: TranslatorBed, fields: TcpFields = { acknowledgement: 77 }, flags = 'ACK'): void {
  const reset = tcp(S1, H1, 'RST', { sequence: fields.acknowledgement ?? 0, dontFragment: true });
  bed.ends(LAN, tcp(H1, S1, flags, fields), 'UplinkDown', { device: LAN, packet: reset, kind: 'TcpReset' });
}

function standing(bed: TranslatorBed): unknown[] {
  return bed.sessions().map(({ tcpState, uplinkSlot, expiresInMs }) => [tcpState, uplinkSlot, expiresInMs]);
}

const ipv4Cases: readonly Case[] = [
  {
    name: 'MWAN-2 a reset session lives 4 minutes more, whatever comes',
    run: (bed) => {
      resets(bed);
      expect(standing(bed)).toEqual([['RESET', 0, 240_000]]);
      bed.wait(100);
      isAnswered(bed);
      for (const flags of EVERY_FLAG) bed.drops(ISP_A, tcp(S1, WA, flags), 'UplinkDown');
      expect(standing(bed)).toEqual([['RESET', 0, 140_000]]);
      bed.wait(139.9);
      isAnswered(bed);
      bed.wait(0.1);
      expect(bed.mappings()).toEqual([]);
      bed.drops(ISP_A, tcp(S1, WA, 'ACK'), 'NoMapping');
    },
  },
  {
    name: 'MWAN-2 also where less of its life was left',
    plan: twoUplinks({ nat44: { tcpEstablishedMs: 60_000 } }),
    run: (bed) => {
      resets(bed, twoUplinks({ a4: DOWN, nat44: { tcpEstablishedMs: 60_000 } }));
      expect(standing(bed)).toEqual([['RESET', 0, 240_000]]);
    },
  },
  {
    name: 'MWAN-2 every segment from inside is answered but a RST and one that opens; every one from outside goes nowhere',
    run: (bed) => {
      resets(bed);
      for (const flags of ['ACK', 'PSH,ACK', 'FIN,ACK', 'SYN,ACK']) isAnswered(bed, { acknowledgement: 9 }, flags);
      const bare = tcp(H1, S1, '', { payload: text('data') });
      const reset = tcp(S1, H1, 'RST,ACK', { sequence: 0, acknowledgement: 1004, dontFragment: true });
      bed.ends(LAN, bare, 'UplinkDown', { device: LAN, packet: reset, kind: 'TcpReset' });
      for (const flags of ['RST', 'RST,ACK', 'RST,FIN']) bed.drops(LAN, tcp(H1, S1, flags), 'UplinkDown');
      for (const flags of EVERY_FLAG) bed.drops(ISP_A, tcp(S1, WA, flags), 'UplinkDown');
    },
  },
  {
    name: 'MWAN-1, MWAN-2 it stays reset when its uplink is back, until a SYN begins anew there',
    run: (bed) => {
      resets(bed);
      bed.plan(twoUplinks());
      isAnswered(bed);
      bed.drops(ISP_A, tcp(S1, WA, 'ACK'), 'UplinkDown');
      bed.forwards(LAN, tcp(H1, S1, 'SYN'), ISP_A, tcp(WA, S1, 'SYN'));
      expect(standing(bed)).toEqual([['INIT', 0, 240_000]]);
      bed.forwards(ISP_A, tcp(S1, WA, 'SYN,ACK'), LAN, tcp(S1, H1, 'SYN,ACK'));
    },
  },
  {
    name: 'MWAN-2 a SYN ends it and takes the other uplink; the old one knows nothing any more',
    run: (bed) => {
      resets(bed);
      bed.forwards(LAN, tcp(H1, S1, 'SYN'), ISP_B, tcp(WB, S1, 'SYN'));
      expect(standing(bed)).toEqual([['INIT', 1, 240_000]]);
      bed.drops(ISP_A, tcp(S1, WA, 'ACK'), 'NoMapping');
    },
  },
  {
    name: 'MWAN-2 a SYN that cannot be sent on ends nothing',
    run: (bed) => {
      resets(bed);
      expect(bed.send(LAN, tcp(H1, S1, 'SYN', { ttl: 1 })).verdict).toBe('HopLimitExceeded');
      expect(standing(bed)).toEqual([['RESET', 0, 240_000]]);
    },
  },
  {
    name: 'MWAN-2 it is reset also where the limit keeps the answer back, and by a RST of its host',
    run: (bed) => {
      for (const flags of ['ACK', 'RST']) {
        const errorRate = { perSecond: 0, burst: 0 };
        bed.restart(twoUplinks({ plan: { errorRate } }));
        bed.send(LAN, tcp(H1, S1, 'SYN'));
        bed.plan(twoUplinks({ a4: DOWN, plan: { errorRate } }));
        bed.drops(LAN, tcp(H1, S1, flags), 'UplinkDown');
        expect(standing(bed)).toEqual([['RESET', 0, 240_000]]);
      }
    },
  },
  {
    name: 'MWAN-2, 5508-R6 a packet from outside resets nothing, and ICMP errors find a reset session',
    run: (bed) => {
      bed.send(LAN, tcp(H1, S1, 'SYN'));
      bed.plan(A_DOWN);
      bed.forwards(ISP_A, tcp(S1, WA, 'SYN,ACK'), LAN, tcp(S1, H1, 'SYN,ACK'));
      isAnswered(bed);
      const about = { type: 3, code: 1 };
      bed.forwards(
        ISP_A,
        icmpError('192.0.2.1', '203.0.113.2', tcp(WA, S1, 'SYN'), about),
        LAN,
        icmpError('192.0.2.1', '10.0.0.11', tcp(H1, S1, 'SYN'), about),
      );
      bed.forwards(
        LAN,
        icmpError('10.0.0.11', '192.0.2.10', tcp(S1, H1, 'ACK'), about),
        ISP_A,
        icmpError('203.0.113.2', '192.0.2.10', tcp(S1, WA, 'ACK'), about),
      );
      expect(standing(bed)).toEqual([['RESET', 0, 240_000]]);
    },
  },
  {
    name: 'MWAN-2 the first fragment of a segment resets, and its datagram is refused',
    run: (bed) => {
      bed.send(LAN, tcp(H1, S1, 'SYN'));
      bed.plan(A_DOWN);
      const whole = tcp(H1, S1, 'PSH,ACK', { acknowledgement: 8, payload: new Uint8Array(64), dontFragment: false });
      const [head = whole, tail = whole] = fragmentsOf(whole, 7, 40);
      const reset = tcp(S1, H1, 'RST', { sequence: 8, dontFragment: true });
      bed.ends(LAN, head, 'UplinkDown', { device: LAN, packet: reset, kind: 'TcpReset' });
      bed.drops(LAN, tail, 'FragmentRefused');
      expect(standing(bed)).toEqual([['RESET', 0, 240_000]]);
    },
  },
  {
    name: 'MWAN-2 only the connection is reset: others of the same endpoint and of UDP are not',
    run: (bed) => {
      bed.send(LAN, tcp(H1, '192.0.2.20:7000', 'SYN'));
      resets(bed);
      expect(bed.sessions().map(({ remote, tcpState }) => [remote, tcpState])).toEqual([
        ['192.0.2.20:7000', 'INIT'],
        [S1, 'RESET'],
      ]);
      expect(bed.mappings()).toHaveLength(1);
    },
  },
];

const PUBLISHED: PlanChanges = { nat44: { staticMappings: [staticPorts(6, PUBLIC, SERVER)] } };
const SOURCED: PlanChanges = { nat44: { staticMappings: [staticPorts(6, PUBLIC, SERVER, { gatewaySource: true })] } };

const published: readonly Case[] = [
  {
    name: 'MWAN-2, MWAN-4 a connection from outside is reset as well; a SYN of the server is a connection of its own',
    plan: twoUplinks(PUBLISHED),
    run: (bed) => {
      bed.forwards(ISP_A, tcp(S1, PUBLIC, 'SYN'), LAN, tcp(S1, SERVER, 'SYN'));
      bed.plan(twoUplinks({ ...PUBLISHED, a4: DOWN }));
      const reset = tcp(S1, SERVER, 'RST', { sequence: 1001, dontFragment: true });
      const answer = tcp(SERVER, S1, 'SYN,ACK', { acknowledgement: 1001 });
      bed.ends(LAN, answer, 'UplinkDown', { device: LAN, packet: reset, kind: 'TcpReset' });
      bed.drops(ISP_A, tcp(S1, PUBLIC, 'SYN'), 'UplinkDown');
      expect(bed.send(LAN, tcp(SERVER, S1, 'SYN')).outgoing.map(({ device }) => device)).toEqual([ISP_B]);
      expect(standing(bed)).toEqual([['INIT', 1, 240_000]]);
    },
  },
  {
    name: 'MWAN-2, MWAN-4 of a gateway-sourced connection nothing goes on, a SYN neither',
    plan: twoUplinks(SOURCED),
    run: (bed) => {
      bed.send(ISP_A, tcp(S1, PUBLIC, 'SYN'));
      bed.plan(twoUplinks({ ...SOURCED, a4: DOWN }));
      const syn = tcp(SERVER, '10.0.0.1:7000', 'SYN');
      const reset = tcp('10.0.0.1:7000', SERVER, 'RST,ACK', { sequence: 0, acknowledgement: 1001, dontFragment: true });
      for (const _ of ['resets', 'is reset']) {
        bed.ends(LAN, syn, 'UplinkDown', { device: LAN, packet: reset, kind: 'TcpReset' });
        expect(standing(bed)).toEqual([['RESET', 0, 240_000]]);
      }
    },
  },
  {
    name: 'MWAN-5 a hairpin does not ask whether the session of its sender is reset; that of its target lets nothing in',
    run: (bed) => {
      const [own, added] = ['203.0.113.2', '203.0.113.77'];
      for (const packet of [tcp(H1, `${added}:6000`, 'SYN'), tcp(SERVER, `${added}:5000`, 'SYN')])
        bed.send(LAN, packet);
      bed.plan(A_DOWN);
      for (const packet of [tcp(H1, `${added}:6000`, 'ACK'), tcp(SERVER, `${added}:5000`, 'ACK')])
        bed.send(LAN, packet);
      expect(bed.sessions().map(({ tcpState }) => tcpState)).toEqual(['RESET', 'RESET']);
      bed.plan(twoUplinks({ a4: { pool: [own, added].map(ipv4) } }));
      bed.drops(LAN, tcp(H1, `${added}:6000`, 'ACK'), 'NoMapping');
      expect(bed.sessions().map(({ tcpState }) => tcpState)).toEqual(['RESET', 'RESET']);
      const host = Array.from({ length: 20 }, (_, index) => `10.0.0.${20 + index}`).find((one) => {
        bed.send(LAN, udp(`${one}:1`, S1));
        return bed.externalOf('udp', `${one}:1`) === `${added}:1`;
      });
      bed.drops(LAN, tcp(`${host}:5000`, `${own}:8080`, 'SYN'), 'UplinkDown');
    },
  },
];

const aDown6 = filtered({ published: [published6(H1_6)] }, { a6: DOWN });

function isAnswered6(bed: TranslatorBed, fields: Tcp6Fields): void {
  const reset = tcp6(Q6, H1_6, BACK, 'RST', { sequence: fields.acknowledgement ?? 0 });
  bed.ends(LAN, tcp6(H1_6, Q6, OUT, 'ACK', fields), 'UplinkDown', { device: LAN, packet: reset, kind: 'TcpReset' });
}

const ipv6Cases: readonly Case[] = [
  {
    name: 'MWAN-2 the same with the IPv6 filter: 4 minutes, a SYN begins anew, nothing else passes',
    plan: filtered(),
    run: (bed) => {
      sends(bed, tcp6(H1_6, Q6, OUT, 'SYN'));
      reaches(bed, tcp6(Q6, H1_A, BACK, 'SYN,ACK'));
      bed.plan(filtered({}, { a6: DOWN }));
      isAnswered6(bed, { acknowledgement: 77, trafficClass: 0xb8, flowLabel: 9 });
      bed.wait(100);
      bed.plan(filtered());
      isAnswered6(bed, { acknowledgement: 78 });
      for (const flags of EVERY_FLAG) bed.drops(ISP_A, tcp6(Q6, H1_A, BACK, flags), 'UplinkDown');
      bed.drops(LAN, tcp6(H1_6, Q6, OUT, 'RST'), 'UplinkDown');
      bed.drops(LAN, tcp6(H1_6, Q6, OUT, 'SYN,RST'), 'TcpWithoutSession');
      expect(standing(bed)).toEqual([['RESET', 0, 140_000]]);
      sends(bed, tcp6(H1_6, Q6, OUT, 'SYN'));
      expect(standing(bed)).toEqual([['INIT', 0, 240_000]]);
      reaches(bed, tcp6(Q6, H1_A, BACK, 'SYN,ACK'));
    },
  },
  {
    name: 'MWAN-2, 6092-R36 errors find a reset session of the filter, and a SYN that cannot leave ends nothing',
    plan: filtered(),
    run: (bed) => {
      sends(bed, tcp6(H1_6, Q6, OUT, 'SYN'));
      bed.plan(filtered({}, { a6: DOWN }));
      isAnswered6(bed, { acknowledgement: 1 });
      const error = icmpError6(Q6, H1_A, readdressed(tcp6(H1_6, Q6, OUT, 'SYN'), { from: H1_A }), { type: 1, code: 0 });
      expect(bed.send(ISP_A, error).outgoing.map(({ device }) => device)).toEqual([LAN]);
      const late = tcp6(H1_6, Q6, OUT, 'SYN', { hopLimit: 1 });
      bed.dropsWithError(LAN, late, 'HopLimitExceeded', LAN, icmpError6(GATEWAY, H1_6, late, { type: 3, code: 0 }));
      expect(standing(bed)).toEqual([['RESET', 0, 240_000]]);
    },
  },
  {
    name: 'MWAN-2, MWAN-4 what came from outside is reset as well, and begins anew by the other uplink',
    plan: filtered({ published: [published6(H1_6)] }),
    run: (bed) => {
      reaches(bed, tcp6(Q6, H1_A, BACK, 'SYN', { sequence: 300 }));
      bed.plan(aDown6);
      isAnswered6(bed, { acknowledgement: 301 });
      bed.drops(ISP_A, tcp6(Q6, H1_A, BACK, 'SYN'), 'UplinkDown');
      const syn = tcp6(H1_6, Q6, OUT, 'SYN');
      bed.forwards(LAN, syn, ISP_B, readdressed(syn, { from: H1_B }));
      expect(standing(bed)).toEqual([['INIT', 1, 240_000]]);
    },
  },
];

export const resetSessionCases: readonly Case[] = [...ipv4Cases, ...published, ...ipv6Cases];
