/** The way of an IPv6 packet through the gateway ("IPv6" in docs/decisions.md). */
import type { Plan, PlanDevice, PlanUplink } from '../plan/plan.ts';
import { checkRoom6, laterFragment6, sendLeg6 } from './filter-fragments.ts';
import { openingOf6 } from './filter-held.ts';
import { permitInbound } from './filter-inbound.ts';
import { type OutboundPermit, permitOutbound } from './filter-outbound.ts';
import { checkForwarding6, checkHopLimit6, checkMtu6, forward6 } from './forwarding.ts';
import { hostRole6 } from './host-role.ts';
import { type Ipv6Context, type Leg6, ownedBy6 } from './ipv6-leg.ts';
import { checkTransit6, classify6 } from './martians.ts';
import { withClampedMss6 } from './mss.ts';
import { noUplink6 } from './no-uplink.ts';
import { translateInbound, translateOutbound } from './nptv6-packet.ts';
import { type Ipv6Packet, isLaterFragment6 } from './packet.ts';
import { parseIpv6 } from './packet-ipv6.ts';
import { newFlowUplink } from './policies.ts';
import {
  belongsToSite6,
  coveredByAnyInternalPrefix,
  externalPrefixOwner,
  isBarredAtBorder,
  pairByInternal,
  pairOfDestination,
} from './prefix-pairs.ts';
import { internalRoute6, onLink6, ownedInternally6, owns6 } from './steering.ts';
import { traffic6 } from './traffic.ts';
import { type Dropped, dropped, ERROR6, type Outcome } from './verdict.ts';

/** A packet from the site. */
export function fromInternal6(context: Ipv6Context, packet: Ipv6Packet, ingress: PlanDevice): Outcome {
  const { plan } = context;
  const addresses = classify6(plan, packet, ingress);
  if (typeof addresses !== 'string') {
    return addresses;
  }
  if (addresses === 'host-role' || ownedInternally6(plan, packet.destination)) {
    return hostRole6(packet);
  }
  const barred = checkTransit6(plan, packet) ?? checkSource(plan, packet);
  if (barred !== undefined) {
    return barred;
  }
  const internalDevice = internalRoute6(plan, packet.destination);
  if (internalDevice !== undefined) {
    return forward6(plan, packet, internalDevice);
  }
  const target = externalPrefixOwner(plan, packet.destination);
  if (target !== undefined) {
    return hairpin(ownedBy6(context, packet.source), packet, target);
  }
  return isBarredAtBorder(plan, packet.destination)
    ? dropped('NoRoute', ERROR6.noRoute) // 4193-4.3, 6092-R7
    : outbound(ownedBy6(context, packet.source), packet);
}

/** A packet from an uplink. */
export function fromUplink6(
  context: Ipv6Context,
  packet: Ipv6Packet,
  ingress: PlanDevice,
  uplink: PlanUplink,
): Outcome {
  const { plan } = context;
  const addresses = classify6(plan, packet, ingress);
  if (typeof addresses !== 'string') {
    return addresses;
  }
  if (addresses === 'host-role' || owns6(ingress, packet.destination)) {
    return hostRole6(packet);
  }
  const barred = checkTransit6(plan, packet);
  if (barred !== undefined) {
    return barred;
  }
  const pair = pairOfDestination(plan, uplink, packet.destination); // MWAN-8
  if (pair === undefined) {
    // 4443-DU3: nobody else is on the link who could take it.
    const isPointToPoint = uplink.ipv6 !== undefined && uplink.ipv6.gateway === undefined;
    const isAcross = isPointToPoint && onLink6(ingress, packet.destination);
    return dropped('NotForThisUplink', isAcross ? ERROR6.addressUnreachable : undefined);
  }
  const wrongSource = onLink6(ingress, packet.source) ? undefined : checkRemote(plan, packet.source);
  if (wrongSource !== undefined) {
    return wrongSource;
  }
  const late = checkHopLimit6(packet);
  if (late !== undefined) {
    return late;
  }
  const translated = translateInbound(pair, plan.nptv6, packet);
  if ('kind' in translated) {
    return translated;
  }
  const arrived = reread(translated);
  return inbound(ownedBy6(context, arrived.destination), packet, arrived, uplink);
}

/** What nobody beyond the link of an uplink may be. */
function checkRemote(plan: Plan, source: bigint): Dropped | undefined {
  if (belongsToSite6(plan, source)) {
    return dropped('SpoofedSource'); // 6092-R6
  }
  return isBarredAtBorder(plan, source) ? dropped('MartianSource') : undefined; // 6092-R7
}

/** 6092-R5, 6296-ROUT2: only sources in use inside may leave. */
function checkSource(plan: Plan, packet: Ipv6Packet): Dropped | undefined {
  const isInternal =
    internalRoute6(plan, packet.source) !== undefined || coveredByAnyInternalPrefix(plan, packet.source);
  return isInternal ? undefined : dropped('SourceNotInternal', ERROR6.sourceFailedPolicy);
}

function outbound(context: Ipv6Context, packet: Ipv6Packet): Outcome {
  if (isLeftToRecord(context, packet)) {
    return laterFragment6(context, packet);
  }
  const leg = checkRoom6(context, packet) ?? outboundLeg(context, packet);
  return sendLeg6(context, packet, leg);
}

