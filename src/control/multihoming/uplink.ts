/** What the control plane knows of one uplink. */
import type { NptdConfig, PolicyConfig, ProbeConfig, ProbeTransport, UplinkConfig } from '../../config/config.ts';
import type { ProbeDestination } from '../../native/data-plane.ts';
import { preferredUplinks } from '../../plan/policy.ts';
import type { Family } from '../family.ts';
import { destinationOf } from '../probe/destination.ts';
import { type HttpTarget, httpTargetOf } from '../probe/http-target.ts';
import {
  forgetObservations,
  type Health,
  type HealthRules,
  initialHealth,
  type Moment,
  observeDeviceFailure,
} from './health.ts';

export interface UplinkState {
  readonly name: string;
  /** Stable position by name, 0 to 15. */
  readonly slot: number;
  /** Interface name of its device. */
  readonly device: string;
  /** Position of its device in the plans. */
  readonly deviceIndex: number;
  readonly transport: ProbeTransport;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Traffic costs money: probed sparsely while it carries nothing. */
  readonly metered: boolean;
  readonly standbyIntervalMs: number;
  /** Hosts hold a prefix of its ISP themselves. */
  readonly native6: boolean;
  /** Absent: the uplink does not carry the family. */
  readonly ipv4?: FamilyState;
  readonly ipv6?: FamilyState;
}

/** The list of targets that speak for an uplink itself. */
export const OWN_LIST = 0;

/** Targets of one uplink in one family, and what they tell. */
export interface TargetsState {
  /** Number of the list, `OWN_LIST` or that of a policy. */
  readonly list: number;
  readonly targets: readonly ProbeTarget[];
  readonly rules: HealthRules;
  readonly health: Health;
}

export interface FamilyState extends TargetsState {
  /** Policies that list the uplink and have targets of their own. */
  readonly policies: readonly PolicyTargets[];
}

export interface PolicyTargets extends TargetsState {
  readonly policy: string;
}

export interface ProbeTarget {
  /** As the data plane takes it. */
  readonly destination: ProbeDestination;
  readonly text: string;
  /** Present if it is asked by HTTP. */
  readonly http?: HttpTarget;
}

/** The state of a family, or undefined if the uplink does not carry it. */
export function familyOf(uplink: UplinkState, family: Family): FamilyState | undefined {
  return family === 4 ? uplink.ipv4 : uplink.ipv6;
}

/** The uplink with another state of one family, which it carries. */
export function withFamily(uplink: UplinkState, family: Family, state: FamilyState): UplinkState {
  return { ...uplink, [family === 4 ? 'ipv4' : 'ipv6']: state };
}

/** Whether new traffic may use it. Nothing known against it is enough. */
export function isUsable(family: FamilyState): boolean {
  return family.health.status !== 'down';
}

/** Devices that do not work, by their position in the plans, each with what is wrong as a sentence without a full stop. */
export type FailedDevices = ReadonlyMap<number, string>;

/** What is known by its number all the time. */
export interface Numbering {
  /** Position of an uplink. */
  readonly slotOf: (uplink: string) => number;
  readonly policyNumberOf: (policy: string) => number;
}

/** What was known before a new configuration. */
export interface KnownUplinks {
  /** The health of an uplink outlives a new configuration. */
  readonly uplinks: readonly UplinkState[];
  readonly failedDevices: FailedDevices;
}

/** The uplinks of a configuration, in its order. */
export function uplinksOf(
  config: NptdConfig,
  { slotOf, policyNumberOf }: Numbering,
  known: KnownUplinks,
  moment: Moment,
): UplinkState[] {
  return config.uplinks.map((uplink) => {
    const { name, device, probe, metered, ipv4, ipv6 } = uplink;
    const slot = slotOf(name);
    const deviceIndex = deviceIndexOf(config, slotOf, slot);
    const before = known.uplinks.find((other) => other.name === name);
    const family = (number: Family): FamilyState => {
      const facts = {
        before: before && familyOf(before, number),
        failure: known.failedDevices.get(deviceIndex),
        moment,
        policyNumberOf,
      };
      return familyState(uplink, config.policies, number, facts);
    };
    return {
      name,
      slot,
      device: device.name,
      deviceIndex,
      transport: probe.transport,
      intervalMs: probe.intervalMs,
      timeoutMs: probe.timeoutMs,
      metered,
      standbyIntervalMs: probe.standbyIntervalMs,
      native6: ipv6?.native !== undefined,
      ...(ipv4 === undefined ? {} : { ipv4: family(4) }),
      ...(ipv6 === undefined ? {} : { ipv6: family(6) }),
    };
  });
}

