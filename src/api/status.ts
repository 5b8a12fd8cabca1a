/** What a gateway says about itself: plain data, fit for JSON. */
import type { AddressConflict } from '../control/conflicts.ts';
import { currentExhaustion, type Exhaustion } from '../control/exhaustion.ts';
import type { HealthStatus } from '../control/multihoming/health.ts';
import { qualityOf } from '../control/multihoming/quality.ts';
import type { Selection } from '../control/multihoming/selection.ts';
import type { UplinkMode } from '../control/multihoming/standing.ts';
import { type FamilyState, isUsable, type TargetsState, type UplinkState } from '../control/multihoming/uplink.ts';
import { causeInWords } from '../control/narrate.ts';
import type { ControlState } from '../control/state.ts';
import type { CountersSnapshot } from '../native/data-plane.ts';

export interface Status {
  /** Wall clock in milliseconds. */
  readonly atMs: number;
  readonly startedAtMs: number;
  /** Number of the plan that every worker has taken over. */
  readonly generation: number;
  /** Threads that carry packets. */
  readonly workers: number;
  /** In the order of the configuration. */
  readonly uplinks: readonly UplinkStatus[];
  /** What new traffic takes, per policy and family. */
  readonly selections: readonly Selection[];
  /** What is full or used up, by packets refused within the last minute. */
  readonly exhausted: readonly ExhaustedStatus[];
  /** IPv6 addresses of the gateway that other stations have claimed, since it has them. */
  readonly conflicts: readonly AddressConflict[];
  /** What is as configured, and yet may surprise. */
  readonly notes: readonly string[];
  readonly counters: CountersSnapshot;
}

export interface UplinkStatus {
  readonly name: string;
  /** Its number in sessions, mappings and counters. */
  readonly slot: number;
  /** Interface name of its device. */
  readonly device: string;
  /** What the operator wants of it. */
  readonly mode: UplinkMode;
  /** Absent: the uplink does not carry the family. */
  readonly ipv4?: FamilyStatus;
  readonly ipv6?: FamilyStatus;
}

export interface FamilyStatus {
  readonly health: HealthStatus;
  /** Wall clock in milliseconds of the last change of `health`. */
  readonly sinceMs: number;
  /** Whether new traffic may use it. */
  readonly usable: boolean;
  /** What made it so, as a sentence without a full stop; absent: nothing happened yet. */
  readonly reason?: string;
  /** Round-trip time of the last answer. */
  readonly lastRttMs?: number;
  /** Over the last seconds, 15 by default, without what we filled ourselves: mean round-trip time, its variation, … */
  readonly rttMs?: number;
  readonly jitterMs?: number;
  /** … and the share that was lost, 0 to 1. */
  readonly loss?: number;
  readonly targets: readonly string[];
  /** What the targets of policies say, where they have their own. */
  readonly policies: readonly PolicyTargetsStatus[];
}

export interface PolicyTargetsStatus {
  readonly policy: string;
  readonly health: HealthStatus;
  readonly sinceMs: number;
  readonly reason?: string;
  readonly targets: readonly string[];
}

export interface ExhaustedStatus {
  /** A drop reason of docs/counters.md. */
  readonly reason: string;
  /** Name of the uplink; absent: the packets met none. */
  readonly uplink?: string;
  /** Packets refused for this reason so far, since the gateway started. */
  readonly refused: number;
  /** Wall clock in milliseconds when they began to be refused, and when the last one was seen. */
  readonly sinceMs: number;
  readonly lastMs: number;
}

export interface StatusFacts {
  readonly state: ControlState;
  readonly notes: readonly string[];
  readonly generation: number;
  readonly workers: number;
  readonly counters: CountersSnapshot;
  readonly atMs: number;
  readonly startedAtMs: number;
}

export function statusOf({ state, notes, atMs, startedAtMs, generation, workers, counters }: StatusFacts): Status {
  const { selections } = state;
  return {
    atMs,
    startedAtMs,
    generation,
    workers,
    uplinks: state.uplinks.map((uplink) => uplinkStatus(uplink, state.modes.get(uplink.name) ?? 'enabled')),
    selections,
    exhausted: currentExhaustion(state.exhaustion, atMs).map((one) => exhaustedStatus(one, state.uplinks)),
    conflicts: [...state.conflicts.values()],
    notes,
    counters,
  };
}

function exhaustedStatus({ slot, ...exhausted }: Exhaustion, uplinks: readonly UplinkState[]): ExhaustedStatus {
  const uplink = uplinks.find((other) => other.slot === slot)?.name;
  return { ...exhausted, ...(uplink === undefined ? {} : { uplink }) };
}

function uplinkStatus({ name, slot, device, ipv4, ipv6 }: UplinkState, mode: UplinkMode): UplinkStatus {
  return {
    name,
    slot,
    device,
    mode,
    ...(ipv4 === undefined ? {} : { ipv4: familyStatus(ipv4) }),
    ...(ipv6 === undefined ? {} : { ipv6: familyStatus(ipv6) }),
  };
}

function familyStatus(family: FamilyState): FamilyStatus {
  const { lastRttUs, outcomes } = family.health;
  const { loss, rttMs, jitterMs } = qualityOf(outcomes);
  return {
    ...targetsStatus(family),
    usable: isUsable(family),
    ...(lastRttUs === undefined ? {} : { lastRttMs: lastRttUs / 1000 }),
    ...(rttMs === undefined ? {} : { rttMs }),
    ...(jitterMs === undefined ? {} : { jitterMs }),
    ...(loss === undefined ? {} : { loss }),
    policies: family.policies.map((policy) => ({ policy: policy.policy, ...targetsStatus(policy) })),
  };
}

function targetsStatus(state: TargetsState): Omit<PolicyTargetsStatus, 'policy'> {
  const { status: health, sinceMs, cause } = state.health;
  return {
    health,
    sinceMs,
    ...(cause === undefined ? {} : { reason: causeInWords(cause, state) }),
    targets: state.targets.map(({ text }) => text),
  };
}
