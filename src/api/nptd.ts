/** The gateway as a library: a configuration in, devices and workers running, status and events out. */
import type { NptdConfig } from '../config/config.ts';
import type { UplinkMode } from '../control/multihoming/standing.ts';
import type { LogEntry } from '../control/notice.ts';
import type { Assumption, SimulatedPolicy } from '../control/simulate.ts';
import type { DataPlane, DataPlaneOptions, PassedFrame } from '../native/data-plane.ts';
import type { MappingRow, SessionRow } from '../reference/translator.ts';
import type { NptdEventType, NptdListener } from './events.ts';
import { Gateway } from './gateway.ts';
import type { History } from './operations-record.ts';
import type { Preview } from './preview.ts';
import { readConfig } from './read-config.ts';
import type { Status } from './status.ts';
import type { FlowDescription, Why } from './why.ts';

export interface NptdOptions {
  /** Name of the configuration in the places of its issues; `nptd.yaml` if absent. */
  readonly file?: string;
  /** Closes the gateway when it is aborted. */
  readonly signal?: AbortSignal;
  /** Takes log entries; they are lost without it. */
  readonly log?: (entry: LogEntry) => void;
  /** Another data plane than the native one. */
  readonly openDataPlane?: (options: DataPlaneOptions) => Promise<DataPlane>;
}

export interface HistoryQuery {
  /** Wall clock in milliseconds; absent: all that the journal has. */
  readonly sinceMs?: number;
}

/** A gateway. It holds the process open from `start` to `close`, as a listening server does. */
export interface Nptd extends AsyncDisposable {
  /**
   * Opens the devices and puts the first plan in force. Rejects with an `NptdError`, after which nothing is left
   * open. A gateway starts once.
   */
  start(): Promise<void>;
  /**
   * Takes another configuration over, between two batches of packets; sessions survive except those of an uplink
   * whose addresses changed. Rejects with an `NptdError`, after which the configuration before is in force.
   */
  apply(config: NptdConfig | string): Promise<void>;
  /** What `apply` would do; changes nothing. Throws an `NptdError` as that does where the configuration is not valid. */
  preview(config: NptdConfig | string): Preview;
  /** Throws an `NptdError` unless it runs, like the following ones. */
  status(): Status;
  /** Live sessions, at most `limit`, which is 1000 if absent. */
  sessions(limit?: number): Promise<SessionRow[]>;
  mappings(limit?: number): Promise<MappingRow[]>;
  /**
   * What an operator wants of an uplink: `draining`: no new flows while another one can take them; `disabled`: none, and
   * those that it has leave it; `enabled`: as its health says. Holds until the gateway stops, and with a state file after
   * that. Rejects with an `NptdError`
   * with code `UNKNOWN_NAME` if there is no such uplink.
   */
  setUplinkMode(uplink: string, mode: UplinkMode): Promise<void>;
  /** What would follow if uplinks were in another state; changes nothing. Throws an `NptdError` as the one before. */
  simulate(assumptions: readonly Assumption[]): SimulatedPolicy[];
  /** Why a flow takes its uplink, or would. Rejects with an `NptdError` with code `INVALID_ARGUMENT` if it is none. */
  why(flow: FlowDescription): Promise<Why>;
  /** What happened, and how long each uplink worked. */
  history(query?: HistoryQuery): History;
  /** Takes the frames that were for the gateway itself, and that it does not answer. */
  takePassed(): PassedFrame[];
  /** Sends a complete frame out of a device, by its position in the plan; false when the way there is full. */
  inject(device: number, octets: Uint8Array): boolean;
  /** Returns the function that removes the listener. */
  on<T extends NptdEventType>(type: T, listener: NptdListener<T>): () => void;
  /** Takes down what it made; safe to call at any time and more than once. */
  close(): Promise<void>;
}

/** A gateway that is not started yet. Throws an `NptdError` with all issues of a configuration that is not valid. */
export function createNptd(config: NptdConfig | string, options: NptdOptions = {}): Nptd {
  return new Gateway(readConfig(config, options.file), options);
}
