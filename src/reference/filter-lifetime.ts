/** Lifetimes of filter sessions: those of NAT44, and how connections begin that were there before ("Filter" in docs/decisions.md). */
import type { Plan, PlanNat44 } from '../plan/plan.ts';
import { type FilterFlow, type FilterProtocol, protocolNumber } from './filter-flow.ts';
import type { FilterSession } from './filter-sessions.ts';
import { tickAfter } from './mapping-table.ts';
import type { TcpHeader } from './packet.ts';
import { UDP, UDP_LITE } from './protocol.ts';
import { belongs, nextTrack, openTrack, type SequenceTrack } from './reset-check.ts';
import { connectionLifetimesMs } from './session-lifetime.ts';
import { openConnection, type Side, stepConnection, type TcpStep } from './tcp-machine.ts';

/** The widest that there is (RFC 7323 section 2.3). */
const UNKNOWN_WINDOW = 2 ** 30;

/** Gives a new session its first lifetime. */
export function startFilterSession(plan: Plan, session: FilterSession, flow: FilterFlow, nowUs: number): void {
  const side = session.openedFrom;
  if (flow.event === undefined) {
    refreshQuery(plan, session, nowUs);
    return;
  }
  const isMidstream = isUnderWay(flow, side);
  takeStep(plan, session, isMidstream ? pickUpConnection(side) : openConnection(side), nowUs);
  if (flow.segment !== undefined) {
    session.isPickedUp = isMidstream;
    session.track = isMidstream ? pickUpTrack(flow.segment) : firstTrack(side, flow.segment);
  }
}

/** A packet of a live session; those of protocols without connections refresh from inside only (6092-R16). */
export function refreshFilterSession(
  plan: Plan,
  session: FilterSession,
  flow: FilterFlow,
  side: Side,
  nowUs: number,
): void {
  if (flow.event !== undefined) {
    advance(plan, session, flow, side, nowUs);
  } else if (side === 'internal') {
    refreshQuery(plan, session, nowUs);
  }
}

function refreshQuery(plan: Plan, session: FilterSession, nowUs: number): void {
  session.endTick = tickAfter(nowUs, queryLifetimeMs(plan.nat44, session.protocol));
}

/** 6092-R12, 6092-R14. */
function queryLifetimeMs({ udpMs, otherMs }: PlanNat44, protocol: FilterProtocol): number {
  switch (protocol) {
    case UDP:
    case UDP_LITE:
      return udpMs; // 6092-R20
    default:
      return otherMs;
  }
}

function advance(plan: Plan, session: FilterSession, flow: FilterFlow, side: Side, nowUs: number): void {
  if (flow.event === undefined || session.tcp === undefined) {
    return;
  }
  const { state, opener } = session.tcp;
  const isStray = side === 'external' && flow.event === 'RST' && !belongsTo(session, flow); // 7857-S2.2
  const step = isStray ? undefined : stepConnection(state, opener, side, flow.event);
  if (step !== undefined) {
    takeStep(plan, session, step, nowUs);
  }
  if (flow.segment !== undefined && session.track !== undefined) {
    const isAnew = state === 'BOTH-FIN' && step?.state === 'INIT';
    follow(session, session.track, flow.segment, side, isAnew);
  }
}

/** DCCP and SCTP have no check. */
function belongsTo({ track }: FilterSession, { segment }: FilterFlow): boolean {
  return track === undefined || segment === undefined || belongs(track, segment);
}

function follow(session: FilterSession, track: SequenceTrack, segment: TcpHeader, side: Side, isAnew: boolean): void {
  if (segment.flags.rst) {
    return;
  }
  session.isPickedUp = session.isPickedUp === true && !segment.flags.syn;
  const next = isAnew ? openTrack(side, segment) : nextTrack(track, side, segment);
  session.track = session.isPickedUp ? { ...next, window: UNKNOWN_WINDOW } : next; // 6092-R32
}

/** Whether a packet that opens a session is none that a connection begins or is refused with (6092-R32, 6092-R40, 6092-R44). */
function isUnderWay({ segment, event }: FilterFlow, side: Side): boolean {
  return segment === undefined ? side === 'internal' && (event === 'FIN' || event === 'other') : !segment.flags.syn;
}

/** A connection that began before the filter could see it. */
function pickUpConnection(side: Side): TcpStep {
  return { state: 'ESTABLISHED', opener: side, lifetime: 'established' };
}

function pickUpTrack({ flags, acknowledgement }: TcpHeader): SequenceTrack {
  return { expected: flags.ack ? acknowledgement : 0, acknowledged: flags.ack, window: UNKNOWN_WINDOW, scales: {} };
}

/** A SYN of a simultaneous open may acknowledge the other one. */
function firstTrack(side: Side, segment: TcpHeader): SequenceTrack {
  const opened = openTrack(side, segment);
  return side === 'internal' && segment.flags.ack ? nextTrack(opened, side, segment) : opened;
}

function takeStep(plan: Plan, session: FilterSession, step: TcpStep, nowUs: number): void {
  session.tcp = { state: step.state, opener: step.opener };
  if (step.lifetime !== 'unchanged') {
    const lifetimes = connectionLifetimesMs(plan.nat44, protocolNumber(session.protocol)); // 6092-R35, 6092-R40, 6092-R44
    session.endTick = tickAfter(nowUs, lifetimes[step.lifetime]);
  }
}
