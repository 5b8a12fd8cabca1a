/**
 * Counts instructions of the engine: the benchmark `instructions` of nptd-core under valgrind, by gungraun.
 *
 * The library starts a runner, a program of its own that has to be of the same version. Where it is missing it is compiled into
 * native/target, beside everything else that cargo makes.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { hasProgram, ROOT, run } from './process.mjs';

const NATIVE = join(ROOT, 'native');
/** Addresses change no count, and not every container lets a process fix them. */
const OPTIONS = ['--parallel=2', '--allow-aslr=yes', '--output-format=json'];
/** Packets that a case of native/nptd-core/benches/instructions.rs counts. */
const PACKETS = 10_240;
const INSTALL_SECONDS_MAX = 900;

/**
 * @param {{ env?: Record<string, string>, secondsMax?: number }} options as of `run`
 * @returns {Promise<{ counted: Record<string, number> } | { obstacle: string } | { failure: string }>} instructions a packet by case;
 *   or what is missing here and what would help; or what went wrong, after it has been printed
 */
export async function countInstructions(options) {
  if (!hasProgram('valgrind')) return { obstacle: 'valgrind is not installed; to run it: apt-get install valgrind' };
  const runner = await findRunner(options);
  if (runner.obstacle !== undefined) return { obstacle: runner.obstacle };
  let text = '';
  const command = ['cargo', 'bench', '--quiet', '-p', 'nptd-core', '--bench', 'instructions'];
  const { code } = await run([...command, '--', ...OPTIONS], {
    ...options,
    env: { ...options.env, PATH: [runner.folder, process.env.PATH].join(delimiter) },
    cwd: NATIVE,
    quiet: true,
    onText: (more) => (text += more),
  });
  if (code === 0) return { counted: readCounts(text) };
  process.stderr.write(text);
  return { failure: `the benchmark instructions of nptd-core ended with exit code ${code}` };
}

/**
 * @param {string} text what the benchmark printed: among its lines a JSON object for each case
 * @returns {Record<string, number>}
 */
export function readCounts(text) {
  const cases = text.split('\n').filter((line) => line.startsWith('{'));
  return Object.fromEntries(
    cases.map((line) => {
      const { id, profiles } = JSON.parse(line);
      const { tool, data } = profiles[0];
      if (tool !== 'Callgrind') throw new Error(`gungraun counted with ${tool}`);
      return [id.replaceAll('_', '-'), Math.round(data.total.metrics.Ir.values.new / PACKETS)];
    }),
  );
}

/** The folder of the runner that belongs to the library in Cargo.lock. */
async function findRunner(options) {
  const lock = readFileSync(join(NATIVE, 'Cargo.lock'), 'utf8');
  const version = /name = "gungraun-runner"\nversion = "([^"]+)"/.exec(lock)?.[1];
  const root = join(NATIVE, `target/gungraun-runner-${version}`);
  const folder = join(root, 'bin');
  if (existsSync(join(folder, 'gungraun-runner'))) return { folder };
  process.stdout.write(`gungraun-runner ${version}, which counts, is compiled once; that takes some minutes …\n`);
  let text = '';
  const build = join(NATIVE, 'target/gungraun-runner-build');
  const command = ['cargo', 'install', 'gungraun-runner', '--version', `=${version}`, '--locked', '--root', root];
  const { code } = await run([...command, '--target-dir', build], {
    ...options,
    secondsMax: INSTALL_SECONDS_MAX,
    quiet: true,
    onText: (more) => (text += more),
  });
  if (code === 0) {
    rmSync(build, { recursive: true, force: true });
    return { folder };
  }
  // What has been compiled stays for the next try.
  process.stderr.write(text);
  return { obstacle: `gungraun-runner ${version} could not be installed; to run it: ${command.join(' ')}` };
}
