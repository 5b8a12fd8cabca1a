/**
 * The loop of the control plane: take an event, reduce it, run its effects in order. It owns the order, and neither
 * state nor detail. An event is taken when the effects of the one before have run, so at most one plan is being applied
 * at a time, and what the next event is reduced on knows whether that plan was taken.
 */
import type { DataPlane } from '../native/data-plane.ts';
import { assertNever } from '../result.ts';
import type { ControlNotice, LogEntry } from './notice.ts';
import type { ProbeAssignment } from './probe/assignment.ts';
import { reduce } from './reduce.ts';
import { type ControlEvent, type ControlState, type Effect, INITIAL_STATE } from './state.ts';

/** What effects act on. */
export interface ControllerHost {
  readonly dataPlane: Pick<DataPlane, 'applyPlan' | 'setProbes'>;
  /** Learns what the targets of all others mean that are asked by HTTP. */
  readonly httpProber: { setProbes(assignments: readonly ProbeAssignment[]): void };
  /** Takes the assignments with transport `raw-socket`. */
  readonly rawSocketProber: { setProbes(assignments: readonly ProbeAssignment[]): void };
  log(entry: LogEntry): void;
  emit(notice: ControlNotice): void;
  /** Wall clock in milliseconds. */
  now(): number;
}

export class Controller {
  readonly #host: ControllerHost;
  #state = INITIAL_STATE;
  #closed = false;
  /** Settles when all events so far are dealt with. */
  #tail: Promise<void> = Promise.resolve();

  constructor(host: ControllerHost) {
    this.#host = host;
  }

  get state(): ControlState {
    return this.#state;
  }

  /**
   * Takes an event. Resolves when its effects have run; rejects with the data plane's error if its plan was refused,
   * after which the rest of its effects did not run, and the state is what it was but for what was observed.
   */
  dispatch(event: ControlEvent): Promise<void> {
    if (this.#closed) return Promise.resolve();
    const done = this.#tail.then(() => this.#take(event));
    // The next event is taken whatever became of this one.
    this.#tail = done.catch(() => {});
    return done;
  }

  /** Takes no more events and waits for those that were taken. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#tail;
  }

  async #take(event: ControlEvent): Promise<void> {
    const { state, observed, effects } = reduce(this.#state, event);
    this.#state = observed;
    for (const effect of effects) await this.#run(effect, state);
  }

  /** @param planned the state that holds when the plan among the effects is in force */
  async #run(effect: Effect, planned: ControlState): Promise<void> {
    switch (effect.type) {
      case 'apply-plan': {
        const { cause, plan } = effect;
        const { generation } = plan;
        await this.#host.dataPlane.applyPlan(plan);
        this.#state = planned;
        return this.#host.emit({ type: 'plan-applied', atMs: this.#host.now(), cause, generation });
      }
      case 'set-probes':
        return this.#setProbes(effect.probes);
      case 'log':
        return this.#host.log(effect.entry);
      case 'emit':
        return this.#host.emit(effect.notice);
      default:
        return assertNever(effect);
    }
  }

  #setProbes(probes: readonly ProbeAssignment[]): void {
    const [own, raw] = [probes.filter(isDataPath), probes.filter((probe) => !isDataPath(probe))];
    this.#host.httpProber.setProbes(own);
    this.#host.dataPlane.setProbes(own.map(({ options }) => options));
    this.#host.rawSocketProber.setProbes(raw);
  }
}

function isDataPath({ transport }: ProbeAssignment): boolean {
  return transport === 'data-path';
}
