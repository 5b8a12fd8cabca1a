/** Makes a failing recording as short as it can be by leaving steps out. */
import { type Implementations, playRecording } from './play.ts';
import type { Recording, Step } from './recording.ts';

/** A flood that matters leaves thousands of steps, each of which would be left out once. */
const SECONDS_MAX = 60;

/** The shortest recording found in time that still fails; the same one if it does not fail when it is replayed. */
export function shrink(recording: Recording, implementations: Implementations): Recording {
  const endMs = Date.now() + SECONDS_MAX * 1000;
  let best = recording;
  for (let chunk = Math.ceil(recording.steps.length / 2); chunk >= 1; chunk = Math.floor(chunk / 2)) {
    best = withoutChunks(best, chunk, implementations, endMs);
  }
  // What a single step did may have depended on one that has gone since.
  return withoutChunks(best, 1, implementations, endMs);
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

/** Tries to leave out every run of `chunk` steps, from the end on; the first step is the plan. */
function withoutChunks(
  recording: Recording,
  chunk: number,
  implementations: Implementations,
  endMs: number,
): Recording {
  let best = recording;
  for (let start = best.steps.length - chunk; start >= 1 && Date.now() < endMs; start -= chunk) {
    const steps: readonly Step[] = [...best.steps.slice(0, start), ...best.steps.slice(start + chunk)];
    const note = differenceOf(() => playRecording({ ...best, steps }, implementations));
    if (note !== undefined) {
      best = { ...best, note, steps };
    }
  }
  return best;
}
