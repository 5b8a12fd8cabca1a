/** Asks again and again until the answer is there; undefined when it does not come in time. */
export async function until<T>(
  ask: () => Promise<T | undefined>,
  timeoutMs: number,
  pauseMs = 50,
): Promise<T | undefined> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined || performance.now() >= end) return answer;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** Time between the starts of two attempts. */
const ATTEMPT_MS = 150;

/**
 * Starts an attempt every so often, without waiting for the one before, until one succeeds.
 * @returns when that one had been started, as `performance.now()`; undefined if none succeeded in time
 */
export async function firstSuccess(attempt: () => Promise<boolean>, timeoutMs: number): Promise<number | undefined> {
  const end = performance.now() + timeoutMs;
  let first: number | undefined;
  const running: Promise<void>[] = [];
  while (first === undefined && performance.now() < end) {
    const started = performance.now();
    const note = (succeeded: boolean) => {
      if (succeeded) first = Math.min(first ?? started, started);
    };
    running.push(attempt().then(note));
    await new Promise((resolve) => setTimeout(resolve, ATTEMPT_MS));
  }
  // An attempt that was started earlier may still succeed.
  await Promise.all(running);
  return first;
}
