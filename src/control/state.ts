/**
 * The control plane as one pure function: `reduce(state, event)` gives the next state and the effects to run.
 * It reads no clock: time is in the event.
 */
import type { NptdConfig } from '../config/config.ts';
import type { CountersSnapshot, DataPlaneEvent, ProbeSample } from '../native/data-plane.ts';
import { compilePlan, type UplinkPlanState } from '../plan/compile.ts';
import type { Plan } from '../plan/plan.ts';
import { assignSlots, type SlotAssignment, slotOf } from '../plan/slots.ts';
import { assertNever } from '../result.ts';
import { type ConflictState, keepConflicts, noteConflict } from './conflicts.ts';
import { type ExhaustionState, watchExhaustion } from './exhaustion.ts';
import { FAMILIES, type Family } from './family.ts';
import { assignEpochs, type EpochAssignment } from './multihoming/epochs.ts';
import {
  type HealthStep,
  observeDeviceFailure,
  observeDeviceRestored,
  observeNotProbed,
  observeSample,
} from './multihoming/health.ts';
import { type Selection, selectAll } from './multihoming/selection.ts';
import {
  type FailedDevices,
  type FamilyState,
  familyOf,
  isUsable,
  type UplinkState,
  uplinksOf,
  withFamily,
} from './multihoming/uplink.ts';
import {
  causeInWords,
  deviceInWords,
  fieldsOfDevice,
  logOfConflict,
  logOfExhaustion,
  logOfSelectionChange,
  logOfUplinkChange,
} from './narrate.ts';
import type { ControlNotice, Exhausted, LogEntry, SelectionChanged, UplinkChanged } from './notice.ts';
import { type ProbeAssignment, probeAssignments } from './probe/assignment.ts';

export interface ControlState {
  /** Absent before the first configuration. */
  readonly site?: Site;
  /** Number of the plan in force; 0 before the first. */
  readonly generation: number;
  /** In the order of the configuration. */
  readonly uplinks: readonly UplinkState[];
  /** By the plan in force. */
  readonly selections: readonly Selection[];
  readonly failedDevices: FailedDevices;
  readonly exhaustion: ExhaustionState;
  readonly conflicts: ConflictState;
}

export interface Site {
  readonly config: NptdConfig;
  readonly slots: SlotAssignment;
  readonly epochs: EpochAssignment;
}

/** `atMs`: wall clock in milliseconds. */
export type ControlEvent = { readonly atMs: number } & (
  | { readonly type: 'config'; readonly config: NptdConfig }
  | { readonly type: 'not-probed'; readonly slot: number; readonly family: Family; readonly reason: string }
  /** Comes once a second. */
  | { readonly type: 'counters'; readonly counters: CountersSnapshot }
  | DataPlaneEvent
);

export type Effect =
  | { readonly type: 'apply-plan'; readonly plan: Plan }
  | { readonly type: 'set-probes'; readonly probes: readonly ProbeAssignment[] }
  | { readonly type: 'log'; readonly entry: LogEntry }
  | { readonly type: 'emit'; readonly notice: ControlNotice };

export interface Reduction {
  /** Holds from the moment that the plan among the effects is in force; at once if there is none. */
  readonly state: ControlState;
  /**
   * Holds until then, and stays if the plan is refused: what was observed, and nothing of what was to follow from it. So
   * the state never speaks of a plan that nobody has, and neither a generation nor an epoch is spent on one.
   */
  readonly observed: ControlState;
  /** To be run in this order; where one fails, the rest of them is void. */
  readonly effects: readonly Effect[];
}

export const INITIAL_STATE: ControlState = {
  generation: 0,
  uplinks: [],
  selections: [],
  failedDevices: new Map(),
  exhaustion: new Map(),
  conflicts: new Map(),
};

