#!/usr/bin/env node
/**
 * Makes dist/ from src/: JavaScript and declarations by tsc, and beside them the addon with its loader.
 *
 * Needs the addon built before (`npm run build:addon`); `--without-addon` leaves it out, for commands that need none.
 * The new dist/ takes the place of the old one only when all of it is there.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const DIST = join(ROOT, 'dist');
const NEW_DIST = join(ROOT, `.dist-${process.pid}`);
const NATIVE = join(ROOT, 'src/native');
/** Made by `napi build`; the loader is JavaScript, so tsc does not carry it over. */
const LOADER = ['binding.js', 'binding.d.ts'];

class BuildProblem extends Error {}

function compile() {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  if (!existsSync(tsc)) throw new BuildProblem('TypeScript is not installed: run npm ci');
  const { status, error } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', NEW_DIST], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  if (status !== 0) throw new BuildProblem(error?.message ?? 'tsc found errors');
}

function copyAddon() {
  const present = existsSync(NATIVE) ? readdirSync(NATIVE) : [];
  const addons = present.filter((name) => name.endsWith('.node'));
  const missing = LOADER.filter((name) => !present.includes(name));
  if (addons.length === 0 || missing.length > 0) {
    throw new BuildProblem(`the addon is not built (${missing[0] ?? '*.node'} is missing): run npm run build:addon`);
  }
  const target = join(NEW_DIST, 'native');
  mkdirSync(target, { recursive: true });
  for (const name of [...LOADER, ...addons]) copyFileSync(join(NATIVE, name), join(target, name));
}

function makeExecutable() {
  const { bin } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  for (const path of Object.values(bin)) {
    const file = join(NEW_DIST, path.replace(/^(\.\/)?dist\//, ''));
    if (!readFileSync(file, 'utf8').startsWith('#!')) throw new BuildProblem(`${path} does not begin with #!`);
    chmodSync(file, 0o755);
  }
}

try {
  compile();
  if (!process.argv.includes('--without-addon')) copyAddon();
  makeExecutable();
  rmSync(DIST, { recursive: true, force: true });
  renameSync(NEW_DIST, DIST);
} catch (error) {
  if (!(error instanceof BuildProblem)) throw error;
  process.stderr.write(`build-ts: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  rmSync(NEW_DIST, { recursive: true, force: true });
}
