/** Multipath TCP of the kernel in two namespaces; the program at both ends is mptcp.py. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Namespace } from '../../src/demo/network.ts';
import type { Background } from '../../src/demo/processes.ts';
import { INTERNET } from '../../src/demo/site.ts';

/** Why it cannot be tried, where the kernel has none. */
export const mptcpObstacle = existsSync('/proc/sys/net/mptcp/enabled')
  ? undefined
  : 'the kernel has no Multipath TCP; to run it: a kernel with CONFIG_MPTCP';

const PROGRAM = fileURLToPath(new URL('mptcp.py', import.meta.url));
const START_MS_MAX = 10_000;
const END_MS_MAX = 30_000;
const MPTCP_PORT = 8080;

/** What the client says at the end. */
export interface MptcpResult {
  /** What came back is what was sent. */
  readonly same: boolean;
  /** Longest time in which nothing came back. */
  readonly stallMs: number;
  readonly failure: string | null;
}

export async function serveMptcp(namespace: Namespace): Promise<Background> {
  const server = namespace.start(['python3', PROGRAM, 'serve', INTERNET.web4, `${MPTCP_PORT}`]);
  await server.waitForLine((line) => line.includes('"listening"'), START_MS_MAX);
  return server;
}

/** A connection that talks until it is asked for its result. */
export class MptcpConnection {
  readonly #program: Background;

  private constructor(program: Background) {
    this.#program = program;
  }

  static async open(namespace: Namespace, source: string): Promise<MptcpConnection> {
    const command = ['python3', PROGRAM, 'send', INTERNET.web4, `${MPTCP_PORT}`, source];
    const connection = new MptcpConnection(namespace.start(command));
    await connection.#program.waitForLine((line) => line.includes('"open"'), START_MS_MAX);
    return connection;
  }

  /** Ends it: what is under way still has to arrive. */
  async result(): Promise<MptcpResult> {
    this.#program.write('end\n');
    return JSON.parse(await this.#program.waitForLine((line) => line.includes('"done"'), END_MS_MAX)) as MptcpResult;
  }
}

/** Which addresses and ports make further subflows; none of what was there before stays. */
export async function setEndpoints(namespace: Namespace, ...endpoints: string[]): Promise<void> {
  const lines = ['mptcp endpoint flush', 'mptcp limits set subflow 4 add_addr_accepted 4'];
  await namespace.ip(...lines, ...endpoints.map((endpoint) => `mptcp endpoint add ${endpoint}`));
}
