/** Which policy packets belong to. */
import { expect } from 'vitest';
import type { PlanMatch, PlanPolicy } from '../../../src/plan/plan.ts';
import { dccp } from '../../support/dccp-builder.ts';
import { FILTER6, H1 as H1_6, Q6, R6 } from '../../support/filtered-plan.ts';
import { fragmentsOf } from '../../support/fragment-builder.ts';
import { echoReply, echoRequest, icmpError, ip4, tcp, text, udp } from '../../support/packet-builder.ts';
import {
  destinationOptions,
  echoRequest6,
  fragmentHeader,
  icmpError6,
  ip6,
  tcp6,
  udp6,
} from '../../support/packet-builder-ipv6.ts';
import { ISP_B, LAN, type PlanChanges, prefix4, twoUplinks } from '../../support/plans.ts';
import { exitOf, exitsOf, onlyToB, prefix6 } from '../../support/policy-plans.ts';
import { esp, sctp } from '../../support/portless-builder.ts';
import { sctp6, udpLite6 } from '../../support/transports-ipv6.ts';
import { udpLite } from '../../support/udp-lite-builder.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const S1 = '192.0.2.10:53';
const ROUTED: PlanChanges = { a4: { nat44: false }, b4: { nat44: false } };

interface Meeting {
  readonly what: string;
  readonly matches: readonly PlanMatch[];
  /** What takes B, and what does not. */
  readonly meets: readonly Uint8Array[];
  readonly misses: readonly Uint8Array[];
  readonly changes?: PlanChanges;
}

const by = (more: object, port = 53): Uint8Array => udp(H1, `192.0.2.10:${port}`, more);
const from = (port: number): Uint8Array => tcp(`10.0.0.11:${port}`, S1, 'SYN');
const from6 = (port: number): Uint8Array => tcp6(H1_6, Q6, [port, 53], 'SYN');
const PORTS: PlanMatch = { portLow: 53, portHigh: 80 };
const SOURCE_PORTS: PlanMatch = { sourcePortLow: 5000, sourcePortHigh: 5002 };
const EXPEDITED: PlanMatch = { dscp: 46 };
const WITH_FILTER: PlanChanges = { plan: { filter6: FILTER6 } };
const each6 = (ports: readonly [number, number]): Uint8Array[] => [
  udp6(H1_6, Q6, ports),
  tcp6(H1_6, Q6, ports, 'SYN'),
  udpLite6(H1_6, Q6, ports),
  sctp6(H1_6, Q6, ports, 'INIT'),
];

