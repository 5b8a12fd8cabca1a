/** The plan that a site begins with, and the plans that events make of it. */
import type { Plan, PlanFiltering, PlanPrefixPair, PlanUplink } from '../../src/plan/plan.ts';
import type { TranslatorOptions } from '../../src/reference/translator.ts';
import { ipv4 } from '../support/packet-builder.ts';
import { ipv6 } from '../support/packet-builder-ipv6.ts';
import { device, NAT44, prefixPair, UPLINK_A4, UPLINK_B4 } from '../support/plans.ts';
import type { Layout, Site } from './any-site.ts';
import { LAN } from './endpoints.ts';
import type { PlanEvent } from './event.ts';
import { withFilter } from './filter-site.ts';
import { POLICY_BITS, type PolicyState, withPolicies } from './policy-site.ts';
import { withPublished } from './published.ts';

/** What events have changed since the start. */
export interface PlanState {
  readonly usableA: boolean;
  readonly usableB: boolean;
  readonly epochA: number;
  readonly shiftA: number;
  readonly routedA: boolean;
  readonly preferB: boolean;
  readonly filtering: number;
  readonly internalAddress: number;
  /** Bits of the static mappings. */
  readonly published: number;
  /** Whether the filter is the other way round: off where the site has it on. */
  readonly filterTurned: boolean;
  /** Bits of what the filter publishes. */
  readonly published6: number;
  readonly policies: PolicyState;
}

/** What the hosts of the first network see as the gateway, before and after a change. */
const INTERNAL_ADDRESSES = ['10.0.0.1/24', '10.0.0.2/24'];

const POOL_A = ['203.0.113.2', '203.0.113.9', '203.0.113.10', '203.0.113.11'];
const CLASSES: readonly PlanFiltering[] = ['address-dependent', 'endpoint-independent', 'address-and-port-dependent'];

type Timers = Pick<
  Plan['nat44'],
  | 'udpMs'
  | 'icmpMs'
  | 'otherMs'
  | 'tcpOpeningMs'
  | 'tcpClosingMs'
  | 'tcpEstablishedMs'
  | 'dccpTransitoryMs'
  | 'dccpEstablishedMs'
  | 'portRestMs'
  | 'fragmentMs'
>;

/** Lifetimes in milliseconds: the defaults scaled down, some of them no multiple of a tick. */
const TIMERS: readonly Timers[] = [
  {
    udpMs: 5000,
    icmpMs: 2000,
    otherMs: 5000,
    tcpOpeningMs: 4000,
    tcpClosingMs: 3000,
    tcpEstablishedMs: 20_000,
    dccpTransitoryMs: 4000,
    dccpEstablishedMs: 20_000,
    portRestMs: 2000,
    fragmentMs: 2000,
  },
  {
    udpMs: 1050,
    icmpMs: 999,
    otherMs: 1999,
    tcpOpeningMs: 2001,
    tcpClosingMs: 1201,
    tcpEstablishedMs: 7499,
    dccpTransitoryMs: 2099,
    dccpEstablishedMs: 7301,
    portRestMs: 1050,
    fragmentMs: 999,
  },
  {
    udpMs: 300_000,
    icmpMs: 60_000,
    otherMs: 300_000,
    tcpOpeningMs: 240_000,
    tcpClosingMs: 240_000,
    tcpEstablishedMs: 7_440_000,
    dccpTransitoryMs: 480_000,
    dccpEstablishedMs: 7_440_000,
    portRestMs: 120_000,
    fragmentMs: 5000,
  },
  {
    udpMs: 10_000,
    icmpMs: 5000,
    otherMs: 2000,
    tcpOpeningMs: 5000,
    tcpClosingMs: 2000,
    tcpEstablishedMs: 60_000,
    dccpTransitoryMs: 5000,
    dccpEstablishedMs: 10_000,
    portRestMs: 0,
    fragmentMs: 5000,
  },
];

/** Of a slow clock: no two lifetimes of a protocol that begin at different steps end in the same tick. */
const SLOW_TIMERS: Timers = {
  udpMs: 9000,
  icmpMs: 6000,
  otherMs: 9000,
  tcpOpeningMs: 6000,
  tcpClosingMs: 3100,
  tcpEstablishedMs: 24_200,
  dccpTransitoryMs: 6000,
  dccpEstablishedMs: 18_100,
  portRestMs: 30_000,
  fragmentMs: 5000,
};

/** Of a slow clock, milliseconds; three ticks. */
export const SLOW_STEP_MS = 300;

const PAIRS: readonly (readonly PlanPrefixPair[])[] = [
  [prefixPair('fd01:203:405::/48', '2001:db8:1::/48')],
  [prefixPair('fd01:203:405:100::/56', '2001:db8:1:5600::/56')],
  [prefixPair('fd01:203:405::/48', '2001:db8:1:5600::/56')],
  [prefixPair('fd01:203:405:100::/56', '2001:db8:1::/48')],
  [
    prefixPair('fd01:203:405:101::/64', '2001:db8:1:aaaa::/64'),
    prefixPair('fd01:203:405:102::/64', '2001:db8:1:aaab::/64'),
  ],
  [prefixPair('fd01:203:400::/40', '2001:db8:100::/40')],
  [prefixPair('fd01:203:405:100::/60', '2001:db8:1:5610::/60')],
  [prefixPair('fd01:203:405:101::/64', '2001:db8:1::/48'), prefixPair('fd01:203:405:100::/56', '2001:db8:2:7700::/56')],
];

