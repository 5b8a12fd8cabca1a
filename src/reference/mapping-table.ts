/**
 * Mappings and sessions with their lifetimes ("Time", "NAT44" and "Lifetimes" in docs/decisions.md).
 *
 * A mapping is live while it has a session; then it rests, and holds its port for its own endpoint only, until
 * `restsUntil`. Whatever is in the table after `advance` is alive or resting at that instant.
 */
import type { Plan } from '../plan/plan.ts';
import { type Endpoint, formatEndpoint } from './address.ts';
import { isPortless } from './protocol.ts';
import type { SequenceTrack } from './reset-check.ts';
import { uplinkAt } from './steering.ts';
import type { Side, TcpState } from './tcp-machine.ts';

const TICK_US = 100_000;

/** Lifetimes are kept in tenths of a second. */
export type Tick = number;

export function tickOf(nowUs: number): Tick {
  return Math.floor(nowUs / TICK_US);
}

/** The tick at which a lifetime of `ms` that starts now is over. */
export function tickAfter(nowUs: number, ms: number): Tick {
  return Math.ceil((nowUs + ms * 1000) / TICK_US);
}

/** Milliseconds until a tick, rounded down. */
export function msUntil(tick: Tick, nowUs: number): number {
  return Math.floor((tick * TICK_US - nowUs) / 1000);
}

export interface Session {
  readonly mapping: Mapping;
  readonly remote: Endpoint;
  /** The side of its first packet. */
  readonly openedFrom: Side;
  endTick: Tick;
  /** Of protocols that have connections. */
  tcp?: { readonly state: TcpState; readonly opener: Side };
  /** Of TCP. */
  track?: SequenceTrack;
}

export interface Mapping {
  readonly slot: number;
  readonly epoch: number;
  readonly protocol: number;
  readonly internal: Endpoint;
  readonly external: Endpoint;
  readonly sessions: Map<string, Session>;
  /** Set while it rests. */
  restsUntil?: Tick;
}

export class MappingTable {
  readonly #byInternal = new Map<string, Mapping>();
  /** Only mappings without ports share an external endpoint. */
  readonly #byExternal = new Map<string, readonly Mapping[]>();
  /** Allocations made so far, by pool. */
  readonly #allocations = new Map<string, number>();
  #sessionCount = 0;
  #restMs = 0;
  #tick: Tick = -1;

