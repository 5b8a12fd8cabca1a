import { err, ok, type Result } from '../result.ts';
import {
  type CapturedPacket,
  FILE_HEADER_OCTETS,
  MAGIC,
  OTHER_MAGIC,
  RECORD_HEADER_OCTETS,
  RECORD_OCTETS_MAX,
} from './format.ts';

export interface Capture {
  /** Of every packet in it; see `LINK_TYPE`. */
  readonly linkType: number;
  readonly packets: readonly CapturedPacket[];
  /** What is wrong with the end of the file, if anything: the packets before are good. */
  readonly damage?: string;
}

/** Reads a capture of either octet order, in microseconds or nanoseconds; otherwise says what the file is instead. */
export function readPcap(file: Uint8Array): Result<Capture, string> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const order = octetOrder(view);
  if (!order.ok) return order;
  const { little, unitsPerUs } = order.value;
  const word = (at: number) => view.getUint32(at, little);
  // The upper bits say whether frames end with a check sequence; IP knows its own length.
  const linkType = word(20) & 0xffff;
  const packets: CapturedPacket[] = [];
  let at = FILE_HEADER_OCTETS;
  while (at < file.length) {
    const damage = (what: string) => ok({ linkType, packets, damage: `octet ${at}: ${what}` });
    if (at + RECORD_HEADER_OCTETS > file.length) return damage('the file ends within the header of a packet');
    const [seconds, fraction, captured, original] = [word(at), word(at + 4), word(at + 8), word(at + 12)];
    if (captured > RECORD_OCTETS_MAX) return damage(`a packet of ${captured} octets cannot be`);
    const start = at + RECORD_HEADER_OCTETS;
    if (start + captured > file.length) return damage('the file ends within a packet');
    const timeUs = seconds * 1e6 + fraction / unitsPerUs;
    packets.push({ timeUs, octets: file.subarray(start, start + captured), cut: captured < original });
    at = start + captured;
  }
  return ok({ linkType, packets });
}

interface OctetOrder {
  readonly little: boolean;
  /** Units of the fraction of a second in one microsecond. */
  readonly unitsPerUs: number;
}

function octetOrder(view: DataView): Result<OctetOrder, string> {
  if (view.byteLength < 4) return err('is too short for a capture');
  const big = view.getUint32(0);
  const little = view.getUint32(0, true);
  if (big === OTHER_MAGIC.pcapng) return err('is pcapng; convert it: editcap -F pcap IN OUT');
  if (big === OTHER_MAGIC.modified || little === OTHER_MAGIC.modified) {
    return err('is a capture in the modified format of old kernels; convert it: editcap -F pcap IN OUT');
  }
  if (view.getUint16(0) === OTHER_MAGIC.gzip) return err('is compressed; unpack it: gunzip');
  for (const [unit, unitsPerUs] of [
    ['microseconds', 1],
    ['nanoseconds', 1000],
  ] as const) {
    if (big !== MAGIC[unit] && little !== MAGIC[unit]) continue;
    if (view.byteLength < FILE_HEADER_OCTETS) return err('ends within its header');
    return ok({ little: little === MAGIC[unit], unitsPerUs });
  }
  return err('is no capture in the pcap format');
}
