/** Flows of the IPv6 filter whose uplink is to be left, and IPv6 without it. */
import { expect } from 'vitest';
import type { Plan, PlanFailureAction, PlanFilter6, PlanOnFailure, PlanPolicy } from '../../../src/plan/plan.ts';
import { FILTER6, filtered, GATEWAY, H1, H1_A, H2, H2_A, published6, Q6, R6 } from '../../support/filtered-plan.ts';
import { text } from '../../support/packet-builder.ts';
import { echoRequest6, icmpError6, ip6, readdressed, tcp6, udp6 } from '../../support/packet-builder-ipv6.ts';
import { ISP_A, LAN, OFFICE, type PlanChanges, prefixPair, UPLINK_B6 } from '../../support/plans.ts';
import { exitOf, threeUplinks } from '../../support/policy-plans.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import { dccp6, SCTP6, sctp6, UDP_LITE6 } from '../../support/transports-ipv6.ts';
import type { Case } from '../case.ts';

const OUT = [40000, 80] as const;
const BACK = [80, 40000] as const;
const GRE = 47;
const DOWN = { usable: false };
const ROLES: readonly PlanPolicy[] = [{ prefer: [0, 1] }];

function all(action: PlanFailureAction): PlanOnFailure {
  return { tcp: action === 'keep' ? 'keep' : 'reset', udp: action, other: action };
}

/** A way to leave A. */
interface Way {
  readonly way: string;
  readonly changes: PlanChanges;
  readonly policy: Partial<PlanPolicy>;
  /** Whether what an endpoint has there goes as one. */
  readonly takesAll: boolean;
}

const DEAD: Way = { way: 'that is dead', changes: { a6: DOWN }, policy: {}, takesAll: true };
const TOLD: Way = {
  way: 'that is to be left though usable',
  changes: {},
  policy: { leave6: [0], shun6: [0] },
  takesAll: false,
};
const WAYS = [DEAD, TOLD];

function leavingA(way: Way, action: PlanFailureAction, filter: Partial<PlanFilter6> = {}): Plan {
  const policies = [{ prefer: [0, 1], onFailure: all(action), ...way.policy }];
  return filtered(filter, { ...way.changes, plan: { policies } });
}

interface FlowOf {
  readonly name: string;
  /** From H1 to a host. */
  readonly packet: (to: string) => Uint8Array;
}

const FLOWS: readonly FlowOf[] = [
  { name: 'udp', packet: (to) => udp6(H1, to, OUT) },
  { name: 'udp-lite', packet: (to) => UDP_LITE6.open(H1, to, OUT) },
  { name: 'dccp', packet: (to) => dccp6(H1, to, OUT, 'DataAck') },
  { name: 'sctp', packet: (to) => sctp6(H1, to, OUT, 'DATA') },
  { name: 'echo', packet: (to) => echoRequest6(H1, to, 7) },
  { name: 'GRE', packet: (to) => ip6(H1, to, GRE, text('x')) },
];

function slots(bed: TranslatorBed): number[] {
  return bed.sessions().map(({ uplinkSlot }) => uplinkSlot);
}

function isRefused(bed: TranslatorBed, packet: Uint8Array): void {
  bed.dropsWithError(LAN, packet, 'UplinkDown', LAN, icmpError6(GATEWAY, H1, packet, { type: 1, code: 0 }));
}

