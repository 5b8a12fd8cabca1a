/** The journal of a gateway: entries in memory, and in a file that survives a restart if there is one. */
import { createReadStream } from 'node:fs';
import { appendFile, mkdir, stat, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { replaceFile } from '../replace-file.ts';
import { formatEntry, type JournalEntry, parseEntry } from './entry.ts';

/** How far the time of a crash may be off. */
const HEARTBEAT_MS = 10_000;

export interface JournalOptions {
  /** Absent: entries are gone with the process. */
  readonly file?: string;
  /** Most entries that are kept; the file may have twice as many. */
  readonly entriesMax: number;
  /** Told when the file cannot be used: the journal goes on in memory. */
  readonly complain: (message: string) => void;
  /** Wall clock in milliseconds. */
  readonly now: () => number;
  /** Told of each entry. */
  readonly onNote?: (entry: JournalEntry) => void;
}

export class Journal {
  readonly #options: JournalOptions;
  #entries: JournalEntry[] = [];
  /** Lines in the file. */
  #lines = 0;
  #heartbeat: NodeJS.Timeout | undefined;
  /** The writing that goes on, so that lines stay in order. */
  #writing: Promise<void> = Promise.resolve();
  /** Whether the file could not be used last, so that it is told once. */
  #troubled = false;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** Reads what there is, and notes the start. A file that cannot be read is told of, and nothing worse happens. */
  async open(): Promise<void> {
    const { file, entriesMax, now } = this.#options;
    if (file !== undefined) {
      await this.#attempt(async () => {
        await mkdir(dirname(file), { recursive: true });
        const { entries, lines } = await readEntries(file);
        this.#entries = entries.slice(-entriesMax);
        // A line that was cut must not swallow the next one: the file is written anew.
        this.#lines = entries.length === lines ? lines : Number.POSITIVE_INFINITY;
        await this.#noteCrash(file);
      });
      this.#heartbeat = setInterval(() => void this.#touch(file), HEARTBEAT_MS).unref();
    }
    this.note({ atMs: now(), event: 'started', message: 'the gateway started', fields: {} });
  }

  note(entry: JournalEntry): void {
    const { file, entriesMax, onNote } = this.#options;
    this.#entries.push(entry);
    onNote?.(entry);
    // Seldom, so that it costs nothing on the whole.
    if (this.#entries.length > 2 * entriesMax) this.#entries = this.#entries.slice(-entriesMax);
    if (file === undefined) return;
    this.#lines += 1;
    const isFull = this.#lines > 2 * entriesMax;
    if (isFull) this.#lines = Math.min(entriesMax, this.#entries.length);
    const text = isFull ? this.#entries.slice(-entriesMax).map(formatEntry).join('') : formatEntry(entry);
    this.#writing = this.#writing.then(() =>
      this.#attempt(() => (isFull ? replaceFile(file, text) : append(file, text))),
    );
  }

  /** In order of time. */
  entries(): readonly JournalEntry[] {
    return this.#entries;
  }

  /** Notes the end; resolves when everything is in the file, or could not be. */
  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.note({ atMs: this.#options.now(), event: 'stopped', message: 'the gateway stopped', fields: {} });
    await this.#writing;
  }

  /** A run that left no word of its end ended about when it last touched the file. */
  async #noteCrash(file: string): Promise<void> {
    const last = this.#entries.at(-1);
    if (last === undefined || last.event === 'stopped') return;
    const { mtimeMs } = await stat(file);
    const atMs = Math.max(last.atMs, Math.round(mtimeMs));
    this.note({ atMs, event: 'stopped', message: 'the gateway ended without a word', fields: { crashed: true } });
  }

  async #touch(file: string): Promise<void> {
    const now = new Date(this.#options.now());
    // It is missing until something is noted, and that it cannot be written is told then.
    await utimes(file, now, now).catch(() => {});
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#troubled = false;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!this.#troubled) this.#options.complain(`the journal ${this.#options.file} cannot be used: ${reason}`);
      this.#troubled = true;
    }
  }
}

async function append(file: string, text: string): Promise<void> {
  await appendFile(file, text, { mode: 0o600 });
}

async function readEntries(file: string): Promise<{ entries: JournalEntry[]; lines: number }> {
  const isThere = await stat(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
  const entries: JournalEntry[] = [];
  let lines = 0;
  if (!isThere) return { entries, lines };
  for await (const line of createInterface({ input: createReadStream(file, 'utf8') })) {
    lines += 1;
    const entry = parseEntry(line);
    if (entry !== undefined) entries.push(entry);
  }
  return { entries, lines };
}
