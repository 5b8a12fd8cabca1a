/** The sites that sequences play in: everything about them that a seed decides. */
import fc from 'fast-check';
import type { PlanExempt, PlanPorts } from '../../src/plan/plan.ts';
import { prefix4 } from '../support/plans.ts';
import { mostlyFirst, small, weighted } from './any-packet.ts';
import type { FilterSite } from './filter-site.ts';
import { CHOICES, POLICIES_MAX, type PolicyChoice } from './policy-site.ts';

/** Everything about a site that a seed decides. */
export interface Site {
  readonly secret: Uint8Array;
  readonly mappingsMax: number;
  readonly sessionsMax: number;
  readonly hostsMax: number;
  readonly workers: number;
  readonly poolSize: number;
  readonly ports: readonly [number, number];
  readonly reserved: readonly PlanPorts[];
  readonly preserveParity: boolean;
  readonly pairsA: number;
  readonly pairsB: number;
  readonly mtu: readonly [number, number, number];
  readonly timers: number;
  readonly holdMs: number;
  readonly resting: Resting;
  readonly filtering: number;
  readonly refuseFiltered: boolean;
  readonly otherProtocols: boolean;
  readonly rate: readonly [number, number];
  readonly translateZeros: boolean;
  readonly layout: Layout;
  readonly lastResort: readonly [boolean, boolean];
  readonly exempt: readonly PlanExempt[];
  readonly mssClamp: readonly [number | undefined, number | undefined];
  readonly published: Published;
  readonly limits: Limits;
  readonly filter: FilterSite;
  /** The last one is about everything. */
  readonly policies: readonly PolicyChoice[];
  readonly dropDocumentation: boolean;
}

/** How the uplinks lie to each other and to the site. */
export type Layout = 'apart' | 'one-address' | 'like-the-lan' | 'b-without-ipv4' | 'b-without-ipv6' | 'only-a';

/**
 * How many ports of a pool rest. Which of those that come to rest in the same tick find a place is left open, so where
 * there is a limit the clock goes in steps in which no two lifetimes end together.
 */
export interface Resting {
  readonly portsMax: number;
  readonly pace: 'quick' | 'slow';
}

/** Which static mappings there are at the start, as bits of their numbers, and which of them come first where they collide. */
export interface Published {
  readonly bits: number;
  readonly first: number;
}

/** Of one host. */
export interface Limits {
  readonly mappings: number;
  readonly sessions: number;
  readonly sessionsPerMapping: number;
  readonly flows: readonly [perSecond: number, burst: number];
}

const PLENTY: Limits = { mappings: 32_768, sessions: 65_536, sessionsPerMapping: 65_536, flows: [2000, 10_000] };

const EXEMPT: readonly (readonly PlanExempt[])[] = [
  [],
  ['192.0.2.20/32'],
  ['192.0.2.16/28', '203.0.113.64/26'],
  ['0.0.0.0/0'],
].map((prefixes) => prefixes.map(prefix4));

const EXEMPT_PORTS: readonly (readonly PlanExempt[])[] = [
  [{ ...prefix4('192.0.2.10/32'), protocol: 17, portLow: 53, portHigh: 80 }],
  [
    { ...prefix4('192.0.2.0/24'), protocol: 6, portLow: 80, portHigh: 80 },
    { ...prefix4('192.0.2.10/31'), protocol: 136, portLow: 0, portHigh: 100 },
    { ...prefix4('192.0.2.10/31'), protocol: 33, portLow: 5000, portHigh: 65_535 },
  ],
  [
    { ...prefix4('192.0.2.0/27'), protocol: 1 },
    { ...prefix4('0.0.0.0/0'), protocol: 50 },
    { ...prefix4('192.0.2.20/32'), protocol: 6 },
  ],
];

const RESERVED: readonly (readonly PlanPorts[])[] = [
  [
    { protocol: 17, low: 5000, high: 5001 },
    { protocol: 6, low: 80, high: 80 },
    { protocol: 33, low: 5000, high: 5000 },
  ],
  [
    { protocol: 6, low: 1024, high: 1500 },
    { protocol: 17, low: 0, high: 1023 },
    { protocol: 136, low: 5001, high: 5002 },
  ],
];

const rested: fc.Arbitrary<Resting> = weighted<Resting>(
  [6, { portsMax: 65_536, pace: 'quick' }],
  [1, { portsMax: 0, pace: 'quick' }],
  [1, { portsMax: 1, pace: 'slow' }],
  [1, { portsMax: 2, pace: 'slow' }],
  [1, { portsMax: 3, pace: 'slow' }],
);

