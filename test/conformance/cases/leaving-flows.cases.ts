/** Flows whose uplink is to be left: which those are, and what the policy does with each protocol. */
import { expect } from 'vitest';
import type { Plan, PlanFailureAction, PlanOnFailure, PlanPolicy } from '../../../src/plan/plan.ts';
import { dccp } from '../../support/dccp-builder.ts';
import { echoReply, echoRequest, icmpError, tcp, udp } from '../../support/packet-builder.ts';
import { ISP_A, LAN, type PlanChanges, staticAddress, staticPorts, twoUplinks } from '../../support/plans.ts';
import { exitOf, threeUplinks } from '../../support/policy-plans.ts';
import { gre } from '../../support/portless-builder.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import { TRANSPORTS } from '../../support/transports.ts';
import { udpLite } from '../../support/udp-lite-builder.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const WA = '203.0.113.2:5000';
const S1 = '192.0.2.10:7000';
const S2 = '192.0.2.20:7000';
const SERVER = '10.0.0.12:8080';
const PUBLIC = '203.0.113.2:80';
const DOWN = { usable: false };
const NOT_TCP = TRANSPORTS.filter(({ name }) => name !== 'tcp');

function all(action: PlanFailureAction): PlanOnFailure {
  return { tcp: action === 'keep' ? 'keep' : 'reset', udp: action, other: action };
}

/** Two ways to leave A: it is dead, or the policy says so. */
interface Way {
  readonly way: string;
  readonly changes: PlanChanges;
  readonly policy: Partial<PlanPolicy>;
}

const DEAD: Way = { way: 'that is dead', changes: { a4: DOWN }, policy: {} };
const TOLD: Way = { way: 'that is to be left though usable', changes: {}, policy: { leave4: [0], shun4: [0] } };
const WAYS = [DEAD, TOLD];

function leavingA(way: Way, action: PlanFailureAction, changes: PlanChanges = {}): Plan {
  const policies = [{ prefer: [0, 1], onFailure: all(action), ...way.policy }];
  return twoUplinks({ ...changes, ...way.changes, plan: { policies } });
}

interface FlowOf {
  readonly name: string;
  readonly open: Uint8Array;
  readonly more: Uint8Array;
}

/** Every protocol but TCP, with the packets of one flow of H1. */
const FLOWS: readonly FlowOf[] = [
  ...NOT_TCP.map(({ name, open, data }) => ({ name, open: open(H1, S1), more: data(H1, S1) })),
  {
    name: 'echo',
    open: echoRequest('10.0.0.11', '192.0.2.10', 7),
    more: echoRequest('10.0.0.11', '192.0.2.10', 7, { sequence: 2 }),
  },
  { name: 'GRE', open: gre('10.0.0.11', '192.0.2.10', 7), more: gre('10.0.0.11', '192.0.2.10', 7) },
];

function slots(bed: TranslatorBed): number[] {
  return bed.sessions().map(({ uplinkSlot }) => uplinkSlot);
}

function isRefused(bed: TranslatorBed, packet: Uint8Array): void {
  const error = icmpError('10.0.0.1', '10.0.0.11', packet, { type: 3, code: 1, dontFragment: true });
  bed.dropsWithError(LAN, packet, 'UplinkDown', LAN, error);
}

