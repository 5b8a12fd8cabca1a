/** Runs every vector of fixtures/vectors/rfc6296.json through the IPv6 path of a translator. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Plan } from '../../src/plan/plan.ts';
import type { TranslationResult } from '../../src/reference/translator.ts';
import { ip6, ipv6 } from '../support/packet-builder-ipv6.ts';
import { device, LAN, NAT44, prefixPair } from '../support/plans.ts';
import { hex, type MakeTranslator, OPTIONS, unhex } from '../support/translator-bed.ts';
import { TIMEOUT } from './case.ts';

export interface PairFields {
  readonly internal_prefix: string;
  readonly external_prefix: string;
}

interface AddressVector extends PairFields {
  readonly id: string;
  readonly group: string;
  readonly direction: 'internal-to-external' | 'external-to-internal';
  readonly action: 'translate' | 'drop' | 'nomatch';
  readonly internal_address: string | null;
  readonly external_address: string | null;
  readonly reason: string | null;
}

interface HairpinVector extends PairFields {
  readonly in_src: string;
  readonly in_dst: string;
  readonly out_src: string;
  readonly out_dst: string;
}

interface ConfigVector extends PairFields {
  readonly accept: boolean;
  readonly why: string;
}

interface PacketVector extends PairFields {
  readonly name: string;
  readonly arrives_on: 'inside' | 'outside';
  readonly in: string;
  readonly action: 'forward' | 'drop' | 'icmp-error';
  readonly leaves_on: 'inside' | 'outside' | null;
  readonly out: string | null;
  readonly reason?: string;
}

interface Vectors {
  readonly vectors: readonly AddressVector[];
  readonly hairpin: readonly HairpinVector[];
  readonly config: readonly ConfigVector[];
  readonly packets: readonly PacketVector[];
}

const FILE = new URL('../../fixtures/vectors/rfc6296.json', import.meta.url);
export const VECTORS = JSON.parse(readFileSync(FILE, 'utf8')) as Vectors;
const UPLINK = 1;
/** Outside every prefix of the file. */
export const PEER = '3fff:ffff:ffff::53';
const NEXT_HEADER = 253;

/** The verdicts that stand for the reasons of the file. */
const REASONS: Readonly<Record<string, string>> = {
  'subnet-0xffff': 'SubnetNotMapped',
  'external-subnet-0xffff': 'SubnetNotMapped',
  'subnet-not-mapped': 'SubnetNotMapped',
  'iid-all-ones': 'InterfaceIdAllOnes',
  'iid-all-zeros': 'InterfaceIdAllZeros',
  'embedded-too-short': 'IcmpQuoteInvalid',
};

/** The bare address algorithm leaves these alone; the gateway drops them. */
const NOMATCH: Readonly<Record<string, string>> = {
  'fe80::1': 'MartianSource',
  'fd01:203:405:1::1': 'NotForThisUplink',
  '2001:db8::1': 'NotForThisUplink',
};

/** A site of one pair: everything internal is behind one router, whatever the prefix. */
export function planOf({ internal_prefix, external_prefix }: PairFields): Plan {
  const pair = prefixPair(internal_prefix, external_prefix);
  return {
    generation: 1,
    devices: [
      device({ ipv6: ['fdff::1/64'] }, { mtu: 9000 }),
      device({ ipv6: ['3fff:ffff::2/64'] }, { uplinkSlot: 0, mtu: 9000 }),
    ],
    routes: [{ device: LAN, ipv6: { prefix: pair.internal, prefixLength: pair.internalLength, via: ipv6('fdff::2') } }],
    uplinks: [{ slot: 0, epoch: 0, device: UPLINK, ipv6: { usable: true, lastResort: true, pairs: [pair] } }],
    policies: [{ prefer: [0] }],
    nat44: NAT44,
    nptv6: { translateZeroInterfaceId: false },
    errorRate: { perSecond: 0, burst: 0 },
  };
}

