/**
 * What the control plane tells the world: events for programs, log entries for people. Both are data.
 *
 * They are about uplinks, devices and the gateway as a whole. None is made for a flow and none has a field for an
 * endpoint of one, so no log of nptd says where its users' traffic goes (6888-R12); the remote addresses that may occur
 * are those of probe targets, which the operator has chosen. `nptd sessions` shows live flows to whoever asks.
 */
import type { DeviceId } from '../native/data-plane.ts';
import type { Family } from './family.ts';
import type { HealthStatus } from './multihoming/health.ts';
import type { UplinkMode } from './multihoming/standing.ts';

/** Something happened; told apart by `type`. `atMs` is the wall clock in milliseconds. */
export type ControlNotice =
  | ChangeNotice
  | PlanApplied
  | ({
      readonly type: 'device-failed';
      readonly atMs: number;
      readonly errno: number;
      readonly message: string;
    } & DeviceId)
  | ({ readonly type: 'device-restored'; readonly atMs: number } & DeviceId)
  /** Another station of the device's link (`mac`) has, or wants, an IPv6 address of the gateway (RFC 4862). */
  | ({
      readonly type: 'address-conflict';
      readonly atMs: number;
      readonly address: string;
      readonly mac: string;
    } & DeviceId)
  | Exhausted
  | { readonly type: 'worker-panicked'; readonly atMs: number; readonly message: string }
  | { readonly type: 'passed-available'; readonly atMs: number };

/** What changes connectivity; its fields are those of its log entry. */
export type ChangeNotice =
  | UplinkChanged
  | PolicyTargetsChanged
  | ProbesVetoed
  | SelectionChanged
  | FlowsLeave
  | ModeChanged
  | AddressChanged;

/**
 * The health of an uplink in one family changed. In every notice `cause` is a sentence without a full stop, and
 * `generation` the number of the plan in force when it came about, or of the one that it made.
 */
export interface UplinkChanged {
  readonly type: 'uplink-changed';
  readonly atMs: number;
  readonly uplink: string;
  readonly family: Family;
  readonly from: HealthStatus;
  readonly to: HealthStatus;
  readonly cause: string;
  readonly generation: number;
}

/** Whether the targets that a policy has of its own are reached by an uplink changed. */
export interface PolicyTargetsChanged extends Omit<UplinkChanged, 'type'> {
  readonly type: 'policy-targets-changed';
  readonly policy: string;
}

/** Probe targets do not answer by an uplink, but traffic comes back: it is not down yet. */
export interface ProbesVetoed {
  readonly type: 'probes-vetoed';
  readonly atMs: number;
  readonly uplink: string;
  readonly family: Family;
  readonly cause: string;
  readonly generation: number;
}

/** New traffic of a policy takes other uplinks. */
export interface SelectionChanged {
  readonly type: 'selection-changed';
  readonly atMs: number;
  readonly policy: string;
  readonly family: Family;
  /** Names of uplinks, with commas between those that share; absent: none carries the family, or none may be used. */
  readonly from?: string;
  readonly to?: string;
  /** The uplink is down, and so is every other one of the policy. */
  readonly lastResort: boolean;
  readonly cause: string;
  readonly generation: number;
}

/** Established flows of a policy are told to leave an uplink that works. */
export interface FlowsLeave {
  readonly type: 'flows-leave';
  readonly atMs: number;
  readonly policy: string;
  readonly family: Family;
  readonly uplink: string;
  readonly cause: string;
  readonly generation: number;
}

/** An operator has decided about an uplink. */
export interface ModeChanged {
  readonly type: 'operator';
  readonly atMs: number;
  readonly uplink: string;
  readonly from: UplinkMode;
  readonly to: UplinkMode;
  readonly cause: string;
  readonly generation: number;
}

/** Addresses or prefixes of an uplink are others, and what was translated to the ones before has ended. */
export interface AddressChanged {
  readonly type: 'address-changed';
  readonly atMs: number;
  readonly uplink: string;
  readonly family: Family;
  /** As text, with commas between them; absent: none. */
  readonly from?: string;
  readonly to?: string;
  readonly cause: string;
  readonly generation: number;
}

/** Every worker has taken a plan over. */
export interface PlanApplied {
  readonly type: 'plan-applied';
  readonly atMs: number;
  readonly cause: string;
  readonly generation: number;
}

/**
 * Something is full or used up, and packets have begun to be refused. Told once for each uplink and reason, and again
 * only after a minute without a refusal.
 */
export interface Exhausted {
  readonly type: 'exhausted';
  readonly atMs: number;
  /** A drop reason of docs/counters.md. */
  readonly reason: string;
  /** Name of the uplink; absent: the packets met none. */
  readonly uplink?: string;
  /** Packets refused for this reason so far, since the gateway started. */
  readonly refused: number;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogEntry {
  readonly level: LogLevel;
  /** A sentence without a full stop. */
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}
