/** What was done to a translator, step by step: the form in which failures are kept in fixtures/regressions. */
import type { Plan } from '../../src/plan/plan.ts';
import type { OutgoingPacket, PortRest, TranslationResult, TranslatorOptions } from '../../src/reference/translator.ts';
import { hex, unhex } from '../support/translator-bed.ts';
import { type Implementations, Pair } from './compare.ts';

export type Step = PlanStep | PacketStep | TickStep | RestStep;

export interface PlanStep {
  readonly atUs: number;
  readonly plan: Plan;
}

interface PacketStep {
  readonly atUs: number;
  readonly device: number;
  readonly packet: Uint8Array;
}

interface TickStep {
  readonly atUs: number;
  readonly tick: true;
}

/** Port rests come back, where `fresh` says so in new translators. */
interface RestStep {
  readonly atUs: number;
  readonly rests: readonly PortRest[];
  readonly fresh: boolean;
}

export interface Recording {
  /** What differed when it was found. */
  readonly note: string;
  readonly options: TranslatorOptions;
  readonly steps: readonly Step[];
}

/** Takes a step on both translators. */
export function takeStep(pair: Pair, step: Step): TranslationResult | readonly OutgoingPacket[] {
  if ('plan' in step) {
    pair.applyPlan(step.plan, step.atUs);
    return [];
  }
  if ('packet' in step) {
    return pair.process(step.device, step.packet, step.atUs);
  }
  if ('rests' in step) {
    pair.restorePortRests(step.rests, step.fresh, step.atUs);
    return [];
  }
  return pair.tick(step.atUs);
}

/**
 * Plays a recording, comparing everything after each step.
 * @param taken is told the number of each step before it is taken
 * @throws Difference
 */
export function playRecording(
  { options, steps }: Recording,
  implementations: Implementations,
  taken: (step: number) => void = () => {},
): void {
  const pair = new Pair(implementations, options);
  for (const [index, step] of steps.entries()) {
    taken(index);
    takeStep(pair, step);
    pair.compareTables(step.atUs);
  }
}

const HEX = 'hex:';

/** JSON with octets as `hex:…`. */
export function writeRecording(recording: Recording): string {
  return `${JSON.stringify(recording, (_key, value) => (value instanceof Uint8Array ? HEX + hex(value) : value), 1)}\n`;
}

export function readRecording(json: string): Recording {
  return JSON.parse(json, (_key, value) =>
    typeof value === 'string' && value.startsWith(HEX) ? unhex(value.slice(HEX.length)) : value,
  );
}
