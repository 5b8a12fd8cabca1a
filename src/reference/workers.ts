/**
 * Several workers ("Workers" in docs/decisions.md): each has tables of its own, and every flow belongs to one of them.
 */
import type { Plan } from '../plan/plan.ts';
import type { Endpoint } from './address.ts';
import { FilterSessions } from './filter-sessions.ts';
import { FragmentTable, FragmentTable6 } from './fragment-table.ts';
import { HeldPackets } from './held-packets.ts';
import { Identifications } from './identification.ts';
import { MappingTable } from './mapping-table.ts';
import { writeU8, writeU16, writeU32, writeU128 } from './octets.ts';
import { type Ipv4Packet, isFragment4 } from './packet.ts';
import { ownerOfPort, shareOf } from './port-owner.ts';
import { isPortless } from './protocol.ts';
import { sipHash24 } from './siphash.ts';
import { staticOfExternal } from './static-mappings.ts';
import type { TranslatorOptions } from './translator.ts';

/** What one worker keeps, and how much of it. */
export interface Worker {
  readonly table: MappingTable;
  readonly filter: FilterSessions;
  readonly fragments: FragmentTable;
  readonly fragments6: FragmentTable6;
  readonly held: HeldPackets;
  readonly identifications: Identifications;
  /** With its share of the capacities. */
  readonly options: TranslatorOptions;
}

/** A flow seen from an uplink. */
interface ExternalFlow {
  readonly slot: number;
  readonly protocol: number;
  readonly external: Endpoint;
  readonly remote: Endpoint;
}

export class Workers {
  readonly all: readonly Worker[];
  readonly #secret: Uint8Array;

  constructor(options: TranslatorOptions) {
    const count = options.workers ?? 1;
    this.#secret = options.secret;
    this.all = Array.from({ length: count }, (_, number) => makeWorker(options, number, count));
  }

  get first(): Worker {
    return this.#at(0);
  }

  /** The owner of a flow, seen from the site. */
  ofFlow(protocol: number, internal: Endpoint, remote: Endpoint): Worker {
    return this.#of(protocol, internal.port, remote);
  }

  /** The owner of a flow, seen from an uplink. */
  ofExternal(plan: Plan, { slot, protocol, external, remote }: ExternalFlow): Worker {
    return this.#of(protocol, inboundPort(plan, slot, protocol, external), remote);
  }

  /** The owner of what the IPv6 filter knows of an internal address. */
  ofAddress6(internal: bigint): Worker {
    const message = new Uint8Array(16);
    writeU128(message, 0, internal);
    return this.#hashed(message);
  }

  /** Where the fragments of a datagram meet. */
  homeOf(packet: Ipv4Packet): Worker {
    if (!isFragment4(packet)) {
      return this.first;
    }
    const message = new Uint8Array(11);
    writeU32(message, 0, packet.source);
    writeU32(message, 4, packet.destination);
    writeU8(message, 8, packet.protocol);
    writeU16(message, 9, packet.identification);
    return this.#hashed(message);
  }

  /** Ends what has died by an instant. */
  advance(nowUs: number): void {
    for (const { table, filter } of this.all) {
      table.advance(nowUs);
      filter.advance(nowUs);
    }
  }

  /** The same of fragments. */
  advanceFragments(nowUs: number): void {
    for (const { fragments, fragments6 } of this.all) {
      fragments.advance(nowUs);
      fragments6.advance(nowUs);
    }
  }

  applyPlan(plan: Plan): void {
    for (const { table, filter, fragments6 } of this.all) {
      table.applyPlan(plan);
      for (const mapping of table.all().filter((one) => this.isSplit(plan, one))) {
        table.remove(mapping);
      }
      filter.applyPlan(plan);
      if (plan.filter6 === undefined) {
        fragments6.clear();
      }
    }
  }

  /** Whether the two directions of a mapping would belong to two workers. */
  isSplit(plan: Plan, mapping: { slot: number; protocol: number; internal: Endpoint; external: Endpoint }): boolean {
    const { slot, protocol, internal, external } = mapping;
    const count = this.all.length;
    return (
      !isPortless(protocol) &&
      ownerOfPort(inboundPort(plan, slot, protocol, external), count) !== ownerOfPort(internal.port, count)
    );
  }

  #of(protocol: number, port: number, remote: Endpoint): Worker {
    if (!isPortless(protocol)) {
      return this.#at(ownerOfPort(port, this.all.length));
    }
    const message = new Uint8Array(5);
    writeU32(message, 0, remote.address);
    writeU8(message, 4, protocol);
    return this.#hashed(message);
  }

  #hashed(message: Uint8Array): Worker {
    return this.all.length === 1
      ? this.first
      : this.#at(Number(sipHash24(this.#secret, message) % BigInt(this.all.length)));
  }

  #at(number: number): Worker {
    const worker = this.all[number];
    if (worker === undefined) {
      throw new RangeError(`there is no worker ${number}`);
    }
    return worker;
  }
}

/** The port that names the owner of what comes in: where the plan leads it, or else the external one. */
function inboundPort(plan: Plan, slot: number, protocol: number, external: Endpoint): number {
  return staticOfExternal(plan, slot, protocol, external)?.internal.port ?? external.port;
}

function makeWorker(options: TranslatorOptions, number: number, count: number): Worker {
  const share = (total: number) => shareOf(total, count);
  const { secret, mappingsMax, sessionsMax, filterSessionsMax } = options;
  return {
    table: new MappingTable(count),
    filter: new FilterSessions(),
    fragments: new FragmentTable(count),
    fragments6: new FragmentTable6(count),
    held: new HeldPackets(count),
    identifications: new Identifications(secret, { number, count }),
    options: {
      ...options,
      mappingsMax: share(mappingsMax),
      sessionsMax: share(sessionsMax),
      filterSessionsMax: share(filterSessionsMax ?? sessionsMax),
    },
  };
}
