/** The jobs of `setup.mjs --run JOB`; each takes the arguments after its name and gives the exit code. */

import { runBench, runWireBench, writeWorkloads } from './bench.mjs';
import { runCoreBench } from './core-bench.mjs';
import { runInstructions } from './instructions.mjs';
import { measureFailover } from './measure.mjs';
import { inNamespaces, namespaceObstacle } from './namespace.mjs';
import { SetupProblem } from './problem.mjs';
import { run } from './process.mjs';
import { runTests } from './test-run.mjs';

export const JOBS = {
  demo: runDemo,
  test: () => runTests({ long: false }),
  'test:long': () => runTests({ long: true }),
  'measure:failover': measureFailover,
  bench: runBench,
  'bench:core': runCoreBench,
  'bench:instructions': runCounts,
  'bench:wire': runWireBench,
  'bench:workloads': writeWorkloads,
};

async function runDemo() {
  const obstacle = namespaceObstacle();
  if (obstacle !== undefined) throw new SetupProblem(`the demo cannot run here: ${obstacle.missing}`, obstacle.remedy);
  return (await run(inNamespaces([process.execPath, 'dist/demo/main.js']))).code;
}

async function runCounts(given) {
  const { failed, failures } = await runInstructions({}, { update: given.includes('--update') });
  for (const failure of failures) process.stderr.write(`${failure}\n`);
  return failed;
}
