/** The other end of the control socket, for commands. */
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { messageOf, NptdError, type NptdErrorCode } from '../api/errors.ts';
import type { ControlRequest, ControlResponse, ControlResults } from './control-protocol.ts';

/** Codes whose message says all; others are the gateway's trouble. */
const OWN_CODES = [
  'NOT_RUNNING',
  'CONFIG_INVALID',
  'RESTART_REQUIRED',
  'PLAN_REFUSED',
  'UNKNOWN_NAME',
  'INVALID_ARGUMENT',
] as const satisfies readonly NptdErrorCode[];

/** The longest that a gateway may take for an answer. */
const ANSWER_MS_MAX = 10_000;

/**
 * Asks a running gateway. Rejects with an `NptdError`: `NOT_RUNNING` if none listens at the path, or it is starting or
 * ending.
 */
export async function requestControl<R extends ControlRequest>(
  path: string,
  request: R,
  answerMsMax = ANSWER_MS_MAX,
): Promise<ControlResults[R['request']]> {
  const socket = connect(path);
  try {
    await connected(socket);
    socket.setTimeout(answerMsMax, () => socket.destroy(new Error(`no answer within ${answerMsMax / 1000} s`)));
    socket.end(`${JSON.stringify(request)}\n`);
    const answer = await text(socket);
    if (answer === '') throw new Error('the gateway gave no answer; it may be ending, or busy with other clients');
    const response: ControlResponse<ControlResults[R['request']]> = JSON.parse(answer);
    if (response.ok) return response.result;
    const { code, message } = response.error;
    const own = OWN_CODES.find((known) => known === code);
    if (own !== undefined) throw new NptdError(own, message);
    throw new NptdError('CONTROL_SOCKET', `the gateway refused: ${message}`);
  } catch (error) {
    throw error instanceof NptdError ? error : controlError(path, error);
  } finally {
    socket.destroy();
  }
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
}

function controlError(path: string, error: unknown): NptdError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new NptdError('NOT_RUNNING', `no gateway is running (nothing listens at ${path})`, { cause: error });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new NptdError('PRIVILEGE_MISSING', `${path} belongs to another user: run as the user of the gateway`, {
      cause: error,
    });
  }
  return new NptdError('CONTROL_SOCKET', `${path}: ${messageOf(error)}`, { cause: error });
}
