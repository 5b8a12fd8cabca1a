/** The control socket of a running gateway: a unix socket that only its owner may use. */
import { once } from 'node:events';
import { chmod, lstat, mkdir, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { messageOf, NptdError } from '../api/errors.ts';
import type { Nptd } from '../api/nptd.ts';
import { assertNever } from '../result.ts';
import {
  type ControlResponse,
  type ControlResult,
  type ParsedRequest,
  parseRequest,
  REQUEST_OCTETS_MAX,
} from './control-protocol.ts';
import { linesOf } from './lines.ts';

/** Programs that watch at the same time; each holds at most one answer. */
const CONNECTIONS_MAX = 32;
const IDLE_MS_MAX = 60_000;

/** What it answers from. */
export type ControlledGateway = Pick<Nptd, 'status' | 'sessions' | 'mappings' | 'takePassed'>;

/**
 * Listens at a path, whose directory is made if it is missing; a socket that a gateway left behind is replaced.
 * Rejects with an `NptdError` if another gateway answers there. The function returned closes and removes the socket.
 */
export async function serveControlSocket(path: string, gateway: ControlledGateway): Promise<() => Promise<void>> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await removeStale(path);
    const connections = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      connections.add(socket);
      socket.once('close', () => connections.delete(socket));
      void converse(socket, gateway);
    });
    server.maxConnections = CONNECTIONS_MAX;
    await listen(server, path);
    return () => closeServer(server, connections);
  } catch (error) {
    if (error instanceof NptdError) throw error;
    throw new NptdError('CONTROL_SOCKET', `the control socket ${path} cannot be made: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Answers one request; whatever goes wrong is an answer too. */
export async function answer(line: string, gateway: ControlledGateway): Promise<ControlResponse> {
  const request = parseRequest(line);
  if (!request.ok) return { ok: false, error: { code: 'BAD_REQUEST', message: request.error } };
  try {
    return { ok: true, result: await resultOf(request.value, gateway) };
  } catch (error) {
    const code = error instanceof NptdError ? error.code : 'FAILED';
    return { ok: false, error: { code, message: messageOf(error) } };
  }
}

async function resultOf(request: ParsedRequest, gateway: ControlledGateway): Promise<ControlResult> {
  switch (request.request) {
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

async function converse(socket: Socket, gateway: ControlledGateway): Promise<void> {
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  socket.setTimeout(IDLE_MS_MAX, () => socket.destroy());
  // A client that goes away in the middle of an answer is its own business.
  socket.on('error', () => socket.destroy());
  try {
    for await (const line of linesOf(socket, REQUEST_OCTETS_MAX)) {
      const taken = socket.write(`${JSON.stringify(await answer(line, gateway))}\n`);
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
  if (state === 'alive') {
    const remedy = 'end it, or name another path with --socket or "control: { socket: ... }"';
    throw new NptdError('CONTROL_SOCKET', `another gateway answers at ${path}: ${remedy}`);
  }
  if (state === 'absent') return;
  if (!(await lstat(path)).isSocket()) throw new NptdError('CONTROL_SOCKET', `${path} is there, and is no socket`);
  await unlink(path);
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

async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  // A connection that cannot be accepted (no descriptor is left, say) is lost, and the gateway goes on.
  server.on('error', () => {});
  await chmod(path, 0o600);
}

function closeServer(server: Server, connections: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  for (const socket of connections) socket.destroy();
  return closed;
}
