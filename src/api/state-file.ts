/** Keeps the state file: read when a gateway opens, written every ten seconds and when it closes. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { NptdConfig } from '../config/config.ts';
import type { DataPlane } from '../native/data-plane.ts';
import type { SlotAssignment } from '../plan/slots.ts';
import { messageOf } from './errors.ts';
import { formatPortRests, readPortRests } from './port-rests.ts';

const INTERVAL_MS = 10_000;

export interface StateFileOptions {
  readonly dataPlane: Pick<DataPlane, 'portRests' | 'restorePortRests'>;
  /** The configuration in force and the slots of its uplinks, at the time of each writing. */
  readonly current: () => { readonly config: NptdConfig; readonly slots: SlotAssignment };
  /** Told when the file cannot be used: the gateway goes on without it. */
  readonly complain: (message: string) => void;
  /** Wall clock. */
  readonly now: () => number;
}

export class StateFile {
  readonly #options: StateFileOptions;
  #timer: NodeJS.Timeout | undefined;
  /** The writing that goes on, so that none overtakes another. */
  #writing: Promise<void> = Promise.resolve();
  /** What went wrong last, so that it is told once and not every ten seconds. */
  #trouble: string | undefined;

  constructor(options: StateFileOptions) {
    this.#options = options;
  }

  /** Before the first plan, so that no packet takes a port that still rests. A file that is not there is no trouble. */
  async restore(): Promise<void> {
    const { dataPlane, current, now } = this.#options;
    const { config, slots } = current();
    const { file } = config.state;
    if (file === undefined) return;
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') this.#tell(`the state file ${file} cannot be read: ${messageOf(error)}`);
      return undefined;
    });
    if (text === undefined) return;
    const rests = readPortRests(text, slots, now());
    if (!rests.ok) this.#tell(`${file} ${rests.error}: it is written anew`);
    else if (rests.value.length > 0) dataPlane.restorePortRests(rests.value);
  }

  start(): void {
    this.#timer = setInterval(() => void this.write(), INTERVAL_MS);
    this.#timer.unref();
  }

  /** Resolves when the last state has been written, or could not be. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.write();
  }

  write(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    const { dataPlane, current, now } = this.#options;
    const { config, slots } = current();
    const { file } = config.state;
    if (file === undefined) return;
    try {
      const text = formatPortRests(await dataPlane.portRests(), config, slots, now());
      await mkdir(dirname(file), { recursive: true });
      // A reader finds the old state or the new one, also after a crash in between.
      await writeFile(`${file}.new`, text, { mode: 0o600 });
      await rename(`${file}.new`, file);
      this.#trouble = undefined;
    } catch (error) {
      this.#tell(`the state file ${file} cannot be written: ${messageOf(error)}`);
    }
  }

  #tell(message: string): void {
    if (message !== this.#trouble) this.#options.complain(message);
    this.#trouble = message;
  }
}
