/** nptd as a child process, driven through its own command line as an operator would. */
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Network } from './network.ts';
import { type Background, type Finished, run } from './processes.ts';

const READY_MS_MAX = 15_000;

/** The compiled command line. Found from src/demo and from dist/demo alike. */
const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const mapAnswer = z.object({
  uplinks: z.array(z.object({ uplink: z.string(), direction: z.string(), external: z.string().optional() })),
});

const logEntry = z.object({
  event: z.string().optional(),
  level: z.string(),
  message: z.string(),
  uplink: z.string().optional(),
  family: z.number().optional(),
  to: z.string().optional(),
});

/** One line of nptd's log. */
export type GatewayLogEntry = z.infer<typeof logEntry>;

export class Gateway {
  readonly process: Background;
  /** Path of its configuration. */
  readonly config: string;

  private constructor(process: Background, config: string) {
    this.process = process;
    this.config = config;
  }

  /** Starts nptd and waits until it is ready: its devices exist, its first plan is in force. */
  static async start(network: Network, config: string): Promise<Gateway> {
    const program = network.start([process.execPath, CLI, 'run', config, '--log', 'json']);
    await program.waitForLine((line) => line.includes('"event":"ready"'), READY_MS_MAX);
    return new Gateway(program, config);
  }

  /** Another gateway from the same configuration; this one must have ended. */
  restart(network: Network): Promise<Gateway> {
    return Gateway.start(network, this.config);
  }

  /** Any other command of nptd. */
  command(...words: string[]): Promise<Finished> {
    return run([process.execPath, CLI, ...words]);
  }

  /** What a command with `--json` prints. */
  async json(...words: string[]): Promise<unknown> {
    const { code, stdout, stderr } = await this.command(...words, '--json');
    if (code !== 0) throw new Error(`nptd ${words.join(' ')}: exit code ${code}\n${stderr}`);
    return JSON.parse(stdout);
  }

  /** The external form that `nptd map` prints for an internal address on one uplink. */
  async externalOf(address: string, uplink: string): Promise<string> {
    const { uplinks } = mapAnswer.parse(await this.json('map', address, '--config', this.config));
    const form = uplinks.find((entry) => entry.uplink === uplink && entry.direction === 'outbound');
    if (form?.external === undefined) throw new Error(`nptd map ${address} says nothing about ${uplink}`);
    return form.external;
  }

  /** Waits until the targets of an uplink have answered in both families. */
  async waitUntilUp(uplink: string, timeoutMs: number): Promise<void> {
    for (const family of [4, 6]) {
      const accept = (line: string) => {
        const entry = line.startsWith('{') ? logEntry.parse(JSON.parse(line)) : undefined;
        return entry?.uplink === uplink && entry.family === family && entry.to === 'up';
      };
      await this.process.waitForLine(accept, timeoutMs);
    }
  }

  /** The log from its line number `from` on. */
  log(from = 0): GatewayLogEntry[] {
    const lines = this.process.lines.slice(from).filter((line) => line.startsWith('{'));
    return lines.map((line) => logEntry.parse(JSON.parse(line)));
  }
}