/** Steps 6 and 7. */
function outboundLeg(context: Ipv6Context, packet: Ipv6Packet): Leg6 {
  const permit = permit6(context, packet, undefined);
  if ('kind' in permit) {
    return permit;
  }
  const { device } = permit.uplink;
  const check = () => checkForwarding6(context.plan, packet, device);
  const translated = sourceLeg(context, packet, permit, check);
  return 'kind' in translated
    ? translated
    : { kind: 'crossed', packet: withClampedMss6(translated, permit.uplink), device };
}

/** The uplink of a packet; without a filter nobody has to be asked. */
function permit6(context: Ipv6Context, packet: Ipv6Packet, target: PlanUplink | undefined): OutboundPermit | Dropped {
  const { plan } = context;
  if (plan.filter6 !== undefined) {
    return permitOutbound(context, packet, target);
  }
  const uplink = target ?? newFlowUplink(context, traffic6(packet));
  return uplink === undefined ? noUplink6(packet) : { uplink, commit: () => undefined };
}

/** The packet with its source translated, and what its session needs done. */
function sourceLeg(
  { plan }: Ipv6Context,
  packet: Ipv6Packet,
  { uplink, commit }: OutboundPermit,
  check: () => Dropped | undefined,
): Ipv6Packet | Dropped {
  const pair = pairByInternal(uplink, packet.source);
  if (pair === undefined) {
    return dropped('SourceNotInternal', ERROR6.sourceFailedPolicy);
  }
  const refused = check();
  if (refused !== undefined) {
    return refused;
  }
  const octets = translateOutbound(pair, plan.nptv6, packet);
  if ('kind' in octets) {
    return octets;
  }
  const translated = reread(octets);
  return commit(translated.source) ?? translated;
}

/** A packet whose destination has become internal. */
function inbound(context: Ipv6Context, packet: Ipv6Packet, translated: Ipv6Packet, uplink: PlanUplink): Outcome {
  if (isLeftToRecord(context, packet)) {
    return laterFragment6(context, packet);
  }
  const leg = checkRoom6(context, packet) ?? destinationLeg(context, packet, translated, uplink);
  const kept = held(context, packet, uplink, leg);
  return sendLeg6(
    context,
    packet,
    kept.kind === 'crossed' ? { ...kept, packet: withClampedMss6(kept.packet, uplink) } : kept,
  );
}

/** A packet that is held is refused in silence for now (6092-R34). */
function held({ plan, held, nowUs }: Ipv6Context, packet: Ipv6Packet, uplink: PlanUplink, leg: Leg6): Leg6 {
  if (leg.kind !== 'dropped' || leg.unsolicited !== true) {
    return leg;
  }
  const opening = openingOf6(packet);
  return opening !== undefined && held.hold(plan, uplink, opening, nowUs) ? dropped(leg.reason) : leg;
}

/** Both translations of the uplink whose prefix was targeted (6296-4.3a, 6296-4.3b, MWAN-5). */
function hairpin(context: Ipv6Context, packet: Ipv6Packet, target: PlanUplink): Outcome {
  const late = checkHopLimit6(packet);
  if (late !== undefined) {
    return late;
  }
  if (isLeftToRecord(context, packet)) {
    return laterFragment6(context, packet);
  }
  const leg = checkRoom6(context, packet) ?? hairpinLeg(context, packet, target);
  return sendLeg6(context, packet, leg);
}

function hairpinLeg(context: Ipv6Context, packet: Ipv6Packet, target: PlanUplink): Leg6 {
  const { plan } = context;
  const permit = permit6(context, packet, target);
  const outward = 'kind' in permit ? permit : sourceLeg(context, packet, permit, () => undefined);
  if ('kind' in outward) {
    return outward;
  }
  const pair = pairOfDestination(plan, target, packet.destination);
  const turned = pair === undefined ? dropped('NoRoute') : translateInbound(pair, plan.nptv6, outward);
  // A failing second translation is the business of the destination, not of the sender.
  if ('kind' in turned) {
    return dropped(turned.reason);
  }
  const arrived = reread(turned);
  return destinationLeg(ownedBy6(context, arrived.destination), packet, arrived, target);
}

/** The filter, then the way to where the new destination is. */
function destinationLeg(context: Ipv6Context, packet: Ipv6Packet, translated: Ipv6Packet, uplink: PlanUplink): Leg6 {
  const { plan } = context;
  const { filter6 } = plan;
  const permit = filter6 && permitInbound(context, filter6, translated, { uplink, external: packet.destination });
  if (permit !== undefined && 'kind' in permit) {
    return permit;
  }
  const device = internalRoute6(plan, translated.destination);
  if (device === undefined) {
    return dropped('NoRoute', ERROR6.noRoute);
  }
  const refused = checkMtu6(plan, packet, device) ?? permit?.commit();
  return refused ?? { kind: 'crossed', packet: translated, device };
}

/** Whether the filter lets it go as the first fragment of its datagram went. */
function isLeftToRecord({ plan }: Ipv6Context, packet: Ipv6Packet): boolean {
  return plan.filter6 !== undefined && isLaterFragment6(packet);
}

function reread(octets: Uint8Array): Ipv6Packet {
  const packet = parseIpv6(octets);
  if (!('family' in packet)) {
    throw new Error(`a translated packet no longer parses: ${packet.reason}`);
  }
  return packet;
}