const actions = WAYS.flatMap((way): Case[] => [
  {
    name: `MWAN-1 keep: every flow stays on an uplink ${way.way}`,
    run: (bed) => {
      const flows = [...FLOWS, { open: tcp(H1, S1, 'SYN'), more: tcp(H1, S1, 'ACK') }];
      for (const { open } of flows) expect(exitOf(bed, open)).toBe(0);
      bed.plan(leavingA(way, 'keep'));
      for (const { open, more } of flows) {
        expect([exitOf(bed, more), exitOf(bed, open)]).toEqual([0, 0]);
      }
      bed.forwards(ISP_A, tcp(S1, WA, 'SYN,ACK'), LAN, tcp(S1, H1, 'SYN,ACK'));
      expect(exitOf(bed, udp('10.0.0.13:1', S1))).toBe(1);
    },
  },
  ...FLOWS.map(
    ({ name, open, more }): Case => ({
      name: `MWAN-2 reset, ${name}: the host hears 3/1 of an uplink ${way.way}, nothing is refreshed, moved or ended`,
      run: (bed) => {
        expect(exitOf(bed, open)).toBe(0);
        const [row] = bed.sessions();
        bed.wait(10);
        bed.plan(leavingA(way, 'reset'));
        for (const _ of ['once', 'and again']) isRefused(bed, more);
        expect(bed.sessions()).toEqual([{ ...row, expiresInMs: (row?.expiresInMs ?? 0) - 10_000 }]);
        bed.plan(twoUplinks());
        expect(exitOf(bed, more)).toBe(0);
      },
    }),
  ),
  ...FLOWS.filter(({ name }) => name !== 'dccp').map(
    ({ name, open, more }): Case => ({
      name: `MWAN-2, MWAN-3 move, ${name}: the flow goes on by the other uplink, and stays there, of an uplink ${way.way}`,
      run: (bed) => {
        expect(exitOf(bed, open)).toBe(0);
        bed.plan(leavingA(way, 'move'));
        expect(exitOf(bed, more)).toBe(1);
        expect(slots(bed)).toEqual([1]);
        bed.plan(twoUplinks());
        expect(exitOf(bed, more)).toBe(1);
      },
    }),
  ),
  ...(['move', 'reset'] as const).map(
    (action): Case => ({
      name: `MWAN-2 ${action}, dccp: what opens ends its session and takes the other uplink, of an uplink ${way.way}`,
      run: (bed) => {
        for (const to of [S1, S2]) bed.send(LAN, dccp(H1, to, 'Request'));
        bed.plan(leavingA(way, action));
        if (action === 'move') bed.drops(LAN, dccp(H1, S1, 'DataAck'), 'UplinkDown');
        expect(exitOf(bed, dccp(H1, S1, 'Listen'))).toBe(1);
        expect(slots(bed).toSorted()).toEqual([0, 1]);
        expect(exitOf(bed, dccp(H1, S1, 'DataAck'))).toBe(1);
      },
    }),
  ),
]);

