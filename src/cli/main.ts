#!/usr/bin/env node
import { CommanderError } from 'commander';
import { EXIT_CODE } from './exit-code.ts';
import { createProgram } from './program.ts';

// A reader that has seen enough, like head, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed it: a wrong command line, or the help that was asked for.
    process.exitCode = error.exitCode === 0 ? EXIT_CODE.ok : EXIT_CODE.usage;
  } else {
    process.stderr.write(`nptd: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = EXIT_CODE.failed;
  }
}
