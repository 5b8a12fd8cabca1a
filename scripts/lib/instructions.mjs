/**
 * Instructions that the engine spends on a packet, against the reviewed figures of bench/instructions.json.
 *
 * Unlike times they are the same on a busy machine. Each case runs twice under valgrind, with a different number of packets; the
 * difference is theirs alone.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram, ROOT, run } from './process.mjs';

const BASELINE = join(ROOT, 'bench/instructions.json');
/** Rounds of 1,024 packets; the first ones fill tables and caches. */
const ROUNDS = [4, 14];

/**
 * @param {{ env?: Record<string, string>, secondsMax?: number }} options as of `run`
 * @param {{ update?: boolean }} how `update` writes what was counted as the new figures
 * @returns {Promise<{ passed: number, failed: number, skips: { name: string, reason: string }[], failures: string[] }>}
 */
export async function runInstructions(options, { update = false } = {}) {
  if (!hasProgram('valgrind')) {
    const reason = 'valgrind is not installed; to run it: apt-get install valgrind';
    process.stdout.write(`skipped: ${reason}\n`);
    return { passed: 0, failed: 0, skips: [{ name: 'instructions a packet', reason }], failures: [] };
  }
  const program = await buildProgram(options);
  if (program === undefined) return failed('the benchmark of nptd-core could not be built');
  const { tolerance, cases } = JSON.parse(readFileSync(BASELINE, 'utf8'));
  const counted = await countAll(program, Object.keys(cases), options);
  if (update) {
    writeFileSync(BASELINE, `${JSON.stringify({ tolerance, cases: counted }, undefined, 2)}\n`);
    process.stdout.write(`written to ${BASELINE}\n`);
    return { passed: Object.keys(counted).length, failed: 0, skips: [], failures: [] };
  }
  return compare(cases, counted, tolerance);
}

function compare(expected, counted, tolerance) {
  const failures = [];
  for (const [name, reviewed] of Object.entries(expected)) {
    const now = counted[name];
    const change = now === undefined ? Number.NaN : now / reviewed - 1;
    process.stdout.write(`${name.padEnd(22)}${String(now).padStart(8)}${percent(change).padStart(9)}\n`);
    if (!(change <= tolerance)) failures.push(`${name}: ${now} instructions a packet, reviewed are ${reviewed}`);
    else if (change < -tolerance)
      process.stdout.write('  fewer than reviewed: npm run bench:instructions -- --update\n');
  }
  return { passed: Object.keys(expected).length - failures.length, failed: failures.length, skips: [], failures };
}

const percent = (change) => `${change > 0 ? '+' : ''}${(change * 100).toFixed(1)} %`;
const failed = (failure) => ({ passed: 0, failed: 1, skips: [], failures: [failure] });

/** Builds the benchmark and gives its path. */
async function buildProgram(options) {
  let text = '';
  const command = ['cargo', 'bench', '-p', 'nptd-core', '--bench', 'pipeline', '--no-run', '--message-format', 'json'];
  const { code } = await run(command, {
    ...options,
    cwd: join(ROOT, 'native'),
    quiet: true,
    onText: (more) => (text += more),
  });
  if (code !== 0) {
    process.stderr.write(text);
    return undefined;
  }
  return /"executable":"([^"]*\/pipeline-[^"]*)"/.exec(text)?.[1];
}

/** Two cases at a time: most machines have two processors. */
async function countAll(program, names, options) {
  const counted = {};
  const waiting = [...names];
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      counted[name] = await instructionsOf(program, name, options);
    }
  };
  await Promise.all([work(), work()]);
  return Object.fromEntries(names.map((name) => [name, counted[name]]));
}

async function instructionsOf(program, name, options) {
  const [few, many] = [await total(program, name, ROUNDS[0], options), await total(program, name, ROUNDS[1], options)];
  return Math.round((many.instructions - few.instructions) / (many.packets - few.packets));
}

async function total(program, name, rounds, options) {
  let text = '';
  const counter = ['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null'];
  const command = [...counter, program, '--count', name, String(rounds)];
  await run(command, { ...options, quiet: true, onText: (more) => (text += more) });
  const instructions = Number(/Collected : (\d+)/.exec(text)?.[1]);
  return { instructions, packets: Number(/^(\d+)$/m.exec(text)?.[1]) };
}
