/** `npm test`: every stage in order, cheap ones first, then a table, the skips with their reasons, and the totals. */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readCargoOutput } from './cargo-output.mjs';
import { runInstructions } from './instructions.mjs';
import { inNamespaces, namespaceObstacle } from './namespace.mjs';
import { checkCargo, checkCompiler } from './prerequisites.mjs';
import { ROOT, run } from './process.mjs';
import { buildQuicPeer } from './quic-peer.mjs';
import { printSummary } from './summary.mjs';

const tool = (name) => join(ROOT, 'node_modules/.bin', name);

/** What `test:long` runs longer: generated sequences on both translators, for as long as one likes. */
const LONG_RUNS = { NPTD_DIFFERENTIAL_SECONDS: process.env.NPTD_DIFFERENTIAL_SECONDS ?? '900' };

/** No stage may hang for ever; all of them together take far less. On one processor the sequences of both shares run in turn. */
const STAGE_SECONDS_MAX = { short: 1500, long: 5400 + 2 * Number(LONG_RUNS.NPTD_DIFFERENTIAL_SECONDS) };

/**
 * @typedef {{ name: string, reason: string }} Skip
 * @typedef {{ passed: number, failed: number, skips: Skip[], failures: string[] }} Tally
 */

/** @returns {Promise<number>} 0 only if every stage ran and nothing failed */
export async function runTests({ long }) {
  checkCargo();
  checkCompiler();
  const env = { CI: process.env.CI ?? 'true', ...(long ? LONG_RUNS : {}) };
  const secondsMax = long ? STAGE_SECONDS_MAX.long : STAGE_SECONDS_MAX.short;
  const options = { env, secondsMax };
  const stages = [
    ['types', () => runCheck('tsc --noEmit', [tool('tsc'), '--noEmit'], options)],
    ['lint', () => runCheck('biome check', [tool('biome'), 'check', '.'], options)],
    ['cargo', () => runCargo(options).finally(buildQuicPeer)],
    ['instructions', () => runInstructions(options)],
    ['vitest', () => runVitest('vitest', ['--project', 'default', '--project', 'differential'], options)],
    ['e2e', () => runEndToEnd(options, long ? ['e2e', 'long'] : ['e2e'])],
  ];
  const rows = [];
  for (const [name, stage] of stages) {
    process.stdout.write(`\n── ${name} ${'─'.repeat(70 - name.length)}\n`);
    const started = performance.now();
    const tally = await stage();
    rows.push({ name, ...tally, seconds: (performance.now() - started) / 1000 });
  }
  return printSummary(rows);
}

/** A program whose exit code is the whole result counts as one check. */
async function runCheck(title, command, options) {
  const { code, timedOut } = await run(command, options);
  process.stdout.write(`${title}: ${code === 0 ? 'clean' : `exit code ${code}`}\n`);
  return code === 0 ? passedTally() : failedTally(`${title}: ${ending(code, timedOut)}`);
}

async function runCargo(options) {
  let text = '';
  const command = ['cargo', 'test', '--workspace', '--no-fail-fast', '--color', 'never'];
  const { code, timedOut } = await run(command, {
    ...options,
    cwd: join(ROOT, 'native'),
    onText: (more) => (text += more),
  });
  const tally = readCargoOutput(text);
  return withExitCode(tally, 'cargo test', code, timedOut);
}

async function runVitest(title, projects, options, wrap = (command) => command) {
  const report = join(ROOT, '.nptd', `${title}-report.json`);
  mkdirSync(join(ROOT, '.nptd'), { recursive: true });
  rmSync(report, { force: true });
  const reporters = ['--reporter', 'default', '--reporter', join(ROOT, 'scripts/lib/vitest-tally.mjs')];
  const command = wrap([process.execPath, tool('vitest'), 'run', ...projects, ...reporters]);
  const { code, timedOut } = await run(command, { ...options, env: { ...options.env, NPTD_TEST_REPORT: report } });
  return withExitCode(readReport(report), title, code, timedOut);
}

async function runEndToEnd(options, projects) {
  const obstacle = namespaceObstacle();
  if (obstacle === undefined) {
    const words = projects.flatMap((project) => ['--project', project]);
    return runVitest('e2e', words, options, inNamespaces);
  }
  const reason = `${obstacle.missing}; to run it: ${obstacle.remedy}`;
  process.stdout.write(`skipped: ${reason}\n`);
  const files = readdirSync(join(ROOT, 'test/e2e')).filter((name) => name.endsWith('.e2e.ts'));
  return { ...passedTally(), passed: 0, skips: files.map((file) => ({ name: `test/e2e/${file}`, reason })) };
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { ...passedTally(), passed: 0 };
  }
}

/** A program that failed without naming a failed test, or that ran no test at all, is a failure of its own. */
function withExitCode(tally, title, code, timedOut) {
  const silent = code !== 0 && tally.failed === 0;
  const empty = tally.passed + tally.failed + tally.skips.length === 0;
  if (!silent && !empty && !timedOut) return tally;
  const failure = `${title}: ${empty && code === 0 ? 'ran no tests' : ending(code, timedOut)}`;
  return { ...tally, failed: tally.failed + 1, failures: [...tally.failures, failure] };
}

const ending = (code, timedOut) => (timedOut ? 'stopped because it took too long' : `exit code ${code}`);
const passedTally = () => ({ passed: 1, failed: 0, skips: [], failures: [] });
const failedTally = (failure) => ({ passed: 0, failed: 1, skips: [], failures: [failure] });
