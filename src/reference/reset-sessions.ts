/** TCP sessions that the gateway itself resets ("Reset sessions" in docs/decisions.md). */
import type { Plan } from '../plan/plan.ts';
import type { FilterSession, FilterSessions } from './filter-sessions.ts';
import { type MappingTable, type Session, tickAfter } from './mapping-table.ts';
import { resetOfSession4, resetOfSession6 } from './own-errors.ts';
import { fateOf } from './policies.ts';
import { externalPrefixOwner } from './prefix-pairs.ts';
import { TCP } from './protocol.ts';
import { externalOwner } from './static-mappings.ts';
import { internalRoute4, internalRoute6 } from './steering.ts';
import type { ConnectionEvent } from './tcp-machine.ts';
import type { OutgoingPacket } from './translator.ts';
import { type Dropped, dropped, droppedWithReset } from './verdict.ts';

const RESET_MS = 240_000;

type Resettable = Pick<Session, 'tcp' | 'endTick'> | Pick<FilterSession, 'tcp' | 'endTick'>;

export function isReset({ tcp }: Resettable): boolean {
  return tcp?.state === 'RESET';
}

/** Its host has sent nothing but SYNs, and goes on to until one of them opens the connection elsewhere. */
function isCalling({ tcp }: Resettable): boolean {
  return tcp?.state === 'INIT' && tcp.opener === 'internal';
}

/** Resets a session, if that has not been done: it lives for a fixed time from now on. */
export function resetSession(session: Resettable, nowUs: number): void {
  if (session.tcp !== undefined && !isReset(session)) {
    session.tcp = { ...session.tcp, state: 'RESET' };
    session.endTick = tickAfter(nowUs, RESET_MS);
  }
}

/** What becomes of a packet from inside that belongs to a reset session and opens nothing (MWAN-2). */
export function answerOfReset(event: ConnectionEvent | undefined): Dropped {
  return event === 'RST' ? dropped('UplinkDown') : droppedWithReset('UplinkDown');
}

/** Resets the connections of both families that have to leave their uplinks, and tells their hosts: they may be waiting only. */
export function resetAll(plan: Plan, table: MappingTable, filter: FilterSessions, nowUs: number): OutgoingPacket[] {
  const of4 = table
    .live()
    .flatMap((mapping) => [...mapping.sessions.values()])
    .filter((session) => isToBeReset4(plan, session));
  const of6 = filter.all().filter((session) => isToBeReset6(plan, session));
  for (const session of [...of4, ...of6]) {
    resetSession(session, nowUs);
  }
  return [...of4.flatMap((session) => reset4(plan, session)), ...of6.flatMap((session) => reset6(plan, session))];
}

function isToBeReset4(plan: Plan, session: Session): boolean {
  const { slot, protocol } = session.mapping;
  const { policy, remote, openedFrom } = session;
  const isHairpin = externalOwner(plan, remote.address) !== undefined;
  const fate = protocol === TCP ? fateOf(plan, 4, { slot, policy, protocol, openedFrom }) : 'keep';
  return fate === 'reset' && !isReset(session) && !isCalling(session) && !isHairpin;
}

function isToBeReset6(plan: Plan, session: FilterSession): boolean {
  const { slot, protocol, policy, remote, openedFrom } = session;
  const isHairpin = externalPrefixOwner(plan, remote.address) !== undefined;
  const fate = protocol === TCP ? fateOf(plan, 6, { slot, policy, protocol, openedFrom }) : 'keep';
  return fate === 'reset' && !isReset(session) && !isCalling(session) && !isHairpin;
}

function reset4(plan: Plan, { mapping, remote, apparent, track }: Session): OutgoingPacket[] {
  const { internal } = mapping;
  const device = internalRoute4(plan, internal.address);
  return device === undefined || track === undefined
    ? []
    : [{ device, octets: resetOfSession4(apparent ?? remote, internal, track), kind: 'TcpReset' }];
}

function reset6(plan: Plan, { internal, remote, track }: FilterSession): OutgoingPacket[] {
  const device = internalRoute6(plan, internal.address);
  return device === undefined || track === undefined
    ? []
    : [{ device, octets: resetOfSession6(remote, internal, track), kind: 'TcpReset' }];
}
