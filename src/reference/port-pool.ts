/**
 * Choice of the external address and port ("External address and port" in docs/decisions.md): preserved where
 * possible, otherwise unpredictable to anybody without the secret (6056-1, 6056-5).
 */
import type { PlanUplink4 } from '../plan/plan.ts';
import type { Endpoint } from './address.ts';
import { writeU8, writeU16, writeU32 } from './octets.ts';
import { ICMP } from './protocol.ts';
import { sipHash24 } from './siphash.ts';

/** Ports from `low` to `high`, both included. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
}

export interface PortRequest {
  readonly secret: Uint8Array;
  readonly protocol: number;
  readonly internal: Endpoint;
  readonly externalAddress: number;
  readonly ports: PortRange;
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

/** The ports an endpoint may get: the uplink's range cut with the class of its own port (4787-R3a). */
export function portRange(protocol: number, internalPort: number, uplink: PlanUplink4): PortRange {
  if (protocol === ICMP) {
    return { low: 0, high: 65535 };
  }
  const ofClass = internalPort < 1024 ? { low: 0, high: 1023 } : { low: 1024, high: 65535 };
  const low = Math.max(ofClass.low, uplink.portLow);
  const high = Math.min(ofClass.high, uplink.portHigh);
  return low <= high ? { low, high } : { low: uplink.portLow, high: uplink.portHigh };
}

/** A free port, or none (`PortPoolExhausted`). */
export function choosePort(request: PortRequest): number | undefined {
  const { ports, internal, isFree } = request;
  if (internal.port >= ports.low && internal.port <= ports.high && isFree(internal.port)) {
    return internal.port; // 6056-2
  }
  const length = ports.high - ports.low + 1;
  let port = ports.low;
  for (let k = 0; k < HASHED_CANDIDATES; k += 1) {
    port = ports.low + Number(candidateHash(request, k) % BigInt(length));
    if (isFree(port)) {
      return port;
    }
  }
  const after = port - ports.low;
  for (let step = 1; step <= length; step += 1) {
    const next = ports.low + ((after + step) % length);
    if (isFree(next)) {
      return next;
    }
  }
  return undefined;
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
