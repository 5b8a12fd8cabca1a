/** Reads what `cargo test` prints: the `test result:` line of each test program, and the names of what did not pass. */

/** @returns {import('./test-run.mjs').Tally} summed over all test programs */
export function readCargoOutput(text) {
  const tally = { passed: 0, failed: 0, skips: [], failures: [] };
  for (const line of text.split('\n')) {
    const result = line.match(/^test result: \w+\. (\d+) passed; (\d+) failed;/);
    if (result !== null) {
      tally.passed += Number(result[1]);
      tally.failed += Number(result[2]);
    }
    const test = line.match(/^test (.+) \.\.\. (ignored|FAILED)(?:, (.+))?$/);
    if (test?.[2] === 'FAILED') tally.failures.push(`cargo: ${test[1]}`);
    if (test?.[2] === 'ignored') tally.skips.push({ name: `cargo: ${test[1]}`, reason: test[3] ?? 'no reason given' });
  }
  return tally;
}
