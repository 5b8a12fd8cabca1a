import type { ConfigPath, Report } from './issue.ts';

/** What the checks of a draft have in common. */
export interface DraftContext {
  readonly report: Report;
  /** Whether the file has something at a path, even if it could not be read and is not in the draft. */
  given(path: ConfigPath): boolean;
  /** Names of all uplinks in the file, in its order. */
  readonly uplinkNames: readonly string[];
}

/** The entries of a list that could be read, with their positions. */
export function readEntries<T>(list: readonly (T | undefined)[] | undefined): { entry: T; index: number }[] {
  return (list ?? []).flatMap((entry, index) => (entry === undefined ? [] : [{ entry, index }]));
}

/** One value or a list of them, as a list with the path of each. */
export function oneOrMoreEntries<T extends object>(
  value: T | readonly (T | undefined)[] | undefined,
  path: ConfigPath,
): { entry: T; path: ConfigPath }[] {
  if (value === undefined) return [];
  if (!isList(value)) return [{ entry: value, path }];
  return readEntries(value).map(({ entry, index }) => ({ entry, path: [...path, index] }));
}

/** Reports a key that the file does not have; one that it has but that could not be read is reported already. */
export function need<T>(
  value: T | undefined,
  path: ConfigPath,
  key: string,
  context: DraftContext,
  hint?: string,
): T | undefined {
  if (value === undefined && !context.given([...path, key])) {
    context.report(path, { code: 'missing-key', key, ...(hint === undefined ? {} : { hint }) });
  }
  return value;
}

function isList<T extends object>(value: T | readonly (T | undefined)[]): value is readonly (T | undefined)[] {
  return Array.isArray(value);
}
