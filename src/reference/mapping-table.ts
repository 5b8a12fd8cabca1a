/**
 * Mappings and sessions with their lifetimes ("Time", "NAT44" and "Lifetimes" in docs/decisions.md).
 *
 * A mapping is live while it has a session; then it rests, and holds its port for its own endpoint only, until
 * `restsUntil`. Whatever is in the table after `advance` is alive or resting at that instant.
 */
import type { Plan } from '../plan/plan.ts';
import { type Endpoint, formatEndpoint, sameEndpoint } from './address.ts';
import type { SequenceTrack } from './reset-check.ts';
import { hasRoomToRest, mayRest } from './resting.ts';
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
  /** What the internal host sees instead, of a gateway-sourced session. */
  readonly apparent?: Endpoint;
  /** The side of its first packet. */
  readonly openedFrom: Side;
  /** Number of its policy. */
  readonly policy: number;
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

/** How the internal host sees a session: with its real remote endpoint, or with the apparent one. */
export type SessionKind = 'translated' | 'gateway-sourced';

/** What ports are counted by; the address is the external one. */
export interface Pool {
  readonly slot: number;
  readonly epoch: number;
  readonly protocol: number;
  readonly external: Pick<Endpoint, 'address'>;
}

export class MappingTable {
  readonly #byInternal = new Map<string, Mapping>();
  /** Only mappings without ports share an external endpoint. */
  readonly #byExternal = new Map<string, readonly Mapping[]>();
  readonly #byHost = new Map<number, Set<Mapping>>();
  readonly #leftHosts = new Set<number>();
  /** Allocations made so far, by pool. */
  readonly #allocations = new Map<string, number>();
  /** Resting ports, by pool. */
  readonly #resting = new Map<string, number>();
  #sessionCount = 0;
  #plan: Plan | undefined;
  #tick: Tick = -1;

  /** How many share the ports out, with a table each. */
  readonly workers: number;

  constructor(workers: number) {
    this.workers = workers;
  }