export function reduce(state: ControlState, event: ControlEvent): Reduction {
  switch (event.type) {
    case 'config':
      return reduceConfig(state, event.config, event.atMs);
    case 'probe-sample':
      return reduceSample(state, event.sample, event.atMs);
    case 'not-probed':
      return reduceHealth(state, event.atMs, (uplink, family, { health }) =>
        uplink.slot === event.slot && family === event.family
          ? observeNotProbed(health, event.reason, event.atMs)
          : undefined,
      );
    case 'device-failed':
      return reduceDeviceFailure(state, event);
    case 'device-restored':
      return reduceDeviceRestored(state, event);
    case 'address-conflict':
      return atOnce(
        { ...state, conflicts: noteConflict(state.conflicts, event, event.atMs) },
        tell(event, logOfConflict(event)),
      );
    case 'worker-panicked':
      return atOnce(state, tell(event, logOfPanic(event.message)));
    case 'passed-available':
      return atOnce(state, [{ type: 'emit', notice: event }]);
    case 'counters':
      return reduceCounters(state, event.counters, event.atMs);
    default:
      return assertNever(event);
  }
}

function reduceConfig(state: ControlState, config: NptdConfig, atMs: number): Reduction {
  const slots = assignSlots(state.site?.slots ?? new Map(), config);
  const slotByName = (name: string) => slotOf(slots, name);
  const epochs = assignEpochs(state.site?.epochs ?? new Map(), config.uplinks, slotByName);
  const uplinks = uplinksOf(config, slotByName, state, atMs);
  const next = withPlan({
    ...state,
    site: { config, slots, epochs },
    uplinks,
    conflicts: keepConflicts(state.conflicts, config),
  });
  const entry: LogEntry = {
    level: 'info',
    message: `plan ${next.state.generation}: internal ${names(config.internal)}; uplinks ${names(uplinks)}`,
    fields: { event: 'config', generation: next.state.generation },
  };
  const effects: Effect[] = [
    ...next.effects,
    { type: 'log', entry },
    setProbes(next.state),
    ...selectionEffects(state, next.state, atMs),
  ];
  return { state: next.state, observed: state, effects };
}

function reduceSample(state: ControlState, sample: ProbeSample, atMs: number): Reduction {
  return reduceHealth(state, atMs, (uplink, family, { health, rules }) =>
    uplink.slot === sample.slot && family === sample.family && sample.target < rules.targets
      ? observeSample(health, sample, rules, atMs)
      : undefined,
  );
}

function reduceDeviceFailure(state: ControlState, event: Extract<ControlEvent, { type: 'device-failed' }>): Reduction {
  const { atMs, index, errno } = event;
  const cause = `${deviceInWords(event)} failed: ${event.message}`;
  const failedDevices = new Map([...state.failedDevices, [index, cause]]);
  const next = reduceHealth({ ...state, failedDevices }, atMs, ({ deviceIndex }, _family, { health }) =>
    deviceIndex === index ? observeDeviceFailure(health, cause, atMs) : undefined,
  );
  const fields = { event: event.type, ...fieldsOfDevice(event), errno };
  return { ...next, effects: [...tell(event, { level: 'error', message: cause, fields }), ...next.effects] };
}

function reduceDeviceRestored(
  state: ControlState,
  event: Extract<ControlEvent, { type: 'device-restored' }>,
): Reduction {
  const { atMs, index } = event;
  const cause = `${deviceInWords(event)} works again`;
  const failedDevices = new Map([...state.failedDevices].filter(([failed]) => failed !== index));
  const next = reduceHealth({ ...state, failedDevices }, atMs, ({ deviceIndex }, _family, { health, rules }) =>
    deviceIndex === index ? observeDeviceRestored(health, rules, cause, atMs) : undefined,
  );
  const fields = { event: event.type, ...fieldsOfDevice(event) };
  return { ...next, effects: [...tell(event, { level: 'info', message: cause, fields }), ...next.effects] };
}

function reduceCounters(state: ControlState, { verdicts }: CountersSnapshot, atMs: number): Reduction {
  const { state: exhaustion, begun } = watchExhaustion(state.exhaustion, verdicts, atMs);
  const effects = begun.flatMap(({ reason, slot, refused }) => {
    const uplink = state.uplinks.find((other) => other.slot === slot)?.name;
    const notice: Exhausted = { type: 'exhausted', atMs, reason, ...(uplink === undefined ? {} : { uplink }), refused };
    return tell(notice, logOfExhaustion(notice));
  });
  return atOnce({ ...state, exhaustion }, effects);
}