const MEETINGS4: readonly Meeting[] = [
  {
    what: 'a prefix of the source',
    matches: [{ source4: prefix4('10.0.0.8/29') }],
    meets: [udp('10.0.0.8:1', S1), tcp('10.0.0.15:1', S1, 'SYN'), echoRequest('10.0.0.11', '192.0.2.10', 1)],
    misses: [udp('10.0.0.7:1', S1), udp('10.0.0.16:1', S1), udp6(H1_6, Q6, [1, 2])],
  },
  {
    what: 'a prefix of the destination',
    matches: [{ destination4: prefix4('192.0.2.8/29') }],
    meets: [udp(H1, '192.0.2.8:1'), esp('10.0.0.11', '192.0.2.15', 1)],
    misses: [udp(H1, '192.0.2.7:1'), udp(H1, '192.0.2.16:1'), udp6(H1_6, Q6, [1, 2])],
  },
  {
    what: 'a prefix of length 0: its family',
    matches: [{ source4: prefix4('0.0.0.0/0') }],
    meets: [udp(H1, S1)],
    misses: [udp6(H1_6, Q6, [1, 2])],
  },
  {
    what: 'a protocol',
    matches: [{ protocol: 17 }],
    meets: [udp(H1, S1), udp6(H1_6, Q6, [1, 2])],
    misses: [
      tcp(H1, S1, 'SYN'),
      udpLite(H1, S1),
      echoRequest('10.0.0.11', '192.0.2.10', 1),
      tcp6(H1_6, Q6, [1, 2], 'SYN'),
    ],
  },
  {
    what: 'destination ports, of all protocols with ports and of no other',
    matches: [PORTS],
    meets: [
      udp(H1, S1),
      tcp(H1, '192.0.2.10:80', 'SYN'),
      udpLite(H1, '192.0.2.10:60'),
      dccp(H1, S1, 'Request'),
      fragmentsOf(udp(H1, S1, { payload: new Uint8Array(64), dontFragment: false }), 7, 40)[0] ?? udp(H1, S1),
    ],
    misses: [
      udp(H1, '192.0.2.10:52'),
      tcp(H1, '192.0.2.10:81', 'SYN'),
      udp('10.0.0.11:60', '192.0.2.10:90'),
      echoRequest('10.0.0.11', '192.0.2.10', 53),
      esp('10.0.0.11', '192.0.2.10', 0x00350035),
      sctp('10.0.0.11', '192.0.2.10', [5000, 53]),
    ],
  },
  {
    what: 'source ports',
    matches: [SOURCE_PORTS],
    meets: [from(5000), from(5002)],
    misses: [
      from(4999),
      from(5003),
      tcp('10.0.0.11:80', '192.0.2.10:5001', 'SYN'),
      echoRequest('10.0.0.11', '192.0.2.10', 5000),
    ],
  },
  {
    what: 'the DSCP, whatever ECN says',
    matches: [EXPEDITED],
    meets: [by({ tos: 0xb8 }), by({ tos: 0xbb }), udp6(H1_6, Q6, [1, 2], { trafficClass: 0xb9 })],
    misses: [by({ tos: 0xb4 }), by({ tos: 0xbc }), by({ tos: 0x2e }), udp6(H1_6, Q6, [1, 2], { trafficClass: 0x2e })],
  },
  {
    what: 'DSCP 0 is one like others',
    matches: [{ dscp: 0 }],
    meets: [by({}), by({ tos: 3 })],
    misses: [by({ tos: 4 })],
  },
  {
    what: 'all parts of a match together',
    matches: [
      { ...PORTS, ...EXPEDITED, protocol: 17, source4: prefix4('10.0.0.11/32'), destination4: prefix4('192.0.2.0/24') },
    ],
    meets: [by({ tos: 0xb8 })],
    misses: [
      by({ tos: 0xb8 }, 90),
      by({}),
      tcp(H1, S1, 'SYN', { tos: 0xb8 }),
      udp('10.0.0.12:5000', S1, { tos: 0xb8 }),
      udp(H1, '198.18.0.1:53', { tos: 0xb8 }),
    ],
  },
  {
    what: 'one of several matches',
    matches: [{ protocol: 6 }, PORTS],
    meets: [tcp(H1, '192.0.2.10:90', 'SYN'), udp(H1, S1)],
    misses: [udp(H1, '192.0.2.10:90')],
  },
  { what: 'none of none', matches: [], meets: [], misses: [udp(H1, S1), udp6(H1_6, Q6, [1, 2])] },
  {
    what: 'prefixes of both families: nothing',
    matches: [{ source4: prefix4('0.0.0.0/0'), destination6: prefix6('::/0') }],
    meets: [],
    misses: [udp(H1, S1), udp6(H1_6, Q6, [1, 2])],
  },
];

