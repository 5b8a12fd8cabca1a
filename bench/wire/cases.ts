/** What is measured, with whom nptd is compared, and how well it has to do. */
import type { Family } from './addresses.ts';
import type { GatewayName } from './gateways.ts';
import type { Grid, Sample, Traffic } from './traffic.ts';

/** What nptd must reach, as ratios of medians of one run. */
export interface Goal {
  /** nptd / kernel: at least, or at most where less is better. */
  readonly ratio: number;
  readonly less?: true;
}

/** Of the empty forwarder on the same devices, in every case. */
export const FORWARDER_SHARE = 0.9;

export interface WireCase {
  readonly name: string;
  readonly unit: string;
  readonly nptd: GatewayName;
  readonly peer: GatewayName;
  readonly peerName: string;
  readonly goal: Goal;
  readonly sample: (traffic: Traffic, seconds: number) => Promise<Sample>;
}

/** A kind of traffic, before it is a case of one family. */
interface Kind {
  readonly name: string;
  readonly unit: string;
  readonly goals: Readonly<Record<Family, Goal>>;
  readonly sample: (traffic: Traffic, family: Family, seconds: number) => Promise<Sample>;
}

const ONE_FLOW: Grid = { sources: 1, destinations: 1 };
const MANY_FLOWS: Grid = { sources: 256, destinations: 256 };

const KINDS: readonly Kind[] = [
  {
    name: 'udp64-1flow',
    unit: 'kpps',
    goals: { 4: { ratio: 1.8 }, 6: { ratio: 1.5 } },
    sample: (traffic, family, seconds) => traffic.flood(family, ONE_FLOW, seconds),
  },
  {
    name: 'udp64-64kflows',
    unit: 'kpps',
    goals: { 4: { ratio: 2 }, 6: { ratio: 1.6 } },
    sample: (traffic, family, seconds) => traffic.flood(family, MANY_FLOWS, seconds),
  },
  {
    name: 'tcp-1stream',
    unit: 'Gbit/s',
    goals: { 4: { ratio: 0.9 }, 6: { ratio: 0.9 } },
    sample: (traffic, family, seconds) => traffic.streams(family, 1, seconds),
  },
  {
    name: 'tcp-4streams',
    unit: 'Gbit/s',
    goals: { 4: { ratio: 0.55 }, 6: { ratio: 0.45 } },
    sample: (traffic, family, seconds) => traffic.streams(family, 4, seconds),
  },
  {
    name: 'connections',
    unit: 'thousand/s',
    goals: { 4: { ratio: 1 }, 6: { ratio: 1 } },
    sample: (traffic, family, seconds) => traffic.connections(family, seconds),
  },
  {
    name: 'latency-p50',
    unit: 'us',
    goals: { 4: { ratio: 1.5, less: true }, 6: { ratio: 1.5, less: true } },
    sample: (traffic, family, seconds) => traffic.latency(family, seconds),
  },
];

/** Of each kind: IPv4; IPv6 without state on either side; IPv6 with the filter, beside a kernel that tracks connections. */
export const CASES: readonly WireCase[] = KINDS.flatMap(({ name, unit, goals, sample }) => [
  {
    name: `${name}-ipv4`,
    unit,
    nptd: 'nptd',
    peer: 'kernel',
    peerName: 'nftables masquerade',
    goal: goals[4],
    sample: (traffic, seconds) => sample(traffic, 4, seconds),
  },
  {
    name: `${name}-ipv6`,
    unit,
    nptd: 'nptd',
    peer: 'kernel',
    peerName: 'ip6tables SNPT/DNPT, notrack',
    goal: goals[6],
    sample: (traffic, seconds) => sample(traffic, 6, seconds),
  },
  {
    name: `${name}-ipv6-filter`,
    unit,
    nptd: 'nptd-filter',
    peer: 'kernel-conntrack',
    peerName: 'ip6tables SNPT/DNPT, conntrack',
    goal: goals[6],
    sample: (traffic, seconds) => sample(traffic, 6, seconds),
  },
]);
