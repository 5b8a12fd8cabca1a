/**
 * The control plane as one pure function: `reduce(state, event)` gives the next state and the effects to run.
 * It reads no clock: time is in the event.
 */
import type { NptdConfig } from '../config/config.ts';
import type { DataPlaneEvent, ProbeSample } from '../native/data-plane.ts';
import { compilePlan, type UplinkPlanState } from '../plan/compile.ts';
import type { Plan } from '../plan/plan.ts';
import { assignSlots, type SlotAssignment, slotOf } from '../plan/slots.ts';
import { assertNever } from '../result.ts';
import { FAMILIES, type Family } from './family.ts';
import { assignEpochs, type EpochAssignment } from './multihoming/epochs.ts';
import { type HealthStep, observeDeviceFailure, observeNotProbed, observeSample } from './multihoming/health.ts';
import { type Selection, selectAll } from './multihoming/selection.ts';
import { type FamilyState, familyOf, isUsable, type UplinkState, uplinksOf, withFamily } from './multihoming/uplink.ts';
import { causeInWords, logOfSelectionChange, logOfUplinkChange } from './narrate.ts';
import type { ControlNotice, LogEntry, LogLevel, SelectionChanged, UplinkChanged } from './notice.ts';
import { type ProbeAssignment, probeAssignments } from './probe/assignment.ts';

export interface ControlState {
  /** Absent before the first configuration. */
  readonly site?: Site;
  /** Number of the newest plan; 0 before the first. */
  readonly generation: number;
  /** In the order of the configuration. */
  readonly uplinks: readonly UplinkState[];
  readonly selections: readonly Selection[];
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
  | DataPlaneEvent
);

export type Effect =
  | { readonly type: 'apply-plan'; readonly plan: Plan }
  | { readonly type: 'set-probes'; readonly probes: readonly ProbeAssignment[] }
  | { readonly type: 'log'; readonly entry: LogEntry }
  | { readonly type: 'emit'; readonly notice: ControlNotice };

export interface Reduction {
  readonly state: ControlState;
  /** To be run in this order; where one fails, the rest of them is void. */
  readonly effects: readonly Effect[];
}

export const INITIAL_STATE: ControlState = { generation: 0, uplinks: [], selections: [] };

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
    case 'worker-panicked':
      return { state, effects: announce(event, 'error', `a worker of the data plane panicked: ${event.message}`) };
    case 'passed-available':
      return { state, effects: [{ type: 'emit', notice: event }] };
    default:
      return assertNever(event);
  }
}

function reduceConfig(state: ControlState, config: NptdConfig, atMs: number): Reduction {
  const slots = assignSlots(state.site?.slots ?? new Map(), config);
  const slotByName = (name: string) => slotOf(slots, name);
  const epochs = assignEpochs(state.site?.epochs ?? new Map(), config.uplinks, slotByName);
  const uplinks = uplinksOf(config, slotByName, state.uplinks, atMs);
  const next = withPlan({ ...state, site: { config, slots, epochs }, uplinks });
  const entry: LogEntry = {
    level: 'info',
    message: `plan ${next.state.generation}: internal ${names(config.internal)}; uplinks ${names(uplinks)}`,
    fields: { event: 'config', generation: next.state.generation },
  };
  const effects: Effect[] = [
    { type: 'log', entry },
    ...next.effects,
    setProbes(next.state),
    ...selectionEffects(state, next.state, atMs),
  ];
  return { state: next.state, effects };
}

function reduceSample(state: ControlState, sample: ProbeSample, atMs: number): Reduction {
  return reduceHealth(state, atMs, (uplink, family, { health, rules }) =>
    uplink.slot === sample.slot && family === sample.family && sample.target < rules.targets
      ? observeSample(health, sample, rules, atMs)
      : undefined,
  );
}

function reduceDeviceFailure(state: ControlState, event: DeviceFailed): Reduction {
  const cause = `device ${event.device} failed: ${event.message}`;
  const { internal = [], uplinks = [] } = state.site?.config ?? {};
  const namesakes = [...internal, ...uplinks].filter(({ device }) => device.tap === event.device);
  // Two namespaces may hold devices of one name: which one failed is then for the probes to find out.
  const certain = namesakes.length === 1;
  const { state: next, effects } = reduceHealth(state, event.atMs, (uplink, _family, { health }) =>
    certain && uplink.device === event.device ? observeDeviceFailure(health, cause, event.atMs) : undefined,
  );
  return { state: next, effects: [...announce(event, 'error', cause), ...effects] };
}

type DeviceFailed = Extract<ControlEvent, { type: 'device-failed' }>;
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
  const next = { ...state, uplinks };
  const told = changes.flatMap((change) => tell(change, logOfUplinkChange(change)));
  const probes = calm ? [setProbes(next)] : [];
  if (!usableChanged) return { state: next, effects: [...told, ...probes] };
  const planned = withPlan(next);
  const selected = selectionEffects(state, planned.state, atMs);
  return { state: planned.state, effects: [...told, ...planned.effects, ...probes, ...selected] };
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
function withPlan(state: ControlState): Reduction {
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

function announce(notice: ControlNotice, level: LogLevel, message: string): Effect[] {
  return tell(notice, { level, message, fields: { event: notice.type } });
}

function tell(notice: ControlNotice, entry: LogEntry): Effect[] {
  return [
    { type: 'log', entry },
    { type: 'emit', notice },
  ];
}
