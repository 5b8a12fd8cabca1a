/** The gateway as a library, with real devices, in a program of its own. */
import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const PROGRAM = fileURLToPath(new URL('../../fixtures/package/gateway.js', import.meta.url));

test('it starts, changes and closes on the main thread and in a worker, and the process ends by itself', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM], { timeout: 20_000 });
  const wanted = ['ready 1', 'takes fiber', 'takes lte', '0 sessions', 'fiber down, lte down', 'closed'];
  expect(stdout.trim().split('\n')).toEqual([
    ...wanted.map((line) => `main: ${line}`),
    ...wanted.map((line) => `worker: ${line}`),
  ]);
  expect(execFileSync('ip', ['-br', 'link', 'show'], { encoding: 'utf8' })).not.toContain('nptdlib');
});