const onFailure: readonly Case[] = [
  {
    name: 'MWAN-2 each action is for its protocols: TCP, UDP with UDP-Lite, and others',
    run: (bed) => {
      const packets = {
        tcp: tcp(H1, S1, 'ACK'),
        udp: udp(H1, S1),
        lite: udpLite(H1, S1),
        dccp: dccp(H1, S1, 'DataAck'),
      };
      const echo = echoRequest('10.0.0.11', '192.0.2.10', 7);
      for (const packet of [tcp(H1, S1, 'SYN'), udp(H1, S1), udpLite(H1, S1), dccp(H1, S1, 'Request'), echo]) {
        bed.send(LAN, packet);
      }
      const verdicts = (actions: PlanOnFailure) => {
        bed.plan(twoUplinks({ a4: DOWN, plan: { policies: [{ prefer: [0, 1], onFailure: actions }] } }));
        return [...Object.values(packets), echo].map((packet) => {
          const { verdict, outgoing } = bed.send(LAN, packet);
          return `${verdict} ${outgoing.map(({ device, kind }) => `${kind} ${device}`).join()}`;
        });
      };
      const [kept, refused, moved] = ['Forward Forward 1', 'UplinkDown IcmpError 0', 'Forward Forward 2'];
      expect(verdicts({ tcp: 'keep', udp: 'reset', other: 'keep' })).toEqual([kept, refused, refused, kept, kept]);
      expect(verdicts({ tcp: 'keep', udp: 'keep', other: 'reset' })).toEqual([kept, kept, kept, refused, refused]);
      expect(verdicts({ tcp: 'reset', udp: 'move', other: 'keep' })).toEqual([
        'UplinkDown TcpReset 0',
        moved,
        moved,
        kept,
        kept,
      ]);
    },
  },
  {
    name: 'MWAN-2 an ICMP error about a flow that is refused goes where the flow went',
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      bed.plan(twoUplinks({ a4: DOWN, plan: { policies: [{ prefer: [0, 1], onFailure: all('reset') }] } }));
      expect(exitOf(bed, icmpError('10.0.0.11', '192.0.2.10', udp(S1, H1), { type: 3, code: 3 }))).toBe(0);
      bed.forwards(ISP_A, udp(S1, WA), LAN, udp(S1, H1));
    },
  },
  ...(['move', 'reset'] as const).map(
    (action): Case => ({
      name: `MWAN-4 ${action}: what came from outside by a dead uplink never moves; its session ends alone, without an error`,
      run: (bed) => {
        const changes = {
          nat44: { staticMappings: [17, 33].map((protocol) => staticPorts(protocol, PUBLIC, SERVER)) },
        };
        bed.restart(twoUplinks(changes));
        for (const client of [S1, S2]) bed.send(ISP_A, udp(client, PUBLIC));
        bed.send(ISP_A, dccp(S1, PUBLIC, 'Request'));
        bed.plan(
          twoUplinks({ ...changes, a4: DOWN, plan: { policies: [{ prefer: [0, 1], onFailure: all(action) }] } }),
        );
        bed.drops(LAN, udp(SERVER, S1), 'UplinkDown');
        expect(bed.sessions().map(({ protocol, remote }) => `${protocol} ${remote}`)).toEqual([
          `udp ${S2}`,
          `dccp ${S1}`,
        ]);
        bed.drops(LAN, dccp(SERVER, S1, 'Response'), 'UplinkDown');
        expect(slots(bed)).toEqual([0, 0]);
        expect(exitOf(bed, udp(SERVER, S1))).toBe(1);
        expect(exitOf(bed, dccp(SERVER, S1, 'Request'))).toBe(1);
      },
    }),
  ),
  {
    name: 'MWAN-4 a ping from outside to a published host is not answered by another uplink either',
    run: (bed) => {
      const changes = { nat44: { staticMappings: [staticAddress('203.0.113.9', '10.0.0.12')] } };
      bed.restart(twoUplinks(changes));
      bed.send(ISP_A, echoRequest('192.0.2.10', '203.0.113.9', 7));
      bed.plan(twoUplinks({ ...changes, a4: DOWN, plan: { policies: [{ prefer: [0, 1], onFailure: all('reset') }] } }));
      bed.drops(LAN, echoReply('10.0.0.12', '192.0.2.10', 7), 'UplinkDown');
      bed.drops(LAN, echoReply('10.0.0.12', '192.0.2.10', 7), 'IcmpTypeNotForwarded');
    },
  },
  {
    name: 'MWAN-4 of a gateway-sourced DCCP connection nothing goes on, whatever opens',
    run: (bed) => {
      const changes = { nat44: { staticMappings: [staticPorts(33, PUBLIC, SERVER, { gatewaySource: true })] } };
      for (const action of ['move', 'reset'] as const) {
        bed.restart(twoUplinks(changes));
        bed.send(ISP_A, dccp(S1, PUBLIC, 'Request'));
        bed.plan(
          twoUplinks({ ...changes, a4: DOWN, plan: { policies: [{ prefer: [0, 1], onFailure: all(action) }] } }),
        );
        bed.drops(LAN, dccp(SERVER, '10.0.0.1:7000', 'Request'), 'UplinkDown');
        expect(slots(bed)).toEqual([0]);
      }
    },
  },
];

/** What each plan leaves where it is: UDP, TCP and an echo of A. */
function staying(name: string, policies: readonly PlanPolicy[], changes: PlanChanges = { a4: DOWN }): Case {
  return {
    name: `MWAN-1 nothing is moved or reset ${name}`,
    run: (bed) => {
      const flows = [udp(H1, S1), tcp(H1, S1, 'SYN'), echoRequest('10.0.0.11', '192.0.2.10', 7)];
      for (const packet of flows) bed.send(LAN, packet);
      bed.plan(twoUplinks({ ...changes, plan: { policies } }));
      for (const packet of [...flows, tcp(H1, S1, 'ACK')]) expect(exitOf(bed, packet)).toBe(0);
      expect(slots(bed)).toEqual([0, 0, 0]);
    },
  };
}

