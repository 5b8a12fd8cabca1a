/** Shares of new flows by weight: which uplink a key takes, and which keys move when uplinks come and go. */
import { expect } from 'vitest';
import type { PlanPersistence, PlanPolicy } from '../../../src/plan/plan.ts';
import { FILTER6 } from '../../support/filtered-plan.ts';
import { fragmentsOf } from '../../support/fragment-builder.ts';
import { echoReply, echoRequest, ip4, tcp, text, udp } from '../../support/packet-builder.ts';
import { echoRequest6, tcp6, udp6 } from '../../support/packet-builder-ipv6.ts';
import { exitOf, exitsOf, type ThreeChanges, threeUplinks } from '../../support/policy-plans.ts';
import { gre } from '../../support/portless-builder.ts';
import type { TranslatorBed } from '../../support/translator-bed.ts';
import { SCTP6 } from '../../support/transports-ipv6.ts';
import type { Case } from '../case.ts';

const H1 = '10.0.0.11:5000';
const S1 = '192.0.2.10:7000';
const H1_6 = 'fd01:203:405:1::1234';
const Q6 = '2001:db8:ffff::53';
const DOWN = { usable: false };
const ROUTED: ThreeChanges = { a4: { nat44: false }, b4: { nat44: false }, c4: { nat44: false } };
const WITH_FILTER: ThreeChanges = { plan: { filter6: FILTER6 } };

const first24 = <T>(make: (index: number) => T): T[] => Array.from({ length: 24 }, (_, index) => make(index));

function weighted(persistence?: PlanPersistence, more: Partial<PlanPolicy> = {}): readonly PlanPolicy[] {
  return [{ prefer: [0, 1, 2], weights: [3, 2, 5], ...(persistence && { persistence }), ...more }];
}

interface Vector {
  readonly what: string;
  readonly persistence: PlanPersistence;
  readonly packets: readonly Uint8Array[];
  /** Of the bed's secret and weights 3, 2 and 5, by another program with floating-point logarithms. */
  readonly slots: string;
  readonly changes?: ThreeChanges;
}

const VECTORS: readonly Vector[] = [
  {
    what: 'source: hosts, whatever they send',
    persistence: 'source',
    packets: first24(
      (n) => [udp, (a: string, b: string) => tcp(a, b, 'SYN')][n % 2]?.(`10.0.0.${11 + n}:${n}`, S1) ?? udp(H1, S1),
    ),
    slots: '112122121222222200021020',
  },
  {
    what: 'source-destination: pairs of hosts',
    persistence: 'source-destination',
    packets: first24((n) => udp(H1, `192.0.2.${10 + n}:${1000 + n}`)),
    slots: '120202121221022012222220',
  },
  {
    what: 'flow: UDP by the internal port',
    persistence: 'flow',
    packets: first24((n) => udp(`10.0.0.11:${5000 + n}`, S1)),
    slots: '021212222222212102101202',
  },
  {
    what: 'flow: the protocol counts',
    persistence: 'flow',
    packets: first24((n) => tcp(`10.0.0.11:${5000 + n}`, S1, 'SYN')),
    slots: '000222021202112200122102',
  },
  {
    what: 'flow: UDP by the remote port',
    persistence: 'flow',
    packets: first24((n) => udp(H1, `192.0.2.10:${7000 + n}`)),
    slots: '000211201211202002221101',
  },
  {
    what: 'flow: an echo by its identifier',
    persistence: 'flow',
    packets: first24((n) => echoRequest('10.0.0.11', '192.0.2.10', n)),
    slots: '121020222121222002201021',
  },
  {
    what: 'flow: without ports by addresses',
    persistence: 'flow',
    packets: first24((n) => gre('10.0.0.11', `192.0.2.${10 + n}`, n)),
    slots: '022022221002212012002220',
  },
  {
    what: 'source: IPv6 hosts',
    persistence: 'source',
    packets: first24((n) => tcp6(`fd01:203:405:1::${(0x11 + n).toString(16)}`, Q6, [n, 80], 'SYN')),
    slots: '001102211212222122220220',
  },
  {
    what: 'source-destination: pairs of IPv6 hosts',
    persistence: 'source-destination',
    packets: first24((n) => udp6(H1_6, `2001:db8:ffff::${(1 + n).toString(16)}`, [n, 80])),
    slots: '002202002001222012000002',
  },
  {
    what: 'flow: IPv6 without the filter has no ports',
    persistence: 'flow',
    packets: first24((n) => udp6(H1_6, `2001:db8:ffff::${(1 + n).toString(16)}`, [n, 80])),
    slots: '222121202221002002002202',
  },
  {
    what: 'flow: IPv6 with the filter has ports',
    persistence: 'flow',
    packets: first24((n) => udp6(H1_6, Q6, [40_000 + n, 53])),
    slots: '222212020002000201021201',
    changes: WITH_FILTER,
  },
  {
    what: 'flow: so has SCTP in IPv6 with the filter',
    persistence: 'flow',
    packets: first24((n) => SCTP6.open(H1_6, Q6, [40_000 + n, 53])),
    slots: '200202221022222221002120',
    changes: WITH_FILTER,
  },
  {
    what: 'flow: an ICMPv6 echo by its identifier',
    persistence: 'flow',
    packets: first24((n) => echoRequest6(H1_6, Q6, n)),
    slots: '011212022222122220002212',
    changes: WITH_FILTER,
  },
];

