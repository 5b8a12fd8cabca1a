/** The sessions of the IPv6 filter ("Filter" in docs/decisions.md). Whatever is in the table after `advance` is live at that instant. */
import type { Plan } from '../plan/plan.ts';
import { type Endpoint6, formatEndpoint6, sameEndpoint6 } from './address.ts';
import type { FilterEnds, FilterProtocol } from './filter-flow.ts';
import { type Tick, tickOf } from './mapping-table.ts';
import type { SequenceTrack } from './reset-check.ts';
import { bySlot, uplinkAt } from './steering.ts';
import type { Side, TcpState } from './tcp-machine.ts';

export interface FilterSession extends FilterEnds {
  readonly slot: number;
  readonly epoch: number;
  /** The side of its first packet. */
  readonly openedFrom: Side;
  /** Number of its policy. */
  readonly policy: number;
  endTick: Tick;
  /** Of TCP, DCCP and SCTP. */
  tcp?: { readonly state: TcpState; readonly opener: Side };
  /** Of TCP. */
  track?: SequenceTrack;
  /** Whether no SYN of the connection has been seen, so that nobody knows what its windows mean. */
  isPickedUp?: boolean;
}

export class FilterSessions {
  readonly #sessions = new Map<string, FilterSession>();

  /** Ends what belongs to an uplink that is gone, carries no IPv6 or has another epoch; all of them where the plan has no filter. */
  applyPlan(plan: Plan): void {
    for (const session of this.all()) {
      const uplink = uplinkAt(plan, session.slot);
      const isAlive = plan.filter6 !== undefined && uplink?.ipv6 !== undefined && uplink.epoch === session.epoch;
      if (!isAlive) {
        this.end(session);
      }
    }
  }

  /** Removes what has died by an instant. */
  advance(nowUs: number): void {
    for (const session of this.all()) {
      if (session.endTick <= tickOf(nowUs)) {
        this.end(session);
      }
    }
  }

  all(): FilterSession[] {
    return [...this.#sessions.values()];
  }

  get size(): number {
    return this.#sessions.size;
  }

  on(slot: number, { protocol, internal, remote }: FilterEnds): FilterSession | undefined {
    return this.#sessions.get(keyOf(slot, protocol, internal, remote));
  }

  /** The session on the first uplink, by slot, that has one; outside of hairpins there is at most one. */
  onAnyUplink(plan: Plan, ends: FilterEnds): FilterSession | undefined {
    const sessions = bySlot(plan).map(({ slot }) => this.on(slot, ends));
    return sessions.find((session) => session !== undefined);
  }

  /** All that an internal endpoint has on an uplink. */
  ofEndpoint(slot: number, protocol: FilterProtocol, internal: Endpoint6): FilterSession[] {
    return this.all().filter(
      (session) => session.slot === slot && session.protocol === protocol && sameEndpoint6(session.internal, internal),
    );
  }

  /** Its lifetime has to be set at once. */
  open(session: Omit<FilterSession, 'endTick'>): FilterSession {
    const opened: FilterSession = { ...session, endTick: 0 };
    this.#sessions.set(keyOf(session.slot, session.protocol, session.internal, session.remote), opened);
    return opened;
  }

  end({ slot, protocol, internal, remote }: FilterSession): void {
    this.#sessions.delete(keyOf(slot, protocol, internal, remote));
  }
}

function keyOf(slot: number, protocol: FilterProtocol, internal: Endpoint6, remote: Endpoint6): string {
  return [slot, protocol, formatEndpoint6(internal), formatEndpoint6(remote)].join(' ');
}