const viability: readonly Case[] = [
  staying('where the policy names no other uplink', [{ prefer: [0] }]),
  staying('where the other uplink is not usable', [{ prefer: [0, 1] }], { a4: DOWN, b4: DOWN }),
  staying('where the other uplink takes no new flows', [{ prefer: [0, 1], shun4: [1] }]),
  staying('where the other uplink is to be left too', [{ prefer: [0, 1], leave4: [0, 1] }]),
  staying('by what is said of IPv6', [{ prefer: [0, 1], leave6: [0], shun6: [0, 1] }], {}),
  staying('where the uplink takes no new flows and need not be left', [{ prefer: [0, 1], shun4: [0] }], {}),
  staying('where the policy does not name its uplink, and that is usable', [{ prefer: [1] }], {}),
  {
    name: 'MWAN-1 the policy of each session decides, and the last one for those whose policy is gone',
    run: (bed) => {
      const marked = { number: 9, prefer: [0, 1], matches: [{ dscp: 46 }] };
      const leaving = { leave4: [0], shun4: [0] };
      const others = [udp('10.0.0.11:5001', S1, { tos: 0xb8 }), udp('10.0.0.11:5002', S1)] as const;
      const plans: readonly (readonly [PlanPolicy[], number[]])[] = [
        [
          [
            { ...marked, ...leaving },
            { number: 2, prefer: [0, 1] },
          ],
          [1, 0],
        ],
        [
          [marked, { number: 2, prefer: [0, 1], ...leaving }],
          [0, 1],
        ],
        [[{ number: 3, prefer: [0, 1] }], [0, 0]],
        [
          [
            { number: 2, prefer: [0, 1], matches: [{ dscp: 1 }] },
            { number: 3, prefer: [0, 1], ...leaving },
          ],
          [1, 0],
        ],
      ];
      for (const [policies, exits] of plans) {
        bed.restart(twoUplinks({ plan: { policies: [marked, { number: 2, prefer: [0, 1] }] } }));
        for (const packet of others) bed.send(LAN, packet);
        bed.plan(twoUplinks({ plan: { policies } }));
        expect(others.map((packet) => exitOf(bed, packet))).toEqual(exits);
      }
    },
  },
  {
    name: 'MWAN-1 a flow whose uplink the policy does not name leaves it when it is dead',
    run: (bed) => {
      bed.send(LAN, udp(H1, S1));
      bed.plan(twoUplinks({ a4: DOWN, plan: { policies: [{ prefer: [1] }] } }));
      expect(exitOf(bed, udp(H1, S1))).toBe(1);
    },
  },
  {
    name: 'MWAN-5 hairpins stay, whatever is left',
    plan: twoUplinks({ nat44: { staticMappings: [staticPorts(17, PUBLIC, SERVER)] } }),
    run: (bed) => {
      const hairpins = () => {
        bed.forwards(LAN, udp(H1, PUBLIC), LAN, udp(WA, SERVER));
        bed.forwards(LAN, udp(SERVER, WA), LAN, udp(PUBLIC, H1));
      };
      hairpins();
      for (const policy of [{ leave4: [0] }, { leave4: [0], onFailure: all('reset') }]) {
        const policies = [{ prefer: [0, 1], ...policy }];
        bed.plan(twoUplinks({ nat44: { staticMappings: [staticPorts(17, PUBLIC, SERVER)] }, plan: { policies } }));
        hairpins();
      }
    },
  },
  {
    name: 'MWAN-3 an endpoint does not stick to an uplink that takes no new flows, or is to be left',
    run: (bed) => {
      for (const policy of [{ shun4: [1] }, { leave4: [1] }]) {
        bed.restart(twoUplinks({ a4: DOWN }));
        expect(exitOf(bed, udp(H1, S1))).toBe(1);
        bed.plan(twoUplinks({ plan: { policies: [{ prefer: [0, 1], ...policy }] } }));
        expect(exitOf(bed, udp(H1, S2))).toBe(0);
        expect(exitOf(bed, udp(H1, S1))).toBe('leave4' in policy ? 0 : 1);
      }
    },
  },
  {
    name: 'MWAN-2, MWAN-3 of many flows by weight only those of the uplink that goes move, and none when it is back',
    run: (bed) => {
      const policies: readonly PlanPolicy[] = [{ prefer: [0, 1, 2], weights: [1, 1, 1], persistence: 'flow' }];
      bed.restart(threeUplinks(policies));
      const flows = Array.from({ length: 60 }, (_, index) => udp(`10.0.0.11:${5000 + index}`, S1));
      const before = flows.map((packet) => exitOf(bed, packet));
      expect(new Set(before).size).toBe(3);
      bed.plan(threeUplinks(policies, { c4: DOWN }));
      const after = flows.map((packet) => exitOf(bed, packet));
      expect(after.filter((exit, index) => before[index] !== 2 && exit !== before[index])).toEqual([]);
      expect(new Set(after)).toEqual(new Set([0, 1]));
      bed.plan(threeUplinks(policies));
      expect(flows.map((packet) => exitOf(bed, packet))).toEqual(after);
    },
  },
];

export const leavingFlowCases: readonly Case[] = [...actions, ...onFailure, ...viability];
