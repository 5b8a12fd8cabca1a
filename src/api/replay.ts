/** Packets of a capture through a translator, in batches and at their own times. */
import {
  BATCH_PACKETS_MAX,
  createPacketBatch,
  egressAt,
  PACKET_OCTETS_MAX,
  packetAt,
  putPacket,
} from '../native/packet-batch.ts';
import type { PacketTranslator } from './translator.ts';
import { verdictCatalogue } from './verdict-catalogue.ts';

/** A packet with the device it comes in by. */
export interface ReplayPacket {
  /** Microseconds since a fixed origin. Where it falls, time stands still. */
  readonly timeUs: number;
  readonly device: number;
  /** From its IP header on. */
  readonly octets: Uint8Array;
}

/** A packet that left, at the time of the one it left for. */
export interface ReplayedPacket extends ReplayPacket {
  /** `Forward`, `Reply` or the kind of an extra output. */
  readonly kind: string;
}

export interface ReplayResult {
  readonly packets: number;
  /** Number of packets by verdict, most frequent first. */
  readonly verdicts: Readonly<Record<string, number>>;
  /** Number of packets that left beside those, by kind: ICMP errors, resets, fragments. */
  readonly outputs: Readonly<Record<string, number>>;
  /** Wall time in the engine, the way in and out of it included; NaN without packets. */
  readonly nsPerPacket: number;
}

/** Least room for a packet in a batch: what grows on the way, grows in place. */
const ROOM_OCTETS_MIN = 2048;

/** Longest time between the first and the last packet of a batch, which are processed as of one instant. */
const BATCH_SPAN_US = 10_000;

/**
 * Replays packets in the order of the list. Throws an `NptdError` of the translator's.
 * @param leaves is told of every packet that leaves; without it they are only counted
 */
export function replay(
  translator: PacketTranslator,
  packets: readonly ReplayPacket[],
  leaves?: (packet: ReplayedPacket) => void,
): ReplayResult {
  const names = verdictCatalogue().verdicts.map(({ name }) => name);
  const [verdicts, outputs] = [new Tally(), new Tally()];
  const fitting = packets.filter(({ octets }) => octets.length <= PACKET_OCTETS_MAX);
  for (let tooLong = packets.length - fitting.length; tooLong > 0; tooLong -= 1) verdicts.add('FrameTooLong');
  const longest = fitting.reduce((most, { octets }) => Math.max(most, octets.length), 0);
  const batch = createPacketBatch(Math.max(longest, ROOM_OCTETS_MIN));
  const origin = packets[0]?.timeUs ?? 0;
  let ns = 0n;
  for (const group of batchesOf(fitting)) {
    for (const [index, { device, octets }] of group.entries()) putPacket(batch, index, device, octets);
    const timeUs = group[0]?.timeUs ?? 0;
    const before = process.hrtime.bigint();
    const extra = translator.processBatch(batch, group.length, timeUs - origin);
    ns += process.hrtime.bigint() - before;
    for (const [index, packet] of group.entries()) {
      const verdict = names[batch.verdicts[index] ?? 0] ?? 'NotProcessed';
      verdicts.add(verdict);
      if (verdict !== 'Forward' && verdict !== 'Reply') continue;
      const octets = leaves === undefined ? packet.octets : packetAt(batch, index).slice();
      leaves?.({ timeUs: packet.timeUs, device: egressAt(batch, index), octets, kind: verdict });
    }
    for (const { device, octets, kind } of extra > 0 ? translator.takeOutputs() : []) {
      outputs.add(kind);
      leaves?.({ timeUs, device, octets, kind });
    }
  }
  const count = packets.length;
  return { packets: count, verdicts: verdicts.sorted(), outputs: outputs.sorted(), nsPerPacket: Number(ns) / count };
}

/** Packets of nearly one instant, as many as a batch holds. */
function* batchesOf(packets: readonly ReplayPacket[]): Generator<readonly ReplayPacket[]> {
  let start = 0;
  for (const [index, { timeUs }] of packets.entries()) {
    const first = packets[start]?.timeUs ?? timeUs;
    if (index - start < BATCH_PACKETS_MAX && timeUs - first <= BATCH_SPAN_US) continue;
    yield packets.slice(start, index);
    start = index;
  }
  if (start < packets.length) yield packets.slice(start);
}

class Tally {
  readonly #counts = new Map<string, number>();

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  sorted(): Record<string, number> {
    return Object.fromEntries([...this.#counts].toSorted(([, one], [, other]) => other - one));
  }
}
