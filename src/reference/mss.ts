/** The maximum segment size that SYNs promise ("MSS" in docs/decisions.md). */
import type { PlanUplink } from '../plan/plan.ts';
import { updateChecksum } from './checksum.ts';
import { readU8, readU16, writeU16 } from './octets.ts';
import type { Ipv4Packet } from './packet.ts';
import { reread } from './rewrite.ts';

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_MSS = 2;
const CHECKSUM_AT = 16;

/** The packet with an MSS option that the uplink can keep. */
export function withClampedMss(packet: Ipv4Packet, uplink: PlanUplink | undefined): Ipv4Packet {
  const limit = uplink?.ipv4?.mssClamp;
  if (limit === undefined || packet.transport.kind !== 'tcp' || !packet.transport.flags.syn) {
    return packet;
  }
  const octets = packet.octets.slice();
  const segment = octets.subarray(packet.headerLength);
  const at = mssAt(segment);
  if (at === undefined || readU16(segment, at) <= limit) {
    return packet;
  }
  const before = wordsAround(segment, at);
  writeU16(segment, at, limit);
  const after = wordsAround(segment, at);
  const changes = before.map((word, index) => ({ before: word, after: after[index] ?? word }));
  writeU16(segment, CHECKSUM_AT, updateChecksum(readU16(segment, CHECKSUM_AT), changes));
  return reread(octets);
}

/** Where the value of the first MSS option is. */
function mssAt(segment: Uint8Array): number | undefined {
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
    if (kind === OPTION_MSS) {
      return length === 4 ? at + 2 : undefined;
    }
    at += length;
  }
  return undefined;
}

/** The aligned words that two octets are part of: the checksum knows no others. */
function wordsAround(segment: Uint8Array, at: number): number[] {
  return at % 2 === 0 ? [readU16(segment, at)] : [readU16(segment, at - 1), readU16(segment, at + 1)];
}
