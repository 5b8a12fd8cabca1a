#!/usr/bin/env node
/**
 * Makes a fresh clone ready and runs one of its jobs: `node scripts/setup.mjs [--run JOB [OPTION…]]`.
 *
 * Needs nothing but Node. Says in one line each what it does; where everything is up to date it only looks.
 */
import { buildAll } from './lib/build.mjs';
import { JOBS } from './lib/jobs.mjs';
import { checkNode, installPrograms } from './lib/prerequisites.mjs';
import { SetupProblem } from './lib/problem.mjs';
import { widenPath } from './lib/process.mjs';

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
const say = (text) => process.stdout.write(`setup: ${text}\n`);

async function main() {
  const { name, job } = parseArguments(process.argv.slice(2));
  const started = performance.now();
  let steps = 0;
  const step = async (title, work) => {
    const begun = performance.now();
    say(`${title} …`);
    await work();
    steps += 1;
    say(`${title}: done in ${seconds(begun)}`);
  };
  widenPath();
  checkNode();
  await installPrograms(step, name);
  await buildAll(step);
  say(steps === 0 ? `nothing to do (${seconds(started)})` : `ready after ${seconds(started)}`);
  return job === undefined ? 0 : await job();
}

function parseArguments(given) {
  if (given.length === 0) return { name: '' };
  const [flag, name = '', ...rest] = given;
  const job = Object.hasOwn(JOBS, name) ? JOBS[name] : undefined;
  if (flag !== '--run' || job === undefined) {
    process.stderr.write(`usage: node scripts/setup.mjs [--run ${Object.keys(JOBS).join('|')} [OPTION…]]\n`);
    process.exit(2);
  }
  return { name, job: () => job(rest) };
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof SetupProblem)) throw error;
  process.stderr.write(`\n${error.message}\n`);
  process.exitCode = 1;
}