const PAIRS_B: readonly (readonly PlanPrefixPair[])[] = [
  [prefixPair('fd01:203:405::/48', '2001:db8:5555::/48')],
  [prefixPair('fd01:203:405:100::/56', '2001:db8:5555:4200::/56')],
  [],
];

export const START: PlanState = {
  usableA: true,
  usableB: true,
  epochA: 0,
  shiftA: 0,
  routedA: false,
  preferB: false,
  filtering: 0,
  internalAddress: 0,
  published: 0,
  filterTurned: false,
  published6: 0,
  policies: { shunned: 0, left: 0, numbers: 0 },
};

/** The state after a change of plan. Whatever changes the addresses of an uplink raises its epoch. */
export function changed(state: PlanState, { change, which }: PlanEvent): PlanState {
  switch (change) {
    case 'usable-a':
      return { ...state, usableA: !state.usableA };
    case 'usable-b':
      return { ...state, usableB: !state.usableB };
    case 'both-down':
      return { ...state, usableA: false, usableB: false };
    case 'epoch-a':
      return { ...state, epochA: (state.epochA + 1) % 256 };
    case 'address-a':
      return { ...state, epochA: (state.epochA + 1) % 256, shiftA: state.shiftA + 1 };
    case 'routed-a':
      return { ...state, epochA: (state.epochA + 1) % 256, routedA: !state.routedA };
    case 'prefer':
      return { ...state, preferB: !state.preferB };
    case 'filtering':
      return { ...state, filtering: state.filtering + 14 };
    case 'internal-address':
      return { ...state, internalAddress: 1 - state.internalAddress };
    case 'published':
      return { ...state, published: state.published ^ (1 << (which % 24)) };
    case 'published-6':
      return { ...state, published6: state.published6 ^ (1 << (which % 24)) };
    case 'filter':
      return { ...state, filterTurned: !state.filterTurned };
    case 'shun':
      return withPolicyState(state, { shunned: state.policies.shunned ^ (1 << (which % POLICY_BITS)) });
    case 'leave':
      return withPolicyState(state, { left: state.policies.left ^ (1 << (which % POLICY_BITS)) });
    case 'policy-numbers':
      return withPolicyState(state, { numbers: which % 4 });
  }
}

function withPolicyState(state: PlanState, policies: Partial<PolicyState>): PlanState {
  return { ...state, policies: { ...state.policies, ...policies } };
}

export function optionsOf(site: Site): TranslatorOptions {
  const { secret, mappingsMax, sessionsMax, hostsMax, workers } = site;
  return { secret, mappingsMax, sessionsMax, hostsMax, filterSessionsMax: site.filter.sessionsMax, workers };
}

/** Internal devices 0 and 3, uplink A on device 1, uplink B on device 2. */
export function planOf(site: Site, state: PlanState, generation: number): Plan {
  const plan = withFilter(laidOut(site.layout, plainPlan(site, state, generation)), site.filter, {
    isTurned: state.filterTurned,
    published: state.published6,
  });
  const decided = withPolicies(plan, site.policies, state.policies, site.resting.pace === 'slow');
  return withPublished(decided, { bits: site.published.bits ^ state.published, first: site.published.first });
}

