import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { requestControl } from '../../daemon/control-client.ts';
import { ASSUMED_STATES, type ControlRequest, type ControlResults } from '../../daemon/control-protocol.ts';
import { complainOf } from '../complain.ts';
import { addControlOptions, type ControlOptions } from '../control-options.ts';
import { EXIT_CODE, type ExitCode } from '../exit-code.ts';
import { type Output, processOutput } from '../output.ts';
import { renderJson, renderTable } from '../render.ts';

type Assumption = Extract<ControlRequest, { request: 'simulate' }>['assume'][number];
type Simulated = ControlResults['simulate'][number];

export interface SimulateOptions extends ControlOptions {
  readonly assume: readonly Assumption[];
}

export function registerSimulateCommand(program: Command): void {
  const command = program
    .command('simulate')
    .summary('show what would happen if uplinks failed or came back')
    .description(
      'Shows what the running gateway would decide if uplinks were in another state. Changes nothing.\n' +
        `States: ${ASSUMED_STATES.join(', ')}; NAME/4=down is about one family.`,
    )
    .argument('<name=state...>', 'what to assume, as fiber=down', collect);
  addControlOptions(command).action(async (assume: readonly Assumption[], options: ControlOptions) => {
    process.exitCode = await simulateCommand({ ...options, assume }, processOutput);
  });
}

export async function simulateCommand({ socket, json, assume }: SimulateOptions, output: Output): Promise<ExitCode> {
  try {
    const policies = await requestControl(socket, { request: 'simulate', assume: [...assume] });
    output.print(json ? renderJson(policies) : renderSimulation(policies));
    return EXIT_CODE.ok;
  } catch (error) {
    return complainOf('simulate', error, output);
  }
}

function collect(text: string, before: readonly Assumption[] | undefined): readonly Assumption[] {
  const [, uplink = '', family, name] = /^([^=/]+)(?:\/([46]))?=([a-z]+)$/.exec(text) ?? [];
  const state = ASSUMED_STATES.find((known) => known === name);
  if (state === undefined)
    throw new InvalidArgumentError(`Expected NAME=STATE, with one of ${ASSUMED_STATES.join(', ')}.`);
  return [...(before ?? []), { uplink, state, ...(family === undefined ? {} : { family: family === '4' ? 4 : 6 }) }];
}

function renderSimulation(policies: readonly Simulated[]): string {
  const rows = policies.map((one) => [
    one.policy,
    `IPv${one.family}`,
    list(one.from),
    `${list(one.to)}${one.lastResort ? ' (last resort)' : ''}`,
    one.flows.map(flowsText).join('; ') || 'stay where they are',
    one.reason,
  ]);
  return renderTable(['POLICY', 'FAMILY', 'NEW FLOWS TAKE', 'WOULD TAKE', 'ESTABLISHED FLOWS', 'WHY'], rows);
}

function flowsText({ uplink, leave }: Simulated['flows'][number]): string {
  if (leave === undefined) return `on ${uplink} stay: there is nowhere else to go`;
  const { tcp, udp, other } = leave;
  return `on ${uplink}: TCP ${tcp}, UDP ${udp}, others ${other}`;
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(' + ');
}
