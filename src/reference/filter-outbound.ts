/** What the filter says about a packet from the site. Steps are those of "Filter", outbound, in docs/decisions.md. */
import type { PlanUplink } from '../plan/plan.ts';
import { type FilterFlow, filterFlow, isConnection, protocolNumber, quotedEnds } from './filter-flow.ts';
import { refreshFilterSession } from './filter-lifetime.ts';
import { hasRoom, openFilterSession } from './filter-opening.ts';
import type { FilterSession } from './filter-sessions.ts';
import { type Ipv6Context, ownedBy6 } from './ipv6-leg.ts';
import { noUplink6 } from './no-uplink.ts';
import { checkQuote, isIcmpError6 } from './nptv6-packet.ts';
import type { Ipv6Packet } from './packet.ts';
import { fateOf, isUsable, newFlowUplink, preferenceOrder } from './policies.ts';
import { DCCP, TCP } from './protocol.ts';
import { answerOfReset, isReset, resetSession } from './reset-sessions.ts';
import { uplinkAt } from './steering.ts';
import { trafficOfFlow6 } from './traffic.ts';
import { type Dropped, dropped, ERROR6 } from './verdict.ts';

export interface OutboundPermit {
  /** The one that the packet leaves by, if nothing else speaks against it. */
  readonly uplink: PlanUplink;
  /**
   * Opens or refreshes the session when the packet may leave; a new one may find no room.
   * @param external what the source has become
   */
  readonly commit: (external: bigint) => Dropped | undefined;
}

/** @param target the uplink whose prefix a hairpinned packet was sent to */
export function permitOutbound(
  context: Ipv6Context,
  packet: Ipv6Packet,
  target: PlanUplink | undefined,
): OutboundPermit | Dropped {
  if (isIcmpError6(packet)) {
    return permitError(context, packet, target);
  }
  const flow = filterFlow(packet, 'internal');
  if ('kind' in flow) {
    return flow;
  }
  const { plan, filter } = context;
  const session = target === undefined ? filter.onAnyUplink(plan, flow) : filter.on(target.slot, flow);
  return session === undefined
    ? newFlow(context, packet, flow, target, [])
    : knownFlow(context, packet, flow, target, session);
}

/** Step 2: it goes where the packet came from that it is about (6092-R10, 6092-R18, 6092-R36); no state ends or begins (6092-R19, 6092-R37). */
function permitError(
  context: Ipv6Context,
  packet: Ipv6Packet,
  target: PlanUplink | undefined,
): OutboundPermit | Dropped {
  const wrongQuote = checkQuote(packet);
  if (wrongQuote !== undefined) {
    return wrongQuote;
  }
  const { plan } = context;
  const ends = quotedEnds(packet, 'external');
  if (ends === undefined) {
    return dropped('IcmpQuoteUnknown');
  }
  const { filter } = ownedBy6(context, ends.internal.address);
  const isKnownOn = ({ slot }: PlanUplink) => filter.ofEndpoint(slot, ends.protocol, ends.internal).length > 0;
  const session = target === undefined ? filter.onAnyUplink(plan, ends) : filter.on(target.slot, ends);
  const candidates = target === undefined ? preferenceOrder(plan) : [target];
  const uplink = session === undefined ? candidates.find(isKnownOn) : uplinkAt(plan, session.slot);
  return uplink === undefined ? dropped('IcmpQuoteUnknown') : { uplink, commit: () => undefined };
}

/** Step 3: the session decides the uplink, unless it has been reset, or that is to be left. */
function knownFlow(
  context: Ipv6Context,
  packet: Ipv6Packet,
  flow: FilterFlow,
  target: PlanUplink | undefined,
  session: FilterSession,
): OutboundPermit | Dropped {
  const { plan, nowUs } = context;
  const uplink = uplinkAt(plan, session.slot);
  if (uplink === undefined) {
    throw new Error('a live session is on an uplink of the plan');
  }
  const { slot, policy, openedFrom } = session;
  const protocol = protocolNumber(flow.protocol);
  const fate = isReset(session) ? 'reset' : fateOf(plan, 6, { slot, policy, protocol, openedFrom });
  if (target === undefined && fate !== 'keep') {
    return leavingFlow(context, packet, flow, session, fate);
  }
  const commit = () => {
    refreshFilterSession(plan, session, flow, 'internal', nowUs);
    return undefined;
  };
  return { uplink, commit };
}

/** By the action of its protocol. */
function leavingFlow(
  context: Ipv6Context,
  packet: Ipv6Packet,
  flow: FilterFlow,
  session: FilterSession,
  action: 'move' | 'reset',
): OutboundPermit | Dropped {
  const { plan, filter, nowUs } = context;
  if (flow.protocol === TCP) {
    if (flow.opens) {
      return newFlow(context, packet, flow, undefined, [session]);
    }
    resetSession(session, nowUs);
    return answerOfReset(flow.event); // MWAN-2: the other uplink would give it another source.
  }
  if (session.openedFrom === 'external') {
    filter.end(session);
    return dropped('UplinkDown'); // MWAN-4
  }
  if (action === 'reset' && !(flow.protocol === DCCP && flow.opens)) {
    return dropped('UplinkDown', ERROR6.noRoute);
  }
  // Of an uplink that works each flow leaves with a packet of its own.
  const ending = isUsable(plan, 6, session.slot)
    ? [session]
    : filter.ofEndpoint(session.slot, flow.protocol, flow.internal);
  return newFlow(context, packet, flow, undefined, ending);
}

/**
 * Step 4 and what is left of 5.
 * @param ending sessions that the flow leaves behind
 */
function newFlow(
  context: Ipv6Context,
  packet: Ipv6Packet,
  flow: FilterFlow,
  target: PlanUplink | undefined,
  ending: readonly FilterSession[],
): OutboundPermit | Dropped {
  const { filter } = context;
  if (flow.segment?.flags.rst === true) {
    return dropped('TcpWithoutSession');
  }
  if (flow.echo === 'reply') {
    return dropped('IcmpTypeNotForwarded');
  }
  const sticks = (one: PlanUplink) => isEndpointOn(context, flow, one);
  const uplink = target ?? newFlowUplink(context, trafficOfFlow6(flow), sticks);
  if (uplink === undefined) {
    return noUplink6(packet);
  }
  const commit = (external: bigint) => {
    for (const session of ending) {
      filter.end(session);
    }
    if (!hasRoom(context)) {
      return dropped('SessionTableFull', ERROR6.addressUnreachable); // 6888-R11b
    }
    openFilterSession(context, flow, uplink, { external, openedFrom: 'internal' });
    return undefined;
  };
  return { uplink, commit };
}

/** MWAN-3: whether the endpoint, of a protocol without connections, already speaks on an uplink. */
function isEndpointOn({ filter }: Ipv6Context, { protocol, internal }: FilterFlow, { slot }: PlanUplink): boolean {
  return !isConnection(protocol) && filter.ofEndpoint(slot, protocol, internal).length > 0;
}
