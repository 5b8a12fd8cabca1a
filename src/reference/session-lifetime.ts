/** Lifetimes of sessions ("Lifetimes" in docs/decisions.md). */
import type { PlanNat44 } from '../plan/plan.ts';
import { formatEndpoint } from './address.ts';
import type { Flow } from './flow.ts';
import { type Session, tickAfter } from './mapping-table.ts';
import type { Nat44Context } from './nat44-leg.ts';
import { DCCP, ICMP, UDP, UDP_LITE } from './protocol.ts';
import { belongs, nextTrack, openTrack } from './reset-check.ts';
import { openConnection, type Side, stepConnection, type TcpStep } from './tcp-machine.ts';

/** Gives a new session its first lifetime; a connection remembers the side that opened it. What was held for it is over. */
export function startSession(context: Nat44Context, session: Session, flow: Flow, side: Side): void {
  const { mapping, remote } = session;
  context.held.discard(mapping.slot, mapping.protocol, formatEndpoint(mapping.external), formatEndpoint(remote));
  if (flow.event === undefined) {
    refreshQuery(context, session);
  } else {
    takeStep(context, session, openConnection(side));
  }
  if (flow.segment !== undefined) {
    session.track = openTrack(side, flow.segment);
  }
}

/** An outbound packet of a session (4787-R6). */
export function refreshOutbound(context: Nat44Context, session: Session, flow: Flow): void {
  if (flow.event === undefined) {
    refreshQuery(context, session);
  } else {
    advance(context, session, flow, 'internal');
  }
}

/** An inbound packet of a session: those of protocols without connections are not refreshed from outside (4787-R6a). */
export function refreshInbound(context: Nat44Context, session: Session, flow: Flow): void {
  advance(context, session, flow, 'external');
}

function refreshQuery(context: Nat44Context, session: Session): void {
  session.endTick = tickAfter(context.nowUs, queryLifetimeMs(context.plan.nat44, session.mapping.protocol));
}

function queryLifetimeMs({ udpMs, icmpMs, otherMs }: PlanNat44, protocol: number): number {
  switch (protocol) {
    case UDP:
    case UDP_LITE:
      return udpMs; // 4787-R5, UDPL-1
    case ICMP:
      return icmpMs; // 5508-R2
    default:
      return otherMs; // OTHER-2
  }
}

function advance(context: Nat44Context, session: Session, flow: Flow, side: Side): void {
  if (flow.event === undefined || session.tcp === undefined) {
    return;
  }
  const { state, opener } = session.tcp;
  const isStray = side === 'external' && flow.event === 'RST' && !belongsTo(session, flow); // 7857-S2.2, 5382-sec2
  const step = isStray ? undefined : stepConnection(state, opener, side, flow.event);
  if (step !== undefined) {
    takeStep(context, session, step);
  }
  if (flow.segment !== undefined && session.track !== undefined) {
    const isAnew = state === 'BOTH-FIN' && step?.state === 'INIT';
    session.track = isAnew ? openTrack(side, flow.segment) : nextTrack(session.track, side, flow.segment);
  }
}

/** DCCP has no check. */
function belongsTo({ track }: Session, { segment }: Flow): boolean {
  return track === undefined || segment === undefined || belongs(track, segment);
}

function takeStep(context: Nat44Context, session: Session, step: TcpStep): void {
  session.tcp = { state: step.state, opener: step.opener };
  if (step.lifetime !== 'unchanged') {
    const lifetimes = connectionLifetimesMs(context.plan.nat44, session.mapping.protocol);
    session.endTick = tickAfter(context.nowUs, lifetimes[step.lifetime]);
  }
}

/** 5382-R5, 7857-S2.1; DCCP has one transitory lifetime (5597-R5). */
export function connectionLifetimesMs(
  nat44: PlanNat44,
  protocol: number,
): Record<'opening' | 'established' | 'closing', number> {
  const { dccpTransitoryMs, dccpEstablishedMs, tcpOpeningMs, tcpEstablishedMs, tcpClosingMs } = nat44;
  return protocol === DCCP
    ? { opening: dccpTransitoryMs, established: dccpEstablishedMs, closing: dccpTransitoryMs }
    : { opening: tcpOpeningMs, established: tcpEstablishedMs, closing: tcpClosingMs };
}
