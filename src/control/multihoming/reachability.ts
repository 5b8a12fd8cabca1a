/**
 * Probe samples become the answer to one question: does anything answer through this uplink?
 *
 * - a single probe that misses judges nothing: the data path answers it with bursts, all targets at each interval
 * - a burst is bad if fewer than `quorum` of its trusted targets answered; two bad bursts running mean that nothing does
 * - a burst whose result is older than the latest good observation (a single answer, or a burst that is not bad) says
 *   nothing any more
 * - a round trip of somebody's traffic that began after the first miss, and not long before the last burst, vetoes that, for
 *   `VETO_MS` in all
 * - where every target is distrusted, because it fails on all uplinks, a gateway that answers speaks for the uplink
 *
 * Times are the data plane's monotonic clock in microseconds.
 */
import type { ProbeSample } from '../../native/data-plane.ts';

export interface ReachRules {
  /** Number of targets. */
  readonly targets: number;
  readonly quorum: number;
  /** An answer later than this is a miss. */
  readonly timeoutMs: number;
}

export interface Reach {
  /** The data path probes in bursts: a single probe missed, and no burst was answered well since. */
  readonly bursting: boolean;
  /** Round of the last burst that was answered well: bursts that began before it may end. 0: none yet. */
  readonly calmRound: number;
  /** Bursts that not all targets have decided yet, the oldest first. At most `OPEN_BURSTS_MAX`. */
  readonly bursts: readonly Burst[];
  readonly lastBad?: Pick<Burst, 'round' | 'sentAtUs'>;
  /** Sending time of the last good observation. */
  readonly lastGoodUs?: number;
  /** Sending time of the first good observation since the last bad burst. */
  readonly goodSinceUs?: number;
  /** When the last probe that was answered had been sent. */
  readonly lastAnswerUs?: number;
  /** Positions of the targets whose last probe missed. */
  readonly missing: readonly number[];
  /** When the latest round trip of traffic began. */
  readonly roundTripUs?: number;
  /** Since when round trips veto what probes say. */
  readonly vetoSinceUs?: number;
}

interface Burst {
  readonly round: number;
  readonly sentAtUs: number;
  readonly answered: readonly number[];
  readonly missed: readonly number[];
  /** The uplink's gateway answered ARP or neighbour discovery after it was sent. */
  readonly gateway: boolean;
}

export type ReachVerdict =
  | { readonly kind: 'good'; readonly sentAtUs: number }
  | {
      readonly kind: 'dead';
      /** Positions of the targets that missed in the last burst. */
      readonly missed: readonly number[];
      /** From the sending of the last answered probe to the verdict; absent: nothing ever answered. */
      readonly silentForMs?: number;
    }
  /** It would be dead, but for a round trip; `first`: that is news. */
  | { readonly kind: 'vetoed'; readonly missed: readonly number[]; readonly first: boolean }
  /** All targets are distrusted, and the gateway answers. */
  | { readonly kind: 'distrusted' };

export interface ReachStep {
  readonly reach: Reach;
  readonly verdict?: ReachVerdict;
}

/** How long round trips may veto in all what probes say. */
const VETO_MS = 10_000;

/** A round trip that began longer before a burst, and before the burst ahead of it, says nothing of now. They are told each 250 ms. */
const ROUND_TRIP_FRESH_MS = 500;

/** Bursts overlap while a timeout is longer than an interval: 2 at 500/800 ms; beyond this a sample was lost. */
const OPEN_BURSTS_MAX = 8;

export const UNTRIED: Reach = { bursting: false, calmRound: 0, bursts: [], missing: [] };

/** @param distrusted positions of targets that fail on all uplinks */
export function observeReach(
  before: Reach,
  sample: ProbeSample,
  rules: ReachRules,
  distrusted: ReadonlySet<number>,
): ReachStep {
  const reach = noteOutcome(before, sample);
  if (!sample.burst) return sample.rttUs === undefined ? { reach } : observeGood(reach, sample.sentAtUs);
  const burst = withSample(
    reach.bursts.find((open) => open.round === sample.round),
    sample,
  );
  const others = reach.bursts.filter((open) => open.round !== sample.round);
  if (burst.answered.length + burst.missed.length < rules.targets) {
    return { reach: { ...reach, bursts: [...others, burst].slice(-OPEN_BURSTS_MAX) } };
  }
  const closed = { ...reach, bursts: others };
  // Where none can be trusted one answer is still one.
  const quorum = Math.max(1, Math.min(rules.quorum, rules.targets - distrusted.size));
  if (burst.answered.length < quorum) return observeBad(closed, burst, rules, distrusted.size >= rules.targets);
  const { roundTripUs: _, ...undoubted } = closed;
  const calm = { ...undoubted, bursting: false, calmRound: Math.max(closed.calmRound, burst.round) };
  return observeGood(calm, burst.sentAtUs);
}

