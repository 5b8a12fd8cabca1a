/** What data plane and probers tell becomes the health of uplinks. */
import { assertNever } from '../result.ts';
import { FAMILIES, type Family } from './family.ts';
import {
  type Doubt,
  type HealthStep,
  type Moment,
  NO_DOUBT,
  observeDeviceFailure,
  observeDeviceRestored,
  observeNotProbed,
  observeSample,
} from './multihoming/health.ts';
import { observeRoundTrip } from './multihoming/reachability.ts';
import { isSaturated } from './multihoming/saturation.ts';
import { distrustedTargets } from './multihoming/trust.ts';
import {
  type FamilyState,
  familyOf,
  OWN_LIST,
  type TargetsState,
  type UplinkState,
  withFamily,
} from './multihoming/uplink.ts';
import { causeInWords, deviceInWords, fieldsOfDevice, logOfUplinkChange, logOfVeto, targetNames } from './narrate.ts';
import type { PolicyTargetsChanged, ProbesVetoed, UplinkChanged } from './notice.ts';
import { type ControlEvent, type ControlState, type Effect, type ProbedList, tell } from './state.ts';

export interface Observation {
  readonly state: ControlState;
  /** Log entries and notices. */
  readonly effects: readonly Effect[];
  /** What may change the plan, in sentences without full stops. */
  readonly causes: readonly string[];
  /** Whether anything is to be concluded from it. */
  readonly changed: boolean;
}

type Observable = Extract<
  ControlEvent,
  { type: 'probe-sample' | 'round-trip' | 'not-probed' | 'device-failed' | 'device-restored' }
>;
type SampleEvent = Extract<ControlEvent, { type: 'probe-sample' }>;

export function momentOf({ clock: { nowMs } }: ControlState, atMs: number): Moment {
  return { atMs, nowMs };
}

export function observed(state: ControlState, event: Observable): Observation {
  const moment = momentOf(state, event.atMs);
  switch (event.type) {
    case 'probe-sample':
      return observedSample(state, event, moment);
    case 'round-trip':
      return observedBy(state, moment, ({ uplink, family, targets: { health, list } }) =>
        // Only a miss can be vetoed, and only by what began after it.
        // It speaks for the uplink, and not for what a policy wants to reach by it.
        uplink.slot === event.slot && family === event.family && list === OWN_LIST && health.reach.bursting
          ? { health: { ...health, reach: observeRoundTrip(health.reach, event.startedAtUs) } }
          : undefined,
      );
    case 'not-probed':
      return observedBy(state, moment, (place) =>
        isMeant(place, event) ? observeNotProbed(place.targets.health, event.reason, moment) : undefined,
      );
    case 'device-failed':
      return observedFailure(state, event, moment);
    case 'device-restored':
      return observedRestored(state, event, moment);
    default:
      return assertNever(event);
  }
}

function observedSample(state: ControlState, { sample }: SampleEvent, moment: Moment): Observation {
  return observedBy(state, moment, (place) => {
    const { uplink, family, targets, policy } = place;
    if (!isMeant(place, sample) || sample.target >= targets.rules.targets) return undefined;
    const doubt = policy === undefined ? doubtOf(state, uplink, family, sample.burst) : NO_DOUBT;
    return observeSample(targets.health, sample, targets.rules, moment, doubt);
  });
}

function isMeant({ uplink, family, targets }: Place, { slot, family: probed, list }: ProbedList): boolean {
  return uplink.slot === slot && family === probed && targets.list === list;
}

function doubtOf(state: ControlState, uplink: UplinkState, family: Family, burst: boolean): Doubt {
  return {
    distrusted: burst ? distrustedTargets(state.uplinks, uplink, family) : NO_DOUBT.distrusted,
    discounted: isSaturated(state.saturation, uplink.slot),
  };
}

