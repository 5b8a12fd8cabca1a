/** What the control plane knows of one uplink. */
import type { NptdConfig, ProbeTransport, UplinkConfig } from '../../config/config.ts';
import { formatIpv4Address, type Ipv4Address } from '../../net/ipv4-address.ts';
import { formatIpv6Address, type Ipv6Address, ipv6ToOctets } from '../../net/ipv6-address.ts';
import type { Family } from '../family.ts';
import { forgetObservations, type Health, type HealthRules, initialHealth, observeDeviceFailure } from './health.ts';

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

/** Devices that do not work, by their position in the plans, each with what is wrong as a sentence without a full stop. */
export type FailedDevices = ReadonlyMap<number, string>;

/** What was known before a new configuration. */
export interface KnownUplinks {
  /** The health of an uplink outlives a new configuration. */
  readonly uplinks: readonly UplinkState[];
  readonly failedDevices: FailedDevices;
}

/**
 * The uplinks of a configuration, in its order.
 * @param slotOf position of an uplink by name
 */
export function uplinksOf(
  config: NptdConfig,
  slotOf: (name: string) => number,
  { uplinks, failedDevices }: KnownUplinks,
  atMs: number,
): UplinkState[] {
  return config.uplinks.map((uplink) => {
    const known = uplinks.find((other) => other.name === uplink.name);
    const { probe } = uplink;
    const deviceIndex = deviceIndexOf(config, slotOf, slotOf(uplink.name));
    const failure = failedDevices.get(deviceIndex);
    const targets = { 4: probe.targets4.map(targetOf4), 6: probe.targets6.map(targetOf6) };
    const family = (number: Family): FamilyState => {
      const own = targets[number];
      const health = healthOf(own, known && familyOf(known, number), failure, atMs);
      return { targets: own, rules: rulesOf(uplink, own.length), health };
    };
    return {
      name: uplink.name,
      slot: slotOf(uplink.name),
      device: uplink.device.tap,
      deviceIndex,
      transport: probe.transport,
      intervalMs: probe.intervalMs,
      timeoutMs: probe.timeoutMs,
      upAfterMs: probe.upAfterMs,
      ...(uplink.ipv4 === undefined ? {} : { ipv4: family(4) }),
      ...(uplink.ipv6 === undefined ? {} : { ipv6: family(6) }),
    };
  });
}

/** In the plans uplinks are in the order of their slots, behind the internal devices. */
function deviceIndexOf({ internal, uplinks }: NptdConfig, slotOf: (name: string) => number, slot: number): number {
  return internal.length + uplinks.filter(({ name }) => slotOf(name) < slot).length;
}

function rulesOf({ probe: { quorum, upAfterMs, timeoutMs } }: UplinkConfig, targets: number): HealthRules {
  return { targets, quorum: Math.min(quorum, targets), upAfterMs, timeoutMs };
}

/** @param failure what is wrong with the uplink's device, if anything is */
function healthOf(
  targets: readonly ProbeTarget[],
  known: FamilyState | undefined,
  failure: string | undefined,
  atMs: number,
): Health {
  if (known === undefined) {
    const health = initialHealth(atMs);
    return failure === undefined ? health : observeDeviceFailure(health, failure, atMs).health;
  }
  const same = known.targets.map(({ text }) => text).join() === targets.map(({ text }) => text).join();
  const health = same ? known.health : forgetObservations(known.health);
  // It is down by targets that nobody asks any more, so nothing could ever say that it works again.
  if (targets.length === 0 && failure === undefined && health.status === 'down') return initialHealth(atMs);
  return health;
}

function targetOf4(address: Ipv4Address): ProbeTarget {
  return { address, text: formatIpv4Address(address) };
}

function targetOf6(address: Ipv6Address): ProbeTarget {
  return { address: ipv6ToOctets(address), text: formatIpv6Address(address) };
}