const actions = WAYS.flatMap((way): Case[] => [
  {
    name: `MWAN-1 keep: every flow of the filter stays on an uplink ${way.way}`,
    plan: filtered(),
    run: (bed) => {
      const packets = [tcp6(H1, Q6, OUT, 'SYN'), ...FLOWS.map(({ packet }) => packet(Q6))];
      for (const packet of packets) bed.send(LAN, packet);
      bed.plan(leavingA(way, 'keep'));
      for (const packet of [...packets, tcp6(H1, Q6, OUT, 'ACK')]) expect(exitOf(bed, packet)).toBe(0);
      expect(exitOf(bed, udp6(H1, Q6, [1, 2]))).toBe(1);
    },
  },
  ...FLOWS.map(
    ({ name, packet }): Case => ({
      name: `MWAN-2 reset, ${name}: the host hears 1/0 of an uplink ${way.way}, nothing is refreshed, moved or ended`,
      plan: filtered(),
      run: (bed) => {
        expect(exitOf(bed, packet(Q6))).toBe(0);
        const [row] = bed.sessions();
        bed.wait(10);
        bed.plan(leavingA(way, 'reset'));
        for (const _ of ['once', 'and again']) isRefused(bed, packet(Q6));
        expect(bed.sessions()).toEqual([{ ...row, expiresInMs: (row?.expiresInMs ?? 0) - 10_000 }]);
        bed.plan(filtered());
        expect(exitOf(bed, packet(Q6))).toBe(0);
      },
    }),
  ),
  ...FLOWS.map(
    ({ name, packet }): Case => ({
      name: `MWAN-2, MWAN-3 move, ${name}: the endpoint leaves an uplink ${way.way}${way.takesAll ? ', with all it has there' : ', flow by flow'}`,
      plan: filtered(),
      run: (bed) => {
        for (const to of [Q6, R6]) expect(exitOf(bed, packet(to))).toBe(0);
        bed.plan(leavingA(way, 'move'));
        expect(exitOf(bed, packet(Q6))).toBe(1);
        expect(slots(bed).toSorted()).toEqual(way.takesAll ? [1] : [0, 1]);
        expect(exitOf(bed, packet(R6))).toBe(1);
        expect(slots(bed)).toEqual([1, 1]);
        bed.plan(filtered());
        for (const to of [Q6, R6]) expect(exitOf(bed, packet(to))).toBe(1);
      },
    }),
  ),
  {
    name: `MWAN-2 reset, dccp: what opens takes the other uplink, from an uplink ${way.way}${way.takesAll ? ', with all of its endpoint' : ', alone'}`,
    plan: filtered(),
    run: (bed) => {
      for (const to of [Q6, R6]) bed.send(LAN, dccp6(H1, to, OUT, 'Request'));
      bed.plan(leavingA(way, 'reset'));
      expect(exitOf(bed, dccp6(H1, Q6, OUT, 'Request'))).toBe(1);
      expect(slots(bed).toSorted()).toEqual(way.takesAll ? [1] : [0, 1]);
    },
  },
]);

/** Who calls H1 at A. */
const CALLS = [udp6(Q6, H1_A, BACK), dccp6(Q6, H1_A, BACK, 'Request'), SCTP6.open(Q6, H1_A, BACK)];

