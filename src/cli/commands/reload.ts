import { resolve } from 'node:path';
import type { Command } from 'commander';
import { requestControl } from '../../daemon/control-client.ts';
import type { PlannedChange } from '../../daemon/reload.ts';
import { complainOf } from '../complain.ts';
import { addControlOptions, type ControlOptions } from '../control-options.ts';
import { EXIT_CODE, type ExitCode } from '../exit-code.ts';
import { type Output, processOutput } from '../output.ts';
import { renderJson } from '../render.ts';

export function registerReloadCommands(program: Command): void {
  const plan = program
    .command('plan')
    .summary('show what a changed configuration would do')
    .description(
      'Compares a configuration with the one in force, and says what taking it over would do to traffic.\n' +
        'Changes nothing.',
    )
    .argument('[config]', "configuration file; the running gateway's own if absent");
  addControlOptions(plan).action(async (file: string | undefined, options: ControlOptions) => {
    process.exitCode = await planCommand({ ...options, ...(file === undefined ? {} : { file }) }, processOutput);
  });
  const reload = program
    .command('reload')
    .summary('take the changed configuration over')
    .description(
      'Makes the running gateway read its configuration file anew, as SIGHUP does. Flows survive wherever the change\n' +
        'allows; if anything is wrong with the file nothing changes.',
    );
  addControlOptions(reload).action(async (options: ControlOptions) => {
    process.exitCode = await reloadCommand(options, processOutput);
  });
}

export interface PlanOptions extends ControlOptions {
  readonly file?: string;
}

export async function planCommand({ socket, json, file }: PlanOptions, output: Output): Promise<ExitCode> {
  try {
    const request = { request: 'plan', ...(file === undefined ? {} : { file: resolve(file) }) } as const;
    const change = await requestControl(socket, request);
    output.complain(json ? '' : change.warnings);
    output.print(json ? renderJson(change) : renderPlan(change));
    return EXIT_CODE.ok;
  } catch (error) {
    return complainOf('plan', error, output);
  }
}

export async function reloadCommand({ socket, json }: ControlOptions, output: Output): Promise<ExitCode> {
  try {
    const change = await requestControl(socket, { request: 'reload' });
    output.complain(json ? '' : change.warnings);
    output.print(json ? renderJson(change) : renderReload(change));
    return EXIT_CODE.ok;
  } catch (error) {
    return complainOf('reload', error, output);
  }
}

function renderPlan(change: PlannedChange): string {
  if (change.changes.length === 0) return `${change.file} says what is in force: nothing would change\n`;
  const { restart } = change;
  const verdict =
    restart.length === 0
      ? '"nptd reload" takes it over while traffic goes on'
      : `it is taken over by a restart only, because of its ${restart.join(' and ')}`;
  return `${lines(change)}${verdict}\n`;
}

function renderReload(change: PlannedChange): string {
  if (change.changes.length === 0) return `${change.file} says what is in force: nothing changed\n`;
  return `${lines(change)}taken over\n`;
}

function lines({ changes, ends, later }: PlannedChange): string {
  const consequences = [
    ...ends.map((uplink) => `translated flows of uplink ${uplink} end: its addresses change`),
    ...later.map((key) => `${key} is heeded from the next start on`),
  ];
  return [...changes.map((change) => `  ${change}\n`), ...consequences.map((line) => `! ${line}\n`)].join('');
}
