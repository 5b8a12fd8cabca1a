/**
 * Choice of the external address and port ("External address and port" in docs/decisions.md): preserved where
 * possible, otherwise unpredictable to anybody without the secret (6056-1, 6056-5).
 */
import type { Endpoint } from './address.ts';
import { writeU8, writeU16, writeU32 } from './octets.ts';
import { sipHash24 } from './siphash.ts';

export interface PortRequest {
  readonly secret: Uint8Array;
  readonly protocol: number;
  readonly internal: Endpoint;
  readonly externalAddress: number;
  /** Ascending, as `portList` makes them. */
  readonly ports: readonly number[];
  /** Allocations made so far from the pool. */
  readonly counter: number;
  readonly isFree: (port: number) => boolean;
}

const HASHED_CANDIDATES = 16;

/** The pool address that a host is paired with, for all its protocols (4787-R2, 6888-R2). */
export function pairedAddress(secret: Uint8Array, host: number, pool: readonly number[]): number {
  const weight = (address: number) => {
    const message = new Uint8Array(8);
    writeU32(message, 0, host);
    writeU32(message, 4, address);
    return sipHash24(secret, message);
  };
  const weighted = pool.map((address) => ({ address, weight: weight(address) }));
  return weighted.reduce((best, next) => (next.weight > best.weight ? next : best)).address;
}

/** A free port, or none (`PortPoolExhausted`). */
export function choosePort(request: PortRequest): number | undefined {
  const { ports, internal, isFree } = request;
  if (ports.length === 0) {
    return undefined;
  }
  if (contains(ports, internal.port) && isFree(internal.port)) {
    return internal.port; // 6056-2
  }
  const entry = (index: number) => ports.at(index % ports.length) ?? Number.NaN;
  let last = 0;
  for (let k = 0; k < HASHED_CANDIDATES; k += 1) {
    last = Number(candidateHash(request, k) % BigInt(ports.length));
    if (isFree(entry(last))) {
      return entry(last);
    }
  }
  for (let after = 1; after <= ports.length; after += 1) {
    if (isFree(entry(last + after))) {
      return entry(last + after);
    }
  }
  return undefined;
}

/** The list is ascending. */
function contains(ports: readonly number[], port: number): boolean {
  let [low, high] = [0, ports.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ports[middle] ?? 0) < port) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return ports[low] === port;
}

function candidateHash(request: PortRequest, k: number): bigint {
  const message = new Uint8Array(20);
  writeU8(message, 0, request.protocol);
  writeU32(message, 1, request.internal.address);
  writeU16(message, 5, request.internal.port);
  writeU32(message, 7, request.externalAddress);
  new DataView(message.buffer).setBigUint64(11, BigInt(request.counter));
  writeU8(message, 19, k);
  return sipHash24(request.secret, message);
}
