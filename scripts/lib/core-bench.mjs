/** `npm run bench:core`: times by the benchmark `pipeline` of nptd-core, then instructions by `instructions`, in one table and one file. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { countInstructions } from './gungraun.mjs';
import { reviewedFigures } from './instructions.mjs';
import { ROOT, run } from './process.mjs';

/** Options that a file follows. */
const FILES = ['--json', '--chart'];
const UNIT = 'instructions/packet';

/** @param {string[]} given arguments of native/nptd-core/benches/pipeline.rs */
export async function runCoreBench(given) {
  const isFile = (at) => FILES.includes(given[at - 1]);
  // cargo runs the benchmark in a folder of its own.
  const passed = given.map((word, at) => (isFile(at) ? resolve(word) : word));
  const { code } = await run(['cargo', 'bench', '-p', 'nptd-core', '--bench', 'pipeline', '--', ...passed], {
    cwd: join(ROOT, 'native'),
  });
  const wanted = given.filter((word, at) => !word.startsWith('--') && !isFile(at));
  const names = wantedCounts(Object.keys(reviewedFigures().cases), wanted);
  if (code !== 0 || names.length === 0) return code;
  return await addCounts(names, passed[passed.indexOf('--json') + 1 || passed.length]);
}

/**
 * @param {string[]} names cases that are counted; their rows are called `NAME-instructions`
 * @param {string[]} wanted names, or parts of the names of rows; nothing is all
 * @returns {string[]}
 */
export function wantedCounts(names, wanted) {
  const fits = (name, one) => (names.includes(one) ? name === one : rowName(name).includes(one));
  return names.filter((name) => wanted.length === 0 || wanted.some((one) => fits(name, one)));
}

const rowName = (name) => `${name}-instructions`;

async function addCounts(names, file) {
  process.stderr.write('instructions under valgrind …\r');
  const { counted, obstacle, failure } = await countInstructions({});
  if (counted === undefined) {
    process.stdout.write(`\nno ${UNIT}: ${obstacle ?? failure}\n`);
    return failure === undefined ? 0 : 1;
  }
  const rows = names.map((name) => ({ case: rowName(name), value: counted[name], unit: UNIT }));
  for (const row of rows) {
    process.stdout.write(`${row.case.padEnd(32)}${String(row.value).padStart(6)}${' '.repeat(16)}${UNIT}\n`);
  }
  if (file === undefined) return 0;
  const report = JSON.parse(readFileSync(file, 'utf8'));
  report.rows.push(...rows.map((row) => ({ ...row, best: row.value, note: '' })));
  writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`);
  return 0;
}
