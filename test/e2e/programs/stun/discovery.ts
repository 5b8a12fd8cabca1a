/**
 * Behaviour discovery as a client does it (RFC 5780 section 4), over any datagram socket.
 *
 * Each request is sent up to three times, so that one lost datagram changes no verdict; a verdict of "no answer"
 * waits for all of them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CHANGE } from './behaviour.ts';
import {
  ATTRIBUTE,
  type Attribute,
  attributeOf,
  decodeEndpoint,
  decodeMessage,
  type Endpoint,
  encodeMessage,
  newTransaction,
  type StunMessage,
  sameEndpoint,
  TYPE,
  xorEndpoint,
} from './message.ts';

export interface Datagram {
  readonly octets: Buffer;
  readonly from: Endpoint;
}

/** A socket of the client. */
export interface DatagramSocket {
  readonly local: Endpoint;
  /** Shortest time between two transactions (5780-C1). */
  readonly paceMs: number;
  send(octets: Buffer, to: Endpoint): void;
  /** The next datagram that `accept` takes, or undefined when it does not come in time. */
  receive(accept: (datagram: Datagram) => boolean, timeoutMs: number): Promise<Datagram | undefined>;
}

export type Behaviour = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';

/** What an answer of the server says. */
export interface Binding {
  /** The client's endpoint as the server sees it. */
  readonly mapped: Endpoint;
  readonly other: Endpoint;
  readonly from: Endpoint;
}

const ATTEMPTS = 3;
/** An answer of a network in one machine takes far less. */
const ATTEMPT_MS = 200;

/** The answer to one Binding request; undefined when none comes. */
export async function ask(
  socket: DatagramSocket,
  server: Endpoint,
  change: number = CHANGE.nothing,
): Promise<Binding | undefined> {
  await sleep(socket.paceMs);
  const transaction = newTransaction();
  const request = bindingRequest(transaction, change === CHANGE.nothing ? [] : [changeRequest(change)]);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    socket.send(request, server);
    const datagram = await socket.receive((one) => isAnswerTo(transaction, one), ATTEMPT_MS);
    if (datagram !== undefined) return bindingOf(datagram);
  }
  return undefined;
}

/** Whether the endpoint that `primed` has got is still there: another socket asks the server to answer to it (test L). */
export async function isAlive(
  primed: DatagramSocket,
  mapped: Endpoint,
  helper: DatagramSocket,
  server: Endpoint,
): Promise<boolean> {
  const transaction = newTransaction();
  const request = bindingRequest(transaction, [responsePort(mapped.port)]);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    helper.send(request, server);
    if ((await primed.receive((one) => isAnswerTo(transaction, one), ATTEMPT_MS)) !== undefined) return true;
  }
  return false;
}

/** Tests M-I, M-II and M-III. The port of the socket must be fresh. */
export async function mappingOf(socket: DatagramSocket, server: Endpoint): Promise<Behaviour> {
  const first = await askOrThrow(socket, server, 'M-I');
  const second = await askOrThrow(socket, { address: first.other.address, port: server.port }, 'M-II');
  const third = await askOrThrow(socket, first.other, 'M-III');
  // Test III decides nothing more where the first two agree, but may not contradict them.
  if (sameEndpoint(first.mapped, second.mapped) && sameEndpoint(second.mapped, third.mapped))
    return 'endpoint-independent';
  return sameEndpoint(second.mapped, third.mapped) ? 'address-dependent' : 'address-and-port-dependent';
}

/** Tests F-I, F-II, F-III, and F-IV for the rest. The port of the socket must be fresh, and not that of a mapping test. */
export async function filteringOf(socket: DatagramSocket, server: Endpoint): Promise<Behaviour> {
  const { other, mapped } = await askOrThrow(socket, server, 'F-I');
  const otherPort = { address: server.address, port: other.port };
  if (await answersFrom(socket, server, CHANGE.both, other)) return 'endpoint-independent';
  const isByAddress = await answersFrom(socket, server, CHANGE.port, otherPort);
  // F-IV: the server's other sockets must be heard once the filter is open for them, else it was no filter that kept
  // them away. Only endpoint-independent mapping opens it by sending to them from the same socket.
  const silent = [
    { place: other, change: CHANGE.both },
    ...(isByAddress ? [] : [{ place: otherPort, change: CHANGE.port }]),
  ];
  for (const { place, change } of silent) {
    const opened = await askOrThrow(socket, place, 'F-IV');
    if (sameEndpoint(opened.mapped, mapped) && !(await answersFrom(socket, server, change, place))) {
      throw new Error(`test F-IV: ${place.address}:${place.port} stays silent though the filter is open for it`);
    }
  }
  return isByAddress ? 'address-dependent' : 'address-and-port-dependent';
}

/** Whether an answer comes that was asked for from another socket of the server. */
async function answersFrom(socket: DatagramSocket, server: Endpoint, change: number, from: Endpoint): Promise<boolean> {
  const binding = await ask(socket, server, change);
  if (binding === undefined || sameEndpoint(binding.from, from)) return binding !== undefined;
  throw new Error(`the server answers from ${binding.from.address}:${binding.from.port} whatever it is asked`);
}

async function askOrThrow(socket: DatagramSocket, server: Endpoint, test: string): Promise<Binding> {
  const binding = await ask(socket, server);
  if (binding === undefined) throw new Error(`test ${test}: no answer from ${server.address}:${server.port}`);
  return binding;
}

const bindingRequest = (transaction: Buffer, attributes: readonly Attribute[]): Buffer =>
  encodeMessage({ type: TYPE.request, transaction, attributes });

export const changeRequest = (change: number): Attribute => ({
  type: ATTRIBUTE.changeRequest,
  value: Buffer.from([0, 0, 0, change]),
});

export const responsePort = (port: number): Attribute => ({
  type: ATTRIBUTE.responsePort,
  value: Buffer.from([port >> 8, port & 0xff, 0, 0]),
});

function isAnswerTo(transaction: Buffer, { octets }: Datagram): boolean {
  const message = decodeMessage(octets);
  return message?.type === TYPE.success && message.transaction.equals(transaction);
}

function bindingOf({ octets, from }: Datagram): Binding {
  const message = decodeMessage(octets);
  if (message === undefined) throw new Error('the answer is no STUN message');
  const mapped = xorMapped(message);
  const other = decodeEndpoint(attributeOf(message, ATTRIBUTE.otherAddress));
  if (mapped === undefined || other === undefined) throw new Error('the answer lacks an address');
  // RFC 5780 section 3: where both differ, something on the way rewrites addresses in payloads.
  if (!sameEndpoint(mapped, decodeEndpoint(attributeOf(message, ATTRIBUTE.mappedAddress)))) {
    throw new Error('an application-level gateway has changed the payload');
  }
  return { mapped, other, from };
}

function xorMapped(message: StunMessage): Endpoint | undefined {
  const value = attributeOf(message, ATTRIBUTE.xorMappedAddress);
  return value === undefined ? undefined : decodeEndpoint(xorEndpoint(value));
}
