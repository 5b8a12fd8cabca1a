/**
 * The plan of the test bed: a site with two internal networks, a subnet behind an inner router, and two ISPs.
 *
 * Addresses are those of the requirements catalogue: H1 10.0.0.11, H2 10.0.0.12, WA 203.0.113.2, WB 198.51.100.2,
 * internal prefix fd01:203:405::/48, external prefixes 2001:db8:1::/48 (A) and 2001:db8:5555::/48 (B).
 */
import type {
  Plan,
  PlanDevice,
  PlanExempt,
  PlanNat44,
  PlanPrefixPair,
  PlanStaticMapping,
  PlanStaticPorts,
  PlanUplink,
  PlanUplink4,
  PlanUplink6,
} from '../../src/plan/plan.ts';
import { ipv4, split } from './packet-builder.ts';
import { ipv6 } from './packet-builder-ipv6.ts';

/** Devices by what they are attached to. */
export const LAN = 0;
export const ISP_A = 1;
export const ISP_B = 2;
export const OFFICE = 3;

export const NAT44: PlanNat44 = {
  udpMs: 300_000,
  icmpMs: 60_000,
  otherMs: 300_000,
  tcpOpeningMs: 240_000,
  tcpClosingMs: 240_000,
  tcpEstablishedMs: 7_440_000,
  dccpTransitoryMs: 480_000,
  dccpEstablishedMs: 7_440_000,
  portRestMs: 120_000,
  restingPortsMax: 65_536,
  filteringUdp: 'address-dependent',
  filteringTcp: 'address-dependent',
  filteringIcmp: 'address-dependent',
  filteringDccp: 'address-dependent',
  fragmentMs: 5000,
  holdMs: 6000,
  otherProtocols: true,
  refuseFiltered: false,
  preserveParity: false,
  exempt: [],
  staticMappings: [],
  hostLimits: {
    mappingsPerProtocol: 32_768,
    sessions: 65_536,
    sessionsPerMapping: 65_536,
    flows: { perSecond: 2000, burst: 10_000 },
  },
};

/** `fd01:203:405::/48` and its external counterpart as a pair. */
export function prefixPair(internal: string, external: string): PlanPrefixPair {
  const [internalPrefix, internalLength] = readPrefix(internal);
  const [externalPrefix, externalLength] = readPrefix(external);
  return { internal: internalPrefix, internalLength, external: externalPrefix, externalLength };
}

function readPrefix(prefix: string): readonly [Uint8Array, number] {
  const [address = '', length = ''] = prefix.split('/');
  return [ipv6(address), Number(length)];
}

export function device(
  addresses: { readonly ipv4?: readonly string[]; readonly ipv6?: readonly string[] },
  more: { readonly uplinkSlot?: number; readonly mtu?: number } = {},
): PlanDevice {
  return {
    mtu: 1500,
    ...more,
    ipv4: (addresses.ipv4 ?? []).map((own) => {
      const [address = '', length = ''] = own.split('/');
      return { address: ipv4(address), prefixLength: Number(length) };
    }),
    ipv6: (addresses.ipv6 ?? []).map((own) => {
      const [address, prefixLength] = readPrefix(own);
      return { address, prefixLength };
    }),
  };
}

export const UPLINK_A4: PlanUplink4 = {
  usable: true,
  lastResort: true,
  gateway: ipv4('203.0.113.1'),
  pool: [ipv4('203.0.113.2')],
  portLow: 1,
  portHigh: 65535,
  nat44: true,
  reserved: [],
};

export const UPLINK_B4: PlanUplink4 = {
  ...UPLINK_A4,
  gateway: ipv4('198.51.100.1'),
  pool: [ipv4('198.51.100.2')],
};

export const UPLINK_A6: PlanUplink6 = {
  usable: true,
  lastResort: true,
  pairs: [prefixPair('fd01:203:405::/48', '2001:db8:1::/48')],
};

export const UPLINK_B6: PlanUplink6 = {
  usable: true,
  lastResort: true,
  pairs: [prefixPair('fd01:203:405::/48', '2001:db8:5555::/48')],
};

