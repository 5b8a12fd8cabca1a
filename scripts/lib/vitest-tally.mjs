/** A vitest reporter that writes what ran as a tally: vitest's own JSON leaves out the reasons of skipped tests. */
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';

export default class TallyReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const file = process.env.NPTD_TEST_REPORT;
    if (file === undefined) return;
    const tally = { passed: 0, failed: 0, skips: [], failures: [] };
    for (const module of modules) addModule(tally, module);
    for (const error of unhandledErrors) addFailure(tally, `unhandled error: ${error.message}`);
    writeFileSync(file, JSON.stringify(tally));
  }
}

function addModule(tally, module) {
  const name = relative(process.cwd(), module.moduleId);
  const failedBefore = tally.failed;
  for (const test of module.children.allTests()) addTest(tally, `${name} > ${test.fullName}`, test);
  // A file that cannot be loaded, or a hook that fails, leaves no failed test behind.
  if (!module.ok() && tally.failed === failedBefore) addFailure(tally, name);
}

function addTest(tally, name, test) {
  const result = test.result();
  const wanted = test.options.mode === 'run' && result.note === undefined;
  if (result.state === 'passed') tally.passed += 1;
  else if (result.state === 'failed') addFailure(tally, name);
  else if (wanted) addFailure(tally, `${name} (did not run: its set-up failed)`);
  else tally.skips.push({ name, reason: result.note ?? 'no reason given' });
}

function addFailure(tally, name) {
  tally.failed += 1;
  tally.failures.push(name);
}