const fromOutside: readonly Case[] = [
  {
    name: 'MWAN-4 what came in by a dead uplink ends alone, without an error, whether it would move or not',
    run: (bed) => {
      const filter = { published: [published6(H1)] };
      for (const action of ['move', 'reset'] as const) {
        bed.restart(filtered(filter));
        for (const call of [...CALLS, udp6(R6, H1_A, BACK)]) bed.send(ISP_A, call);
        bed.plan(leavingA(DEAD, action, filter));
        for (const packet of [udp6(H1, Q6, OUT), dccp6(H1, Q6, OUT, 'Request'), sctp6(H1, Q6, OUT, 'INIT')]) {
          bed.drops(LAN, packet, 'UplinkDown');
          expect(exitOf(bed, packet)).toBe(1);
        }
        expect(slots(bed).toSorted()).toEqual([0, 1, 1, 1]);
      }
    },
  },
  {
    name: 'MWAN-4 what came in by an uplink that works goes on there, though others leave it',
    run: (bed) => {
      const filter = { published: [published6(H1)] };
      for (const action of ['move', 'reset'] as const) {
        bed.restart(filtered(filter));
        const calls = [...CALLS, tcp6(Q6, H1_A, BACK, 'SYN')];
        for (const call of calls) bed.send(ISP_A, call);
        bed.plan(leavingA(TOLD, action, filter));
        expect(bed.tick()).toEqual([]);
        const answers = [udp6(H1, Q6, OUT), dccp6(H1, Q6, OUT, 'Response'), sctp6(H1, Q6, OUT, 'INIT ACK')];
        for (const answer of [...answers, tcp6(H1, Q6, OUT, 'SYN,ACK')]) expect(exitOf(bed, answer)).toBe(0);
        for (const call of [...CALLS, tcp6(Q6, H1_A, BACK, 'ACK')]) expect(bed.passes(ISP_A, call)).toBe(true);
        expect(slots(bed)).toEqual([0, 0, 0, 0]);
        bed.plan(filtered(filter, { a6: DOWN }));
        expect(bed.tick().map(({ kind }) => kind)).toEqual(['TcpReset']);
      }
    },
  },
  {
    name: 'MWAN-2, MWAN-4 of one endpoint what the host began leaves, what came in stays',
    run: (bed) => {
      const filter = { published: [published6(H1)] };
      bed.restart(filtered(filter));
      for (const packet of [udp6(H1, Q6, OUT), tcp6(H1, Q6, OUT, 'SYN')]) bed.send(LAN, packet);
      for (const packet of [tcp6(Q6, H1_A, BACK, 'SYN,ACK'), udp6(R6, H1_A, BACK), tcp6(R6, H1_A, BACK, 'SYN')]) {
        bed.send(ISP_A, packet);
      }
      bed.plan(leavingA(TOLD, 'move', filter));
      expect(bed.tick().map(({ kind }) => kind)).toEqual(['TcpReset']);
      expect([exitOf(bed, udp6(H1, Q6, OUT)), exitOf(bed, tcp6(H1, Q6, OUT, 'SYN'))]).toEqual([1, 1]);
      expect([exitOf(bed, udp6(H1, R6, OUT)), exitOf(bed, tcp6(H1, R6, OUT, 'SYN,ACK'))]).toEqual([0, 0]);
      bed.drops(ISP_A, tcp6(Q6, H1_A, BACK, 'ACK'), 'TcpWithoutSession');
      expect(slots(bed).toSorted()).toEqual([0, 0, 1, 1]);
    },
  },
];

/** What each plan leaves where it is. */
function staying(name: string, policies: readonly PlanPolicy[], changes: PlanChanges = { a6: DOWN }): Case {
  return {
    name: `MWAN-1 nothing of the filter is moved or reset ${name}`,
    plan: filtered(),
    run: (bed) => {
      const packets = [tcp6(H1, Q6, OUT, 'SYN'), ...FLOWS.map(({ packet }) => packet(Q6))];
      for (const packet of packets) bed.send(LAN, packet);
      bed.plan(filtered({}, { ...changes, plan: { policies } }));
      for (const packet of [...packets, tcp6(H1, Q6, OUT, 'ACK')]) expect(exitOf(bed, packet)).toBe(0);
    },
  };
}

const viability: readonly Case[] = [
  staying('where the other uplink takes no new flows', [{ prefer: [0, 1], shun6: [1] }]),
  staying('where the other uplink is to be left too', [{ prefer: [0, 1], leave6: [0, 1] }]),
  staying('by what is said of IPv4', [{ prefer: [0, 1], leave4: [0], shun4: [0] }], {}),
  staying('where the uplink takes no new flows and need not be left', [{ prefer: [0, 1], shun6: [0] }], {}),
  {
    name: 'MWAN-1 the policy of each session of the filter decides',
    plan: filtered(
      {},
      {
        plan: {
          policies: [
            { number: 9, prefer: [0, 1], matches: [{ dscp: 46 }] },
            { number: 2, prefer: [0, 1] },
          ],
        },
      },
    ),
    run: (bed) => {
      const packets = [udp6(H1, Q6, OUT, { trafficClass: 0xb8 }), udp6(H1, Q6, [40001, 80])];
      for (const packet of packets) bed.send(LAN, packet);
      const leaving = { number: 9, prefer: [0, 1], matches: [{ dscp: 46 }], leave6: [0], shun6: [0] };
      bed.plan(filtered({}, { plan: { policies: [leaving, { number: 2, prefer: [0, 1] }] } }));
      expect(packets.map((packet) => exitOf(bed, packet))).toEqual([1, 0]);
    },
  },
  {
    name: 'MWAN-3 an endpoint of the filter does not stick to an uplink that takes no new flows, or is to be left',
    run: (bed) => {
      for (const policy of [{ shun6: [1] }, { leave6: [1] }]) {
        bed.restart(filtered({}, { a6: DOWN }));
        expect(exitOf(bed, udp6(H1, Q6, OUT))).toBe(1);
        bed.plan(filtered({}, { plan: { policies: [{ prefer: [0, 1], ...policy }] } }));
        expect(exitOf(bed, udp6(H1, R6, OUT))).toBe(0);
      }
    },
  },
  {
    name: 'MWAN-5 hairpins of the filter stay, whatever is left',
    plan: filtered({ published: [published6(H2)] }),
    run: (bed) => {
      const hairpins = () => {
        const packet = udp6(H1, H2_A, OUT);
        bed.forwards(LAN, packet, OFFICE, readdressed(packet, { from: H1_A, to: H2 }));
        const answer = udp6(H2, H1_A, BACK);
        bed.forwards(OFFICE, answer, LAN, readdressed(answer, { from: H2_A, to: H1 }));
      };
      hairpins();
      for (const onFailure of [all('move'), all('reset')]) {
        bed.plan(
          filtered(
            { published: [published6(H2)] },
            { plan: { policies: [{ prefer: [0, 1], leave6: [0], onFailure }] } },
          ),
        );
        hairpins();
      }
    },
  },
];

