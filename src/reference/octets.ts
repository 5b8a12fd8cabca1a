/**
 * Numbers in octets, big-endian as on the wire.
 *
 * Reading or writing beyond the end throws a `RangeError`: the parser has checked lengths before anybody reads.
 */

export function readU8(octets: Uint8Array, at: number): number {
  return viewOf(octets).getUint8(at);
}

export function readU16(octets: Uint8Array, at: number): number {
  return viewOf(octets).getUint16(at);
}

export function readU32(octets: Uint8Array, at: number): number {
  return viewOf(octets).getUint32(at);
}

/** Sixteen octets, an IPv6 address for one, as an unsigned number. */
export function readU128(octets: Uint8Array, at: number): bigint {
  const view = viewOf(octets);
  return (view.getBigUint64(at) << 64n) | view.getBigUint64(at + 8);
}

export function writeU8(octets: Uint8Array, at: number, value: number): void {
  viewOf(octets).setUint8(at, value);
}

export function writeU16(octets: Uint8Array, at: number, value: number): void {
  viewOf(octets).setUint16(at, value);
}

export function writeU32(octets: Uint8Array, at: number, value: number): void {
  viewOf(octets).setUint32(at, value);
}

export function writeU128(octets: Uint8Array, at: number, value: bigint): void {
  const view = viewOf(octets);
  view.setBigUint64(at, value >> 64n);
  view.setBigUint64(at + 8, BigInt.asUintN(64, value));
}

/** Everything joined into one new array. */
export function concatOctets(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
}
