/** Options of TCP segments for tests: join them with `tcpOptions`, which pads them to whole words. */
import { concat } from './packet-builder.ts';

export const maximumSegmentSize = (octets: number): Uint8Array => Uint8Array.of(2, 4, octets >> 8, octets & 0xff);

/** RFC 7323 section 2. */
export const windowScale = (shift: number): Uint8Array => Uint8Array.of(3, 3, shift);

export const sackPermitted = (): Uint8Array => Uint8Array.of(4, 2);

/** RFC 2018: blocks by their left and right edges. */
export function sack(...blocks: readonly (readonly [number, number])[]): Uint8Array {
  const option = new Uint8Array(2 + blocks.length * 8);
  const view = new DataView(option.buffer);
  option.set([5, option.length]);
  for (const [index, [left, right]] of blocks.entries()) {
    view.setUint32(2 + index * 8, left);
    view.setUint32(6 + index * 8, right);
  }
  return option;
}

/** RFC 7323 section 3. */
export function timestamps(value: number, echoed: number): Uint8Array {
  const option = Uint8Array.of(8, 10, 0, 0, 0, 0, 0, 0, 0, 0);
  new DataView(option.buffer).setUint32(2, value);
  new DataView(option.buffer).setUint32(6, echoed);
  return option;
}

export const noOperation = (): Uint8Array => Uint8Array.of(1);

/** Options in a row, filled up with ends of the list. */
export function tcpOptions(...options: readonly Uint8Array[]): Uint8Array {
  const joined = concat(...options);
  return concat(joined, new Uint8Array((4 - (joined.length % 4)) % 4));
}
