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
