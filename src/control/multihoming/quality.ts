/**
 * How well the probes of one family of one uplink are answered: loss, round-trip time and jitter over a window.
 *
 * Loss is counted by rounds, so that the bursts that a miss sets off do not weigh more than the single probes before
 * them. A target that answers nothing while others do is a dead target, and says nothing of the uplink's loss.
 */

/** What became of one probe. */
export interface Outcome {
  /** Data plane's clock. */
  readonly sentAtUs: number;
  readonly target: number;
  readonly round: number;
  /** Absent: missed. */
  readonly rttUs?: number;
  /** We filled the link ourselves when it was sent. */
  readonly discounted: boolean;
}

export interface Quality {
  /** Share of rounds that were not answered, 0 to 1; absent: nothing to count. */
  readonly loss?: number;
  /** Mean round-trip time, milliseconds; absent: no answer. */
  readonly rttMs?: number;
  /** Mean difference between one round trip and the next to the same target, milliseconds. */
  readonly jitterMs?: number;
  /** Rounds that were counted. */
  readonly rounds: number;
  /** From the first of them to the last. */
  readonly spanMs: number;
}

export interface QualityRules {
  /** More loss than this, 0 to 1, is bad. */
  readonly loss: number;
  /** So is a longer mean round trip than this; absent: any will do. */
  readonly latencyMs?: number;
  /** Over this time. */
  readonly windowMs: number;
  /** No more loss than this, 0 to 1, is clear. */
  readonly clearLoss: number;
}

/** `bad` makes an uplink degraded; only `clear` ends that. */
export type QualityVerdict =
  | { readonly kind: 'bad'; readonly by: 'loss' | 'latency'; readonly quality: Quality }
  | { readonly kind: 'fair' | 'clear'; readonly quality: Quality };

/** 15 s of bursts to 16 targets at the default interval. */
const OUTCOMES_MAX = 480;
/** Kept however old they are, so that a sparsely probed uplink has something to show. */
const OUTCOMES_MIN = 16;
/** Fewer rounds than this are no measurement. */
const ROUNDS_MIN = 6;
/** A window counts as full from this share of it on. */
const FULL_SHARE = 0.8;
/** A round trip is clear again below this share of the limit. */
const CLEAR_LATENCY_SHARE = 0.9;

/** The outcomes with one more, without those that are too old to be judged. */
export function withOutcome(outcomes: readonly Outcome[], outcome: Outcome, windowMs: number): readonly Outcome[] {
  const sinceUs = outcome.sentAtUs - windowMs * 1000;
  const first = outcomes.findIndex(({ sentAtUs }) => sentAtUs >= sinceUs);
  const young = first < 0 ? outcomes.length : first;
  const drop = Math.max(Math.min(young, outcomes.length + 1 - OUTCOMES_MIN), outcomes.length + 1 - OUTCOMES_MAX, 0);
  return [...outcomes.slice(drop), outcome];
}

export function qualityOf(outcomes: readonly Outcome[]): Quality {
  const counted = outcomes.filter(({ discounted }) => !discounted);
  const alive = new Set(counted.flatMap(({ target, rttUs }) => (rttUs === undefined ? [] : [target])));
  const judged = alive.size === 0 ? counted : counted.filter(({ target }) => alive.has(target));
  const rtts = judged.flatMap(({ rttUs }) => rttUs ?? []);
  const jitterMs = jitterOf(judged);
  return {
    ...lossOf(judged),
    ...(rtts.length === 0 ? {} : { rttMs: mean(rtts) / 1000 }),
    ...(jitterMs === undefined ? {} : { jitterMs }),
  };
}

/** What the last window says of the uplink; undefined while there is too little to say anything. */
export function judgeQuality(
  outcomes: readonly Outcome[],
  fromUs: number,
  { loss, latencyMs, windowMs, clearLoss }: QualityRules,
): QualityVerdict | undefined {
  const newestUs = outcomes.at(-1)?.sentAtUs ?? 0;
  const sinceUs = Math.max(fromUs, newestUs - windowMs * 1000);
  const quality = qualityOf(outcomes.filter(({ sentAtUs }) => sentAtUs >= sinceUs));
  if (quality.rounds < ROUNDS_MIN || quality.spanMs < windowMs * FULL_SHARE || quality.loss === undefined) {
    return undefined;
  }
  const { rttMs = 0 } = quality;
  if (quality.loss > loss) return { kind: 'bad', by: 'loss', quality };
  if (latencyMs !== undefined && rttMs > latencyMs) return { kind: 'bad', by: 'latency', quality };
  const quick = latencyMs === undefined || rttMs <= latencyMs * CLEAR_LATENCY_SHARE;
  return { kind: quality.loss <= clearLoss && quick ? 'clear' : 'fair', quality };
}

function lossOf(outcomes: readonly Outcome[]): Pick<Quality, 'loss' | 'rounds' | 'spanMs'> {
  const rounds = new Map<number, { sent: number; missed: number }>();
  for (const { round, rttUs } of outcomes) {
    const { sent, missed } = rounds.get(round) ?? { sent: 0, missed: 0 };
    rounds.set(round, { sent: sent + 1, missed: missed + (rttUs === undefined ? 1 : 0) });
  }
  if (rounds.size === 0) return { rounds: 0, spanMs: 0 };
  const times = outcomes.map(({ sentAtUs }) => sentAtUs);
  return {
    loss: mean([...rounds.values()].map(({ sent, missed }) => missed / sent)),
    rounds: rounds.size,
    spanMs: (Math.max(...times) - Math.min(...times)) / 1000,
  };
}

function jitterOf(outcomes: readonly Outcome[]): number | undefined {
  const last = new Map<number, number>();
  const steps: number[] = [];
  for (const { target, rttUs } of outcomes) {
    if (rttUs === undefined) continue;
    const before = last.get(target);
    if (before !== undefined) steps.push(Math.abs(rttUs - before));
    last.set(target, rttUs);
  }
  return steps.length === 0 ? undefined : mean(steps) / 1000;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
