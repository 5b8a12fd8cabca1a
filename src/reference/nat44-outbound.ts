/** The outbound leg of NAT44. Steps are those of "NAT44 outbound" in docs/decisions.md. */
import type { PlanUplink } from '../plan/plan.ts';
import { type Flow, outboundFlow, withoutSession } from './flow.ts';
import { checkForwarding4 } from './forwarding.ts';
import { checkRoom } from './fragments.ts';
import { outboundError } from './icmp-error.ts';
import type { Mapping, Session } from './mapping-table.ts';
import { type Crossed, crossed, type Leg, type Nat44Context, type OutboundWay, ownedBy, routed } from './nat44-leg.ts';
import { noUplink4 } from './no-uplink.ts';
import type { Ipv4Packet } from './packet.ts';
import { fateOf, isUsable, newFlowUplink, policyNumberOf } from './policies.ts';
import { hasConnections, TCP } from './protocol.ts';
import { answerOfReset, isReset, resetSession } from './reset-sessions.ts';
import { withDestination, withSource } from './rewrite.ts';
import { refreshOutbound } from './session-lifetime.ts';
import { openFromInside } from './session-opening.ts';
import { isWhollyPublished } from './static-mappings.ts';
import { routedUplink, uplinkAt } from './steering.ts';
import { traffic4 } from './traffic.ts';
import { type Dropped, dropped, droppedWithReset, ERROR4 } from './verdict.ts';

/** What has to end before a flow goes on anew: a connection, or the mapping of a moved endpoint. */
type Ending = { readonly session: Session } | { readonly mapping: Mapping } | undefined;

/** Translates a packet from the site. */
export function outboundLeg(context: Nat44Context, packet: Ipv4Packet, way: OutboundWay): Leg {
  const flow = checkRoom(context, packet) ?? outboundFlow(context.plan, packet);
  if ('protocol' in flow) {
    const owner = context.workers.ofFlow(flow.protocol, flow.source, flow.destination);
    return flowLeg(ownedBy(context, owner), packet, flow, way);
  }
  const leg = flow.kind === 'icmp-error' ? outboundError(context, packet, way) : flow;
  if (leg.kind === 'dropped') {
    return unlessRouted(context, packet, way, leg);
  }
  return way.target === undefined ? (checkForwarding4(context.plan, packet, leg.device) ?? leg) : leg;
}

function flowLeg(context: Nat44Context, packet: Ipv4Packet, flow: Flow, way: OutboundWay): Leg {
  const session = liveSession(context, flow, way);
  const refused = refuseEcho(context, packet, flow, way.target, session);
  if (refused !== undefined) {
    return unlessRouted(context, packet, way, refused);
  }
  return session === undefined
    ? newFlow(context, packet, flow, way.target, undefined)
    : knownFlow(context, packet, flow, way.target, session);
}

/** What NAT44 refuses is none of its business where new flows are routed untranslated. */
function unlessRouted(context: Nat44Context, packet: Ipv4Packet, { target }: OutboundWay, refused: Dropped): Leg {
  const uplink = target === undefined ? routedUplink(newFlowUplink(context, traffic4(packet))) : undefined;
  return uplink === undefined ? refused : untranslated(context, packet, uplink, undefined);
}

/** Requests from the site are queries, and both kinds are between a wholly published host and others. */
function refuseEcho(
  { plan }: Nat44Context,
  packet: Ipv4Packet,
  { echo }: Flow,
  target: PlanUplink | undefined,
  session: Session | undefined,
): Dropped | undefined {
  const isPublished =
    echo === 'reply'
      ? session !== undefined && isWhollyPublished(plan, session.mapping.slot, session.mapping.external.address)
      : target === undefined || isWhollyPublished(plan, target.slot, packet.destination);
  return echo === undefined || isPublished ? undefined : dropped('IcmpTypeNotForwarded');
}

/** Step 2: the session decides the uplink, unless it has been reset, or that is to be left. */
function knownFlow(
  context: Nat44Context,
  packet: Ipv4Packet,
  flow: Flow,
  target: PlanUplink | undefined,
  session: Session,
): Leg {
  const { plan } = context;
  const { slot } = session.mapping;
  const uplink = uplinkAt(plan, slot);
  if (uplink === undefined) {
    throw new Error('a live session is on an uplink of the plan');
  }
  const { policy, openedFrom } = session;
  const fate = isReset(session) ? 'reset' : fateOf(plan, 4, { slot, policy, protocol: flow.protocol, openedFrom });
  if (target === undefined && fate !== 'keep') {
    return leavingFlow(context, packet, flow, session, fate);
  }
  const refused = target === undefined ? checkForwarding4(plan, packet, uplink.device) : undefined;
  return refused ?? translate(context, packet, session, uplink, flow);
}