/** A packet of somebody's traffic was answered that had left at this instant. */
export function observeRoundTrip(reach: Reach, startedAtUs: number): Reach {
  return { ...reach, roundTripUs: Math.max(startedAtUs, reach.roundTripUs ?? startedAtUs) };
}

/** What was sent before this instant was asked of nobody: what is still to be missed of it says nothing. */
export function begun(reach: Reach, sentAtUs: number): Reach {
  return { ...reach, lastGoodUs: Math.max(sentAtUs, reach.lastGoodUs ?? sentAtUs) };
}

/** Forgets what began before now: whatever was good does not count as having lasted. */
export function interrupted({ goodSinceUs: _, ...reach }: Reach): Reach {
  return { ...reach, bursts: [] };
}

function noteOutcome(reach: Reach, { target, burst, rttUs, sentAtUs }: ProbeSample): Reach {
  const others = reach.missing.filter((other) => other !== target);
  if (rttUs === undefined) return { ...reach, missing: [...others, target], bursting: reach.bursting || !burst };
  return { ...reach, missing: others, lastAnswerUs: Math.max(sentAtUs, reach.lastAnswerUs ?? sentAtUs) };
}

function observeGood({ vetoSinceUs: _, ...reach }: Reach, sentAtUs: number): ReachStep {
  const lastGoodUs = Math.max(sentAtUs, reach.lastGoodUs ?? sentAtUs);
  const goodSinceUs = reach.goodSinceUs ?? sentAtUs;
  return { reach: { ...reach, lastGoodUs, goodSinceUs }, verdict: { kind: 'good', sentAtUs } };
}

function observeBad(reach: Reach, burst: Burst, { timeoutMs }: ReachRules, distrusted: boolean): ReachStep {
  if (reach.lastGoodUs !== undefined && reach.lastGoodUs > burst.sentAtUs) return { reach };
  const before = reach.lastBad;
  const { goodSinceUs: _, ...rest } = reach;
  const bad: Reach = { ...rest, lastBad: { round: burst.round, sentAtUs: burst.sentAtUs } };
  if (before?.round !== burst.round - 1) return { reach: bad };
  if (distrusted && burst.gateway) return { reach: bad, verdict: { kind: 'distrusted' } };
  const { missed } = burst;
  const freshFromUs = Math.min(before.sentAtUs, burst.sentAtUs - ROUND_TRIP_FRESH_MS * 1000);
  if (reach.roundTripUs !== undefined && reach.roundTripUs > freshFromUs) {
    const vetoSinceUs = reach.vetoSinceUs ?? burst.sentAtUs;
    const first = reach.vetoSinceUs === undefined;
    if (burst.sentAtUs - vetoSinceUs < VETO_MS * 1000) {
      return { reach: { ...bad, vetoSinceUs }, verdict: { kind: 'vetoed', missed, first } };
    }
  }
  const silentForMs =
    reach.lastAnswerUs === undefined ? undefined : (burst.sentAtUs - reach.lastAnswerUs) / 1000 + timeoutMs;
  return { reach: bad, verdict: { kind: 'dead', missed, ...(silentForMs === undefined ? {} : { silentForMs }) } };
}

function withSample(burst: Burst | undefined, sample: ProbeSample): Burst {
  const known = burst ?? { round: sample.round, sentAtUs: sample.sentAtUs, answered: [], missed: [], gateway: false };
  const outcome = sample.rttUs === undefined ? 'missed' : 'answered';
  // The same target twice would decide a burst early.
  if (known.answered.includes(sample.target) || known.missed.includes(sample.target)) return known;
  const gateway = known.gateway || sample.gatewayAnswered === true;
  return { ...known, gateway, [outcome]: [...known[outcome], sample.target] };
}
