/**
 * Long-lived flows of a host, to see what becomes of them when uplinks come and go: `flows JSON`, see `FlowSpec`. Events are
 * lines of JSON on stdout; a line on stdin asks for the report. See ../flows.ts for the other end.
 */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

export interface FlowSpec {
  /** `receive`: TCP, hears the server's ticks and says nothing itself; `talk`: TCP, echoed lines; `datagrams`: UDP, echoed. */
  readonly kind: 'receive' | 'talk' | 'datagrams';
  readonly server: string;
  /** First local port: flow n has this port plus n. */
  readonly port: number;
  readonly count: number;
  /** Between two datagrams or lines. */
  readonly intervalMs: number;
  readonly serverPort: number;
}

export interface FlowReport {
  readonly kind: FlowSpec['kind'];
  readonly family: 4 | 6;
  readonly port: number;
  readonly sent: number;
  readonly received: number;
  /** Longest time without anything from the server while the flow lived. */
  readonly longestGapMs: number;
  /** How it ended: a code of Node, or `end`; absent while it lives. */
  readonly ended?: string;
}

const reports: (() => FlowReport)[] = [];
const tell = (event: object) => process.stdout.write(`${JSON.stringify({ ...event, atMs: Date.now() })}\n`);

class Tally {
  sent = 0;
  received = 0;
  ended: string | undefined;
  #lastMs = performance.now();
  #longestMs = 0;
  readonly #identity: Pick<FlowReport, 'kind' | 'family' | 'port'>;

  constructor({ kind, server, port }: FlowSpec, index: number) {
    this.#identity = { kind, family: server.includes(':') ? 6 : 4, port: port + index };
    reports.push(() => this.report());
  }

  heard(): void {
    if (this.received === 0) tell({ event: 'open', ...this.#identity });
    else this.#longestMs = Math.max(this.#longestMs, performance.now() - this.#lastMs);
    this.#lastMs = performance.now();
    this.received += 1;
  }

  end(code: string): void {
    if (this.ended === undefined) tell({ event: 'ended', ...this.#identity, code });
    this.ended ??= code;
  }

  report(): FlowReport {
    const { sent, received, ended } = this;
    const waitingMs = ended === undefined ? performance.now() - this.#lastMs : 0;
    const longestGapMs = Math.round(Math.max(this.#longestMs, waitingMs));
    return { ...this.#identity, sent, received, longestGapMs, ...(ended === undefined ? {} : { ended }) };
  }
}

function openTcp(spec: FlowSpec, index: number): void {
  const tally = new Tally(spec, index);
  const socket = connect({ host: spec.server, port: spec.serverPort, localPort: spec.port + index, noDelay: true });
  let timer: NodeJS.Timeout | undefined;
  socket.on('connect', () => {
    tally.sent += 1;
    if (spec.kind === 'receive') socket.write(`GET /ticks HTTP/1.1\r\nhost: ${spec.server}\r\n\r\n`);
    else timer = setInterval(() => socket.write(`${tally.sent++}\n`), spec.intervalMs);
  });
  socket.on('data', () => tally.heard());
  socket.on('error', (error: NodeJS.ErrnoException) => tally.end(error.code ?? error.message));
  socket.on('close', () => {
    clearInterval(timer);
    tally.end('end');
  });
}

function openUdp(spec: FlowSpec, index: number): void {
  const tally = new Tally(spec, index);
  const socket = createSocket(spec.server.includes(':') ? 'udp6' : 'udp4');
  // Errors are datagrams that were lost.
  socket.on('error', () => {}).on('message', () => tally.heard());
  const send = () => {
    tally.sent += 1;
    socket.send(`${tally.sent}`, spec.serverPort, spec.server, () => {});
  };
  socket.bind(spec.port + index, () => {
    send();
    setInterval(send, spec.intervalMs);
  });
}

const specs: readonly FlowSpec[] = JSON.parse(process.argv[2] ?? '[]');
for (const spec of specs) {
  for (let index = 0; index < spec.count; index += 1) (spec.kind === 'datagrams' ? openUdp : openTcp)(spec, index);
}
for await (const _ of createInterface({ input: process.stdin })) {
  tell({ event: 'report', flows: reports.map((report) => report()) });
}
