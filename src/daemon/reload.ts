/** The configuration file of a running gateway: what another one would change, and taking it over. */
import { messageOf, NptdError } from '../api/errors.ts';
import type { Nptd } from '../api/nptd.ts';
import type { Preview } from '../api/preview.ts';
import { fileChanges } from '../config/changes.ts';
import { renderIssues } from '../config/issue.ts';
import type { ParsedConfig } from '../config/parse.ts';
import { readConfigFile } from '../config/read-file.ts';
import type { Log } from './log.ts';

/** The difference between the configuration in force and another one. */
export interface PlannedChange extends Preview {
  /** The file that was read. */
  readonly file: string;
  /** Sentences in the words of the file; none: nothing changes. */
  readonly changes: readonly string[];
  /** Warnings about the other one, as they are printed. */
  readonly warnings: string;
}

export class ConfigFile {
  readonly #file: string;
  readonly #gateway: Pick<Nptd, 'preview' | 'apply'>;
  readonly #log: Log;
  /** Of the configuration in force. */
  #source: unknown;
  /** Settles when the file was taken over, or refused, as often as was asked so far. */
  #reloading: Promise<unknown> = Promise.resolve();

  constructor(file: string, source: unknown, gateway: Pick<Nptd, 'preview' | 'apply'>, log: Log) {
    this.#file = file;
    this.#source = source;
    this.#gateway = gateway;
    this.#log = log;
  }

  /**
   * What a file would change. Rejects with an `NptdError` that lists everything wrong with it.
   * @param file an absolute path; absent: the gateway's own
   */
  async plan(file = this.#file): Promise<PlannedChange> {
    return this.#changeTo(await read(file), file);
  }

  /** Takes the gateway's own file over. Rejects with an `NptdError`, after which nothing has changed. */
  reload(): Promise<PlannedChange> {
    const done = this.#reloading.then(() => this.#reload());
    this.#reloading = done.catch(() => {});
    return done;
  }

  /** The same for a signal, which nobody waits for. */
  async reloadOnSignal(): Promise<void> {
    try {
      await this.reload();
    } catch (error) {
      const message = `${this.#file} is not taken over: ${messageOf(error)}`;
      this.#log({ level: 'error', message, fields: { event: 'config-refused', file: this.#file } });
    }
  }

  async #reload(): Promise<PlannedChange> {
    const parsed = await read(this.#file);
    const change = this.#changeTo(parsed, this.#file);
    await this.#gateway.apply(parsed.config);
    this.#source = parsed.source;
    for (const sentence of change.changes) {
      this.#log({ level: 'info', message: sentence, fields: { event: 'config-changed', file: this.#file } });
    }
    return change;
  }

  #changeTo({ config, warnings, source }: ParsedConfig, file: string): PlannedChange {
    const changes = fileChanges(this.#source, source);
    return { ...this.#gateway.preview(config), file, changes, warnings: renderIssues(warnings) };
  }
}

async function read(file: string): Promise<ParsedConfig> {
  const result = await readConfigFile(file);
  if (result.ok) return result.value;
  throw new NptdError('CONFIG_INVALID', `${renderIssues(result.error.issues)}nothing has changed`);
}
