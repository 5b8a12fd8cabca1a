/**
 * How well the probes of one family of one uplink are answered: loss, round-trip time and jitter over a window.
 *
 * Loss is counted by rounds, so that the bursts that a miss sets off do not weigh more than the single probes before
 * them. A target that goes silent while others answer is a dead target, and says nothing of the uplink's loss.
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
/** So many probes that one target misses, and nobody else, are more than loss. */
const DEAD_MISSES = 3;
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
  const judged = judgeable(outcomes);
  let [rttUs, answers] = [0, 0];
  for (const outcome of judged) {
    if (outcome.rttUs === undefined) continue;
    rttUs += outcome.rttUs;
    answers += 1;
  }
  const jitterMs = jitterOf(judged);
  return {
    ...lossOf(judged),
    ...(answers === 0 ? {} : { rttMs: rttUs / answers / 1000 }),
    ...(jitterMs === undefined ? {} : { jitterMs }),
  };
}

/** Without what was sent while we filled the link, and without what targets missed that are dead. */
function judgeable(outcomes: readonly Outcome[]): readonly Outcome[] {
  if (outcomes.every(({ rttUs, discounted }) => rttUs !== undefined && !discounted)) return outcomes;
  const counted = outcomes.filter(({ discounted }) => !discounted);
  const dead = deadSince(counted);
  if (dead.size === 0) return counted;
  return counted.filter(({ target, sentAtUs }) => sentAtUs < (dead.get(target) ?? Infinity));
}

/** Targets that have missed one probe after the other, while another one answered, with the time of the first of them. */
function deadSince(outcomes: readonly Outcome[]): ReadonlyMap<number, number> {
  const silent = new Map<number, { sinceUs: number; missed: number }>();
  let lastAnswerUs = -Infinity;
  for (const { target, rttUs, sentAtUs } of outcomes) {
    if (rttUs !== undefined) {
      silent.delete(target);
      lastAnswerUs = Math.max(lastAnswerUs, sentAtUs);
      continue;
    }
    const known = silent.get(target) ?? { sinceUs: sentAtUs, missed: 0 };
    known.missed += 1;
    silent.set(target, known);
  }
  const dead = [...silent].filter(([, { sinceUs, missed }]) => missed >= DEAD_MISSES && lastAnswerUs >= sinceUs);
  return new Map(dead.map(([target, { sinceUs }]) => [target, sinceUs]));
}

/** Whether the outcomes can say anything against the uplink at all: a cheap question before `judgeQuality`. */
export function isSuspicious(outcomes: readonly Outcome[], { latencyMs }: QualityRules): boolean {
  return latencyMs !== undefined || outcomes.some(({ rttUs }) => rttUs === undefined);
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
  let [firstUs, lastUs] = [Infinity, -Infinity];
  for (const { round, rttUs, sentAtUs } of outcomes) {
    firstUs = Math.min(firstUs, sentAtUs);
    lastUs = Math.max(lastUs, sentAtUs);
    const known = rounds.get(round) ?? { sent: 0, missed: 0 };
    rounds.set(round, known);
    known.sent += 1;
    if (rttUs === undefined) known.missed += 1;
  }
  if (rounds.size === 0) return { rounds: 0, spanMs: 0 };
  let lost = 0;
  for (const { sent, missed } of rounds.values()) lost += missed / sent;
  return { loss: lost / rounds.size, rounds: rounds.size, spanMs: (lastUs - firstUs) / 1000 };
}

function jitterOf(outcomes: readonly Outcome[]): number | undefined {
  const last = new Map<number, number>();
  let [stepsUs, steps] = [0, 0];
  for (const { target, rttUs } of outcomes) {
    if (rttUs === undefined) continue;
    const before = last.get(target);
    if (before !== undefined) {
      stepsUs += Math.abs(rttUs - before);
      steps += 1;
    }
    last.set(target, rttUs);
  }
  return steps === 0 ? undefined : stepsUs / steps / 1000;
}
