/** The source files that house rules are about, with the little parsing they need. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

export interface SourceFile {
  /** Path from the root of the project, with forward slashes. */
  readonly path: string;
  readonly lines: readonly string[];
}

/** Generated files obey their generator. */
const GENERATED = new Set(['src/native/binding.js', 'src/native/binding.d.ts']);

export function sourceFiles(folder: string, endings: readonly string[]): SourceFile[] {
  const entries = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(ROOT, path), lines: readFileSync(path, 'utf8').split('\n') }))
    .filter((file) => !GENERATED.has(file.path) && !/(^|\/)(target|node_modules|dist)\//.test(file.path));
}

/** Lines up to the unit tests at the end of a Rust file. */
export function withoutTests(file: SourceFile): readonly string[] {
  const start = file.lines.findIndex((line) => line.startsWith('#[cfg(test)]'));
  return start < 0 ? file.lines : file.lines.slice(0, start);
}

export interface FunctionSpan {
  readonly name: string;
  readonly lines: number;
}

/** Functions and methods by indentation: both languages are formatted by a tool, so the closing brace stands alone. */
export function functionsOf(lines: readonly string[]): FunctionSpan[] {
  const opening =
    /^(\s*)(?:export |default |pub(?:\([a-z]+\))? |private |protected |static |override |readonly |const |unsafe |extern "C" )*(?:async )?(?:fn|function\*?) ([\w#]+)|^(\s+)(?:private |protected |static |override |async )*(#?[a-z]\w*)\([^)]*\)(?:: [^{]+)? \{$/;
  return lines.flatMap((line, start) => {
    const match = opening.exec(line);
    const name = match?.[2] ?? match?.[4];
    if (match === null || name === undefined || /^(if|for|while|switch|catch|match|return)$/.test(name)) return [];
    const indent = match[1] ?? match[3] ?? '';
    const end = lines.findIndex((other, at) => at > start && (other === `${indent}}` || other === `${indent}};`));
    return end < 0 ? [] : [{ name, lines: end - start + 1 }];
  });
}
