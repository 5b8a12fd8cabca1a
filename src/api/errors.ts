/** The one error of the library. */
import { type ConfigIssue, renderIssues } from '../config/issue.ts';

/** Stable: programs may tell errors apart by it. */
export type NptdErrorCode =
  /** The configuration has errors; `issues` lists all of them. */
  | 'CONFIG_INVALID'
  /** What was asked for needs a new process: another set of devices or limits. */
  | 'RESTART_REQUIRED'
  /** A privilege is missing to open devices or sockets. */
  | 'PRIVILEGE_MISSING'
  /** A device cannot be opened, for another reason. */
  | 'DEVICE_UNAVAILABLE'
  /** The native addon cannot be loaded. */
  | 'ADDON_UNAVAILABLE'
  /** An optional package is not installed, or cannot be loaded. */
  | 'PACKAGE_MISSING'
  /** The data plane did not accept a plan. */
  | 'PLAN_REFUSED'
  /** An argument cannot be used. */
  | 'INVALID_ARGUMENT'
  /** Too much waits for the data plane already; try again. */
  | 'BUSY'
  /** The gateway is not running, or not any more. */
  | 'NOT_RUNNING'
  /** A name that the configuration does not have. */
  | 'UNKNOWN_NAME'
  /** No probe can be sent; says nothing about the uplink. */
  | 'PROBE_IMPOSSIBLE'
  /** No gateway answers at the control socket, or it refused the request. */
  | 'CONTROL_SOCKET';

export class NptdError extends Error {
  readonly code: NptdErrorCode;
  /** Problems of the configuration, in file order; empty for other codes. */
  readonly issues: readonly ConfigIssue[];

  constructor(code: NptdErrorCode, message: string, options: ErrorOptions & { issues?: readonly ConfigIssue[] } = {}) {
    const { issues = [], ...rest } = options;
    super(message, rest);
    this.name = 'NptdError';
    this.code = code;
    this.issues = issues;
  }
}

export function configInvalid(issues: readonly ConfigIssue[]): NptdError {
  return new NptdError('CONFIG_INVALID', `the configuration is invalid\n${renderIssues(issues).trimEnd()}`, { issues });
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
