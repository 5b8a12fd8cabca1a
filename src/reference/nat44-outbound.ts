/** The outbound leg of NAT44. Steps are those of "NAT44 outbound" in docs/decisions.md. */
import type { PlanUplink } from '../plan/plan.ts';
import type { Endpoint } from './address.ts';
import { type Flow, outboundFlow, withoutSession } from './flow.ts';
import { checkForwarding4 } from './forwarding.ts';
import { checkRoom } from './fragments.ts';
import { outboundError } from './icmp-error.ts';
import type { Mapping, Session } from './mapping-table.ts';
import { type Crossed, crossed, type Leg, type Nat44Context, routed } from './nat44-leg.ts';
import type { Ipv4Packet } from './packet.ts';
import { choosePort, pairedAddress, portRange } from './port-pool.ts';
import { hasConnections, ICMP, isPortless, TCP } from './protocol.ts';
import { withSource } from './rewrite.ts';
import { refreshOutbound, startSession } from './session-lifetime.ts';
import { newFlowUplink4, noUplink4, preferred, routedUplink, uplinkAt, usable4, viableElsewhere4 } from './steering.ts';
import { type Dropped, dropped, droppedWithReset, ERROR4 } from './verdict.ts';

/** What has to end before a flow goes on anew: a connection, or the mapping of a moved endpoint. */
type Ending = { readonly session: Session } | { readonly mapping: Mapping } | undefined;

/**
 * Translates a packet from the site.
 * @param target the uplink whose address a hairpinned packet was sent to
 */
export function outboundLeg(context: Nat44Context, packet: Ipv4Packet, target: PlanUplink | undefined): Leg {
  const flow = checkRoom(context, packet) ?? outboundFlow(context.plan, packet);
  if ('protocol' in flow) {
    if (flow.protocol === ICMP && target !== undefined) {
      return dropped('IcmpTypeNotForwarded'); // Whole echo requests are answered by the host role.
    }
    const session = liveSession(context, flow, target);
    if (session === undefined) {
      return newFlow(context, packet, flow, target, undefined);
    }
    return knownFlow(context, packet, flow, target, session);
  }
  const leg = flow.kind === 'icmp-error' ? outboundError(context, packet, target) : flow;
  if (leg.kind === 'crossed') {
    return target === undefined ? (checkForwarding4(context.plan, packet, leg.device) ?? leg) : leg;
  }
  const uplink = target === undefined ? routedUplink(newFlowUplink4(context.plan)) : undefined;
  return uplink === undefined ? leg : untranslated(context, packet, uplink, undefined);
}

/** Step 2: the session decides the uplink, unless that is down and another one is not. */
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
  const isDown = !usable4(uplink) && viableElsewhere4(plan, slot);
  if (target === undefined && isDown) {
    if (!hasConnections(flow.protocol)) {
      return newFlow(context, packet, flow, target, { mapping: session.mapping });
    }
    if (flow.opens) {
      return newFlow(context, packet, flow, target, { session });
    }
    // MWAN-2: never on another uplink in the middle of a connection.
    const silent = flow.protocol !== TCP || flow.event === 'RST';
    return silent ? dropped('UplinkDown') : droppedWithReset('UplinkDown');
  }
  const refused = target === undefined ? checkForwarding4(plan, packet, uplink.device) : undefined;
  return refused ?? translate(context, packet, session, uplink, flow);
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
  const uplink = target ?? uplinkOfEndpoint(context, flow) ?? newFlowUplink4(plan);
  const untranslatedBy = routedUplink(uplink);
  if (untranslatedBy !== undefined) {
    return untranslated(context, packet, untranslatedBy, ending);
  }
  if (!flow.opens) {
    const refused = withoutSession(flow);
    const silent = flow.protocol !== TCP || flow.event === 'RST' || target !== undefined;
    return silent ? refused : droppedWithReset(refused.reason);
  }
  if (uplink === undefined) {
    return noUplink4(plan);
  }
  const refused = target === undefined ? checkForwarding4(plan, packet, uplink.device) : undefined;
  if (refused !== undefined) {
    return refused;
  }
  end(context, ending);
  const session = openSession(context, flow, uplink);
  return 'kind' in session ? session : translate(context, packet, session, uplink, undefined);
}

