/**
 * The control plane as one pure function: `reduce(state, event)` gives the next state and the effects to run.
 * It reads no clock: time is in the event.
 */
import type { NptdConfig } from '../config/config.ts';
import { assignPolicyNumbers, assignSlots, slotOf } from '../plan/slots.ts';
import { assertNever } from '../result.ts';
import { advance } from './clock.ts';
import { concluded, configured } from './conclude.ts';
import { keepConflicts, noteConflict } from './conflicts.ts';
import { watchExhaustion } from './exhaustion.ts';
import { addressChanges } from './multihoming/addresses.ts';
import { assignEpochs } from './multihoming/epochs.ts';
import { keepModes } from './multihoming/modes.ts';
import { watchSaturation } from './multihoming/saturation.ts';
import { uplinksOf } from './multihoming/uplink.ts';
import { logOfAddressChange, logOfConflict, logOfExhaustion, logOfModeChange, logOfPanic } from './narrate.ts';
import type { Exhausted, ModeChanged } from './notice.ts';
import { momentOf, observed } from './observe.ts';
import { atOnce, type ControlEvent, type ControlState, type Effect, type Reduction, tell } from './state.ts';

export function reduce(before: ControlState, event: ControlEvent): Reduction {
  const state = { ...before, clock: advance(before.clock, event.atMs) };
  switch (event.type) {
    case 'config':
      return reduceConfig(state, event.config, event.atMs);
    case 'probe-sample':
    case 'round-trip':
    case 'not-probed':
    case 'device-failed':
    case 'device-restored':
      return concluded(state, observed(state, event), event.atMs);
    case 'operator':
      return reduceOperator(state, event);
    case 'restored':
      return atOnce({ ...state, modes: event.modes }, []);
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
      return reduceCounters(state, event);
    default:
      return assertNever(event);
  }
}

function reduceConfig(state: ControlState, config: NptdConfig, atMs: number): Reduction {
  const slots = assignSlots(state.site?.slots ?? new Map(), config);
  const slotByName = (name: string) => slotOf(slots, name);
  const numbers = assignPolicyNumbers(state.site?.numbers ?? new Map(), config);
  const epochs = assignEpochs(state.site?.epochs ?? new Map(), config.uplinks, slotByName);
  const numbering = { slotOf: slotByName, policyNumberOf: (name: string) => numbers.get(name) ?? 0 };
  const uplinks = uplinksOf(config, numbering, state, momentOf(state, atMs));
  const generation = state.generation + 1;
  const changes = addressChanges(state.site?.config, config).flatMap((change) => {
    const notice = { type: 'address-changed', atMs, ...change, cause: 'configuration', generation } as const;
    return tell(notice, logOfAddressChange(notice));
  });
  const site = { config, slots, numbers, epochs };
  const conflicts = keepConflicts(state.conflicts, config);
  const { modes, effects } = keepModes(state, config, atMs);
  return configured(state, { ...state, site, uplinks, conflicts, modes }, [...changes, ...effects], atMs);
}

function reduceOperator(
  state: ControlState,
  { uplink, mode, atMs }: Extract<ControlEvent, { type: 'operator' }>,
): Reduction {
  const from = state.modes.get(uplink) ?? 'enabled';
  if (from === mode || !state.uplinks.some(({ name }) => name === uplink)) return atOnce(state, []);
  const { generation } = state;
  const notice: ModeChanged = { type: 'operator', atMs, uplink, from, to: mode, cause: 'operator', generation };
  const entry = logOfModeChange(notice);
  const next = { ...state, modes: new Map([...state.modes, [uplink, mode]]) };
  return concluded(state, { state: next, effects: tell(notice, entry), causes: [entry.message], changed: true }, atMs);
}

/** What is done by the clock is done here. */
function reduceCounters(
  state: ControlState,
  { counters, atMs }: Extract<ControlEvent, { type: 'counters' }>,
): Reduction {
  const { state: exhaustion, begun } = watchExhaustion(state.exhaustion, counters.verdicts, atMs);
  const bandwidths = new Map(state.site?.config.uplinks.map(({ name, bandwidth }) => [name, bandwidth]));
  const nameOf = (slot: number | undefined) => state.uplinks.find((uplink) => uplink.slot === slot)?.name;
  const bandwidthOf = (slot: number, direction: 'outbound' | 'inbound') => {
    const bandwidth = bandwidths.get(nameOf(slot) ?? '');
    return direction === 'outbound' ? bandwidth?.up : bandwidth?.down;
  };
  const saturation = watchSaturation(state.saturation, counters.traffic ?? [], bandwidthOf, state.clock.nowMs);
  const effects: Effect[] = begun.flatMap(({ reason, slot, refused }) => {
    const uplink = nameOf(slot);
    const notice: Exhausted = { type: 'exhausted', atMs, reason, ...(uplink === undefined ? {} : { uplink }), refused };
    return tell(notice, logOfExhaustion(notice));
  });
  const next = { ...state, exhaustion, saturation };
  return concluded(state, { state: next, effects, causes: [], changed: true }, atMs);
}
