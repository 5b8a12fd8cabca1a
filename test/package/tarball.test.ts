/**
 * The package as its users get it: packed, installed into an empty project, type-checked and run there.
 * Needs the built dist/, as `npm test` makes it.
 */
import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ROUTER = join(ROOT, 'fixtures/package/router.ts');
const EXAMPLE = readFileSync(join(ROOT, 'fixtures/config/demo.yaml'), 'utf8');
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

/** Prints what a program can do before, and what it is told when, it needs the addon. */
const NEEDY = `
import { createNptd, createTranslator, NptdError, parseConfig, verdictCatalogue } from 'nptd';
const text = ${JSON.stringify(EXAMPLE)};
const loaded = () => process.report.getReport().sharedObjects.some((path) => path.includes('nptd.linux'));
const tell = async (name, call) => {
  const outcome = await Promise.resolve().then(call).then(() => 'done', (error) => {
    if (!(error instanceof NptdError)) throw error;
    return error.code + ' ' + error.message;
  });
  console.log(name + ': ' + outcome);
};
console.log('parsed: ' + parseConfig(text, 'nptd.yaml').ok);
console.log('made: ' + typeof createNptd(text).start);
console.log('loaded: ' + loaded());
await tell('translator', () => createTranslator(text));
await tell('catalogue', () => verdictCatalogue());
console.log('loaded: ' + loaded());
if (process.argv[2] === 'start') await tell('start', () => createNptd(text).start());
`;

describe('the native addon', () => {
  beforeAll(() => writeFileSync(join(project, 'needy.mjs'), NEEDY));

  test('is loaded when it is needed, not when the package is imported', async () => {
    const lines = (await run(process.execPath, 'needy.mjs')).trim().split('\n');
    expect(lines).toEqual([
      'parsed: true',
      'made: function',
      'loaded: false',
      'translator: done',
      'catalogue: done',
      'loaded: true',
    ]);
  });

  test('is named by whatever needs it where it is missing, and nothing else needs it', async () => {
    const folder = join(project, 'node_modules/nptd/dist/native');
    const addon = readdirSync(folder).find((name) => name.endsWith('.node')) ?? '';
    renameSync(join(folder, addon), join(project, addon));
    try {
      const lines = (await run(process.execPath, 'needy.mjs', 'start')).trim().split('\n');
      const why = expect.stringMatching(
        /: ADDON_UNAVAILABLE the native addon is not built for linux on \w+; .*npm run setup/,
      );
      expect(lines).toEqual(['parsed: true', 'made: function', 'loaded: false', why, why, 'loaded: false', why]);
    } finally {
      renameSync(join(project, addon), join(folder, addon));
    }
  });
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
