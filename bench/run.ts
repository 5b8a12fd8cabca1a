/**
 * `npm run bench [-- --json FILE] [-- --quick] [-- CASE]`: the JavaScript API in memory. Prints a table; with `--json`
 * writes `{ machine, date, rows }`.
 */
import { chosen, parseOptions, UsageError } from './lib/options.ts';
import { figure, machine, Table, writeReport } from './lib/report.ts';
import { PLAN_CASES } from './suites/plans.ts';
import { measure, type SuiteRow } from './suites/suite.ts';
import { TRANSLATOR_CASES } from './suites/translators.ts';

const SECONDS = { full: 1, quick: 0.1 };

const table = new Table([
  ['case', 20],
  ['implementation', 20],
  ['value', 9],
  ['unit', 9],
  ['times faster', 12],
  ['benchmark.js', 12],
  ['error', 7],
]);

async function main(given: readonly string[]): Promise<void> {
  const options = parseOptions(given);
  const cases = chosen([...TRANSLATOR_CASES, ...PLAN_CASES], options);
  process.stdout.write(`${machine()}\n\n${table.head}`);
  const rows: SuiteRow[] = [];
  for (const one of cases) {
    const measured = await measure(one, options.quick ? SECONDS.quick : SECONDS.full);
    for (const row of measured) process.stdout.write(describe(row));
    rows.push(...measured);
  }
  if (options.json !== undefined) {
    writeReport(options.json, rows);
    process.stdout.write(`\nwritten to ${options.json}\n`);
  }
}

function describe({ case: name, implementation, value, unit, benchmarkJs, errorPercent, ratio }: SuiteRow): string {
  const error = `±${errorPercent.toFixed(1)} %`;
  return table.line([name, implementation, figure(value), unit, figure(ratio), figure(benchmarkJs), error]);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 2;
}
