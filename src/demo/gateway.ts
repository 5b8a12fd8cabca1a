/** nptd as a child process, driven through its own command line as an operator would. */
import { fileURLToPath } from 'node:url';
import type { Network } from './network.ts';
import { type Background, type Finished, run } from './processes.ts';

const READY_MS_MAX = 15_000;

/** The compiled command line. Found from src/demo and from dist/demo alike. */
const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export class Gateway {
  readonly process: Background;
  readonly #config: string;
  readonly #socket: string;

  private constructor(process: Background, config: string, socket: string) {
    this.process = process;
    this.#config = config;
    this.#socket = socket;
  }

  /** Starts nptd and waits until it is ready: its devices exist, its first plan is in force. */
  static async start(network: Network, config: string, socket: string): Promise<Gateway> {
    const program = network.start([process.execPath, CLI, 'run', config, '--log', 'json']);
    await program.waitForLine((line) => line.includes('"event":"ready"'), READY_MS_MAX);
    return new Gateway(program, config, socket);
  }

  /** Any other command of nptd. */
  command(...words: string[]): Promise<Finished> {
    return run([process.execPath, CLI, ...words]);
  }

  async status(): Promise<unknown> {
    return this.#json('status', '--json', '--socket', this.#socket);
  }

  async sessions(): Promise<unknown> {
    return this.#json('sessions', '--json', '--socket', this.#socket);
  }

  /** What `nptd map` prints about an internal address. */
  async map(address: string): Promise<unknown> {
    return this.#json('map', address, '--json', '--config', this.#config);
  }

  async #json(...words: string[]): Promise<unknown> {
    const { code, stdout, stderr } = await this.command(...words);
    if (code !== 0) throw new Error(`nptd ${words.join(' ')}: exit code ${code}\n${stderr}`);
    return JSON.parse(stdout);
  }
}