/** In the plans uplinks are in the order of their slots, behind the internal devices. */
function deviceIndexOf({ internal, uplinks }: NptdConfig, slotOf: (name: string) => number, slot: number): number {
  return internal.length + uplinks.filter(({ name }) => slotOf(name) < slot).length;
}

/** What a family begins with. */
interface FamilyFacts {
  readonly before: FamilyState | undefined;
  /** What is wrong with the uplink's device, if anything is. */
  readonly failure: string | undefined;
  readonly moment: Moment;
  readonly policyNumberOf: Numbering['policyNumberOf'];
}

type ListFacts = Pick<FamilyFacts, 'failure' | 'moment'> & { readonly before: TargetsState | undefined };

function familyState(
  { name, probe }: UplinkConfig,
  policies: readonly PolicyConfig[],
  family: Family,
  facts: FamilyFacts,
): FamilyState {
  const targets = targetsOf(probe, family, probe.intervalMs);
  const own = targetsState(probe, probe.quorum, targets, { ...facts, list: OWN_LIST });
  const listing = policies.flatMap((policy): PolicyTargets[] => {
    if (policy.probe === undefined || !preferredUplinks(policy).includes(name)) return [];
    const targets = targetsOf(policy.probe, family, probe.intervalMs);
    if (targets.length === 0) return [];
    const before = facts.before?.policies.find((other) => other.policy === policy.name);
    const list = OWN_LIST + 1 + facts.policyNumberOf(policy.name);
    const state = targetsState(probe, policy.probe.quorum, targets, { ...facts, before, list });
    return [{ policy: policy.name, ...state }];
  });
  return { ...own, policies: listing };
}

function targetsState(
  { upAfterMs, upAfterMaxMs, timeoutMs, degraded }: ProbeConfig,
  quorum: number,
  targets: readonly ProbeTarget[],
  { list, ...facts }: ListFacts & { readonly list: number },
): TargetsState {
  const rules = {
    targets: targets.length,
    quorum: Math.min(quorum, targets.length),
    upAfterMs,
    upAfterMaxMs,
    timeoutMs: Math.max(timeoutMs, ...targets.map(({ http }) => http?.timeoutMs ?? 0)),
    // The thresholds are the uplink's: how well a policy's targets do says nothing of it.
    ...(list === OWN_LIST ? { degraded } : {}),
  };
  return { list, targets, rules, health: healthOf(targets, rules, facts) };
}

function targetsOf(
  { targets }: Pick<ProbeConfig, 'targets'>,
  family: Family,
  intervalMs: number,
): readonly ProbeTarget[] {
  const own = targets.filter(({ address }) => address.family === family);
  return own.map((target) => {
    const http = httpTargetOf(target, intervalMs);
    return { destination: destinationOf(target), text: target.text, ...(http === undefined ? {} : { http }) };
  });
}

function healthOf(targets: readonly ProbeTarget[], rules: HealthRules, { before, failure, moment }: ListFacts): Health {
  if (before === undefined) {
    const health = initialHealth(moment.atMs);
    return failure === undefined ? health : observeDeviceFailure(health, failure, rules, moment).health;
  }
  const same = before.targets.map(({ text }) => text).join() === targets.map(({ text }) => text).join();
  const health = same ? before.health : forgetObservations(before.health);
  // It is down by targets that nobody asks any more, so nothing could ever say that it works again.
  if (targets.length === 0 && failure === undefined && health.status === 'down') return initialHealth(moment.atMs);
  return health;
}
