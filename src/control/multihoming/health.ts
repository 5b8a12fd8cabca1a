/**
 * Probe samples become the health of one uplink in one family.
 *
 * - it starts `unknown`, which counts as usable; the first answer makes it `up`
 * - where nothing answers (`reachability.ts`) it is `down`; one that was never up is up as soon as `quorum` targets
 *   answer: that is a start that took long, and no recovery. It happens once, so that nothing can flap by it
 * - where too much is lost, or round trips are too long, over a window (`quality.ts`), it is `degraded`
 * - `down` and `degraded` end when it has done well for a time, which grows while it comes and goes (`damping.ts`); if
 *   after that time it answers, but not well, `down` becomes `degraded`
 * - a device that fails makes it `down` at once; where no probe is possible, or no target can be trusted while the
 *   gateway answers, it is `unknown`
 * - where there are no targets nothing but a failed device makes it `down`, and it is `unknown` again when that works
 */
import type { ProbeSample } from '../../native/data-plane.ts';
import { CALM, type Damping, type DampingRules, fallen, holdMs, recovered } from './damping.ts';
import { isSuspicious, judgeQuality, type Outcome, type Quality, type QualityRules, withOutcome } from './quality.ts';
import {
  begun,
  interrupted,
  observeReach,
  type Reach,
  type ReachRules,
  type ReachVerdict,
  UNTRIED,
} from './reachability.ts';

export type HealthStatus = 'unknown' | 'up' | 'degraded' | 'down';

export interface HealthRules extends ReachRules, DampingRules {
  /** Absent: it is never degraded. */
  readonly degraded?: QualityRules;
}

