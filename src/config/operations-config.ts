/** What the configuration says about people and programs that want to know: journal and hooks. */

export interface JournalConfig {
  /** Absent: the history is gone with the process. */
  readonly file?: string;
  /** Most entries that are kept. */
  readonly entries: number;
}

/** Events that a hook may wait for. */
export const HOOK_EVENTS = [
  'uplink-changed',
  'policy-targets-changed',
  'probes-vetoed',
  'selection-changed',
  'policy-targets-changed',
  'probes-vetoed',
  'flows-leave',
  'address-changed',
  'flows-leave',
  'address-changed',
  'config',
  'operator',
  'device-failed',
  'device-restored',
  'address-conflict',
  'exhausted',
  'started',
  'stopped',
] as const;

export type HookEvent = (typeof HOOK_EVENTS)[number];

/** What is run, or called, when something happens. */
export interface HookConfig {
  /** At least one. */
  readonly on: readonly HookEvent[];
  /** A program with its arguments, or an address that a POST goes to. */
  readonly action: { readonly command: readonly [string, ...string[]] } | { readonly webhook: string };
  /** After this time it is given up. */
  readonly timeoutMs: number;
}
