/** Plays a sequence of events, or a recording of one, on two translators. */
import type { Translator, TranslatorOptions } from '../../src/reference/translator.ts';
import { Pair } from './compare.ts';
import type { Event } from './event.ts';
import { type Arrival, type Datagram, realise } from './realise.ts';
import type { Recording, Step } from './recording.ts';
import { changed, optionsOf, planOf, type Site, START } from './site.ts';

export interface Implementations {
  readonly reference: (options: TranslatorOptions) => Translator;
  readonly native: (options: TranslatorOptions) => Translator;
}

/** Counts of what was played, by verdict. */
export class Tally {
  sequences = 0;
  packets = 0;
  readonly verdicts = new Map<string, number>();
  readonly outputs = new Map<string, number>();

  count(verdict: string, kinds: readonly string[]): void {
    this.packets += 1;
    this.verdicts.set(verdict, (this.verdicts.get(verdict) ?? 0) + 1);
    for (const kind of kinds) {
      this.outputs.set(kind, (this.outputs.get(kind) ?? 0) + 1);
    }
  }
}

const HISTORY_MAX = 16;
/** Reading whole tables is slow on both sides. */
const STEPS_PER_COMPARISON = 6;
const STEP_US = 1_700;

/**
 * Plays events from a fresh start and records what it does.
 * @param steps receives every step, so that a failure can be kept
 * @throws Difference
 */
export function playEvents(
  site: Site,
  events: readonly Event[],
  implementations: Implementations,
  tally: Tally,
  steps: Step[] = [],
): void {
  const options = optionsOf(site);
  const pair = new Pair(implementations.reference(options), implementations.native(options));
  const left: Arrival[] = [];
  const arrived: Arrival[] = [];
  const datagrams: Datagram[] = [];
  let state = START;
  let nowUs = 0;
  let plan = planOf(site, state, 1);
  const apply = () => {
    steps.push({ atUs: nowUs, plan });
    pair.applyPlan(plan);
    pair.compareTables(nowUs);
  };
  apply();
  for (const [index, event] of events.entries()) {
    nowUs += event.type === 'wait' ? event.ms * 1000 : STEP_US;
    if (event.type === 'plan') {
      state = changed(state, event);
      plan = planOf(site, state, plan.generation + 1);
      apply();
      continue;
    }
    const history = {
      plan,
      mappings: () => pair.mappings(nowUs),
      sessions: () => pair.sessions(nowUs),
      left,
      arrived,
      datagrams,
    };
    for (const arrival of realise(event, history, (datagram) => datagrams.push(datagram))) {
      steps.push({ atUs: nowUs, ...arrival });
      const { verdict, outgoing } = pair.process(arrival.device, arrival.packet, nowUs);
      tally.count(
        verdict,
        outgoing.map(({ kind }) => kind),
      );
      left.push(...outgoing.map(({ device, octets }) => ({ device, packet: octets })));
      if (verdict === 'Forward') {
        arrived.push(arrival);
      }
      forget(left);
      forget(arrived);
      forget(datagrams);
    }
    if (index % STEPS_PER_COMPARISON === 0) {
      pair.compareTables(nowUs);
    }
  }
  pair.compareTables(nowUs);
  tally.sequences += 1;
}

function forget(history: unknown[]): void {
  history.splice(0, history.length - HISTORY_MAX);
}

/** Plays a recording, comparing everything after each step. */
export function playRecording(recording: Recording, implementations: Implementations): void {
  const { options, steps } = recording;
  const pair = new Pair(implementations.reference(options), implementations.native(options));
  for (const step of steps) {
    if ('plan' in step) {
      pair.applyPlan(step.plan);
    } else {
      pair.process(step.device, step.packet, step.atUs);
    }
    pair.compareTables(step.atUs);
  }
}
