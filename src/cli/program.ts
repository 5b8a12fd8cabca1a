import { Command } from 'commander';
import { registerCheckCommand } from './commands/check.ts';
import { registerHistoryCommand } from './commands/history.ts';
import { registerMapCommand } from './commands/map.ts';
import { registerProbeCommand } from './commands/probe.ts';
import { registerReloadCommands } from './commands/reload.ts';
import { registerReplayCommand } from './commands/replay.ts';
import { registerRunCommand } from './commands/run.ts';
import { registerSessionsCommand } from './commands/sessions.ts';
import { registerSimulateCommand } from './commands/simulate.ts';
import { registerStatusCommand } from './commands/status.ts';
import { registerUlaCommand } from './commands/ula.ts';
import { registerUplinkCommand } from './commands/uplink.ts';
import { registerWhyCommand } from './commands/why.ts';
import { registerZoneCommand } from './commands/zone.ts';
import { EXIT_CODE_HELP } from './exit-code.ts';
import { packageVersion } from './version.ts';

/** All commands of `nptd`. Parsing throws a `CommanderError` instead of ending the process. */
export function createProgram(): Command {
  const program = new Command('nptd')
    .description('NAT44 / NPTv6 gateway for small sites with several uplinks.')
    .version(packageVersion())
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({ sortSubcommands: false })
    .addHelpText('after', EXIT_CODE_HELP);
  registerRunCommand(program);
  registerCheckCommand(program);
  registerStatusCommand(program);
  registerSessionsCommand(program);
  registerHistoryCommand(program);
  registerReloadCommands(program);
  registerWhyCommand(program);
  registerUplinkCommand(program);
  registerSimulateCommand(program);
  registerMapCommand(program);
  registerZoneCommand(program);
  registerReplayCommand(program);
  registerProbeCommand(program);
  registerUlaCommand(program);
  return program;
}
