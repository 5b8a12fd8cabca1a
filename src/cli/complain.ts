import { NptdError, type NptdErrorCode } from '../api/errors.ts';
import { EXIT_CODE, type ExitCode } from './exit-code.ts';
import type { Output } from './output.ts';

const EXIT_CODES: Partial<Record<NptdErrorCode, ExitCode>> = {
  CONFIG_INVALID: EXIT_CODE.configInvalid,
  NOT_RUNNING: EXIT_CODE.notRunning,
  UNKNOWN_NAME: EXIT_CODE.usage,
  INVALID_ARGUMENT: EXIT_CODE.usage,
  PRIVILEGE_MISSING: EXIT_CODE.unavailable,
  DEVICE_UNAVAILABLE: EXIT_CODE.unavailable,
  ADDON_UNAVAILABLE: EXIT_CODE.unavailable,
  PACKAGE_MISSING: EXIT_CODE.unavailable,
  PROBE_IMPOSSIBLE: EXIT_CODE.unavailable,
};

/** Prints what a command failed of, and gives its exit code. Errors that are not the library's own are thrown on. */
export function complainOf(command: string, error: unknown, output: Output): ExitCode {
  if (!(error instanceof NptdError)) throw error;
  output.complain(`nptd ${command}: ${error.message}\n`);
  return EXIT_CODES[error.code] ?? EXIT_CODE.failed;
}
