/** The maximum segment size that SYNs promise ("MSS" in docs/decisions.md). */
import type { PlanUplink } from '../plan/plan.ts';
import { updateChecksum } from './checksum.ts';
import { readU16, writeU16 } from './octets.ts';
import type { Ipv4Packet, Ipv6Packet } from './packet.ts';
import { TCP } from './protocol.ts';
import { reread } from './rewrite.ts';
import { readTcp } from './tcp-header.ts';
import { optionValueAt } from './tcp-options.ts';

const OPTION_MSS = 2;
const OPTION_MSS_LENGTH = 4;
const CHECKSUM_AT = 16;

/** The packet with an MSS option that the uplink can keep. */
export function withClampedMss(packet: Ipv4Packet, uplink: PlanUplink | undefined): Ipv4Packet {
  const limit = uplink?.ipv4?.mssClamp;
  if (limit === undefined || packet.transport.kind !== 'tcp' || !packet.transport.flags.syn) {
    return packet;
  }
  const octets = packet.octets.slice();
  return clamp(octets.subarray(packet.headerLength), limit) ? reread(octets) : packet;
}

/** The same for IPv6, whose octets nobody else has looked at; fragments are left alone. */
export function withClampedMss6(packet: Ipv6Packet, uplink: PlanUplink | undefined): Ipv6Packet {
  const limit = uplink?.ipv6?.mssClamp;
  if (limit === undefined || packet.protocol !== TCP || packet.isFragment) {
    return packet;
  }
  const octets = packet.octets.slice();
  const segment = octets.subarray(packet.upperOffset);
  const isSyn = readTcp(segment)?.flags.syn === true;
  return isSyn && clamp(segment, limit) ? { ...packet, octets } : packet;
}

/** Lowers the option of a segment in place; false where there is none, or nothing to lower. */
function clamp(segment: Uint8Array, limit: number): boolean {
  const at = optionValueAt(segment, OPTION_MSS, OPTION_MSS_LENGTH);
  if (at === undefined || readU16(segment, at) <= limit) {
    return false;
  }
  const before = wordsAround(segment, at);
  writeU16(segment, at, limit);
  const after = wordsAround(segment, at);
  const changes = before.map((word, index) => ({ before: word, after: after[index] ?? word }));
  writeU16(segment, CHECKSUM_AT, updateChecksum(readU16(segment, CHECKSUM_AT), changes));
  return true;
}

/** The aligned words that two octets are part of: the checksum knows no others. */
function wordsAround(segment: Uint8Array, at: number): number[] {
  return at % 2 === 0 ? [readU16(segment, at)] : [readU16(segment, at - 1), readU16(segment, at + 1)];
}
