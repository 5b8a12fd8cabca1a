/** Brings node_modules, the addon and dist up to date; each is left alone while the files it is made from are the same. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkCargo, checkCompiler } from './prerequisites.mjs';
import { SetupProblem } from './problem.mjs';
import { ROOT, run } from './process.mjs';

const path = (...parts) => join(ROOT, ...parts);

/** @param {(title: string, work: () => Promise<void>) => Promise<void>} step */
export async function buildAll(step) {
  await installModules(step);
  await buildAddon(step);
  await buildDist(step);
}

async function installModules(step) {
  const stamp = path('node_modules/.nptd-stamp');
  const wanted = hashOf([path('package-lock.json')], `node ${process.versions.modules}`);
  if (readStamp(stamp) === wanted) return;
  if (!existsSync(stamp) && isNewer(path('node_modules/.package-lock.json'), path('package-lock.json'))) {
    writeStamp(stamp, wanted);
    return;
  }
  await step('npm ci', async () => {
    await runOrFail(['npm', 'ci', '--no-audit', '--no-fund'], 'npm ci', nodeHeaders());
    writeStamp(stamp, wanted);
  });
  if (!existsSync(path('node_modules/raw-socket/build/Release/raw.node'))) {
    process.stdout.write(
      'setup: the optional dependency raw-socket did not build: probes of kernel-owned uplinks (transport: raw-socket) are not available; everything else is\n',
    );
  }
}

/** raw-socket compiles against Node's headers; where they came with Node, nothing has to be downloaded. */
function nodeHeaders() {
  const prefix = dirname(dirname(process.execPath));
  const known = process.env.npm_config_nodedir !== undefined;
  return known || !existsSync(join(prefix, 'include/node/node.h')) ? {} : { npm_config_nodedir: prefix };
}

async function buildAddon(step) {
  const stamp = path('.nptd/addon.stamp');
  const sources = filesUnder(path('native'), (name) => /\.rs$|^Cargo\.(toml|lock)$/.test(name));
  const wanted = hashOf([...sources, path('package.json')], `${process.arch} node ${process.versions.modules}`);
  const addon = () => readdirSync(path('src/native')).some((name) => name.endsWith('.node'));
  if (readStamp(stamp) === wanted && addon()) return;
  checkCargo();
  checkCompiler();
  await step('addon (cargo, release)', async () => {
    await runOrFail(['npm', 'run', '--silent', 'build:addon'], 'the addon build (npm run build:addon)');
    if (!addon()) throw new SetupProblem('the addon build left no .node file in src/native', 'npm run build:addon');
    writeStamp(stamp, wanted);
  });
}

async function buildDist(step) {
  const stamp = path('.nptd/dist.stamp');
  const sources = filesUnder(path('src'), (name) => !name.endsWith('.node'));
  const others = [
    'tsconfig.json',
    'tsconfig.build.json',
    'package.json',
    'scripts/build-ts.mjs',
    '.nptd/addon.stamp',
  ].map((name) => path(name));
  const wanted = hashOf([...sources, ...others], '');
  if (readStamp(stamp) === wanted && existsSync(path('dist/cli/main.js'))) return;
  await step('dist (tsc)', async () => {
    await runOrFail([process.execPath, 'scripts/build-ts.mjs'], 'the TypeScript build (npm run build:ts)');
    writeStamp(stamp, wanted);
  });
}

async function runOrFail(command, what, env = {}) {
  let text = '';
  const { code } = await run(command, { env, quiet: true, onText: (more) => (text += more) });
  if (code === 0) return;
  if (code > 128) throw new SetupProblem(`${what} was stopped by a signal`, 'run the same command again');
  process.stderr.write(text);
  throw new SetupProblem(
    `${what} failed with exit code ${code}; its output is above`,
    `mend what it says, then run: ${command.join(' ')}`,
  );
}

/** One hash over the names and contents of files, in a fixed order. */
function hashOf(files, extra) {
  const hash = createHash('sha256').update(extra);
  for (const file of [...files].sort()) {
    hash.update(`\0${file.slice(ROOT.length)}\0`);
    if (existsSync(file)) hash.update(readFileSync(file));
  }
  return hash.digest('hex');
}

function filesUnder(folder, accept) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return entry.name === 'target' ? [] : filesUnder(join(folder, entry.name), accept);
    return accept(entry.name) ? [join(folder, entry.name)] : [];
  });
}

function isNewer(file, than) {
  return existsSync(file) && statSync(file).mtimeMs >= statSync(than).mtimeMs;
}

function readStamp(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function writeStamp(file, value) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, value);
}
