/** Programs of our own that have to run inside a namespace: `programs/`, compiled when they have changed. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runOrThrow } from '../../src/demo/processes.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');
const SOURCES = join(ROOT, 'test/e2e/programs');
/** Below the project, whose package.json makes modules of them. */
const COMPILED = join(ROOT, '.nptd/programs');

let folder: Promise<string> | undefined;

/** The command that runs one of them. */
export async function program(name: string, ...words: string[]): Promise<string[]> {
  folder ??= compile();
  return [process.execPath, join(await folder, `${name}.js`), ...words];
}

/** Another run of the tests may do the same meanwhile: what is there under its final name is complete. */
async function compile(): Promise<string> {
  const target = join(COMPILED, digestOfSources());
  if (existsSync(target)) return target;
  const unfinished = `${target}-${process.pid}`;
  await runOrThrow([process.execPath, TSC, '-p', SOURCES, '--outDir', unfinished]);
  try {
    renameSync(unfinished, target);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
  return target;
}

function digestOfSources(): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).toSorted()) {
    if (/\.(ts|json)$/.test(name)) hash.update(`\0${name}\0`).update(readFileSync(join(SOURCES, name)));
  }
  return hash.digest('hex').slice(0, 16);
}
