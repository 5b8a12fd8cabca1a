import type { Command } from 'commander';
import { requestControl } from '../../daemon/control-client.ts';
import { complainOf } from '../complain.ts';
import { addControlOptions, type ControlOptions } from '../control-options.ts';
import { EXIT_CODE, type ExitCode } from '../exit-code.ts';
import { type Output, processOutput } from '../output.ts';
import { renderJson } from '../render.ts';
import { renderStatus } from '../render-status.ts';

const MODES = {
  drain: ['draining', 'give it no new flows while another uplink can take them; those that it has end by themselves'],
  disable: ['disabled', 'take it out of use: flows leave it as "on-failure" says, as if it had died'],
  enable: ['enabled', 'let its health decide again'],
} as const;

export type UplinkVerb = keyof typeof MODES;

export function registerUplinkCommand(program: Command): void {
  const uplink = program
    .command('uplink')
    .summary('drain, disable or enable an uplink')
    .description(
      'Says what the operator wants of an uplink, whatever its health; with a state file ("state") it holds over a restart.',
    );
  for (const verb of ['drain', 'disable', 'enable'] as const) {
    const command = uplink.command(verb).description(MODES[verb][1]).argument('<name>', 'name of the uplink');
    addControlOptions(command).action(async (name: string, options: ControlOptions) => {
      process.exitCode = await uplinkCommand({ ...options, name, verb }, processOutput);
    });
  }
}

export interface UplinkOptions extends ControlOptions {
  readonly name: string;
  readonly verb: UplinkVerb;
}

export async function uplinkCommand({ socket, json, name, verb }: UplinkOptions, output: Output): Promise<ExitCode> {
  try {
    const status = await requestControl(socket, { request: 'uplink', name, mode: MODES[verb][0] });
    output.print(json ? renderJson(status) : renderStatus(status));
    return EXIT_CODE.ok;
  } catch (error) {
    return complainOf(`uplink ${verb}`, error, output);
  }
}
