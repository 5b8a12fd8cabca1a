/** Long-lived flows in another namespace, as tests use them. The program at their other end is programs/flows.ts. */
import type { Namespace } from '../../src/demo/network.ts';
import type { Background } from '../../src/demo/processes.ts';
import { INTERNET } from '../../src/demo/site.ts';
import type { FlowReport, FlowSpec } from './programs/flows.ts';
import { program } from './programs.ts';

export type { FlowReport, FlowSpec };

const OPEN_MS_MAX = 15_000;
const REPORT_MS_MAX = 5000;

interface FlowEvent {
  readonly event: 'open' | 'ended' | 'report';
  /** Wall clock. */
  readonly atMs: number;
  readonly kind?: FlowSpec['kind'];
  readonly family?: 4 | 6;
  readonly port?: number;
  readonly code?: string;
  readonly flows?: readonly FlowReport[];
}

export class Flows {
  readonly #program: Background;
  #reports = 0;

  private constructor(program: Background) {
    this.#program = program;
  }

  /** Opens flows and waits until each has heard from its server. */
  static async open(namespace: Namespace, specs: readonly FlowSpec[]): Promise<Flows> {
    const flows = new Flows(namespace.start(await program('flows', JSON.stringify(specs))));
    const wanted = specs.reduce((sum, { count }) => sum + count, 0);
    let open = 0;
    const isLast = (line: string) => {
      if (parse(line).event === 'open') open += 1;
      return open >= wanted;
    };
    await flows.#program.waitForLine(isLast, OPEN_MS_MAX);
    return flows;
  }

  /** What has ended so far. */
  ended(): FlowEvent[] {
    return this.#program.lines.map(parse).filter(({ event }) => event === 'ended');
  }

  async report(): Promise<readonly FlowReport[]> {
    this.#program.write('report\n');
    this.#reports += 1;
    let seen = 0;
    const isAnswer = (line: string) => {
      if (parse(line).event === 'report') seen += 1;
      return seen >= this.#reports;
    };
    return parse(await this.#program.waitForLine(isAnswer, REPORT_MS_MAX)).flows ?? [];
  }

  async stop(): Promise<void> {
    await this.#program.stop();
  }
}

const parse = (line: string): FlowEvent => JSON.parse(line) as FlowEvent;

const BY_KIND = {
  receive: { servers: { 4: INTERNET.web4, 6: INTERNET.web6 }, serverPort: 80 },
  talk: { servers: { 4: INTERNET.web4, 6: INTERNET.web6 }, serverPort: 7 },
  datagrams: { servers: { 4: INTERNET.web4, 6: INTERNET.web6 }, serverPort: 7 },
} as const;

/** `count` flows of one kind in each family; those of IPv6 have ports 1000 higher. */
export function flowsOf(kind: FlowSpec['kind'], count: number, port: number, intervalMs = 20): FlowSpec[] {
  const { servers, serverPort } = BY_KIND[kind];
  return ([4, 6] as const).map((family) => ({
    kind,
    server: servers[family],
    port: port + (family === 6 ? 1000 : 0),
    count,
    intervalMs,
    serverPort,
  }));
}