function liveSession(context: Nat44Context, flow: Flow, target: PlanUplink | undefined): Session | undefined {
  const { plan, table } = context;
  const { protocol, source, destination } = flow;
  return target === undefined
    ? table.sessionOnAnyUplink(plan, protocol, source, destination)
    : table.session(target.slot, protocol, source, destination);
}

/** MWAN-3: of protocols without connections, a usable uplink on which the endpoint already has a mapping. */
function uplinkOfEndpoint(context: Nat44Context, flow: Flow): PlanUplink | undefined {
  if (hasConnections(flow.protocol)) {
    return undefined;
  }
  const hasMapping = ({ slot }: PlanUplink) =>
    context.table.liveMapping(slot, flow.protocol, flow.source) !== undefined;
  return preferred(context.plan).find((uplink) => usable4(uplink) && hasMapping(uplink));
}

function untranslated(context: Nat44Context, packet: Ipv4Packet, uplink: PlanUplink, ending: Ending): Leg {
  const refused = checkForwarding4(context.plan, packet, uplink.device);
  if (refused !== undefined) {
    return refused;
  }
  end(context, ending);
  return routed(packet, uplink.device);
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

/** Step 5: never at the cost of a live one (5508-R8a, 6888-R11d). */
function openSession(context: Nat44Context, flow: Flow, uplink: PlanUplink): Session | Dropped {
  const { table, options } = context;
  if (table.sessionCount >= options.sessionsMax) {
    return dropped('SessionTableFull', ERROR4.hostUnreachable); // 6888-R11a, 6888-R11b
  }
  const known =
    table.liveMapping(uplink.slot, flow.protocol, flow.source) ??
    table.restingMapping(uplink.slot, flow.protocol, flow.source);
  const mapping = known ?? newMapping(context, flow, uplink);
  if ('kind' in mapping) {
    return mapping;
  }
  const session = table.open(mapping, flow.destination, 'internal');
  startSession(context, session, flow, 'internal');
  return session;
}

function newMapping(context: Nat44Context, flow: Flow, uplink: PlanUplink): Mapping | Dropped {
  const { table, options } = context;
  if (table.mappingCount >= options.mappingsMax) {
    return dropped('MappingTableFull', ERROR4.hostUnreachable); // 6888-R11a, 6888-R11b
  }
  const external = chooseExternal(context, flow, uplink);
  if (external === undefined) {
    return dropped('PortPoolExhausted', ERROR4.hostUnreachable); // 7857-S4: no other address of the pool
  }
  const { slot, epoch } = uplink;
  return table.allocate({ slot, epoch, protocol: flow.protocol, internal: flow.source, external });
}

/** 4787-R3: no two endpoints ever share an external one. */
function chooseExternal(context: Nat44Context, flow: Flow, uplink: PlanUplink): Endpoint | undefined {
  const { table, options } = context;
  const { slot, epoch, ipv4 } = uplink;
  if (ipv4 === undefined) {
    throw new Error('a flow is only opened on an uplink with IPv4');
  }
  const { protocol, source: internal } = flow;
  const address = pairedAddress(options.secret, internal.address, ipv4.pool);
  if (isPortless(protocol)) {
    return { address, port: 0 };
  }
  const port = choosePort({
    secret: options.secret,
    protocol,
    internal,
    externalAddress: address,
    ports: portRange(protocol, internal.port, ipv4),
    counter: table.allocationsOf(slot, epoch, protocol, address),
    isFree: (candidate) => table.isFree(slot, protocol, { address, port: candidate }),
  });
  return port === undefined ? undefined : { address, port };
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
  return crossed(withSource(packet, session.mapping.external), uplink.device);
}
