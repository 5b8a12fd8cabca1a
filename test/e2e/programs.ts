/** Programs of our own that have to run inside a namespace: `programs/`, compiled once for each test file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runOrThrow } from '../../src/demo/processes.ts';

const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));
const SOURCES = fileURLToPath(new URL('./programs', import.meta.url));

let folder: Promise<string> | undefined;

/** The command that runs one of them. */
export async function program(name: string, ...words: string[]): Promise<string[]> {
  folder ??= compile();
  return [process.execPath, join(await folder, `${name}.js`), ...words];
}

async function compile(): Promise<string> {
  const target = mkdtempSync(join(tmpdir(), 'nptd-programs-'));
  process.once('exit', () => rmSync(target, { recursive: true, force: true }));
  writeFileSync(join(target, 'package.json'), '{ "type": "module" }');
  await runOrThrow([process.execPath, TSC, '-p', SOURCES, '--outDir', target]);
  return target;
}
