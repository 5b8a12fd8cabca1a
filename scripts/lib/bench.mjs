/** `npm run bench`, `bench:wire` and `bench:workloads`: bench/ compiled beside the sources that it measures, and run by plain Node. */
import { copyFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inNamespaces, namespaceObstacle } from './namespace.mjs';
import { checkCargo, installCommand, missingPrograms } from './prerequisites.mjs';
import { SetupProblem } from './problem.mjs';
import { ROOT, run } from './process.mjs';

const OUTPUT = join(ROOT, '.nptd/bench');
const NATIVE = 'src/native';

/** @param {string[]} given arguments of bench/run.ts */
export async function runBench(given) {
  await compile();
  return (await run([process.execPath, join(OUTPUT, 'bench/run.js'), ...given])).code;
}

/** @param {string[]} given arguments of bench/workloads/main.ts */
export async function writeWorkloads(given) {
  await compile();
  return (await run([process.execPath, join(OUTPUT, 'bench/workloads/main.js'), ...given])).code;
}

/** @param {string[]} given arguments of bench/wire/main.ts */
export async function runWireBench(given) {
  const obstacle = namespaceObstacle() ?? programObstacle();
  if (obstacle !== undefined) {
    throw new SetupProblem(`the benchmarks on the wire cannot run here: ${obstacle.missing}`, obstacle.remedy);
  }
  checkCargo();
  const build = ['cargo', 'build', '--quiet', '--release', '-p', 'nptd-load', '--target-dir', 'target'];
  const { code } = await run(build, { cwd: join(ROOT, 'native') });
  if (code !== 0) throw new SetupProblem('the load generator does not compile; cargo says why above', build.join(' '));
  await compile();
  return (await run(inNamespaces([process.execPath, join(OUTPUT, 'bench/wire/main.js'), ...given]))).code;
}

function programObstacle() {
  const programs = missingPrograms('bench:wire');
  if (programs.length === 0) return undefined;
  return { missing: `programs are missing: ${programs.join(', ')}`, remedy: `${installCommand(programs)} (as root)` };
}

async function compile() {
  rmSync(OUTPUT, { recursive: true, force: true });
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  const { code } = await run([tsc, '-p', 'tsconfig.bench.json', '--outDir', OUTPUT]);
  if (code !== 0) throw new SetupProblem('the benchmarks do not compile; tsc says why above', 'npm run check:types');
  // tsc leaves out the loader, which is JavaScript, and the addon.
  const beside = readdirSync(join(ROOT, NATIVE)).filter((name) => /^binding\.js$|\.node$/.test(name));
  for (const name of beside) copyFileSync(join(ROOT, NATIVE, name), join(OUTPUT, NATIVE, name));
}
