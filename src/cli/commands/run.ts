import { resolve } from 'node:path';
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import type { NptdConfig } from '../../config/config.ts';
import { DEFAULT_CONFIG_FILE } from '../../config/read-file.ts';
import { runDaemon } from '../../daemon/daemon.ts';
import { createLog, LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogOptions } from '../../daemon/log.ts';
import { listenForEnd } from '../../daemon/signals.ts';
import { complainOf } from '../complain.ts';
import { loadConfig } from '../config-file.ts';
import { EXIT_CODE, type ExitCode } from '../exit-code.ts';
import { type Output, processOutput } from '../output.ts';
import { countOf } from '../render.ts';

export interface RunOptions {
  readonly file: string;
  /** Path of the control socket; that of the configuration if absent. */
  readonly socket?: string;
  readonly log: LogFormat;
  readonly level: LogOptions['level'];
}

export function registerRunCommand(program: Command): void {
  program
    .command('run')
    .summary('run the gateway')
    .description(
      'Runs the gateway until SIGINT or SIGTERM; a second signal does not wait for a clean end.\n' +
        'It goes on when nobody reads its log any more. SIGHUP takes the file over anew, as "nptd reload" does.\n' +
        'Nothing is started if anything in the configuration is wrong.',
    )
    .argument('[config]', 'configuration file', DEFAULT_CONFIG_FILE)
    .option('--socket <path>', 'control socket, instead of the one that the configuration names')
    .addOption(new Option('--log <format>', 'form of the log').choices(LOG_FORMATS))
    .option('--log-level <level>', `least level that is logged: ${LOG_LEVELS.join(', ')}`, parseLevel, 'info')
    .action(async (file: string, options: { socket?: string; log?: LogFormat; logLevel: LogOptions['level'] }) => {
      const { socket, log = process.stdout.isTTY === true ? 'text' : 'json', logLevel: level } = options;
      process.exitCode = await runCommand(
        { file, log, level, ...(socket === undefined ? {} : { socket }) },
        processOutput,
      );
    });
}

export async function runCommand(options: RunOptions, output: Output): Promise<ExitCode> {
  const loaded = await loadConfig(options.file, output, { warnings: true });
  if (loaded === undefined) return EXIT_CODE.configInvalid;
  const { config, source } = loaded;
  const socket = options.socket ?? config.control.socket;
  const logOptions: LogOptions = {
    format: options.log,
    level: options.level,
    write: (line) => output.print(`${line}\n`),
    now: () => Date.now(),
  };
  const end = listenForEnd();
  try {
    const orderly = await runDaemon({
      config,
      from: { file: resolve(options.file), source },
      socket,
      log: createLog(logOptions),
      signal: end.signal,
      // Whoever waits for this line must get it at any level.
      onReady: (generation) => createLog({ ...logOptions, level: 'debug' })(readyEntry(config, socket, generation)),
    });
    return orderly ? EXIT_CODE.ok : EXIT_CODE.failed;
  } catch (error) {
    return complainOf('run', error, output);
  } finally {
    end.release();
  }
}

function readyEntry({ internal, uplinks }: NptdConfig, socket: string, generation: number) {
  const devices = `${countOf(internal.length, 'internal device')}, ${countOf(uplinks.length, 'uplink')}`;
  return {
    level: 'info',
    message: `nptd is ready: ${devices}; control socket ${socket}`,
    fields: { event: 'ready', generation, pid: process.pid, socket },
  } as const;
}

function parseLevel(text: string): LogOptions['level'] {
  const level = LOG_LEVELS.find((known) => known === text);
  if (level === undefined) throw new InvalidArgumentError(`Known levels are ${LOG_LEVELS.join(', ')}.`);
  return level;
}