const limits: fc.Arbitrary<Limits> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(PLENTY) },
  {
    weight: 1,
    arbitrary: fc.record({
      mappings: weighted([2, PLENTY.mappings], [1, 1], [1, 2], [1, 5]),
      sessions: weighted([2, PLENTY.sessions], [1, 1], [1, 3], [1, 8]),
      sessionsPerMapping: weighted([2, PLENTY.sessionsPerMapping], [1, 1], [1, 2]),
      flows: weighted<readonly [number, number]>(
        [3, PLENTY.flows],
        [1, [1, 1]],
        [1, [10, 4]],
        [1, [0, 7]],
        [1, [7, 0]],
        [1, [1_000_000, 3]],
        [1, [3_000_000, 2]],
      ),
    }),
  },
);

const PLAIN: PolicyChoice = {
  matches: 0,
  order: 0,
  weights: 0,
  persistence: 'source',
  refuse: false,
  onFailure: 0,
};

const policy: fc.Arbitrary<PolicyChoice> = fc.record({
  matches: small(CHOICES.matches - 1),
  order: mostlyFirst(CHOICES.orders - 1),
  weights: small(CHOICES.weights - 1),
  persistence: fc.constantFrom('source', 'source-destination', 'flow'),
  refuse: weighted([3, false], [1, true]),
  onFailure: small(CHOICES.onFailure - 1),
});

/** Weighted towards small tables and narrow port ranges, where things collide and run out. */
export const anySite: fc.Arbitrary<Site> = fc.record({
  secret: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  mappingsMax: fc.constantFrom(4, 12, 1000, 1000, 1000),
  sessionsMax: fc.constantFrom(4, 16, 1000, 1000, 1000),
  hostsMax: weighted([12, 1000], [1, 1], [1, 2], [1, 4]),
  workers: weighted([6, 1], [3, 2], [1, 3]),
  poolSize: fc.constantFrom(1, 1, 2, 4),
  ports: fc.constantFrom<readonly [number, number]>(
    [1, 65535],
    [5000, 5003],
    [1000, 1030],
    [1, 1023],
    [80, 80],
    [1024, 1423],
    [1024, 1423],
  ),
  reserved: weighted([3, []], ...RESERVED.map((ports) => [1, ports] as const)),
  preserveParity: weighted([2, false], [1, true]),
  pairsA: small(7),
  pairsB: small(2),
  mtu: fc.constantFrom<readonly [number, number, number]>(
    [1500, 1500, 1500],
    [1500, 1400, 1500],
    [1280, 1500, 1300],
    [1500, 1280, 1400],
  ),
  timers: small(3),
  holdMs: weighted([3, 6000], [1, 999], [1, 1500], [1, 60_000], [1, 0], [1, 1]),
  resting: rested,
  filtering: small(80),
  refuseFiltered: weighted([2, false], [1, true]),
  otherProtocols: weighted([5, true], [1, false]),
  rate: fc.constantFrom<readonly [number, number]>([100, 100], [3, 2], [1000, 1], [0, 5]),
  translateZeros: fc.boolean(),
  layout: weighted<Layout>(
    [6, 'apart'],
    [1, 'one-address'],
    [1, 'like-the-lan'],
    [1, 'b-without-ipv4'],
    [1, 'b-without-ipv6'],
    [1, 'only-a'],
  ),
  lastResort: fc.tuple(weighted([2, true], [1, false]), weighted([2, true], [1, false])),
  exempt: weighted<readonly PlanExempt[]>(
    [6, []],
    ...EXEMPT.map((entries) => [1, entries] as const),
    ...EXEMPT_PORTS.map((entries) => [1, entries] as const),
  ),
  mssClamp: fc.tuple(fc.constantFrom(undefined, 1360, 536), fc.constantFrom(undefined, 1460, 28)),
  filter: fc.record({
    isOn: weighted([4, true], [1, false]),
    filtering: small(26),
    ipsec: weighted([2, true], [1, false]),
    published: fc.oneof(fc.constant(0), small(0xff_ffff)),
    sessionsMax: fc.constantFrom(1, 3, 1000, 1000, 1000),
    isNative: weighted([2, false], [1, true]),
    forwardUnassignedIcmp: fc.boolean(),
    mssClamp: fc.constantFrom(undefined, 1220, 536),
  }),
  // Nearly all addresses of these sites are such, so that little else happens where it is on.
  dropDocumentation: weighted([24, false], [1, true]),
  policies: fc.oneof(
    { weight: 2, arbitrary: fc.constant([PLAIN]) },
    { weight: 3, arbitrary: fc.array(policy, { minLength: 1, maxLength: POLICIES_MAX }) },
  ),
  published: fc.record({ bits: fc.oneof(fc.constant(0), small(0xff_ffff)), first: small(63) }),
  limits,
});
