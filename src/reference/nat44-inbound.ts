/** The inbound leg of NAT44. Steps are those of "NAT44 inbound" in docs/decisions.md. */
import type { PlanFiltering, PlanUplink } from '../plan/plan.ts';
import type { Endpoint } from './address.ts';
import { type Flow, inboundFlow, withoutSession } from './flow.ts';
import type { ForwardingCheck } from './forwarding.ts';
import { inboundError } from './icmp-error.ts';
import type { Mapping, Session } from './mapping-table.ts';
import { crossed, type Leg, type Nat44Context } from './nat44-leg.ts';
import type { Ipv4Packet } from './packet.ts';
import { DCCP, hasConnections, isPortless, TCP, UDP, UDP_LITE } from './protocol.ts';
import { withDestination } from './rewrite.ts';
import { refreshInbound, startSession } from './session-lifetime.ts';
import { internalRoute4 } from './steering.ts';
import { type Dropped, dropped, droppedUnsolicited, ERROR4 } from './verdict.ts';

/**
 * Translates a packet to an external address of an uplink.
 * @param check what the packet has to pass before it may go to an internal device
 */
export function inboundLeg(context: Nat44Context, packet: Ipv4Packet, uplink: PlanUplink, check: ForwardingCheck): Leg {
  const flow = inboundFlow(context.plan, packet);
  if ('protocol' in flow) {
    return inboundPacket(context, packet, flow, uplink, check);
  }
  if (flow.kind === 'dropped') {
    return flow;
  }
  const error = inboundError(context, packet, uplink);
  if ('kind' in error) {
    return error;
  }
  const device = routeTo(context, packet, error.internalAddress, check);
  return typeof device === 'number' ? crossed(error.packet, device) : device;
}

function inboundPacket(
  context: Nat44Context,
  packet: Ipv4Packet,
  flow: Flow,
  uplink: PlanUplink,
  check: ForwardingCheck,
): Leg {
  const { protocol, source, destination } = flow;
  const session = context.table.sessionOfExternal(uplink.slot, protocol, destination, source);
  const mapping =
    session === undefined && !isPortless(protocol)
      ? context.table.liveMappingOf(uplink.slot, protocol, destination)
      : session?.mapping;
  if (mapping === undefined) {
    return droppedUnsolicited('NoMapping');
  }
  const refused = session === undefined ? refusal(context, mapping, flow) : undefined;
  if (refused !== undefined) {
    return refused;
  }
  const device = routeTo(context, packet, mapping.internal.address, check);
  if (typeof device !== 'number') {
    return device;
  }
  if (session !== undefined) {
    refreshInbound(context, session, flow);
  } else if (hasConnections(protocol)) {
    const opened = openSession(context, mapping, flow);
    if ('kind' in opened) {
      return opened;
    }
  }
  return crossed(withDestination(packet, mapping.internal), device);
}

/** Step 3: filtering (4787-R8), which is per protocol (7857-S6). Nothing refused refreshes (7857-S7). */
function refusal(context: Nat44Context, mapping: Mapping, flow: Flow): Dropped | undefined {
  if (!admits(filteringOf(context, flow.protocol), mapping, flow.source)) {
    const { refuseFiltered } = context.plan.nat44;
    return droppedUnsolicited('FilteredInbound', refuseFiltered ? ERROR4.prohibited : undefined); // 1812-13
  }
  if (!flow.opens) {
    return withoutSession(flow);
  }
  const { plan, table } = context;
  const { protocol, source } = flow;
  const isKnown = () => table.sessionOnAnyUplink(plan, protocol, mapping.internal, source) !== undefined;
  if (hasConnections(protocol) && isKnown()) {
    return dropped('FilteredInbound'); // The host knows the connection by these two endpoints only.
  }
  return undefined;
}

function filteringOf(context: Nat44Context, protocol: number): PlanFiltering {
  const { filteringUdp, filteringTcp, filteringIcmp, filteringDccp } = context.plan.nat44;
  switch (protocol) {
    case UDP:
    case UDP_LITE:
      return filteringUdp;
    case TCP:
      return filteringTcp;
    case DCCP:
      return filteringDccp;
    default:
      return filteringIcmp;
  }
}

function admits(filtering: PlanFiltering, mapping: Mapping, remote: Endpoint): boolean {
  switch (filtering) {
    case 'endpoint-independent':
      return true;
    case 'address-dependent':
      return [...mapping.sessions.values()].some((session) => session.remote.address === remote.address);
    case 'address-and-port-dependent':
      return false;
  }
}

/** Step 4: the device towards an internal address, or why the packet cannot go there. */
function routeTo(context: Nat44Context, packet: Ipv4Packet, address: number, check: ForwardingCheck): number | Dropped {
  const device = internalRoute4(context.plan, address);
  if (device === undefined) {
    return dropped('NoRoute');
  }
  return check(context.plan, packet, device) ?? device;
}

function openSession(context: Nat44Context, mapping: Mapping, flow: Flow): Session | Dropped {
  const { table, options } = context;
  if (table.sessionCount >= options.sessionsMax) {
    return dropped('SessionTableFull');
  }
  const session = table.open(mapping, flow.source, 'external');
  startSession(context, session, flow, 'external');
  return session;
}