  /** Ends what belongs to an uplink that is gone, has no NAT44, or has another epoch; such ports do not rest. */
  applyPlan(plan: Plan): void {
    this.#restMs = plan.nat44.portRestMs;
    const alive = (slot: number, epoch: number) => {
      const uplink = uplinkAt(plan, slot);
      return uplink?.ipv4?.nat44 === true && uplink.epoch === epoch;
    };
    for (const mapping of [...this.#byInternal.values()]) {
      if (!alive(mapping.slot, mapping.epoch)) {
        this.#sessionCount -= mapping.sessions.size;
        this.#remove(mapping);
      }
    }
  }

  /** Removes what has died by an instant. */
  advance(nowUs: number): void {
    if (tickOf(nowUs) === this.#tick) {
      return;
    }
    this.#tick = tickOf(nowUs);
    for (const mapping of [...this.#byInternal.values()]) {
      this.#expireSessions(mapping);
      if (mapping.restsUntil !== undefined && mapping.restsUntil <= this.#tick) {
        this.#remove(mapping);
      }
    }
  }

  get sessionCount(): number {
    return this.#sessionCount;
  }

  /** Live and resting. */
  get mappingCount(): number {
    return this.#byInternal.size;
  }

  /** Live mappings. */
  live(): Mapping[] {
    return [...this.#byInternal.values()].filter(isLive);
  }

  liveMapping(slot: number, protocol: number, internal: Endpoint): Mapping | undefined {
    return liveOnly(this.#byInternal.get(keyOf(slot, protocol, internal)));
  }

  /** The mapping of an external endpoint; protocols without ports have no such thing. */
  liveMappingOf(slot: number, protocol: number, external: Endpoint): Mapping | undefined {
    return this.#mappingsOf(slot, protocol, external).find(isLive);
  }

  restingMapping(slot: number, protocol: number, internal: Endpoint): Mapping | undefined {
    const mapping = this.#byInternal.get(keyOf(slot, protocol, internal));
    return mapping !== undefined && !isLive(mapping) ? mapping : undefined;
  }

  session(slot: number, protocol: number, internal: Endpoint, remote: Endpoint): Session | undefined {
    const mapping = this.liveMapping(slot, protocol, internal);
    return mapping && sessionWith(mapping, remote);
  }

  /** The session that a packet from outside belongs to. */
  sessionOfExternal(slot: number, protocol: number, external: Endpoint, remote: Endpoint): Session | undefined {
    const sessions = this.#mappingsOf(slot, protocol, external).map((mapping) => sessionWith(mapping, remote));
    return sessions.find((session) => session !== undefined);
  }

  /** Outside of hairpins there is at most one. */
  sessionOnAnyUplink(plan: Plan, protocol: number, internal: Endpoint, remote: Endpoint): Session | undefined {
    const slots = plan.uplinks.map(({ slot }) => slot).sort((a, b) => a - b);
    const sessions = slots.map((slot) => this.session(slot, protocol, internal, remote));
    return sessions.find((session) => session !== undefined);
  }

  /** No mapping, live or resting, holds the external endpoint. */
  isFree(slot: number, protocol: number, external: Endpoint): boolean {
    return this.#mappingsOf(slot, protocol, external).length === 0;
  }

  allocationsOf(slot: number, epoch: number, protocol: number, externalAddress: number): number {
    return this.#allocations.get(poolKey(slot, epoch, protocol, externalAddress)) ?? 0;
  }

  /** Adds a mapping without sessions; a session has to follow at once. */
  allocate(mapping: Omit<Mapping, 'sessions' | 'restsUntil'>): Mapping {
    const { slot, epoch, protocol, internal, external } = mapping;
    const added: Mapping = { slot, epoch, protocol, internal, external, sessions: new Map() };
    this.#byInternal.set(keyOf(slot, protocol, internal), added);
    this.#byExternal.set(keyOf(slot, protocol, external), [...this.#mappingsOf(slot, protocol, external), added]);
    const pool = poolKey(slot, epoch, protocol, external.address);
    this.#allocations.set(pool, (this.#allocations.get(pool) ?? 0) + 1);
    return added;
  }

  /** Adds a session, which brings a resting mapping back to life. Its lifetime has to be set at once. */
  open(mapping: Mapping, remote: Endpoint, openedFrom: Side): Session {
    const session: Session = { mapping, remote, openedFrom, endTick: 0 };
    mapping.sessions.set(formatEndpoint(remote), session);
    delete mapping.restsUntil;
    this.#sessionCount += 1;
    return session;
  }

  /** Ends one session, and its mapping if it was the last one. */
  endSession(session: Session, nowUs: number): void {
    const { mapping, remote } = session;
    if (mapping.sessions.size === 1) {
      this.endMapping(mapping, nowUs);
      return;
    }
    mapping.sessions.delete(formatEndpoint(remote));
    this.#sessionCount -= 1;
  }

  /** Ends a mapping with all its sessions; its port rests from now on. */
  endMapping(mapping: Mapping, nowUs: number): void {
    this.#sessionCount -= mapping.sessions.size;
    mapping.sessions.clear();
    mapping.restsUntil = isPortless(mapping.protocol) ? this.#tick : tickAfter(nowUs, this.#restMs);
    if (mapping.restsUntil <= this.#tick) {
      this.#remove(mapping);
    }
  }

  #expireSessions(mapping: Mapping): void {
    const dead = [...mapping.sessions.values()].filter((session) => session.endTick <= this.#tick);
    for (const session of dead) {
      mapping.sessions.delete(formatEndpoint(session.remote));
    }
    this.#sessionCount -= dead.length;
    if (dead.length > 0 && mapping.sessions.size === 0) {
      const lastTick = Math.max(...dead.map((session) => session.endTick));
      mapping.restsUntil = isPortless(mapping.protocol) ? lastTick : lastTick + Math.ceil(this.#restMs / 100); // 6888-R8
    }
  }

  #remove(mapping: Mapping): void {
    this.#byInternal.delete(keyOf(mapping.slot, mapping.protocol, mapping.internal));
    const key = keyOf(mapping.slot, mapping.protocol, mapping.external);
    const others = (this.#byExternal.get(key) ?? []).filter((other) => other !== mapping);
    if (others.length === 0) {
      this.#byExternal.delete(key);
    } else {
      this.#byExternal.set(key, others);
    }
  }

  #mappingsOf(slot: number, protocol: number, external: Endpoint): readonly Mapping[] {
    return this.#byExternal.get(keyOf(slot, protocol, external)) ?? [];
  }
}

/** The session that a mapping has with a remote endpoint. */
export function sessionWith(mapping: Mapping, remote: Endpoint): Session | undefined {
  return mapping.sessions.get(formatEndpoint(remote));
}

function isLive(mapping: Mapping): boolean {
  return mapping.sessions.size > 0;
}

function liveOnly(mapping: Mapping | undefined): Mapping | undefined {
  return mapping !== undefined && isLive(mapping) ? mapping : undefined;
}

/** Mappings are per uplink and per protocol (MWAN-3, 7857-S5). */
function keyOf(slot: number, protocol: number, endpoint: Endpoint): string {
  return `${slot} ${protocol} ${formatEndpoint(endpoint)}`;
}

function poolKey(slot: number, epoch: number, protocol: number, externalAddress: number): string {
  return `${slot} ${epoch} ${protocol} ${externalAddress}`;
}
