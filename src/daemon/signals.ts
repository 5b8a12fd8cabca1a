/** SIGINT and SIGTERM as an abort signal: the first asks to end, the second does not wait for it. */

const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;

export interface EndSignal {
  /** Aborted by the first signal, with its name as the reason. */
  readonly signal: AbortSignal;
  /** Gives the signals back to whoever had them. */
  release(): void;
}

/** @param force ends the process at once, with the exit code that shells give for the signal */
export function listenForEnd(force: (exitCode: number) => void = (code) => process.exit(code)): EndSignal {
  const controller = new AbortController();
  const take = (name: keyof typeof SIGNALS) => {
    if (controller.signal.aborted) force(128 + SIGNALS[name]);
    else controller.abort(name);
  };
  const listeners = [
    ['SIGINT', () => take('SIGINT')],
    ['SIGTERM', () => take('SIGTERM')],
  ] as const;
  for (const [name, listener] of listeners) process.on(name, listener);
  return {
    signal: controller.signal,
    release() {
      for (const [name, listener] of listeners) process.off(name, listener);
    },
  };
}

/** Calls back at each SIGHUP; returns the function that gives the signal back. */
export function listenForReload(reload: () => void): () => void {
  process.on('SIGHUP', reload);
  return () => process.off('SIGHUP', reload);
}
