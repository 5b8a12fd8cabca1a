/** The way of an IPv4 packet through the gateway ("IPv4 from …" in docs/decisions.md). */
import type { Plan, PlanDevice, PlanUplink } from '../plan/plan.ts';
import { forward4 } from './forwarding.ts';
import { hostRole4 } from './host-role.ts';
import { classify4 } from './martians.ts';
import { hairpin, inbound, outbound } from './nat44.ts';
import type { Nat44Context } from './nat44-leg.ts';
import { type Ipv4Packet, isEchoRequest } from './packet.ts';
import { externalOwner, hasExternalAddress } from './static-mappings.ts';
import { internalRoute4, isExempt4, newFlowUplink4, noUplink4, onLink4, ownedInternally4, owns4 } from './steering.ts';
import { dropped, type Outcome } from './verdict.ts';

/** A packet from the site. */
export function fromInternal4(context: Nat44Context, packet: Ipv4Packet, ingress: PlanDevice): Outcome {
  const { plan } = context;
  const addresses = classify4(packet, ingress);
  if (addresses !== 'unicast') {
    return addresses === 'host-role' ? { kind: 'passed' } : addresses;
  }
  if (ownedInternally4(plan, packet.destination)) {
    return hostRole4(packet);
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
    return isExempt4(plan, packet.destination) ? exempt(plan, packet) : outbound(context, packet);
  }
  return isEchoRequest(packet) ? hostRole4(packet) : hairpin(context, packet, target);
}

/** 6888-R6: the site's policy, not ours, has these destinations see internal addresses. */
function exempt(plan: Plan, packet: Ipv4Packet): Outcome {
  const uplink = newFlowUplink4(plan);
  return uplink === undefined ? noUplink4(plan) : forward4(plan, packet, uplink.device);
}

/** A packet from an uplink. */
export function fromUplink4(
  context: Nat44Context,
  packet: Ipv4Packet,
  ingress: PlanDevice,
  uplink: PlanUplink,
): Outcome {
  const { plan } = context;
  const addresses = classify4(packet, ingress);
  if (addresses !== 'unicast') {
    return addresses === 'host-role' ? { kind: 'passed' } : addresses;
  }
  const isOwnAddress = owns4(ingress, packet.destination);
  const nat44 = uplink.ipv4?.nat44;
  const isOwned = isOwnAddress || hasExternalAddress(plan, uplink, packet.destination);
  const isRouted = nat44 === false || isExempt4(plan, packet.source);
  const routedTo = isRouted ? internalRoute4(plan, packet.destination) : undefined;
  if (!isOwned && routedTo === undefined) {
    return dropped('NotForThisUplink');
  }
  if (internalRoute4(plan, packet.source) !== undefined && !onLink4(ingress, packet.source)) {
    return dropped('SpoofedSource');
  }
  if (!isOwned && routedTo !== undefined) {
    return forward4(plan, packet, routedTo);
  }
  if (isEchoRequest(packet)) {
    return isOwnAddress ? hostRole4(packet) : dropped('NoMapping');
  }
  return nat44 === true ? inbound(context, packet, uplink) : hostRole4(packet);
}
