/** Probes in virtual time: the schedule of the raw-socket transport, which has the data path's rules, and a network. */
import { ProbeSession } from '../../../src/control/probe/probe-session.ts';
import type { ProbeOptions, ProbeSample } from '../../../src/native/data-plane.ts';

/** Round-trip time in milliseconds of a probe sent now to a target; undefined: it gets lost. */
export type SimulatedNetwork = (target: number, nowMs: number) => number | undefined;

export class SimulatedProbes {
  readonly #session: ProbeSession;
  readonly #network: SimulatedNetwork;
  #answers: { readonly atUs: number; readonly sequence: number }[] = [];
  #options: ProbeOptions;
  nowUs = 0;

  constructor(options: ProbeOptions, network: SimulatedNetwork) {
    this.#options = options;
    this.#session = new ProbeSession(options, 0);
    this.#network = network;
  }

  /** Bursts that began in this round, or before, are over. */
  calm(calmRound: number): void {
    this.configure({ ...this.#options, calmRound });
  }

  configure(options: ProbeOptions): void {
    this.#options = options;
    this.#session.configure(options, this.nowUs);
  }

  /** Goes on to an instant; `take` gets each sample at the instant it is finished. */
  runUntil(endMs: number, take: (sample: ProbeSample) => void): void {
    for (;;) {
      const nextAnswer = Math.min(...this.#answers.map(({ atUs }) => atUs));
      const nextUs = Math.max(this.nowUs, Math.min(nextAnswer, this.#session.nextAtUs()));
      if (nextUs > endMs * 1000) break;
      this.nowUs = nextUs;
      this.#step(take);
    }
    this.nowUs = endMs * 1000;
  }

  #step(take: (sample: ProbeSample) => void): void {
    const arrived = this.#answers.filter(({ atUs }) => atUs <= this.nowUs);
    this.#answers = this.#answers.filter(({ atUs }) => atUs > this.nowUs);
    for (const { sequence } of arrived) {
      const sample = this.#session.answer(sequence, this.nowUs);
      if (sample !== undefined) take(sample);
    }
    for (const sample of this.#session.expire(this.nowUs)) take(sample);
    for (const { sequence, target } of this.#session.poll(this.nowUs)) {
      const rttMs = this.#network(target, this.nowUs / 1000);
      if (rttMs !== undefined) this.#answers.push({ sequence, atUs: this.nowUs + rttMs * 1000 });
    }
  }
}