/** Every vector on one implementation. */
export function rfc6296Vectors(make: MakeTranslator): void {
  const translate = (plan: Plan, ingress: number, packet: Uint8Array): TranslationResult => {
    const translator = make(OPTIONS);
    translator.applyPlan(plan);
    return translator.process(ingress, packet, 0);
  };
  describe('RFC 6296 address vectors', () => {
    const groups = [...new Set(VECTORS.vectors.map(({ group }) => group))];
    test.each(groups)('6296-3.2b, 6296-3.3 group %s', { timeout: TIMEOUT }, (group) => {
      const vectors = VECTORS.vectors.filter((vector) => vector.group === group);
      expect(vectors.length).toBeGreaterThan(0);
      for (const vector of vectors) {
        expect({ id: vector.id, ...observed(vector, translate) }).toEqual({ id: vector.id, ...expected(vector) });
      }
    });
    test('all 411 are there', () => expect(VECTORS.vectors).toHaveLength(411));
  });
  describe('RFC 6296 hairpin, configuration and packet vectors', () => {
    test.each(VECTORS.hairpin)('6296-4.3b $in_src to $in_dst', (vector) => {
      const packet = ip6(vector.in_src, vector.in_dst, NEXT_HEADER, new Uint8Array(8));
      const result = translate(planOf(vector), LAN, packet);
      expect(shown(result)).toEqual({
        verdict: 'Forward',
        device: LAN,
        octets: hex(ip6(vector.out_src, vector.out_dst, NEXT_HEADER, new Uint8Array(8), { hopLimit: 63 })),
      });
    });
    test.each(VECTORS.config)('6296-4.1b $internal_prefix to $external_prefix: accepted $accept', (vector) => {
      const apply = () => make(OPTIONS).applyPlan(planOf(vector));
      if (vector.accept) {
        expect(apply).not.toThrow();
      } else {
        expect(apply).toThrow();
      }
    });
    test.each(VECTORS.packets)('6296-3.2b whole packet: $name', (vector) => {
      const ingress = vector.arrives_on === 'inside' ? LAN : UPLINK;
      const result = translate(planOf(vector), ingress, unhex(vector.in));
      if (vector.action === 'forward') {
        const egress = vector.leaves_on === 'inside' ? LAN : UPLINK;
        expect(shown(result)).toEqual({ verdict: 'Forward', device: egress, octets: vector.out });
      } else {
        expect(shown(result)).toEqual({ verdict: REASONS[vector.reason ?? ''], device: undefined, octets: undefined });
      }
    });
  });
}

interface Observed {
  readonly verdict: string;
  readonly address: string | undefined;
}

function observed(
  vector: AddressVector,
  translate: (plan: Plan, ingress: number, packet: Uint8Array) => TranslationResult,
): Observed {
  const outbound = vector.direction === 'internal-to-external';
  const from = outbound ? (vector.internal_address ?? '') : PEER;
  const to = outbound ? PEER : (vector.external_address ?? '');
  const packet = ip6(from, to, NEXT_HEADER, new Uint8Array(8));
  const { verdict, outgoing } = translate(planOf(vector), outbound ? LAN : UPLINK, packet);
  const left = outgoing[0];
  expect(left === undefined || left.device === (outbound ? UPLINK : LAN)).toBe(true);
  return { verdict, address: left && hex(outbound ? left.octets.slice(8, 24) : left.octets.slice(24, 40)) };
}

function expected(vector: AddressVector): Observed {
  const outbound = vector.direction === 'internal-to-external';
  switch (vector.action) {
    case 'translate': {
      const address = outbound ? vector.external_address : vector.internal_address;
      return { verdict: 'Forward', address: hex(ipv6(address ?? '')) };
    }
    case 'drop':
      return { verdict: REASONS[vector.reason ?? ''] ?? 'a reason that is known', address: undefined };
    case 'nomatch': {
      const given = outbound ? vector.internal_address : vector.external_address;
      return { verdict: NOMATCH[given ?? ''] ?? 'SourceNotInternal', address: undefined };
    }
  }
}

function shown(result: TranslationResult): unknown {
  const [left] = result.outgoing;
  return { verdict: result.verdict, device: left?.device, octets: left && hex(left.octets) };
}
