/**
 * Probe samples become the health of one uplink in one family.
 *
 * Each sample is one fact; the rules that turn facts into health are these:
 * - it starts `unknown`, which counts as usable; the first answer makes it `up`
 * - a single probe that misses judges nothing: the data path answers it with bursts, all targets at each interval
 * - a burst is bad if fewer than `quorum` of its targets answered; two bad bursts running make it `down`
 * - while it is down, the first good observation (a single answer, or a burst that is not bad) starts a clock, a bad
 *   burst stops it, and once it has run for `upAfterMs` a good observation makes it `up`; with `upAfterMs` 0 the
 *   first good observation is enough
 * - a burst whose result is older than the latest good observation says nothing any more
 * - a device that fails makes it `down` at once; where no probe is possible it is `unknown`
 * - where there are no targets nothing but a failed device makes it `down`, and it is `unknown` again when that works
 *
 * Times of samples are the data plane's monotonic clock in microseconds, and only differences of them count; `atMs`
 * of an event is the wall clock and serves people.
 */
import type { ProbeSample } from '../../native/data-plane.ts';

export type HealthStatus = 'unknown' | 'up' | 'down';

export interface HealthRules {
  /** Number of targets of the family. */
  readonly targets: number;
  readonly quorum: number;
  readonly upAfterMs: number;
  /** An answer later than this is a miss. */
  readonly timeoutMs: number;
}

export interface Health {
  readonly status: HealthStatus;
  /** Wall clock of the last change of `status`. */
  readonly sinceMs: number;
  /** Why it is so, as a sentence without a full stop; absent before anything was learnt. */
  readonly reason?: string;
  /** Round-trip time of the last answer, microseconds. */
  readonly lastRttUs?: number;
  /** When the last probe that was answered had been sent, data plane's clock. */
  readonly lastAnswerUs?: number;
  /** Outcomes of the last probes, the newest last; true is an answer. At most `RECENT_MAX`. */
  readonly recent: readonly boolean[];
  /** The data path probes in bursts: a single probe missed, and no burst was answered well since. */
  readonly bursting: boolean;
  /** Bursts that not all targets have decided yet, the oldest first. At most `OPEN_BURSTS_MAX`. */
  readonly bursts: readonly Burst[];
  /** Round of the last bad burst. */
  readonly badRound?: number;
  /** Sending time of the last good observation. */
  readonly lastGoodUs?: number;
  /** While down: sending time of the observation that started the clock. */
  readonly goodSinceUs?: number;
}

interface Burst {
  readonly round: number;
  readonly sentAtUs: number;
  readonly answered: readonly number[];
  readonly missed: readonly number[];
}

/** What made health change, for the log and the events. */
export type HealthCause =
  | { readonly kind: 'first-answer'; readonly target: number; readonly rttUs: number }
  | {
      readonly kind: 'targets-missed';
      /** Positions of the targets that missed in the last burst. */
      readonly missed: readonly number[];
      readonly targets: number;
      readonly quorum: number;
      /** From the sending of the last answered probe to the verdict; absent: nothing ever answered. */
      readonly silentForMs?: number;
    }
  | { readonly kind: 'answered-again'; readonly goodForMs: number; readonly downForMs: number }
  | { readonly kind: 'device-failed'; readonly message: string }
  | { readonly kind: 'device-restored'; readonly message: string }
  | { readonly kind: 'not-probed'; readonly message: string };

export interface HealthStep {
  readonly health: Health;
  /** Present if `status` changed. */
  readonly cause?: HealthCause;
  /** A burst was answered well: the data path may go back to single probes. */
  readonly calm?: true;
}

/** A minute at the default interval. */
const RECENT_MAX = 120;

/** Bursts overlap while a timeout is longer than an interval: 2 at 500/800 ms; beyond this a sample was lost. */
const OPEN_BURSTS_MAX = 8;

/** Health of a family that was not probed yet. */
export function initialHealth(atMs: number): Health {
  return { status: 'unknown', sinceMs: atMs, recent: [], bursting: false, bursts: [] };
}

/** Takes one sample in. `atMs`: wall clock of its arrival. */
export function observeSample(health: Health, sample: ProbeSample, rules: HealthRules, atMs: number): HealthStep {
  const noted = noteOutcome(health, sample);
  if (noted.status === 'unknown' && sample.rttUs !== undefined) {
    const cause: HealthCause = { kind: 'first-answer', target: sample.target, rttUs: sample.rttUs };
    const up = changed(noted, 'up', atMs);
    return { cause, ...observe(up, sample, rules, atMs) };
  }
  return observe(noted, sample, rules, atMs);
}

/** The uplink's device does not work any more. */
export function observeDeviceFailure(health: Health, message: string, atMs: number): HealthStep {
  const { goodSinceUs: _, ...rest } = health;
  if (health.status === 'down') return { health: { ...rest, reason: message } };
  return { health: { ...changed(rest, 'down', atMs), reason: message }, cause: { kind: 'device-failed', message } };
}