export interface Health {
  readonly status: HealthStatus;
  /** Wall clock of the last change of `status`. */
  readonly sinceMs: number;
  /** Of the last change of `status`; absent: there was none. */
  readonly cause?: HealthCause;
  /** Round-trip time of the last answer, microseconds. */
  readonly lastRttUs?: number;
  readonly reach: Reach;
  readonly damping: Damping;
  /** It has been up since it was configured. */
  readonly started: boolean;
  /** The newest last. */
  readonly outcomes: readonly Outcome[];
  /** What was sent before is not judged, data plane's clock. */
  readonly judgedFromUs: number;
  /** While degraded: sending time of the first probe since which all was clear. */
  readonly clearSinceUs?: number;
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
  | {
      readonly kind: 'degraded';
      readonly by: 'loss' | 'latency';
      readonly quality: Quality;
      readonly rules: QualityRules;
    }
  | { readonly kind: 'clear-again'; readonly clearForMs: number; readonly quality: Quality }
  | { readonly kind: 'targets-distrusted' }
  | { readonly kind: 'device-failed'; readonly message: string }
  | { readonly kind: 'device-restored'; readonly message: string }
  | { readonly kind: 'not-probed'; readonly message: string };

/** What is known beside the samples of this family. */
export interface Doubt {
  /** Positions of targets that fail on all uplinks. */
  readonly distrusted: ReadonlySet<number>;
  /** We fill the link ourselves. */
  readonly discounted: boolean;
}

export const NO_DOUBT: Doubt = { distrusted: new Set(), discounted: false };

/** When something is observed, in milliseconds. */
export interface Moment {
  /** Wall clock, for people. */
  readonly atMs: number;
  /** A clock that nobody sets. */
  readonly nowMs: number;
}

export interface HealthStep {
  readonly health: Health;
  /** Present if `status` changed. */
  readonly cause?: HealthCause;
  /** Targets would make it `down`, but traffic comes back: told once. */
  readonly vetoed?: readonly number[];
}

/** Health of a family that was not probed yet. */
export function initialHealth(atMs: number): Health {
  return {
    status: 'unknown',
    sinceMs: atMs,
    reach: UNTRIED,
    damping: CALM,
    started: false,
    outcomes: [],
    judgedFromUs: 0,
  };
}

/** Takes one sample in. */
export function observeSample(
  before: Health,
  sample: ProbeSample,
  rules: HealthRules,
  moment: Moment,
  { distrusted, discounted }: Doubt = NO_DOUBT,
): HealthStep {
  const { reach, verdict } = observeReach(before.reach, sample, rules, distrusted);
  const noted = { ...withSample(before, sample, rules, discounted), reach };
  // What probes lost while traffic came back was their own loss.
  const vetoEnds = before.reach.vetoSinceUs !== undefined && reach.vetoSinceUs === undefined;
  const health = vetoEnds ? { ...noted, judgedFromUs: sample.sentAtUs } : noted;
  const step = drawReach(health, verdict, sample, rules, moment);
  return step.cause === undefined ? drawQuality(step, sample, rules, moment) : step;
}

/** The uplink's device does not work any more. */
export function observeDeviceFailure(health: Health, message: string, rules: HealthRules, moment: Moment): HealthStep {
  const broken = { ...health, reach: interrupted(health.reach) };
  const cause: HealthCause = { kind: 'device-failed', message };
  if (health.status === 'down') return { health: { ...broken, cause } };
  return fall(broken, 'down', cause, rules, moment);
}

/** The uplink's device works again. Where there are targets it is for them to tell whether the uplink does. */
export function observeDeviceRestored(
  health: Health,
  rules: HealthRules,
  message: string,
  moment: Moment,
): HealthStep | undefined {
  if (health.status !== 'down' || rules.targets > 0) return undefined;
  return change(health, 'unknown', { kind: 'device-restored', message }, moment);
}

/** Probes cannot be sent, for a reason that says nothing about the uplink: it is `unknown`, never `down`. */
export function observeNotProbed(health: Health, message: string, moment: Moment): HealthStep {
  const cause: HealthCause = { kind: 'not-probed', message };
  if (health.status === 'unknown') return { health: { ...health, cause } };
  return change({ ...health, reach: interrupted(health.reach) }, 'unknown', cause, moment);
}

/** Forgets what was observed under other targets; the status stays until new samples say otherwise. */
export function forgetObservations(health: Health): Health {
  const { bursting, calmRound } = health.reach;
  return { ...health, reach: { ...UNTRIED, bursting, calmRound }, outcomes: [] };
}

/** Whether it answers, though it is down: it will be up again if that lasts. */
export function isRecovering({ status, reach }: Health): boolean {
  return status === 'down' && reach.goodSinceUs !== undefined;
}

function withSample(health: Health, sample: ProbeSample, { degraded }: HealthRules, discounted: boolean): Health {
  const { sentAtUs, target, round, rttUs } = sample;
  const outcome = { sentAtUs, target, round, discounted, ...(rttUs === undefined ? {} : { rttUs }) };
  const outcomes = withOutcome(health.outcomes, outcome, degraded?.windowMs ?? 0);
  return { ...health, outcomes, ...(rttUs === undefined ? {} : { lastRttUs: rttUs }) };
}

/** What follows from whether anything answers. */
function drawReach(
  health: Health,
  verdict: ReachVerdict | undefined,
  sample: ProbeSample,
  rules: HealthRules,
  moment: Moment,
): HealthStep {
  const { target, rttUs, sentAtUs } = sample;
  if (rttUs !== undefined && (health.status === 'unknown' || isLateStart(health, verdict, sample, rules))) {
    // What was lost before says nothing: perhaps nobody was there yet.
    const damping = health.started ? health.damping : CALM;
    const answering = { ...health, damping, reach: begun(health.reach, sentAtUs), judgedFromUs: sentAtUs };
    return change(answering, 'up', { kind: 'first-answer', target, rttUs }, moment);
  }
  switch (verdict?.kind) {
    case undefined:
      return { health };
    case 'good':
      return health.status === 'down' ? recover(health, verdict.sentAtUs, rules, moment) : { health };
    case 'dead': {
      if (health.status === 'down') return { health };
      const { kind: _, ...missed } = verdict;
      const { targets, quorum } = rules;
      return fall(health, 'down', { kind: 'targets-missed', ...missed, targets, quorum }, rules, moment);
    }
    case 'vetoed':
      return verdict.first && health.status !== 'down' ? { health, vetoed: verdict.missed } : { health };
    case 'distrusted':
      // What was down before stays so: something else was there to compare it with.
      if (health.status === 'unknown' || health.status === 'down') return { health };
      return change(health, 'unknown', { kind: 'targets-distrusted' }, moment);
  }
}

/** Whether this answer is the one by which what was never up is: targets that miss beside it are not waited for. */
function isLateStart(
  { status, started, reach }: Health,
  verdict: ReachVerdict | undefined,
  { round }: ProbeSample,
  { quorum }: HealthRules,
): boolean {
  if (status !== 'down' || started) return false;
  const open = reach.bursts.find((burst) => burst.round === round);
  return verdict?.kind === 'good' || (open !== undefined && open.answered.length >= quorum);
}

/** What was lost in an outage says nothing of the time after it. */
function recover(before: Health, sentAtUs: number, rules: HealthRules, moment: Moment): HealthStep {
  const goodSinceUs = before.reach.goodSinceUs ?? sentAtUs;
  const health = { ...before, judgedFromUs: goodSinceUs };
  const goodForMs = (sentAtUs - goodSinceUs) / 1000;
  if (goodForMs < holdMs(health.damping, rules)) return { health };
  const quality = rules.degraded && judgeQuality(health.outcomes, goodSinceUs, rules.degraded);
  const cause: HealthCause = { kind: 'answered-again', goodForMs, downForMs: moment.atMs - health.sinceMs };
  const status = quality === undefined || quality.kind === 'clear' ? 'up' : 'degraded';
  return change({ ...health, damping: recovered(health.damping, moment.nowMs) }, status, cause, moment);
}

/** What follows from how well it answers. */
function drawQuality(step: HealthStep, { sentAtUs }: ProbeSample, rules: HealthRules, moment: Moment): HealthStep {
  const { health } = step;
  if (rules.degraded === undefined || (health.status !== 'up' && health.status !== 'degraded')) return step;
  if (health.reach.vetoSinceUs !== undefined) return step;
  if (health.status === 'up' && !isSuspicious(health.outcomes, rules.degraded)) return step;
  const verdict = judgeQuality(health.outcomes, health.judgedFromUs, rules.degraded);
  if (verdict === undefined) return step;
  if (health.status === 'up') {
    if (verdict.kind !== 'bad') return step;
    const { by, quality } = verdict;
    return fall(health, 'degraded', { kind: 'degraded', by, quality, rules: rules.degraded }, rules, moment);
  }
  if (verdict.kind !== 'clear') {
    const { clearSinceUs: _, ...unclear } = health;
    return { ...step, health: unclear };
  }
  const clearSinceUs = health.clearSinceUs ?? sentAtUs;
  const clearForMs = (sentAtUs - clearSinceUs) / 1000;
  if (clearForMs < holdMs(health.damping, rules)) return { ...step, health: { ...health, clearSinceUs } };
  const better = { ...health, damping: recovered(health.damping, moment.nowMs) };
  return change(better, 'up', { kind: 'clear-again', clearForMs, quality: verdict.quality }, moment);
}

/** To something worse. */
function fall(
  health: Health,
  status: HealthStatus,
  cause: HealthCause,
  rules: HealthRules,
  moment: Moment,
): HealthStep {
  return change({ ...health, damping: fallen(health.damping, rules, moment.nowMs) }, status, cause, moment);
}

function change(health: Health, status: HealthStatus, cause: HealthCause, { atMs }: Moment): HealthStep {
  const { clearSinceUs: _, ...rest } = health;
  return { health: { ...rest, status, cause, sinceMs: atMs, started: rest.started || status === 'up' }, cause };
}