const MEETINGS6: readonly Meeting[] = [
  {
    what: 'an IPv6 prefix of the source',
    matches: [{ source6: prefix6('fd01:203:405:1::1200/120') }],
    meets: [udp6('fd01:203:405:1::12ff', Q6, [1, 2])],
    misses: [udp6('fd01:203:405:1::1300', Q6, [1, 2]), udp(H1, S1)],
  },
  {
    what: 'an IPv6 prefix of the destination',
    matches: [{ destination6: prefix6('2001:db8:fffe::/47') }],
    meets: [udp6(H1_6, Q6, [1, 2]), tcp6(H1_6, R6, [1, 2], 'SYN')],
    misses: [udp6(H1_6, '2001:db8:fffd::1', [1, 2]), udp(H1, S1)],
  },
  {
    what: 'the protocol behind extension headers',
    matches: [{ protocol: 6 }],
    meets: [tcp6(H1_6, Q6, [1, 2], 'SYN', { extensions: [destinationOptions()] })],
    misses: [udp6(H1_6, Q6, [1, 2], { extensions: [destinationOptions()] })],
  },
  {
    what: 'ICMPv6, and the protocol that a later fragment names',
    matches: [{ protocol: 58 }],
    meets: [echoRequest6(H1_6, Q6, 5), ip6(H1_6, Q6, 58, text('tail'), { extensions: [fragmentHeader(64, false)] })],
    misses: [ip6(H1_6, Q6, 17, text('tail'), { extensions: [fragmentHeader(64, false)] })],
  },
  {
    what: 'no ports without the filter',
    matches: [PORTS, SOURCE_PORTS],
    meets: [udp(H1, S1)],
    misses: [...each6([5000, 53]), echoRequest6(H1_6, Q6, 53)],
  },
  {
    what: 'destination ports with the filter, SCTP too',
    matches: [PORTS],
    meets: [...each6([1, 53]), ...each6([1, 80])],
    misses: [...each6([60, 52]), ...each6([60, 81]), echoRequest6(H1_6, Q6, 53), ip6(H1_6, Q6, 50, text('esp.'))],
    changes: WITH_FILTER,
  },
  {
    what: 'source ports with the filter',
    matches: [SOURCE_PORTS],
    meets: [from6(5000), from6(5002)],
    misses: [from6(4999), from6(5003), echoRequest6(H1_6, Q6, 5000)],
    changes: WITH_FILTER,
  },
  {
    what: 'the DSCP and prefixes with the filter',
    matches: [
      {
        ...EXPEDITED,
        source6: prefix6('fd01:203:405::/48'),
        destination6: prefix6('2001:db8:ffff::/48'),
        protocol: 58,
      },
    ],
    meets: [echoRequest6(H1_6, Q6, 5, { trafficClass: 0xb8 })],
    misses: [
      echoRequest6(H1_6, Q6, 5),
      echoRequest6(H1_6, R6, 5, { trafficClass: 0xb8 }),
      udp6(H1_6, Q6, [1, 2], { trafficClass: 0xb8 }),
    ],
    changes: WITH_FILTER,
  },
];

const meetings = [...MEETINGS4, ...MEETINGS6].map(
  ({ what, matches, meets, misses, changes }): Case => ({
    name: `a policy is met by ${what}`,
    run: (bed) => {
      const plan = twoUplinks({ ...changes, plan: { ...changes?.plan, policies: onlyToB(...matches) } });
      expect(exitsOf(bed, plan, meets)).toEqual(meets.map(() => 1));
      expect(exitsOf(bed, plan, misses)).toEqual(misses.map(() => 0));
    },
  }),
);

