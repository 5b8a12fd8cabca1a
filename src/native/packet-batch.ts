/** Memory of the caller for packets that are translated in place, up to 64 in one call. */

/** Most packets of one call. */
export const BATCH_PACKETS_MAX = 64;

/** Octets to leave free before each packet, so that headers can grow in place. */
export const BATCH_HEADROOM = 64;

/** Longest packet in octets, link header included: what the engine takes from any device. */
export const PACKET_OCTETS_MAX = 65_550;

/** Words of one packet in `PacketBatch.descriptors`. */
export const DESCRIPTOR_WORDS = 4;

/**
 * Packets in slots of equal size, and what there is to know about each.
 *
 * Packet `i` lies in `memory` from `i * slotOctets + start` on; all of its slot may be used. Its descriptor is the
 * words from `4 * i` on:
 * - `start` in its slot, at least `BATCH_HEADROOM`; written back
 * - `length` in octets; written back
 * - the device it came in by
 * - the device it leaves by; written, and of use where the verdict is `Forward` or `Reply`
 *
 * `verdicts[i]` is the position of its verdict in `verdictCatalogue().verdicts`. The arrays must not share memory.
 */
export interface PacketBatch {
  readonly memory: Uint8Array;
  readonly slotOctets: number;
  readonly descriptors: Uint32Array;
  readonly verdicts: Uint8Array;
}

/**
 * An empty batch of slots for packets of up to `packetOctets` octets.
 *
 * Slots are some cache lines long, and an odd number of them: a power of two would make packets fight for the same
 * places of the cache.
 */
export function createPacketBatch(packetOctets: number, slots = BATCH_PACKETS_MAX): PacketBatch {
  const lines = Math.ceil((BATCH_HEADROOM + packetOctets) / 64);
  const slotOctets = 64 * (lines % 2 === 0 ? lines + 1 : lines);
  return {
    memory: new Uint8Array(slotOctets * slots),
    slotOctets,
    descriptors: new Uint32Array(DESCRIPTOR_WORDS * slots),
    verdicts: new Uint8Array(slots),
  };
}

/** Puts a packet into a slot. It must fit behind the headroom. */
export function putPacket(batch: PacketBatch, index: number, device: number, octets: Uint8Array): void {
  batch.memory.set(octets, index * batch.slotOctets + BATCH_HEADROOM);
  batch.descriptors.set([BATCH_HEADROOM, octets.length, device], index * DESCRIPTOR_WORDS);
}

/** The packet in a slot: a view that the next use of the batch changes. */
export function packetAt(batch: PacketBatch, index: number): Uint8Array {
  const [start = 0, length = 0] = batch.descriptors.subarray(index * DESCRIPTOR_WORDS);
  const from = index * batch.slotOctets + start;
  return batch.memory.subarray(from, from + length);
}

/** Index of the device that the packet in a slot leaves by. */
export function egressAt(batch: PacketBatch, index: number): number {
  return batch.descriptors[index * DESCRIPTOR_WORDS + 3] ?? 0;
}
