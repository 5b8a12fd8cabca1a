/** Fragments that the IPv6 filter lets through: one by one, as the first of their datagram went ("Filter" in docs/decisions.md). */
import { checkForwarding6, emit6 } from './forwarding.ts';
import { datagramOf6, type FragmentTranslation6 } from './fragment-table.ts';
import type { Crossed6, Ipv6Context, Leg6 } from './ipv6-leg.ts';
import { tickAfter } from './mapping-table.ts';
import { writeU128 } from './octets.ts';
import { type Ipv6Packet, isFirstFragment6 } from './packet.ts';
import { type Dropped, dropped, type Follower, type Outcome } from './verdict.ts';

/** A first fragment is refused where the others could not follow it. */
export function checkRoom6({ plan, fragments, ingress }: Ipv6Context, packet: Ipv6Packet): Dropped | undefined {
  const isLimited = plan.filter6 !== undefined && isFirstFragment6(packet);
  return isLimited && !fragments.hasRoom(datagramOf6(ingress, packet)) ? dropped('FragmentStoreFull') : undefined;
}

/**
 * Sends what has crossed the border. Of a first fragment the filter keeps how it went, or that it was refused.
 * @param received the packet as it came in
 */
export function sendLeg6(context: Ipv6Context, received: Ipv6Packet, leg: Leg6): Outcome {
  const isRecorded = context.plan.filter6 !== undefined && isFirstFragment6(received);
  if (leg.kind === 'dropped') {
    if (isRecorded) {
      refuseOthers(context, received);
    }
    return leg;
  }
  const sent = emit6(leg.packet.octets, leg.device, received.hopLimit);
  return isRecorded ? { ...sent, followers: releaseOthers(context, received, leg) } : sent;
}

/** A fragment without the header of the upper layer. */
export function laterFragment6(context: Ipv6Context, packet: Ipv6Packet): Outcome {
  const { plan, fragments, ingress, nowUs } = context;
  const datagram = datagramOf6(ingress, packet);
  const fate = fragments.fateOf(datagram);
  if (fate === 'refused') {
    return dropped('FragmentRefused');
  }
  if (fate !== undefined) {
    return checkForwarding6(plan, packet, fate.device) ?? emit6(following(packet, fate), fate.device, packet.hopLimit);
  }
  const stored = fragments.store(datagram, packet, tickAfter(nowUs, plan.nat44.fragmentMs));
  return stored ? { kind: 'queued' } : dropped('FragmentStoreFull');
}

function refuseOthers({ plan, fragments, ingress, nowUs }: Ipv6Context, received: Ipv6Packet): void {
  const datagram = datagramOf6(ingress, received);
  fragments.takeStored(datagram);
  if (fragments.hasRoom(datagram)) {
    fragments.record(datagram, 'refused', tickAfter(nowUs, plan.nat44.fragmentMs));
  }
}

function releaseOthers(context: Ipv6Context, received: Ipv6Packet, { packet, device }: Crossed6): Follower[] {
  const { plan, fragments, ingress, nowUs } = context;
  const translation = { source: packet.source, destination: packet.destination, device };
  const datagram = datagramOf6(ingress, received);
  fragments.record(datagram, translation, tickAfter(nowUs, plan.nat44.fragmentMs));
  return fragments
    .takeStored(datagram)
    .filter((stored) => checkForwarding6(plan, stored, device) === undefined)
    .flatMap((stored) => emit6(following(stored, translation), device, stored.hopLimit).pieces)
    .map((octets) => ({ octets, kind: 'ReleasedFragment' }));
}

/** A fragment with the addresses of the first one of its datagram. */
function following(packet: Ipv6Packet, { source, destination }: FragmentTranslation6): Uint8Array {
  const octets = packet.octets.slice();
  writeU128(octets, 8, source);
  writeU128(octets, 24, destination);
  return octets;
}
