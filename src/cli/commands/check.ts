import type { Command } from 'commander';
import type { ConfigIssue } from '../../config/issue.ts';
import { readConfigFile } from '../../config/read-file.ts';
import type { MapAddress6 } from '../../plan/external-forms.ts';
import { complainAbout, countIssues } from '../config-file.ts';
import { EXIT_CODE, type ExitCode } from '../exit-code.ts';
import { loadMapAddress6 } from '../native-map.ts';
import { type Output, processOutput } from '../output.ts';
import { renderJson } from '../render.ts';
import { type ConfigSummary, renderSummary, summarize } from '../summary.ts';

export interface CheckOptions {
  readonly file: string;
  readonly json: boolean;
}

export function registerCheckCommand(program: Command): void {
  program
    .command('check')
    .summary('check a configuration file')
    .description('Prints every problem of a configuration file as file:line:column, or what the file means.')
    .argument('<config>', 'configuration file')
    .option('--json', 'print JSON')
    .action(async (file: string, options: { json?: boolean }) => {
      process.exitCode = await checkCommand({ file, json: options.json === true }, processOutput, loadMapAddress6);
    });
}

/** @param loadMap gives the NPTv6 algorithm; without it the summary lacks external forms of IPv6 addresses */
export async function checkCommand(
  { file, json }: CheckOptions,
  output: Output,
  loadMap: () => Promise<MapAddress6>,
): Promise<ExitCode> {
  const read = await readConfigFile(file);
  const issues = read.ok ? read.value.warnings : read.error.issues;
  if (!json) complainAbout(issues, read.ok ? read.value.text : read.error.text, output);
  if (!read.ok) {
    if (json) output.print(renderJson({ ok: false, file, issues: read.error.issues }));
    else output.complain(`${file}: ${countIssues(read.error.issues)}\n`);
    return EXIT_CODE.configInvalid;
  }
  const summary = summarize(read.value.config, await loadMap().catch(() => undefined));
  output.print(json ? renderJson({ ok: true, file, issues, summary }) : accepted(file, issues, summary));
  return EXIT_CODE.ok;
}

function accepted(file: string, issues: readonly ConfigIssue[], summary: ConfigSummary): string {
  const count = countIssues(issues);
  return `${file}: valid${count === '' ? '' : `, ${count}`}\n\n${renderSummary(summary)}`;
}
