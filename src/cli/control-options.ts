import type { Command } from 'commander';
import { DEFAULT_CONTROL } from '../config/defaults.ts';

/** Options of every command that asks a running gateway. */
export interface ControlOptions {
  readonly socket: string;
  readonly json: boolean;
}

export function addControlOptions(command: Command): Command {
  return command
    .option('--socket <path>', 'control socket of the gateway', DEFAULT_CONTROL.socket)
    .option('--json', 'print JSON', false);
}