const vectors = VECTORS.map(
  ({ what, persistence, packets, slots, changes }): Case => ({
    name: `weighted choice, ${what}`,
    run: (bed) => {
      const plan = threeUplinks(weighted(persistence), changes);
      expect(exitsOf(bed, plan, packets).join('')).toBe(slots);
    },
  }),
);

/** Where each of many hosts goes; nothing is kept of them. */
function exitsOfHosts(bed: TranslatorBed, hosts: number): number[] {
  return Array.from({ length: hosts }, (_, n) => exitOf(bed, udp(`10.64.${n >> 8}.${n & 255}:5000`, S1)));
}

function shareOf(exits: readonly number[], slot: number): number {
  return exits.filter((exit) => exit === slot).length / exits.length;
}

const shares: readonly Case[] = [
  {
    name: 'weights are shares of 10,000 sources, and only those of the uplink that goes or comes move',
    plan: threeUplinks(weighted(), ROUTED),
    run: (bed) => {
      const all = exitsOfHosts(bed, 10_000);
      for (const [slot, share] of [0.3, 0.2, 0.5].entries()) {
        expect(Math.abs(shareOf(all, slot) - share)).toBeLessThan(0.03);
      }
      bed.plan(threeUplinks(weighted(), { ...ROUTED, c4: { nat44: false, ...DOWN } }));
      const withoutC = exitsOfHosts(bed, 10_000);
      expect(withoutC.filter((exit, index) => all[index] !== 2 && exit !== all[index])).toEqual([]);
      for (const [slot, share] of [0.6, 0.4].entries()) {
        expect(Math.abs(shareOf(withoutC, slot) - share)).toBeLessThan(0.03);
      }
      bed.plan(threeUplinks(weighted(), ROUTED));
      expect(exitsOfHosts(bed, 1000)).toEqual(all.slice(0, 1000));
    },
  },
  {
    name: 'a weight that grows takes keys from others, and gives none away',
    plan: threeUplinks(weighted(), ROUTED),
    run: (bed) => {
      const before = exitsOfHosts(bed, 3000);
      bed.plan(threeUplinks(weighted('source', { weights: [3, 4, 5] }), ROUTED));
      const after = exitsOfHosts(bed, 3000);
      expect(after.filter((exit, index) => exit !== before[index] && exit !== 1)).toEqual([]);
      expect(Math.abs(shareOf(after, 1) - 4 / 12)).toBeLessThan(0.03);
    },
  },
];

