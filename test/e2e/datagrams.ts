/** UDP sockets in another namespace, as tests use them. The agent at their other end is programs/datagram-agent.ts. */
import { z } from 'zod';
import type { Namespace } from '../../src/demo/network.ts';
import type { Background } from '../../src/demo/processes.ts';
import type { Datagram, DatagramSocket } from './programs/stun/discovery.ts';
import type { Endpoint } from './programs/stun/message.ts';
import { program } from './programs.ts';

const OPEN_MS_MAX = 5000;
/** 5780-C1: at most ten transactions a second. */
const PACE_MS = 100;

const agentEvent = z.discriminatedUnion('event', [
  z.object({ event: z.literal('open'), socket: z.number(), port: z.number() }),
  z.object({ event: z.literal('error'), socket: z.number(), message: z.string() }),
  z.object({
    event: z.literal('datagram'),
    socket: z.number(),
    address: z.string(),
    port: z.number(),
    hex: z.string(),
  }),
]);

/** A host that opens UDP sockets. */
export class DatagramHost {
  readonly #agent: Background;
  #sockets = 0;

  private constructor(agent: Background) {
    this.#agent = agent;
  }

  static async start(namespace: Namespace): Promise<DatagramHost> {
    return new DatagramHost(namespace.start(await program('datagram-agent')));
  }

  /** Opens a socket; any free port if none is given. */
  async open(address: string, port = 0): Promise<HostSocket> {
    this.#sockets += 1;
    const id = this.#sockets;
    this.#agent.write(`${JSON.stringify({ do: 'open', socket: id, address, port })}\n`);
    const isOwn = (line: string) => agentEvent.parse(JSON.parse(line)).socket === id;
    const event = agentEvent.parse(JSON.parse(await this.#agent.waitForLine(isOwn, OPEN_MS_MAX)));
    if (event.event !== 'open') throw new Error(`socket ${address}:${port}: ${JSON.stringify(event)}`);
    return new HostSocket(this.#agent, id, { address, port: event.port });
  }
}

export class HostSocket implements DatagramSocket {
  readonly local: Endpoint;
  readonly paceMs = PACE_MS;
  readonly #agent: Background;
  readonly #id: number;
  /** Lines of the agent that have been read. */
  #read = 0;

  constructor(agent: Background, id: number, local: Endpoint) {
    this.local = local;
    this.#agent = agent;
    this.#id = id;
  }

  send(octets: Buffer, to: Endpoint): void {
    this.#command({ do: 'send', ...to, hex: octets.toString('hex') });
  }

  close(): void {
    this.#command({ do: 'close' });
  }

  /** Datagrams before the one that is taken are lost to later calls; no two calls at a time. */
  async receive(accept: (datagram: Datagram) => boolean, timeoutMs: number): Promise<Datagram | undefined> {
    let at = 0;
    let taken: Datagram | undefined;
    const take = (line: string) => {
      at += 1;
      if (at <= this.#read) return false;
      this.#read = at;
      const datagram = this.#datagramOf(line);
      if (datagram === undefined || !accept(datagram)) return false;
      taken = datagram;
      return true;
    };
    try {
      await this.#agent.waitForLine(take, timeoutMs);
    } catch (error) {
      if (this.#agent.exitCode !== undefined) throw error;
    }
    return taken;
  }

  #datagramOf(line: string): Datagram | undefined {
    const event = agentEvent.parse(JSON.parse(line));
    if (event.event !== 'datagram' || event.socket !== this.#id) return undefined;
    return { octets: Buffer.from(event.hex, 'hex'), from: { address: event.address, port: event.port } };
  }

  #command(command: object): void {
    this.#agent.write(`${JSON.stringify({ socket: this.#id, ...command })}\n`);
  }
}
