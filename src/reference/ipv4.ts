/** The way of an IPv4 packet through the gateway ("IPv4 from …" in docs/decisions.md). */
import type { PlanDevice, PlanUplink } from '../plan/plan.ts';
import { isFromExempt, toExempt } from './exempt.ts';
import { forward4 } from './forwarding.ts';
import { hostRole4 } from './host-role.ts';
import { isReserved } from './mapping-choice.ts';
import { classify4 } from './martians.ts';
import { hairpin, inbound, outbound, towardsApparent } from './nat44.ts';
import type { Nat44Context } from './nat44-leg.ts';
import { type Ipv4Packet, isEchoRequest, portsOf } from './packet.ts';
import { externalOwner, hasExternalAddress, isWhollyPublished } from './static-mappings.ts';
import { internalRoute4, onLink4, ownedInternally4, owns4 } from './steering.ts';
import { dropped, type Outcome } from './verdict.ts';

/** A packet from the site. */
export function fromInternal4(context: Nat44Context, packet: Ipv4Packet, ingress: PlanDevice): Outcome {
  const { plan } = context;
  const addresses = classify4(plan, packet, ingress);
  if (addresses !== 'unicast') {
    return addresses === 'host-role' ? { kind: 'passed' } : addresses;
  }
  if (ownedInternally4(plan, packet.destination)) {
    return towardsApparent(context, packet) ?? hostRole4(packet);
  }
  if (internalRoute4(plan, packet.source) === undefined) {
    return dropped('SourceNotInternal'); // 2827-1
  }
  const internalDevice = internalRoute4(plan, packet.destination);
  if (internalDevice !== undefined) {
    return forward4(plan, packet, internalDevice); // 4787-R7
  }
  const target = externalOwner(plan, packet.destination);
  if (target === undefined) {
    return toExempt(context, packet) ?? outbound(context, packet);
  }
  const isAnswered = isEchoRequest(packet) && !isWhollyPublished(plan, target.slot, packet.destination);
  return isAnswered ? hostRole4(packet) : hairpin(context, packet, target);
}

/** A packet from an uplink. */
export function fromUplink4(
  context: Nat44Context,
  packet: Ipv4Packet,
  ingress: PlanDevice,
  uplink: PlanUplink,
): Outcome {
  const { plan } = context;
  const addresses = classify4(plan, packet, ingress);
  if (addresses !== 'unicast') {
    return addresses === 'host-role' ? { kind: 'passed' } : addresses;
  }
  const isOwnAddress = owns4(ingress, packet.destination);
  const nat44 = uplink.ipv4?.nat44;
  const isOwned = isOwnAddress || hasExternalAddress(plan, uplink, packet.destination);
  const isRouted = nat44 === false || isFromExempt(plan, packet);
  const routedTo = isRouted ? internalRoute4(plan, packet.destination) : undefined;
  if (!isOwned && routedTo === undefined) {
    return dropped('NotForThisUplink');
  }
  const isInternal = internalRoute4(plan, packet.source) !== undefined && !onLink4(ingress, packet.source);
  if (isInternal || hasExternalAddress(plan, uplink, packet.source)) {
    return dropped('SpoofedSource');
  }
  if (!isOwned && routedTo !== undefined) {
    return forward4(plan, packet, routedTo);
  }
  if (isEchoRequest(packet) && !isWhollyPublished(plan, uplink.slot, packet.destination)) {
    return isOwnAddress ? hostRole4(packet) : dropped('NoMapping');
  }
  const port = portsOf(packet.transport)?.destinationPort;
  const isOurs = isOwnAddress && port !== undefined && isReserved(uplink, packet.protocol, port); // 3022-2.2
  return nat44 === true && !isOurs ? inbound(context, packet, uplink) : hostRole4(packet);
}
