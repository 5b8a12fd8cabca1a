/** The way of an IPv6 packet through the gateway ("IPv6" in docs/decisions.md). */
import type { Plan, PlanDevice, PlanUplink } from '../plan/plan.ts';
import { checkForwarding6, checkHopLimit6, checkMtu6, emit6, forward6 } from './forwarding.ts';
import { hostRole6 } from './host-role.ts';
import { checkTransit6, classify6 } from './martians.ts';
import { translateInbound, translateOutbound } from './nptv6-packet.ts';
import type { Ipv6Packet } from './packet.ts';
import { parseIpv6 } from './packet-ipv6.ts';
import {
  belongsToSite6,
  coveredByAnyInternalPrefix,
  externalPrefixOwner,
  internalRoute6,
  newFlowUplink6,
  onLink6,
  ownedInternally6,
  owns6,
  pairByExternal,
  pairByInternal,
} from './steering.ts';
import { type Dropped, dropped, ERROR6, type Outcome } from './verdict.ts';

/** A packet from the site. */
export function fromInternal6(plan: Plan, packet: Ipv6Packet, ingress: PlanDevice): Outcome {
  const addresses = classify6(packet, ingress);
  if (typeof addresses !== 'string') {
    return addresses;
  }
  if (addresses === 'host-role' || ownedInternally6(plan, packet.destination)) {
    return hostRole6(packet);
  }
  const barred = checkTransit6(packet) ?? checkSource(plan, packet);
  if (barred !== undefined) {
    return barred;
  }
  const internalDevice = internalRoute6(plan, packet.destination);
  if (internalDevice !== undefined) {
    return forward6(plan, packet, internalDevice);
  }
  const target = externalPrefixOwner(plan, packet.destination);
  return target === undefined ? outbound(plan, packet) : hairpin(plan, packet, target);
}

/** A packet from an uplink. */
export function fromUplink6(plan: Plan, packet: Ipv6Packet, ingress: PlanDevice, uplink: PlanUplink): Outcome {
  const addresses = classify6(packet, ingress);
  if (typeof addresses !== 'string') {
    return addresses;
  }
  if (addresses === 'host-role' || owns6(ingress, packet.destination)) {
    return hostRole6(packet);
  }
  const barred = checkTransit6(packet);
  if (barred !== undefined) {
    return barred;
  }
  const pair = pairByExternal(uplink, packet.destination); // MWAN-8
  if (pair === undefined) {
    return dropped('NotForThisUplink');
  }
  if (belongsToSite6(plan, packet.source) && !onLink6(ingress, packet.source)) {
    return dropped('SpoofedSource'); // 6092-R6
  }
  const late = checkHopLimit6(packet);
  return late ?? deliver(plan, packet, translateInbound(pair, plan.nptv6, packet));
}

/** 6092-R5, 6296-ROUT2: only sources in use inside may leave. */
function checkSource(plan: Plan, packet: Ipv6Packet): Dropped | undefined {
  const isInternal =
    internalRoute6(plan, packet.source) !== undefined || coveredByAnyInternalPrefix(plan, packet.source);
  return isInternal ? undefined : dropped('SourceNotInternal', ERROR6.sourceFailedPolicy);
}

function outbound(plan: Plan, packet: Ipv6Packet): Outcome {
  const uplink = newFlowUplink6(plan);
  if (uplink === undefined) {
    return dropped('NoUplink', ERROR6.noRoute); // 8305-2
  }
  const pair = pairByInternal(uplink, packet.source);
  if (pair === undefined) {
    return dropped('SourceNotInternal', ERROR6.sourceFailedPolicy);
  }
  const refused = checkForwarding6(plan, packet, uplink.device);
  if (refused !== undefined) {
    return refused;
  }
  const translated = translateOutbound(pair, plan.nptv6, packet);
  return 'kind' in translated ? translated : emit6(translated, uplink.device, packet.hopLimit);
}

/** Both translations of the uplink whose prefix was targeted (6296-4.3a, 6296-4.3b, MWAN-5). */
function hairpin(plan: Plan, packet: Ipv6Packet, target: PlanUplink): Outcome {
  const late = checkHopLimit6(packet);
  if (late !== undefined) {
    return late;
  }
  const sourcePair = pairByInternal(target, packet.source);
  const destinationPair = pairByExternal(target, packet.destination);
  if (sourcePair === undefined || destinationPair === undefined) {
    return dropped('SourceNotInternal', ERROR6.sourceFailedPolicy);
  }
  const outward = translateOutbound(sourcePair, plan.nptv6, packet);
  if ('kind' in outward) {
    return outward;
  }
  const turned = translateInbound(destinationPair, plan.nptv6, reread(outward));
  // A failing second translation is the business of the destination, not of the sender.
  return deliver(plan, packet, 'kind' in turned ? dropped(turned.reason) : turned);
}

/** Sends a packet that has become internal to where its new destination is. */
function deliver(plan: Plan, packet: Ipv6Packet, translated: Uint8Array | Dropped): Outcome {
  if ('kind' in translated) {
    return translated;
  }
  const device = internalRoute6(plan, reread(translated).destination);
  if (device === undefined) {
    return dropped('NoRoute', ERROR6.noRoute);
  }
  return checkMtu6(plan, packet, device) ?? emit6(translated, device, packet.hopLimit);
}

function reread(octets: Uint8Array): Ipv6Packet {
  const packet = parseIpv6(octets);
  if (!('family' in packet)) {
    throw new Error(`a translated packet no longer parses: ${packet.reason}`);
  }
  return packet;
}
