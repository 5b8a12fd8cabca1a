/** What follows from what was observed: selections, a plan where that differs from the last one, and what is probed how. */
import { compilePlan, type PolicyPlanState, type UplinkPlanState } from '../plan/compile.ts';
import type { PolicyChoice } from '../plan/policy.ts';
import { type Selection, type SelectionStep, selectAll } from './multihoming/selection.ts';
import { isUsable, type UplinkState } from './multihoming/uplink.ts';
import { logOfLeave, logOfSelectionChange } from './narrate.ts';
import type { FlowsLeave, SelectionChanged } from './notice.ts';
import type { Observation } from './observe.ts';
import { probeAssignments } from './probe/assignment.ts';
import { atOnce, type ControlState, type Effect, type Reduction, type Site, tell } from './state.ts';

/** After an event that is no configuration. */
export function concluded(before: ControlState, observation: Observation, atMs: number): Reduction {
  const { state: seen, effects, causes, changed } = observation;
  const { site } = seen;
  if (site === undefined || !changed) return atOnce(seen, effects);
  const step = selectAll(site.config, seen, seen.memory, seen.clock.nowMs);
  const planned = plannedText(seen, site, step);
  const probing = probingOf(seen, step.selections);
  const known = { ...seen, probed: probing.probed };
  if (planned === seen.planned) {
    const state = { ...known, selections: step.selections, memory: step.memory };
    const told = selectionEffects(before, state, atMs);
    return atOnce(state, [...effects, ...probing.effects, ...told]);
  }
  const next = withPlan(known, site, step, planned, causes.join('; ') || 'time passed');
  const told = selectionEffects(before, next.state, atMs);
  return {
    state: next.state,
    observed: { ...known, planned },
    effects: [...effects, next.effect, ...probing.effects, ...told],
  };
}

/** After a configuration: it becomes a plan in any case, and nothing of it holds before that is in force. */
export function configured(
  before: ControlState,
  seen: ControlState & { readonly site: Site },
  changes: readonly Effect[],
  atMs: number,
): Reduction {
  const { site } = seen;
  const step = selectAll(site.config, seen, seen.memory, seen.clock.nowMs);
  const { probed, effects: probing } = probingOf({ ...seen, probed: '' }, step.selections);
  const next = withPlan({ ...seen, probed }, site, step, plannedText(seen, site, step), 'configuration');
  const { generation } = next.state;
  const message = `plan ${generation}: internal ${names(site.config.internal)}; uplinks ${names(seen.uplinks)}`;
  const entry = { level: 'info', message, fields: { event: 'config', generation } } as const;
  const told = selectionEffects(before, next.state, atMs);
  return {
    state: next.state,
    observed: before,
    effects: [next.effect, { type: 'log', entry }, ...changes, ...probing, ...told],
  };
}

/** The next generation, with the flags and selections that follow from the health of now. */
function withPlan(
  seen: ControlState,
  site: Site,
  { selections, choices, memory }: SelectionStep,
  planned: string,
  cause: string,
): { readonly state: ControlState; readonly effect: Effect } {
  const generation = seen.generation + 1;
  const policies = policyPlanStates(choices, site);
  const plan = compilePlan(site.config, { generation, uplinks: uplinkPlanStates(seen, site), policies });
  return {
    state: { ...seen, generation, selections, memory, planned },
    effect: { type: 'apply-plan', plan, cause },
  };
}

/** Everything that a plan is made of beside the configuration. */
function plannedText(seen: ControlState, site: Site, { choices }: SelectionStep): string {
  return JSON.stringify([[...uplinkPlanStates(seen, site)], [...choices]]);
}

function uplinkPlanStates(
  { uplinks, modes, failedDevices }: ControlState,
  { epochs }: Site,
): ReadonlyMap<string, UplinkPlanState> {
  return new Map(
    uplinks.map(({ name, slot, deviceIndex, ipv4, ipv6 }) => {
      const epoch = epochs.get(slot)?.epoch ?? 0;
      const enabled = modes.get(name) !== 'disabled';
      const cut = failedDevices.has(deviceIndex);
      const usable4 = enabled && ipv4 !== undefined && isUsable(ipv4);
      const usable6 = enabled && ipv6 !== undefined && isUsable(ipv6);
      // A device that carries answers works, whatever it said before.
      const [lastResort4, lastResort6] = [enabled && (usable4 || !cut), enabled && (usable6 || !cut)];
      return [name, { slot, epoch, usable4, usable6, lastResort4, lastResort6 }];
    }),
  );
}

function policyPlanStates(
  choices: ReadonlyMap<string, PolicyChoice>,
  { numbers }: Site,
): ReadonlyMap<string, PolicyPlanState> {
  return new Map([...choices].map(([name, choice]) => [name, { number: numbers.get(name) ?? 0, choice }]));
}

function probingOf(
  { uplinks, probed: before }: ControlState,
  selections: readonly Selection[],
): { readonly probed: string; readonly effects: readonly Effect[] } {
  const probes = probeAssignments(uplinks, selections);
  const probed = JSON.stringify(probes);
  return { probed, effects: probed === before ? [] : [{ type: 'set-probes', probes }] };
}

function selectionEffects(before: ControlState, after: ControlState, atMs: number): Effect[] {
  return after.selections.flatMap((selection) => {
    const { policy, family } = selection;
    const old = before.selections.find((other) => other.policy === policy && other.family === family);
    const what = { atMs, policy, family, cause: selection.reason, generation: after.generation };
    return [...takenEffects(old, selection, what), ...leaveEffects(old, selection, what)];
  });
}

type What = Pick<SelectionChanged, 'atMs' | 'policy' | 'family' | 'cause' | 'generation'>;

function takenEffects(old: Selection | undefined, now: Selection, what: What): Effect[] {
  const [from, to] = [old && takenText(old), takenText(now)];
  if (from === to && (old?.lastResort ?? false) === now.lastResort) return [];
  const change: SelectionChanged = {
    type: 'selection-changed',
    ...what,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    lastResort: now.lastResort,
  };
  return tell(change, logOfSelectionChange(change));
}

function leaveEffects(old: Selection | undefined, now: Selection, what: What): Effect[] {
  const fresh = now.leave.filter((uplink) => old?.leave.includes(uplink) !== true);
  return fresh.flatMap((uplink) => {
    const notice: FlowsLeave = { type: 'flows-leave', ...what, uplink };
    return tell(notice, logOfLeave(notice));
  });
}

/** `fiber`, or `cable, dsl` where several share. */
function takenText({ uplink, uplinks }: Selection): string | undefined {
  return uplinks.length > 1 ? uplinks.join(', ') : uplink;
}

function names(items: readonly (UplinkState | { readonly name: string })[]): string {
  return items.map(({ name }) => name).join(', ');
}
