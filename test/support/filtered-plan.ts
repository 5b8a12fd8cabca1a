/** The plan of the test bed with the IPv6 filter, and the addresses of its hosts as both sides know them. */
import type { Plan, PlanFilter6, PlanPublished6 } from '../../src/plan/plan.ts';
import { ipv6 } from './packet-builder-ipv6.ts';
import { type PlanChanges, twoUplinks } from './plans.ts';

/** An internal host and its external forms. */
export const H1 = 'fd01:203:405:1::1234';
export const H1_A = '2001:db8:1:d550::1234';
export const H1_B = '2001:db8:5555:7ffc::1234';
/** Another, behind another device. */
export const H2 = 'fd01:203:405:2::5678';
export const H2_A = '2001:db8:1:d551::5678';
/** Hosts on the Internet. */
export const Q6 = '2001:db8:ffff::53';
export const R6 = '2001:db8:fffe::1';
export const GATEWAY = 'fd01:203:405:1::1';

export const FILTER6: PlanFilter6 = {
  filteringUdp: 'address-and-port-dependent',
  filteringTcp: 'address-and-port-dependent',
  filteringOther: 'address-and-port-dependent',
  ipsec: true,
  published: [],
};

/** The plan with a filter that admits what has been asked for and nothing else, unless a case says otherwise. */
export function filtered(filter: Partial<PlanFilter6> = {}, changes: PlanChanges = {}): Plan {
  return twoUplinks({ ...changes, plan: { filter6: { ...FILTER6, ...filter }, ...changes.plan } });
}

/** What of a host may come in unasked. */
export function published6(host: string, protocol?: number, ports?: readonly [number, number]): PlanPublished6 {
  return {
    internalAddress: ipv6(host),
    ...(protocol === undefined ? {} : { protocol }),
    ...(ports === undefined ? {} : { portLow: ports[0], portHigh: ports[1] }),
  };
}