function plainPlan(site: Site, state: PlanState, generation: number): Plan {
  const [mtuLan, mtuA, mtuOffice] = site.mtu;
  const poolA = POOL_A.slice(0, site.poolSize).map((address) => ipv4(address) + (state.shiftA % 50) * 16);
  const ownA = poolA[0] ?? 0;
  const uplinks: readonly PlanUplink[] = [
    {
      slot: 0,
      epoch: state.epochA,
      device: 1,
      ipv4: {
        ...UPLINK_A4,
        usable: state.usableA,
        pool: poolA,
        portLow: site.ports[0],
        portHigh: site.ports[1],
        nat44: !state.routedA,
        lastResort: site.lastResort[0],
        reserved: site.reserved,
        ...clampOf(site.mssClamp[0]),
      },
      ipv6: { usable: state.usableA, lastResort: site.lastResort[0], pairs: PAIRS[site.pairsA] ?? [] },
    },
    {
      slot: 1,
      epoch: 0,
      device: 2,
      ipv4: { ...UPLINK_B4, usable: state.usableB, lastResort: site.lastResort[1], ...clampOf(site.mssClamp[1]) },
      // The other one is a point-to-point link (4443-DU3).
      ipv6: {
        usable: state.usableB,
        lastResort: site.lastResort[1],
        gateway: ipv6('2001:db8:b::1'),
        pairs: PAIRS_B[site.pairsB] ?? [],
      },
    },
  ];
  return {
    generation,
    devices: [
      device(
        {
          ipv4: [INTERNAL_ADDRESSES[state.internalAddress] ?? '', '10.0.0.3/24'],
          ipv6: ['fd01:203:405:101::1/64', 'fe80::1/64'],
        },
        { mtu: mtuLan },
      ),
      {
        ...device({ ipv6: ['2001:db8:a::2/64'] }, { uplinkSlot: 0, mtu: mtuA }),
        ipv4: [{ address: ownA, prefixLength: 24 }],
      },
      device({ ipv4: ['198.51.100.2/24'], ipv6: ['2001:db8:b::2/64'] }, { uplinkSlot: 1 }),
      device({ ipv4: ['10.0.1.1/24'], ipv6: ['fd01:203:405:102::1/64'] }, { mtu: mtuOffice }),
    ],
    routes: [
      { device: LAN, ipv4: { prefix: ipv4('10.0.9.0'), prefixLength: 24, via: ipv4('10.0.0.254') } },
      {
        device: LAN,
        ipv6: { prefix: ipv6('fd01:203:405:109::'), prefixLength: 64, via: ipv6('fd01:203:405:101::fe') },
      },
    ],
    uplinks,
    policies: [{ prefer: state.preferB ? [1, 0] : [0, 1] }],
    nat44: {
      ...NAT44,
      ...timersOf(site),
      ...filteringOf(site.filtering + state.filtering),
      restingPortsMax: site.resting.portsMax,
      holdMs: site.holdMs,
      refuseFiltered: site.refuseFiltered,
      otherProtocols: site.otherProtocols,
      preserveParity: site.preserveParity,
      exempt: site.exempt,
      hostLimits: limitsOf(site),
    },
    nptv6: { translateZeroInterfaceId: site.translateZeros },
    errorRate: { perSecond: site.rate[0], burst: site.rate[1] },
    dropDocumentation: site.dropDocumentation,
  };
}

function clampOf(octets: number | undefined): { readonly mssClamp?: number } {
  return octets === undefined ? {} : { mssClamp: octets };
}

function timersOf(site: Site): Timers {
  const timers = TIMERS[site.timers];
  if (timers === undefined) {
    throw new RangeError(`no timers ${site.timers}`);
  }
  return site.resting.pace === 'slow' ? SLOW_TIMERS : timers;
}

function limitsOf({ limits }: Site): Plan['nat44']['hostLimits'] {
  const [perSecond, burst] = limits.flows;
  return {
    mappingsPerProtocol: limits.mappings,
    sessions: limits.sessions,
    sessionsPerMapping: limits.sessionsPerMapping,
    flows: { perSecond, burst },
  };
}

function filteringOf(
  choice: number,
): Pick<Plan['nat44'], 'filteringUdp' | 'filteringTcp' | 'filteringIcmp' | 'filteringDccp'> {
  const classAt = (index: number) => CLASSES[index % CLASSES.length] ?? 'address-dependent';
  return {
    filteringUdp: classAt(choice),
    filteringTcp: classAt(Math.floor(choice / 3)),
    filteringIcmp: classAt(Math.floor(choice / 9)),
    filteringDccp: classAt(Math.floor(choice / 27)),
  };
}

function laidOut(layout: Layout, plan: Plan): Plan {
  switch (layout) {
    case 'apart':
      return plan;
    case 'one-address':
      return withUplinkB(plan, (b) => ({
        ...b,
        ipv4: { ...UPLINK_B4, usable: usableB(b), lastResort: b.ipv4?.lastResort ?? true, pool: [ipv4('203.0.113.2')] },
      }));
    case 'like-the-lan':
      return likeTheLan(plan);
    case 'b-without-ipv4':
      return withUplinkB(plan, ({ ipv4: _none, ...b }) => b);
    case 'b-without-ipv6':
      return withUplinkB(plan, ({ ipv6: _none, ...b }) => b);
    case 'only-a':
      return { ...plan, policies: [{ prefer: [0] }] };
  }
}

/** 4787-R7: uplink A is numbered like the internal network. */
function likeTheLan(plan: Plan): Plan {
  const own = ipv4('10.0.0.50') + ((plan.uplinks[0]?.epoch ?? 0) % 50);
  return {
    ...plan,
    devices: plan.devices.map((one, index) =>
      index === 1 ? { ...one, ipv4: [{ address: own, prefixLength: 24 }] } : one,
    ),
    uplinks: plan.uplinks.map((uplink) =>
      uplink.slot === 0 && uplink.ipv4 !== undefined ? { ...uplink, ipv4: { ...uplink.ipv4, pool: [own] } } : uplink,
    ),
  };
}

function withUplinkB(plan: Plan, change: (b: PlanUplink) => PlanUplink): Plan {
  return { ...plan, uplinks: plan.uplinks.map((uplink) => (uplink.slot === 1 ? change(uplink) : uplink)) };
}

function usableB(uplink: PlanUplink): boolean {
  return uplink.ipv4?.usable === true;
}
