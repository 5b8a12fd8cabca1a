/** What is known of datagrams in fragments ("Fragments" in docs/decisions.md); bounded in number and time (4787-R14a). */
import { type Tick, tickOf } from './mapping-table.ts';
import type { Ipv4Packet, Ipv6Packet, Packet } from './packet.ts';
import { shareOf } from './port-owner.ts';

const RECORDS_MAX = 4096;
const STORED_MAX = 256;
const STORED_OCTETS_MAX = 2048;

/** How the other fragments of an IPv4 datagram are translated. */
export interface FragmentTranslation {
  readonly source: number;
  readonly destination: number;
  readonly identification: number;
  /** Where they leave. */
  readonly device: number;
}

/** The same of IPv6, whose identifications stay. */
export interface FragmentTranslation6 {
  readonly source: bigint;
  readonly destination: bigint;
  /** Where they leave. */
  readonly device: number;
}

/** Names a datagram: ingress device, addresses, protocol (of IPv4) and identification as received. */
export type Datagram = string;

/** The datagram of a fragment that came in by a device of the plan. */
export function datagramOf(ingress: number, packet: Ipv4Packet): Datagram {
  return [ingress, packet.source, packet.destination, packet.protocol, packet.identification].join(' ');
}

/** The same of IPv6, where protocols share the identifications (RFC 8200 section 4.5). */
export function datagramOf6(ingress: number, packet: Ipv6Packet): Datagram {
  return [ingress, packet.source, packet.destination, packet.identification].join(' ');
}

interface StoredFragment<P extends Packet> {
  readonly datagram: Datagram;
  readonly packet: P;
  readonly endTick: Tick;
}

/** Whatever is in the table after `advance` is live at that instant. */
class FragmentStore<P extends Packet, T> {
  readonly #records = new Map<Datagram, { readonly fate: T | 'refused'; readonly endTick: Tick }>();
  /** In the order of arrival. */
  #stored: readonly StoredFragment<P>[] = [];
  readonly #workers: number;

  /** @param workers how many share the capacity out */
  constructor(workers: number) {
    this.#workers = workers;
  }

  /** Forgets everything. */
  clear(): void {
    this.#records.clear();
    this.#stored = [];
  }

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

  fateOf(datagram: Datagram): T | 'refused' | undefined {
    return this.#records.get(datagram)?.fate;
  }

  /** Whether `record` may be asked. */
  hasRoom(datagram: Datagram): boolean {
    return this.#records.size < shareOf(RECORDS_MAX, this.#workers) || this.#records.has(datagram);
  }

  /** Makes or replaces the record of a datagram. */
  record(datagram: Datagram, fate: T | 'refused', endTick: Tick): void {
    this.#records.set(datagram, { fate, endTick });
  }

  /** Keeps a fragment until its first one comes; false where it is too long or there is no room. */
  store(datagram: Datagram, packet: P, endTick: Tick): boolean {
    if (this.#stored.length >= shareOf(STORED_MAX, this.#workers) || packet.octets.length > STORED_OCTETS_MAX) {
      return false;
    }
    this.#stored = [...this.#stored, { datagram, packet, endTick }];
    return true;
  }

  /** Takes the stored fragments of a datagram out, in the order of arrival. */
  takeStored(datagram: Datagram): P[] {
    const taken = this.#stored.filter((stored) => stored.datagram === datagram);
    this.#stored = this.#stored.filter((stored) => stored.datagram !== datagram);
    return taken.map(({ packet }) => packet);
  }
}

/** Fragments that NAT44 translates. */
export class FragmentTable extends FragmentStore<Ipv4Packet, FragmentTranslation> {}

/** Fragments that the IPv6 filter lets through; both have the same capacities. */
export class FragmentTable6 extends FragmentStore<Ipv6Packet, FragmentTranslation6> {}
