/** What happens to a gateway, for those who ask later (the journal) and those who want to be told (the hooks). */
import type { NptdConfig } from '../config/config.ts';
import { HOOK_EVENTS } from '../config/operations-config.ts';
import type { LogEntry } from '../control/notice.ts';
import { HookRunner } from '../hooks/hook-runner.ts';
import { type Availability, availabilityOf } from '../journal/availability.ts';
import type { JournalEntry } from '../journal/entry.ts';
import { Journal } from '../journal/journal.ts';

/** A stretch of the past. */
export interface History {
  /** Wall clock in milliseconds. */
  readonly fromMs: number;
  readonly toMs: number;
  /** In order of time. */
  readonly entries: readonly JournalEntry[];
  /** In the order in which uplinks were first heard of. */
  readonly availability: readonly Availability[];
}

export interface OperationsRecordOptions {
  /** Told when journal or hooks have trouble: nothing else suffers from it. */
  readonly complain: (message: string) => void;
  /** Wall clock in milliseconds. */
  readonly now: () => number;
}

const EVENTS: ReadonlySet<string> = new Set(HOOK_EVENTS);

export class OperationsRecord {
  readonly #journal: Journal;
  readonly #hooks: HookRunner;
  readonly #now: () => number;

  private constructor(journal: Journal, hooks: HookRunner, now: () => number) {
    this.#journal = journal;
    this.#hooks = hooks;
    this.#now = now;
  }

  /** Journal and hooks are those of the first configuration for the life of the gateway. */
  static async open({ journal, hooks }: NptdConfig, options: OperationsRecordOptions): Promise<OperationsRecord> {
    const { complain, now } = options;
    const runner = new HookRunner({ hooks, complain });
    const onNote = (entry: JournalEntry): void => runner.notify(entry);
    const { file, entries: entriesMax } = journal;
    const kept = new Journal({ ...(file === undefined ? {} : { file }), entriesMax, complain, now, onNote });
    await kept.open();
    return new OperationsRecord(kept, runner, now);
  }

  /** Keeps what is worth it, and tells those who wait for it. */
  note({ message, fields }: LogEntry, atMs: number): void {
    const { event } = fields;
    if (typeof event !== 'string' || !EVENTS.has(event)) return;
    this.#journal.note({ atMs, event, message, fields });
  }

  history(sinceMs: number): History {
    const all = this.#journal.entries();
    const stretch = { fromMs: Math.max(sinceMs, all[0]?.atMs ?? sinceMs), toMs: this.#now() };
    const entries = all.filter(({ atMs }) => atMs >= sinceMs);
    return { ...stretch, entries, availability: availabilityOf(all, stretch) };
  }

  async close(): Promise<void> {
    await this.#journal.close();
    await this.#hooks.close();
  }
}
