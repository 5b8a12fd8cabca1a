/** Lifetimes of sessions ("Lifetimes" in docs/decisions.md). */
import type { Flow } from './flow.ts';
import { type Session, tickAfter } from './mapping-table.ts';
import type { Nat44Context } from './nat44-leg.ts';
import { UDP } from './protocol.ts';
import { openTcp, type Side, stepTcp, type TcpStep } from './tcp-machine.ts';

/** Gives a new session its first lifetime; TCP remembers the side that opened it. */
export function startSession(context: Nat44Context, session: Session, flow: Flow, side: Side): void {
  if (flow.event === undefined) {
    refreshQuery(context, session);
  } else {
    takeStep(context, session, openTcp(side));
  }
}

/** An outbound packet of a session (4787-R6). */
export function refreshOutbound(context: Nat44Context, session: Session, flow: Flow): void {
  if (flow.event === undefined) {
    refreshQuery(context, session);
  } else {
    advanceTcp(context, session, flow, 'internal');
  }
}

/** An inbound packet of a session: UDP and ICMP are not refreshed from outside (4787-R6a). */
export function refreshInbound(context: Nat44Context, session: Session, flow: Flow): void {
  advanceTcp(context, session, flow, 'external');
}

function refreshQuery(context: Nat44Context, session: Session): void {
  const { udpMs, icmpMs } = context.plan.nat44;
  const lifetimeMs = session.mapping.protocol === UDP ? udpMs : icmpMs; // 4787-R5, 5508-R2
  session.endTick = tickAfter(context.nowUs, lifetimeMs);
}

function advanceTcp(context: Nat44Context, session: Session, flow: Flow, side: Side): void {
  if (flow.event !== undefined && session.tcp !== undefined) {
    takeStep(context, session, stepTcp(session.tcp.state, session.tcp.opener, side, flow.event));
  }
}

function takeStep(context: Nat44Context, session: Session, step: TcpStep): void {
  const { tcpClosingMs, tcpEstablishedMs } = context.plan.nat44; // 5382-R5
  session.tcp = { state: step.state, opener: step.opener };
  if (step.lifetime !== 'unchanged') {
    const lifetimeMs = step.lifetime === 'transitory' ? tcpClosingMs : tcpEstablishedMs;
    session.endTick = tickAfter(context.nowUs, lifetimeMs);
  }
}
