/** IPv4 identifications of packets that leave in the name of the gateway ("Identification" in docs/decisions.md). */
import { writeU8, writeU32 } from './octets.ts';
import { type Ipv4Packet, isFragment4 } from './packet.ts';
import { withIdentification } from './rewrite.ts';
import { sipHash24 } from './siphash.ts';

const COUNTERS = 1024n;

/** One of several. */
export interface WorkerNumber {
  readonly number: number;
  readonly count: number;
}

/** Counters by hash, so that two hosts behind one address do not use the same one at a time (3022-6.3, 6864-5.3.1). */
export class Identifications {
  readonly #secret: Uint8Array;
  /** Each worker has a range of its own. */
  readonly #worker: WorkerNumber;
  /** How often each counter was taken. */
  readonly #taken = new Map<bigint, number>();

  constructor(secret: Uint8Array, worker: WorkerNumber) {
    this.#secret = secret;
    this.#worker = worker;
  }

  /** The next one from an external source to a destination. */
  next(source: number, destination: number, protocol: number): number {
    const message = new Uint8Array(9);
    writeU32(message, 0, source);
    writeU32(message, 4, destination);
    writeU8(message, 8, protocol);
    const hash = sipHash24(this.#secret, message);
    const number = hash % COUNTERS;
    const counter = this.#taken.get(number) ?? 0;
    this.#taken.set(number, counter + 1);
    const sequence = (counter + Number(hash >> 48n)) % 65_536;
    const range = Math.floor(65_536 / this.#worker.count);
    return this.#worker.number * range + (sequence % range);
  }

  /** A packet whose source was translated, with an identification of ours; atomic ones need none (6864-4.1). */
  renumbered(packet: Ipv4Packet, receivedDestination: number): Ipv4Packet {
    const isAtomic = packet.dontFragment && !isFragment4(packet);
    return isAtomic
      ? packet
      : withIdentification(packet, this.next(packet.source, receivedDestination, packet.protocol));
  }
}