/** The uplink's device works again. Where there are targets it is for them to tell whether the uplink does. */
export function observeDeviceRestored(
  health: Health,
  rules: HealthRules,
  message: string,
  atMs: number,
): HealthStep | undefined {
  if (health.status !== 'down' || rules.targets > 0) return undefined;
  return { health: changed(health, 'unknown', atMs), cause: { kind: 'device-restored', message } };
}

/** Probes cannot be sent, for a reason that says nothing about the uplink: it is `unknown`, never `down`. */
export function observeNotProbed(health: Health, message: string, atMs: number): HealthStep {
  if (health.status === 'unknown') return { health: { ...health, reason: message } };
  return {
    health: { ...changed({ ...health, bursts: [] }, 'unknown', atMs), reason: message },
    cause: { kind: 'not-probed', message },
  };
}

/** Forgets what was observed under other targets; the status stays until new samples say otherwise. */
export function forgetObservations(health: Health): Health {
  const { badRound: _badRound, lastGoodUs: _lastGoodUs, goodSinceUs: _goodSinceUs, ...rest } = health;
  return { ...rest, recent: [], bursts: [] };
}

/** Share of the recent probes that missed, 0 to 1; undefined before the first. */
export function lossOf(health: Health): number | undefined {
  if (health.recent.length === 0) return undefined;
  return health.recent.filter((answered) => !answered).length / health.recent.length;
}

function noteOutcome(health: Health, sample: ProbeSample): Health {
  const recent = [...health.recent.slice(1 - RECENT_MAX), sample.rttUs !== undefined];
  if (sample.rttUs === undefined) return { ...health, recent, bursting: health.bursting || !sample.burst };
  return {
    ...health,
    recent,
    lastRttUs: sample.rttUs,
    lastAnswerUs: Math.max(sample.sentAtUs, health.lastAnswerUs ?? sample.sentAtUs),
  };
}

function observe(health: Health, sample: ProbeSample, rules: HealthRules, atMs: number): HealthStep {
  if (!sample.burst) {
    return sample.rttUs === undefined ? { health } : observeGood(health, sample.sentAtUs, rules, atMs);
  }
  const burst = withSample(
    health.bursts.find((open) => open.round === sample.round),
    sample,
  );
  const others = health.bursts.filter((open) => open.round !== sample.round);
  if (burst.answered.length + burst.missed.length < rules.targets) {
    return { health: { ...health, bursts: [...others, burst].slice(-OPEN_BURSTS_MAX) } };
  }
  const closed = { ...health, bursts: others };
  if (burst.answered.length < rules.quorum) return observeBadBurst(closed, burst, rules, atMs);
  return { ...observeGood({ ...closed, bursting: false }, burst.sentAtUs, rules, atMs), calm: true };
}

function observeGood(health: Health, sentAtUs: number, rules: HealthRules, atMs: number): HealthStep {
  const good = { ...health, lastGoodUs: Math.max(sentAtUs, health.lastGoodUs ?? sentAtUs) };
  if (health.status !== 'down') return { health: good };
  const goodSinceUs = health.goodSinceUs ?? sentAtUs;
  const goodForMs = (sentAtUs - goodSinceUs) / 1000;
  if (goodForMs < rules.upAfterMs) return { health: { ...good, goodSinceUs } };
  const { goodSinceUs: _, ...rest } = good;
  const cause: HealthCause = { kind: 'answered-again', goodForMs, downForMs: atMs - health.sinceMs };
  return { health: changed(rest, 'up', atMs), cause };
}

function observeBadBurst(health: Health, burst: Burst, rules: HealthRules, atMs: number): HealthStep {
  if (health.lastGoodUs !== undefined && health.lastGoodUs > burst.sentAtUs) return { health };
  const running = health.badRound === burst.round - 1;
  const { goodSinceUs: _, ...rest } = health;
  const bad = { ...rest, badRound: burst.round };
  if (!running || health.status === 'down') return { health: bad };
  const silent =
    health.lastAnswerUs === undefined ? undefined : (burst.sentAtUs - health.lastAnswerUs) / 1000 + rules.timeoutMs;
  const cause: HealthCause = {
    kind: 'targets-missed',
    missed: burst.missed,
    targets: rules.targets,
    quorum: rules.quorum,
    ...(silent === undefined ? {} : { silentForMs: silent }),
  };
  return { health: changed(bad, 'down', atMs), cause };
}

function withSample(burst: Burst | undefined, sample: ProbeSample): Burst {
  const known = burst ?? { round: sample.round, sentAtUs: sample.sentAtUs, answered: [], missed: [] };
  const outcome = sample.rttUs === undefined ? 'missed' : 'answered';
  // The same target twice would decide a burst early.
  if (known.answered.includes(sample.target) || known.missed.includes(sample.target)) return known;
  return { ...known, [outcome]: [...known[outcome], sample.target] };
}

function changed(health: Health, status: HealthStatus, atMs: number): Health {
  const { reason: _, ...rest } = health;
  return { ...rest, status, sinceMs: atMs };
}
