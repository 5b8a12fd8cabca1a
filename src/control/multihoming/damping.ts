/**
 * Flap damping: how long a family that fell must do well before it counts as up again. The time doubles with each fall
 * that comes soon after a recovery, up to a most, and is back at its least after a time without any.
 *
 * Times are milliseconds on a clock that nobody sets.
 */

export interface Damping {
  /** How often the time has doubled. */
  readonly level: number;
  /** It has fallen since it last recovered. */
  readonly fell: boolean;
  /** When it last recovered; absent: never yet. */
  readonly recoveredAtMs?: number;
}

export interface DampingRules {
  /** The least. */
  readonly upAfterMs: number;
  /** The most; a fall later than this after a recovery is no flapping. */
  readonly upAfterMaxMs: number;
}

export const CALM: Damping = { level: 0, fell: false };

/** Beyond this any time of at least a millisecond has reached a week. */
const LEVEL_MAX = 30;

/** It is worse than it was; falling further without a recovery between is the same fall. */
export function fallen(damping: Damping, { upAfterMaxMs }: DampingRules, nowMs: number): Damping {
  if (damping.fell) return damping;
  const { level, recoveredAtMs } = damping;
  const flaps = recoveredAtMs !== undefined && nowMs - recoveredAtMs < upAfterMaxMs;
  return { ...damping, fell: true, level: flaps ? Math.min(level + 1, LEVEL_MAX) : 0 };
}

export function recovered({ level }: Damping, nowMs: number): Damping {
  return { level, fell: false, recoveredAtMs: nowMs };
}

/** How long it must do well now, milliseconds. */
export function holdMs({ level }: Damping, { upAfterMs, upAfterMaxMs }: DampingRules): number {
  return Math.min(upAfterMs * 2 ** level, Math.max(upAfterMs, upAfterMaxMs));
}
