/** The folder of recordings on which the implementations once differed. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type Recording, readRecording, writeRecording } from './recording.ts';

const FOLDER = new URL('../../fixtures/regressions/', import.meta.url);

export function regressionNames(): string[] {
  return readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
}

export function readRegression(name: string): Recording {
  return readRecording(readFileSync(new URL(name, FOLDER), 'utf8'));
}

/** Keeps a recording that was found from a seed, and says under which name. */
export function keepRegression(seed: number, recording: Recording): string {
  const name = freeName(seed);
  writeFileSync(new URL(name, FOLDER), writeRecording(recording));
  return name;
}

/** One that replaces none of an earlier run from the same seed. */
function freeName(seed: number): string {
  const numbered = (number: number) => (number === 1 ? `${seed}.json` : `${seed}-${number}.json`);
  let number = 1;
  while (existsSync(new URL(numbered(number), FOLDER))) {
    number += 1;
  }
  return numbered(number);
}
