/** The steps of "Fragments" in docs/decisions.md: fragments are translated one by one, nothing is put together (8900-1). */
import type { PlanUplink } from '../plan/plan.ts';
import { checkForwarding4, emit4, forward4 } from './forwarding.ts';
import { datagramOf, type FragmentTranslation } from './fragment-table.ts';
import { tickAfter } from './mapping-table.ts';
import type { Crossed, Leg, Nat44Context } from './nat44-leg.ts';
import type { Ipv4Packet } from './packet.ts';
import { DESTINATION, replaceAddress, reread, SOURCE, withIdentification, withTtlLess } from './rewrite.ts';
import { type Dropped, dropped, type Follower, type Outcome } from './verdict.ts';

/** The fragment that has the transport header. */
export function isFirstFragment(packet: Ipv4Packet): boolean {
  return packet.moreFragments && packet.fragmentOffset === 0;
}

export function isLaterFragment(packet: Ipv4Packet): boolean {
  return packet.fragmentOffset > 0;
}

/** Whether it is known what becomes of the fragments of a datagram. */
export function isRecorded({ fragments, ingress }: Nat44Context, packet: Ipv4Packet): boolean {
  return fragments.fateOf(datagramOf(ingress, packet)) !== undefined;
}

/** Step 1: a first fragment is refused where the others could not follow it. */
export function checkRoom(context: Nat44Context, packet: Ipv4Packet): Dropped | undefined {
  const fits = !isFirstFragment(packet) || context.fragments.hasRoom(datagramOf(context.ingress, packet));
  return fits ? undefined : dropped('FragmentStoreFull'); // 4787-R14a
}

/**
 * Sends what has crossed NAT44. Of a first fragment it keeps how it was translated, or that it was refused.
 * @param received the packet as it came in
 */
export function sendLeg(context: Nat44Context, received: Ipv4Packet, leg: Leg): Outcome {
  if (leg.kind === 'dropped') {
    refuseOthers(context, received);
    return leg;
  }
  const sent = emit4(context.plan, withTtlLess(leg.packet), leg.device);
  const translated = isFirstFragment(received) && leg.translated;
  return translated ? { ...sent, followers: releaseOthers(context, received, leg) } : sent;
}

/** Steps 2 and 3. */
export function laterFragment(context: Nat44Context, packet: Ipv4Packet, routed: PlanUplink | undefined): Outcome {
  const { plan, fragments, ingress, nowUs } = context;
  const datagram = datagramOf(ingress, packet);
  const fate = fragments.fateOf(datagram);
  if (fate === 'refused') {
    return dropped('FragmentRefused');
  }
  if (fate !== undefined) {
    return checkForwarding4(plan, packet, fate.device) ?? emit4(plan, following(packet, fate), fate.device);
  }
  if (routed !== undefined) {
    return forward4(plan, packet, routed.device);
  }
  const stored = fragments.store(datagram, packet, tickAfter(nowUs, plan.nat44.fragmentMs)); // 6146-F1, 4787-R14
  return stored ? { kind: 'queued' } : dropped('FragmentStoreFull');
}

function refuseOthers({ plan, fragments, ingress, nowUs }: Nat44Context, received: Ipv4Packet): void {
  if (!isFirstFragment(received)) {
    return;
  }
  const datagram = datagramOf(ingress, received);
  fragments.takeStored(datagram);
  if (fragments.hasRoom(datagram)) {
    fragments.record(datagram, 'refused', tickAfter(nowUs, plan.nat44.fragmentMs));
  }
}

function releaseOthers(context: Nat44Context, received: Ipv4Packet, { packet, device }: Crossed): Follower[] {
  const { plan, fragments, ingress, nowUs } = context;
  const { source, destination, identification } = packet;
  const translation = { source, destination, identification, device };
  const datagram = datagramOf(ingress, received);
  fragments.record(datagram, translation, tickAfter(nowUs, plan.nat44.fragmentMs));
  return fragments.takeStored(datagram).flatMap((stored) => release(context, stored, translation));
}

function release({ plan }: Nat44Context, stored: Ipv4Packet, translation: FragmentTranslation): Follower[] {
  if (checkForwarding4(plan, stored, translation.device) !== undefined) {
    return [];
  }
  const { pieces } = emit4(plan, following(stored, translation), translation.device);
  const kind = pieces.length === 1 ? 'ReleasedFragment' : 'Fragment';
  return pieces.map((octets) => ({ octets, kind }));
}

/** A fragment translated like the first one of its datagram, one hop later. */
function following(packet: Ipv4Packet, translation: FragmentTranslation): Ipv4Packet {
  const fromSource = replaceAddress(packet.octets, SOURCE, translation.source);
  const translated = reread(replaceAddress(fromSource, DESTINATION, translation.destination));
  return withTtlLess(withIdentification(translated, translation.identification));
}
