/** What the exit code of `nptd` says. Documented in docs/configuration.md and `nptd --help`. */
export const EXIT_CODE = {
  ok: 0,
  /** It was tried and did not work. */
  failed: 1,
  /** The configuration is invalid; every problem was printed. */
  configInvalid: 2,
  /** No gateway answers at the control socket. */
  notRunning: 3,
  /** A privilege, a device, the native addon or an optional package is missing; nothing was started. */
  unavailable: 4,
  /** The command line was wrong (EX_USAGE of sysexits.h). */
  usage: 64,
} as const;

export type ExitCode = (typeof EXIT_CODE)[keyof typeof EXIT_CODE];

export const EXIT_CODE_HELP = `
Exit codes:
  0   done
  1   tried, and failed
  2   the configuration is invalid
  3   no gateway is running
  4   a privilege, a device, the native addon or a package is missing
  64  the command line was wrong`;
