/**
 * The package as its users get it: packed, installed into an empty project, type-checked and run there.
 * Needs the built dist/, as `npm test` makes it.
 */
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ROUTER = join(ROOT, 'fixtures/package/router.ts');
/** npm, even with everything in its cache, takes some seconds. */
const INSTALL_MS_MAX = 120_000;
const RUN_MS_MAX = 20_000;

const exec = promisify(execFile);

let project: string;
let packed: readonly string[];

/** Rejects if the program fails, or does not end by itself in time. */
async function run(program: string, ...programArguments: string[]): Promise<string> {
  const { stdout } = await exec(program, programArguments, { cwd: project, timeout: RUN_MS_MAX });
  return stdout;
}

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'nptd-package-'));
  // dist/ was built before the tests; building it again would take it away from tests that run beside this one.
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', project];
  const [info] = JSON.parse((await exec('npm', pack, { cwd: ROOT })).stdout);
  packed = info.files.map(({ path }: { path: string }) => path);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'router', private: true, type: 'module' }));
  const offline = ['--prefer-offline', '--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund'];
  await exec('npm', ['install', ...offline, join(project, info.filename)], { cwd: project });
  copyFileSync(ROUTER, join(project, 'router.ts'));
}, INSTALL_MS_MAX);

afterAll(() => rmSync(project, { recursive: true, force: true }));

test('the tarball holds the build, the addon and the licences, and no sources or tests', () => {
  expect(packed).toContain('dist/index.js');
  expect(packed).toContain('dist/index.d.ts');
  expect(packed).toContain('dist/cli/main.js');
  expect(packed.filter((path) => path.endsWith('.node'))).toHaveLength(1);
  expect(packed.filter((path) => /^(src|test|native|fixtures|bench)\//.test(path))).toEqual([]);
});

test('without optional dependencies it installs, and its command runs', async () => {
  expect(existsSync(join(project, 'node_modules/raw-socket'))).toBe(false);
  expect(await run('node_modules/.bin/nptd', '--version')).toMatch(/^\d+\.\d+\.\d+\n$/);
});

describe('a custom router', () => {
  beforeAll(async () => {
    const compile = [
      join(ROOT, 'node_modules/typescript/bin/tsc'),
      ...['--strict', '--target', 'es2023', '--module', 'nodenext', '--outDir', 'out', '--noEmitOnError'],
      ...['--typeRoots', join(ROOT, 'node_modules/@types'), '--types', 'node', 'router.ts'],
    ];
    // The declarations of the package itself are checked too: skipLibCheck is off.
    await run(process.execPath, ...compile).catch((error: { stdout?: string }) => {
      throw new Error(`tsc refused the router:\n${error.stdout}`);
    });
  }, RUN_MS_MAX);

  test('has fewer than 60 lines', () => {
    expect(readFileSync(ROUTER, 'utf8').trimEnd().split('\n').length).toBeLessThan(60);
  });

  test('translates on the main thread and in a worker thread, and the process ends by itself', async () => {
    const lines = (await run(process.execPath, 'out/router.js')).trim().split('\n');
    const wanted = [
      'Forward fiber 203.0.113.2:5353 > 192.0.2.53:53',
      'Forward office 192.0.2.53:53 > 192.168.1.10:5353',
      'FilteredInbound',
      'Forward lte 198.51.100.2:5353 > 192.0.2.53:53',
      '2 sessions',
    ];
    const broken = 'CONFIG_INVALID: true';
    expect(lines).toEqual([
      ...wanted.map((line) => `main: ${line}`),
      broken,
      ...wanted.map((line) => `worker: ${line}`),
      broken,
    ]);
  });
});
