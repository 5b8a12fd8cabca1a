/** `npm run bench`: bench/ compiled beside the sources that it measures, with the addon, and run by plain Node. */
import { copyFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SetupProblem } from './problem.mjs';
import { ROOT, run } from './process.mjs';

const OUTPUT = join(ROOT, '.nptd/bench');
const NATIVE = 'src/native';

/** @param {string[]} given arguments of bench/run.ts */
export async function runBench(given) {
  rmSync(OUTPUT, { recursive: true, force: true });
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  const { code } = await run([tsc, '-p', 'tsconfig.bench.json', '--outDir', OUTPUT]);
  if (code !== 0) throw new SetupProblem('the benchmarks do not compile; tsc says why above', 'npm run check:types');
  // tsc leaves out the loader, which is JavaScript, and the addon.
  const beside = readdirSync(join(ROOT, NATIVE)).filter((name) => /^binding\.js$|\.node$/.test(name));
  for (const name of beside) copyFileSync(join(ROOT, NATIVE, name), join(OUTPUT, NATIVE, name));
  return (await run([process.execPath, join(OUTPUT, 'bench/run.js'), ...given])).code;
}
