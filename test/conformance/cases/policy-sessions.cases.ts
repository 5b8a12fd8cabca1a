/** Which policy sessions belong to: those from inside, from outside, and both of a hairpin. */
import { expect } from 'vitest';
import type { PlanMatch, PlanPolicy } from '../../../src/plan/plan.ts';
import { FILTER6, H1 as H1_6, H2 as H2_6, H2_A, published6, Q6 } from '../../support/filtered-plan.ts';
import { tcp, udp } from '../../support/packet-builder.ts';
import { udp6 } from '../../support/packet-builder-ipv6.ts';
import { ISP_A, LAN, prefix4, staticPorts, twoUplinks } from '../../support/plans.ts';
import { onlyToB, prefix6 } from '../../support/policy-plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const H2 = '10.0.0.12:8080';
const WA = '203.0.113.2:5000';
const S1 = '192.0.2.10:53';
const PORTS: PlanMatch = { portLow: 53, portHigh: 80 };
const EXPEDITED: PlanMatch = { dscp: 46 };

function numbersOf(bed: TranslatorBed): (string | number | undefined)[][] {
  return bed.sessions().map(({ internal, policy }) => [internal, policy]);
}

const NUMBERED: readonly PlanPolicy[] = [
  { number: 7, prefer: [0, 1], matches: [{ source4: prefix4('10.0.0.12/32'), ...EXPEDITED }] },
  { number: 3, prefer: [0, 1], matches: [{ sourcePortLow: 8080, sourcePortHigh: 8080, portLow: 9, portHigh: 9 }] },
  {
    number: 30,
    prefer: [0, 1],
    matches: [{ destination4: prefix4('203.0.113.2/32') }, { destination6: prefix6(`${H2_A}/128`) }],
  },
  { number: 12, prefer: [0, 1] },
];

export const policySessionCases: readonly Case[] = [
  {
    name: 'a session keeps the number of its policy, its position where it has none',
    run: (bed) => {
      bed.restart(twoUplinks({ plan: { policies: onlyToB(PORTS) } }));
      for (const packet of [udp(H1, S1), udp('10.0.0.11:5001', '192.0.2.10:99')]) bed.send(LAN, packet);
      expect(numbersOf(bed)).toEqual([
        [H1, 0],
        ['10.0.0.11:5001', 1],
      ]);
      bed.plan(twoUplinks({ plan: { policies: NUMBERED } }));
      bed.send(LAN, udp(H1, S1));
      bed.send(LAN, udp('10.0.0.11:5002', S1));
      expect(numbersOf(bed).map(([, number]) => number)).toEqual([0, 1, 12]);
    },
  },
  {
    name: 'a session from outside belongs to the policy that an answer would meet, with the DSCP of the packet',
    plan: twoUplinks({
      plan: { policies: NUMBERED },
      nat44: { staticMappings: [staticPorts(17, '203.0.113.2:80', H2)] },
    }),
    run: (bed) => {
      const clients: readonly [string, number, number][] = [
        ['192.0.2.10:5', 0xb8, 7],
        ['192.0.2.10:9', 0, 3],
        ['192.0.2.10:10', 0, 12],
      ];
      for (const [client, tos] of clients) bed.send(ISP_A, udp(client, '203.0.113.2:80', { tos }));
      expect(bed.sessions().map(({ remote, policy }) => [remote, policy])).toEqual(
        clients.map(([client, , number]) => [client, number]),
      );
    },
  },
  {
    name: 'of a gateway-sourced one the real remote endpoint counts',
    plan: twoUplinks({
      plan: {
        policies: [{ number: 9, prefer: [0], matches: [{ destination4: prefix4('10.0.0.1/32') }] }, ...NUMBERED],
      },
      nat44: { staticMappings: [staticPorts(17, '203.0.113.2:80', H2, { gatewaySource: true })] },
    }),
    run: (bed) => {
      bed.send(ISP_A, udp('192.0.2.10:9', '203.0.113.2:80'));
      expect(numbersOf(bed)).toEqual([[H2, 3]]);
    },
  },
  {
    name: 'a hairpinned packet belongs to the policy that it meets as received, the session of its target to that of an answer',
    plan: twoUplinks({
      plan: { policies: NUMBERED },
      nat44: { staticMappings: [staticPorts(17, '203.0.113.2:80', H2)] },
    }),
    run: (bed) => {
      bed.send(LAN, udp(H1, '203.0.113.2:80', { tos: 0xb8 }));
      expect(numbersOf(bed).toSorted()).toEqual([
        [H1, 30],
        [H2, 7],
      ]);
      expect(bed.mappings().map(({ uplinkSlot }) => uplinkSlot)).toEqual([0, 0]);
    },
  },
  {
    name: 'the same of the IPv6 filter',
    plan: twoUplinks({ plan: { policies: NUMBERED, filter6: { ...FILTER6, published: [published6(H2_6)] } } }),
    run: (bed) => {
      bed.send(LAN, udp6(H1_6, H2_A, [4000, 80]));
      bed.send(ISP_A, udp6(Q6, H2_A, [9, 8080]));
      bed.send(LAN, udp6(H1_6, Q6, [8080, 10]));
      expect(numbersOf(bed).toSorted()).toEqual([
        [`[${H1_6}]:4000`, 30],
        [`[${H1_6}]:8080`, 12],
        [`[${H2_6}]:80`, 12],
        [`[${H2_6}]:8080`, 3],
      ]);
    },
  },
  {
    name: 'a hairpin is none of the business of policies: it takes the uplink that was addressed',
    plan: twoUplinks({
      plan: { policies: [{ prefer: [1], refuse: true }] },
      b4: { usable: false },
      nat44: { staticMappings: [staticPorts(6, '203.0.113.2:80', H2)] },
    }),
    run: (bed) => {
      bed.forwards(LAN, tcp(H1, '203.0.113.2:80', 'SYN'), LAN, tcp(WA, H2, 'SYN'));
      bed.forwards(LAN, tcp(H2, WA, 'SYN,ACK'), LAN, tcp('203.0.113.2:80', H1, 'SYN,ACK'));
    },
  },
];
