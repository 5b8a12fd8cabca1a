/**
 * Time as a busy process may count it: while the event loop is late, answers wait unread, and nobody's time is over. It is to
 * be asked every `TICK_MS`.
 */
export const TICK_MS = 50;

/** A tick that comes later than this came late. */
const LATE_MS = 2 * TICK_MS;

export class Patience {
  #lastMs: number;
  #wasLate = false;

  constructor(nowMs: number) {
    this.#lastMs = nowMs;
  }

  /**
   * `countedMs`: how much of the time since the last tick counts; `isFair`: whether anybody's time may be over now. After a late
   * tick the loop first reads what has come meanwhile; one that is always late counts slowly, but goes on.
   */
  tick(nowMs: number): { readonly countedMs: number; readonly isFair: boolean } {
    const elapsedMs = nowMs - this.#lastMs;
    const isLate = elapsedMs > LATE_MS;
    const isFair = !isLate || this.#wasLate;
    this.#lastMs = nowMs;
    this.#wasLate = isLate;
    return { countedMs: isLate ? TICK_MS : elapsedMs, isFair };
  }
}
