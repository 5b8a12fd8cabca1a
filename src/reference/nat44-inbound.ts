/** The inbound leg of NAT44. Steps are those of "NAT44 inbound" in docs/decisions.md. */
import type { PlanFiltering, PlanUplink } from '../plan/plan.ts';
import type { Endpoint } from './address.ts';
import { apparentAddress } from './apparent-endpoint.ts';
import { type Flow, inboundFlow, withoutSession } from './flow.ts';
import type { ForwardingCheck } from './forwarding.ts';
import { inboundError } from './icmp-error.ts';
import type { Mapping } from './mapping-table.ts';
import { crossed, type Leg, type Nat44Context, ownedBy } from './nat44-leg.ts';
import type { Ipv4Packet } from './packet.ts';
import { DCCP, hasConnections, isPortless, TCP, UDP, UDP_LITE } from './protocol.ts';
import { isReset } from './reset-sessions.ts';
import { withDestination, withSource } from './rewrite.ts';
import { refreshInbound } from './session-lifetime.ts';
import { openAdmitted, openPublished } from './session-opening.ts';
import { isWhollyPublished, type StaticPair, staticOfExternal } from './static-mappings.ts';
import { internalRoute4 } from './steering.ts';
import { type Dropped, dropped, droppedUnsolicited, ERROR4 } from './verdict.ts';

/**
 * Translates a packet to an external address of an uplink.
 * @param check what the packet has to pass before it may go to an internal device
 */
export function inboundLeg(context: Nat44Context, packet: Ipv4Packet, uplink: PlanUplink, check: ForwardingCheck): Leg {
  const flow = inboundFlow(context.plan, packet);
  if ('protocol' in flow) {
    const isQuery = flow.echo !== 'request' || isWhollyPublished(context.plan, uplink.slot, packet.destination);
    const { protocol, destination: external, source: remote } = flow;
    const owner = context.workers.ofExternal(context.plan, { slot: uplink.slot, protocol, external, remote });
    return isQuery
      ? inboundPacket({ context: ownedBy(context, owner), packet, flow, uplink, check })
      : dropped('IcmpTypeNotForwarded');
  }
  if (flow.kind === 'dropped') {
    return flow;
  }
  const error = inboundError(context, packet, uplink);
  if ('kind' in error) {
    return error;
  }
  const device = routeTo({ context, packet, check }, error.internalAddress);
  return typeof device === 'number' ? crossed(error, error.packet, device, { isSourceNew: false }) : device;
}

interface Arrival {
  readonly context: Nat44Context;
  readonly packet: Ipv4Packet;
  readonly flow: Flow;
  readonly uplink: PlanUplink;
  readonly check: ForwardingCheck;
}

/** Step 2: a session, else a static mapping, else a mapping. */
function inboundPacket(arrival: Arrival): Leg {
  const { context, packet, flow, uplink } = arrival;
  const { plan, table } = context;
  const { protocol, source, destination } = flow;
  const session = table.sessionOfExternal(uplink.slot, protocol, destination, source);
  if (session !== undefined) {
    if (isReset(session)) {
      return dropped('UplinkDown'); // MWAN-2
    }
    const device = routeTo(arrival, session.mapping.internal.address);
    if (typeof device !== 'number') {
      return device;
    }
    refreshInbound(context, session, flow);
    return delivered(context, packet, session.mapping.internal, session.apparent, device);
  }
  const pair = staticOfExternal(plan, uplink.slot, protocol, destination);
  return pair === undefined ? unpublishedPacket(arrival) : publishedPacket(arrival, pair);
}

/** Steps 3 to 5. */
function unpublishedPacket(arrival: Arrival): Leg {
  const { context, packet, flow, uplink } = arrival;
  const { protocol, destination } = flow;
  const mapping = isPortless(protocol) ? undefined : context.table.liveMappingOf(uplink.slot, protocol, destination);
  if (mapping === undefined) {
    return droppedUnsolicited('NoMapping');
  }
  const refused = refusal(context, mapping, flow);
  if (refused !== undefined) {
    return refused;
  }
  const device = routeTo(arrival, mapping.internal.address);
  if (typeof device !== 'number') {
    return device;
  }
  const opened = hasConnections(protocol) ? openAdmitted(context, flow, uplink, mapping) : undefined;
  return typeof opened === 'string' ? dropped(opened) : delivered(context, packet, mapping.internal, undefined, device);
}

/** "Published servers": nothing is filtered, and every protocol opens a session, so that its uplink answers (MWAN-4). */
function publishedPacket(arrival: Arrival, pair: StaticPair): Leg {
  const { context, packet, flow, uplink } = arrival;
  const { plan, table } = context;
  const { protocol, source } = flow;
  if (!flow.opens) {
    return withoutSession(flow);
  }
  if (flow.echo === 'reply') {
    return dropped('NoMapping');
  }
  const { internal, gatewaySource } = pair;
  const isKnown = !gatewaySource && table.isKnown(plan, protocol, internal, source);
  if (isKnown && hasConnections(protocol)) {
    return dropped('FilteredInbound'); // The host knows the connection by these two endpoints only.
  }
  const device = routeTo(arrival, internal.address, gatewaySource);
  if (typeof device !== 'number') {
    return device;
  }
  if (isKnown) {
    return delivered(context, packet, internal, undefined, device);
  }
  const address = gatewaySource ? apparentAddress(context, device) : undefined;
  const opened = openPublished(context, flow, uplink, pair, address);
  return typeof opened === 'string' ? dropped(opened) : delivered(context, packet, internal, opened.apparent, device);
}

function delivered(
  context: Nat44Context,
  packet: Ipv4Packet,
  internal: Endpoint,
  apparent: Endpoint | undefined,
  device: number,
): Leg {
  const toInternal = withDestination(packet, internal);
  const translated = apparent === undefined ? toInternal : withSource(toInternal, apparent);
  return crossed(context, translated, device, { isSourceNew: apparent !== undefined });
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
  if (hasConnections(protocol) && table.isKnown(plan, protocol, mapping.internal, source)) {
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

/**
 * Step 4: the device towards an internal address, or why the packet cannot go there.
 * @param asGateway whether the gateway needs an address on that device
 */
function routeTo(
  { context, packet, check }: Pick<Arrival, 'context' | 'packet' | 'check'>,
  address: number,
  asGateway = false,
): number | Dropped {
  const device = internalRoute4(context.plan, address);
  if (device === undefined || (asGateway && apparentAddress(context, device) === undefined)) {
    return dropped('NoRoute');
  }
  return check(context.plan, packet, device) ?? device;
}
