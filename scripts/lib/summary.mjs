/** The end of a test run: a table by stage, failures, skips with their reasons, and the totals as the last line. */

/**
 * @param {(import('./test-run.mjs').Tally & { name: string, seconds: number })[]} rows
 * @returns {number} the exit code: 0 if nothing failed
 */
export function printSummary(rows) {
  const total = (key) => rows.reduce((sum, row) => sum + row[key], 0);
  const skips = rows.flatMap((row) => row.skips);
  const failures = rows.flatMap((row) => row.failures);
  const cells = [
    ['stage', 'passed', 'failed', 'skipped', 'seconds'],
    ...rows.map((row) => [row.name, row.passed, row.failed, row.skips.length, row.seconds.toFixed(1)]),
    ['all', total('passed'), total('failed'), skips.length, total('seconds').toFixed(1)],
  ];
  const lines = [
    '',
    ...cells.map(([first, ...rest]) => first.padEnd(8) + rest.map((cell) => String(cell).padStart(9)).join('')),
  ];
  if (skips.length > 0) lines.push('', 'skipped:', ...skips.map(({ name, reason }) => `  ${name}: ${reason}`));
  if (failures.length > 0) lines.push('', 'failed:', ...failures.map((name) => `  ${name}`));
  lines.push('', `${total('passed')} passed, ${total('failed')} failed`);
  process.stdout.write(`${lines.join('\n')}\n`);
  return total('failed') === 0 ? 0 : 1;
}
