import type { Command } from 'commander';
import { requestControl } from '../../daemon/control-client.ts';
import { complainOf } from '../complain.ts';
import { addControlOptions, type ControlOptions } from '../control-options.ts';
import { EXIT_CODE, type ExitCode } from '../exit-code.ts';
import { type Output, processOutput } from '../output.ts';
import { renderJson } from '../render.ts';
import { renderStatus } from '../render-status.ts';

export function registerStatusCommand(program: Command): void {
  const command = program
    .command('status')
    .summary('show uplinks and counters of the running gateway')
    .description('Shows the health of each uplink per family, what new traffic takes, and what became of packets.');
  addControlOptions(command).action(async (options: ControlOptions) => {
    process.exitCode = await statusCommand(options, processOutput);
  });
}

export async function statusCommand({ socket, json }: ControlOptions, output: Output): Promise<ExitCode> {
  try {
    const status = await requestControl(socket, { request: 'status' });
    output.print(json ? renderJson(status) : renderStatus(status));
    return EXIT_CODE.ok;
  } catch (error) {
    return complainOf('status', error, output);
  }
}