function observedFailure(
  state: ControlState,
  event: Extract<ControlEvent, { type: 'device-failed' }>,
  moment: Moment,
): Observation {
  const { index, errno } = event;
  const cause = `${deviceInWords(event)} failed: ${event.message}`;
  const failedDevices = new Map([...state.failedDevices, [index, cause]]);
  const next = observedBy({ ...state, failedDevices }, moment, ({ uplink, targets: { health, rules } }) =>
    uplink.deviceIndex === index ? observeDeviceFailure(health, cause, rules, moment) : undefined,
  );
  const fields = { event: event.type, ...fieldsOfDevice(event), errno };
  const effects = [...tell(event, { level: 'error', message: cause, fields }), ...next.effects];
  return { ...next, effects, causes: [cause], changed: true };
}

function observedRestored(
  state: ControlState,
  event: Extract<ControlEvent, { type: 'device-restored' }>,
  moment: Moment,
): Observation {
  const { index } = event;
  const cause = `${deviceInWords(event)} works again`;
  const failedDevices = new Map([...state.failedDevices].filter(([failed]) => failed !== index));
  const next = observedBy({ ...state, failedDevices }, moment, ({ uplink, targets: { health, rules } }) =>
    uplink.deviceIndex === index ? observeDeviceRestored(health, rules, cause, moment) : undefined,
  );
  const fields = { event: event.type, ...fieldsOfDevice(event) };
  const effects = [...tell(event, { level: 'info', message: cause, fields }), ...next.effects];
  return { ...next, effects, causes: [cause], changed: true };
}

/** One list of targets: an uplink's own, or those of a policy. */
interface Place {
  readonly uplink: UplinkState;
  readonly family: Family;
  readonly targets: TargetsState;
  /** Absent: the uplink's own. */
  readonly policy?: string;
}

type StepOf = (place: Place) => HealthStep | undefined;

/** Lets `stepOf` look at all targets of every family of every uplink. */
function observedBy(state: ControlState, { atMs }: Moment, stepOf: StepOf): Observation {
  const effects: Effect[] = [];
  const causes: string[] = [];
  let changed = false;
  const take = <T extends TargetsState>(place: Place, targets: T): T => {
    const step = stepOf(place);
    if (step === undefined) return targets;
    changed ||= step.cause !== undefined || differsInProbing(targets, step);
    for (const { effects: told, message } of newsOf(place, step, state.generation, atMs)) {
      effects.push(...told);
      if (message !== undefined) causes.push(message);
    }
    return { ...targets, health: step.health };
  };
  const uplinks = state.uplinks.map((uplink) =>
    FAMILIES.reduce((current, family) => {
      const before = familyOf(current, family);
      return before === undefined ? current : withFamily(current, family, familyStep(current, family, before, take));
    }, uplink),
  );
  return { state: { ...state, uplinks }, effects, causes, changed };
}

function familyStep(
  uplink: UplinkState,
  family: Family,
  before: FamilyState,
  take: <T extends TargetsState>(place: Place, targets: T) => T,
): FamilyState {
  const own = take({ uplink, family, targets: before }, before);
  const policies = before.policies.map((targets) => take({ uplink, family, targets, policy: targets.policy }, targets));
  return { ...own, policies };
}

function differsInProbing({ health: { reach } }: TargetsState, { health }: HealthStep): boolean {
  return reach.bursting !== health.reach.bursting || reach.calmRound !== health.reach.calmRound;
}

interface News {
  readonly effects: readonly Effect[];
  readonly message?: string;
}

function newsOf(
  { uplink: { name }, family, targets, policy }: Place,
  step: HealthStep,
  generation: number,
  atMs: number,
): News[] {
  const what = { atMs, uplink: name, family, generation };
  const news: News[] = [];
  if (step.vetoed !== undefined) {
    const cause = `${targetNames(step.vetoed, targets)} missed, but traffic comes back`;
    const notice: ProbesVetoed = { type: 'probes-vetoed', ...what, cause };
    news.push({ effects: tell(notice, logOfVeto(notice)) });
  }
  if (step.cause !== undefined) {
    const [from, to] = [targets.health.status, step.health.status];
    const cause = causeInWords(step.cause, targets);
    const change = { ...what, from, to, cause };
    const notice: UplinkChanged | PolicyTargetsChanged =
      policy === undefined
        ? { type: 'uplink-changed', ...change }
        : { type: 'policy-targets-changed', ...change, policy };
    const entry = logOfUplinkChange(notice);
    news.push({ effects: tell(notice, entry), message: entry.message });
  }
  return news;
}