/** A part of the prefix of ISP B is on the LAN, so that hosts have addresses of that ISP. */
function native(policies: readonly PlanPolicy[], changes: PlanChanges = {}): Plan {
  const pairs = [prefixPair('2001:db8:5555:10::/60', '2001:db8:5555:10::/60'), ...UPLINK_B6.pairs];
  return threeUplinks(policies, { ...changes, b6: { pairs, ...changes.b6 } });
}

const OWN = '2001:db8:5555:10::1234';

const identities: readonly Case[] = [false, true].flatMap((isFiltered): Case[] => {
  const kind = isFiltered ? 'with' : 'without';
  const more: PlanChanges = isFiltered ? { plan: { filter6: FILTER6 } } : {};
  return [
    {
      name: `8028-3 ${kind} the filter the ISP of the host's own prefix comes before weights and order, where it is a candidate`,
      run: (bed) => {
        const cases: readonly (readonly [Plan, number | string])[] = [
          [native([{ prefer: [0, 1, 2] }], more), 1],
          [native([{ prefer: [0, 2, 1], weights: [65_535, 65_535, 0] }], more), 1],
          [native([{ prefer: [2, 1], matches: [{ protocol: 17 }] }, ...ROLES], more), 1],
          [native([{ prefer: [0, 1, 2], shun6: [1] }], more), 'SourceNotInternal'],
          [native([{ prefer: [0, 2] }], more), 'SourceNotInternal'],
        ];
        for (const [plan, expected] of cases) {
          bed.restart(plan);
          const packet = udp6(OWN, Q6, OUT);
          expect(typeof expected === 'number' ? exitOf(bed, packet) : bed.send(LAN, packet).verdict).toBe(expected);
        }
      },
    },
    {
      name: `MWAN-8 ${kind} the filter new flows take the candidates in order, then the last resort unless it is refused`,
      run: (bed) => {
        const cases: readonly (readonly [Plan, number])[] = [
          [native([{ prefer: [2, 0] }], more), 2],
          [native([{ prefer: [2, 0], shun6: [2] }], more), 0],
          [native([{ prefer: [2, 0], shun4: [2] }], more), 2],
          [native([{ prefer: [2, 0], shun6: [0, 2] }], more), 2],
          [native([{ prefer: [2, 0], shun6: [0, 2] }], { ...more, a6: DOWN, b6: { pairs: [] } }), 2],
        ];
        for (const [plan, slot] of cases) {
          bed.restart(plan);
          expect(exitOf(bed, tcp6(H1, Q6, OUT, 'SYN'))).toBe(slot);
        }
      },
    },
  ];
});

export const filterLeavingCases: readonly Case[] = [...actions, ...fromOutside, ...viability, ...identities];
