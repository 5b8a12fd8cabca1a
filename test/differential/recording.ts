/** What was done to a translator, step by step: the form in which failures are kept in fixtures/regressions. */
import type { Plan } from '../../src/plan/plan.ts';
import type { TranslatorOptions } from '../../src/reference/translator.ts';
import { hex, unhex } from '../support/translator-bed.ts';

export type Step =
  | { readonly atUs: number; readonly plan: Plan }
  | { readonly atUs: number; readonly device: number; readonly packet: Uint8Array };

export interface Recording {
  /** What differed when it was found. */
  readonly note: string;
  readonly options: TranslatorOptions;
  readonly steps: readonly Step[];
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
