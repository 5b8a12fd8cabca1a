/** Both translators in both directions, packet by packet; and the native one in batches of the caller's memory. */
import { NativeTranslator } from '../../src/native/native-translator.ts';
import { BATCH_PACKETS_MAX, createPacketBatch, type PacketBatch, putPacket } from '../../src/native/packet-batch.ts';
import { ReferenceTranslator } from '../../src/reference/reference-translator.ts';
import type { Translator, TranslatorOptions } from '../../src/reference/translator.ts';
import { ISP_A, LAN, twoUplinks } from '../../test/support/plans.ts';
import { answer4, answer6, FLOWS, internalPackets4, internalPackets6 } from './packets.ts';
import type { Candidate, Case } from './suite.ts';

export const OPTIONS: TranslatorOptions = {
  secret: new Uint8Array(16),
  mappingsMax: 65_536,
  sessionsMax: 65_536,
  hostsMax: 4096,
};
const NOW_US = 1_000_000;

/** Packets that are handed over at a time. A call takes 64: more are several calls, one after the other. */
const BATCH_SIZES = [1, 4, 16, 64, 256, 1024];

/** Octets of the largest of these packets. */
const PACKET_OCTETS = 64;

const UNIT = 'ns/packet';

export const TRANSLATOR_CASES: readonly Case[] = [
  { name: 'nat44-out', unit: UNIT, candidates: () => candidates(internalPackets4, LAN) },
  { name: 'nat44-in', unit: UNIT, candidates: () => candidates(internalPackets4, LAN, answer4) },
  { name: 'nptv6-out', unit: UNIT, candidates: () => candidates(internalPackets6, LAN) },
  { name: 'nptv6-in', unit: UNIT, candidates: () => candidates(internalPackets6, LAN, answer6) },
];

/** The packets of a case, with their flows open in a translator of its own. */
interface Workload<T extends Translator> {
  readonly translator: T;
  readonly device: number;
  readonly packets: readonly Uint8Array[];
}

function candidates(
  packets: () => Uint8Array[],
  device: number,
  answer?: (outgoing: Uint8Array) => Uint8Array,
): Candidate[] {
  const open = <T extends Translator>(translator: T): Workload<T> => {
    translator.applyPlan(twoUplinks());
    const internal = packets();
    const outgoing = internal.map((octets) => forwarded(translator, device, octets));
    const measured = answer === undefined ? internal : outgoing.map(answer);
    const from = answer === undefined ? device : ISP_A;
    for (const octets of measured) forwarded(translator, from, octets);
    return { translator, device: from, packets: measured };
  };
  return [
    single('reference', open(new ReferenceTranslator(OPTIONS))),
    single('native', open(new NativeTranslator(OPTIONS))),
    ...BATCH_SIZES.map((size) => batched(size, open(new NativeTranslator(OPTIONS)))),
  ];
}

/** One packet a call, and an object with the outgoing octets back. */
function single(implementation: string, { translator, device, packets }: Workload<Translator>): Candidate {
  let next = 0;
  const run = (): void => {
    const octets = packets[next];
    next = (next + 1) % FLOWS;
    if (octets === undefined || translator.process(device, octets, NOW_US).verdict !== 'Forward') {
      throw new Error('a measured packet was not forwarded');
    }
  };
  return { implementation, units: 1, run };
}

/** As many packets as `size` copied into memory of the caller and translated there; what leaves is left there. */
function batched(size: number, { translator, device, packets }: Workload<NativeTranslator>): Candidate {
  const batch = createPacketBatch(PACKET_OCTETS, Math.min(size, BATCH_PACKETS_MAX));
  let next = 0;
  const run = (): void => {
    for (let left = size; left > 0; left -= BATCH_PACKETS_MAX) {
      const count = Math.min(left, BATCH_PACKETS_MAX);
      for (let index = 0; index < count; index += 1) {
        const octets = packets[next];
        next = (next + 1) % FLOWS;
        if (octets !== undefined) putPacket(batch, index, device, octets);
      }
      translator.processBatch(batch, count, NOW_US);
      requireForwarded(batch, count);
    }
  };
  return { implementation: `native, ${size} at once`, units: size, run };
}

/** `Forward` is the first verdict of the catalogue. */
function requireForwarded({ verdicts }: PacketBatch, count: number): void {
  for (let index = 0; index < count; index += 1) {
    if (verdicts[index] !== 0) throw new Error('a measured packet was not forwarded');
  }
}

function forwarded(translator: Translator, device: number, octets: Uint8Array): Uint8Array {
  const { verdict, outgoing } = translator.process(device, octets, NOW_US);
  const [first] = outgoing;
  if (verdict !== 'Forward' || first === undefined) throw new Error(`expected Forward, got ${verdict}`);
  return first.octets;
}
