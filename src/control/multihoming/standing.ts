/** How an uplink stands with a policy in one family: what health, operator and the policy's own targets make of it. */
import type { PolicyConfig } from '../../config/config.ts';
import type { Family } from '../family.ts';
import { isRecovering } from './health.ts';
import { qualityOf } from './quality.ts';
import { type FailedDevices, type FamilyState, familyOf, isUsable, type UplinkState } from './uplink.ts';

export const UPLINK_MODES = ['enabled', 'draining', 'disabled'] as const;

/**
 * What an operator wants of an uplink: `draining`: no new flows while another one can take them; `disabled`: none at
 * all, and those that it has leave it.
 */
export type UplinkMode = (typeof UPLINK_MODES)[number];

/** By name; an uplink that is not in it is enabled. */
export type UplinkModes = ReadonlyMap<string, UplinkMode>;

/** The best first. The first three can take new flows. */
const STANDINGS = ['sound', 'degraded', 'draining', 'recovering', 'unreachable', 'down', 'cut', 'disabled'] as const;

const ALIVE = STANDINGS.indexOf('recovering');

/**
 * `recovering`: down, but it answers; `unreachable`: it works, but the policy's own targets are not reached by it;
 * `cut`: its device does not work.
 */
export type Standing = (typeof STANDINGS)[number];

/** An uplink of a policy that carries the family. */
export interface Member {
  readonly name: string;
  /** Position of its tier in `prefer`, those of the default policy behind the policy's own. */
  readonly tier: number;
  /** It is the default policy's, for when none of the policy's own can take flows. */
  readonly guest: boolean;
  readonly weight: number;
  readonly standing: Standing;
  /** Mean round-trip time, milliseconds, where the policy asks for it. */
  readonly rttMs?: number;
  /** Flows of hosts that hold a prefix of its ISP cannot leave it for another uplink for good. */
  readonly native: boolean;
}

export interface Site {
  readonly uplinks: readonly UplinkState[];
  readonly modes: UplinkModes;
  readonly failedDevices: FailedDevices;
}

/** In the order of `prefer`, then what the default policy has beside it. */
export function membersOf(
  policy: PolicyConfig,
  fallback: PolicyConfig | undefined,
  family: Family,
  site: Site,
): Member[] {
  const own = policy.prefer.flatMap((weighted, tier) => weighted.map((entry) => ({ ...entry, tier, guest: false })));
  const names = new Set(own.map(({ uplink }) => uplink));
  const guests = (fallback?.prefer ?? []).flatMap((weighted, tier) =>
    weighted
      .filter(({ uplink }) => !names.has(uplink))
      .map((entry) => ({ ...entry, tier: policy.prefer.length + tier, guest: true })),
  );
  return [...own, ...guests].flatMap(({ uplink: name, ...place }): Member[] => {
    const uplink = site.uplinks.find((other) => other.name === name);
    const state = uplink && familyOf(uplink, family);
    if (uplink === undefined || state === undefined) return [];
    const standing = standingOf(policy.name, uplink, state, site);
    const { rttMs } = policy.select === 'least-latency' ? qualityOf(state.health.outcomes) : {};
    const native = family === 6 && uplink.native6;
    return [{ name, ...place, standing, native, ...(rttMs === undefined ? {} : { rttMs }) }];
  });
}

/** Whether new flows may take it. */
export function isAlive({ standing }: Member): boolean {
  return STANDINGS.indexOf(standing) < ALIVE;
}

/** Whether new flows may take it where nothing is alive. */
export function isLastResort({ standing }: Member): boolean {
  return STANDINGS.indexOf(standing) < STANDINGS.indexOf('cut');
}

/** The lowest is best: a guest that can take flows comes behind all others that can. */
export function rankOf({ standing, guest }: Member): number {
  const rank = STANDINGS.indexOf(standing);
  return rank < ALIVE && !guest ? rank : rank + ALIVE;
}

function standingOf(policy: string, uplink: UplinkState, family: FamilyState, site: Site): Standing {
  const mode = site.modes.get(uplink.name) ?? 'enabled';
  if (mode === 'disabled') return 'disabled';
  if (!isUsable(family)) {
    if (site.failedDevices.has(uplink.deviceIndex)) return 'cut';
    return isRecovering(family.health) ? 'recovering' : 'down';
  }
  const own = family.policies.find((other) => other.policy === policy);
  if (own !== undefined && own.health.status === 'down') return 'unreachable';
  if (mode === 'draining') return 'draining';
  return family.health.status === 'degraded' ? 'degraded' : 'sound';
}
