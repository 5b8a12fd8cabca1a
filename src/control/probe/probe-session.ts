/**
 * The schedule of probes of one list of targets, without any input or output: the data path has its own in Rust,
 * and this one, with the same rules, serves the raw-socket transport.
 *
 * `poll` gives what is to be sent now, `expire` what has missed by now, `answer` what an answer proves; `nextAtUs`
 * says when to come back. Times are microseconds on one monotonic clock.
 */
import type { ProbeOptions, ProbeSample } from '../../native/data-plane.ts';

/** One probe to be sent. */
export interface OutgoingProbe {
  /** 16 bits; an answer brings it back. */
  readonly sequence: number;
  /** Position in `ProbeOptions.targets`. */
  readonly target: number;
}

interface Pending extends OutgoingProbe {
  readonly round: number;
  readonly burst: boolean;
  readonly sentAtUs: number;
}

export class ProbeSession {
  #options: ProbeOptions;
  /** Round in which bursts began; absent: single probes. */
  #burstingSince: number | undefined;
  #nextRoundUs: number;
  /** Of the next round; counts from 1. */
  #round = 1;
  #nextTarget = 0;
  #sequence = 0;
  /** By sequence, the oldest first. At most targets * (timeout / interval + 1). */
  readonly #pending = new Map<number, Pending>();

  constructor(options: ProbeOptions, nowUs: number) {
    this.#options = options;
    this.#nextRoundUs = nowUs;
  }

  /** Takes new options over; probes on their way are still judged, by the new timeout. */
  configure(options: ProbeOptions, nowUs: number): void {
    // A shorter interval counts from the last round on: what was probed seldom may be due at once.
    const sooner = Math.max(0, this.#options.intervalMs - options.intervalMs) * 1000;
    this.#nextRoundUs = Math.min(this.#nextRoundUs, Math.max(nowUs, this.#nextRoundUs - sooner));
    this.#options = options;
    if (this.#burstingSince !== undefined && this.#burstingSince <= options.calmRound) this.#burstingSince = undefined;
  }

  /** When `poll` or `expire` has something to do next. */
  nextAtUs(): number {
    const [oldest] = this.#pending.values();
    return oldest === undefined ? this.#nextRoundUs : Math.min(this.#nextRoundUs, this.#deadline(oldest));
  }

  /** The probes to send at this instant; they count as sent. */
  poll(nowUs: number): OutgoingProbe[] {
    if (nowUs < this.#nextRoundUs) return [];
    const intervalUs = this.#options.intervalMs * 1000;
    // Rounds that a late event loop missed are not made up for.
    const nextUs = this.#nextRoundUs + intervalUs;
    this.#nextRoundUs = nextUs > nowUs ? nextUs : nowUs + intervalUs;
    const burst = this.#burstingSince !== undefined;
    const round = this.#round++;
    return this.#targetsOfRound(burst).map((target) => this.#send({ target, round, burst }, nowUs));
  }

  /** The probes that are overdue at this instant. One that was no part of a burst starts bursts at once. */
  expire(nowUs: number): ProbeSample[] {
    const overdue = [...this.#pending.values()].filter((probe) => this.#deadline(probe) <= nowUs);
    for (const probe of overdue) this.#pending.delete(probe.sequence);
    if (this.#burstingSince === undefined && overdue.some(({ burst }) => !burst)) {
      this.#burstingSince = this.#round;
      this.#nextRoundUs = nowUs;
    }
    return overdue.map((probe) => this.#sample(probe));
  }

  /**
   * What an answer proves; undefined if it answers nothing that is waited for. Until `expire` has called it a miss
   * an answer counts, however late: a busy event loop reads it long after it came in.
   */
  answer(sequence: number, nowUs: number): ProbeSample | undefined {
    const probe = this.#pending.get(sequence);
    if (probe === undefined) return undefined;
    this.#pending.delete(sequence);
    return { ...this.#sample(probe), rttUs: nowUs - probe.sentAtUs };
  }

  /** Position of the target that an answer with this sequence must come from. */
  targetOf(sequence: number): number | undefined {
    return this.#pending.get(sequence)?.target;
  }

  /** Forgets what is on its way: it is neither answered nor missed. */
  abandon(): void {
    this.#pending.clear();
  }

  #targetsOfRound(burst: boolean): number[] {
    const count = this.#options.targets.length;
    if (burst) return Array.from({ length: count }, (_, target) => target);
    const target = this.#nextTarget % count;
    this.#nextTarget = target + 1;
    return [target];
  }

  #send(probe: { target: number; round: number; burst: boolean }, nowUs: number): OutgoingProbe {
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) & 0xffff;
    this.#pending.set(sequence, { ...probe, sequence, sentAtUs: nowUs });
    return { sequence, target: probe.target };
  }

  #deadline(probe: Pending): number {
    return probe.sentAtUs + this.#options.timeoutMs * 1000;
  }

  #sample({ target, round, burst, sentAtUs }: Pending): ProbeSample {
    const { slot, family, list } = this.#options;
    return { slot, family, list, target, round, burst, sentAtUs };
  }
}
