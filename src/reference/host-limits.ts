/** What each internal address may hold ("Limits" in docs/decisions.md): one host cannot use up what all of them share. */
import type { Mapping } from './mapping-table.ts';
import type { Nat44Context } from './nat44-leg.ts';
import { Bucket } from './own-errors.ts';
import { isPortless } from './protocol.ts';
import type { Side } from './tcp-machine.ts';
import type { DropReason } from './verdict.ts';
import type { Workers } from './workers.ts';

/** Internal addresses that hold a mapping or a session, each with a bucket for its new flows. */
export class Hosts {
  readonly #workers: Workers;
  readonly #entries = new Map<number, Bucket>();
  /** New entries, of which it is not said yet whether they hold anything. */
  readonly #entered = new Set<number>();

  constructor(workers: Workers) {
    this.#workers = workers;
  }

  /** What a host has of all workers. */
  mappingsOf(host: number): Mapping[] {
    return this.#workers.all.flatMap(({ table }) => table.ofHost(host));
  }

  /** Drops the entries of hosts that hold nothing any more. It is asked for between packets. */
  settle(): void {
    const left = this.#workers.all.flatMap(({ table }) => table.takeLeftHosts());
    for (const host of [...this.#entered, ...left]) {
      if (this.mappingsOf(host).length === 0) {
        this.#entries.delete(host);
      }
    }
    this.#entered.clear();
  }

  /** The bucket of a host, with a new entry if it has none; undefined where there is no room for one. */
  bucketOf(host: number, hostsMax: number): Bucket | undefined {
    const known = this.#entries.get(host);
    if (known !== undefined || this.#entries.size >= hostsMax) {
      return known;
    }
    const bucket = new Bucket();
    this.#entries.set(host, bucket);
    this.#entered.add(host);
    return bucket;
  }
}

/** Why a host may have no other session, if so. Only flows from inside are limited by their rate. */
export function refuseHost(context: Nat44Context, host: number, openedFrom: Side): DropReason | undefined {
  const { plan, hosts, options, nowUs } = context;
  const { flows, sessions } = plan.nat44.hostLimits;
  const bucket = hosts.bucketOf(host, options.hostsMax);
  if (bucket === undefined) {
    return 'HostTableFull';
  }
  if (openedFrom === 'internal' && !bucket.take(flows, nowUs)) {
    return 'HostFlowRate'; // 6888-R4c
  }
  const held = hosts.mappingsOf(host).reduce((sum, mapping) => sum + mapping.sessions.size, 0);
  return held >= sessions ? 'HostSessionLimit' : undefined; // 6888-R5
}

/** Whether a host may have another mapping of a protocol; all protocols without ports are one. */
export function mayHaveMapping({ plan, hosts }: Nat44Context, host: number, protocol: number): boolean {
  const isAlike = (other: number) => other === protocol || (isPortless(other) && isPortless(protocol));
  const held = hosts.mappingsOf(host).filter((mapping) => isAlike(mapping.protocol));
  return held.length < plan.nat44.hostLimits.mappingsPerProtocol; // 6888-R4, 6888-R4b
}
