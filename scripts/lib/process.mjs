import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Ordinary users of Debian have no sbin on their path, and ip, nft and traceroute live there. */
export function widenPath() {
  const parts = (process.env.PATH ?? '').split(delimiter);
  const missing = ['/usr/local/sbin', '/usr/sbin', '/sbin'].filter((part) => !parts.includes(part));
  process.env.PATH = [...parts, ...missing].join(delimiter);
}

/** @returns {boolean} whether the program can be started by its name */
export function hasProgram(name) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs a short program and gives what it printed, or undefined if it could not be run or failed. */
export function outputOf(program, ...programArguments) {
  const result = spawnSync(program, programArguments, {
    encoding: 'utf8',
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 20_000,
  });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/**
 * Runs a program to its end without stdin.
 *
 * A signal that asks this script to stop goes on to the program, so that it can clean up; this script then waits
 * for it. After `secondsMax` the program is asked to stop, and ten seconds later killed.
 *
 * @param {string[]} command program and arguments
 * @param {{ env?: Record<string, string>, cwd?: string, onText?: (text: string) => void, quiet?: boolean,
 *   secondsMax?: number }} options `onText` gets the output as well as the terminal, which `quiet` leaves out
 * @returns {Promise<{ code: number, timedOut: boolean }>} 127 if it could not be started, 128 + n after signal n
 */
export function run(command, options = {}) {
  const [program = '', ...programArguments] = command;
  const piped = options.onText !== undefined || options.quiet === true;
  return new Promise((resolve) => {
    const child = spawn(program, programArguments, {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', piped ? 'pipe' : 'inherit', piped ? 'pipe' : 'inherit'],
    });
    const settle = superviseChild(child, options.secondsMax, resolve);
    for (const [stream, terminal] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        if (options.quiet !== true) terminal.write(text);
        options.onText?.(text);
      });
    }
    child.once('error', (error) => {
      process.stderr.write(`${program}: ${error.message}\n`);
      settle(127);
    });
    child.once('close', (code, signal) => settle(code ?? 128 + signalNumber(signal)));
  });
}

function superviseChild(child, secondsMax, resolve) {
  let timedOut = false;
  // Ctrl-C on a terminal reaches the program by itself, and twice could mean "at once" to it.
  const forward = (signal) => (signal === 'SIGINT' && process.stdin.isTTY) || child.kill(signal);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, forward);
  const timers = [];
  if (secondsMax !== undefined) {
    timers.push(
      setTimeout(() => {
        timedOut = true;
        child.kill('SIGTERM');
        timers.push(setTimeout(() => child.kill('SIGKILL'), 10_000));
      }, secondsMax * 1000),
    );
  }
  return (code) => {
    for (const signal of signals) process.off(signal, forward);
    for (const timer of timers) clearTimeout(timer);
    resolve({ code, timedOut });
  };
}

function signalNumber(signal) {
  return { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }[signal] ?? 6;
}
