#!/usr/bin/env node
/** Makes dist-bench/ from bench/ and what it imports, with the addon beside its loader as in src/native. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const NATIVE = join(ROOT, 'src/native');
const TARGET = join(ROOT, 'dist-bench/src/native');

const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.bench.json'], { cwd: ROOT, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
mkdirSync(TARGET, { recursive: true });
for (const name of readdirSync(NATIVE).filter((file) => file.endsWith('.node') || file === 'binding.js')) {
  copyFileSync(join(NATIVE, name), join(TARGET, name));
}
