import {
  type CapturedPacket,
  FILE_HEADER_OCTETS,
  LINK_TYPE,
  MAGIC,
  RECORD_HEADER_OCTETS,
  RECORD_OCTETS_MAX,
} from './format.ts';

/** A capture of packets that begin with their IP header, or of frames of another link type; little-endian, in microseconds. */
export function writePcap(
  packets: readonly Pick<CapturedPacket, 'timeUs' | 'octets'>[],
  linkType: number = LINK_TYPE.raw,
): Uint8Array {
  const records = packets.reduce((sum, { octets }) => sum + RECORD_HEADER_OCTETS + octets.length, 0);
  const file = new Uint8Array(FILE_HEADER_OCTETS + records);
  const view = new DataView(file.buffer);
  const words = (at: number, ...values: number[]) => {
    for (const [index, value] of values.entries()) view.setUint32(at + 4 * index, value, true);
  };
  words(0, MAGIC.microseconds);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  words(16, RECORD_OCTETS_MAX, linkType);
  let at = FILE_HEADER_OCTETS;
  for (const { timeUs, octets } of packets) {
    const whole = Math.floor(timeUs);
    words(at, Math.floor(whole / 1e6), whole % 1e6, octets.length, octets.length);
    file.set(octets, at + RECORD_HEADER_OCTETS);
    at += RECORD_HEADER_OCTETS + octets.length;
  }
  return file;
}
