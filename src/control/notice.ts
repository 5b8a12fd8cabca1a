/** What the control plane tells the world: events for programs, log entries for people. Both are data. */

import type { Family } from './family.ts';
import type { HealthStatus } from './multihoming/health.ts';

/** Something happened; told apart by `type`. `atMs` is the wall clock in milliseconds. */
export type ControlNotice =
  | UplinkChanged
  | SelectionChanged
  | { readonly type: 'plan-applied'; readonly atMs: number; readonly generation: number }
  | {
      readonly type: 'device-failed';
      readonly atMs: number;
      readonly device: string;
      readonly errno: number;
      readonly message: string;
    }
  | { readonly type: 'worker-panicked'; readonly atMs: number; readonly message: string }
  | { readonly type: 'passed-available'; readonly atMs: number };

/** The health of an uplink in one family changed. */
export interface UplinkChanged {
  readonly type: 'uplink-changed';
  readonly atMs: number;
  readonly uplink: string;
  readonly family: Family;
  readonly from: HealthStatus;
  readonly to: HealthStatus;
  /** A sentence without a full stop. */
  readonly cause: string;
}

/** New traffic of a policy takes another uplink. */
export interface SelectionChanged {
  readonly type: 'selection-changed';
  readonly atMs: number;
  readonly policy: string;
  readonly family: Family;
  /** Name of an uplink; absent: none carries the family. */
  readonly from?: string;
  readonly to?: string;
  /** The uplink is down, and so is every other one of the policy. */
  readonly lastResort: boolean;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogEntry {
  readonly level: LogLevel;
  /** A sentence without a full stop. */
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}
