/** Keeps the state file: read when a gateway opens, written every ten seconds, when an operator decides, and when it closes. */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { NptdConfig } from '../config/config.ts';
import type { UplinkModes } from '../control/multihoming/standing.ts';
import type { DataPlane } from '../native/data-plane.ts';
import type { SlotAssignment } from '../plan/slots.ts';
import { replaceFile } from '../replace-file.ts';
import { messageOf } from './errors.ts';
import { formatKeptState, readKeptState } from './kept-state.ts';

const INTERVAL_MS = 10_000;

export interface StateFileOptions {
  readonly dataPlane: Pick<DataPlane, 'portRests' | 'restorePortRests'>;
  /** What holds at the time of each reading and writing. */
  readonly current: () => CurrentState;
  /** Told when the file cannot be used: the gateway goes on without it. */
  readonly complain: (message: string) => void;
  /** Wall clock. */
  readonly now: () => number;
}

export interface CurrentState {
  readonly config: NptdConfig;
  /** Of the uplinks of the configuration. */
  readonly slots: SlotAssignment;
  readonly modes: UplinkModes;
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

  /**
   * Before the first plan, so that no packet takes a port that still rests; resolves with what operators wanted. A file
   * that is not there is no trouble.
   */
  async restore(): Promise<UplinkModes> {
    const { dataPlane, current, now } = this.#options;
    const { config, slots } = current();
    const { file } = config.state;
    if (file === undefined) return new Map();
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') this.#tell(`the state file ${file} cannot be read: ${messageOf(error)}`);
      return undefined;
    });
    if (text === undefined) return new Map();
    const kept = readKeptState(text, slots, now());
    if (!kept.ok) {
      this.#tell(`${file} ${kept.error}: it is written anew`);
      return new Map();
    }
    const { rests, modes } = kept.value;
    if (rests.length > 0) dataPlane.restorePortRests(rests);
    return modes;
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
    const { file } = current().config.state;
    if (file === undefined) return;
    try {
      const rests = await dataPlane.portRests();
      const { config, slots, modes } = current();
      const text = formatKeptState({ rests, modes }, config, slots, now());
      await mkdir(dirname(file), { recursive: true });
      await replaceFile(file, text);
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
