/** The IPv6 filter of a site, and hosts with prefixes of the ISPs themselves. */
import type { Plan, PlanFiltering, PlanPublished6 } from '../../src/plan/plan.ts';
import { published6 } from '../support/filtered-plan.ts';
import { ipv6 } from '../support/packet-builder-ipv6.ts';
import { prefixPair } from '../support/plans.ts';
import { HOSTS6 } from './flow6.ts';

/** Everything about it that a seed decides. */
export interface FilterSite {
  readonly isOn: boolean;
  readonly filtering: number;
  readonly ipsec: boolean;
  /** Bits of what is published at the start. */
  readonly published: number;
  readonly sessionsMax: number;
  /** Whether both ISPs have a part of their prefix on the LAN. */
  readonly isNative: boolean;
  readonly forwardUnassignedIcmp: boolean;
  readonly mssClamp: number | undefined;
}

const CLASSES: readonly PlanFiltering[] = ['address-and-port-dependent', 'endpoint-independent', 'address-dependent'];

const CANDIDATES: readonly PlanPublished6[] = HOSTS6.slice(0, 4).flatMap((host) => [
  published6(host),
  published6(host, 6, [80, 80]),
  published6(host, 17),
  published6(host, 132, [5000, 5002]),
  published6(host, 33),
  published6(host, 58),
]);

/** The plan with its filter, if it is on. */
export function withFilter(
  plan: Plan,
  site: FilterSite,
  state: { readonly isTurned: boolean; readonly published: number },
): Plan {
  const bits = site.published ^ state.published;
  const filter6 = {
    filteringUdp: classOf(site.filtering),
    filteringTcp: classOf(Math.floor(site.filtering / 3)),
    filteringOther: classOf(Math.floor(site.filtering / 9)),
    ipsec: site.ipsec,
    published: CANDIDATES.filter((_, index) => (bits >>> index) & 1),
  };
  const native = site.isNative ? withNative(plan) : plan;
  return {
    ...native,
    nptv6: { ...native.nptv6, forwardUnassignedIcmp: site.forwardUnassignedIcmp },
    ...(site.isOn === state.isTurned ? {} : { filter6 }),
    uplinks: native.uplinks.map((uplink) =>
      uplink.slot === 0 && uplink.ipv6 !== undefined && site.mssClamp !== undefined
        ? { ...uplink, ipv6: { ...uplink.ipv6, mssClamp: site.mssClamp } }
        : uplink,
    ),
  };
}

function classOf(choice: number): PlanFiltering {
  return CLASSES[choice % CLASSES.length] ?? 'address-dependent';
}

const PREFIXES = ['2001:db8:1:10::', '2001:db8:5555:10::'] as const;

function withNative(plan: Plan): Plan {
  const own = PREFIXES.map((prefix) => ({ address: ipv6(`${prefix}1`), prefixLength: 64 }));
  return {
    ...plan,
    devices: plan.devices.map((one, index) => (index === 0 ? { ...one, ipv6: [...one.ipv6, ...own] } : one)),
    uplinks: plan.uplinks.map((uplink) => {
      const prefix = PREFIXES[uplink.slot];
      return uplink.ipv6 === undefined || prefix === undefined
        ? uplink
        : {
            ...uplink,
            ipv6: { ...uplink.ipv6, pairs: [prefixPair(`${prefix}/60`, `${prefix}/60`), ...uplink.ipv6.pairs] },
          };
    }),
  };
}
