/**
 * NAT44 in the order of RFC 4787: mapping, filtering, rewriting ("NAT44" in docs/decisions.md).
 *
 * Outbound and inbound packets make one leg, hairpinned ones both.
 */
import type { PlanUplink } from '../plan/plan.ts';
import { gatewaySourcedSession } from './apparent-endpoint.ts';
import { checkForwarding4, checkHopLimit4, checkMtu4 } from './forwarding.ts';
import { checkRoom, isLaterFragment, isRecorded, laterFragment, sendLeg } from './fragments.ts';
import { openingOf4 } from './held-packets.ts';
import type { Session } from './mapping-table.ts';
import { withClampedMss } from './mss.ts';
import { inboundLeg } from './nat44-inbound.ts';
import type { Leg, Nat44Context } from './nat44-leg.ts';
import { outboundLeg } from './nat44-outbound.ts';
import { type Ipv4Packet, portsOf } from './packet.ts';
import { newFlowUplink } from './policies.ts';
import { hasExternalAddress } from './static-mappings.ts';
import { routedUplink, uplinkAt, uplinkOfDevice } from './steering.ts';
import { traffic4 } from './traffic.ts';
import { dropped, type Outcome } from './verdict.ts';

/**
 * A packet from the site to an uplink.
 * @param gatewaySourced the session of a packet that was sent to the gateway
 */
export function outbound(context: Nat44Context, packet: Ipv4Packet, gatewaySourced?: Session): Outcome {
  if (isLaterFragment(packet)) {
    return laterFragment(context, packet, routedUplink(newFlowUplink(context, traffic4(packet))));
  }
  const leg = outboundLeg(context, packet, { gatewaySourced });
  const uplink = leg.kind === 'crossed' ? uplinkOfDevice(context.plan, leg.device) : undefined;
  return sendLeg(context, packet, renumbered(packet, clamped(leg, uplink)));
}

/** A packet from an uplink to an external address of its own. */
export function inbound(context: Nat44Context, packet: Ipv4Packet, uplink: PlanUplink): Outcome {
  if (isLaterFragment(packet)) {
    return laterFragment(context, packet, undefined);
  }
  const leg = checkRoom(context, packet) ?? inboundLeg(context, packet, uplink, checkForwarding4);
  const kept = clamped(held(context, packet, uplink, leg), uplink);
  return sendLeg(context, packet, renumbered(packet, kept));
}

/** A packet that is held is refused in silence for now (5382-R4). */
function held({ plan, workers, nowUs }: Nat44Context, packet: Ipv4Packet, uplink: PlanUplink, leg: Leg): Leg {
  if (leg.kind !== 'dropped' || leg.unsolicited !== true) {
    return leg;
  }
  const opening = openingOf4(packet);
  const ports = portsOf(packet.transport);
  if (opening === undefined || ports === undefined) {
    return leg;
  }
  const external = { address: packet.destination, port: ports.destinationPort };
  const remote = { address: packet.source, port: ports.sourcePort };
  const owner = workers.ofExternal(plan, { slot: uplink.slot, protocol: packet.protocol, external, remote });
  return owner.held.hold(plan, uplink, opening, nowUs) ? dropped(leg.reason) : leg;
}

/** A packet from the site to an external address of an uplink: both legs of that uplink (4787-R9, MWAN-5). */
export function hairpin(
  context: Nat44Context,
  packet: Ipv4Packet,
  uplink: PlanUplink,
  gatewaySourced?: Session,
): Outcome {
  const late = checkHopLimit4(packet);
  if (late !== undefined) {
    return late;
  }
  if (isLaterFragment(packet)) {
    return laterFragment(context, packet, undefined);
  }
  const first = outboundLeg(context, packet, { target: uplink, gatewaySourced });
  const leg = first.kind === 'dropped' ? first : inboundLeg(context, first.packet, uplink, checkMtu4);
  const both: Leg = leg.kind === 'dropped' ? leg : { ...leg, isSourceNew: true };
  return sendLeg(context, packet, renumbered(packet, both));
}

/**
 * A packet that the site sent to the gateway, where a gateway-sourced session or the record of a datagram knows better;
 * undefined for all others. Its destination becomes the real remote endpoint.
 */
export function towardsApparent(context: Nat44Context, packet: Ipv4Packet): Outcome | undefined {
  if (isLaterFragment(packet)) {
    return isRecorded(context, packet) ? laterFragment(context, packet, undefined) : undefined;
  }
  const session = gatewaySourcedSession(context, packet);
  if (session === undefined) {
    return undefined;
  }
  const uplink = uplinkAt(context.plan, session.mapping.slot);
  return uplink !== undefined && hasExternalAddress(context.plan, uplink, session.remote.address)
    ? hairpin(context, packet, uplink, session)
    : outbound(context, packet, session);
}

/** Only what leaves takes an identification. */
function renumbered(received: Ipv4Packet, leg: Leg): Leg {
  return leg.kind === 'crossed' && leg.isSourceNew
    ? { ...leg, packet: leg.identifications.renumbered(leg.packet, received.destination) }
    : leg;
}

function clamped(leg: Leg, uplink: PlanUplink | undefined): Leg {
  return leg.kind === 'crossed' && leg.translated ? { ...leg, packet: withClampedMss(leg.packet, uplink) } : leg;
}
