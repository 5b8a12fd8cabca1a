/**
 * Runs hooks: one at a time for each of them, in the order of what happened, and never in the way of anything else. What
 * takes too long is ended, and what comes faster than it can be dealt with is dropped and told of.
 */
import { spawn } from 'node:child_process';
import type { HookConfig } from '../config/operations-config.ts';
import type { JournalEntry } from '../journal/entry.ts';

/** Most events that wait for one hook. */
const QUEUE_MAX = 64;
/** Of what a command says on its standard error. */
const COMPLAINT_OCTETS_MAX = 500;

export interface HookRunnerOptions {
  readonly hooks: readonly HookConfig[];
  /** Told what went wrong with a hook. */
  readonly complain: (message: string) => void;
}

export class HookRunner {
  readonly #queues: HookQueue[];

  constructor({ hooks, complain }: HookRunnerOptions) {
    this.#queues = hooks.map((hook) => new HookQueue(hook, complain));
  }

  /** Returns at once. */
  notify(entry: JournalEntry): void {
    for (const queue of this.#queues) queue.take(entry);
  }

  /** Resolves when what happened so far is dealt with, or given up. */
  async close(): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.settled()));
  }
}

class HookQueue {
  readonly #hook: HookConfig;
  readonly #complain: (message: string) => void;
  #waiting = 0;
  #dropped = 0;
  #tail: Promise<void> = Promise.resolve();

  constructor(hook: HookConfig, complain: (message: string) => void) {
    this.#hook = hook;
    this.#complain = complain;
  }

  take(entry: JournalEntry): void {
    const events: readonly string[] = this.#hook.on;
    if (!events.includes(entry.event)) return;
    if (this.#waiting >= QUEUE_MAX) {
      if (this.#dropped === 0) this.#complain(`${nameOf(this.#hook)} is too slow: events are left out`);
      this.#dropped += 1;
      return;
    }
    this.#waiting += 1;
    this.#tail = this.#tail.then(() => this.#run(entry));
  }

  settled(): Promise<void> {
    return this.#tail;
  }

  async #run(entry: JournalEntry): Promise<void> {
    try {
      await runHook(this.#hook, entry);
    } catch (error) {
      this.#complain(`${nameOf(this.#hook)}: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.#waiting -= 1;
    if (this.#waiting > 0 || this.#dropped === 0) return;
    this.#complain(`${nameOf(this.#hook)} caught up; ${this.#dropped} events were left out`);
    this.#dropped = 0;
  }
}

function nameOf({ action }: HookConfig): string {
  return 'command' in action ? `hook ${action.command[0]}` : `hook ${action.webhook}`;
}

function runHook({ action, timeoutMs }: HookConfig, entry: JournalEntry): Promise<void> {
  return 'command' in action ? runCommand(action.command, timeoutMs, entry) : post(action.webhook, timeoutMs, entry);
}

/** The event is in the environment for shell scripts, and as JSON on the standard input. */
function runCommand([program, ...args]: readonly [string, ...string[]], timeoutMs: number, entry: JournalEntry) {
  return new Promise<void>((resolve, reject) => {
    const env = { ...process.env, ...environmentOf(entry) };
    // A group of its own, so that what it starts ends with it.
    const child = spawn(program, args, { env, detached: true, stdio: ['pipe', 'ignore', 'pipe'] });
    let said = '';
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      endGroup(child.pid);
    }, timeoutMs);
    child.stderr.on('data', (chunk: Buffer) => {
      if (said.length < COMPLAINT_OCTETS_MAX) said += chunk.toString('utf8');
    });
    // It need not read what it is told.
    child.stdin.on('error', () => {});
    child.stdin.end(`${JSON.stringify(entry)}\n`);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      const words = said.trim().slice(0, COMPLAINT_OCTETS_MAX);
      if (isLate) reject(new Error(`took longer than ${timeoutMs / 1000} s and was ended`));
      else if (code === 0) resolve();
      else reject(new Error(`ended with ${signal ?? `exit code ${code}`}${words === '' ? '' : `: ${words}`}`));
    });
  });
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}

/** `NPTD_EVENT`, `NPTD_MESSAGE`, and one variable for each field: `NPTD_UPLINK`, `NPTD_TO`, … */
function environmentOf({ event, message, atMs, fields }: JournalEntry): Record<string, string> {
  const rest = Object.entries(fields).map(([name, value]): [string, string] => [
    `NPTD_${name.replaceAll(/[A-Z]/g, '_$&').replaceAll('-', '_').toUpperCase()}`,
    String(value),
  ]);
  return { ...Object.fromEntries(rest), NPTD_EVENT: event, NPTD_MESSAGE: message, NPTD_AT: `${atMs}` };
}

async function post(url: string, timeoutMs: number, entry: JournalEntry): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(entry),
    signal: AbortSignal.timeout(timeoutMs),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`answered ${response.status} ${response.statusText}`);
}