  /** Ends what belongs to an uplink that is gone, has no NAT44, or has another epoch; such ports do not rest. */
  applyPlan(plan: Plan): void {
    this.#plan = plan;
    const alive = (slot: number, epoch: number) => {
      const uplink = uplinkAt(plan, slot);
      return uplink?.ipv4?.nat44 === true && uplink.epoch === epoch;
    };
    for (const mapping of [...this.#byInternal.values()]) {
      if (!alive(mapping.slot, mapping.epoch)) {
        this.remove(mapping);
      }
    }
  }

  /** Removes what has died by an instant. Ports come to rest and back in the order of their ticks, within a tick first back. */
  advance(nowUs: number): void {
    if (tickOf(nowUs) === this.#tick) {
      return;
    }
    this.#tick = tickOf(nowUs);
    const ended = [...this.#byInternal.values()].flatMap((mapping) => {
      const tick = this.#expireSessions(mapping);
      return tick === undefined ? [] : [{ mapping, tick }];
    });
    const restTicks = Math.ceil((this.#plan?.nat44.portRestMs ?? 0) / 100);
    let removedUntil = -1;
    for (const { mapping, tick } of ended.sort((a, b) => a.tick - b.tick)) {
      if (tick > removedUntil) {
        this.#removeRested(tick);
        removedUntil = tick;
      }
      this.#rest(mapping, tick, tick + restTicks); // 6888-R8
    }
    this.#removeRested(this.#tick);
  }

  get sessionCount(): number {
    return this.#sessionCount;
  }

  /** Live and resting. */
  get mappingCount(): number {
    return this.#byInternal.size;
  }

  /** Live and resting. */
  all(): Mapping[] {
    return [...this.#byInternal.values()];
  }

  /** Live mappings. */
  live(): Mapping[] {
    return this.all().filter(isLive);
  }

  /** Internal addresses that have lost their last mapping since they were asked for; some may have another one by now. */
  takeLeftHosts(): number[] {
    const left = [...this.#leftHosts];
    this.#leftHosts.clear();
    return left;
  }

  /** Mappings of an internal address on all uplinks, live and resting. */
  ofHost(host: number): Mapping[] {
    return [...(this.#byHost.get(host) ?? [])];
  }

  /** Live or resting. */
  mappingOf(slot: number, protocol: number, internal: Endpoint): Mapping | undefined {
    return this.#byInternal.get(keyOf(slot, protocol, internal));
  }

  liveMapping(slot: number, protocol: number, internal: Endpoint): Mapping | undefined {
    return liveOnly(this.mappingOf(slot, protocol, internal));
  }

  /** The mapping of an external endpoint; protocols without ports have no such thing. */
  liveMappingOf(slot: number, protocol: number, external: Endpoint): Mapping | undefined {
    return this.holders(slot, protocol, external).find(isLive);
  }

  /** The session of an uplink that an internal endpoint has with a remote one, as the site sees it. */
  session(
    slot: number,
    protocol: number,
    internal: Endpoint,
    remote: Endpoint,
    kind: SessionKind,
  ): Session | undefined {
    const mapping = this.liveMapping(slot, protocol, internal);
    return mapping && sessionSeen(mapping, remote, kind);
  }

  /** The session that a packet from outside belongs to. */
  sessionOfExternal(slot: number, protocol: number, external: Endpoint, remote: Endpoint): Session | undefined {
    const sessions = this.holders(slot, protocol, external).map((mapping) => sessionWith(mapping, remote));
    return sessions.find((session) => session !== undefined);
  }

  /** Outside of hairpins there is at most one. */
  sessionOnAnyUplink(
    plan: Plan,
    protocol: number,
    internal: Endpoint,
    remote: Endpoint,
    kind: SessionKind,
  ): Session | undefined {
    const slots = plan.uplinks.map(({ slot }) => slot).sort((a, b) => a - b);
    const sessions = slots.map((slot) => this.session(slot, protocol, internal, remote, kind));
    return sessions.find((session) => session !== undefined);
  }

  /** Whether an internal endpoint knows a remote one, by any uplink. */
  isKnown(plan: Plan, protocol: number, internal: Endpoint, remote: Endpoint): boolean {
    return (['translated', 'gateway-sourced'] as const).some(
      (kind) => this.sessionOnAnyUplink(plan, protocol, internal, remote, kind) !== undefined,
    );
  }

  /** The mappings, live and resting, that hold an external endpoint. */
  holders(slot: number, protocol: number, external: Endpoint): readonly Mapping[] {
    return this.#byExternal.get(keyOf(slot, protocol, external)) ?? [];
  }

  allocationsOf(slot: number, epoch: number, protocol: number, externalAddress: number): number {
    return this.#allocations.get(poolKey({ slot, epoch, protocol, external: { address: externalAddress } })) ?? 0;
  }

  /** Counts a port that was chosen from a pool. */
  countAllocation(pool: Pool): void {
    increase(this.#allocations, poolKey(pool), 1);
  }

  restingPortsOf(pool: Pool): number {
    return this.#resting.get(poolKey(pool)) ?? 0;
  }

  /** Adds a mapping without sessions; a session has to follow at once. */
  add(endpoints: Omit<Mapping, 'sessions' | 'restsUntil'>): Mapping {
    const { slot, epoch, protocol, internal, external } = endpoints;
    const mapping: Mapping = { slot, epoch, protocol, internal, external, sessions: new Map() };
    this.#byInternal.set(keyOf(slot, protocol, internal), mapping);
    this.#byExternal.set(keyOf(slot, protocol, external), [...this.holders(slot, protocol, external), mapping]);
    this.#byHost.set(internal.address, (this.#byHost.get(internal.address) ?? new Set()).add(mapping));
    return mapping;
  }

  /** Adds a mapping that rests. */
  addResting(endpoints: Omit<Mapping, 'sessions' | 'restsUntil'>, restsUntil: Tick): void {
    this.add(endpoints).restsUntil = restsUntil;
    increase(this.#resting, poolKey(endpoints), 1);
  }

  /** Adds a session, which brings a resting mapping back to life. Its lifetime has to be set at once. */
  open(mapping: Mapping, session: Pick<Session, 'remote' | 'apparent' | 'openedFrom' | 'policy'>): Session {
    const opened: Session = { ...session, mapping, endTick: 0 };
    mapping.sessions.set(formatEndpoint(session.remote), opened);
    this.#wake(mapping);
    this.#sessionCount += 1;
    return opened;
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
    this.#rest(mapping, this.#tick, tickAfter(nowUs, this.#plan?.nat44.portRestMs ?? 0));
  }

  /** Takes a mapping out with all its sessions; its port does not rest. */
  remove(mapping: Mapping): void {
    const { slot, protocol, internal, external } = mapping;
    this.#sessionCount -= mapping.sessions.size;
    this.#wake(mapping);
    this.#byInternal.delete(keyOf(slot, protocol, internal));
    const others = this.holders(slot, protocol, external).filter((other) => other !== mapping);
    if (others.length === 0) {
      this.#byExternal.delete(keyOf(slot, protocol, external));
    } else {
      this.#byExternal.set(keyOf(slot, protocol, external), others);
    }
    const ofHost = this.#byHost.get(internal.address);
    ofHost?.delete(mapping);
    if (ofHost?.size === 0) {
      this.#byHost.delete(internal.address);
      this.#leftHosts.add(internal.address);
    }
  }

  /** The tick at which a mapping lost its last session, if that is now. */
  #expireSessions(mapping: Mapping): Tick | undefined {
    const dead = [...mapping.sessions.values()].filter((session) => session.endTick <= this.#tick);
    for (const session of dead) {
      mapping.sessions.delete(formatEndpoint(session.remote));
    }
    this.#sessionCount -= dead.length;
    const isLast = dead.length > 0 && mapping.sessions.size === 0;
    return isLast ? Math.max(...dead.map((session) => session.endTick)) : undefined;
  }

  /** Keeps the port of a mapping without sessions from others, or lets it go. */
  #rest(mapping: Mapping, from: Tick, until: Tick): void {
    const plan = this.#plan;
    if (plan !== undefined && until > from && mayRest(plan, mapping) && hasRoomToRest(plan, this, mapping)) {
      mapping.restsUntil = until;
      increase(this.#resting, poolKey(mapping), 1);
    } else {
      this.remove(mapping);
    }
  }

  #wake(mapping: Mapping): void {
    if (mapping.restsUntil !== undefined) {
      delete mapping.restsUntil;
      increase(this.#resting, poolKey(mapping), -1);
    }
  }

  #removeRested(tick: Tick): void {
    for (const mapping of this.all()) {
      if (mapping.restsUntil !== undefined && mapping.restsUntil <= tick) {
        this.remove(mapping);
      }
    }
  }
}

/** The session that a mapping has with a remote endpoint. */
export function sessionWith(mapping: Mapping, remote: Endpoint): Session | undefined {
  return mapping.sessions.get(formatEndpoint(remote));
}

/** The session that a mapping has with a remote endpoint as the site sees it. */
function sessionSeen(mapping: Mapping, remote: Endpoint, kind: SessionKind): Session | undefined {
  if (kind === 'translated') {
    const session = sessionWith(mapping, remote);
    return session?.apparent === undefined ? session : undefined;
  }
  return [...mapping.sessions.values()].find(
    ({ apparent }) => apparent !== undefined && sameEndpoint(apparent, remote),
  );
}

export function isLive(mapping: Mapping): boolean {
  return mapping.sessions.size > 0;
}

function liveOnly(mapping: Mapping | undefined): Mapping | undefined {
  return mapping !== undefined && isLive(mapping) ? mapping : undefined;
}

/** Mappings are per uplink and per protocol (MWAN-3, 7857-S5). */
function keyOf(slot: number, protocol: number, endpoint: Endpoint): string {
  return `${slot} ${protocol} ${formatEndpoint(endpoint)}`;
}

function poolKey({ slot, epoch, protocol, external }: Pool): string {
  return `${slot} ${epoch} ${protocol} ${external.address}`;
}

function increase(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
