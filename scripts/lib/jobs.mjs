/** The jobs of `setup.mjs --run JOB`; each gives the exit code. */
import { inNamespaces, namespaceObstacle } from './namespace.mjs';
import { SetupProblem } from './problem.mjs';
import { run } from './process.mjs';
import { runTests } from './test-run.mjs';

export const JOBS = {
  demo: runDemo,
  test: () => runTests({ long: false }),
  'test:long': () => runTests({ long: true }),
  bench: runBench,
  'bench:core': runCoreBench,
};

async function runDemo() {
  const obstacle = namespaceObstacle();
  if (obstacle !== undefined) throw new SetupProblem(`the demo cannot run here: ${obstacle.missing}`, obstacle.remedy);
  return (await run(inNamespaces([process.execPath, 'dist/demo/main.js']))).code;
}

async function runBench(options) {
  const { code } = await run([process.execPath, 'scripts/build-bench.mjs']);
  return code === 0 ? (await run([process.execPath, 'dist-bench/bench/run.js', ...options])).code : code;
}

async function runCoreBench(options) {
  return (await run(['cargo', 'bench', '-p', 'nptd-core', '--', ...options], { cwd: 'native' })).code;
}