/** By the action of its protocol. */
function leavingFlow(
  context: Nat44Context,
  packet: Ipv4Packet,
  flow: Flow,
  session: Session,
  action: 'move' | 'reset',
): Leg {
  if (hasConnections(flow.protocol) && flow.opens && session.apparent === undefined) {
    return newFlow(context, packet, flow, undefined, { session });
  }
  if (flow.protocol === TCP) {
    resetSession(session, context.nowUs);
    return answerOfReset(flow.event); // MWAN-2: never on another uplink in the middle of a connection.
  }
  const isOwn = session.openedFrom === 'internal';
  if (hasConnections(flow.protocol)) {
    return dropped('UplinkDown', action === 'reset' && isOwn ? ERROR4.hostUnreachable : undefined);
  }
  if (!isOwn) {
    context.table.endSession(session, context.nowUs);
    return dropped('UplinkDown'); // MWAN-4
  }
  if (action === 'reset') {
    return dropped('UplinkDown', ERROR4.hostUnreachable);
  }
  // Of an uplink that works each flow leaves with a packet of its own.
  const { mapping } = session;
  return newFlow(context, packet, flow, undefined, isUsable(context.plan, 4, mapping.slot) ? { session } : { mapping });
}

/** Step 3 and those after it. */
function newFlow(
  context: Nat44Context,
  packet: Ipv4Packet,
  flow: Flow,
  target: PlanUplink | undefined,
  ending: Ending,
): Leg {
  const { plan } = context;
  const traffic = traffic4(packet);
  const uplink = target ?? newFlowUplink(context, traffic, (one) => isEndpointOn(context, flow, one));
  const untranslatedBy = routedUplink(uplink);
  if (untranslatedBy !== undefined) {
    return untranslated(context, packet, untranslatedBy, ending);
  }
  if (flow.echo === 'reply') {
    return dropped('IcmpTypeNotForwarded'); // also one whose mapping would move
  }
  if (!flow.opens) {
    const refused = withoutSession(flow);
    const silent = flow.protocol !== TCP || flow.event === 'RST' || target !== undefined;
    return silent ? refused : droppedWithReset(refused.reason);
  }
  if (uplink === undefined) {
    return noUplink4(plan, packet);
  }
  const refused = target === undefined ? checkForwarding4(plan, packet, uplink.device) : undefined;
  if (refused !== undefined) {
    return refused;
  }
  end(context, ending);
  const session = openFromInside(context, flow, uplink, policyNumberOf(plan, traffic));
  return typeof session === 'string'
    ? dropped(session, ERROR4.hostUnreachable) // 6888-R11b
    : translate(context, packet, session, uplink, undefined);
}

function liveSession(context: Nat44Context, flow: Flow, { target, gatewaySourced }: OutboundWay): Session | undefined {
  const { plan, table } = context;
  const { protocol, source, destination } = flow;
  if (gatewaySourced !== undefined) {
    return gatewaySourced;
  }
  return target === undefined
    ? table.sessionOnAnyUplink(plan, protocol, source, destination, 'translated')
    : table.session(target.slot, protocol, source, destination, 'translated');
}

/** MWAN-3: whether the endpoint, of a protocol without connections, has a mapping on an uplink already. */
function isEndpointOn({ table }: Nat44Context, { protocol, source }: Flow, { slot }: PlanUplink): boolean {
  return !hasConnections(protocol) && table.liveMapping(slot, protocol, source) !== undefined;
}

function untranslated(context: Nat44Context, packet: Ipv4Packet, uplink: PlanUplink, ending: Ending): Leg {
  const refused = checkForwarding4(context.plan, packet, uplink.device);
  if (refused !== undefined) {
    return refused;
  }
  end(context, ending);
  return routed(context, packet, uplink.device);
}

function end(context: Nat44Context, ending: Ending): void {
  if (ending === undefined) {
    return;
  }
  if ('session' in ending) {
    context.table.endSession(ending.session, context.nowUs);
  } else {
    context.table.endMapping(ending.mapping, context.nowUs);
  }
}

/** Step 6; `flow` is absent when the session has just been opened by this very packet. */
function translate(
  context: Nat44Context,
  packet: Ipv4Packet,
  session: Session,
  uplink: PlanUplink,
  flow: Flow | undefined,
): Crossed {
  if (flow !== undefined) {
    refreshOutbound(context, session, flow); // 4787-R6
  }
  const fromExternal = withSource(packet, session.mapping.external);
  const translated = session.apparent === undefined ? fromExternal : withDestination(fromExternal, session.remote);
  return crossed(context, translated, uplink.device, { isSourceNew: true });
}
