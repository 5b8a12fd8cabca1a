/** Policies of the configuration: which uplinks which flows take. */
import type { Ipv4Prefix } from '../net/ipv4-prefix.ts';
import type { Ipv6Prefix } from '../net/ipv6-prefix.ts';
import type { PortRange } from './config.ts';
import type { ProbeTargetConfig } from './probe-target.ts';

export interface PolicyConfig {
  readonly name: string;
  /** It is about what meets one of them; empty: about everything, as `default` is. */
  readonly matches: readonly MatchConfig[];
  /** In order of preference; no uplink is in two of them. */
  readonly prefer: readonly TierConfig[];
  readonly select: 'ordered' | 'least-latency';
  /** What keeps its uplink where several share. */
  readonly persistence: 'source' | 'source-destination' | 'flow';
  readonly failback: FailbackConfig;
  readonly onFailure: OnFailureConfig;
  /** An uplink that does not reach these targets is not taken; absent: the uplinks' own are enough. */
  readonly probe?: PolicyProbeConfig;
  /** What new flows do when none of its uplinks is up: follow the default policy, or be refused. Without meaning in that. */
  readonly otherwise: 'default' | 'refuse';
  /** What new flows do when none of them is up: take the first one all the same, or be refused. Of the default policy. */
  readonly lastResort: 'keep' | 'refuse';
}

/** One uplink, or several that share new flows by weight. */
export type TierConfig = readonly [WeightedUplink, ...WeightedUplink[]];

export interface WeightedUplink {
  readonly uplink: string;
  /** 1 to 65,535. */
  readonly weight: number;
}

/** Each list is met by one of its entries; an empty one by everything. */
export interface MatchConfig {
  /** Internal addresses. */
  readonly from: readonly (Ipv4Prefix | Ipv6Prefix)[];
  /** Remote addresses. */
  readonly to: readonly (Ipv4Prefix | Ipv6Prefix)[];
  /** IP protocols. */
  readonly protocols: readonly number[];
  /** Destination ports. */
  readonly ports: readonly PortRange[];
  readonly sourcePorts: readonly PortRange[];
  readonly dscp: readonly number[];
}

/** What established flows do when a better uplink is back. */
export type FailbackConfig =
  /** End where they are; leave at once; stay, and new ones too. */
  | { readonly mode: 'drain' | 'hard' | 'never' }
  /** Leave after this time. */
  | { readonly mode: 'deadline'; readonly afterMs: number };

/** What becomes of flows whose uplink dies while another one lives. */
export interface OnFailureConfig {
  readonly tcp: 'reset' | 'keep';
  readonly udp: FailureAction;
  readonly other: FailureAction;
}

export type FailureAction = 'move' | 'reset' | 'keep';

export interface PolicyProbeConfig {
  /** In file order, of both families. */
  readonly targets: readonly ProbeTargetConfig[];
  /** Targets of a family that must answer. */
  readonly quorum: number;
}
