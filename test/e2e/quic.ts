/** QUIC connections in two namespaces, by a real implementation: the program at both ends is test/quic. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { urlHost } from '../../src/demo/clients.ts';
import type { Namespace } from '../../src/demo/network.ts';
import type { Background } from '../../src/demo/processes.ts';

/** Where scripts/setup.mjs puts it. */
const PROGRAM = fileURLToPath(new URL('../../.nptd/quic/debug/nptd-quic-peer', import.meta.url));
const START_MS_MAX = 10_000;
const PORT = 443;

/** Why it is not there, where its crates could not be had. */
export const quicObstacle = existsSync(PROGRAM)
  ? undefined
  : 'test/quic is not compiled; to run it: cd test/quic && cargo build --target-dir ../../.nptd/quic';

export type QuicJob = 'upload' | 'download' | 'idle';

/** An address that a connection came from, as the server says. */
export interface QuicAddress {
  /** Connections are counted from 1. */
  readonly connection: number;
  readonly address: string;
}

export class QuicServer {
  readonly #program: Background;
  readonly #address: string;
  readonly #certificate: string;

  private constructor(program: Background, address: string, certificate: string) {
    this.#program = program;
    this.#address = address;
    this.#certificate = certificate;
  }

  /** @param certificate file that it writes, for its clients */
  static async start(namespace: Namespace, address: string, certificate: string): Promise<QuicServer> {
    const program = namespace.start([PROGRAM, 'server', `${urlHost(address)}:${PORT}`, certificate]);
    await program.waitForLine((line) => line.includes('"listening"'), START_MS_MAX);
    return new QuicServer(program, address, certificate);
  }

  /** In the order in which they were seen. */
  addresses(): QuicAddress[] {
    return this.#program.lines
      .filter((line) => line.includes('"address"'))
      .map((line) => JSON.parse(line) as QuicAddress);
  }

  /** What the server says of the content that it has sent: one digest for each download. */
  digests(): string[] {
    const sent = this.#program.lines.filter((line) => line.includes('"sent"'));
    return sent.map((line) => (JSON.parse(line) as { readonly digest: string }).digest);
  }

  /** Opens a connection for a job of some seconds and waits until it is open. */
  async connect(namespace: Namespace, job: QuicJob, seconds: number): Promise<QuicClient> {
    const words = ['client', `${urlHost(this.#address)}:${PORT}`, this.#certificate, job, `${seconds}`];
    const program = namespace.start([PROGRAM, ...words]);
    await program.waitForLine((line) => line.includes('"open"'), START_MS_MAX);
    return new QuicClient(program, seconds);
  }
}

export class QuicClient {
  readonly #program: Background;
  readonly #seconds: number;

  constructor(program: Background, seconds: number) {
    this.#program = program;
    this.#seconds = seconds;
  }

  /** The digest of what was transferred, or a word of an idle connection; rejects if the connection failed. */
  async result(): Promise<string> {
    const line = await this.#program.waitForLine((text) => text.includes('"done"'), this.#seconds * 1000 + 30_000);
    return (JSON.parse(line) as { readonly detail: string }).detail;
  }
}
