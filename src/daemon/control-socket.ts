/**
 * The control socket of a gateway: a unix socket that only its owner may use, and the only service there is (6092-R50). Whoever holds it is the one gateway of its
 * path, so it is claimed before anything else is made, and given up when all else is gone.
 */
import { once } from 'node:events';
import { chmod, lstat, mkdir, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { messageOf, NptdError } from '../api/errors.ts';
import type { Nptd } from '../api/nptd.ts';
import type { History } from '../api/operations-record.ts';
import { assertNever } from '../result.ts';
import { requestControl } from './control-client.ts';
import {
  type ControlResponse,
  type ControlResult,
  type ParsedRequest,
  parseRequest,
  REQUEST_OCTETS_MAX,
} from './control-protocol.ts';
import { linesOf } from './lines.ts';
import type { ConfigFile } from './reload.ts';

/** Programs that watch at the same time; each holds at most one answer. */
const CONNECTIONS_MAX = 32;
const IDLE_MS_MAX = 60_000;
/** The longest that whoever holds a socket may take to say who it is. */
const HOLDER_MS_MAX = 2000;

/** What it answers from. */
export type ControlledGateway = Pick<
  Nptd,
  'status' | 'sessions' | 'mappings' | 'takePassed' | 'history' | 'setUplinkMode' | 'simulate' | 'why'
>;

/** A configuration file that may be taken over. */
export type ControlledFile = Pick<ConfigFile, 'plan' | 'reload'>;

/** What requests are answered from. */
export interface Served {
  readonly gateway: ControlledGateway;
  readonly file?: ControlledFile | undefined;
}

export interface ControlSocket extends AsyncDisposable {
  /** From now on requests are answered from this gateway, and from its file if there is one. */
  serve(gateway: ControlledGateway, file?: ControlledFile): void;
  /** Closes and removes the socket. */
  close(): Promise<void>;
}

/**
 * Listens at a path, whose directory is made if it is missing; a socket that a gateway left behind is replaced.
 * Rejects with an `NptdError` that says who holds the path, if anybody answers there.
 */
export async function claimControlSocket(path: string): Promise<ControlSocket> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await removeStale(path);
    const claimed = new ClaimedSocket();
    await claimed.listen(path);
    return claimed;
  } catch (error) {
    if (error instanceof NptdError) throw error;
    throw new NptdError('CONTROL_SOCKET', `the control socket ${path} cannot be made: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

class ClaimedSocket implements ControlSocket {
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  #served: Served | undefined;

  constructor() {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#connections.add(socket);
      socket.once('close', () => this.#connections.delete(socket));
      void converse(socket, () => this.#served);
    });
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  async listen(path: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(path, resolve);
    });
    // A connection that cannot be accepted (no descriptor is left, say) is lost, and the gateway goes on.
    this.#server.on('error', () => {});
    await chmod(path, 0o600);
  }

  serve(gateway: ControlledGateway, file?: ControlledFile): void {
    this.#served = { gateway, file };
  }

  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const socket of this.#connections) socket.destroy();
    return closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Answers one request; whatever goes wrong is an answer too. Without a gateway it is starting. */
async function answer(line: string, served: Served | undefined): Promise<ControlResponse> {
  const request = parseRequest(line);
  if (!request.ok) return { ok: false, error: { code: 'BAD_REQUEST', message: request.error } };
  try {
    return { ok: true, result: await resultOf(request.value, served) };
  } catch (error) {
    const code = error instanceof NptdError ? error.code : 'FAILED';
    return { ok: false, error: { code, message: messageOf(error) } };
  }
}

async function resultOf(request: ParsedRequest, served: Served | undefined): Promise<ControlResult> {
  if (request.request === 'process') return { pid: process.pid };
  if (served === undefined) throw new NptdError('NOT_RUNNING', 'the gateway is starting: ask again in a moment');
  const { gateway, file } = served;
  switch (request.request) {
    case 'plan':
      return requireFile(file).plan(request.file);
    case 'reload':
      return requireFile(file).reload();
    case 'uplink':
      await gateway.setUplinkMode(request.name, request.mode);
      return gateway.status();
    case 'why':
      return gateway.why(request);
    case 'simulate':
      return gateway.simulate(request.assume);
    case 'history':
      return newest(gateway.history(request), request.limit);
    case 'status':
      return gateway.status();
    case 'sessions':
      return gateway.sessions(request.limit);
    case 'mappings':
      return gateway.mappings(request.limit);
    case 'passed':
      return gateway
        .takePassed()
        .map(({ device, octets }) => ({ device, octets: Buffer.from(octets).toString('hex') }));
    default:
      return assertNever(request);
  }
}

function requireFile(file: ControlledFile | undefined): ControlledFile {
  if (file === undefined) throw new NptdError('NOT_RUNNING', 'this gateway was not started from a file');
  return file;
}

function newest(history: History, limit: number): History {
  return { ...history, entries: limit === 0 ? [] : history.entries.slice(-limit) };
}

async function converse(socket: Socket, served: () => Served | undefined): Promise<void> {
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  socket.setTimeout(IDLE_MS_MAX, () => socket.destroy());
  // A client that goes away in the middle of an answer is its own business.
  socket.on('error', () => socket.destroy());
  try {
    for await (const line of linesOf(socket, REQUEST_OCTETS_MAX)) {
      const taken = socket.write(`${JSON.stringify(await answer(line, served()))}\n`);
      // A client that asks and does not read gets one answer, not the memory of the gateway.
      if (!taken) await once(socket, 'drain', { signal: gone.signal });
    }
    socket.end();
  } catch {
    socket.destroy();
  }
}

async function removeStale(path: string): Promise<void> {
  const state = await stateOf(path);
  if (state === 'alive') throw await heldBy(path);
  if (state === 'absent') return;
  if (!(await lstat(path)).isSocket()) throw new NptdError('CONTROL_SOCKET', `${path} is there, and is no socket`);
  await unlink(path);
}

/** Whoever answers is asked who it is; what does not say so is no gateway, or one in trouble. */
async function heldBy(path: string): Promise<NptdError> {
  const remedy = 'end it, or name another path with --socket or "control: { socket: ... }"';
  try {
    const { pid } = await requestControl(path, { request: 'process' }, HOLDER_MS_MAX);
    if (!Number.isInteger(pid)) throw new Error('the answer holds no pid');
    return new NptdError('CONTROL_SOCKET', `another gateway (pid ${pid}) holds the control socket ${path}: ${remedy}`);
  } catch (error) {
    const message = `a program that gives no pid holds the control socket ${path} ("ss -xlp" shows it): ${remedy}`;
    return new NptdError('CONTROL_SOCKET', message, { cause: error });
  }
}

function stateOf(path: string): Promise<'absent' | 'stale' | 'alive'> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve('alive');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') resolve('absent');
      else if (error.code === 'ECONNREFUSED') resolve('stale');
      else reject(error);
    });
  });
}
