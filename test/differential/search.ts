/** The search for differences: seeded sequences for a while, the first failing one shrunk. */
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { anyEvent } from './any-event.ts';
import { anySite } from './any-site.ts';
import type { Implementations } from './compare.ts';
import { playEvents } from './play.ts';
import type { Recording, Step } from './recording.ts';
import { differenceOf, shrink } from './shrink.ts';
import { optionsOf } from './site.ts';
import { Tally } from './tally.ts';

export interface SearchLimits {
  readonly seed: number;
  readonly seconds: number;
  /** Goes on beyond the time until so many packets are through. */
  readonly packetsMin: number;
}

const SEQUENCES_PER_SEED = 30;

/** Many short lives and a few long ones. */
const anySequence = fc.tuple(
  anySite,
  fc.oneof(
    { weight: 15, arbitrary: fc.array(anyEvent, { minLength: 60, maxLength: 420, size: 'max' }) },
    { weight: 1, arbitrary: fc.array(anyEvent, { minLength: 600, maxLength: 1600, size: 'max' }) },
  ),
);

/** A sequence on which the implementations differ. */
export interface Found {
  readonly seed: number;
  readonly recording: Recording;
}

export interface SearchResult {
  readonly tally: Tally;
  readonly found: Found | undefined;
}

/** Plays sequences until the limits are reached or the implementations differ. */
export async function search(implementations: Implementations, limits: SearchLimits): Promise<SearchResult> {
  const tally = new Tally();
  const endMs = Date.now() + limits.seconds * 1000;
  let found: Found | undefined;
  for (let round = 0; found === undefined && (Date.now() < endMs || tally.packets < limits.packetsMin); round += 1) {
    found = searchRound(implementations, limits.seed + round, tally);
    // Engines that are done with give their memory back between two turns only.
    await setImmediate();
  }
  return { tally, found };
}

/** One seed: a number of sequences that takes about a second. */
function searchRound(implementations: Implementations, seed: number, tally: Tally): Found | undefined {
  const property = fc.property(anySequence, ([site, events]) => playEvents(site, events, implementations, tally));
  const details = fc.check(property, { seed, numRuns: SEQUENCES_PER_SEED, endOnFailure: true });
  if (!details.failed || details.counterexample === null) {
    return undefined;
  }
  const [[site, events]] = details.counterexample;
  const steps: Step[] = [];
  const note = differenceOf(() => playEvents(site, events, implementations, new Tally(), steps));
  const recording = { note: note ?? 'the sequence does not fail again', options: optionsOf(site), steps };
  return { seed, recording: shrink(recording, implementations) };
}