const rules: readonly Case[] = [
  {
    name: 'weights stand in the order of preference, which does not matter to the score',
    run: (bed) => {
      const packets = first24((n) => udp(`10.0.0.${11 + n}:5000`, S1));
      const turned = threeUplinks([{ prefer: [2, 0, 1], weights: [5, 3, 2] }]);
      expect(exitsOf(bed, turned, packets).join('')).toBe('112122121222222200021020');
    },
  },
  {
    name: 'an uplink of weight 0 takes nothing while another has a weight',
    run: (bed) => {
      const packets = first24((n) => udp(`10.0.0.${11 + n}:5000`, S1));
      const noneOfA = threeUplinks([{ prefer: [0, 1, 2], weights: [0, 1, 1] }]);
      expect(new Set(exitsOf(bed, noneOfA, packets))).toEqual(new Set([1, 2]));
      const onlyB = threeUplinks([{ prefer: [0, 1, 2], weights: [0, 1, 0] }]);
      expect(new Set(exitsOf(bed, onlyB, packets))).toEqual(new Set([1]));
    },
  },
  {
    name: 'where no candidate has a weight the first one takes all',
    run: (bed) => {
      const packets = first24((n) => udp(`10.0.0.${11 + n}:5000`, S1));
      const tiers: PlanPolicy = { prefer: [2, 1, 0], weights: [1, 0, 0] };
      expect(new Set(exitsOf(bed, threeUplinks([tiers]), packets))).toEqual(new Set([2]));
      expect(new Set(exitsOf(bed, threeUplinks([tiers], { c4: DOWN }), packets))).toEqual(new Set([1]));
      expect(new Set(exitsOf(bed, threeUplinks([{ ...tiers, shun4: [2, 1] }]), packets))).toEqual(new Set([0]));
    },
  },
  {
    name: 'the heaviest of weights and the lightest',
    run: (bed) => {
      const packets = first24((n) => udp(`10.0.0.${11 + n}:5000`, S1));
      const plan = threeUplinks([{ prefer: [0, 1], weights: [1, 65_535] }]);
      expect(new Set(exitsOf(bed, plan, packets))).toEqual(new Set([1]));
      const equal = threeUplinks([{ prefer: [0, 1], weights: [65_535, 65_535] }]);
      expect(exitsOf(bed, equal, packets).join('')).toBe('111101111010011100011001');
    },
  },
  {
    name: 'an uplink that is shunned, or does not carry the family, has no part',
    run: (bed) => {
      const packets = first24((n) => udp(`10.0.0.${11 + n}:5000`, S1));
      const shunned = threeUplinks(weighted('source', { shun4: [2], shun6: [0, 1] }));
      expect(new Set(exitsOf(bed, shunned, packets))).toEqual(new Set([0, 1]));
      const packets6 = first24((n) => udp6(`fd01:203:405:1::${(0x11 + n).toString(16)}`, Q6, [1, 2]));
      expect(new Set(exitsOf(bed, shunned, packets6))).toEqual(new Set([2]));
    },
  },
  {
    name: 'MWAN-1, MWAN-3 a flow keeps the uplink that it has, whatever the weights are later; an endpoint of UDP too',
    plan: threeUplinks(weighted('flow')),
    run: (bed) => {
      const flows = first24((n) => tcp(`10.0.0.11:${5000 + n}`, S1, 'SYN'));
      const exits = flows.map((packet) => exitOf(bed, packet));
      const home = exitOf(bed, udp(H1, S1));
      const elsewhere = (home + 1) % 3;
      bed.plan(threeUplinks([{ prefer: [elsewhere, home], weights: [65_535, 1], persistence: 'flow' }]));
      expect(first24((n) => exitOf(bed, tcp(`10.0.0.11:${5000 + n}`, S1, 'ACK')))).toEqual(exits);
      expect(first24((n) => exitOf(bed, udp(H1, `192.0.2.20:${n}`)))).toEqual(first24(() => home));
      expect(new Set(first24((n) => exitOf(bed, tcp(`10.0.0.11:${6000 + n}`, S1, 'SYN'))))).toEqual(
        new Set([elsewhere]),
      );
    },
  },
  {
    name: 'fragments: the first one has ports, and the others follow it; untranslated each goes by its own key',
    run: (bed) => {
      const whole = udp('10.0.0.11:5000', S1, { payload: new Uint8Array(64), dontFragment: false });
      const [head = whole, tail = whole] = fragmentsOf(whole, 7, 40);
      bed.restart(threeUplinks(weighted('flow')));
      expect([exitOf(bed, head), exitOf(bed, tail)]).toEqual([0, 0]);
      const later = first24((n) =>
        ip4('10.0.0.11', `192.0.2.${10 + n}`, 47, text('x'), { fragmentOffset: 8, dontFragment: false }),
      );
      expect(exitsOf(bed, threeUplinks(weighted('flow'), ROUTED), later).join('')).toBe('022022221002212012002220');
    },
  },
  {
    name: 'an echo reply has the key of a request, where it leaves untranslated',
    run: (bed) => {
      const replies = first24((n) => echoReply('10.0.0.11', '192.0.2.10', n));
      expect(exitsOf(bed, threeUplinks(weighted('flow'), ROUTED), replies).join('')).toBe('121020222121222002201021');
    },
  },
];

export const weightedChoiceCases: readonly Case[] = [...vectors, ...shares, ...rules];
