/** The command line that all suites share: `[--json FILE] [--quick] [CASE]`. */

export interface SuiteOptions {
  /** File to write the results to. */
  readonly json?: string;
  /** Short rounds: to see that it works, not to quote. */
  readonly quick: boolean;
  /** Only cases whose names contain this. */
  readonly wanted: string;
}

export class UsageError extends Error {}

/**
 * What is left of a command line when the options that one suite has for itself are taken out.
 * Throws a `UsageError` for anything else, which also names those.
 */
export function parseOptions(given: readonly string[], own = ''): SuiteOptions {
  const usage = `usage: ${own}[--json FILE] [--quick] [CASE]`;
  let options: SuiteOptions = { quick: false, wanted: '' };
  const words = given.values();
  for (const word of words) {
    if (word === '--json') {
      const { value, done } = words.next();
      if (done || value.startsWith('--')) throw new UsageError(`--json needs the name of a file\n${usage}`);
      options = { ...options, json: value };
    } else if (word === '--quick') options = { ...options, quick: true };
    else if (word.startsWith('-')) throw new UsageError(`there is no option ${word}\n${usage}`);
    else if (options.wanted !== '') throw new UsageError(`one case at a time, or a part of its name\n${usage}`);
    else options = { ...options, wanted: word };
  }
  return options;
}

/**
 * Takes an option with a whole number out of a command line: its value, absent if it is not there, and what else was given.
 * Throws a `UsageError` if it is none of `low` to `high`.
 */
export function takeNumber(given: readonly string[], option: string, low: number, high: number): Taken {
  const place = given.indexOf(option);
  if (place < 0) return { rest: given };
  const text = given[place + 1] ?? '';
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < low || value > high) {
    throw new UsageError(`${option} takes a whole number from ${low} to ${high}`);
  }
  return { value, rest: [...given.slice(0, place), ...given.slice(place + 2)] };
}

export interface Taken {
  readonly value?: number;
  readonly rest: readonly string[];
}

/** The cases whose names contain what was asked for. Throws a `UsageError` if there is none. */
export function chosen<T extends { readonly name: string }>(cases: readonly T[], { wanted }: SuiteOptions): T[] {
  const found = cases.filter(({ name }) => name.includes(wanted));
  if (found.length > 0) return found;
  throw new UsageError(`no case is called "${wanted}"; there are ${cases.map(({ name }) => name).join(', ')}`);
}
