/**
 * `npm run bench [-- --json FILE] [-- CASE]`: the JavaScript API in memory, reference against native.
 * Prints a table; with `--json` writes `{ machine, date, rows }`.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { measure, type Row } from './suites/suite.ts';
import { CASES } from './suites/translators.ts';

const SECONDS_PER_CANDIDATE = 2;

function main(given: readonly string[]): void {
  const at = given.indexOf('--json');
  const jsonFile = at < 0 ? undefined : given[at + 1];
  const wanted = given.find((argument, index) => !argument.startsWith('--') && (at < 0 || index !== at + 1));
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cpus().length} cores, Node ${process.versions.node}`;
  process.stdout.write(`${machine}\n\n`);
  process.stdout.write(line('case', 'implementation', 'ns/packet', 'packets/s', 'error', 'times faster'));
  const rows = CASES.filter((one) => wanted === undefined || one.name.includes(wanted)).flatMap((one) => {
    const measured = measure(one.name, one.candidates(), SECONDS_PER_CANDIDATE);
    for (const row of measured) process.stdout.write(describe(row, measured[0]?.value ?? Number.NaN));
    return measured;
  });
  if (jsonFile !== undefined) {
    writeFileSync(jsonFile, `${JSON.stringify({ machine, date: new Date().toISOString(), rows }, undefined, 2)}\n`);
    process.stdout.write(`\nwritten to ${jsonFile}\n`);
  }
}

function describe(row: Row, slowest: number): string {
  const perSecond = Math.round(1e9 / row.value).toLocaleString('en-US');
  const error = `±${row.errorPercent.toFixed(1)} %`;
  return line(row.case, row.implementation, row.value.toFixed(0), perSecond, error, (slowest / row.value).toFixed(1));
}

function line(...cells: readonly [string, string, string, string, string, string]): string {
  const [name, implementation, ...figures] = cells;
  return `${name.padEnd(12)}${implementation.padEnd(18)}${figures.map((cell) => cell.padStart(13)).join('')}\n`;
}

main(process.argv.slice(2));
