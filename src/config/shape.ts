import type { z } from 'zod';
import type { ConfigPath, Report } from './issue.ts';
import { nearestName } from './nearest.ts';
import { type ConfigDraft, fileSchema } from './schema.ts';

type Issue = z.core.$ZodIssue;

/**
 * Reads the shape of the data and reports what does not fit. What fits is returned all the same: wrong values are
 * left out, so that the rules can go on with the others.
 */
export function readShape(root: unknown, report: Report): ConfigDraft {
  // An empty file is an empty map: what is missing in it says more than its type.
  let rest: unknown = structuredClone(root ?? {});
  for (;;) {
    const parsed = fileSchema.safeParse(rest);
    if (parsed.success) return parsed.data;
    const issues = parsed.error.issues.flatMap((issue) => flatten(issue, rest));
    for (const issue of issues) reportIssue(issue, root, report);
    if (issues.some((issue) => issue.path.length === 0 && issue.code !== 'unrecognized_keys')) return {};
    for (const issue of issues) rest = without(rest, issue);
  }
}

/** Of a union the branch that the file's author chose, as far as the type of the value tells. */
function flatten(issue: Issue, root: unknown): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const value = valueAt(root, pathOf(issue));
  const otherwise = Array.isArray(value) ? issue.errors.at(-1) : issue.errors[0];
  const branch = issue.errors.find((issues) => fitsType(issues, value)) ?? otherwise;
  return (branch ?? []).flatMap((inner) => flatten({ ...inner, path: [...issue.path, ...inner.path] }, root));
}

/** Whether a branch refuses the value for something else than its type. */
function fitsType(issues: readonly Issue[], value: unknown): boolean {
  return issues.every((issue) => {
    if (issue.path.length > 0) return true;
    if (issue.code === 'invalid_union') return issue.errors.some((inner) => fitsType(inner, value));
    return issue.code !== 'invalid_type' && (issue.code !== 'invalid_value' || typeof value !== 'object');
  });
}

function reportIssue(issue: Issue, root: unknown, report: Report): void {
  const path = pathOf(issue);
  const found = describeValue(valueAt(root, path));
  switch (issue.code) {
    case 'unrecognized_keys': {
      // The schema gives the known keys as the message.
      const known = issue.message.split(', ');
      for (const key of issue.keys) {
        const nearest = nearestName(key, known);
        report([...path, key], { code: 'unknown-key', key, known, ...(nearest === undefined ? {} : { nearest }) });
      }
      return;
    }
    case 'invalid_type':
      report(path, { code: 'wrong-type', expected: issue.message, found });
      return;
    case 'invalid_value':
      report(path, { code: 'bad-value', reason: `expected ${issue.message}, found ${found}` });
      return;
    case 'invalid_key':
      report(path, { code: 'bad-name', reason: issue.issues[0]?.message ?? issue.message });
      return;
    case 'custom':
      report(path, { code: 'bad-value', reason: issue.message });
      return;
    default:
      report(path, { code: 'bad-value', reason: `${issue.message}, found ${found}` });
  }
}

/** The data less what an issue is about; list entries keep their positions. */
function without(root: unknown, issue: Issue): unknown {
  const path = pathOf(issue);
  const gone = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...path, key]) : [path];
  for (const target of gone) {
    const holder = valueAt(root, target.slice(0, -1));
    const last = target.at(-1);
    if (last === undefined || typeof holder !== 'object' || holder === null) continue;
    if (Array.isArray(holder)) holder[Number(last)] = undefined;
    else Reflect.deleteProperty(holder, last);
  }
  return root;
}

function pathOf(issue: Issue): ConfigPath {
  return issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
}

function valueAt(root: unknown, path: ConfigPath): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}

function describeValue(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'number') return `the number ${value}`;
  return JSON.stringify(value);
}
