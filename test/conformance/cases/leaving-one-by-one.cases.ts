/** What leaves an uplink that works: flows opened from inside, one by one; what came in by it stays. */
import { expect } from 'vitest';
import type { PlanPolicy } from '../../../src/plan/plan.ts';
import { dccp } from '../../support/dccp-builder.ts';
import { echoReply, echoRequest, tcp, udp } from '../../support/packet-builder.ts';
import { ISP_A, ISP_B, LAN, staticAddress, staticPorts, twoUplinks } from '../../support/plans.ts';
import { exitOf } from '../../support/policy-plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const WA = '203.0.113.2:5000';
const S1 = '192.0.2.10:7000';
const S2 = '192.0.2.20:7000';
const SERVER = '10.0.0.12:8080';
const PUBLIC = '203.0.113.2:80';
/** Works, and is to be left. */
const LEAVE_A: readonly PlanPolicy[] = [{ prefer: [0, 1], leave4: [0], shun4: [0] }];

function slots(bed: TranslatorBed): number[] {
  return bed.sessions().map(({ uplinkSlot }) => uplinkSlot);
}

/** H1 has published this port on A, and uses it to call others. */
const MIXED = staticPorts(17, '203.0.113.2:5000', H1);

export const leavingOneByOneCases: readonly Case[] = [
  ...(['move', 'reset'] as const).map(
    (action): Case => ({
      name: `MWAN-4 ${action}: what came in by an uplink that works goes on there, though others leave it`,
      run: (bed) => {
        const statics = [6, 17, 33].map((protocol) => staticPorts(protocol, PUBLIC, SERVER));
        const onFailure = { tcp: 'reset', udp: action, other: action } as const;
        const policies = LEAVE_A.map((policy) => ({ ...policy, onFailure }));
        bed.restart(twoUplinks({ nat44: { staticMappings: statics } }));
        const calls = [tcp(S1, PUBLIC, 'SYN'), udp(S1, PUBLIC), dccp(S1, PUBLIC, 'Request')];
        for (const call of calls) bed.passes(ISP_A, call);
        bed.plan(twoUplinks({ nat44: { staticMappings: statics }, plan: { policies } }));
        expect(Array.from({ length: 40 }, () => bed.tick()).flat()).toEqual([]);
        bed.forwards(LAN, tcp(SERVER, S1, 'SYN,ACK'), ISP_A, tcp(PUBLIC, S1, 'SYN,ACK'));
        bed.forwards(LAN, udp(SERVER, S1), ISP_A, udp(PUBLIC, S1));
        bed.forwards(LAN, dccp(SERVER, S1, 'Response'), ISP_A, dccp(PUBLIC, S1, 'Response'));
        for (const back of [tcp(S1, PUBLIC, 'ACK'), udp(S1, PUBLIC), dccp(S1, PUBLIC, 'DataAck')]) {
          expect(bed.passes(ISP_A, back)).toBe(true);
        }
        // Who calls now is answered by A as well; what the server begins goes by B.
        bed.passes(ISP_A, tcp(S2, PUBLIC, 'SYN'));
        expect([exitOf(bed, tcp(SERVER, S2, 'SYN,ACK')), exitOf(bed, udp(SERVER, S2))]).toEqual([0, 1]);
        expect(slots(bed).toSorted()).toEqual([0, 0, 0, 0, 1]);
      },
    }),
  ),
  {
    name: 'MWAN-4 what came in by a working uplink is left as it is: a gateway-sourced connection too, and a ping',
    run: (bed) => {
      const staticMappings = [
        staticPorts(6, PUBLIC, SERVER, { gatewaySource: true }),
        staticAddress('203.0.113.9', '10.0.0.13'),
      ];
      const onFailure = { tcp: 'reset', udp: 'reset', other: 'reset' } as const;
      const policies = LEAVE_A.map((policy) => ({ ...policy, onFailure }));
      bed.restart(twoUplinks({ nat44: { staticMappings } }));
      bed.send(ISP_A, tcp(S1, PUBLIC, 'SYN'));
      bed.send(ISP_A, echoRequest('192.0.2.10', '203.0.113.9', 7));
      bed.plan(twoUplinks({ nat44: { staticMappings }, plan: { policies } }));
      expect(bed.tick()).toEqual([]);
      expect(exitOf(bed, tcp(SERVER, '10.0.0.1:7000', 'SYN,ACK'))).toBe(0);
      expect(exitOf(bed, echoReply('10.0.0.13', '192.0.2.10', 7))).toBe(0);
    },
  },
  {
    name: 'MWAN-2, MWAN-4 of one mapping a flow that the host began is moved, one that came in stays',
    run: (bed) => {
      bed.restart(twoUplinks({ nat44: { staticMappings: [MIXED] } }));
      expect(exitOf(bed, udp(H1, S1))).toBe(0);
      expect(bed.passes(ISP_A, udp(S2, WA))).toBe(true);
      expect(bed.mappings()).toHaveLength(1);
      bed.plan(twoUplinks({ nat44: { staticMappings: [MIXED] }, plan: { policies: LEAVE_A } }));
      bed.forwards(LAN, udp(H1, S1), ISP_B, udp('198.51.100.2:5000', S1));
      bed.forwards(LAN, udp(H1, S2), ISP_A, udp(WA, S2));
      bed.forwards(ISP_A, udp(S2, WA), LAN, udp(S2, H1));
      bed.forwards(ISP_B, udp(S1, '198.51.100.2:5000'), LAN, udp(S1, H1));
      expect(slots(bed).toSorted()).toEqual([0, 1]);
    },
  },
  {
    name: 'MWAN-2, MWAN-4 of one endpoint a connection that the host began is reset, one that came in stays',
    run: (bed) => {
      const staticMappings = [staticPorts(6, WA, H1)];
      bed.restart(twoUplinks({ nat44: { staticMappings } }));
      bed.send(LAN, tcp(H1, S1, 'SYN'));
      bed.send(ISP_A, tcp(S1, WA, 'SYN,ACK'));
      bed.send(ISP_A, tcp(S2, WA, 'SYN'));
      bed.plan(twoUplinks({ nat44: { staticMappings }, plan: { policies: LEAVE_A } }));
      expect(bed.tick().map(({ kind }) => kind)).toEqual(['TcpReset']);
      expect(exitOf(bed, tcp(H1, S2, 'SYN,ACK'))).toBe(0);
      bed.drops(ISP_A, tcp(S1, WA, 'ACK'), 'UplinkDown');
      expect(exitOf(bed, tcp(H1, S1, 'SYN'))).toBe(1);
      expect(bed.sessions().map(({ uplinkSlot, tcpState }) => `${uplinkSlot} ${tcpState}`)).toEqual(
        expect.arrayContaining(['0 ESTABLISHED', '1 INIT']),
      );
    },
  },
  {
    name: 'MWAN-3 from an uplink that works flows of one endpoint go with a packet of their own, to one mapping',
    run: (bed) => {
      for (const to of [S1, S2]) expect(exitOf(bed, udp(H1, to))).toBe(0);
      bed.plan(twoUplinks({ plan: { policies: LEAVE_A } }));
      expect(exitOf(bed, udp(H1, S1))).toBe(1);
      bed.forwards(ISP_A, udp(S2, WA), LAN, udp(S2, H1));
      bed.drops(ISP_A, udp(S1, WA), 'FilteredInbound');
      expect(exitOf(bed, udp(H1, S2))).toBe(1);
      expect(bed.mappings().map(({ uplinkSlot, sessions }) => [uplinkSlot, sessions])).toEqual([[1, 2]]);
      bed.drops(ISP_A, udp(S2, WA), 'NoMapping');
    },
  },
  {
    name: 'MWAN-2, MWAN-3 from a dead one they go together',
    run: (bed) => {
      for (const to of [S1, S2]) expect(exitOf(bed, udp(H1, to))).toBe(0);
      bed.plan(twoUplinks({ a4: { usable: false } }));
      expect(exitOf(bed, udp(H1, S1))).toBe(1);
      bed.drops(ISP_A, udp(S2, WA), 'NoMapping');
      expect(bed.mappings().map(({ uplinkSlot, sessions }) => [uplinkSlot, sessions])).toEqual([[1, 1]]);
    },
  },
];
