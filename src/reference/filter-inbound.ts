/** What the filter says about a packet from an uplink. Steps are those of "Filter", inbound, in docs/decisions.md. */
import type { PlanFilter6, PlanFiltering, PlanPublished6, PlanUplink } from '../plan/plan.ts';
import { ipv6FromOctets } from './address.ts';
import {
  type FilterEnds,
  type FilterFlow,
  filterFlow,
  isConnection,
  protocolNumber,
  quotedEnds,
} from './filter-flow.ts';
import { refreshFilterSession } from './filter-lifetime.ts';
import { hasRoom, openFilterSession } from './filter-opening.ts';
import type { Ipv6Context } from './ipv6-leg.ts';
import { isIcmpError6 } from './nptv6-packet.ts';
import type { Ipv6Packet } from './packet.ts';
import { AH, ESP, TCP, UDP, UDP_LITE } from './protocol.ts';
import { isReset } from './reset-sessions.ts';
import { type Dropped, dropped, droppedUnsolicited, ERROR6 } from './verdict.ts';

const NO_NEXT_HEADER = 59;
const IKE_PORT = 500;

export interface InboundPermit {
  /** Opens or refreshes the session when the packet may go on; a new one may find no room. */
  readonly commit: () => Dropped | undefined;
}

const WITHOUT_SESSION: InboundPermit = { commit: () => undefined };

/**
 * @param packet as translated: no later fragment
 * @param external the destination as received
 */
export function permitInbound(
  context: Ipv6Context,
  filter6: PlanFilter6,
  packet: Ipv6Packet,
  { uplink, external }: { readonly uplink: PlanUplink; readonly external: bigint },
): InboundPermit | Dropped {
  const { plan, filter, nowUs } = context;
  if (isIcmpError6(packet)) {
    const ends = quotedEnds(packet, 'internal');
    const isKnown = ends !== undefined && filter.on(uplink.slot, ends) !== undefined;
    return isKnown ? WITHOUT_SESSION : dropped('IcmpQuoteUnknown'); // 6092-R10, 6092-R19, 6092-R37
  }
  const flow = filterFlow(packet, 'external');
  if ('kind' in flow) {
    return flow;
  }
  const session = filter.on(uplink.slot, flow);
  if (session !== undefined && isReset(session)) {
    return dropped('UplinkDown'); // MWAN-2
  }
  if (session !== undefined) {
    const commit = () => {
      refreshFilterSession(plan, session, flow, 'external', nowUs);
      return undefined;
    };
    return { commit };
  }
  const isAdmitted = isInvited(filter6, packet, flow) || isAdmittedByFiltering(context, filter6, uplink, flow);
  if (!isAdmitted) {
    return droppedUnsolicited('FilteredInbound', plan.nat44.refuseFiltered ? ERROR6.prohibited : undefined);
  }
  return admit(context, flow, uplink, external);
}

/** Step 5. */
function admit(context: Ipv6Context, flow: FilterFlow, uplink: PlanUplink, external: bigint): InboundPermit | Dropped {
  if (flow.protocol === TCP && !flow.opens) {
    return dropped('TcpWithoutSession');
  }
  if (context.filter.onAnyUplink(context.plan, flow) !== undefined) {
    // The host knows the flow by its two ends only, and nobody may steer it to another uplink.
    return isConnection(flow.protocol) ? dropped('FilteredInbound') : WITHOUT_SESSION;
  }
  const commit = () => {
    if (!hasRoom(context)) {
      return dropped('SessionTableFull');
    }
    openFilterSession(context, flow, uplink, { external, openedFrom: 'external' });
    return undefined;
  };
  return { commit };
}

/** Whether the site lets anybody send this at any time. */
function isInvited(filter6: PlanFilter6, packet: Ipv6Packet, flow: FilterFlow): boolean {
  const isPublished = filter6.published.some((entry) => covers(entry, flow));
  return isPublished || flow.echo === 'request' || (filter6.ipsec && isKeptSecure(packet, flow));
}

function covers({ internalAddress, protocol, portLow, portHigh }: PlanPublished6, { internal, ...flow }: FilterEnds) {
  if (ipv6FromOctets(internalAddress) !== internal.address) {
    return false;
  }
  if (protocol !== undefined && protocol !== protocolNumber(flow.protocol)) {
    return false;
  }
  return portLow === undefined || portHigh === undefined || (internal.port >= portLow && internal.port <= portHigh);
}

/** 6092-R21, 6092-R22, 6092-R24, 6092-R26: what secures itself, or asks for it. */
function isKeptSecure(packet: Ipv6Packet, { protocol, internal }: FilterFlow): boolean {
  const isIke = protocol === UDP && internal.port === IKE_PORT;
  const isHip = protocol === NO_NEXT_HEADER && packet.hasHip;
  return protocol === AH || protocol === ESP || isIke || isHip;
}

/** 6092-R11, 6092-R17, 6092-R33. */
function isAdmittedByFiltering(
  { filter }: Ipv6Context,
  filter6: PlanFilter6,
  { slot }: PlanUplink,
  { protocol, internal, remote, echo }: FilterFlow,
): boolean {
  if (echo === 'reply') {
    return false;
  }
  const sessions = filter.ofEndpoint(slot, protocol, internal);
  switch (filteringOf(filter6, protocol)) {
    case 'endpoint-independent':
      return sessions.length > 0;
    case 'address-dependent':
      return sessions.some((session) => session.remote.address === remote.address);
    case 'address-and-port-dependent':
      return false;
  }
}

function filteringOf(filter6: PlanFilter6, protocol: FilterFlow['protocol']): PlanFiltering {
  switch (protocol) {
    case UDP:
    case UDP_LITE:
      return filter6.filteringUdp;
    case TCP:
      return filter6.filteringTcp;
    default:
      return filter6.filteringOther;
  }
}
