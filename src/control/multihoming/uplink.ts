/** What the control plane knows of one uplink. */
import type { NptdConfig, ProbeTransport, UplinkConfig } from '../../config/config.ts';
import { formatIpv4Address, type Ipv4Address } from '../../net/ipv4-address.ts';
import { formatIpv6Address, type Ipv6Address, ipv6ToOctets } from '../../net/ipv6-address.ts';
import type { Family } from '../family.ts';
import { forgetObservations, type Health, type HealthRules, initialHealth } from './health.ts';

export interface UplinkState {
  readonly name: string;
  /** Stable position by name, 0 to 15. */
  readonly slot: number;
  /** Interface name of its device. */
  readonly device: string;
  readonly transport: ProbeTransport;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly upAfterMs: number;
  /** Absent: the uplink does not carry the family. */
  readonly ipv4?: FamilyState;
  readonly ipv6?: FamilyState;
}

export interface FamilyState {
  readonly targets: readonly ProbeTarget[];
  readonly rules: HealthRules;
  readonly health: Health;
}

export interface ProbeTarget {
  /** As the data plane takes it: a number, or sixteen octets. */
  readonly address: number | Uint8Array;
  readonly text: string;
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

/**
 * The uplinks of a configuration, in its order.
 * @param slotOf position of an uplink by name
 * @param before what was known: the health of an uplink outlives a new configuration
 */
export function uplinksOf(
  config: NptdConfig,
  slotOf: (name: string) => number,
  before: readonly UplinkState[],
  atMs: number,
): UplinkState[] {
  return config.uplinks.map((uplink) => {
    const known = before.find((other) => other.name === uplink.name);
    const { probe } = uplink;
    const targets = { 4: probe.targets4.map(targetOf4), 6: probe.targets6.map(targetOf6) };
    const family = (number: Family) => familyState(uplink, targets[number], known && familyOf(known, number), atMs);
    return {
      name: uplink.name,
      slot: slotOf(uplink.name),
      device: uplink.device.tap,
      transport: probe.transport,
      intervalMs: probe.intervalMs,
      timeoutMs: probe.timeoutMs,
      upAfterMs: probe.upAfterMs,
      ...(uplink.ipv4 === undefined ? {} : { ipv4: family(4) }),
      ...(uplink.ipv6 === undefined ? {} : { ipv6: family(6) }),
    };
  });
}

function familyState(
  uplink: UplinkConfig,
  targets: readonly ProbeTarget[],
  known: FamilyState | undefined,
  atMs: number,
): FamilyState {
  const { quorum, upAfterMs, timeoutMs } = uplink.probe;
  const rules: HealthRules = {
    targets: targets.length,
    quorum: Math.min(quorum, targets.length),
    upAfterMs,
    timeoutMs,
  };
  if (known === undefined) return { targets, rules, health: initialHealth(atMs) };
  const same = known.targets.map(({ text }) => text).join() === targets.map(({ text }) => text).join();
  return { targets, rules, health: same ? known.health : forgetObservations(known.health) };
}

function targetOf4(address: Ipv4Address): ProbeTarget {
  return { address, text: formatIpv4Address(address) };
}

function targetOf6(address: Ipv6Address): ProbeTarget {
  return { address: ipv6ToOctets(address), text: formatIpv6Address(address) };
}