const packets: readonly Case[] = [
  {
    name: 'the first policy that is met counts, and one without matches is met by everything',
    run: (bed) => {
      const toA: PlanPolicy = { prefer: [0], matches: [{ protocol: 17 }] };
      const toB: PlanPolicy = { prefer: [1], matches: [PORTS] };
      const orders = [
        { policies: [toA, toB, { prefer: [1] }], exit: 0 },
        { policies: [toB, toA, { prefer: [0] }], exit: 1 },
        { policies: [{ prefer: [1] }, toA, { prefer: [0] }], exit: 1 },
      ];
      for (const { policies, exit } of orders) {
        expect(exitsOf(bed, twoUplinks({ plan: { policies } }), [udp(H1, S1)])).toEqual([exit]);
      }
    },
  },
  {
    name: '4787-R14 later fragments follow their first one, whatever policy their addresses meet',
    plan: twoUplinks({ plan: { policies: onlyToB(PORTS) } }),
    run: (bed) => {
      const whole = udp(H1, S1, { payload: new Uint8Array(64), dontFragment: false });
      const [head = whole, tail = whole] = fragmentsOf(whole, 7, 40);
      expect([exitOf(bed, head), exitOf(bed, tail)]).toEqual([1, 1]);
    },
  },
  {
    name: '6888-R6 untranslated, later fragments meet no ports; protocol, addresses and DSCP they have',
    run: (bed) => {
      const tail = ip4('10.0.0.11', '192.0.2.10', 17, text('tail....'), { fragmentOffset: 40, tos: 0xb8 });
      const plan = (match: PlanMatch) => twoUplinks({ ...ROUTED, plan: { policies: onlyToB(match) } });
      const matches = [PORTS, SOURCE_PORTS, { protocol: 17 }, EXPEDITED, { source4: prefix4('10.0.0.11/32') }];
      expect(matches.flatMap((match) => exitsOf(bed, plan(match), [tail]))).toEqual([0, 0, 1, 1, 1]);
    },
  },
  {
    name: '6888-R6 what NAT44 refuses passes where its policy has an uplink without it, an ICMP error too',
    plan: twoUplinks({ b4: { nat44: false }, plan: { policies: onlyToB({ protocol: 1 }, { protocol: 51 }, PORTS) } }),
    run: (bed) => {
      const error = icmpError('10.0.0.11', '192.0.2.10', udp(S1, H1), { type: 3, code: 3 });
      const packets = [error, echoReply('10.0.0.11', '192.0.2.10', 9), ip4('10.0.0.11', '192.0.2.10', 51, text('ah'))];
      for (const packet of [...packets, tcp(H1, S1, 'ACK')]) bed.forwards(LAN, packet, ISP_B, packet);
      expect(bed.send(LAN, tcp(H1, '192.0.2.10:99', 'ACK')).verdict).toBe('TcpWithoutSession');
    },
  },
  {
    name: '6888-R6 exempt packets go by the uplink of their policy',
    run: (bed) => {
      const changes = { nat44: { exempt: [prefix4('192.0.2.0/24')] }, plan: { policies: onlyToB(PORTS) } };
      const packets = [udp(H1, S1), udp(H1, '192.0.2.10:99'), echoRequest('10.0.0.11', '192.0.2.10', 53)];
      expect(exitsOf(bed, twoUplinks(changes), packets)).toEqual([1, 0, 0]);
    },
  },
  {
    name: 'MWAN-3 an endpoint has one mapping on each uplink that its flows take; an error finds the first in the preference order of the plan',
    run: (bed) => {
      const error = (to: string) => icmpError('10.0.0.11', '198.18.0.1', udp('198.18.0.1:9', to), { type: 3, code: 3 });
      const sources = [onlyToB(PORTS), [{ prefer: [0], matches: [PORTS] }, { prefer: [1] }]].map((policies) => {
        bed.restart(twoUplinks({ plan: { policies } }));
        bed.send(LAN, udp(H1, S1));
        bed.send(LAN, udp(H1, '192.0.2.10:99'));
        expect(
          bed
            .mappings()
            .map(({ uplinkSlot }) => uplinkSlot)
            .toSorted(),
        ).toEqual([0, 1]);
        return exitOf(bed, error(H1));
      });
      expect(sources).toEqual([0, 1]);
    },
  },
  {
    name: 'MWAN-6 an error finds a mapping on an uplink that the last policy does not name, by slot after those that it does',
    plan: twoUplinks({ plan: { policies: onlyToB(PORTS) } }),
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      const error = icmpError('10.0.0.11', '198.18.0.1', udp('198.18.0.1:9', H1), { type: 3, code: 3 });
      expect(exitOf(bed, error)).toBe(1);
    },
  },
  {
    name: 'MWAN-6, 6092-R10 the same with the IPv6 filter',
    plan: twoUplinks({ plan: { filter6: FILTER6, policies: onlyToB(PORTS) } }),
    run: (bed) => {
      bed.send(LAN, udp6(H1_6, Q6, [4000, 53]));
      const error = icmpError6(H1_6, R6, udp6(R6, H1_6, [9, 4000]), { type: 1, code: 4 });
      expect(exitOf(bed, error)).toBe(1);
    },
  },
];

export const policyMatchCases: readonly Case[] = [...meetings, ...packets];
