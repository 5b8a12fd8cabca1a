import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCommand } from '../../../src/cli/commands/run.ts';
import { EXIT_CODE } from '../../../src/cli/exit-code.ts';
import { siteText } from '../control/sites.ts';
import { RecordedOutput } from './support.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nptd-run-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('nothing is started by a configuration that is wrong, and every problem is printed with its place', async () => {
  const file = join(folder, 'bad.yaml');
  writeFileSync(file, siteText().replace('192.168.1.1/24', '192.168.1.1/33').replace('prefer:', 'perfer:'));
  const output = new RecordedOutput();
  const code = await runCommand({ file, log: 'text', level: 'info' }, output);
  expect(code).toBe(EXIT_CODE.configInvalid);
  expect(output.printed).toBe('');
  expect(output.complained.split('\n').filter((line) => /bad\.yaml:\d+:\d+: /.test(line)).length).toBeGreaterThan(1);
  expect(output.complained).toContain('perfer');
});

test('a file that is not there is named', async () => {
  const output = new RecordedOutput();
  const file = join(folder, 'none.yaml');
  expect(await runCommand({ file, log: 'text', level: 'info' }, output)).toBe(EXIT_CODE.configInvalid);
  expect(output.complained).toContain('none.yaml');
});
