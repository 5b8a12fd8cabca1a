/**
 * Choice of the external address and port ("External address and port" in docs/decisions.md): preserved where
 * possible, otherwise unpredictable to anybody without the secret (6056-1, 6056-5).
 */
import type { PlanUplink4 } from '../plan/plan.ts';
import type { Endpoint } from './address.ts';
import { writeU8, writeU16, writeU32 } from './octets.ts';
import { ICMP } from './protocol.ts';
import { sipHash24 } from './siphash.ts';

/** An ascending list of ports in equal steps. */
export interface PortList {
  readonly first: number;
  readonly step: 1 | 2;
  readonly length: number;
}

export interface PortRequest {
  readonly secret: Uint8Array;
  readonly protocol: number;
  readonly internal: Endpoint;
  readonly externalAddress: number;
  readonly ports: PortList;
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

/** The ports an endpoint may get: the uplink's range cut with the class of its own port (4787-R3a), and its parity if the plan says so. */
export function portList(
  protocol: number,
  internalPort: number,
  uplink: PlanUplink4,
  preserveParity: boolean,
): PortList {
  if (protocol === ICMP) {
    return everyPort(0, 65535);
  }
  const ofClass = internalPort < 1024 ? { low: 0, high: 1023 } : { low: 1024, high: 65535 };
  const low = Math.max(ofClass.low, uplink.portLow);
  const high = Math.min(ofClass.high, uplink.portHigh);
  const ports = low <= high ? everyPort(low, high) : everyPort(uplink.portLow, uplink.portHigh);
  const alike = ofParity(ports, internalPort % 2);
  return preserveParity && alike.length > 0 ? alike : ports; // 4787-R4, 7857-S8
}

function everyPort(low: number, high: number): PortList {
  return { first: low, step: 1, length: high - low + 1 };
}

function ofParity({ first, length }: PortList, parity: number): PortList {
  const skipped = first % 2 === parity ? 0 : 1;
  return { first: first + skipped, step: 2, length: Math.ceil((length - skipped) / 2) };
}

/** A free port, or none (`PortPoolExhausted`). */
export function choosePort(request: PortRequest): number | undefined {
  const { ports, internal, isFree } = request;
  if (contains(ports, internal.port) && isFree(internal.port)) {
    return internal.port; // 6056-2
  }
  const entry = (index: number) => ports.first + (index % ports.length) * ports.step;
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

function contains({ first, step, length }: PortList, port: number): boolean {
  const index = (port - first) / step;
  return Number.isInteger(index) && index >= 0 && index < length;
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
