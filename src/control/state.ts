/** What the control plane knows, what it is told, and what it wants done. Values; `reduce.ts` makes one of the other. */
import type { NptdConfig } from '../config/config.ts';
import type { CountersSnapshot, DataPlaneEvent, ProbeSample } from '../native/data-plane.ts';
import type { Plan } from '../plan/plan.ts';
import type { PolicyNumbers, SlotAssignment } from '../plan/slots.ts';
import { type Clock, STOPPED } from './clock.ts';
import type { ConflictState } from './conflicts.ts';
import type { ExhaustionState } from './exhaustion.ts';
import type { EpochAssignment } from './multihoming/epochs.ts';
import type { SaturationState } from './multihoming/saturation.ts';
import type { Selection, SelectionMemory } from './multihoming/selection.ts';
import type { UplinkMode, UplinkModes } from './multihoming/standing.ts';
import type { FailedDevices, UplinkState } from './multihoming/uplink.ts';
import type { ControlNotice, LogEntry } from './notice.ts';
import type { ProbeAssignment } from './probe/assignment.ts';

export interface ControlState {
  /** Absent before the first configuration. */
  readonly site?: Site;
  /** Number of the plan in force; 0 before the first. */
  readonly generation: number;
  /** In the order of the configuration. */
  readonly uplinks: readonly UplinkState[];
  readonly modes: UplinkModes;
  /** By the plan in force. */
  readonly selections: readonly Selection[];
  readonly memory: SelectionMemory;
  readonly failedDevices: FailedDevices;
  readonly exhaustion: ExhaustionState;
  readonly conflicts: ConflictState;
  readonly saturation: SaturationState;
  readonly clock: Clock;
  /** What the last plan was made for, whether it was taken or refused, as text: the same is not tried again. */
  readonly planned: string;
  /** What is probed, as text. */
  readonly probed: string;
}

export interface Site {
  readonly config: NptdConfig;
  readonly slots: SlotAssignment;
  readonly numbers: PolicyNumbers;
  readonly epochs: EpochAssignment;
}

/** Which list of targets is probed, or cannot be. */
export type ProbedList = Pick<ProbeSample, 'slot' | 'family' | 'list'>;

/** `atMs`: wall clock in milliseconds. */
export type ControlEvent = { readonly atMs: number } & (
  | { readonly type: 'config'; readonly config: NptdConfig }
  /** An operator wants something of an uplink; one that is not there is ignored. */
  | { readonly type: 'operator'; readonly uplink: string; readonly mode: UplinkMode }
  /** What operators wanted before a restart; comes before the first configuration. */
  | { readonly type: 'restored'; readonly modes: UplinkModes }
  | ({ readonly type: 'not-probed'; readonly reason: string } & ProbedList)
  /** Comes once a second, and is what timers are looked at by. */
  | { readonly type: 'counters'; readonly counters: CountersSnapshot }
  | DataPlaneEvent
);

export type Effect =
  /** `cause`: a sentence without a full stop. */
  | { readonly type: 'apply-plan'; readonly plan: Plan; readonly cause: string }
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
  modes: new Map(),
  selections: [],
  memory: new Map(),
  failedDevices: new Map(),
  exhaustion: new Map(),
  conflicts: new Map(),
  saturation: new Map(),
  clock: STOPPED,
  planned: '',
  probed: '',
};

/** What changes no plan. */
export function atOnce(state: ControlState, effects: readonly Effect[]): Reduction {
  return { state, observed: state, effects };
}

export function tell(notice: ControlNotice, entry: LogEntry): Effect[] {
  return [
    { type: 'log', entry },
    { type: 'emit', notice },
  ];
}
