/**
 * Time for timers out of the wall clock of the events: a step of that clock, as at boot, is not time that passed. An event
 * comes at least every second, so that longer gaps are steps, or a machine that slept.
 */
export interface Clock {
  /** Milliseconds that passed since the first event. */
  readonly nowMs: number;
  /** Wall clock of the last event; absent: there was none. */
  readonly lastAtMs?: number;
}

export const STOPPED: Clock = { nowMs: 0 };

const GAP_MS_MAX = 10_000;

export function advance({ nowMs, lastAtMs = Infinity }: Clock, atMs: number): Clock {
  return { nowMs: nowMs + Math.min(Math.max(0, atMs - lastAtMs), GAP_MS_MAX), lastAtMs: atMs };
}