type StepOf = (uplink: UplinkState, family: Family, state: FamilyState) => HealthStep | undefined;

/** Lets `stepOf` look at every family of every uplink, and draws the consequences of what it found. */
function reduceHealth(state: ControlState, atMs: number, stepOf: StepOf): Reduction {
  const changes: UplinkChanged[] = [];
  let usableChanged = false;
  let calm = false;
  const uplinks = state.uplinks.map((uplink) =>
    FAMILIES.reduce((current, family) => {
      const before = familyOf(current, family);
      const step = before && stepOf(current, family, before);
      if (before === undefined || step === undefined) return current;
      const after = { ...before, health: step.health };
      calm ||= step.calm === true;
      usableChanged ||= isUsable(before) !== isUsable(after);
      changes.push(...changesOf(uplink.name, family, before, step, atMs));
      return withFamily(current, family, after);
    }, uplink),
  );
  const observed = { ...state, uplinks };
  const told = changes.flatMap((change) => tell(change, logOfUplinkChange(change)));
  const probes = calm ? [setProbes(observed)] : [];
  if (!usableChanged) return atOnce(observed, [...told, ...probes]);
  const planned = withPlan(observed);
  const selected = selectionEffects(state, planned.state, atMs);
  return { state: planned.state, observed, effects: [...told, ...planned.effects, ...probes, ...selected] };
}

function changesOf(
  uplink: string,
  family: Family,
  before: FamilyState,
  step: HealthStep,
  atMs: number,
): UplinkChanged[] {
  if (step.cause === undefined) return [];
  const [from, to] = [before.health.status, step.health.status];
  return [{ type: 'uplink-changed', atMs, uplink, family, from, to, cause: causeInWords(step.cause, before) }];
}

function names(items: readonly { readonly name: string }[]): string {
  return items.map(({ name }) => name).join(', ');
}

/** The next generation, with the flags and selections that follow from the health of now. */
function withPlan(state: ControlState): Pick<Reduction, 'state' | 'effects'> {
  const { site } = state;
  if (site === undefined) return { state, effects: [] };
  const generation = state.generation + 1;
  const plan = compilePlan(site.config, { generation, uplinks: uplinkPlanStates(state.uplinks, site) });
  const selections = selectAll(site.config.policies, state.uplinks);
  return { state: { ...state, generation, selections }, effects: [{ type: 'apply-plan', plan }] };
}

function uplinkPlanStates(uplinks: readonly UplinkState[], { epochs }: Site): ReadonlyMap<string, UplinkPlanState> {
  return new Map(
    uplinks.map(({ name, slot, ipv4, ipv6 }) => {
      const epoch = epochs.get(slot)?.epoch ?? 0;
      const [usable4, usable6] = [ipv4 !== undefined && isUsable(ipv4), ipv6 !== undefined && isUsable(ipv6)];
      return [name, { slot, epoch, usable4, usable6 }];
    }),
  );
}

function selectionEffects(before: ControlState, after: ControlState, atMs: number): Effect[] {
  return after.selections.flatMap((selection) => {
    const { policy, family, uplink, lastResort } = selection;
    const old = before.selections.find((other) => other.policy === policy && other.family === family);
    if (old?.uplink === uplink && (old?.lastResort ?? false) === lastResort) return [];
    const change: SelectionChanged = {
      type: 'selection-changed',
      atMs,
      policy,
      family,
      ...(old?.uplink === undefined ? {} : { from: old.uplink }),
      ...(uplink === undefined ? {} : { to: uplink }),
      lastResort,
    };
    return tell(change, logOfSelectionChange(change));
  });
}

function setProbes(state: ControlState): Effect {
  return { type: 'set-probes', probes: probeAssignments(state.uplinks) };
}

/** What changes no plan. */
function atOnce(state: ControlState, effects: readonly Effect[]): Reduction {
  return { state, observed: state, effects };
}

function logOfPanic(message: string): LogEntry {
  const fields = { event: 'worker-panicked' };
  return { level: 'error', message: `a worker of the data plane panicked: ${message}`, fields };
}

function tell(notice: ControlNotice, entry: LogEntry): Effect[] {
  return [
    { type: 'log', entry },
    { type: 'emit', notice },
  ];
}
