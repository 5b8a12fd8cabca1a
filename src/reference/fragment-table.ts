/** What is known of IPv4 datagrams in fragments ("Fragments" in docs/decisions.md); bounded in number and time (4787-R14a). */
import { type Tick, tickOf } from './mapping-table.ts';
import type { Ipv4Packet } from './packet.ts';

const RECORDS_MAX = 4096;
const STORED_MAX = 256;
const STORED_OCTETS_MAX = 2048;

/** How the other fragments of a datagram are translated. */
export interface FragmentTranslation {
  readonly source: number;
  readonly destination: number;
  readonly identification: number;
  /** Where they leave. */
  readonly device: number;
}

export type FragmentFate = 'refused' | FragmentTranslation;

/** Names a datagram: ingress device, addresses, protocol and identification as received. */
export type Datagram = string;

/** The datagram of a fragment that came in by a device of the plan. */
export function datagramOf(ingress: number, packet: Ipv4Packet): Datagram {
  return [ingress, packet.source, packet.destination, packet.protocol, packet.identification].join(' ');
}

interface StoredFragment {
  readonly datagram: Datagram;
  readonly packet: Ipv4Packet;
  readonly endTick: Tick;
}

/** Whatever is in the table after `advance` is live at that instant. */
export class FragmentTable {
  readonly #records = new Map<Datagram, { readonly fate: FragmentFate; readonly endTick: Tick }>();
  /** In the order of arrival. */
  #stored: readonly StoredFragment[] = [];

  /** Removes what has ended by an instant. */
  advance(nowUs: number): void {
    const tick = tickOf(nowUs);
    for (const [datagram, { endTick }] of this.#records) {
      if (endTick <= tick) {
        this.#records.delete(datagram);
      }
    }
    this.#stored = this.#stored.filter(({ endTick }) => endTick > tick);
  }

  fateOf(datagram: Datagram): FragmentFate | undefined {
    return this.#records.get(datagram)?.fate;
  }

  /** Whether `record` may be asked. */
  hasRoom(datagram: Datagram): boolean {
    return this.#records.size < RECORDS_MAX || this.#records.has(datagram);
  }

  /** Makes or replaces the record of a datagram. */
  record(datagram: Datagram, fate: FragmentFate, endTick: Tick): void {
    this.#records.set(datagram, { fate, endTick });
  }

  /** Keeps a fragment until its first one comes; false where it is too long or there is no room. */
  store(datagram: Datagram, packet: Ipv4Packet, endTick: Tick): boolean {
    if (this.#stored.length >= STORED_MAX || packet.octets.length > STORED_OCTETS_MAX) {
      return false;
    }
    this.#stored = [...this.#stored, { datagram, packet, endTick }];
    return true;
  }

  /** Takes the stored fragments of a datagram out, in the order of arrival. */
  takeStored(datagram: Datagram): Ipv4Packet[] {
    const taken = this.#stored.filter((stored) => stored.datagram === datagram);
    this.#stored = this.#stored.filter((stored) => stored.datagram !== datagram);
    return taken.map(({ packet }) => packet);
  }
}
