/** One conformance case: a name that starts with the requirement it shows, and a story. */
import { describe, test } from 'vitest';
import type { Plan } from '../../src/plan/plan.ts';
import type { TranslatorOptions } from '../../src/reference/translator.ts';
import { twoUplinks } from '../support/plans.ts';
import { type MakeTranslator, OPTIONS, TranslatorBed } from '../support/translator-bed.ts';

/** Milliseconds; a flood of packets takes a while on a busy machine. */
export const TIMEOUT = 60_000;

export interface Case {
  readonly name: string;
  /** The test bed's own plan if not given. */
  readonly plan?: Plan;
  readonly options?: Partial<TranslatorOptions>;
  readonly run: (bed: TranslatorBed) => void;
}

/** Runs a topic's cases on one implementation. */
export function runCases(topic: string, cases: readonly Case[], make: MakeTranslator): void {
  describe(topic, () => {
    for (const { name, plan, options, run } of cases) {
      test(name, { timeout: TIMEOUT }, () => {
        run(new TranslatorBed((more) => make({ ...OPTIONS, ...options, ...more }), plan ?? twoUplinks()));
      });
    }
  });
}
