/** Makes a failing recording as short and its plans as plain as they can be. */
import type { Plan } from '../../src/plan/plan.ts';
import type { Implementations } from './compare.ts';
import { playRecording, type Recording, type Step } from './recording.ts';

/** A flood that matters leaves thousands of steps, each of which would be left out once. */
const SECONDS_MAX = 60;

/** The shortest recording found in time that still fails; the same one if it does not fail when it is replayed. */
export function shrink(recording: Recording, implementations: Implementations): Recording {
  return new Shrinking(implementations).shrink(recording);
}

/** What a run says when it fails; undefined when it does not. */
export function differenceOf(run: () => void): string | undefined {
  try {
    run();
  } catch (error) {
    if (!(error instanceof Error)) {
      return String(error);
    }
    return error.name === 'Difference' ? error.message : (error.stack ?? error.message);
  }
  return undefined;
}

class Shrinking {
  readonly #implementations: Implementations;
  readonly #endMs = Date.now() + SECONDS_MAX * 1000;

  constructor(implementations: Implementations) {
    this.#implementations = implementations;
  }

  shrink(recording: Recording): Recording {
    let best = this.#failing(recording) ?? recording;
    for (let chunk = Math.ceil(best.steps.length / 2); chunk >= 1; chunk = Math.floor(chunk / 2)) {
      best = this.#withoutChunks(best, chunk);
    }
    best = this.#plainer(best);
    // What a single step did may have depended on one that has gone since.
    return this.#withoutChunks(best, 1);
  }

  /** The recording up to the step at which it fails; undefined if it does not. */
  #failing(recording: Recording): Recording | undefined {
    let last = 0;
    const note = differenceOf(() =>
      playRecording(recording, this.#implementations, (step) => {
        last = step;
      }),
    );
    return note === undefined ? undefined : { ...recording, note, steps: recording.steps.slice(0, last + 1) };
  }

  /** Tries to leave out every run of `chunk` steps, from the end on; the first step is the plan. */
  #withoutChunks(recording: Recording, chunk: number): Recording {
    let best = recording;
    for (let start = best.steps.length - chunk; start >= 1 && this.#goesOn(); start -= chunk) {
      const steps: readonly Step[] = [...best.steps.slice(0, start), ...best.steps.slice(start + chunk)];
      best = this.#failing({ ...best, steps }) ?? best;
    }
    return best;
  }

  /** Tries to make all plans plainer at once, in every way there is. */
  #plainer(recording: Recording): Recording {
    let best = recording;
    for (const simplify of SIMPLIFICATIONS) {
      for (let index = 0; this.#goesOn(); index += 1) {
        const steps = best.steps.map((step) => ('plan' in step ? { ...step, plan: simplify(step.plan, index) } : step));
        if (JSON.stringify(steps) === JSON.stringify(best.steps)) break;
        const plainer = this.#failing({ ...best, steps });
        if (plainer !== undefined) {
          best = plainer;
          index -= 1;
        }
      }
    }
    return best;
  }

  #goesOn(): boolean {
    return Date.now() < this.#endMs;
  }
}

/** Each leaves out the part with a number, and changes nothing where there is none. */
const SIMPLIFICATIONS: readonly ((plan: Plan, index: number) => Plan)[] = [
  (plan, index) => {
    const staticMappings = plan.nat44.staticMappings.filter((_, at) => at !== index);
    return { ...plan, nat44: { ...plan.nat44, staticMappings } };
  },
  (plan, index) => ({ ...plan, nat44: { ...plan.nat44, exempt: plan.nat44.exempt.filter((_, at) => at !== index) } }),
  (plan, index) => ({
    ...plan,
    uplinks: plan.uplinks.map((uplink) =>
      uplink.ipv4 === undefined
        ? uplink
        : { ...uplink, ipv4: { ...uplink.ipv4, reserved: uplink.ipv4.reserved.filter((_, at) => at !== index) } },
    ),
  }),
  (plan, index) => ({ ...plan, routes: plan.routes.filter((_, at) => at !== index) }),
];
