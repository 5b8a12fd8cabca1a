/** Programs as child processes: short ones run to their end, long ones kept in the background and stopped by pid. */
import { type ChildProcess, spawn } from 'node:child_process';

/** How a program ended. */
export interface Finished {
  /** Exit code; 128 + n after signal n, 124 when it took too long. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

export interface RunOptions {
  /** The program is killed after this; 20 s if not given. */
  readonly timeoutMs?: number;
  /** Text for its stdin, which is empty otherwise. */
  readonly input?: string | Uint8Array;
}

const RUN_MS_DEFAULT = 20_000;
/** Most lines that are kept of a background program: a flood of them must not eat the memory of the test. */
const LINES_MAX = 200_000;

/** Runs a program to its end; never rejects because of what the program does. */
export function run(command: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const started = performance.now();
  const child = spawnCommand(command);
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  // A program may end without reading its input.
  child.stdin?.on('error', () => {});
  child.stdin?.end(options.input ?? '');
  return new Promise((resolve) => {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, options.timeoutMs ?? RUN_MS_DEFAULT);
    const finish = (code: number) => {
      clearTimeout(timer);
      resolve({ code: timedOut ? 124 : code, ...output, ms: performance.now() - started });
    };
    child.once('error', (error) => {
      output.stderr += error.message;
      finish(127);
    });
    child.once('close', (code, signal) => finish(code ?? (signal === 'SIGTERM' ? 143 : 137)));
  });
}

/** Like `run`, but a failure is an exception that quotes the program's complaint. */
export async function runOrThrow(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const finished = await run(command, options);
  if (finished.code !== 0) {
    throw new Error(`${command.join(' ')}: exit code ${finished.code}\n${finished.stderr}${finished.stdout}`);
  }
  return finished.stdout;
}

/** A program that runs until it is stopped. It dies with this process, however that ends. */
export class Background implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<number>;
  readonly #title: string;
  #exitCode: number | undefined;
  #listeners = new Set<() => void>();

  constructor(command: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#title = command.join(' ');
    this.#child = spawnCommand(['setpriv', '--pdeathsig', 'KILL', '--', ...command], env);
    this.#collect(this.#child.stdout);
    this.#collect(this.#child.stderr);
    this.#ended = new Promise((resolve) => {
      const finish = (code: number) => {
        this.#exitCode = code;
        this.#notify();
        resolve(code);
      };
      this.#child.once('error', () => finish(127));
      this.#child.once('close', (code, signal) => finish(code ?? (signal === 'SIGTERM' ? 143 : 137)));
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Undefined while it runs. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  signal(name: NodeJS.Signals): void {
    if (this.#exitCode === undefined) this.#child.kill(name);
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** The first line, printed before or from now on, that `accept` takes. */
  waitForLine(accept: (line: string) => boolean, timeoutMs: number): Promise<string> {
    let read = 0;
    const search = () => {
      const found = this.lines.slice(read).find(accept);
      read = this.lines.length;
      return found;
    };
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        this.#listeners.delete(look);
        act();
      };
      const complain = (what: string) =>
        reject(new Error(`${this.#title}: ${what}\n${this.lines.slice(-20).join('\n')}`));
      const look = () => {
        const found = search();
        if (found !== undefined) settle(() => resolve(found));
        else if (this.#exitCode !== undefined) settle(() => complain(`ended with exit code ${this.#exitCode}`));
      };
      const timer = setTimeout(() => settle(() => complain(`no such line within ${timeoutMs} ms`)), timeoutMs);
      this.#listeners.add(look);
      look();
    });
  }

  /** Resolves with the exit code once the program has ended. */
  ended(): Promise<number> {
    return this.#ended;
  }

  /** Asks it to stop, and kills it if it does not within `graceMs`. */
  async stop(graceMs = 3000): Promise<number> {
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs);
    const code = await this.#ended;
    clearTimeout(timer);
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #collect(stream: NodeJS.ReadableStream | null): void {
    let rest = '';
    stream?.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop() ?? '';
      if (this.lines.length < LINES_MAX) this.lines.push(...parts);
      this.#notify();
    });
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

function spawnCommand(command: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  const [program = '', ...programArguments] = command;
  return spawn(program, programArguments, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C', ...env },
  });
}
