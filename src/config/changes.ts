/** What differs between two configuration files, in the words of the files. Pure. */
import { pathText } from './describe.ts';
import type { ConfigPath } from './issue.ts';

/**
 * One sentence for each key that was added, removed or changed, in the order of the files.
 * @param before data of a file, as YAML has it
 */
export function fileChanges(before: unknown, after: unknown, path: ConfigPath = []): string[] {
  if (isMap(before) && isMap(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => fileChanges(before[key], after[key], [...path, key]));
  }
  const [old, now] = [textOf(before), textOf(after)];
  if (old === now) return [];
  const place = path.length === 0 ? 'the file' : pathText(path);
  if (before === undefined) return [`${place} is added: ${now}`];
  if (after === undefined) return [`${place} is removed (was ${old})`];
  return [`${place}: ${old} → ${now}`];
}

type PlainMap = Readonly<Record<string, unknown>>;

function isMap(value: unknown): value is PlainMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** As it could stand in a file, on one line. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join(', ')}]`;
  if (isMap(value)) {
    const entries = Object.entries(value).map(([key, inner]) => `${key}: ${textOf(inner)}`);
    return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
  }
  return value === null || value === undefined ? 'nothing' : String(value);
}