/** `192.0.2.0/24` in a plan. */
export function prefix4(text: string): PlanExempt {
  const [address = '', length = ''] = text.split('/');
  return { prefix: ipv4(address), prefixLength: Number(length) };
}

/** Published ports of uplink A, one unless said otherwise: external and internal endpoint, `203.0.113.2:80`. */
export function staticPorts(
  protocol: number,
  external: string,
  internal: string,
  more: Partial<Pick<PlanStaticPorts, 'count' | 'gatewaySource'>> & { readonly slot?: number } = {},
): PlanStaticMapping {
  const { slot = 0, count = 1, gatewaySource = false } = more;
  const [from, to] = [split(external), split(internal)];
  return {
    slot,
    externalAddress: ipv4(from.address),
    internalAddress: ipv4(to.address),
    ports: { protocol, external: from.port, internal: to.port, count, gatewaySource },
  };
}

/** A wholly published address of uplink A. */
export function staticAddress(external: string, internal: string, slot = 0): PlanStaticMapping {
  return { slot, externalAddress: ipv4(external), internalAddress: ipv4(internal) };
}

/** What a case may change about the plan. */
export interface PlanChanges {
  readonly a4?: Partial<PlanUplink4>;
  readonly b4?: Partial<PlanUplink4>;
  readonly a6?: Partial<PlanUplink6>;
  readonly b6?: Partial<PlanUplink6>;
  readonly epochA?: number;
  readonly epochB?: number;
  readonly nat44?: Partial<PlanNat44>;
  readonly plan?: Partial<Plan>;
  readonly mtu?: Partial<Record<number, number>>;
}

export const DEVICES: readonly PlanDevice[] = [
  device({ ipv4: ['10.0.0.1/24'], ipv6: ['fd01:203:405:1::1/64'] }),
  device({ ipv4: ['203.0.113.2/24'], ipv6: ['2001:db8:a::2/64'] }, { uplinkSlot: 0 }),
  device({ ipv4: ['198.51.100.2/24'], ipv6: ['2001:db8:b::2/64'] }, { uplinkSlot: 1 }),
  device({ ipv4: ['10.0.1.1/24'], ipv6: ['fd01:203:405:2::1/64'] }),
];

/** The plan of the test bed, changed where a case needs it. */
export function twoUplinks(changes: PlanChanges = {}): Plan {
  const a: PlanUplink = {
    slot: 0,
    epoch: changes.epochA ?? 0,
    device: ISP_A,
    ipv4: { ...UPLINK_A4, ...changes.a4 },
    ipv6: { ...UPLINK_A6, ...changes.a6 },
  };
  const b: PlanUplink = {
    slot: 1,
    epoch: changes.epochB ?? 0,
    device: ISP_B,
    ipv4: { ...UPLINK_B4, ...changes.b4 },
    ipv6: { ...UPLINK_B6, ...changes.b6 },
  };
  return {
    generation: 1,
    devices: DEVICES.map((one, index) => withMtu(one, changes.mtu?.[index] ?? one.mtu)),
    routes: [
      { device: LAN, ipv4: { prefix: ipv4('10.0.9.0'), prefixLength: 24, via: ipv4('10.0.0.254') } },
      {
        device: LAN,
        ipv6: { prefix: ipv6('fd01:203:405:9::'), prefixLength: 64, via: ipv6('fd01:203:405:1::fe') },
      },
    ],
    uplinks: [a, b],
    policies: [{ prefer: [0, 1] }],
    nat44: { ...NAT44, ...changes.nat44 },
    nptv6: { translateZeroInterfaceId: false },
    errorRate: { perSecond: 100, burst: 100 },
    ...changes.plan,
  };
}

/** A device with another MTU; below 1280 octets it cannot carry IPv6 (RFC 8200 section 5). */
function withMtu(one: PlanDevice, mtu: number): PlanDevice {
  return { ...one, mtu, ipv6: mtu < 1280 ? [] : one.ipv6 };
}
