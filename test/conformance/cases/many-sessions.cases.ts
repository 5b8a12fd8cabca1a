/** Endpoints with so many sessions that an engine may take its time to remove them: they end together all the same. */
import { expect } from 'vitest';
import { filtered, H1 as H1_6, H1_A } from '../../support/filtered-plan.ts';
import { icmpError, udp } from '../../support/packet-builder.ts';
import { icmpError6, udp6 } from '../../support/packet-builder-ipv6.ts';
import { ISP_A, ISP_B, LAN, staticPorts, twoUplinks } from '../../support/plans.ts';
import { exitOf } from '../../support/policy-plans.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const WA = '203.0.113.2:5000';
const WB = '198.51.100.2:5000';
const REMOTES = Array.from({ length: 200 }, (_, index) => `192.0.2.${index + 1}:7000`);
const [R0 = '', R1 = '', R2 = ''] = REMOTES;
const REMOTES6 = Array.from({ length: 200 }, (_, index) => `2001:db8:77::${(index + 1).toString(16)}`);
const [Q0 = '', Q1 = '', Q2 = ''] = REMOTES6;
const CALLER = '192.0.3.1:9';
const OUT = [40000, 80] as const;
const BACK = [80, 40000] as const;
const DOWN = { usable: false };
const ROOM = { sessionsMax: 210, mappingsMax: 2 };

export const manySessionsCases: readonly Case[] = [
  {
    name: 'MWAN-2, 6888-R8 a mapping with many sessions moves as one, and its port rests',
    run: (bed) => {
      bed.restart(twoUplinks(), [], ROOM);
      for (const remote of REMOTES) expect(exitOf(bed, udp(H1, remote))).toBe(0);
      bed.plan(twoUplinks({ a4: DOWN }));
      expect(exitOf(bed, udp(H1, R0))).toBe(1);
      expect(bed.mappings().map(({ external, sessions }) => [external, sessions])).toEqual([[WB, 1]]);
      bed.drops(ISP_A, udp(R1, WA), 'NoMapping');
      bed.drops(ISP_B, udp(R1, WB), 'FilteredInbound');
      expect(exitOf(bed, icmpError('10.0.0.11', '192.0.2.3', udp(R2, H1), { type: 3, code: 3 }))).toBe(1);
      bed.drops(ISP_A, icmpError('192.0.2.3', '203.0.113.2', udp(WA, R2), { type: 3, code: 3 }), 'IcmpQuoteUnknown');
      // As many again find room.
      for (const remote of REMOTES) expect(exitOf(bed, udp(H1, remote))).toBe(1);
      bed.plan(twoUplinks({ b4: DOWN }));
      bed.forwards(LAN, udp(H1, R1), ISP_A, udp(WA, R1));
      bed.drops(ISP_A, udp(R0, WA), 'FilteredInbound');
      expect(bed.sessions()).toHaveLength(1);
    },
  },
  {
    name: '6888-R8 one that is in the way of a static mapping goes for good: its port and its room are free',
    run: (bed) => {
      bed.restart(twoUplinks(), [], ROOM);
      for (const remote of REMOTES) bed.send(LAN, udp(H1, remote));
      bed.plan(twoUplinks({ nat44: { staticMappings: [staticPorts(17, WA, '10.0.0.12:8080')] } }));
      bed.forwards(ISP_A, udp(CALLER, WA), LAN, udp(CALLER, '10.0.0.12:8080'));
      expect(bed.mappings().map(({ internal, sessions }) => [internal, sessions])).toEqual([['10.0.0.12:8080', 1]]);
      expect(exitOf(bed, udp(H1, R1))).toBe(0);
      expect(bed.mappings()).toHaveLength(2);
      expect(bed.sessions()).toHaveLength(2);
    },
  },
  {
    name: 'MWAN-2 an endpoint of the filter with many sessions moves as one',
    plan: filtered(),
    run: (bed) => {
      for (const remote of REMOTES6) expect(exitOf(bed, udp6(H1_6, remote, OUT))).toBe(0);
      bed.plan(filtered({ filteringUdp: 'address-dependent' }, { a6: DOWN }));
      expect(exitOf(bed, udp6(H1_6, Q0, OUT))).toBe(1);
      expect(bed.sessions()).toHaveLength(1);
      bed.drops(ISP_A, udp6(Q1, H1_A, BACK), 'FilteredInbound');
      const error = icmpError6(H1_6, Q2, udp6(Q2, H1_6, BACK), { type: 1, code: 4 });
      expect(exitOf(bed, error)).toBe(1);
      for (const remote of REMOTES6) expect(exitOf(bed, udp6(H1_6, remote, OUT))).toBe(1);
      expect(bed.sessions()).toHaveLength(200);
    },
  },
];
