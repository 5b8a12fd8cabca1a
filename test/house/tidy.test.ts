/** Rule 7 and the vocabulary of ARCHITECTURE.md, made to run. */
import { describe, expect, it } from 'vitest';
import { functionsOf, sourceFiles, withoutTests } from './source-tree.ts';

const FUNCTION_LINES_MAX = 70;
const LINES_MAX = { '.rs': 600, '.ts': 400, '.mjs': 400 } as const;

/** Exceptions, each with its reason. */
const LONG_FUNCTIONS: Readonly<Record<string, string>> = {};

const shipped = [
  ...sourceFiles('src', ['.ts']),
  ...sourceFiles('native', ['.rs']),
  ...sourceFiles('scripts', ['.mjs']),
];
const tests = [...sourceFiles('test', ['.ts']), ...sourceFiles('bench', ['.ts'])];

describe('tidy', () => {
  it('finds the source', () => {
    expect(shipped.length).toBeGreaterThan(100);
    expect(tests.length).toBeGreaterThan(10);
  });

  it('no file is where everything meets', () => {
    const tooLong = [...shipped, ...tests].flatMap((file) => {
      const ending = (Object.keys(LINES_MAX) as (keyof typeof LINES_MAX)[]).find((end) => file.path.endsWith(end));
      const lines = withoutTests(file).length;
      return ending !== undefined && lines > LINES_MAX[ending] ? [`${file.path}: ${lines} lines`] : [];
    });
    expect(tooLong).toEqual([]);
  });

  it('a function fits on a screen', () => {
    const tooLong = shipped.flatMap((file) =>
      functionsOf(file.lines)
        .filter((span) => span.lines > FUNCTION_LINES_MAX && LONG_FUNCTIONS[`${file.path}#${span.name}`] === undefined)
        .map((span) => `${file.path}: ${span.name} has ${span.lines} lines`),
    );
    expect(tooLong).toEqual([]);
  });

  it('measures functions at all', () => {
    const longest = Math.max(...shipped.flatMap((file) => functionsOf(file.lines).map((span) => span.lines)));
    expect(longest).toBeGreaterThan(30);
  });

  it('speaks of internal and external, never of the banned words', () => {
    const banned = /\b(?:inside|outside|lan|wan)(?:[_A-Z]\w*)?\b(?=\s*[:=(,.;)?])|\b\w+_(?:inside|outside|lan|wan)\b/;
    const isProse = /^\s*(?:\/\/|\/?\*|#)/;
    const found = shipped
      .filter(
        (file) =>
          /^(?:src|native)\//.test(file.path) &&
          !file.path.startsWith('src/demo/') &&
          !/\/(tests|benches)\//.test(file.path),
      )
      .flatMap((file) =>
        withoutTests(file).flatMap((line, at) => {
          const code = line.replace(/(["'`]).*?\1/g, '""').replace(/\/\/.*$/, '');
          return !isProse.test(line) && banned.test(code) ? [`${file.path}:${at + 1}: ${line.trim()}`] : [];
        }),
      );
    expect(found).toEqual([]);
  });

  it('leaves no work marked as unfinished, and no test switched off', () => {
    const marks =
      /\b(?:TODO|FIXME|XXX)\b|\btodo!\(|\bunimplemented!\(|\b(?:it|describe|test)\.(?:skip|only|todo)\(|#\[ignore/;
    const found = [...shipped, ...tests]
      .filter((file) => file.path !== 'test/house/tidy.test.ts')
      .flatMap((file) =>
        file.lines.flatMap((line, at) => (marks.test(line) ? [`${file.path}:${at + 1}: ${line.trim()}`] : [])),
      );
    expect(found).toEqual([]);
  });
});
