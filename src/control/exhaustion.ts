/**
 * Counters of drops become the news that something is full or used up: told once when packets begin to be refused, and
 * not again while they go on to be (6888-R11c). Pure: a snapshot and the time go in.
 */
import type { VerdictCount } from '../native/data-plane.ts';

/**
 * Drop reasons that say that the gateway, or one host's share of it, is exhausted. The names are those of the engine's
 * catalogue (docs/counters.md); one that this engine does not have is never counted.
 */
export const EXHAUSTION_REASONS: ReadonlySet<string> = new Set([
  'SessionTableFull',
  'MappingTableFull',
  'PortPoolExhausted',
  'FragmentStoreFull',
  'HostSessionLimit',
  'HostMappingLimit',
  'HostFlowRate',
  'HostTableFull',
  'MappingSessionLimit',
  'RemoteInUse',
  'WorkerRingFull',
]);

/** An exhaustion lasts until no packet has been refused for longer than this. */
const CALM_MS = 60_000;

/** Packets refused for one reason on one uplink. */
export interface Exhaustion {
  /** Name of the drop reason. */
  readonly reason: string;
  /** Slot of the uplink; absent: the packets met none. */
  readonly slot?: number;
  /** Packets refused so far, since the gateway started. */
  readonly refused: number;
  /** Wall clock in milliseconds of the snapshot that showed the first of them, since all was calm. */
  readonly sinceMs: number;
  /** Wall clock in milliseconds of the last snapshot that showed more of them. */
  readonly lastMs: number;
}

/** By slot and reason: at most one for each slot and reason there is. */
export type ExhaustionState = ReadonlyMap<string, Exhaustion>;

export interface ExhaustionStep {
  readonly state: ExhaustionState;
  /** What has just begun, and is to be told. */
  readonly begun: readonly Exhaustion[];
}

/** Takes a snapshot of the counters in. Without any before it, they all began at zero. */
export function watchExhaustion(
  before: ExhaustionState,
  verdicts: readonly VerdictCount[],
  atMs: number,
): ExhaustionStep {
  const state = new Map(before);
  const begun: Exhaustion[] = [];
  for (const { key, refused, ...scope } of refusals(verdicts)) {
    const known = before.get(key);
    if (known !== undefined && refused <= known.refused) continue;
    const goesOn = known !== undefined && isCurrent(known, atMs);
    const now = { ...scope, refused, sinceMs: goesOn ? known.sinceMs : atMs, lastMs: atMs };
    state.set(key, now);
    if (!goesOn) begun.push(now);
  }
  return { state, begun };
}

/** Exhaustions that last. */
export function currentExhaustion(state: ExhaustionState, atMs: number): Exhaustion[] {
  return [...state.values()].filter((exhaustion) => isCurrent(exhaustion, atMs));
}

/** A wall clock that was put back does not make it last longer. */
function isCurrent({ lastMs }: Exhaustion, atMs: number): boolean {
  return Math.abs(atMs - lastMs) <= CALM_MS;
}

type Refusal = Pick<Exhaustion, 'reason' | 'slot' | 'refused'> & { readonly key: string };

/** Both directions of an uplink together. */
function refusals(verdicts: readonly VerdictCount[]): Iterable<Refusal> {
  const sums = new Map<string, Refusal>();
  for (const { slot, verdict: reason, count } of verdicts) {
    if (!EXHAUSTION_REASONS.has(reason)) continue;
    const key = `${slot ?? '-'} ${reason}`;
    const refused = (sums.get(key)?.refused ?? 0) + count;
    sums.set(key, { key, reason, ...(slot === undefined ? {} : { slot }), refused });
  }
  return sums.values();
}
