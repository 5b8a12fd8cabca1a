/** Walking the options of a TCP segment (RFC 9293 section 3.1). */
import { readU8 } from './octets.ts';

const OPTION_END = 0;
const OPTION_NOP = 1;

/** Where the value of the first option of a kind is; undefined without one of the right length. A malformed option ends the walk. */
export function optionValueAt(segment: Uint8Array, wanted: number, wantedLength: number): number | undefined {
  const end = (readU8(segment, 12) >> 4) * 4;
  let at = 20;
  while (at < end && readU8(segment, at) !== OPTION_END) {
    const kind = readU8(segment, at);
    if (kind === OPTION_NOP) {
      at += 1;
      continue;
    }
    const length = at + 1 < end ? readU8(segment, at + 1) : 0;
    if (length < 2 || at + length > end) {
      return undefined;
    }
    if (kind === wanted) {
      return length === wantedLength ? at + 2 : undefined;
    }
    at += length;
  }
  return undefined;
}
