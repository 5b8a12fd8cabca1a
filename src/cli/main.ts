#!/usr/bin/env node
import { CommanderError } from 'commander';
import { EXIT_CODE } from './exit-code.ts';
import { createProgram } from './program.ts';

// A reader that has seen enough, like head, is no failure. A gateway goes on forwarding when its log has lost its reader.
let outlivesReader = false;
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    if (!outlivesReader) process.exit();
  });
}

try {
  const program = createProgram();
  program.hook('preAction', (_program, command) => {
    outlivesReader = command.name() === 'run';
  });
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed it: a wrong command line, or the help that was asked for.
    process.exitCode = error.exitCode === 0 ? EXIT_CODE.ok : EXIT_CODE.usage;
  } else {
    process.stderr.write(`nptd: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = EXIT_CODE.failed;
  }
}
